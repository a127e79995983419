"""Whether others than the administrator can change the code that an administrator runs."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = 0


def running() -> Iterator[Path]:
    """Give the files that this process runs: Python, every module that is loaded, and uv, which it will run."""
    yield Path(sys.executable)
    yield Path(sys.base_prefix)
    yield from (Path(folder) for folder in sys.path if folder and Path(folder).exists())
    for module in list(sys.modules.values()):
        if (file := getattr(module, "__file__", None)) and Path(file).exists():
            yield Path(file)
    if uv := shutil.which("uv"):
        yield Path(uv)


def writable_by_others() -> Path | None:
    """Return the first folder or file on the way to what runs here that another account than root can change.

    On Windows nothing is looked at: who may write there is a matter of access lists, and the folder of a
    service has its own (`plan.py`).
    """
    if os.name != "posix":
        return None
    for file in running():
        # A link can be changed where it stands, and what it leads to where that is.
        for path in (file.absolute(), file.resolve()):
            for step in (path, *path.parents):
                if _others_can_write(step):
                    return step
    return None


@cache
def _others_can_write(path: Path) -> bool:
    found = path.lstat()
    if found.st_uid != ROOT:
        return True
    if stat.S_ISLNK(found.st_mode):
        return False
    # In a folder such as /tmp others can add, and cannot touch what is root's.
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    return bool(found.st_mode & stat.S_IWOTH and not sticky) or bool(
        found.st_mode & stat.S_IWGRP and found.st_gid != ROOT and not sticky
    )
