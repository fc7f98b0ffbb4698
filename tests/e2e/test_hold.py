"""A restored installation takes work but sends nothing until it is resumed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Clarion, Running

from clarion.cli.demonstration.simulation import running_simulator, settings_of
from clarion.simulator import SimulatorAddress

Call = Callable[..., tuple[int, Any]]
PUSH = {"default_lang": "en", "translations": [{"language": "en", "title": "t", "text": "x"}]}


@pytest.fixture
def simulator(clarion: Clarion, tmp_path: Path) -> Iterator[SimulatorAddress]:
    """A simulator that the installation sends to at once."""
    with running_simulator(tmp_path / "simulator") as address:
        clarion.environment |= settings_of(address) | {"CLARION_INSTANT_DELAY_SEC": "0"}
        yield address


def ask(call: Call, simulator: SimulatorAddress, path: str, body: object = None) -> Any:
    """One call of the simulator's control interface."""
    return call(f"{simulator.url}/_sim/{path}", body=body, ca_file=simulator.ca_file)[1]


def prepare(clarion: Clarion, simulator: SimulatorAddress, call: Call) -> str:
    """An installation with one device, backed up; the API key."""
    key: str = json.loads(clarion.ok("account", "create", "owner@example.com"))["api_key"]
    serving = clarion.start("serve")
    address = serving.address()
    account = ask(call, simulator, "fcm/service-accounts", {"project_id": "hold-project"})
    app = {"push_provider": "firebase", "name": "App", "firebase_creds": account}
    app_id = call(f"{address}/api/b/v2/apps", key=key, body=app)[1]["id"]
    sdk_id = call(f"{address}/api/b/v2/apps/{app_id}", key=key)[1]["pushexpress_id"]
    instances = f"{address}/api/r/v2/apps/{sdk_id}/instances"
    device = call(instances, body={"ic_token": "device-of-the-test"})[1]["id"]
    info = {"transport_type": "fcm", "transport_token": "token-of-the-test", "platform_type": "android"}
    assert call(f"{instances}/{device}/info", body=info, method="PUT")[0] == 200
    clarion.ok("backup", "saved.dump")
    assert serving.stop() == 0
    return key


def restored(clarion: Clarion) -> Running:
    """The backup, restored into a data directory of its own and served."""
    folder = clarion.folder / "restored"
    folder.mkdir(mode=0o711)
    (folder / "master.key").write_bytes((clarion.folder / "clarion-data" / "master.key").read_bytes())
    (folder / "master.key").chmod(0o600)
    clarion.ok("restore", "saved.dump", "--data-dir", "restored")
    return clarion.start("serve", "--data-dir", "restored")


def test_nothing_is_sent_before_resume(clarion: Clarion, simulator: SimulatorAddress, call: Call) -> None:
    key = prepare(clarion, simulator, call)
    serving = restored(clarion)
    address = serving.address()
    body = {"name": "held", "filters": {"all_apps": True}, "push": PUSH}
    assert call(f"{address}/api/b/v2/send/instant", key=key, body=body)[0] == 201
    looks = iter(range(60))
    serving.until(lambda: next(looks) == 59)  # 3 s, in which an installation that is not on hold sends within one
    assert ask(call, simulator, "counts")["accepted"] == 0
    assert "sending goes on" in clarion.run("resume", "--data-dir", "restored").stderr
    serving.until(lambda: ask(call, simulator, "counts")["accepted"] == 1)
    assert serving.stop() == 0
