"""Each fault of the simulator does what it says on the wire, and the journal tells the truth about it."""

import asyncio
import ssl
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest
from hyperframe.frame import PingFrame, SettingsFrame, WindowUpdateFrame
from tests.conformance.simulator.simulator_world import World

from clarion.simulator import Action, Manner, Mode, Rule, Simulator, WireSettings, faults

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[{"use_uvloop": False}, {"use_uvloop": True}], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The two event loops differ in how connections end."""
    return "asyncio", request.param


async def test_503_with_retry_after_in_seconds(world: World) -> None:
    world.sim.faults.add(faults.unavailable(30))
    answer = await world.send_to("token-1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert world.sim.journal.counts() == {"503": 1}


async def test_429_with_retry_after_as_a_date(world: World) -> None:
    world.sim.faults.add(faults.too_many(30, date=True))
    answer = await world.send_to("token-1")
    waited = parsedate_to_datetime(answer.headers["retry-after"]).timestamp() - time.time()
    assert answer.status_code == 429
    assert 25 < waited <= 30


async def test_html_and_wrong_types_and_long_bodies(world: World) -> None:
    world.sim.faults.add(Rule(action=faults.html(), times=1))
    world.sim.faults.add(Rule(action=faults.wrong_json(), times=1))
    world.sim.faults.add(Rule(action=faults.oversized(size=100_000), times=1))
    page = await world.send_to("token-1")
    assert (page.status_code, page.text[:9]) == (502, "<!DOCTYPE")
    assert (await world.send_to("token-1")).json() == [{"error": 7}, None]
    assert len((await world.send_to("token-1")).content) > 65536


async def test_a_truncated_body_is_half_of_the_honest_one(world: World) -> None:
    honest = (await world.send_to("token-1")).content
    world.sim.faults.add(Action(truncate=True))
    cut = (await world.send_to("token-1")).content
    assert len(cut) == len(honest) // 2
    assert world.sim.journal.accepted == 2


async def test_a_rule_may_be_for_one_project(world: World) -> None:
    world.sim.faults.add(Rule(action=faults.unavailable(), project="another-project"))
    assert (await world.send_to("token-1")).status_code == 200


async def test_a_rule_may_be_for_the_token_endpoint(world: World) -> None:
    world.sim.faults.add(Rule(action=faults.unavailable(), endpoint="token"))
    assert (await world.assertion()).status_code == 503
    assert (await world.send_to("token-1")).status_code == 200


async def test_rules_must_name_errors_that_exist(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="no error"):
        sim.faults.add(Rule(action=Action(error="NO_SUCH"), provider="fcm"))
    with pytest.raises(ValueError, match="must name its provider"):
        sim.faults.add(Action(error="UNREGISTERED"))
    with pytest.raises(ValueError, match="no error"):
        sim.fcm.on_token("token-1", "NO_SUCH")


async def test_held_answers_wait_for_their_label(world: World) -> None:
    world.sim.fcm.on_token("token-1", Action(hold="gate", error="UNREGISTERED"))
    waiting = asyncio.create_task(world.send_to("token-1"))
    await world.sim.journal.until(lambda: world.sim.journal.counts()["UNREGISTERED"] == 1)
    assert (await world.send_to("token-2")).status_code == 200
    assert not waiting.done()
    assert world.sim.release("gate") == 1
    assert (await waiting).status_code == 404


async def test_slow_answers_are_honest_and_late(world: World) -> None:
    world.sim.faults.add(faults.slow(0.2))
    began = time.perf_counter()
    assert (await world.send_to("token-1")).status_code == 200
    assert time.perf_counter() - began >= 0.2
    assert world.sim.journal.counts() == {"accepted": 1}


async def test_paced_bodies_arrive_whole(world: World) -> None:
    world.sim.faults.add(Action(status=500, body="slow", pace=0.01))
    answer = await world.send_to("token-1")
    assert (answer.status_code, answer.text) == (500, "slow")


async def test_silence_is_never_answered(world: World) -> None:
    world.sim.faults.add(Action(manner=Manner.SILENCE))
    with pytest.raises(httpx.ReadTimeout):
        await world.http.post("/v1/projects/x-project/messages:send", timeout=0.2)
    assert world.sim.journal.counts() == {"silence": 1}


@pytest.mark.parametrize("manner", [Manner.DROP, Manner.DROP_EARLY, Manner.CUT])
async def test_broken_connections_are_seen_as_such(world: World, manner: Manner) -> None:
    world.sim.faults.add(Action(manner=manner))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await world.send_to("token-1")
    assert world.sim.journal.accepted == (1 if manner is Manner.CUT else 0)


async def test_a_dropped_message_may_count_as_accepted(world: World) -> None:
    world.sim.faults.add(Action(manner=Manner.DROP, accepted=True))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await world.send_to("token-1")
    assert world.sim.journal.accepted_per_token() == {"token-1": 1}


def body(token: str) -> dict[str, object]:
    return {"message": {"token": token, "data": {"px.msg_id": f"m-{token}"}}}


async def test_reset_ends_one_stream_with_its_code_and_no_other(world: World) -> None:
    world.sim.faults.add(Rule(action=faults.reset(7), skip=1, times=1))
    peer = await world.connect()
    peer.write(b"".join(peer.request(stream, world.bearer, body(f"t{stream}")) for stream in (1, 3, 5)))
    await peer.until(lambda: peer.ended() >= {1, 5} and peer.resets())
    assert peer.resets() == {3: 7}
    assert world.sim.journal.accepted_per_token() == {"t1": 1, "t5": 1}
    assert world.sim.journal.counts()["reset:7"] == 1


async def test_goaway_answers_lower_streams_afterwards_and_refuses_higher_ones(world: World) -> None:
    world.sim.tune(WireSettings(goaway_every=5, goaway_unanswered=3, goaway_debug='{"reason":"Shutdown"}'))
    peer = await world.connect()
    peer.write(b"".join(peer.request(stream, world.bearer, body(f"t{stream}")) for stream in range(1, 17, 2)))
    await peer.until_closed()
    assert peer.goaways() == [(9, 0, b'{"reason":"Shutdown"}')]
    assert peer.ended() == {1, 3, 5, 7, 9}
    names = [type(frame).__name__ for frame in peer.frames if frame.stream_id in (0, 1, 3, 5, 7, 9)]
    assert names.index("GoAwayFrame") < len(names) - 6
    after = peer.frames[[type(frame).__name__ for frame in peer.frames].index("GoAwayFrame") :]
    assert {frame.stream_id for frame in after} - {0} == {5, 7, 9}
    assert world.sim.journal.accepted_per_token() == {f"t{stream}": 1 for stream in (1, 3, 5, 7, 9)}
    assert world.sim.journal.counts()["refused:goaway"] == 3


async def test_goaway_may_be_announced_first(world: World) -> None:
    world.sim.tune(WireSettings(goaway_every=1, goaway_warning=True, goaway_code=2))
    peer = await world.connect()
    peer.write(peer.request(1, world.bearer, body("t")))
    await peer.until_closed()
    assert [(last, code) for last, code, _ in peer.goaways()] == [(2**31 - 1, 0), (1, 2)]
    assert peer.answers[1].status == 200


async def test_streams_above_the_limit_are_refused_once_the_limit_is_known(world: World) -> None:
    world.sim.tune(WireSettings(max_streams=2))
    world.sim.faults.add(Action(hold="gate"))
    peer = await world.connect()
    peer.write(b"".join(peer.request(stream, world.bearer, body(f"t{stream}")) for stream in (1, 3, 5)))
    await peer.until(peer.resets)
    assert peer.resets() == {5: 7}
    assert world.sim.release("gate") == 2
    await peer.until(lambda: peer.ended() >= {1, 3})
    assert world.sim.journal.max_parallel_streams == 2


async def test_a_lower_limit_is_announced_in_mid_flight_and_binds_after_the_acknowledgement(world: World) -> None:
    world.sim.faults.add(Action(hold="gate"))
    peer = await world.connect()
    peer.write(peer.request(1, world.bearer, body("t1")) + peer.request(3, world.bearer, body("t3")))
    await world.sim.journal.until(lambda: world.sim.journal.counts()["accepted"] == 2)
    world.sim.tune(WireSettings(max_streams=1))
    peer.write(peer.request(5, world.bearer, body("t5")))
    await world.sim.journal.until(lambda: world.sim.journal.counts()["accepted"] == 3)
    await peer.until(lambda: any(frame.settings.get(3) == 1 for frame in peer.of(SettingsFrame)))
    peer.write(SettingsFrame(0, flags=["ACK"]).serialize() + peer.request(7, world.bearer, body("t7")))
    await peer.until(peer.resets)
    assert peer.resets() == {7: 7}


async def test_one_stream_until_the_first_accepted_request(world: World) -> None:
    world.sim.tune(WireSettings(streams_until_accepted=1))
    peer = await world.connect()
    peer.write(peer.request(1, world.bearer, body("unregistered-1")))
    await peer.until(lambda: 1 in peer.ended())
    assert [frame.settings.get(3) for frame in peer.of(SettingsFrame) if frame.settings] == [1]
    peer.write(peer.request(3, world.bearer, body("t3")))
    await peer.until(lambda: 3 in peer.ended())
    assert [frame.settings.get(3) for frame in peer.of(SettingsFrame) if frame.settings] == [1, 100]


async def test_parallel_streams_are_counted_until_their_answers_leave(world: World) -> None:
    peer = await world.connect()
    peer.write(b"".join(peer.request(stream, world.bearer, body("t")) for stream in range(1, 41, 2)))
    await peer.until(lambda: len(peer.ended()) == 20)
    assert world.sim.journal.connections[-1].max_streams == 20


async def test_a_half_open_connection_stays_silent_and_open(world: World) -> None:
    world.sim.tune(WireSettings(silent_after=2))
    peer = await world.connect()
    peer.write(peer.request(1, world.bearer, body("t1")))
    await peer.until(lambda: 1 in peer.ended())
    peer.write(b"".join(peer.request(stream, world.bearer, body("t")) for stream in (3, 5)))
    await world.sim.journal.until(lambda: world.sim.journal.counts()["accepted"] == 2)
    peer.write(PingFrame(0, b"12345678").serialize())
    with pytest.raises(TimeoutError):
        await peer.until(lambda: 5 in peer.ended() or peer.of(PingFrame), seconds=0.3)


@pytest.mark.parametrize("acknowledged", [True, False])
async def test_ping_is_acknowledged_unless_told_otherwise(world: World, *, acknowledged: bool) -> None:
    world.sim.tune(WireSettings(ping_ack=acknowledged))
    peer = await world.connect()
    peer.write(PingFrame(0, b"12345678").serialize() + peer.request(1, world.bearer, body("t")))
    await peer.until(lambda: 1 in peer.ended())
    assert [(frame.opaque_data, frame.flags) for frame in peer.of(PingFrame)] == (
        [(b"12345678", {"ACK"})] if acknowledged else []
    )


async def test_answers_may_come_twice_after_interim_ones(world: World) -> None:
    world.sim.faults.add(Rule(action=Action(interim=3), times=1))
    world.sim.faults.add(Rule(action=Action(manner=Manner.TWICE), times=1))
    peer = await world.connect()
    peer.write(peer.request(1, world.bearer, body("t1")) + peer.request(3, world.bearer, body("t3")))
    await peer.until(lambda: peer.answers.get(3) and peer.answers[3].heads == 2 and peer.ended() >= {1, 3})
    assert (peer.answers[1].heads, peer.answers[1].status) == (4, 200)


async def test_raw_bytes_take_the_place_of_frames(world: World) -> None:
    world.sim.faults.add(Action(manner=Manner.RAW, body="HTTP/1.1 400 Bad Request\r\n\r\n"))
    peer = await world.connect()
    peer.write(peer.request(1, world.bearer, body("t")))
    await peer.until(lambda: len(peer.of(SettingsFrame)) == 2)
    assert (await peer.text(b"\r\n\r\n")).endswith(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_bodies_wait_for_the_clients_windows(world: World) -> None:
    world.sim.faults.add(faults.oversized(size=1000))
    peer = await world.connect({4: 100})
    peer.write(peer.request(1, world.bearer, body("t")))
    await peer.until(lambda: 1 in peer.answers and len(peer.answers[1].body) == 100)
    peer.write(WindowUpdateFrame(1, window_increment=5000).serialize())
    await peer.until(lambda: 1 in peer.ended())
    assert len(peer.answers[1].body) == 1001


async def test_a_refused_port_comes_back_at_the_same_address(world: World) -> None:
    await world.sim.listen(Mode.REFUSE)
    with pytest.raises(httpx.TransportError):
        await world.send_to("token-1")
    with pytest.raises(httpx.ConnectError):
        await world.send_to("token-1")
    await world.sim.listen(Mode.OPEN)
    assert (await world.send_to("token-1")).status_code == 200


async def test_a_blackhole_accepts_and_says_nothing_and_ends_by_itself(world: World) -> None:
    await world.sim.listen(Mode.BLACKHOLE, seconds=0.5)
    context = ssl.create_default_context(cafile=world.sim.ca_file)
    async with httpx.AsyncClient(verify=context, timeout=0.2) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get(world.sim.url)
    async with asyncio.timeout(5):
        await world.sim.wait_open()
    async with httpx.AsyncClient(verify=context) as client:
        assert (await client.get(f"{world.sim.url}/_sim/health")).json() == {"ok": True}


@pytest.mark.parametrize("options", [{"expired_certificate": True}, {"host_names": ("example.org",)}])
async def test_bad_certificates_fail_verification(options: dict[str, object]) -> None:
    async with Simulator(**options) as simulator:
        context = ssl.create_default_context(cafile=simulator.ca_file)
        async with httpx.AsyncClient(verify=context) as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(simulator.url)


async def test_protocol_violations_end_the_connection_with_their_code(world: World) -> None:
    peer = await world.connect()
    peer.write(peer.request(2, world.bearer, body("t")))
    await peer.until_closed()
    assert [(last, code) for last, code, _ in peer.goaways()] == [(0, 1)]
