"""Encodes ledger entries for PostgreSQL's binary COPY (protocol: PostgreSQL manual, *COPY, Binary Format*).

A general encoder spends 13 µs on such a row, this one 2: what the entries of a batch have in common is encoded once,
and each row is one pack and one join (docs/adr/0005).
"""

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from clarion.features.deliveries.model import GROUP, Entry

K = TypeVar("K")

COLUMNS = Entry._fields
"""Columns of `delivery` in the order of an encoded row."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)

_field_count = struct.Struct(">h").pack
_length = struct.Struct(">i").pack
_int2 = struct.Struct(">ih").pack
_int4 = struct.Struct(">ii").pack
_int8 = struct.Struct(">iq").pack
_device = struct.Struct(">iqi").pack


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    return _length(len(data)) + data


def _moment(value: datetime | None) -> bytes:
    return _NULL if value is None else _int8(8, (value - _EPOCH) // _MICROSECOND)


def _group(group: tuple[Any, ...]) -> bytes:
    """The common fields of rows, behind the number of fields of a row."""
    day, app_id, send_id, account_id, push_id, *texts, attempt, may_be_sent = group
    provider, lang, country, platform, state, reason, code = texts
    return b"".join(
        (
            _field_count(len(COLUMNS)),
            _int4(4, day.toordinal() - _DAY_ZERO),
            *(_int8(8, number) for number in (app_id, send_id, account_id, push_id)),
            *(_text(text) for text in (provider, lang, country, platform)),
            _int2(2, state),
            _text(reason),
            _text(code),
            _int2(2, attempt),
            b"\0\0\0\1\1" if may_be_sent else b"\0\0\0\1\0",
        )
    )


class _Known(dict[K, bytes]):
    """Encoded values by value, made on first use."""

    def __init__(self, encode_one: Callable[[K], bytes]) -> None:
        super().__init__()
        self._encode_one = encode_one

    def __missing__(self, key: K) -> bytes:
        value = self[key] = self._encode_one(key)
        return value


def encode(entries: Iterable[Entry]) -> bytes:
    """The complete COPY data for `entries`."""
    groups, moments = _Known(_group), _Known(_moment)
    parts = [_HEADER]
    for entry in entries:
        token_hash = entry[17]
        parts += (
            groups[tuple.__getitem__(entry, GROUP)],
            moments[entry[14]],
            moments[entry[15]],
            _device(8, entry[16], len(token_hash)),
            token_hash,
            _text(entry[18]),
            moments[entry[19]],
        )
    parts.append(_TRAILER)
    return b"".join(parts)
