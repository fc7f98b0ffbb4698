"""Puts what the console's pages load from npm packages into `src/clarion/console/vendor/` (not in git, in the wheel).

Run by `make setup` after `npm ci`. Icons: the names in `src/clarion/console/icons.txt`, as one SVG sprite.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
CONSOLE = ROOT / "src" / "clarion" / "console"
VENDOR = CONSOLE / "vendor"
FILES = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
}
LICENCES = {
    "tabler.LICENSE.txt": "@tabler/icons/LICENSE",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "uplot.LICENSE.txt": "uplot/LICENSE",
}
SYMBOL = (
    '<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
    ' stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
)
_OUTER = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_MAP = re.compile(rb"\n?(/\*#|//#) sourceMappingURL=[^\n*]*(\*/)?")


def sprite(names: list[str]) -> str:
    """All named outline icons as symbols of one SVG file; `SystemExit` names the one that does not exist."""
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(_symbol(name) for name in names)}</svg>\n'


def _symbol(name: str) -> str:
    file = PACKAGES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
    inside = _OUTER.search(file.read_text("utf-8")) if file.is_file() else None
    if inside is None:
        sys.exit(f"icons.txt: there is no icon named {name}")
    return SYMBOL.format(name=name, shapes=" ".join(inside[1].split()).replace("> <", "><"))


def main() -> None:
    """Fill the folder anew."""
    if not PACKAGES.is_dir():
        sys.exit("node_modules is missing; run: npm ci")
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir()
    for target, source in FILES.items():
        (VENDOR / target).write_bytes(_MAP.sub(b"", (PACKAGES / source).read_bytes()))
    for target, source in LICENCES.items():
        shutil.copyfile(PACKAGES / source, VENDOR / target)
    names = (CONSOLE / "icons.txt").read_text("utf-8").split()
    (VENDOR / "icons.svg").write_text(sprite(sorted(set(names))), "utf-8")


if __name__ == "__main__":
    main()
