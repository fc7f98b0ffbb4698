"""The usual answers, taken without the machinery that the unusual ones need: a plain success with one body, or none.

Nearly every answer is one of them, and this loop reads it at half the cost (docs/adr/0007). Whatever is not exactly as
expected is left where it is, for the connection's own handlers.
"""

from collections.abc import MutableMapping

from clarion.providers.http2.frames import DATA, END_HEADERS, END_STREAM, HEADER_SIZE, HEADERS, read_header
from clarion.providers.http2.headers import PLAIN_200, usual_success
from clarion.providers.transport import Answer, Request


def take_plain(
    data: bytes, streams: MutableMapping[int, Request | Answer], complete: list[Answer], *, largest: int
) -> tuple[int, int]:
    """Move plain answers at the beginning of `data` from `streams` to `complete`.

    To be used only while no header block, body, interim answer or request body is incomplete and the peer's header
    blocks are stateless. Frames have at most `largest` bytes. Returns where the first other or incomplete frame begins,
    and how many bytes of bodies came before it.
    """
    at = received = 0
    size = len(data)
    while size - at >= HEADER_SIZE:
        high, low, kind, flags, stream = read_header(data, at)
        start = at + HEADER_SIZE
        end = start + low
        if high or end > size or low > largest:
            break
        entry = streams.get(stream)
        if kind == DATA and flags == END_STREAM and type(entry) is Answer:
            del streams[stream]
            entry.body = data[start:end]
            complete.append(entry)
            received += low
        elif (
            kind == HEADERS
            and flags & ~END_STREAM == END_HEADERS
            and low
            and isinstance(entry, Request)
            and (status := 200 if data[start] == PLAIN_200 else usual_success(data[start:end]))
        ):
            answer = Answer(entry.tag, status)
            if flags == END_HEADERS:
                streams[stream] = answer
            else:
                del streams[stream]
                complete.append(answer)
        else:
            break
        at = end
    return at, received
