"""Huawei Push Kit, REST API v1 (providers.md §7).

Huawei's pages: *Sending messages (v1)*, *OAuth 2.0 client credentials*, *Push Kit error codes*.
"""
