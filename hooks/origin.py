"""Where a repository came from: `.cruft.json`, which `cruft update` follows to later versions; and git."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from hooks import naming

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS = 10


def record(root: Path, answers: Mapping[str, Any]) -> bool:
    """Write `.cruft.json`; False, and no file, where the template is in no git commit (a zip, a copy)."""
    # Fails unless the template is in the commit itself: a copy inside another repository is not.
    found = _git(naming.TEMPLATE, "rev-parse", "HEAD:./cookiecutter.json", "HEAD", "--show-prefix")
    if not found:
        return False
    _, commit, prefix = [*found.splitlines(), ""][:3]
    content = {
        "template": address(),
        "commit": commit,
        "checkout": answers.get("_checkout"),
        "context": {"cookiecutter": {name: answers[name] for name in naming.questions()}},
        "directory": prefix.strip("/") or None,
    }
    text = json.dumps(content, indent=2) + "\n"  # ASCII: cruft reads it in the machine's own encoding
    (root / ".cruft.json").write_text(text, encoding="ascii", newline="\n")
    return True


def git_init(root: Path) -> bool:
    """Make `root` a git repository with the branch `main`, where it is none; False where that fails."""
    if (root / ".git").exists():
        return True
    return _git(root, "-c", "init.defaultBranch=main", "init", "--quiet") is not None


def address() -> str:
    """Return the template's address for later updates: its origin, without credentials, or its own folder."""
    found = (_git(naming.TEMPLATE, "remote", "get-url", "origin") or "").strip()
    if found:
        return naming.without_credentials(found) if "://" in found else found
    return (_git(naming.TEMPLATE, "rev-parse", "--show-toplevel") or str(naming.TEMPLATE)).strip()


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None where it fails or is not installed."""
    # Called from a git hook, these would point every command at that other repository.
    environment = {name: value for name, value in os.environ.items() if name not in _POINTERS}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, and arguments of this module
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


# `git rev-parse --local-env-vars`, those that name a place.
_POINTERS = {
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
}
