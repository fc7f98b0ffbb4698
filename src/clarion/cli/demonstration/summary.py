"""What became of the messages, as a table for people."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages by outcome."""

    sent: int = 0
    failed: int = 0
    delivered: int = 0
    clicked: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(Counts)))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, item.name) - getattr(other, item.name) for item in fields(Counts)))


@dataclass(frozen=True, slots=True)
class Line:
    """One app of the demonstration."""

    app: str
    transport: str
    devices: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Summary:
    """The result, and how to go on from here."""

    lines: Sequence[Line]
    reported: Counts
    """What the simulated providers and devices have seen, to compare with."""
    address: str
    email: str
    password: str
    api_key: str

    @property
    def faults(self) -> list[str]:
        """Why not every message is accounted for; empty when all are."""
        total = sum((line.counts for line in self.lines), Counts())
        devices = sum(line.devices for line in self.lines)
        found = []
        if total.sent + total.failed != devices:
            found.append(f"{devices} devices, but {total.sent} messages sent and {total.failed} failed")
        for name in ("sent", "delivered", "clicked"):
            seen, counted = getattr(self.reported, name), getattr(total, name)
            if seen != counted:
                found.append(f"{name}: {seen} by the simulator's account, {counted} by Clarion's")
        return found

    def show(self, console: Console) -> None:
        """Print table and addresses."""
        console.print(self._table())
        for fault in self.faults:
            console.print(f"not accounted for: {fault}", style="bold red")
        console.print(f"console   {self.address}/console", highlight=False)
        console.print(f"sign in   {self.email}  {self.password}", highlight=False)
        console.print(f"API key   {self.api_key}", highlight=False)

    def _table(self) -> Table:
        table = Table(title="What became of the messages")
        for name in ("app", "transport"):
            table.add_column(name)
        for name in ("devices", *(item.name for item in fields(Counts))):
            table.add_column(name, justify="right")
        for line in self.lines:
            numbers = (line.devices, *(getattr(line.counts, item.name) for item in fields(Counts)))
            table.add_row(line.app, line.transport, *map(str, numbers))
        return table
