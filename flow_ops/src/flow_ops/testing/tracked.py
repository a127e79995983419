"""The files that git would give a worker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from flow_ops import git


def tracked_files(root: Path) -> list[Path]:
    """Return what git would give a worker, relative to `root`; outside git, what git would not ignore by name.

    Before anything is added to git, that is what `git add --all` would add: a new repository is green.
    """
    if shutil.which("git") and (root / ".git").exists():
        return _listed(root) or _listed(root, "--others", "--exclude-standard")
    made = {".venv", ".git", "__pycache__", "build", "dist"}
    files = (file.relative_to(root) for file in root.rglob("*") if file.is_file())
    return [file for file in files if not any(part in made or part.endswith("_cache") for part in file.parts)]


def _listed(root: Path, *options: str) -> list[Path]:
    try:
        names = git.run(root, "ls-files", "-z", *options).split("\0")
    except subprocess.SubprocessError as error:
        raise git.refusal(error, root) from None
    return [Path(name) for name in names if name and (root / name).is_file()]


def copy_tracked_files(root: Path, folder: Path) -> None:
    """Copy what git would give a worker into the empty `folder`."""
    for file in tracked_files(root):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, folder / file)
