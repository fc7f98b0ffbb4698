"""Numbers, shares, dates and times as a member reads them: in their language and zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from clarion.console.texts import locale_of


@dataclass(frozen=True, slots=True)
class Formats:
    """The helpers that templates know as `fmt`. What is None is shown as a dash."""

    language: str
    zone: str

    @property
    def locale(self) -> Locale:
        """The rules of the language."""
        return locale_of(self.language)

    @property
    def tz(self) -> tzinfo:
        """The member's zone."""
        return ZoneInfo(self.zone)

    def number(self, value: float | None) -> str:
        """12,345"""
        return "–" if value is None else format_decimal(value, locale=self.locale)

    def short(self, value: float | None) -> str:
        """12K, for places where there is little room."""
        return "–" if value is None else format_compact_decimal(value, locale=self.locale, fraction_digits=1)

    def share(self, part: float | None, whole: float | None) -> str:
        """`part` of `whole` in per cent; a dash when there is nothing to divide by."""
        if part is None or not whole:
            return "–"
        return str(format_percent(part / whole, format="#,##0.#%", locale=self.locale))

    def when(self, value: datetime | None) -> str:
        """22 Nov 2026, 14:05"""
        if value is None:
            return "–"
        return str(format_datetime(value, "medium", tzinfo=ZoneInfo(self.zone), locale=self.locale))

    def day(self, value: date | datetime | None) -> str:
        """22 Nov 2026"""
        if value is None:
            return "–"
        local = value.astimezone(self.tz) if isinstance(value, datetime) else value
        return str(format_date(local, "medium", locale=self.locale))

    def clock(self, value: datetime | None) -> str:
        """14:05"""
        if value is None:
            return "–"
        return str(format_time(value, "short", tzinfo=ZoneInfo(self.zone), locale=self.locale))

    def ago(self, value: datetime | None) -> str:
        """3 minutes ago, in 2 days"""
        if value is None:
            return "–"
        return format_timedelta(value - datetime.now(UTC), add_direction=True, locale=self.locale)

    def span(self, value: timedelta | None) -> str:
        """3 minutes"""
        return "–" if value is None else format_timedelta(value, locale=self.locale)

    def bytes(self, value: int | None) -> str:
        """1.5 MB, in powers of 1000."""
        if value is None:
            return "–"
        amount, unit = float(value), "B"
        for unit in ("B", "kB", "MB", "GB", "TB"):
            if amount < 1000 or unit == "TB":
                break
            amount /= 1000
        return f"{format_decimal(round(amount, 1), locale=self.locale)} {unit}"
