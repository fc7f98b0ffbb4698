"""The simulator as a process of its own: steered over the wire, killed, started again; and its fast mode."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.conformance.simulator.simulator_world import GRANT, PROJECT, Peer, World, sign

from clarion.simulator import Simulator, SimulatorAddress, read_journal

pytestmark = pytest.mark.anyio

SERVE = """
import sys, pathlib, msgspec, uvloop
from clarion.simulator import serve

def ready(address):
    print(msgspec.json.encode(address).decode(), flush=True)

uvloop.run(serve(int(sys.argv[1]), fast=False, directory=pathlib.Path(sys.argv[2]), ready=ready))
"""


@asynccontextmanager
async def process(port: int, directory: Path) -> AsyncIterator[tuple[SimulatorAddress, asyncio.subprocess.Process]]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(port), str(directory), stdout=subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        line = await asyncio.wait_for(running.stdout.readline(), 20)
        yield SimulatorAddress(**json.loads(line)), running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


def client(address: SimulatorAddress) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=address.url, verify=ssl.create_default_context(cafile=address.ca_file), http2=True
    )


def authority_of(address: SimulatorAddress) -> bytes:
    return Path(address.ca_file).read_bytes()


async def bearer_of(http: httpx.AsyncClient, document: dict[str, str]) -> str:
    answer = await http.post("/token", data={"grant_type": GRANT, "assertion": sign(document)})
    return str(answer.json()["access_token"])


async def send(http: httpx.AsyncClient, bearer: str, token: str) -> int:
    answer = await http.post(
        f"/v1/projects/{PROJECT}/messages:send",
        json={"message": {"token": token, "data": {"px.msg_id": f"m-{token}"}}},
        headers={"authorization": f"Bearer {bearer}"},
    )
    return answer.status_code


async def test_every_answered_message_is_in_the_file_of_a_killed_simulator(tmp_path: Path) -> None:
    async with process(0, tmp_path) as (address, running), client(address) as http:
        document = (await http.post("/_sim/fcm/service-accounts", json={"project_id": PROJECT})).json()
        bearer = await bearer_of(http, document)
        for number in range(20):
            assert await send(http, bearer, f"token-{number}") == 200
        running.send_signal(signal.SIGKILL)
        await running.wait()
    handed_over = [entry.token for entry in read_journal(Path(address.journal_file)) if entry.accepted]
    assert handed_over == [f"token-{number}" for number in range(20)]


async def test_a_restarted_simulator_knows_its_accounts_and_keeps_its_authority(tmp_path: Path) -> None:
    async with process(0, tmp_path) as (address, _), client(address) as http:
        document = (await http.post("/_sim/fcm/service-accounts", json={"project_id": PROJECT})).json()
        authority = authority_of(address)
    port = int(address.url.rpartition(":")[2])
    async with process(port, tmp_path) as (again, _), client(again) as http:
        assert again == address
        assert authority_of(again) == authority
        assert await send(http, await bearer_of(http, document), "token-1") == 200


async def test_private_keys_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    async with Simulator(directory=tmp_path):
        modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("authority.pem", "server.pem")}
    assert modes == {"authority.pem": 0o600, "server.pem": 0o600}


async def test_temporary_files_go_with_the_simulator() -> None:
    async with Simulator() as simulator:
        assert authority_of(simulator.address).startswith(b"-----BEGIN CERTIFICATE-----")
    with pytest.raises(FileNotFoundError):
        authority_of(simulator.address)


async def control(world: World, verb: str, **body: object) -> httpx.Response:
    return await world.http.post(f"/_sim/{verb}", json=body)


async def test_faults_come_and_go_over_the_wire(world: World) -> None:
    rule = {"action": {"error": "QUOTA_EXCEEDED", "retry_after": 3}, "provider": "fcm"}
    number = (await control(world, "faults", **rule)).json()["id"]
    assert (await world.send_to("token-1")).status_code == 429
    assert str(number) in (await world.http.get("/_sim/faults")).json()
    assert (await control(world, "faults/remove", id=number)).json() == {"removed": True}
    assert (await world.send_to("token-1")).status_code == 200


async def test_the_control_interface_is_spared_by_faults(world: World) -> None:
    await control(world, "faults", action={"manner": "drop"})
    assert (await world.http.get("/_sim/health")).json() == {"ok": True}
    assert (await control(world, "faults/clear")).status_code == 200
    assert (await world.send_to("token-1")).status_code == 200


async def test_the_journal_is_read_in_pages(world: World) -> None:
    for token in ("a", "b", "c"):
        await world.send_to(token)
    page = (await world.http.get("/_sim/journal", params={"after": 1, "limit": 2})).json()
    assert [(entry["token"], entry["message_id"]) for entry in page["entries"]] == [("a", "m-a"), ("b", "m-b")]
    rest = (await world.http.get("/_sim/journal", params={"after": page["next"]})).json()
    assert [entry["token"] for entry in rest["entries"]] == ["c"]


async def test_counts_and_duplicates_are_told(world: World) -> None:
    for token in ("a", "a", "unregistered-1"):
        await world.send_to(token)
    counts = (await world.http.get("/_sim/counts")).json()
    assert (counts["accepted"], counts["outcomes"]) == (2, {"accepted": 2, "UNREGISTERED": 1})
    assert counts["token_calls"] == {"token": 1}
    assert (await world.http.get("/_sim/duplicates")).json() == [{"token": "a", "message_id": "m-a", "times": 2}]


async def test_fcm_is_steered_over_the_wire(world: World) -> None:
    await control(world, "fcm/tokens", token="t", actions=[{"error": "INTERNAL"}, {}])
    assert [(await world.send_to("t")).status_code for _ in range(2)] == [500, 200]
    await control(world, "fcm/deny", project_id=PROJECT)
    assert (await world.send_to("t")).status_code == 403
    await control(world, "fcm/allow", project_id=PROJECT)
    assert (await control(world, "fcm/expire-tokens")).json() == {"expired": 1}
    assert (await world.send_to("t")).status_code == 401
    assert (await control(world, "fcm/revoke", client_email=world.document["client_email"])).json() == {"found": True}
    assert (await world.assertion()).status_code == 400


async def test_wire_settings_change_one_by_one(world: World) -> None:
    assert (await control(world, "wire", max_streams=7)).json()["max_streams"] == 7
    assert (await control(world, "wire", ping_ack=False)).json()["max_streams"] == 7
    assert world.sim.wire.ping_ack is False


async def test_an_outage_over_the_wire_ends_by_itself(world: World) -> None:
    peer = await world.connect()
    assert (await control(world, "listener", mode="refuse", seconds=0.2)).status_code == 200
    await peer.until_closed()
    with pytest.raises(ConnectionRefusedError):
        await world.connect()
    async with asyncio.timeout(5):
        await world.sim.wait_open()
    await world.connect()


async def test_reset_forgets_faults_scripts_and_entries_but_not_credentials(world: World) -> None:
    await control(world, "faults", action={"status": 503})
    world.sim.fcm.on_token("t", "INTERNAL")
    await world.send_to("t")
    await control(world, "reset")
    assert len(world.sim.journal) == 0
    assert (await world.send_to("t")).status_code == 200


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("nothing", {}, 404),
        ("fcm/nothing", {}, 404),
        ("faults", {"action": {"manner": "vanish"}}, 400),
        ("faults", {"action": {"error": "NO_SUCH"}, "provider": "fcm"}, 400),
        ("faults", {"action": {}, "surprise": 1}, 400),
        ("wire", {"max_streams": "many"}, 400),
        ("wire", {"surprise": 1}, 400),
        ("listener", {"mode": "refuse"}, 400),
        ("fcm/service-accounts", {}, 400),
        ("fcm/tokens", {"token": "t", "actions": [{"error": "NO_SUCH"}]}, 400),
    ],
)
async def test_control_calls_that_make_no_sense_are_refused(
    world: World, verb: str, body: dict[str, object], status: int
) -> None:
    assert (await control(world, verb, **body)).status_code == status
    assert (await world.send_to("token-1")).status_code == 200


@pytest.fixture
async def fast() -> AsyncIterator[tuple[Simulator, Callable[..., object]]]:
    async with Simulator(fast=True) as simulator, AsyncExitStack() as stack:

        async def connect(settings: dict[int, int] | None = None) -> Peer:
            peer = await Peer.connect(simulator.url, simulator.ca_file, settings)
            stack.push_async_callback(peer.close)
            return peer

        yield simulator, connect


async def test_fast_mode_answers_every_message_whatever_it_holds(fast: tuple[Simulator, Callable[..., object]]) -> None:
    simulator, connect = fast
    peer = await connect()
    peer.write(b"".join(peer.request(stream, "anything", {"junk": stream}) for stream in range(1, 401, 2)))
    await peer.until(lambda: len(peer.ended()) == 200)
    assert {answer.status for stream, answer in peer.answers.items() if stream} == {200}
    assert all(b'"name":"projects/' in answer.body for stream, answer in peer.answers.items() if stream)
    assert simulator.journal.accepted == 200


async def test_fast_mode_reads_requests_split_anywhere(fast: tuple[Simulator, Callable[..., object]]) -> None:
    simulator, connect = fast
    peer = await connect()
    raw = b"".join(peer.request(stream, "b", {"n": stream}) for stream in (1, 3, 5))
    for at in range(len(raw)):
        peer.write(raw[at : at + 1])
        await asyncio.sleep(0)
    await peer.until(lambda: peer.ended() == {1, 3, 5})
    assert simulator.journal.accepted == 3


async def test_fast_mode_obeys_the_clients_connection_window(fast: tuple[Simulator, Callable[..., object]]) -> None:
    simulator, connect = fast
    size = len(simulator.fcm.fast_reply.body)
    peer = await connect()
    number = 65535 // size + 50
    peer.write(b"".join(peer.request(2 * n + 1, "b", {}) for n in range(number)))
    await peer.until(lambda: len(peer.ended()) == 65535 // size)
    peer.write(b"\x00\x00\x04\x08\x00" + bytes(4) + (50 * size).to_bytes(4, "big"))
    await peer.until(lambda: len(peer.ended()) == number)


@pytest.mark.parametrize("second", [True, False])
async def test_fast_mode_serves_tokens_and_control_as_usual(
    fast: tuple[Simulator, Callable[..., object]], *, second: bool
) -> None:
    simulator, _ = fast
    document = simulator.service_account(project_id=PROJECT)
    context = ssl.create_default_context(cafile=simulator.ca_file)
    async with httpx.AsyncClient(base_url=simulator.url, verify=context, http2=second) as http:
        assert (await bearer_of(http, document)).startswith("ya29.")
        assert (await bearer_of(http, document)).startswith("ya29.")
        assert (await http.get("/_sim/health")).json() == {"ok": True}


async def test_honest_mode_reads_requests_split_anywhere(world: World) -> None:
    peer = await world.connect()
    raw = peer.request(1, world.bearer, {"message": {"token": "t"}})
    for at in range(len(raw)):
        peer.write(raw[at : at + 1])
        await asyncio.sleep(0)
    await peer.until(lambda: 1 in peer.ended())
    assert peer.answers[1].status == 200
