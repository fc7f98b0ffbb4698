"""Schedulers, filters and outcomes in the words of people who send."""

from collections.abc import Callable, Iterator, Mapping

from clarion.console.texts import N_
from clarion.features.audiences import Filter
from clarion.features.deliveries.seen import StateWord
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.sends.results import Summary

Text = Callable[..., str]
"""`visit.text`: a text in the visitor's language with its places filled."""

KINDS: Mapping[str, str] = {
    "instant": N_("Instant"),
    "onesend": N_("At a moment"),
    "local": N_("At local time"),
    "weekly": N_("Weekly"),
    "conversion": N_("Auto-push"),
}
TYPES: Mapping[str, str] = {"onesend": N_("One time"), "weekly": N_("Weekly"), "conversion": N_("Auto-push")}
STATES: Mapping[str, tuple[str, str]] = {
    "draft": (N_("draft"), "secondary"),
    "planned": (N_("planned"), "blue"),
    "sending": (N_("sending"), "purple"),
    "active": (N_("active"), "green"),
    "paused": (N_("paused"), "yellow"),
    "cancelled": (N_("cancelled"), "secondary"),
    "done": (N_("sent"), "green"),
}
"""State → its words and colour."""
MESSAGE_STATES: Mapping[StateWord, tuple[str, str]] = {
    StateWord.SENT: (N_("handed over"), "green"),
    StateWord.WAITING: (N_("waiting"), "yellow"),
    StateWord.FAILED: (N_("failed"), "red"),
    StateWord.SKIPPED: (N_("left out"), "secondary"),
    StateWord.CANCELLED: (N_("cancelled"), "secondary"),
}
"""State of one message → its words and colour."""
DAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))

FAILURES: Mapping[str, tuple[str, str]] = {
    "failed_token": (
        N_("The app was removed, or its push token is no longer valid"),
        N_("Nothing to do: these devices are left out from now on and come back when the app is opened again."),
    ),
    "failed_message": (
        N_("The provider refused the message"),
        N_("Look at the recipients: the provider's code tells whether the text is too long or a field is wrong."),
    ),
    "failed_internal": (
        N_("Clarion could not make the message"),
        N_("Look at the recipients for the code, and tell your operator if it happens again."),
    ),
    "failed_expired": (
        N_("It could not be handed over in time"),
        N_("The provider was away or slow, or the sending was paused for long. Check the app's credentials."),
    ),
    "skipped_frequency": (N_("Left out by a frequency cap"), N_("Your rules say that these people had enough.")),
    "skipped_gap": (N_("Left out by the minimum gap"), N_("Your rules say that the last message was too recent.")),
    "skipped_too_late": (N_("Left out as too late"), N_("Your rules say that it was of no use any more.")),
    "cancelled": (N_("Cancelled before it was sent"), N_("Somebody cancelled the sending, or deleted the app.")),
}
"""Count → what happened and what to do."""

_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("countries", N_("Countries"), "countries_include", "countries_exclude"),
    ("languages", N_("Languages"), "languages_include", "languages_exclude"),
    ("audiences", N_("Audiences"), "audiences_include", "audiences_exclude"),
    ("audience groups", N_("Audience groups"), "audience_groups_include", "audience_groups_exclude"),
    ("platforms", N_("Platforms"), "platforms_include", "platforms_exclude"),
    ("transports", N_("Transports"), "transports_include", "transports_exclude"),
    ("external ids", N_("External ids"), "external_ids_include", "external_ids_exclude"),
)
_SHOWN = 12


def kind_of(scheduler: Scheduler) -> str:
    """A key of `KINDS`."""
    if scheduler.source == "instant":
        return "instant"
    return "local" if scheduler.type == "onesend" and scheduler.local_time else scheduler.type


def state_of(scheduler: Scheduler, summary: Summary) -> str:
    """A key of `STATES`: what people call the state."""
    if scheduler.state is not State.ACTIVE:
        return scheduler.state if scheduler.state is not State.DONE or not summary.open else "sending"
    if summary.open and scheduler.type != "conversion":
        return "sending"
    return "planned" if scheduler.type == "onesend" else "active"


def timing_words(scheduler: Scheduler, text: Text) -> str:
    """When it sends."""
    timing = scheduler.timing
    if scheduler.type == "conversion":
        events = ", ".join(scheduler.filter.events_included)
        if not timing["delay_sec"]:
            return text(N_("at once after %(events)s"), events=events)
        return text(N_("%(delay)s after %(events)s"), delay=timing["delay"], events=events)
    zone = text(N_("local time")) if scheduler.local_time else f"UTC{timing['timezone']}"
    if scheduler.type == "weekly":
        days = ", ".join(text(DAYS[day - 1]) for day in timing["days"])
        return f"{days} · {', '.join(timing['times'])} · {zone}"
    return f"{timing['date']} · {timing['time']} · {zone}"


def filter_words(filter_: Filter, text: Text, *, apps: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """What the filter asks for: name and words of each part that narrows it."""
    yield text(N_("Apps")), _apps(filter_, text, apps)
    for _, label, include, exclude in _LISTS:
        if words := _both(filter_.listed(include), filter_.listed(exclude), text):
            yield text(label), words
    if words := _both(filter_.events_included, filter_.events_excluded, text):
        yield text(N_("Events")), words
    if filter_.tags:
        yield text(N_("Tags")), ", ".join(rule.key for rule in filter_.tags)
    if filter_.last_active_within or filter_.last_active_before:
        parts = {N_("within %(time)s"): filter_.last_active_within, N_("not for %(time)s"): filter_.last_active_before}
        yield text(N_("Last active")), ", ".join(text(words, time=time) for words, time in parts.items() if time)


def _apps(filter_: Filter, text: Text, apps: Mapping[int, str]) -> str:
    if filter_.all_apps:
        named = text(N_("all active ones"))
    else:
        names = [apps.get(int(number), str(number)) for number in filter_.listed("app_ids_include")]
        groups = [text(N_("group %(id)s"), id=number) for number in filter_.listed("app_groups_include")]
        named = ", ".join([*names, *groups][:_SHOWN])
    left_out = [apps.get(int(number), str(number)) for number in filter_.listed("app_ids_exclude")]
    return named + (text(N_(", but not %(names)s"), names=", ".join(left_out[:_SHOWN])) if left_out else "")


def _both(include: object, exclude: object, text: Text) -> str:
    wanted, unwanted = _joined(include), _joined(exclude)
    if wanted and unwanted:
        return text(N_("%(wanted)s, but not %(unwanted)s"), wanted=wanted, unwanted=unwanted)
    return wanted or (text(N_("all but %(unwanted)s"), unwanted=unwanted) if unwanted else "")


def _joined(values: object) -> str:
    items = [str(value) for value in values] if isinstance(values, list | tuple) else []
    return ", ".join(items[:_SHOWN]) + (" …" if len(items) > _SHOWN else "")
