"""What became of a message, in plain words for the owner of the app. Pure.

Codes are the provider's own (shown beside these words) or ours; the provider pages are linked in `providers/`.
"""

from clarion.features.deliveries.model import Reason, State
from clarion.features.deliveries.seen import Delivery
from clarion.features.devices.model import TokenState

_REMOVED = "the app was removed from this device, or its token ran out"
_TOKEN_CODES = {
    "UNREGISTERED": _REMOVED,
    "Unregistered": _REMOVED,
    "NotRegistered": _REMOVED,
    "ExpiredToken": "the token of this device has run out",
    "INVALID_ARGUMENT": "this is not a token that it gave out",
    "BadDeviceToken": "this is not a token that it gave out, or it belongs to the other APNs environment",
    "SENDER_ID_MISMATCH": "the token belongs to another Firebase project than the app's credential",
    "DeviceTokenNotForTopic": "the token belongs to another app than the credential's topic",
    "not_subscribed": "none of the users of the request is subscribed",
    "invalid_id": "this subscription does not exist in the OneSignal app",
    "80100000": "the token is illegal",
    "80300007": "the token is invalid, or it belongs to another project than the app's credential",
    "80300028": "the token belongs to another app",
    "HTTP_404": "the browser's subscription does not exist any more",
    "HTTP_410": "the browser's subscription does not exist any more",
}
_OWN_TOKEN_CODES = {
    "no_valid_token": "before the next attempt the device was deactivated or had no usable token any more",
}
_NO_ANSWER = {
    "unsent": "the message could not be handed over",
    "ambiguous": "the connection broke before the provider answered",
    "postponed": "the provider was not taking messages",
    "expired": "its time to live was over before it was sent",
}
_FAILURES: dict[str | None, str] = {
    Reason.MESSAGE: "the provider refuses this content, so it is not tried again; the token stays in use",
    Reason.INTERNAL: "the provider cannot read our request: a fault on our side; the token stays in use",
    Reason.EXPIRED: "it could not be sent within its time and attempts, so it was given up; the token stays in use",
}

_HELD: dict[str, str] = {
    Reason.QUIET_HOURS: "it is night or rest where the device is, so it waits for the end of the quiet hours",
    Reason.FREQUENCY: "the device or its user has had as many messages as a frequency cap allows, so it waits",
    Reason.GAP: "another message was sent a short while before, so it waits for the minimum gap",
    Reason.PACING: "it waits for its turn, since a pace is set",
}
_SKIPPED: dict[str | None, str] = {
    Reason.FREQUENCY: "the device or its user had had as many messages as a frequency cap allows, so it was left out",
    Reason.GAP: "another message was sent less than the minimum gap before, so it was left out",
    Reason.TOO_LATE: "rules would have held it back beyond the cut-off, so it was left out",
}


def decision(delivery: Delivery, *, token_state: TokenState, same_token: bool, suspect: bool) -> str:
    """What the provider said and what we decided, in one sentence.

    `token_state` and `suspect` are those of the device now; `same_token`: its token is still the one that was sent to.
    """
    if delivery.state is State.SENT:
        return _sent(delivery)
    if delivery.state is State.SKIPPED:
        return _SKIPPED.get(delivery.reason, "a rule left it out")
    if delivery.state is State.WAITING and delivery.reason is not None:
        return _HELD.get(delivery.reason, "a rule holds it back for now")
    if delivery.state is State.WAITING:
        return f"{_answer(delivery.code)}, so it is tried again"
    if delivery.state is State.CANCELLED:
        return "the sending was cancelled before this message was sent"
    if delivery.reason == Reason.TOKEN:
        return _token_failure(delivery, _consequence(token_state, same_token=same_token, suspect=suspect))
    return _FAILURES.get(delivery.reason, "it failed") + _last_answer(delivery)


def _sent(delivery: Delivery) -> str:
    if delivery.clicked_at:
        return "the provider accepted the message, and it was clicked on the device"
    if delivery.delivered_at:
        return "the provider accepted the message, and the device confirmed it"
    return "the provider accepted the message; the device has not confirmed it"


def _answer(code: str | None) -> str:
    if code is None:
        return "there is no answer yet"
    return _NO_ANSWER.get(code, f"the provider answered {code}, which may pass")


def _last_answer(delivery: Delivery) -> str:
    if delivery.code is None:
        return ""
    known = _NO_ANSWER.get(delivery.code)
    return f" (at last {known})" if known else f" (last answer: {delivery.code})"


def _token_failure(delivery: Delivery, consequence: str) -> str:
    code = delivery.code or ""
    if code in _OWN_TOKEN_CODES:
        return f"{_OWN_TOKEN_CODES[code]}, so it was not sent"
    meaning = _TOKEN_CODES.get(code, f"the token cannot be used ({code or 'no code'})")
    return f"the provider says that {meaning}, {consequence}"


def _consequence(token_state: TokenState, *, same_token: bool, suspect: bool) -> str:
    if not same_token:
        return "but the device has told another token since"
    if token_state is TokenState.VALID and suspect:
        return "but it says so of so many devices that the token is held as a suspect until you confirm or dismiss it"
    if token_state is TokenState.VALID:
        return "but the token is in use again"
    return "so its token is not used any more"
