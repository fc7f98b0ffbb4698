"""Our decision about a message in plain words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from clarion.features.deliveries.model import State
from clarion.features.deliveries.seen import Delivery
from clarion.features.deliveries.words import decision
from clarion.features.devices.model import TokenState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def delivery(state: State, reason: str | None = None, code: str | None = None, **columns: Any) -> Delivery:
    fields: dict[str, Any] = {
        "app_id": 1,
        "device_id": 2,
        "send_id": 3,
        "push_id": 4,
        "provider": "fcm",
        "lang": "en",
        "country": "PT",
        "platform": "android",
        "provider_id": None,
        "attempt": 1,
        "may_be_sent": False,
        "next_attempt_at": None,
        "created_at": NOW,
        "settled_at": NOW,
        "delivered_at": None,
        "clicked_at": None,
        **columns,
    }
    return Delivery(state=state, reason=reason, code=code, **fields)


def told(item: Delivery, *, token: TokenState = TokenState.VALID, same: bool = True, suspect: bool = False) -> str:
    return decision(item, token_state=token, same_token=same, suspect=suspect)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (delivery(State.SENT), "the provider accepted the message; the device has not confirmed it"),
        (delivery(State.SENT, delivered_at=NOW), "and the device confirmed it"),
        (delivery(State.SENT, delivered_at=NOW, clicked_at=NOW), "and it was clicked on the device"),
        (delivery(State.WAITING, code="HTTP_503"), "the provider answered HTTP_503, which may pass, so it is tried"),
        (delivery(State.WAITING, code="ambiguous"), "the connection broke before the provider answered, so it is"),
        (delivery(State.WAITING), "there is no answer yet, so it is tried again"),
        (delivery(State.CANCELLED), "the sending was cancelled"),
        (delivery(State.FAILED, "message", "HTTP_413"), "refuses this content, so it is not tried again; the token"),
        (delivery(State.FAILED, "internal", "X"), "a fault on our side; the token stays in use (last answer: X)"),
        (delivery(State.FAILED, "expired", "unsent"), "given up; the token stays in use (at last the message could"),
        (delivery(State.FAILED, "token", "no_valid_token"), "had no usable token any more, so it was not sent"),
        (delivery(State.WAITING, "quiet_hours"), "waits for the end of the quiet hours"),
        (delivery(State.WAITING, "frequency"), "as a frequency cap allows, so it waits"),
        (delivery(State.WAITING, "gap"), "waits for the minimum gap"),
        (delivery(State.WAITING, "pacing"), "waits for its turn"),
        (delivery(State.SKIPPED, "frequency"), "as a frequency cap allows, so it was left out"),
        (delivery(State.SKIPPED, "gap"), "less than the minimum gap before"),
        (delivery(State.SKIPPED, "too_late"), "beyond the cut-off"),
    ],
)
def test_every_outcome_has_its_words(item: Delivery, words: str) -> None:
    assert words in told(item)


@pytest.mark.parametrize(
    ("token", "same", "suspect", "words"),
    [
        (TokenState.INVALID, True, False, "so its token is not used any more"),
        (TokenState.VALID, False, False, "but the device has told another token since"),
        (TokenState.VALID, True, True, "held as a suspect until you confirm or dismiss it"),
        (TokenState.VALID, True, False, "but the token is in use again"),
    ],
)
def test_a_dead_token_is_told_with_what_became_of_it(token: TokenState, same: bool, suspect: bool, words: str) -> None:
    gone = delivery(State.FAILED, "token", "UNREGISTERED")
    text = told(gone, token=token, same=same, suspect=suspect)
    assert text.startswith("the provider says that the app was removed from this device")
    assert words in text


def test_an_unknown_code_is_named() -> None:
    text = told(delivery(State.FAILED, "token", "NEW_CODE"), token=TokenState.INVALID)
    assert text == "the provider says that the token cannot be used (NEW_CODE), so its token is not used any more"
