"""Checks that build the description of a JSON message: each takes a value and its path, and raises `Unfit`."""

import re
from collections.abc import Callable

from clarion.simulator.fcm.answers import Violation

Check = Callable[[object, str], None]


class Unfit(Exception):
    """A field that FCM refuses."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(description)
        self.violation = Violation(field, description)


def invalid_type(path: str, kind: str, value: object) -> Unfit:
    """The refusal of a value of the wrong JSON type."""
    return Unfit(path, f"Invalid value at '{path}' ({kind}), {str(value)[:100]}")


def text(value: object, path: str) -> None:
    """A string."""
    if type(value) is not str:
        raise invalid_type(path, "TYPE_STRING", value)


def boolean(value: object, path: str) -> None:
    """true or false."""
    if type(value) is not bool:
        raise invalid_type(path, "TYPE_BOOL", value)


def integer(value: object, path: str) -> None:
    """A 32-bit integer."""
    if type(value) is not int or not -(1 << 31) <= value < 1 << 31:
        raise invalid_type(path, "TYPE_INT32", value)


def fraction(value: object, path: str) -> None:
    """A number from 0 to 1."""
    if type(value) not in (int, float) or not 0 <= float(str(value)) <= 1:
        raise invalid_type(path, "TYPE_FLOAT", value)


def anything(value: object, path: str) -> None:
    """Any JSON object (a `Struct` of protocol buffers)."""
    if type(value) is not dict:
        raise invalid_type(path, "type.googleapis.com/google.protobuf.Struct", value)


def matching(pattern: str, description: str) -> Check:
    """A string of a given form."""
    compiled = re.compile(pattern)

    def check(value: object, path: str) -> None:
        text(value, path)
        if not compiled.fullmatch(str(value)):
            raise Unfit(path, f"Invalid value at '{path}', {description}")

    return check


def one_of(*names: str) -> Check:
    """The name of an enum value."""
    known = frozenset(names)

    def check(value: object, path: str) -> None:
        if type(value) is not str or value not in known:
            raise invalid_type(path, "type.googleapis.com/google.firebase.fcm.v1 enum", value)

    return check


def duration(longest: int) -> Check:
    """Seconds with up to nine decimals and `s`, from 0 to `longest`."""
    form = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,9})?s")

    def check(value: object, path: str) -> None:
        found = form.fullmatch(value) if type(value) is str else None
        if found is None:
            raise Unfit(path, f"Invalid value at '{path}' (type.googleapis.com/google.protobuf.Duration), {value!r}")
        if int(found[1]) > longest:
            raise Unfit(path, f"Invalid value at '{path}', the duration must be within [0, {longest}] seconds")

    return check


def list_of(item: Check) -> Check:
    """A list, each item checked."""

    def check(value: object, path: str) -> None:
        if type(value) is not list:
            raise invalid_type(path, "repeated field", value)
        for number, one in enumerate(value):
            item(one, f"{path}[{number}]")

    return check


def text_map(reserved: re.Pattern[str] | None = None) -> Check:
    """A map of strings to strings, as protocol buffers name its parts in errors."""

    def check(value: object, path: str) -> None:
        if type(value) is not dict:
            raise invalid_type(path, "Map", value)
        for number, (key, one) in enumerate(value.items()):
            if type(one) is not str:
                raise invalid_type(f"{path}[{number}].value", "TYPE_STRING", one)
            if reserved is not None and reserved.match(key):
                raise Unfit(path, f"Invalid data payload key: {key}")

    return check


def record(**fields: Check) -> Check:
    """An object with these fields, in snake_case or lowerCamelCase; `null` means absent."""
    known = fields | {camel(name): check for name, check in fields.items()}

    def check(value: object, path: str) -> None:
        if type(value) is not dict:
            raise invalid_type(path, "message", value)
        for key, one in value.items():
            field = known.get(key)
            if field is None:
                where = f" at '{path}'" if path else ""
                raise Unfit(path, f'Invalid JSON payload received. Unknown name "{key}"{where}: Cannot find field.')
            if one is not None:
                field(one, f"{path}.{key}" if path else key)

    return check


def camel(name: str) -> str:
    """snake_case to lowerCamelCase."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
