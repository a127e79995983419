"""Where a repository came from: `.cruft.json`, which updates follow to later versions; and git."""

import json
import os
import re
import subprocess
from pathlib import Path

from flow_template import naming


def record(root: Path, answers: naming.Answers) -> bool:
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
    if not (root / ".git").exists():
        _git(root, "-c", "init.defaultBranch=main", "init", "--quiet")
    return (root / ".git").exists()


def address() -> str:
    """Return the template's address for later updates: its origin, without credentials, or its own folder."""
    if found := _git(naming.TEMPLATE, "remote", "get-url", "origin"):
        return naming.without_credentials(found)
    return _git(naming.TEMPLATE, "rev-parse", "--show-toplevel") or str(naming.TEMPLATE)


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None where it fails, does not answer or is not installed."""
    # In a git hook or a linked worktree, GIT_DIR and others would point every command at that other repository.
    environment = {name: each for name, each in os.environ.items() if not re.match("GIT_(?!CONFIG)", name)}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=10)  # noqa: S603 - git
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
