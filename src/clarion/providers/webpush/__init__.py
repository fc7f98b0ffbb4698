"""Web Push (providers.md §5).

Documents: RFC 8030 (*Generic Event Delivery Using HTTP Push*), RFC 8188 and 8291 (*Message Encryption for Web Push*),
RFC 8292 (*Voluntary Application Server Identification*).
"""
