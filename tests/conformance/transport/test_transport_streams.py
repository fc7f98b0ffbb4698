"""One stream from request to answer: header blocks, bodies, interim answers, trailers, resets, late answers."""

import struct

import pytest
from hpack import Encoder
from tests.conformance.transport.conftest import Lab
from tests.conformance.transport.gathered_answers import HEAD, requests
from tests.conformance.transport.scripted_peer import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    OK,
    PADDED,
    RST_STREAM,
    WITH_PRIORITY,
    Link,
    answer,
    block,
    frame,
    reset,
)

from clarion.providers.transport import Failure, Head, Request

pytestmark = pytest.mark.anyio


async def one_request(lab: Lab, request: Request | None = None) -> tuple[Link, int]:
    """A greeted connection with one open stream."""
    lab.channel().submit([request] if request else requests(1))
    link = await lab.peer.welcome()
    got = await link.request()
    return link, got.stream


# What we send


async def test_a_request_carries_pseudo_headers_head_and_content_length_in_order(lab: Lab) -> None:
    lab.channel().submit(requests(2))
    link = await lab.peer.welcome()
    first, second = await link.requests(2)
    assert (
        first.fields
        == second.fields
        == [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", f"localhost:{lab.peer.port}"),
            (":path", "/v1/messages:send"),
            ("authorization", "Bearer secret"),
            ("content-type", "application/json"),
            ("content-length", "13"),
        ]
    )
    assert [first.body, second.body] == [b'{"message":0}', b'{"message":1}']
    assert [first.stream, second.stream] == [1, 3]


async def test_path_and_headers_of_one_message_override_and_follow_the_head(lab: Lab) -> None:
    head = Head(HEAD.path, HEAD.headers, own=("apns-id", "apns-expiration"))
    path = b"/3/device/100%b" + b"ab" * 120
    plain = [Request(HEAD, b"{}", n) for n in range(2)]
    lab.channel().submit([*plain, Request(head, b"{}", 2, path=path, own=(b"5f6c", b"9" * 300))])
    link = await lab.peer.welcome()
    *_, got = await link.requests(3)
    assert got.path == path.decode()
    own = [("apns-id", "5f6c"), ("apns-expiration", "9" * 300)]
    assert got.fields[-4:] == [("content-type", "application/json"), *own, ("content-length", "2")]
    assert got.body == b"{}"


async def test_messages_of_one_shape_keep_their_own_path_headers_and_body(lab: Lab) -> None:
    head = Head("/3/device/", (("x-percent", "100%b"),), own=("apns-id",))
    sent = [Request(head, b"{%d}" % n, n, path=b"/3/device/%04d" % n, own=(b"id%d" % n,)) for n in range(5)]
    sent.append(Request(head, b"{}", 5, own=(b"id",)))
    lab.channel().submit(sent)
    link = await lab.peer.welcome()
    got = await link.requests(6)
    assert [one.path for one in got] == [f"/3/device/{n:04d}" for n in range(5)] + ["/3/device/"]
    assert [one.fields[-3:] for one in got[:5]] == [
        [("x-percent", "100%b"), ("apns-id", f"id{n}"), ("content-length", "3")] for n in range(5)
    ]
    assert [one.body for one in got] == [b"{0}", b"{1}", b"{2}", b"{3}", b"{4}", b"{}"]


async def test_a_message_larger_than_a_frame_goes_out_whole_with_headers_of_its_own(lab: Lab) -> None:
    head = Head("/", (), own=("apns-id",))
    bodies = [b"a", b"b" * 20000]
    lab.channel().submit([Request(head, body, n, path=b"/x", own=(b"i",)) for n, body in enumerate(bodies)])
    link = await lab.peer.welcome()
    assert [one.body for one in await link.requests(2)] == bodies


async def test_no_header_enters_the_peers_dynamic_table(lab: Lab) -> None:
    """Literals only (without indexing or never indexed): secrets and tokens stay out of tables (RFC 7541 §7.1)."""
    head = Head(HEAD.path, HEAD.headers, own=("apns-id",))
    lab.channel().submit([Request(head, b"{}", n, path=b"/3/device/abcd", own=(b"x",)) for n in range(3)])
    link = await lab.peer.welcome()
    got = await link.requests(3)
    assert got[0].raw[0] == 0x20, "the first block says that our table is empty"
    assert len(link.decoder.header_table.dynamic_entries) == 0
    assert got[1].raw == got[2].raw
    assert b"\x1f\x08" in got[1].raw, "authorization is a never-indexed literal (static name 23)"
    assert b"\x14\x0e/3/device/abcd" in got[1].raw, ":path is a never-indexed literal (static name 4)"


