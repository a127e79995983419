"""What the library uses of Prefect without a promise of Prefect's: the table in CONTRIBUTING.md is true and whole."""

from __future__ import annotations

import ast
import functools
import importlib
import re
from pathlib import Path
from typing import Any

import prefect
import pytest

from helpers.imports import imported, modules
from helpers.repositories import LIBRARY

TABLE = re.findall(
    r"^\| `([^`]+)` \| (`[^|]+`) \| ([^|]+) \| ([^|]*) ?\|$",
    (LIBRARY.parent / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
USED_IN = {name: re.findall(r"`([^`]+)`", places) for name, places, _, _ in TABLE}
SOURCES = LIBRARY / "src" / "flow_ops"
# Modules of Prefect whose names its documentation does not explain to users, or that say so in their own name.
UNDOCUMENTED = re.compile(
    r"prefect\.(client\.base|context|events\.worker|logging\.handlers|server|testing|utilities|workers)(\.|$)"
    r"|prefect\.(\w+\.)*_"
)

# Their import takes seconds: what they define is read.
WITH_THE_SERVER = {"prefect.server.api.server", "prefect.testing.utilities"}


@functools.cache
def texts(folder: Path) -> dict[str, str]:
    """Return the text of each source below a folder, by its path there."""
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.py")
    }


def found(name: str) -> Any:
    """Return the thing of this dotted name, as the library would get it."""
    module = name
    path: list[str] = []
    while True:
        try:
            thing = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            path.insert(0, last)
    for attribute in path:
        thing = getattr(thing, attribute)
    return thing


def test_the_table_is_read() -> None:
    assert "prefect.workers.process.ProcessWorker.limiter" in USED_IN


@pytest.mark.parametrize("name", [name for name in USED_IN if name.startswith("prefect.")])
def test_a_name_of_the_table_is_in_this_prefect(name: str) -> None:
    module, _, function = name.rpartition(".")
    if module in WITH_THE_SERVER:
        text = texts(Path(prefect.__file__).parent)[f"{module.removeprefix('prefect.').replace('.', '/')}.py"]
        assert f"\ndef {function}(" in text
    else:
        assert found(name) is not None


@pytest.mark.parametrize("name", [name for name in USED_IN if not name.startswith("prefect.")])
def test_a_text_or_variable_of_the_table_is_in_the_sources_of_this_prefect(name: str) -> None:
    assert any(name in text for text in texts(Path(prefect.__file__).parent).values())


@pytest.mark.parametrize("name", USED_IN)
def test_the_library_uses_a_name_of_the_table_where_the_table_says(name: str) -> None:
    last = name.rpartition(".")[2]
    places = [
        place for place, text in texts(SOURCES).items() if re.search(rf"(?<!\w){re.escape(last)}(?!\w)", text)
    ]
    assert set(USED_IN[name]) <= set(places)


@pytest.mark.parametrize("module", modules(SOURCES))
def test_the_library_uses_nothing_undocumented_that_the_table_leaves_out(module: str) -> None:
    file = modules(SOURCES)[module]
    text = file.read_text(encoding="utf-8")
    # Also in a program that is written out in a text, for another process.
    programs = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    names = {
        *imported(file),
        *(name for program in programs for name in _named(program)),
        *re.findall(r"(?<!\w)PREFECT__\w+", text),
    }
    used = {name for name in names if UNDOCUMENTED.match(name) or name.startswith("PREFECT__")}
    place = file.relative_to(SOURCES).as_posix()
    listed = [name for name, places in USED_IN.items() if place in places]
    assert [
        name for name in sorted(used) if not any(f"{row}.".startswith(f"{name}.") for row in listed)
    ] == []


def _named(text: Any) -> list[str]:
    """Return what a program in a text imports of Prefect, or names as `module:function`."""
    if not isinstance(text, str):
        return []
    imports = [
        f"{module}.{name}"
        for module, name in re.findall(r"^from (prefect[\w.]*) import (\w+)", text, re.MULTILINE)
    ]
    return imports + [name.replace(":", ".") for name in re.findall(r"^prefect[\w.]*:\w+$", text)]
