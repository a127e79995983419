"""What this repository says of itself: its `[tool.flow-ops]` table in `pyproject.toml`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flow_ops.messages import FlowOpsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Project:
    """A flow repository, read from its `pyproject.toml`."""

    root: Path
    slug: str
    version: str
    package: str
    language: str
    area: str
    timezone: str
    template_version: str

    @property
    def zone(self) -> ZoneInfo:
        """The pinned time zone; local times in logs and tables are in it."""
        return ZoneInfo(self.timezone)


@lru_cache(maxsize=1)
def current() -> Project:
    """Return the repository that this process works for.

    It is the nearest folder with a `pyproject.toml` that has a `[tool.flow-ops]` table, above this file (the
    library is in the repository's `vendor/`), above the Python environment (`.venv` is in the repository), or above
    the current folder (a container image has both elsewhere). The environment variable `FLOW_PROJECT_ROOT` names it
    where none of them is.

    Raises:
        FlowOpsError: FT-PROJECT-01 where no such folder exists, FT-PROJECT-02 where a key is missing.
    """
    named = os.environ.get("FLOW_PROJECT_ROOT")
    starts = [Path(__file__).resolve().parent, Path(sys.prefix), Path.cwd()]
    folders = [Path(named)] if named else [folder for start in starts for folder in (start, *start.parents)]
    for folder in folders:
        file = folder / "pyproject.toml"
        if file.is_file():
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            if "flow-ops" in document.get("tool", {}):
                return _read(folder, document)
    raise FlowOpsError("FT-PROJECT-01", folder=named or Path.cwd())


def _read(root: Path, document: dict[str, Any]) -> Project:
    table = document["tool"]["flow-ops"]
    try:
        return Project(
            root=root,
            slug=document["project"]["name"],
            version=document["project"]["version"],
            package=table["package"],
            language=table["language"],
            area=table["area"],
            timezone=table["timezone"],
            template_version=table["template-version"],
        )
    except KeyError as missing:
        raise FlowOpsError("FT-PROJECT-02", file=root / "pyproject.toml", key=missing.args[0]) from None