async def test_a_header_block_larger_than_a_frame_continues(lab: Lab) -> None:
    head = Head("/", tuple((f"x-{n}", "v" * 9000) for n in range(5)))
    lab.channel().submit([Request(head, b"{}", 0)])
    link = await lab.peer.welcome()
    got = await link.request()
    assert got.fields[4:-1] == list(head.headers)
    assert len(got.raw) > 2 * 16384


async def test_a_request_without_body_ends_with_its_headers(lab: Lab) -> None:
    link, stream = await one_request(lab, Request(Head("/health", (), "GET"), b"", 0))
    assert not [each for each in link.others if each.kind == DATA]
    link.send(answer(stream, 204))
    assert (await lab.answers.one()).status == 204


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", " a", "a ", "", "\xe9", "\x7f"])
async def test_header_values_that_break_the_rules_never_become_a_request(value: str) -> None:
    with pytest.raises(ValueError, match="header x-name"):
        Head("/", (("x-name", value),))
    with pytest.raises(ValueError, match="header x-name"):
        Request(Head("/", (), own=("x-name",)), b"", 0, own=(value.encode("latin-1"),))


@pytest.mark.parametrize("path", ["", "v1", "/a b", "/a\r\n", "/\xe9"])
async def test_paths_that_break_the_rules_never_become_a_request(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        Head(path, ())
    with pytest.raises(ValueError, match="path"):
        Request(HEAD, b"", 0, path=path.encode("latin-1"))


@pytest.mark.parametrize("name", ["", "X-Upper", ":path", "a b", "a\n"])
async def test_header_names_that_break_the_rules_never_become_a_request(name: str) -> None:
    with pytest.raises(ValueError, match="header name"):
        Head("/", ((name, "v"),))
    with pytest.raises(ValueError, match="header name"):
        Head("/", (), own=(name,))


async def test_a_request_has_a_value_for_each_header_of_its_own() -> None:
    with pytest.raises(ValueError, match="values for the headers"):
        Request(Head("/", (), own=("apns-id", "topic")), b"", 0, own=(b"x",))


# What we receive


async def test_a_plain_200_is_not_decoded(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(frame(HEADERS, END_HEADERS, stream, OK + b"\xff\xff\xff\xff not hpack"), frame(DATA, 1, stream, b"{}"))
    got = await lab.answers.one()
    assert (got.status, got.headers, got.body) == (200, (), b"{}")


async def test_a_table_size_update_before_a_plain_200_is_allowed(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x20" + OK))
    assert (await lab.answers.one()).status == 200


async def test_other_answers_are_decoded_whole(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(answer(stream, 429, b"slow down", ("retry-after", "30"), ("content-type", "text/plain")))
    got = await lab.answers.one()
    assert (got.status, got.body) == (429, b"slow down")
    assert got.headers == (("retry-after", "30"), ("content-type", "text/plain"))


async def test_headers_before_the_settings_acknowledgement_may_use_the_dynamic_table(lab: Lab) -> None:
    """Until it has acknowledged ours, the peer's table has 4096 bytes (RFC 9113 §6.5.3)."""
    lab.channel().submit(requests(2))
    link = await lab.peer.accept()
    await link.greeting()
    link.send(frame(4, 0, 0))
    first, second = await link.requests(2)
    indexed = b"\x88\x40\x01a\x01b"
    link.send(frame(HEADERS, END_HEADERS | END_STREAM, first.stream, indexed))
    link.send(frame(HEADERS, END_HEADERS | END_STREAM, second.stream, b"\x88\xbe"))
    got = await lab.answers.count(2)
    assert [each.headers for each in got] == [(("a", "b"),)] * 2


@pytest.mark.parametrize("size", [4, 7, 40])
async def test_header_blocks_may_be_continued_at_any_byte(lab: Lab, size: int) -> None:
    link, stream = await one_request(lab)
    whole = block(400, ("apns-id", "1234"), ("x-long", "y" * 60))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    link.send(frame(HEADERS, END_STREAM, stream, pieces[0]))
    link.send(*(frame(CONTINUATION, 0, stream, piece) for piece in pieces[1:]))
    link.send(frame(CONTINUATION, END_HEADERS, stream))
    got = await lab.answers.one()
    assert (got.status, got.headers) == (400, (("apns-id", "1234"), ("x-long", "y" * 60)))


async def test_padding_and_priority_are_stripped(lab: Lab) -> None:
    link, stream = await one_request(lab)
    padded = bytes((4,)) + b"\0\0\0\0\x10" + block(200, ("a", "b")) + b"\0" * 4
    link.send(frame(HEADERS, END_HEADERS | PADDED | WITH_PRIORITY, stream, padded))
    link.send(frame(DATA, PADDED | END_STREAM, stream, b"\x03body\0\0\0"))
    got = await lab.answers.one()
    assert (got.status, got.body) == (200, b"body")


async def test_interim_answers_are_skipped(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(*(frame(HEADERS, END_HEADERS, stream, block(status)) for status in (100, 102, 103)))
    link.send(answer(stream, 201))
    assert (await lab.answers.one()).status == 201


async def test_a_flood_of_interim_answers_costs_only_its_stream(lab: Lab) -> None:
    lab.channel().submit(requests(2))
    link = await lab.peer.welcome()
    first, second = await link.requests(2)
    link.send(*(frame(HEADERS, END_HEADERS, first.stream, block(103)) for _ in range(100)))
    link.send(answer(second.stream))
    await lab.answers.count(2)
    assert lab.answers.statuses() == {200: 1, "ambiguous: malformed answer: too many interim answers": 1}
    assert (await link.expect(RST_STREAM)).stream == first.stream


async def test_trailers_end_an_answer(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(frame(HEADERS, END_HEADERS, stream, OK), frame(DATA, 0, stream, b"one"), frame(DATA, 0, stream, b"two"))
    link.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x00\x01a\x01b"))
    got = await lab.answers.one()
    assert (got.status, got.body) == (200, b"onetwo")


async def test_a_body_of_many_frames_is_joined(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(frame(HEADERS, END_HEADERS, stream, block(503, ("content-type", "text/html"))))
    link.send(*(frame(DATA, 0, stream, b"<p>") for _ in range(1000)), frame(DATA, END_STREAM, stream))
    got = await lab.answers.one()
    assert (got.status, got.body) == (503, b"<p>" * 1000)


@pytest.mark.parametrize("size", [65536, 65537, 10_000_000])
async def test_bodies_are_cut_at_the_limit_without_disturbing_others(lab: Lab, size: int) -> None:
    lab.channel().submit(requests(2))
    link = await lab.peer.welcome()
    first, second = await link.requests(2)
    link.send(frame(HEADERS, END_HEADERS, first.stream, block(500)))
    piece = b"x" * 16384
    link.send(*(frame(DATA, 0, first.stream, piece[: size - at]) for at in range(0, size, 16384)))
    link.send(frame(DATA, END_STREAM, first.stream), answer(second.stream))
    await lab.answers.count(2)
    assert lab.answers.by_tag[0].status == 500
    assert lab.answers.by_tag[0].body == b"x" * 65536
    assert lab.answers.by_tag[1].status == 200
    if size > 65536:
        assert (await link.expect(RST_STREAM)).stream == first.stream


async def test_an_answer_before_the_end_of_the_request_stops_the_body(lab: Lab) -> None:
    lab.channel().submit([Request(HEAD, b"x" * 100_000, 0)])
    link = await lab.peer.welcome()
    stream = (await link.expect(HEADERS)).stream
    await link.expect(DATA)
    link.send(answer(stream, 413))
    assert (await lab.answers.one()).status == 413
    assert struct.unpack(">I", (await link.expect(RST_STREAM, stream=stream)).payload) == (8,)


# Answers that are no answers


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(lambda s: frame(HEADERS, 5, s, b"\x00\x01a\x01b"), id="no-status"),
        pytest.param(lambda s: frame(HEADERS, 5, s, b"\x08\x03abc"), id="status-is-no-number"),
        pytest.param(lambda s: frame(HEADERS, 5, s, b"\x08\x04\x32\x30\x30\x30"), id="status-of-four-digits"),
        pytest.param(lambda s: frame(HEADERS, 5, s, b"\x8d\x8d"), id="two-statuses"),
        pytest.param(lambda s: frame(HEADERS, 5, s, b"\x84"), id="request-pseudo-header"),
        pytest.param(lambda s: frame(HEADERS, 5, s, block(103)), id="interim-answer-ends-the-stream"),
        pytest.param(lambda s: frame(DATA, 1, s, b"body"), id="body-without-headers"),
        pytest.param(lambda s: frame(HEADERS, 4, s, OK) + frame(HEADERS, 5, s, OK), id="two-answers"),
        pytest.param(lambda s: frame(HEADERS, 4, s, OK) + frame(HEADERS, 4, s, b"\x00\x01a\x01b"), id="open-trailers"),
        pytest.param(lambda s: b"".join(_headers_of(s, 40_000)), id="more-headers-than-allowed"),
    ],
)
async def test_a_malformed_answer_costs_only_its_stream(lab: Lab, wire) -> None:  # type: ignore[no-untyped-def]
    lab.channel().submit(requests(2))
    link = await lab.peer.welcome()
    first, second = await link.requests(2)
    link.send(wire(first.stream), answer(second.stream))
    await lab.answers.count(2)
    assert lab.answers.by_tag[0].failure is Failure.AMBIGUOUS
    assert lab.answers.by_tag[0].detail.startswith("malformed answer")
    assert lab.answers.by_tag[1].status == 200
    assert (await link.expect(RST_STREAM)).stream == first.stream


def _headers_of(stream: int, size: int) -> list[bytes]:
    whole = block(400, *((f"x-{n}", "~" * 1000) for n in range(size // 1000)))
    pieces = [whole[at : at + 16000] for at in range(0, len(whole), 16000)]
    return [
        frame(HEADERS if not n else CONTINUATION, (1 if not n else 0) | (4 if n == len(pieces) - 1 else 0), stream, p)
        for n, p in enumerate(pieces)
    ]


@pytest.mark.parametrize(("code", "name"), [(0, "NO_ERROR"), (2, "INTERNAL_ERROR"), (8, "CANCEL"), (99, "0x63")])
async def test_a_reset_stream_is_ambiguous(lab: Lab, code: int, name: str) -> None:
    link, stream = await one_request(lab)
    link.send(reset(stream, code))
    got = await lab.answers.one()
    assert (got.failure, got.detail) == (Failure.AMBIGUOUS, f"reset: {name}")


async def test_a_reset_in_the_middle_of_an_answer_is_ambiguous(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(frame(HEADERS, END_HEADERS, stream, OK), frame(DATA, 0, stream, b"half"), reset(stream, 7))
    assert (await lab.answers.one()).failure is Failure.AMBIGUOUS


async def test_a_reset_after_a_complete_answer_changes_nothing(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(answer(stream), reset(stream, 0))
    await link.ping()
    assert lab.answers.statuses() == {200: 1}


async def test_a_refused_stream_is_sent_again(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(reset(stream, 7))
    again = await link.request()
    assert again.stream > stream
    link.send(answer(again.stream))
    assert (await lab.answers.one()).status == 200
    assert lab.transport.counters.resends == 1


async def test_a_stream_refused_too_often_comes_back_unsent(lab: Lab) -> None:
    lab.channel(resend_limit=3).submit(requests(1))
    link = await lab.peer.welcome()
    for _ in range(4):
        link.send(reset((await link.request()).stream, 7))
    got = await lab.answers.one()
    assert (got.failure, got.detail) == (Failure.UNSENT, "reset: REFUSED_STREAM")


async def test_a_second_answer_is_ignored_and_counted(lab: Lab) -> None:
    link, stream = await one_request(lab)
    link.send(answer(stream), answer(stream, 410, b"{}"))
    await link.ping()
    assert lab.answers.statuses() == {200: 1}
    assert lab.transport.counters.late_answers == 1


async def test_an_answer_after_our_deadline_is_ignored_and_counted(lab: Lab) -> None:
    channel = lab.channel(request_timeout=0.1)
    channel.submit(requests(1))
    link = await lab.peer.welcome()
    stream = (await link.request()).stream
    got = await lab.answers.one()
    assert (got.failure, got.detail) == (Failure.AMBIGUOUS, "deadline")
    assert struct.unpack(">I", (await link.expect(RST_STREAM, stream=stream)).payload) == (8,)
    link.send(answer(stream, 200, b"late"))
    await link.ping()
    assert channel.counters.late_answers == 1
    assert channel.pending == 0


async def test_a_body_that_drips_in_does_not_outlive_the_deadline(lab: Lab) -> None:
    lab.channel(request_timeout=0.2).submit(requests(1))
    link = await lab.peer.welcome()
    stream = (await link.request()).stream
    link.send(frame(HEADERS, END_HEADERS, stream, OK))
    while not lab.answers.all:
        link.send(frame(DATA, 0, stream, b"."))
        await link.ping()
    assert (await lab.answers.one()).detail == "deadline"


async def test_deadlines_fall_one_by_one(lab: Lab) -> None:
    channel = lab.channel(request_timeout=0.3)
    channel.submit(requests(1))
    link = await lab.peer.welcome()
    await link.request()
    await lab.answers.count(1)
    channel.submit(requests(2, first=1))
    got = await link.requests(2)
    link.send(answer(got[1].stream))
    await lab.answers.count(3)
    assert lab.answers.statuses() == {200: 1, "ambiguous: deadline": 2}


@pytest.mark.parametrize("huffman", [True, False], ids=["huffman", "plain"])
@pytest.mark.parametrize("status", [200, 201, 202, 204, 203, 206, 301, 410])
async def test_a_status_is_read_however_it_is_spelled(lab: Lab, status: int, *, huffman: bool) -> None:
    """Of usual successes nothing else need be decoded; of everything else the headers come along."""
    encoder = Encoder()
    encoder.header_table_size = 0
    fields = [(":status", str(status)), ("retry-after", "7")]
    link, stream = await one_request(lab)
    link.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, encoder.encode(fields, huffman=huffman)))
    got = await lab.answers.one()
    assert got.status == status
    assert got.headers == (() if status in {200, 201, 202, 204} else (("retry-after", "7"),))
