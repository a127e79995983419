"""The template and this repository: which version made it, what is newer, whether `vendor/` was changed.

The files of `vendor/flow_ops` are those of `vendor/flow_ops.sha256`, which generation writes. A file that is named
in `skip` of `[tool.cruft]` in `pyproject.toml` is the team's own: neither cruft nor this module touches it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from flow_ops import git, project
from flow_ops.messages import FlowOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds to wait for the template's git server when only asking which releases there are.
ASK_SECONDS = 10
# `uv run` names its own program in UV.
LIBRARY, HASHES = "vendor/flow_ops", "vendor/flow_ops.sha256"
CRUFT = [os.environ.get("UV", "uv"), "tool", "run", "--from", "cruft>=2.16,<3", "cruft"]


@dataclass(frozen=True)
class Origin:
    """Where this repository was generated from: the part of `.cruft.json` that matters here."""

    template: str
    commit: str
    directory: str


def origin() -> Origin:
    """Return what `.cruft.json` records.

    Raises:
        FlowOpsError: FT-UPDATE-03 where it is missing or unreadable (generated from a zip, or by hand).
    """
    file = project.current().root / ".cruft.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Origin(content["template"], content["commit"], content.get("directory") or "")
    except (OSError, ValueError, KeyError):
        raise FlowOpsError("FT-UPDATE-03", file=file, version=project.current().template_version) from None


def changed_files() -> list[str]:
    """Return the files of `vendor/flow_ops` that are not as the template made them, missing and new ones too, sorted.

    Works offline. Files that the team owns, by `[tool.cruft] skip`, are left out.

    Raises:
        FlowOpsError: FT-UPDATE-04 where `vendor/flow_ops.sha256` is missing or unreadable.
    """
    root = project.current().root
    expected = _expected(root / HASHES)
    there = {path.relative_to(root).as_posix(): _digest(path) for path in _files(root / LIBRARY)}
    owned = _owned(root)
    changed = (name for name in {*expected, *there} if expected.get(name) != there.get(name))
    # An entry is a file, a pattern, or a folder with all that is below it.
    return sorted(
        name for name in changed if not any(fnmatch(name, own) or fnmatch(name, f"{own}/*") for own in owned)
    )


def _expected(file: Path) -> dict[str, str]:
    try:
        rows = [line.split("  ", 1) for line in file.read_text(encoding="utf-8").splitlines()]
        return {f"{file.parent.name}/{name}": digest for digest, name in rows}
    except (OSError, ValueError):
        raise FlowOpsError("FT-UPDATE-04", file=file) from None


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder`, but what Python and its installers make there."""
    for path in folder.rglob("*"):
        made = any(part == "__pycache__" or part.endswith(".egg-info") for part in path.parts)
        if path.is_file() and not made:
            yield path


def check_vendored() -> None:
    """Raise FT-UPDATE-01, with the names, where a file of `vendor/flow_ops` was changed, added or deleted."""
    if changed := changed_files():
        raise FlowOpsError("FT-UPDATE-01", files=", ".join(changed))


def latest_version() -> str | None:
    """Return the newest release of the template, from the tags on its git server; None without a release.

    Raises:
        FlowOpsError: FT-UPDATE-02 where the server does not answer within `ASK_SECONDS`, FT-UPDATE-03 where
            no template is recorded.
    """
    root, template = project.current().root, origin().template
    listing = _git(root, "ls-remote", "--tags", "--refs", template, seconds=ASK_SECONDS, asked=template)
    versions = re.findall(r"refs/tags/v?(\d+(?:\.\d+)+)$", listing, re.MULTILINE)
    return max(versions, key=_numbers, default=None)


def newer_version() -> str | None:
    """Return the newest release of the template where it is newer than the one that made this repository.

    Raises:
        FlowOpsError: FT-UPDATE-02 or FT-UPDATE-03, as `latest_version`.
    """
    latest = latest_version()
    made = project.current().template_version
    return latest if latest and _numbers(latest) > _numbers(made) else None


