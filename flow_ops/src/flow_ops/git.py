"""Git, called for the folder that the caller names and for no other repository.

Inside a git hook, a linked worktree or another tool, variables such as GIT_DIR say which repository a command
means, whatever folder it is told: a commit would land in the user's own branch.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from flow_ops import programs, shell
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text

# `git rev-parse --local-env-vars`, without those that carry a caller's settings and credentials
# (GIT_CONFIG_COUNT, GIT_CONFIG_PARAMETERS); and what else names a place.
POINTERS = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
# What git keeps of a command that waits to be finished, and how that is called; the first that is there says it.
_BEGUN = {
    "rebase-merge": "rebase",
    "rebase-apply/applying": "am",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "MERGE_HEAD": "merge",
}


def environment() -> dict[str, str]:
    """Return this process's environment without what would point git at another repository."""
    return {name: value for name, value in os.environ.items() if name not in POINTERS}


def version() -> str | None:
    """Return the version of git on the PATH, as 2.39.5; None without one."""
    try:
        found = re.search(r"\d+(\.\d+)+", run(Path.cwd(), "--version"))
    except (OSError, subprocess.SubprocessError):
        return None
    return found[0] if found else None


def run(
    folder: str | Path,
    *arguments: str,
    seconds: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run git in `folder`, without prompts and in English, and return what it prints.

    `variables` are added to its environment.

    Raises:
        OSError: git is not installed.
        subprocess.CalledProcessError: git refused; its `stderr` says why.
        subprocess.TimeoutExpired: it took more than `seconds`.
    """
    quiet = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        "LC_ALL": "C",
    }
    command = [shutil.which("git") or "git", "-C", str(folder), "-c", "core.quotePath=false", *arguments]
    everything = {**environment(), **quiet, **(variables or {})}
    answer = programs.run(command, None, environment=everything, seconds=seconds)
    answer.check_returncode()
    return answer.stdout


def changed(root: Path) -> list[str]:
    """Return the files that differ from the last commit, new ones that are not ignored too, relative to `root`."""
    entries = run(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").split("\0")
    return [entry[3:] for entry in entries if entry]


def listed(files: Sequence[str], most: int = 5) -> str:
    """Return the first names of files, for a message; with dots where there are more."""
    return ", ".join([*files[:most], "..."] if len(files) > most else files)


def conflicts(root: Path) -> list[str]:
    """Return the files with a conflict that is not resolved, relative to `root`."""
    return run(root, "diff", "--name-only", "--diff-filter=U", "--relative", "-z").split("\0")[:-1]


def unfinished(root: Path) -> FlowOpsError | None:
    """Return FT-GIT-17 where a merge, a rebase or the like was begun in `root` and not finished.

    What `git stash pop` and an update leave is a merge too, without a command that finishes it.
    """
    asked = (word for name in _BEGUN for word in ("--git-path", name))
    places = run(root, "rev-parse", *asked).splitlines()
    begun = [name for place, name in zip(places, _BEGUN.values(), strict=True) if (root / place).exists()]
    files = conflicts(root)
    if not begun and not files:
        return None
    finish = [f"git add {shell.arguments(files)}"] if files else []
    operation, back = "merge", "git reset --merge"
    if begun:
        operation, back = begun[0], f"git {begun[0]} --abort"
        finish.append(f"git {operation} --continue")
    shown = {"files": ", ".join(files) or "-", "finish": "\n    ".join(finish)}
    return FlowOpsError("FT-GIT-17", operation=operation, back=back, **shown)


def conflict(error: Exception, root: Path) -> FlowOpsError | None:
    """Return FT-GIT-17 where Python could not read a file of `root` and one has a conflict; else None."""
    if not isinstance(error, SyntaxError):
        return None
    try:
        return unfinished(root) if conflicts(root) else None
    except (OSError, subprocess.SubprocessError):  # Outside git nothing is in conflict.
        return None


def branch(root: Path) -> str:
    """Return the branch that is checked out; empty where a commit is."""
    try:
        # Whole: git's own short form is another where a tag has the branch's name.
        return run(root, "symbolic-ref", "--quiet", "HEAD").strip().removeprefix("refs/heads/")
    except subprocess.CalledProcessError:
        return ""


def remote(root: Path) -> str | None:
    """Return the remote that one pushes to; None without one, without a repository and without git."""
    try:
        remotes = run(root, "remote").split()
    except (OSError, subprocess.SubprocessError):
        return None
    return "origin" if "origin" in remotes else next(iter(remotes), None)


def refusal(error: Exception, folder: Path) -> FlowOpsError:
    """Return FT-GIT-14: what git said when it refused a command in `folder`, with what may help; FT-GIT-01 without a git."""
    if not shutil.which("git"):
        return FlowOpsError("FT-GIT-01")
    said = str(getattr(error, "stderr", None) or error)
    key = next((key for key, pattern in _HINTS.items() if re.search(pattern, said)), "git.look")
    return FlowOpsError("FT-GIT-14", folder=folder, reason=reason(error), hint=text(key, folder=folder))


def reason(error: Exception) -> str:
    """Return the line in which git, or ssh before it, says why it refused: the last but for git's own advice.

    Without the user and password of an address.
    """
    said = (error.stderr or "") if isinstance(error, subprocess.CalledProcessError) else error
    lines = (str(said).strip() or "-").splitlines()
    lines = [line for line in lines if line.strip() and not _ADVICE.match(line)] or lines[:1]
    return without_credentials(lines[-1])


_ADVICE = re.compile(
    r"fatal: Could not read from remote repository|Please make sure you have the correct access|and the repository exists"
)
_HINTS = {
    "git.none": "not a git repository",
    "git.owner": "dubious ownership",
    "git.index": r"(?i)index file|bad (index|signature)|index.*corrupt",
}
