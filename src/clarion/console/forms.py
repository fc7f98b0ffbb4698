"""Forms as sent by a browser: their values as text, and what is wrong with each.

    form = await visit.form()
    name = form.text("name", label=N_("Name"), limit=200)
    if form.faulty:
        return visit.page("things/new.html", form=form)

A reader never raises: it notes the fault under the field and returns something harmless.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from litestar.datastructures import UploadFile

from clarion.console.texts import N_
from clarion.foundation.errors import ClarionError

REQUIRED = N_("This is needed.")
NOT_A_NUMBER = N_("This must be a whole number.")
NOT_OFFERED = N_("Choose one of the possibilities.")
NOT_A_MOMENT = N_("This must be a date with a time.")
TOO_LONG = N_("This is too long.")
OUT_OF_RANGE = N_("This number is too small or too large.")


class Form:
    """Values and faults of one form. An empty one is for showing a form for the first time."""

    def __init__(
        self, values: Mapping[str, Sequence[str]] | None = None, files: Mapping[str, UploadFile] | None = None
    ) -> None:
        self._values = {name: list(given) for name, given in (values or {}).items()}
        self._files = dict(files or {})
        self.faults: dict[str, str] = {}
        """Field → what is wrong with it, in English; templates translate."""
        self.fault: str | None = None
        """What is wrong with the whole."""

    @classmethod
    def of(cls, **values: object) -> "Form":
        """A form that shows these values: text, numbers, or lists of them. None shows nothing."""
        return cls({name: _texts(value) for name, value in values.items() if value is not None})

    @property
    def faulty(self) -> bool:
        """Whether something is wrong."""
        return bool(self.faults) or self.fault is not None

    @property
    def fields(self) -> Mapping[str, Sequence[str]]:
        """Every field with all its values, files aside."""
        return self._values

    def value(self, name: str, default: str = "") -> str:
        """What the field shows."""
        given = self._values.get(name)
        return given[0] if given else default

    def values(self, name: str) -> list[str]:
        """All values of a field that can be given several times."""
        return self._values.get(name, [])

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.value(name))

    def file(self, name: str) -> UploadFile | None:
        """What was uploaded; None when nothing was chosen."""
        found = self._files.get(name)
        return found if found is not None and found.filename else None

    def text(self, name: str, *, limit: int = 1000, required: bool = True) -> str:
        """A line of text without surrounding spaces."""
        value = self.value(name).strip()
        if required and not value:
            self.refuse(name, REQUIRED)
        if len(value) > limit:
            self.refuse(name, TOO_LONG)
        return value

    def number(self, name: str, *, low: int = 0, high: int = 2**53, default: int | None = None) -> int:
        """A whole number; `default` when left empty, if there is one."""
        value = self.value(name).strip()
        if not value and default is not None:
            return default
        if not value or not value.lstrip("-").isascii() or not value.lstrip("-").isdigit() or len(value) > 18:
            self.refuse(name, NOT_A_NUMBER if value else REQUIRED)
            return low
        if not low <= int(value) <= high:
            self.refuse(name, OUT_OF_RANGE)
            return low
        return int(value)

    def choice(self, name: str, allowed: Collection[str], *, default: str | None = None) -> str:
        """One of the `allowed` values."""
        value = self.value(name) or (default or "")
        if value not in allowed:
            self.refuse(name, NOT_OFFERED)
        return value

    def moment(self, name: str) -> datetime:
        """A date with a time as `<input type="datetime-local">` gives it: without a zone."""
        try:
            return datetime.fromisoformat(self.value(name)).replace(tzinfo=None)
        except ValueError:
            self.refuse(name, NOT_A_MOMENT if self.value(name) else REQUIRED)
            return datetime.min  # noqa: DTZ901 - never used: the form is faulty

    def refuse(self, name: str, fault: str) -> None:
        """Note what is wrong with a field; the first fault stays."""
        self.faults.setdefault(name, fault)

    def refuse_all(self, error: ClarionError) -> None:
        """Note what a service said."""
        self.fault = str(error)


def _texts(value: object) -> list[str]:
    if isinstance(value, list | tuple | set | frozenset):
        return [str(item) for item in value]
    return [] if value is False else [str(value)]
