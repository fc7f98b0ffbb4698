"""The reference pages say exactly what the code has: every setting, command, error code and metric, and no others."""

import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clarion.api.errors import status_of
from clarion.cli.app import COMMANDS, build
from clarion.foundation.errors import ClarionError, TooManyRequests, Unavailable
from clarion.settings import Settings, known_variables

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SOURCES = ROOT / "src" / "clarion"
PICTURES = ROOT / "docs" / "images"
PICTURE_BYTES = 120_000
METRIC_KINDS = {"Counter", "Gauge", "GaugeMetricFamily", "Histogram", "Summary", "Info", "Enum"}


def rows(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables by the name in their first column."""
    lines = re.findall(r"^\| `([^`]+)` \|(.*)\|$", (REFERENCE / page).read_text("utf-8"), re.MULTILINE)
    assert len(lines) == len(dict(lines)), "a name has two rows"
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in lines}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every source file, parsed. Not every one can be imported: some are programs."""
    for file in SOURCES.rglob("*.py"):
        yield file, ast.parse(file.read_text("utf-8"))


def error_classes() -> dict[str, type[ClarionError]]:
    """Every class with an error code, by its code."""
    found = {}
    for file, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and any(_names_code(line) for line in node.body):
                kind = getattr(importlib.import_module(_module(file)), node.name)
                assert kind.code not in found, f"{kind.code} has two classes"
                found[kind.code] = kind
    return {code: kind for code, kind in found.items() if kind is not ClarionError}


def _names_code(line: ast.stmt) -> bool:
    return isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == ["code"]


def _module(file: Path) -> str:
    return ".".join(file.relative_to(SOURCES.parent).with_suffix("").parts).removesuffix(".__init__")


def test_every_setting_is_on_its_page_in_order() -> None:
    assert list(rows("settings.md")) == list(known_variables())


@pytest.mark.parametrize(("variable", "field"), known_variables().items())
def test_defaults_are_as_documented(variable: str, field: str) -> None:
    documented = rows("settings.md")[variable][0].strip("`")
    value = getattr(Settings(), field)
    if documented == "half of the cores":
        assert value == max(1, (os.cpu_count() or 1) // 2)
    elif documented == "–":
        assert value in (None, ())
    else:
        shown = (
            str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
        )
        assert shown == documented


def sections() -> dict[str, str]:
    """The sections of the command page by command."""
    parts = re.split(r"^## clarion (.+)$", (REFERENCE / "cli.md").read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_its_section() -> None:
    assert set(sections()) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_usage_of_a_command_names_exactly_its_options(command: str) -> None:
    app = build()
    for word in command.split():
        app = app[word]
    names = {name for argument in app.assemble_argument_collection() for name in argument.names if name.startswith("-")}
    usage = sections()[command].strip().splitlines()[0]
    assert set(re.findall(r"--[\w-]+", usage)) == names


def test_every_error_code_is_on_its_page_with_its_status() -> None:
    documented = rows("errors.md")
    codes = error_classes()
    assert set(documented) == set(codes)
    for code, kind in codes.items():
        extra = {"retry_after": 1} if issubclass(kind, TooManyRequests | Unavailable) else {}
        first = documented[code][0]
        if first.isdigit() and "device API" not in documented[code][1]:
            assert status_of(kind("text", **extra)) == int(first), code
        if not first.isdigit():
            assert status_of(kind("text", **extra)) == 500, f"{code} is an answer to a call and needs its status"


def metrics() -> set[str]:
    """Names given to the constructors of prometheus-client anywhere in the sources."""
    calls = (node for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    first = (ast.unparse(call.args[0]).strip("'") for call in calls if ast.unparse(call.func) in METRIC_KINDS)
    return {name for name in first if name.startswith("clarion_")}


def test_every_metric_is_on_its_page() -> None:
    assert set(rows("metrics.md")) == metrics()


@pytest.mark.parametrize(
    "page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=str
)
def test_links_lead_to_pages(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_pictures_are_small_and_shown() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for picture in PICTURES.iterdir():
        assert picture.stat().st_size <= PICTURE_BYTES, picture.name
        assert f"docs/images/{picture.name}" in readme, picture.name
