"""Named SQL statements, read from the `queries.sql` files next to the features.

A file holds statements that each begin with `-- name:` on a line of its own, followed by comment lines with their
purpose. Parameters are written `:name`. Where a statement takes a compiled filter it says `{conditions}`.
"""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

import asyncpg

from clarion.db.pool import Connection

_HEADER = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_COMMENT = re.compile(r"--[^\n]*")

Record = asyncpg.Record


@dataclass(frozen=True, slots=True)
class Conditions:
    """SQL conditions (joined by AND) with their parameters; made by the filter compiler only."""

    sql: str = "true"
    parameters: dict[str, Any] = field(default_factory=dict)

    def and_(self, other: "Conditions") -> "Conditions":
        """Both together; their parameters must have different names."""
        if other.sql == "true":
            return self
        return Conditions(f"({self.sql}) and ({other.sql})", {**self.parameters, **other.parameters})


@lru_cache(maxsize=1024)
def _positional(text: str) -> tuple[str, tuple[str, ...]]:
    names: dict[str, int] = {}
    sql = _PARAMETER.sub(lambda m: f"${names.setdefault(m[1], len(names) + 1)}", text)
    return sql, tuple(names)


class Statement:
    """One statement; parameters are given by name and must be complete."""

    __slots__ = ("bound", "names", "sql", "text")

    def __init__(self, text: str, bound: dict[str, Any] | None = None) -> None:
        self.text = text
        self.bound = bound or {}
        self.sql, self.names = _positional(text)

    def where(self, conditions: Conditions, **more: Conditions) -> "Statement":
        """This statement with `{conditions}` filled in, and other slots by their names."""
        text, parameters = self.text, dict[str, Any]()
        for slot, filling in {"conditions": conditions, **more}.items():
            text = text.replace(f"{{{slot}}}", f"({filling.sql})")
            parameters |= filling.parameters
        return Statement(text, parameters)

    def beside(self, *others: "Statement") -> "Statement":
        """One statement that does what this one and the others do, in this order: one round trip, all or nothing.

        Each must be one statement without WITH of its own, and the names of all parameters must differ. None sees what
        the others change.
        """
        # PostgreSQL carries out the statement itself, then what WITH has, beginning with the last.
        parts = ", ".join(f"beside_{no} as ({other.text})" for no, other in enumerate(reversed(others), 1))
        bound = self.bound.copy()
        for other in others:
            bound |= other.bound
        return Statement(f"with {parts} {self.text}", bound)

    def _values(self, parameters: dict[str, Any]) -> list[Any]:
        given = {**self.bound, **parameters}
        if len(given) != len(self.names):
            raise TypeError(f"statement takes {sorted(self.names)}, was given {sorted(given)}")
        return [given[name] for name in self.names]

    async def fetch(self, connection: Connection, **parameters: Any) -> list[Record]:
        """All rows."""
        return await connection.fetch(self.sql, *self._values(parameters))

    async def fetchrow(self, connection: Connection, **parameters: Any) -> Record | None:
        """The first row or None."""
        return await connection.fetchrow(self.sql, *self._values(parameters))

    async def fetchval(self, connection: Connection, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        return await connection.fetchval(self.sql, *self._values(parameters))

    async def execute(self, connection: Connection, **parameters: Any) -> int:
        """Run it; the number of rows it touched (0 where PostgreSQL reports none)."""
        status = await connection.execute(self.sql, *self._values(parameters))
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def execute_many(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Run it once per row of parameters, pipelined."""
        await connection.executemany(self.sql, [self._values(row) for row in rows])

    async def stream(self, connection: Connection, size: int, **parameters: Any) -> AsyncIterator[Sequence[Record]]:
        """Rows in chunks of `size` from a server-side cursor; needs an open transaction."""
        cursor = await connection.cursor(self.sql, *self._values(parameters))
        while chunk := await cursor.fetch(size):
            yield chunk


class Statements:
    """The statements of one file as attributes."""

    def __init__(self, statements: dict[str, Statement]) -> None:
        self._statements = statements

    def __getattr__(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"no statement named {name}") from None


def load(package: str, file: str = "queries.sql") -> Statements:
    """Read the statements of `package`'s query file. `ValueError` on a duplicate or empty one."""
    parts = _HEADER.split(resources.files(package).joinpath(file).read_text("utf-8"))
    statements: dict[str, Statement] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        text = _COMMENT.sub("", body).strip().rstrip(";")
        if not text or name in statements:
            raise ValueError(f"{package}/{file}: statement {name} is empty or defined twice")
        statements[name] = Statement(text)
    return Statements(statements)
