"""Apple Push Notification service: `POST /3/device/{token}` over HTTP/2 (providers.md §3).

Payloads are payloads.md §3; what the answers mean is a table in `verdicts.py`; provider tokens (`auth.py`) are shared
by all processes through a store that the caller gives.
"""
