"""The HTTP/2 engine: many small, nearly equal requests over few connections (docs/adr/0003-own-http2-engine.md).

Owns everything between a batch of requests and the socket; what an answer means is the provider's business.
"""

from clarion.providers.http2.channel import Counters, Http2Channel
from clarion.providers.http2.transport import Http2Transport

__all__ = ["Counters", "Http2Channel", "Http2Transport"]