def versions() -> tuple[str, str | None]:
    """Return the version of the template that made this repository, and the newest release where that is newer.

    Raises:
        FlowOpsError: FT-UPDATE-02 or FT-UPDATE-03, as `latest_version`.
    """
    return project.current().template_version, newer_version()


def problems() -> Iterator[FlowOpsError]:
    """Yield changed files of `vendor/`, a newer release, and why either cannot be known: news for `doctor`."""
    try:
        check_vendored()
    except FlowOpsError as problem:
        yield problem
    try:
        if latest := newer_version():
            yield FlowOpsError("FT-UPDATE-07", made=project.current().template_version, latest=latest)
    except FlowOpsError as problem:
        yield problem


def restore() -> list[str]:
    """Make changed files of `vendor/flow_ops` again what the template has; return their names.

    They come from the template's git repository, at the commit that `.cruft.json` names.

    Raises:
        FlowOpsError: FT-UPDATE-02 where the template cannot be read, FT-UPDATE-03 where none is recorded.
    """
    changed, made_by = changed_files(), origin()
    if not changed:
        return []
    root = project.current().root
    theirs = _expected(root / HASHES)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _git(folder, "clone", "--quiet", "--no-checkout", made_by.template, ".", asked=made_by.template)
        for name in changed:
            (root / name).unlink(missing_ok=True)
            if name in theirs:
                inside = "/".join(filter(None, (made_by.directory, name.removeprefix("vendor/"))))
                content = _git(folder, "show", f"{made_by.commit}:{inside}", asked=made_by.template)
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content.encode())
    return changed


def apply() -> None:
    """Bring the repository to the template's newest commit, with cruft; `vendor/` is replaced whole.

    Nothing is committed. cruft itself refuses a repository with uncommitted changes, and reports success
    for an update that left conflicts: those are looked for here.

    Raises:
        FlowOpsError: FT-UPDATE-03 where no template is recorded, FT-UPDATE-05 where cruft fails,
            FT-UPDATE-06, naming the files, where conflicts are left.
    """
    origin()
    root = project.current().root
    try:
        done = subprocess.run(
            [*CRUFT, "update", "--skip-apply-ask"], cwd=root, env=git.environment(), check=False
        )
    except OSError as error:
        raise FlowOpsError("FT-UPDATE-05", command=CRUFT[0], problem=error) from None
    if done.returncode:
        raise FlowOpsError("FT-UPDATE-05", command="cruft update", problem=f"exit {done.returncode}")
    # A pyproject.toml in conflict cannot say which files the team owns.
    if "pyproject.toml" not in conflicts() and (replaced := restore()):
        _git(root, "add", "--", *replaced, asked=str(root))
    if found := conflicts():
        raise FlowOpsError("FT-UPDATE-06", files=", ".join(found))


def conflicts() -> list[str]:
    """Return the files that an update left in conflict: unmerged in git, or with a `.rej` beside them."""
    root = project.current().root
    unmerged = _git(root, "diff", "--name-only", "--diff-filter=U", asked=str(root)).splitlines()
    rejected = _git(root, "ls-files", "--others", "--", "*.rej", asked=str(root)).splitlines()
    return sorted({*unmerged, *(name.removesuffix(".rej") for name in rejected)})


def _owned(root: Path) -> list[str]:
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return [str(each).rstrip("/") for each in document.get("tool", {}).get("cruft", {}).get("skip", [])]


def _digest(file: Path) -> str:
    """Return the SHA-256 of a file with the line ends of the template."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _git(folder: str | Path, *arguments: str, asked: str, seconds: float | None = None) -> str:
    try:
        return git.run(folder, *arguments, seconds=seconds)
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        raise FlowOpsError("FT-UPDATE-02", address=asked, problem=" ".join(detail)) from None
