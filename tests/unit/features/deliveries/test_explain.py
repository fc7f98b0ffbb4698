"""Why a device has no delivery in a send: one cause for every situation, the most lasting one first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clarion.features.deliveries.explain import Cause, Facts, explain
from clarion.features.devices.model import TokenState
from clarion.features.sends.progress import SendState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MATCHING = Facts(
    now=NOW,
    send_state=SendState.RUNNING,
    pause_reason=None,
    cutoff_at=NOW - timedelta(minutes=1),
    expires_at=NOW + timedelta(hours=23),
    app_planned=True,
    slice_state="ready",
    app_archived=False,
    app_meant=True,
    provider="fcm",
    credential_exists=True,
    credential_pause_reason=None,
    registered_at=NOW - timedelta(days=5),
    active=True,
    token_state=TokenState.VALID,
    token_reason=None,
    in_part=True,
    mismatches=(),
)
"""A device that the send will reach."""


@pytest.mark.parametrize(
    ("changes", "cause", "words"),
    [
        ({}, Cause.RUNNING, "still running"),
        ({"slice_state": "leased"}, Cause.RUNNING, "has not reached the device yet"),
        ({"registered_at": NOW}, Cause.REGISTERED_LATER, "registered after the send had begun"),
        ({"in_part": False, "app_planned": False}, Cause.OTHER_PART, "for another part"),
        ({"app_planned": False, "app_archived": True}, Cause.APP_ARCHIVED, "the app is archived"),
        ({"app_planned": False, "app_meant": False}, Cause.APP_NOT_MEANT, "leaves out the device's app"),
        ({"app_planned": False}, Cause.CREDENTIAL_MISSING, "had no credential"),
        ({"active": False}, Cause.DEACTIVATED, "deactivated"),
        ({"token_state": TokenState.NONE, "provider": None}, Cause.NO_TOKEN, "has told no push token"),
        (
            {"token_state": TokenState.INVALID, "token_reason": "UNREGISTERED"},
            Cause.TOKEN_INVALID,
            "called the device's token dead (UNREGISTERED)",
        ),
        ({"token_state": TokenState.SUPERSEDED}, Cause.TOKEN_SUPERSEDED, "another device told the same token"),
        (
            {"token_state": TokenState.UNUSABLE, "token_reason": "host not allowed"},
            Cause.TOKEN_UNUSABLE,
            "cannot be used (host not allowed)",
        ),
        ({"mismatches": ("countries", "events")}, Cause.NOT_MATCHED, "filter: countries and events"),
        ({"slice_state": None}, Cause.CREDENTIAL_MISSING, "no fcm credential, which the device's token needs"),
        ({"send_state": SendState.CANCELLED, "slice_state": "cancelled"}, Cause.CANCELLED, "was cancelled before"),
        ({"slice_state": "cancelled"}, Cause.CREDENTIAL_MISSING, "lost its credential"),
        ({"send_state": SendState.PAUSED}, Cause.PAUSED, "the sending is paused"),
        ({"send_state": SendState.PAUSED, "pause_reason": "refused"}, Cause.PAUSED, "the sending is paused: refused"),
        ({"app_archived": True}, Cause.APP_ARCHIVED, "the app is archived"),
        ({"expires_at": NOW}, Cause.EXPIRED, "time to live was over"),
        ({"credential_exists": False}, Cause.CREDENTIAL_MISSING, "no fcm credential any more"),
        ({"credential_pause_reason": "PERMISSION_DENIED"}, Cause.CREDENTIAL_PAUSED, "paused: PERMISSION_DENIED"),
        ({"credential_pause_reason": ""}, Cause.CREDENTIAL_PAUSED, "credential is paused"),
        ({"slice_state": "done", "send_state": SendState.COMPLETE}, Cause.CHANGED_SINCE, "has changed since"),
    ],
)
def test_every_situation_has_its_cause(changes: dict[str, Any], cause: Cause, words: str) -> None:
    found = explain(replace(MATCHING, **changes))
    assert found.cause is cause
    assert words in found.text


def test_every_cause_can_come_out() -> None:
    table = test_every_situation_has_its_cause.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {cause for _, cause, _ in table} == set(Cause)


@pytest.mark.parametrize("state", ["ready", "leased", "done", "cancelled", None])
def test_what_holds_for_good_is_told_before_what_may_change(state: str | None) -> None:
    later = replace(MATCHING, slice_state=state, registered_at=NOW, active=False, mismatches=("countries",))
    assert explain(later).cause is Cause.REGISTERED_LATER
    assert explain(replace(later, registered_at=MATCHING.registered_at)).cause is Cause.DEACTIVATED
    assert explain(replace(MATCHING, slice_state=state, mismatches=("countries",))).cause is Cause.NOT_MATCHED
