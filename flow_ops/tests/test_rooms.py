"""Who may import whom in the library: no circle, and a room imports the rooms below it only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers.imports import circle, graph, modules
from helpers.repositories import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

# From the bottom up. A room is a module or a package, with all that is in it.
ROOMS = (
    "embedding",
    "programs",
    "shell",
    "repository",
    "signals",
    "hidden",
    "changelog",
    "messages",
    "screen",
    "ui",
    "git",
    "network",
    "ui",
    "project",
    "library",
    "arguments",
    "updates",
    "moving",
    "logging",
    "logs",
    "secrets",
    "task_runners",
    "watchdog",
    "flow_parameters",
    "deploy",
    "diagnose",
    "fleet",
    "deployment",
    "command_line",
    "new_flow",
    "worker",
    "testing",
    "cli",
)
IMPORTS = graph(modules(LIBRARY / "src" / "flow_ops"))


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_module_is_in_a_room_whose_place_is_known() -> None:
    assert {room(module) for module in IMPORTS if module != "flow_ops"} == set(ROOMS)


def test_no_import_of_the_library_runs_in_a_circle() -> None:
    assert circle(IMPORTS) == []


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_the_rooms_below_it_only(name: str) -> None:
    mine = {module: used for module, used in IMPORTS.items() if module != "flow_ops" and room(module) == name}
    above = [
        f"{module} imports {each}"
        for module, used in mine.items()
        for each in used - {"flow_ops"}
        if ROOMS.index(room(each)) > ROOMS.index(name)
    ]
    assert above == []


# --- the search itself


@pytest.mark.parametrize(
    "text",
    ["import package.b", "from package import b", "def f():\n    from package.b import thing",
     "if TYPE_CHECKING:\n    from package.b import Thing"],
)  # fmt: skip
def test_a_circle_is_found_wherever_its_imports_stand(tmp_path: Path, text: str) -> None:
    package = tmp_path / "package"
    package.mkdir()
    for name, content in {"__init__": "", "a": text, "b": "import package.a\n"}.items():
        (package / f"{name}.py").write_text(content, encoding="utf-8")
    assert set(circle(graph(modules(package)))) == {"package.a", "package.b"}
