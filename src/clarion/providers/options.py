"""What a push may ask of phones and browsers, in words of no provider (providers.md §1.6). Pure.

Field limits stand in the types; rules that need more than one look are `features/pushes/options.py`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

LONGEST_TTL = 2_419_200
"""Seconds: 28 days, the most that any provider keeps a message."""
ACTIONS_LIMIT = 5

_Word = Annotated[str, Meta(max_length=64)]
_Text = Annotated[str, Meta(max_length=256)]
_Link = Annotated[str, Meta(max_length=2048)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Options are told apart from typing errors: a name that is not listed is refused."""


class Action(_Part, frozen=True):
    """A button."""

    id: _Word
    title: _Word
    link: _Link = ""


Actions = Annotated[Sequence[Action], Meta(max_length=ACTIONS_LIMIT)]


class AndroidOptions(_Part, frozen=True):
    """Android only."""

    channel_id: _Text = ""
    sound: _Text = ""
    color: _Word = ""
    """`#RRGGBB`."""
    tag: _Word = ""
    """A later notification with the same tag replaces this one on screen."""


class IosOptions(_Part, frozen=True):
    """iPhone, iPad, Mac and their like."""

    sound: _Text | None = None
    """A file of the app; None = the system's sound, empty = no sound."""
    badge: Annotated[int, Meta(ge=0, le=99_999)] | None = None
    """The number on the app's icon; 0 removes it, None leaves it alone."""
    thread_id: _Word = ""
    category: _Word = ""
    interruption_level: Literal["passive", "active", "time-sensitive", "critical"] | None = None
    relevance_score: Annotated[float, Meta(ge=0, le=1)] | None = None
    subtitle: _Text = ""


class WebOptions(_Part, frozen=True):
    """Browsers only."""

    actions: Actions = ()
    """Instead of the push's own."""
    require_interaction: bool = False
    tag: _Word = ""
    renotify: bool = False
    silent: bool = False


class Links(_Part, frozen=True):
    """Instead of a translation's link, on devices of that kind."""

    android: _Link = ""
    ios: _Link = ""
    web: _Link = ""


class Raw(_Part, frozen=True):
    """Objects that are merged into what a provider receives, after everything else."""

    fcm: dict[str, Any] | None = None
    apns: dict[str, Any] | None = None
    webpush: dict[str, Any] | None = None
    onesignal: dict[str, Any] | None = None
    huawei: dict[str, Any] | None = None


class Options(_Part, frozen=True):
    """How a push is delivered and shown; everything may be left out."""

    ttl: Annotated[int, Meta(ge=0, le=LONGEST_TTL)] | None = None
    """Seconds from the start of the sending until the message is worthless; 0 = now or never."""
    priority: Literal["high", "normal"] | None = None
    """None = high, or normal for a silent push."""
    collapse_key: _Word = ""
    """A later message with the same key replaces one that waits or is shown."""
    silent: bool = False
    """The app gets the data; the system shows nothing."""
    android: AndroidOptions = AndroidOptions()
    ios: IosOptions = IosOptions()
    web: WebOptions = WebOptions()
    actions: Actions = ()
    links: Links = Links()
    raw: Raw = Raw()

    @property
    def urgent(self) -> bool:
        """Whether the device is to be woken at once."""
        return self.priority == "high" or (self.priority is None and not self.silent)


NO_OPTIONS = Options()


def merged(base: Mapping[str, Any], raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """`base` with a raw object merged in: objects into objects, anything else in place of what stands there.

    Null removes a key (RFC 7396). An object never gives way to something that is none.
    """
    result = dict(base)
    for key, value in (raw or {}).items():
        there = result.get(key)
        if isinstance(value, Mapping):
            result[key] = merged(there if isinstance(there, Mapping) else {}, value)
        elif value is None:
            result.pop(key, None)
        elif not isinstance(there, Mapping):
            result[key] = value
    return result
