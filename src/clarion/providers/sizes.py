"""How large a push is for each provider, before anything is sent (providers.md §1.7). Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from clarion.foundation.ids import LONGEST_MSG_ID
from clarion.providers.apns import payload as apns
from clarion.providers.contract import Content
from clarion.providers.fcm import payload as fcm
from clarion.providers.huawei import payload as huawei
from clarion.providers.onesignal import payload as onesignal
from clarion.providers.options import LONGEST_TTL
from clarion.providers.personal import encoded, opened
from clarion.providers.webpush import payload as webpush
from clarion.providers.webpush.encryption import PLAINTEXT_LIMIT

_MSG_ID = b"0" * LONGEST_MSG_ID
_UUID = b"0" * 32
_FAMILIES = ("", "android", "ios", "web")


class Size(NamedTuple):
    """What a provider counts of a push, against its limit."""

    provider: str
    bytes: int
    limit: int

    @property
    def over(self) -> bool:
        """The provider will refuse it."""
        return self.bytes > self.limit


def _fcm(content: Content) -> int:
    bodies = (fcm.render(content, transport=transport, ttl=LONGEST_TTL) for transport in ("fcm", fcm.DATA_ONLY))
    templates = (opened(body, content.placeholders)[0] for body in bodies)
    return max(fcm.counted(template.body(b"", _MSG_ID, _UUID)) for template in templates)


def _apns(content: Content) -> int:
    head, tail = opened(apns.render(content), content.placeholders)[0]
    return len(head) + len(_MSG_ID) + len(tail)


def _webpush(content: Content) -> int:
    return len(opened(webpush.render(content), content.placeholders)[0].text(_MSG_ID))


def _onesignal(content: Content) -> int:
    template, _ = opened(onesignal.render(content, app_id="", ttl=LONGEST_TTL), content.placeholders)
    return onesignal.counted(template.body((), _UUID, _MSG_ID))


def _huawei(content: Content) -> int:
    return len(opened(huawei.render(content, ttl=LONGEST_TTL), content.placeholders)[0].body((), _MSG_ID))


_MEASURES: Mapping[str, tuple[Callable[[Content], int], int]] = {
    "fcm": (_fcm, 4096),
    "apns": (_apns, 4096),
    "webpush": (_webpush, PLAINTEXT_LIMIT),
    "onesignal": (_onesignal, 2048),
    "huawei": (_huawei, 4096),
}
"""How each provider counts, and its limit in bytes."""


def sizes(content: Content) -> Iterable[Size]:
    """The size of a translation at every provider: with the longest message id, the longest link and all fallbacks."""
    longest = max((content.on(family) for family in _FAMILIES), key=lambda one: len(encoded(one.link)))
    for provider, (measure, limit) in _MEASURES.items():
        yield Size(provider, measure(longest), limit)
