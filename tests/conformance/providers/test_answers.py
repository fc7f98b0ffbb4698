"""Every provider keeps docs/reference/answers.md: each line becomes its class, and each class its next state.

One suite for all: the page's tables are the cases, the simulator says them over the real protocol.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.conformance.providers.answer_callers import Caller, Stage
from tests.conformance.providers.answer_tables import TITLES, Case, cases, classes, unexplained

from clarion.features.deliveries.decide import Standing, decide
from clarion.features.deliveries.model import Reason, State
from clarion.foundation.backoff import Backoff
from clarion.providers.apns.verdicts import TABLE as APNS
from clarion.providers.contract import SAME_PLATFORM, Outcome, Verdict
from clarion.providers.fcm.verdicts import TABLE as FCM
from clarion.providers.fcm.verdicts import read_error
from clarion.providers.http import HttpClient, HttpOptions
from clarion.providers.huawei.verdicts import CODES, PARTLY, STATUSES
from clarion.providers.onesignal.verdicts import TABLE as ONESIGNAL
from clarion.providers.onesignal.verdicts import read_answer
from clarion.providers.transport import Answer
from clarion.providers.webpush.sealing import ProcessSealer
from clarion.providers.webpush.verdicts import TABLE as WEBPUSH
from clarion.providers.webpush.verdicts import Standing as WebPushStanding
from clarion.providers.webpush.verdicts import read_refusal
from clarion.simulator import Action, Simulator

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CASES = cases()
LOST = {Outcome.TOKEN_CERTAIN, Outcome.TOKEN_GUARDED}
ENDS = {
    "sent": (State.SENT, None),
    "failed: token": (State.FAILED, Reason.TOKEN),
    "failed: message": (State.FAILED, Reason.MESSAGE),
    "failed: internal": (State.FAILED, Reason.INTERNAL),
    "waiting": (State.WAITING, None),
    "back in the queue": (State.WAITING, None),
    "sent again": (State.WAITING, None),
}
UNCOUNTED = {"back in the queue", "sent again"}
"""What uses up none of the message's attempts."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    sealer = ProcessSealer()
    async with Simulator() as sim:
        http = HttpClient(HttpOptions(ca_file=sim.ca_file))
        yield Stage(sim, http, sealer)
        await http.aclose()
    await sealer.aclose()


async def heard(stage: Stage, way: Caller, case: Case) -> Verdict:
    """What the sender makes of an answer that comes under the case's conditions."""
    if case.on("others") == "accepted":
        await way.send(way.token())
    token = way.token()
    request = await way.made(token)
    way.clock.ahead = float(case.on("after") or 0)
    stage.answer(case.provider, Action(status=case.status, headers=case.headers, body=case.body(token)))
    if case.on("others") == "throttled":
        for _ in range(9):
            await way.send(way.token())
    verdict = await way.hand_over(request)
    if case.on("again"):
        assert verdict.outcome is Outcome.AUTH
        way.sender.refresh()
        verdict = await way.hand_over(request)
    return verdict


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_an_answer_gets_its_class_and_the_class_its_next_state(stage: Stage, case: Case) -> None:
    async with stage.caller(case.provider) as way:
        verdict = await heard(stage, way, case)
    assert (verdict.outcome.value, verdict.known) == (case.outcome, True)
    assert (verdict.waits or ((verdict.default_wait,) if verdict.default_wait is not None else ())) == case.waits
    if "retry-after" in case.headers and case.outcome.startswith("throttled"):
        assert verdict.retry_after == float(case.headers["retry-after"])
    check_state(verdict, classes()[case.outcome][0])


def check_state(verdict: Verdict, becomes: str) -> None:
    """What the class table says of the message is what is decided."""
    standing = Standing(number=1, first_at=NOW, expires_at=NOW + timedelta(days=1))
    found = decide(verdict, standing, now=NOW, backoff=Backoff(base=10.0))
    assert (found.state, found.reason) == ENDS[becomes]
    assert found.counted is (becomes not in UNCOUNTED)
    if found.state is State.WAITING and found.counted:
        asked = verdict.retry_after or verdict.default_wait or (verdict.waits[0] if verdict.waits else 0.0)
        assert found.next_attempt_at is not None
        assert found.next_attempt_at >= NOW + timedelta(seconds=max(asked, verdict.floor))


def test_every_class_is_described_and_only_those_of_tokens_cost_one() -> None:
    found = classes()
    assert set(found) == {outcome.value for outcome in Outcome}
    assert {name for name, (_, token) in found.items() if token.startswith("invalid")} == {one.value for one in LOST}


# Nothing that the code knows is missing on the page.


