"""What this repository says of itself: its `[tool.flow-ops]` table in `pyproject.toml`, and its `deploy.py`."""

from __future__ import annotations

import os
import runpy
import tomllib
import traceback
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flow_ops import git, repository
from flow_ops.messages import FlowOpsError, text


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
    pyproject: dict[str, Any] = field(compare=False, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """The pinned time zone; local times in logs and tables are in it."""
        return ZoneInfo(self.timezone)


@lru_cache(maxsize=1)
def current() -> Project:
    """Return the repository that this process works for, as `repository.find` finds it.

    Raises:
        FlowOpsError: FT-PROJECT-01 where there is none, FT-PROJECT-02 where a key is missing, FT-PROJECT-03 where its
            `pyproject.toml` cannot be read.
    """
    try:
        found = repository.find()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FlowOpsError("FT-PROJECT-03", reason=error) from None
    if found is None:
        raise FlowOpsError("FT-PROJECT-01", folder=os.environ.get("FLOW_PROJECT_ROOT") or Path.cwd())
    root, document = found
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
            pyproject=document,
        )
    except KeyError as missing:
        raise FlowOpsError("FT-PROJECT-02", file=root / "pyproject.toml", key=missing.args[0]) from None


def deployments() -> Any:
    """Return the `DEPLOYMENTS` of this repository's `deploy.py`, which is run for them, though not as a command.

    Raises:
        FlowOpsError: FT-DEPLOY-09 where that fails, ends the program, or names no `DEPLOYMENTS`.
    """
    file = current().root / "deploy.py"
    try:
        named = runpy.run_path(str(file))
    except FlowOpsError:
        raise
    except SystemExit as end:
        problem = text("deploy.ends", status=end.code)
    except Exception as error:  # noqa: BLE001 - whatever stands in a file of the team's
        if in_conflict := git.conflict(error, current().root):
            raise in_conflict from None
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
        problem = f"{type(error).__name__}: {error}" + (f" (deploy.py:{lines[-1]})" if lines else "")
    else:
        if "DEPLOYMENTS" in named:
            return named["DEPLOYMENTS"]
        problem = text("deploy.names-none")
    raise FlowOpsError("FT-DEPLOY-09", problem=problem)


def forget() -> None:
    """Look for the repository again when it is next asked for: tests move from one to another."""
    repository.find.cache_clear()
    current.cache_clear()
