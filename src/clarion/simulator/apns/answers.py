"""The answers of APNs in their exact shapes (Apple: *Handling notification responses from APNs*)."""

from collections.abc import Mapping

import msgspec

from clarion.simulator.model import HeaderPairs, Reply

_STATUSES: Mapping[int, str] = {
    400: (
        "BadCollapseId BadDeviceToken BadExpirationDate BadMessageId BadPriority BadTopic DeviceTokenNotForTopic "
        "DuplicateHeaders IdleTimeout InvalidPushType MissingDeviceToken MissingTopic PayloadEmpty TopicDisallowed"
    ),
    403: (
        "BadCertificate BadCertificateEnvironment BadEnvironmentKeyIdInToken BadEnvironmentKeyInToken "
        "ExpiredProviderToken Forbidden InvalidProviderToken MissingProviderToken UnrelatedKeyIdInToken"
    ),
    404: "BadPath",
    405: "MethodNotAllowed",
    410: "Unregistered ExpiredToken",
    413: "PayloadTooLarge",
    429: "TooManyProviderTokenUpdates TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable Shutdown",
}
REASONS = {reason: status for status, reasons in _STATUSES.items() for reason in reasons.split()}
"""Reason → HTTP status."""
HTTP2_ONLY = Reply(505, b"", ())


def refusal(reason: str, now: float, *, apns_id: str = "") -> Reply:
    """The answer with a reason; `ValueError` for an unknown one. A 410 says that the token died just now."""
    if reason not in REASONS:
        raise ValueError(f"APNs has no reason {reason!r}")
    content: dict[str, object] = {"reason": reason}
    if REASONS[reason] == 410:
        content["timestamp"] = int(now * 1000)
    return Reply(REASONS[reason], msgspec.json.encode(content), echo(apns_id))


def echo(apns_id: str) -> HeaderPairs:
    """The headers that tell the notification's id, if there is one."""
    return (("apns-id", apns_id),) if apns_id else ()
