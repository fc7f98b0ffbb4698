"""Encodes ledger entries for PostgreSQL's binary COPY (protocol: PostgreSQL manual, *COPY, Binary Format*).

A general encoder spends 13 µs on such a row, this one 2: what the entries of a batch have in common is encoded once,
and each row is one pack and one join (docs/adr/0005).
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeVar

from clarion.features.deliveries.model import Dimensions, Entry, Result

T = TypeVar("T")

COLUMNS = (*Dimensions._fields, *Result._fields, *Entry._fields[2:])
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


def _dimensions(value: Dimensions) -> bytes:
    """The fields of the dimensions, behind the number of fields of a row."""
    numbers = (value.app_id, value.send_id, value.account_id, value.push_id)
    texts = (value.provider, value.lang, value.country, value.platform)
    return b"".join(
        (
            _field_count(len(COLUMNS)),
            _int4(4, value.day.toordinal() - _DAY_ZERO),
            *(_int8(8, number) for number in numbers),
            *(_text(text) for text in texts),
        )
    )


def _result(value: Result) -> bytes:
    return b"".join(
        (
            _int2(2, value.state),
            _text(value.reason),
            _text(value.code),
            _int2(2, value.attempt),
            b"\0\0\0\1\1" if value.may_be_sent else b"\0\0\0\1\0",
        )
    )


class _Known(dict[int, bytes], Generic[T]):
    """Encoded objects by identity: the entries of a batch share them, and looking them up by value costs more."""

    def __init__(self, encode_one: Callable[[T], bytes]) -> None:
        super().__init__()
        self._encode_one = encode_one

    def add(self, value: T) -> bytes:
        """Encode an object on first sight."""
        encoded = self[id(value)] = self._encode_one(value)
        return encoded


def encode(entries: Sequence[Entry]) -> bytes:
    """The complete COPY data for `entries`."""
    dimensions, results, moments = _Known(_dimensions), _Known(_result), _Known(_moment)
    parts = [_HEADER]
    for one, result, created_at, settled_at, device_id, token_hash, provider_id, next_at in entries:
        parts += (
            dimensions.get(id(one)) or dimensions.add(one),
            results.get(id(result)) or results.add(result),
            moments.get(id(created_at)) or moments.add(created_at),
            moments.get(id(settled_at)) or moments.add(settled_at),
            _device(8, device_id, len(token_hash)),
            token_hash,
            _text(provider_id),
            moments.get(id(next_at)) or moments.add(next_at),
        )
    parts.append(_TRAILER)
    return b"".join(parts)
