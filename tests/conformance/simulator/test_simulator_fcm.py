"""The simulated FCM refuses what the real one refuses (providers.md §2), over both HTTP versions."""

import httpx
import pytest
from tests.conformance.simulator.simulator_world import GRANT, PROJECT, World, sign

from clarion.simulator import Simulator

pytestmark = pytest.mark.anyio

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def error_of(answer: httpx.Response) -> dict[str, object]:
    return answer.json()["error"]


def code_of(answer: httpx.Response) -> str | None:
    details = error_of(answer).get("details", [])
    return next((one["errorCode"] for one in details if one["@type"] == FCM_ERROR), None)


async def test_a_message_is_accepted_and_journalled(world: World) -> None:
    answer = await world.send_to("token-1")
    assert answer.status_code == 200
    assert answer.json()["name"].startswith(f"projects/{PROJECT}/messages/0:")
    (entry,) = [one for one in world.sim.journal.entries() if one.endpoint == "send"]
    assert (entry.token, entry.message_id, entry.project, entry.status) == ("token-1", "m-token-1", PROJECT, 200)
    assert entry.accepted
    assert world.sim.journal.accepted_per_token() == {"token-1": 1}


async def test_names_of_messages_differ(world: World) -> None:
    assert (await world.send_to("token-1")).json() != (await world.send_to("token-1")).json()


async def test_repeating_a_message_is_a_duplicate(world: World) -> None:
    for token in ("twice", "once", "twice"):
        await world.send_to(token)
    assert world.sim.journal.duplicates() == {("twice", "m-twice"): 2}


async def test_validate_only_hands_nothing_over(world: World) -> None:
    answer = await world.send({"message": {"token": "token-1"}, "validate_only": True})
    assert answer.json() == {"name": f"projects/{PROJECT}/messages/fake_message_id"}
    assert world.sim.journal.accepted == 0


@pytest.mark.parametrize("bearer", ["", "unknown"])
async def test_a_missing_or_unknown_bearer_is_unauthenticated(world: World, bearer: str) -> None:
    answer = await world.send({"message": {"token": "token-1"}}, bearer=bearer)
    assert answer.status_code == 401
    assert error_of(answer)["status"] == "UNAUTHENTICATED"
    assert "details" not in error_of(answer)


async def test_an_expired_bearer_is_unauthenticated(world: World) -> None:
    assert world.sim.fcm.accounts.expire_tokens(PROJECT) == 1
    assert (await world.send_to("token-1")).status_code == 401
    assert world.sim.journal.accepted == 0


async def test_a_bearer_of_another_project_is_denied(world: World) -> None:
    world.sim.service_account(project_id="another-project")
    answer = await world.send({"message": {"token": "token-1"}}, project="another-project")
    assert answer.status_code == 403
    assert error_of(answer)["status"] == "PERMISSION_DENIED"
    assert code_of(answer) is None


async def test_an_unknown_project_is_not_found_without_an_fcm_error(world: World) -> None:
    answer = await world.send({"message": {"token": "token-1"}}, project="no-such-project")
    assert answer.status_code == 404
    assert code_of(answer) is None


async def test_a_denied_project_is_denied_until_allowed(world: World) -> None:
    world.sim.fcm.deny(PROJECT)
    assert (await world.send_to("token-1")).status_code == 403
    world.sim.fcm.allow(PROJECT)
    assert (await world.send_to("token-1")).status_code == 200


async def test_a_wrong_path_is_html(world: World) -> None:
    answer = await world.http.post("/v1/projects/acceptance-one/messages:sent")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_payload_above_4096_bytes_is_refused_without_details(world: World) -> None:
    answer = await world.send({"message": {"token": "token-1", "data": {"k": "x" * 4096}}})
    assert answer.status_code == 400
    assert "details" not in error_of(answer)
    assert (await world.send({"message": {"token": "token-1", "data": {"k": "x" * 4095}}})).status_code == 200


async def test_a_malformed_token_names_the_field_and_the_code(world: World) -> None:
    answer = await world.send({"message": {"token": "not a token"}})
    assert answer.status_code == 400
    assert code_of(answer) == "INVALID_ARGUMENT"
    assert error_of(answer)["details"][1]["fieldViolations"][0]["field"] == "message.token"


