"""Where the repository is that this process works for: the folder of its `pyproject.toml`, and what that says."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple


class Repository(NamedTuple):
    """A folder with a `pyproject.toml` that has a `[tool.flow-ops]` table, and the whole document."""

    root: Path
    pyproject: dict[str, Any]


@lru_cache(maxsize=1)
def find() -> Repository | None:
    """Return the repository of this process, or None.

    It is the nearest one above this file (the library is in the repository's `vendor/`), above the Python environment
    (`.venv` is in the repository), or above the current folder (a container image has both elsewhere). The
    environment variable `FLOW_PROJECT_ROOT` names it where none of them is.

    Raises:
        tomllib.TOMLDecodeError: a `pyproject.toml` on the way is no TOML.
    """
    for folder in _folders():
        file = folder / "pyproject.toml"
        if file.is_file():
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            if "flow-ops" in document.get("tool", {}):
                return Repository(folder, document)
    return None


def is_here() -> bool:
    """Say whether there is one, readable or not."""
    try:
        return find() is not None
    except ValueError:
        return True


def _folders() -> Iterator[Path]:
    if named := os.environ.get("FLOW_PROJECT_ROOT"):
        yield Path(named)
        return
    for start in (Path(__file__).resolve().parent, Path(sys.prefix), Path.cwd()):
        yield from (start, *start.parents)
