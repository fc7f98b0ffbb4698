"""What an auto-push's delay means, and what becomes of its triggers."""

from datetime import UTC, datetime, timedelta

import pytest

from clarion.features.schedulers.conversion import Fate, Means, Target, fate_of, parse_delay
from clarion.foundation.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEANS = Means({1}, {1: ["fcm"]}, [7])


def target(**changes: object) -> Target:
    """A reachable device that matches."""
    usual: dict[str, object] = {
        "active": True,
        "token_state": 1,
        "transport": "fcm",
        "country": "PT",
        "lang": "pt",
        "platform": "android",
        "token_hash": b"t",
        "matches": True,
        "earlier": 0,
    }
    return Target(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5d10h30m", 5 * 86_400 + 10 * 3600 + 30 * 60),
        ("5d30m", 5 * 86_400 + 30 * 60),
        ("36h", 36 * 3600),
        ("90m", 90 * 60),
        ("366d", 366 * 86_400),
        ("0m", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_a_delay_is_days_hours_and_minutes(text: str | None, seconds: int) -> None:
    timing = parse_delay(text)
    assert (timing.delay, timing.delay_sec) == (text or "", seconds)


@pytest.mark.parametrize(
    "text",
    [
        "5", "d", "5d ", " 5d", "5D", "10h5d", "5d5d", "-5d", "1.5h", "5s", "1h30", "+1h", "٣d",
        "367d", "366d1m", "999999d999999h999999m", "99999999d", "P5D",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="delay must be"):
        parse_delay(text)


@pytest.mark.parametrize(
    ("changes", "fate"),
    [
        ({}, Fate.FIRED),
        ({"matches": False}, Fate.NOT_MATCHED),
        ({"active": False}, Fate.DEACTIVATED),
        ({"token_state": 0, "transport": "", "token_hash": None}, Fate.AWAITS_TOKEN),
        ({"token_state": 0, "matches": False}, Fate.AWAITS_TOKEN),
        ({"token_state": 2}, Fate.NO_TOKEN),
        ({"token_state": 3}, Fate.NO_TOKEN),
        ({"token_state": 4}, Fate.NO_TOKEN),
        ({"transport": "apns"}, Fate.NO_CREDENTIAL),
    ],
)
def test_the_device_of_the_due_moment_decides(changes: dict[str, object], fate: Fate) -> None:
    assert fate_of(1, NOW, target(**changes), means=MEANS, now=NOW) is fate


def test_nothing_goes_without_its_device_app_or_push() -> None:
    assert fate_of(1, NOW, None, means=MEANS, now=NOW) is Fate.DEVICE_GONE
    assert fate_of(2, NOW, target(), means=MEANS, now=NOW) is Fate.APP_LEFT_OUT
    assert fate_of(1, NOW, target(), means=Means({1}, {1: ["fcm"]}, []), now=NOW) is Fate.NO_PUSH
    assert fate_of(1, NOW, target(), means=Means({1}, {}, [7]), now=NOW) is Fate.NO_CREDENTIAL


def test_what_was_held_for_more_than_a_day_is_too_late() -> None:
    due = NOW - timedelta(hours=24)
    assert fate_of(1, due, target(), means=MEANS, now=NOW) is Fate.FIRED
    assert fate_of(1, due - timedelta(seconds=1), target(), means=MEANS, now=NOW) is Fate.TOO_LATE
