"""How benchmarks describe the machine and print their figures: a table for people, a line of JSON for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores, Python and the load of the last minute: what figures cannot be read without."""
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns; the first one is text, the others are figures."""
    texts = [[_text(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    for row in texts:
        first, *others = zip(row, widths, strict=True)
        print("  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]))


def show_json(bench: str, values: Mapping[str, Any]) -> None:
    """Print the figures on one line."""
    print(json.dumps({"bench": bench, **values}))


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:,.1f}" if abs(cell) >= 10 else f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
