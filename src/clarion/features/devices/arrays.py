"""PostgreSQL arrays as text. Pure.

The info statement takes its columns so: the driver would look at every single entry of an array parameter, which costs
more than anything else in the path of an info call; and rows with lists of different lengths fit into one parameter.
"""

from collections.abc import Iterable, Sequence


def text_array(values: Iterable[str | None]) -> str:
    """A `text[]`; None is null."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def plain_array(values: Sequence[int | bool | None]) -> str:
    """An array of numbers or booleans; None is null."""
    return "{" + str(list(values))[1:-1].replace("None", "NULL") + "}"


def bytes_array(values: Iterable[bytes | None]) -> str:
    """A `bytea[]`; None is null."""
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
