"""Prose of the OpenAPI document."""

from collections.abc import Mapping

DESCRIPTION = """\
Three interfaces share one host:

- `/api/b/v2` is the management API of Push.Express: apps, groups, devices, pushes, schedulers, events.
- `/api/v1` is our own: how sends go, statistics, the story of a device, estimates, credentials.
- `/api/r/v2` and `/api/postback/` are for devices and trackers; they need no key.

Management calls carry `Authorization: Bearer <API key>`. Bodies are JSON whatever the content type says; unknown keys
are ignored, and a missing body reads as `{}`. Ids that belong to another account are answered like ids that do not
exist. Moments are ISO 8601 in UTC.

Calls that create something may carry `Idempotency-Key`: repeated with the same key and body, they do nothing and give
the first answer again.

Every failed call answers `{"error": "...", "req_id": "..."}`; `req_id` also stands in the header `X-Request-Id`.
Try again after `Retry-After` seconds on 429 and 503. Lists of `/api/v1` are paged by `cursor`: pass `next_cursor` of
one page to get the next; it is null at the end.
"""

TAGS: Mapping[str, str] = {
    "apps": "Applications with the credentials of their transports.",
    "app groups": "Named sets of apps.",
    "pushes": "Content in one or more languages.",
    "rules": "Quiet hours, frequency caps, gaps, pacing, cut-off and time to live, which protect people and back ends.",
    "schedulers": "When something is sent, and to whom.",
    "sends": "Occurrences of schedulers: progress, counts and every message.",
    "statistics": "Counts of any period by any dimension.",
    "devices": "Devices of the account and their stories.",
    "audiences": "Which audiences there are, and how many devices a filter means.",
    "audience groups": "Named sets of audiences.",
    "filters": "Filters with names, to be used again.",
    "credentials": "Pauses and the mass guard.",
    "audit": "Who did what to which object.",
    "comparisons": "Several pushes of one sending as a test of each other.",
    "webhooks": "Addresses of your own servers that are told what happens.",
    "events": "Codes in a device's history.",
    "device API": "What SDKs call. It needs no key: an instance's id is its secret.",
    "postbacks": "What trackers and the owner's servers call.",
    "web SDK": "What pages need to know beside the scripts `/sdk/clarion.js` and `/sdk/clarion-sw.js`.",
    "operations": "For the operator: health, metrics, version.",
}

SUCCESSES: Mapping[int, str] = {200: "Success.", 201: "Created.", 202: "Accepted.", 204: "Done; there is no body."}

ERRORS: Mapping[int, str] = {
    400: "The request breaks a rule; nothing was changed.",
    401: "The API key is missing, malformed, unknown or revoked.",
    403: "The account may not do this.",
    404: "It does not exist, or belongs to another account.",
    408: "The body did not arrive in time.",
    409: "Its present state forbids this, or the first call with this idempotency key is still running.",
    413: "The body is too large.",
    415: "Compressed bodies are not accepted.",
    422: "The idempotency key belongs to another request.",
    429: "Too many calls; `Retry-After` says when to go on.",
    503: "Temporarily out of service; `Retry-After` says when to try again.",
}

PARAMETERS: Mapping[str, str] = {
    "archived": "`true` for archived ones; anything else for active ones.",
    "cursor": "`next_cursor` of the page before; absent at the beginning.",
    "limit": "Entries of a page: 50 unless given, at most 500.",
    "page": "From 1.",
    "per_page": "Entries of a page.",
    "type": "`all` for the system's events too.",
    "state": "Only those in this state.",
    "reason": "Only those that failed for this reason.",
    "provider": "`fcm`, `apns`, `webpush`, `onesignal` or `huawei`.",
    "sched_type": "`onesend`, `weekly` or `conversion`.",
    "device_id": "The device's id, as in the devices query.",
    "scheduler_id": "A scheduler of any type.",
    "country": "ISO 3166-1 alpha-2.",
    "lang": "The language of the translation that was sent.",
    "platform": "As the device tells it.",
    "prefix": "Only those that begin with this text.",
    "actor": "`key:<public id>`, `member:<id>`, `operator` or `system`.",
    "action": "Such as `scheduler.cancel`; `scheduler` for everything done to schedulers.",
    "object": "Such as `scheduler:71`.",
    "event": "Only messages of this event.",
}
"""What parameters mean that no route describes itself."""