def of(provider: str) -> list[tuple[Case, Answer]]:
    return [
        (case, Answer("t", case.status, case.body("t").encode(), tuple(case.headers.items())))
        for case in CASES
        if case.provider == provider
    ]


def test_the_page_has_every_row_of_the_apns_table() -> None:
    known = {(row.status, reason) for row in APNS for reason in row.reasons}
    assert {(case.status, case.on("reason")) for case, _ in of("apns") if case.status != 200} == known


def test_the_page_has_every_row_of_the_fcm_table() -> None:
    read = [read_error(answer, NOW) for case, answer in of("fcm") if case.status != 200]
    assert {next(row for row in FCM if row.fits(reading)) for reading in read} == set(FCM)


def test_the_page_has_every_row_of_the_web_push_table() -> None:
    met = set()
    for case, answer in of("webpush"):
        if case.status >= 300:
            again, others = bool(case.on("again")), case.on("others")
            standing = WebPushStanding(renewed=again, works=others == "accepted", crowded=others == "throttled")
            met.add(next(row for row in WEBPUSH if row.fits(read_refusal(answer, NOW), standing)))
    assert met == set(WEBPUSH)


def test_the_page_has_every_row_of_the_onesignal_table() -> None:
    read = [read_answer(answer) for _, answer in of("onesignal")]
    assert {next(row for row in ONESIGNAL if row.fits(reading)) for reading in read} == set(ONESIGNAL)


def test_the_page_has_every_code_and_status_of_the_huawei_tables() -> None:
    told = of("huawei")
    assert {case.on("code") for case, _ in told} - {""} == {code for row in CODES for code in row.codes} | {PARTLY}
    assert {case.status for case, _ in told if not case.on("code")} == set(STATUSES)


def test_a_platforms_trouble_stays_with_that_platform() -> None:
    """FCM: the key of one platform in the Firebase project says nothing about the others' devices."""
    trouble = [row for row in FCM if "THIRD_PARTY_AUTH_ERROR" in row.codes]
    assert [row.platform_only for row in trouble] == [SAME_PLATFORM]


# What no table explains

HTML = "<!DOCTYPE html><html><title>Error</title>"
BODIES = {
    "empty": Action(),
    "html": Action(body=HTML),
    "cut": Action(body='{"error":{"details":[{"errorCode":"UNREGISTERED"}]},"reason":"Unregistered"', truncate=True),
    "wrong types": Action(body='[{"error":7,"reason":["Unregistered"],"code":{},"id":[],"errors":7}]'),
    "null": Action(body="null"),
    "no text": Action(body='{"reason":"Unregistered\xff\xfe"}', encoding="latin-1"),
    "deep": Action(body="[" * 5000),
    "10 MB": Action(body="x", padding=10_000_000),
}
OWN_ROWS = {"webpush": {300}, "onesignal": {501, 505}}
"""Statuses of which rows of the provider's own speak, whatever the body."""
OLD_TOKEN = 1500.0
"""Seconds after which a provider token may be called expired."""
NAMED_BY_STATUS = {("webpush", 404), ("webpush", 410)}
"""Where the status alone is the provider's word on a token."""


@pytest.mark.parametrize("body", BODIES, ids=list(BODIES))
@pytest.mark.parametrize("provider", TITLES, ids=list(TITLES))
async def test_bodies_that_make_no_sense_cost_no_token_and_disturb_nobody(
    stage: Stage, provider: str, body: str
) -> None:
    """Whatever the body, the status decides; the next message on the same sender goes out."""
    for status in (500, 400) if body == "10 MB" else (200, 400, 403, 404, 410, 418, 503):
        if (provider, status) in NAMED_BY_STATUS:
            continue
        async with stage.caller(provider) as way:
            stage.answer(provider, replace(BODIES[body], status=status))
            verdict = await way.send(way.token())
            assert verdict.outcome not in LOST, (status, verdict)
            stage.sim.faults.clear()
            if not verdict.origin_only:
                assert (await way.send(way.token())).outcome is Outcome.OK


@pytest.mark.parametrize("provider", TITLES, ids=list(TITLES))
async def test_an_unknown_answer_goes_by_its_status_is_noted_and_costs_no_token(stage: Stage, provider: str) -> None:
    explained = {case.status for case in CASES if case.provider == provider} | OWN_ROWS.get(provider, set())
    for status, outcome in unexplained():
        if status in explained:
            continue
        async with stage.caller(provider) as way:
            request = await way.made(way.token())
            way.clock.ahead = OLD_TOKEN
            stage.answer(provider, Action(status=status, body="news"))
            verdict = await way.hand_over(request)
        assert (verdict.outcome.value, verdict.known) == (outcome, False), (status, verdict)
        assert verdict.outcome not in LOST
