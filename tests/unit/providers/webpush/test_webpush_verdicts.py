"""Every answer of providers.md §5.5 becomes the verdict that stands there, and garbage never ends a subscription."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.contract import Outcome
from clarion.providers.transport import Answer, Failure
from clarion.providers.webpush.verdicts import Standing, read

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OTHER_KEY = (
    b"the VAPID credentials in the authorization header do not correspond to the credentials used to create the "
    b"subscriptions."
)


def mozilla(status: int, errno: int) -> Answer:
    return Answer(1, status, json.dumps({"code": status, "errno": errno, "message": "no"}).encode())


def apple(status: int, reason: str) -> Answer:
    return Answer(1, status, json.dumps({"reason": reason}).encode())


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_all_that_real_services_answer_to_success_is_success(status: int) -> None:
    assert read(Answer(1, status), NOW, Standing()).outcome is Outcome.OK


def test_the_address_of_an_accepted_message_which_can_delete_it_is_not_kept() -> None:
    answer = Answer(1, 201, headers=(("location", "https://p.example/m/abc-1"),))
    assert read(answer, NOW, Standing()).provider_id is None


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(1, 307), Outcome.MESSAGE),
        *[(mozilla(400, errno), Outcome.CODE) for errno in (101, 108, 110, 111, 112, 113)],
        (Answer(1, 400, b"Ttl value conflicts with X-WNS-Cache-Policy"), Outcome.CODE),
        (Answer(1, 400), Outcome.MESSAGE),
        (apple(400, "VapidPkHashMismatch"), Outcome.TOKEN_GUARDED),
        (apple(403, "VapidPkHashMismatch"), Outcome.TOKEN_GUARDED),
        (apple(400, "BadDeviceToken"), Outcome.TOKEN_GUARDED),
        (apple(410, "Unregistered"), Outcome.TOKEN_CERTAIN),
        (apple(403, "BadJwtToken"), Outcome.CREDENTIAL),
        (mozilla(401, 109), Outcome.AUTH),
        (Answer(1, 403, OTHER_KEY), Outcome.TOKEN_GUARDED),
        (Answer(1, 403), Outcome.CREDENTIAL),
        *[(mozilla(status, errno), Outcome.TOKEN_CERTAIN) for status, errno in [(404, 102), (410, 103), (410, 106)]],
        (Answer(1, 410), Outcome.TOKEN_CERTAIN),
        (Answer(1, 406, headers=(("retry-after", "900"),)), Outcome.THROTTLED_PROVIDER),
        (mozilla(413, 104), Outcome.MESSAGE),
        (Answer(1, 429), Outcome.THROTTLED_DEVICE),
        (Answer(1, 500), Outcome.TRANSIENT),
        (mozilla(503, 202), Outcome.TRANSIENT),
        (mozilla(503, 201), Outcome.THROTTLED_PROVIDER),
        (Answer(1, 503, headers=(("retry-after", "120"),)), Outcome.THROTTLED_PROVIDER),
        (mozilla(502, 900), Outcome.TRANSIENT),
        (Answer(1, 0, failure=Failure.AMBIGUOUS), Outcome.AMBIGUOUS),
        (Answer(1, 0, failure=Failure.UNSENT), Outcome.UNSENT),
    ],
)
def test_an_answer_has_the_tables_meaning(answer: Answer, outcome: Outcome) -> None:
    assert read(answer, NOW, Standing()).outcome is outcome


def test_a_second_401_is_judged_by_the_neighbours() -> None:
    assert read(mozilla(401, 109), NOW, Standing(renewed=True, works=True)).outcome is Outcome.TOKEN_GUARDED
    refused = read(mozilla(401, 109), NOW, Standing(renewed=True))
    assert (refused.outcome, refused.origin_only, refused.code) == (Outcome.CREDENTIAL, True, "errno_109")


def test_many_throttled_browsers_mean_a_throttling_service() -> None:
    verdict = read(Answer(1, 429, headers=(("retry-after", "30"),)), NOW, Standing(crowded=True))
    assert (verdict.outcome, verdict.retry_after, verdict.origin_only) == (Outcome.THROTTLED_PROVIDER, 30.0, True)
    assert read(Answer(1, 429), NOW, Standing()).default_wait == 60.0


@pytest.mark.parametrize("status", [403, 406, 500, 503])
def test_trouble_of_one_service_stays_with_it(status: int) -> None:
    assert read(Answer(1, status), NOW, Standing()).origin_only


def test_words_of_a_service_are_kept_without_addresses_and_tokens() -> None:
    body = b"no route for https://fcm.googleapis.com/fcm/send/abcdefghijklmnopqrstuvwxyz0123456789:APA91b"
    text = read(Answer(1, 403, body), NOW, Standing()).text
    assert text == "no route for https://fcm.googleapis.com/…"


@given(
    st.integers(200, 599),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["errno", "reason", "message"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_whatever_a_body_holds_it_is_read_and_ends_no_subscription_by_itself(status: int, body: bytes) -> None:
    verdict = read(Answer(1, status, body), NOW, Standing())
    if verdict.outcome is Outcome.TOKEN_CERTAIN:
        assert status in (400, 404, 410)
    assert len(verdict.code) <= 80
    assert len(verdict.text) <= 512
