"""Flow control against a model: never a byte more than the windows allow, and in the end every byte."""

from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.http2.flow import SendFlow
from clarion.providers.http2.frames import DATA, END_STREAM, FrameReader

steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(1, 400)),
        st.tuples(st.just("widen"), st.integers(1, 500)),
        st.tuples(st.just("widen_stream"), st.integers(0, 9), st.integers(1, 300)),
        st.tuples(st.just("initial"), st.integers(0, 300)),
    ),
    max_size=40,
)


class Receiver:
    """The peer's books: what it has granted and what has come."""

    def __init__(self) -> None:
        self.connection = 65535
        self.initial = 65535
        self.streams: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()

    def take(self, wire: bytes) -> None:
        for kind, flags, stream, payload in FrameReader().feed(wire):
            assert kind == DATA
            assert stream not in self.ended
            self.connection -= len(payload)
            self.streams[stream] -= len(payload)
            assert self.connection >= 0
            assert not payload or self.streams[stream] >= 0
            self.bodies[stream] += payload
            if flags & END_STREAM:
                self.ended.add(stream)


@given(steps)
def test_windows_are_kept_and_nothing_is_lost(script: list[tuple[object, ...]]) -> None:
    flow, peer, sent, largest = SendFlow(), Receiver(), {}, 100
    flow.window = peer.connection = 500
    flow.set_initial(150)
    peer.initial = 150

    def resume() -> None:
        while wire := flow.resume(largest):
            peer.take(wire)

    for step in script:
        match step:
            case ("begin", int(size)):
                stream = 2 * len(sent) + 1
                sent[stream] = bytes([len(sent) % 256]) * size
                peer.streams[stream], peer.bodies[stream] = peer.initial, b""
                peer.take(flow.begin(stream, sent[stream], largest))
            case ("widen", int(increment)):
                flow.widen(increment)
                peer.connection += increment
            case ("widen_stream", int(number), int(increment)) if 2 * number + 1 in sent:
                flow.widen_stream(2 * number + 1, increment)
                peer.streams[2 * number + 1] += increment
            case ("initial", int(size)):
                flow.set_initial(size)
                for stream in peer.streams:
                    peer.streams[stream] += size - peer.initial
                peer.initial = size
        resume()

    flow.widen(1_000_000)
    peer.connection += 1_000_000
    for stream in sent:
        if stream not in peer.ended:
            flow.widen_stream(stream, 100_000)
            peer.streams[stream] += 100_000
    resume()
    assert peer.bodies == sent
    assert peer.ended == set(sent)
    assert not flow.waiting
