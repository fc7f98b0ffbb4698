"""From queued requests to bytes: stream ids, header blocks, bodies as far as the windows take them."""

from collections import deque
from collections.abc import MutableMapping

from clarion.providers.http2.flow import SendFlow
from clarion.providers.http2.frames import LARGEST_STREAM, header_frames
from clarion.providers.http2.headers import SHRINK_TABLE, HeadBlock, HeadBlocks
from clarion.providers.http2.peer import PeerSettings
from clarion.providers.transport import Answer, Request


class RequestWriter:
    """Opens the streams of one connection, in order."""

    __slots__ = ("_blocks", "_end", "_flow", "_peer", "next_stream")

    def __init__(self, blocks: HeadBlocks, flow: SendFlow, peer: PeerSettings, *, requests: int) -> None:
        self._blocks = blocks
        self._flow = flow
        self._peer = peer
        self._end = min(2 * requests - 1, LARGEST_STREAM) + 2
        self.next_stream = 1

    @property
    def exhausted(self) -> bool:
        """No stream id is left."""
        return self.next_stream >= self._end

    def opened(self, stream: int) -> bool:
        """The stream is, or was, one of ours."""
        return bool(stream & 1) and stream < self.next_stream

    def write(self, queue: deque[Request], count: int, streams: MutableMapping[int, Request | Answer]) -> bytes:
        """Open streams for up to `count` requests from the head of `queue`, while the connection window is open."""
        out: list[bytes] = []
        flow, stream = self._flow, self.next_stream
        block = self._blocks.of(queue[0].head)
        end = min(stream + 2 * count, self._end)
        while stream < end and queue and flow.window > 0:
            request = streams[stream] = queue.popleft()
            body, path, own = request.body, request.path, request.own
            size = len(body)
            if request.head is not block.head:
                block = self._blocks.of(request.head)
            if not 0 < size <= flow.window or size > flow.initial or stream == 1:
                out.append(self._opening(stream, request, block))
            elif path is None and not own and (shape := block.shape(size)):
                name = stream.to_bytes(4, "big")
                out += (shape[0], name, shape[1], name, body)
                flow.window -= size
            elif layout := block.layout(size, path or block.path, own):
                name = stream.to_bytes(4, "big")
                out.append(layout % (name, path or block.path, *own, name, body))
                flow.window -= size
            else:
                out.append(self._opening(stream, request, block))
            stream += 2
        self.next_stream = stream
        return b"".join(out)

    def _opening(self, stream: int, request: Request, head: HeadBlock) -> bytes:
        """HEADERS and as much of the body as the windows take."""
        largest, body = self._peer.frame_size, request.body
        block = head.block(request.path, request.own, len(body))
        if stream == 1:
            # Whatever table the peer allows: ours is empty (RFC 7541 §4.2).
            block = SHRINK_TABLE + block
        headers = header_frames(stream, block, largest, end_stream=not body)
        return headers + self._flow.begin(stream, body, largest) if body else headers
