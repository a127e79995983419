"""Who imports whom, read from the sources: at the top of a module, in a function, or for types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def modules(*roots: Path) -> dict[str, Path]:
    """Return the file of each module below these packages, or of these single modules, by its dotted name."""
    found = {}
    for root in roots:
        for file in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            parts = file.relative_to(root.parent).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


def imported(file: Path) -> Iterator[str]:
    """Yield what a file imports, wherever in it, by dotted names; `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{file}: a relative import"
            yield from (f"{node.module}.{each.name}" for each in node.names)


def graph(files: dict[str, Path]) -> Graph:
    """Return, for each of these modules, those of them that it imports."""
    return {
        name: {target for each in imported(file) if (target := _module(each, files)) and target != name}
        for name, file in files.items()
    }


def circle(imports: Graph) -> list[str]:
    """Return the modules of a circle of imports, in order; none where there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _module(name: str, files: dict[str, Path]) -> str | None:
    """Return which of the modules a dotted name is, or is in."""
    while name and name not in files:
        name = name.rpartition(".")[0]
    return name or None
