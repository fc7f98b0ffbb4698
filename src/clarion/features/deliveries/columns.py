"""Ledger entries as the parameters of the statement that inserts them: few kinds, few moments, short rows.

What the entries of a batch have in common is one object for all that share it, found again by identity: looking such
objects up by value would cost more than sending them (docs/adr/0007).
"""

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from clarion.features.deliveries.model import Entry

T = TypeVar("T")

_KIND = (
    "days",
    "app_ids",
    "send_ids",
    "account_ids",
    "push_ids",
    "providers",
    "languages",
    "kind_countries",
    "kind_platforms",
    "states",
    "reasons",
    "codes",
    "attempts",
    "maybes",
)
"""Parameters for the fields of `Dimensions`, then of `Result`."""


def columns_of(entries: Sequence[Entry]) -> dict[str, Sequence[Any]]:
    """The parameters of `insert` in `queries.sql`."""
    dimensions, results, created, settled, device_ids, hashes, provider_ids, nexts = _columns(entries, 8)
    kinds, moments = _Numbers[tuple[Any, ...]](), _Numbers[datetime]()
    of_kind = kinds.of(zip(map(id, dimensions), map(id, results), strict=True), zip(dimensions, results, strict=True))
    return {
        "kinds": of_kind,
        "created": moments.of(map(id, created), created),
        "settled": moments.of(map(id, settled), settled),
        "nexts": moments.of(map(id, nexts), nexts) if any(nexts) else [],
        "moments": moments.numbered,
        "device_ids": device_ids,
        "token_hashes": hashes,
        "provider_ids": provider_ids,
        **dict(zip(_KIND, _columns([(*one, *result) for one, result in kinds.numbered], len(_KIND)), strict=True)),
    }


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * width


class _Numbers(Generic[T]):
    """Numbers for objects, from 1; 0 is none."""

    def __init__(self) -> None:
        self.numbered: list[T] = []

    def of(self, keys: Iterable[Hashable], values: Iterable[T | None]) -> list[int]:
        """The number of each value; `keys` tell them apart."""
        keys = list(keys)
        numbers = {}
        for key, value in dict(zip(keys, values, strict=True)).items():
            if value is not None:
                self.numbered.append(value)
            numbers[key] = 0 if value is None else len(self.numbered)
        return list(map(numbers.__getitem__, keys))