@pytest.mark.parametrize(
    ("prefix", "status", "code"),
    [
        ("unregistered-", 404, "UNREGISTERED"),
        ("invalid-", 400, "INVALID_ARGUMENT"),
        ("sender-mismatch-", 403, "SENDER_ID_MISMATCH"),
        ("quota-", 429, "QUOTA_EXCEEDED"),
        ("unavailable-", 503, "UNAVAILABLE"),
        ("internal-", 500, "INTERNAL"),
    ],
)
async def test_tokens_may_name_their_outcome(world: World, prefix: str, status: int, code: str) -> None:
    answer = await world.send_to(f"{prefix}1")
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert world.sim.journal.counts()[code] == 1
    assert world.sim.journal.accepted == 0


async def test_flaky_tokens_fail_as_often_as_they_say(world: World) -> None:
    assert [(await world.send_to("flaky2-a")).status_code for _ in range(3)] == [503, 503, 200]


async def test_scripted_tokens_follow_their_script_and_stay_at_its_end(world: World) -> None:
    world.sim.fcm.on_token("token-1", "UNAVAILABLE", "UNREGISTERED")
    assert [(await world.send_to("token-1")).status_code for _ in range(3)] == [503, 404, 404]
    world.sim.fcm.on_token("token-1")
    assert (await world.send_to("token-1")).status_code == 200


async def test_the_token_endpoint_accepts_its_own_address_as_audience(world: World) -> None:
    assert (await world.assertion(aud=world.document["token_uri"])).status_code == 200


async def test_token_calls_are_counted_per_account(world: World) -> None:
    email = world.document["client_email"]
    await world.assertion()
    await world.assertion(scope="https://example.org/other")
    assert world.sim.fcm.accounts.calls[email] == 3
    assert world.sim.fcm.accounts.issued[email] == 2


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "nobody@example.org"}, "invalid_grant"),
        ({"aud": "https://example.org/token"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"iat": 1, "exp": 3601}, "invalid_grant"),
        ({"exp": 4102444800}, "invalid_grant"),
        ({"header": {"alg": "HS256"}}, "invalid_grant"),
        ({"header": {"kid": "0" * 40}}, "invalid_grant"),
    ],
)
async def test_a_wrong_assertion_is_refused(world: World, claims: dict[str, object], error: str) -> None:
    answer = await world.assertion(**claims)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_signature_by_another_key_is_refused(world: World) -> None:
    other = world.sim.service_account(project_id="another-project")
    forged = world.document | {"private_key": other["private_key"]}
    answer = await world.http.post("/token", data={"grant_type": GRANT, "assertion": sign(forged)})
    assert answer.json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c", "e30.e30.!!", "e30.W10.e30"])
async def test_what_is_no_jwt_is_refused(world: World, assertion: str) -> None:
    answer = await world.http.post("/token", data={"grant_type": GRANT, "assertion": assertion})
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


async def test_another_grant_type_is_refused(world: World) -> None:
    answer = await world.http.post("/token", data={"grant_type": "password"})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_revoked_account_gets_no_tokens_and_loses_those_it_has(world: World) -> None:
    email = world.document["client_email"]
    assert world.sim.fcm.accounts.revoke(email)
    assert (await world.assertion()).json()["error"] == "invalid_grant"
    assert (await world.send_to("token-1")).status_code == 401
    assert world.sim.fcm.accounts.restore(email)
    assert (await world.send_to("token-1")).status_code == 200


async def test_a_new_key_ends_the_old_one(world: World) -> None:
    world.sim.service_account(project_id=PROJECT, client_email=world.document["client_email"])
    assert (await world.assertion()).status_code == 400


async def test_the_life_of_access_tokens_is_set_and_obeyed() -> None:
    now = 1_000_000.0
    simulator = Simulator(clock=lambda: now)
    async with simulator:
        accounts = simulator.fcm.accounts
        document = simulator.service_account(project_id=PROJECT)
        accounts.lifetime = 60
        form = f"grant_type={GRANT}&assertion={sign(document, iat=1_000_000, exp=1_003_600)}".encode()
        _, outcome, reply = accounts.answer(form)
        assert (outcome, reply.status) == ("token", 200)
        bearer = next(iter(accounts._tokens))
        assert accounts.bearer(bearer) is not None
        now += 60
        assert accounts.bearer(bearer) is None
