"""The template and this repository: which version made it, what is newer, whether `vendor/` was changed.

An update renders the version that made the repository and the new one, each in a process of its own, and merges the
difference into the repository as git merges a branch. `.cruft.json` is cruft's own record, so that cruft works too.

The files of `vendor/flow_ops` are those of `vendor/flow_ops.sha256`, which generation writes; an update replaces
them whole. A file that is named in `skip` of `[tool.cruft]` in `pyproject.toml` is the team's own, and left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from flow_ops import changelog, embedding, git, hidden, library, programs, project, signals
from flow_ops.messages import FlowOpsError

# Seconds to wait for the template's git server when only asking which releases there are.
ASK_SECONDS = 10
RECORD = ".cruft.json"
# And for uv, where it reads the library from an index or from git: only to say that it can.
UV_SECONDS = 120
# `uv run` names its own program in UV.
COOKIECUTTER = [os.environ.get("UV", "uv"), "tool", "run", "--from", "cookiecutter>=2.7,<3", "cookiecutter"]
# What the template's own code does not get to see while it renders, beside what looks like a secret; by the others uv
# reaches the package index.
_PRIVATE = re.compile(r"(?i)^PREFECT_|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|_KEY$")
_WAY_TO_THE_INDEX = re.compile(r"(?i)_PROXY$|^(UV|PIP)_.*(INDEX|URL)")
_AUTHOR = ("-c", "user.name=flow-ops", "-c", "user.email=flow-ops@localhost", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Origin:
    """Where this repository was generated from: what `.cruft.json` records."""

    template: str
    commit: str
    directory: str
    answers: dict[str, str]


def origin() -> Origin:
    """Return what `.cruft.json` records.

    Raises:
        FlowOpsError: FT-UPDATE-03 where it is missing or unreadable (generated from a zip, or by hand).
    """
    file = project.current().root / RECORD
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        answers = content.get("context", {}).get("cookiecutter", {})
        public = {name: str(value) for name, value in answers.items() if not name.startswith("_")}
        return Origin(content["template"], content["commit"], content.get("directory") or "", public)
    except (OSError, ValueError, KeyError):
        raise FlowOpsError("FT-UPDATE-03", file=file, version=project.current().template_version) from None


@dataclass(frozen=True)
class Change:
    """A file that a newer release of the template has otherwise, with what its CHANGELOG says of it."""

    name: str
    is_needed: bool
    why: str


# --- the vendored library


def changed_files() -> list[str]:
    """Return the files of `vendor/flow_ops` that are not as the template made them, missing and new ones too, sorted.

    Works offline. Files that the team owns, by `[tool.cruft] skip`, are left out. Where the library comes from
    elsewhere there are none.

    Raises:
        FlowOpsError: FT-UPDATE-04 where `vendor/flow_ops.sha256` is missing or unreadable.
    """
    root = project.current().root
    if library.kind(project.current().pyproject) != "vendor":
        return []
    expected = _expected(root / embedding.HASHES)
    there = {name: embedding.digest(root / name) for name in embedding.names(root)}
    changed = (name for name in {*expected, *there} if expected.get(name) != there.get(name))
    return sorted(name for name in changed if not _is_owned(name))


def check_vendored() -> None:
    """Raise FT-UPDATE-01, with the names, where a file of `vendor/flow_ops` was changed, added or deleted."""
    if changed := changed_files():
        raise FlowOpsError("FT-UPDATE-01", files=", ".join(changed))


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
    theirs = _expected(root / embedding.HASHES)
    with _clone(made_by.template) as template:
        for name in changed:
            (root / name).unlink(missing_ok=True)
            if name in theirs:
                inside = "/".join(filter(None, (made_by.directory, name.removeprefix("vendor/"))))
                content = _git(template, "show", f"{made_by.commit}:{inside}", asked=made_by.template)
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content.encode())
    return changed


def owned_files() -> list[str]:
    """Return the files of `vendor/flow_ops` that the team has made its own."""
    return [name for name in embedding.names(project.current().root) if _is_owned(name)]


def embed_release(version: str, root: Path) -> None:
    """Put the library of a release of the template into the folder `root`, as `embedding.embed`.

    Raises:
        FlowOpsError: FT-UPDATE-02 and -03 as above, FT-LIBRARY-07 where there is no such release.
    """
    made_by = origin()
    require_release(version)
    with _clone(made_by.template) as template:
        _git(template, "checkout", "--quiet", "--detach", f"v{version}", asked=made_by.template)
        embedding.embed(template / made_by.directory / "flow_ops", root)


def require_release(version: str) -> None:
    """Raise FT-LIBRARY-07 where the template has no release of this version."""
    tags = _tags(origin().template)
    if f"v{version}" not in tags:
        raise FlowOpsError("FT-LIBRARY-07", version=version, known=", ".join(tags) or "-")


def _expected(file: Path) -> dict[str, str]:
    try:
        rows = [line.split("  ", 1) for line in file.read_text(encoding="utf-8").splitlines()]
        return {f"{file.parent.name}/{name}": digest for digest, name in rows}
    except (OSError, ValueError):
        raise FlowOpsError("FT-UPDATE-04", file=file) from None


def _is_owned(name: str) -> bool:
    """Say whether `[tool.cruft] skip` names a file, by itself, by a pattern, or by a folder above it."""
    skip = project.current().pyproject.get("tool", {}).get("cruft", {}).get("skip", [])
    owned = [str(each).rstrip("/") for each in skip]
    return any(fnmatch(name, own) or fnmatch(name, f"{own}/*") for own in owned)


# --- versions


def _tags(template: str) -> list[str]:
    listing = _git(Path.cwd(), "ls-remote", "--tags", "--refs", template, seconds=ASK_SECONDS, asked=template)
    return re.findall(r"refs/tags/(\S+)$", listing, re.MULTILINE)


def versions() -> tuple[str, str | None]:
    """Return the version of the template that made this repository, and the newest release where that is newer.

    Raises:
        FlowOpsError: FT-UPDATE-02 where the git server does not answer within `ASK_SECONDS`, FT-UPDATE-03 where no
            template is recorded.
    """
    made, latest = project.current().template_version, _newest(_releases(_tags(origin().template)))
    return made, latest if latest and Version(latest) > Version(made) else None


def newer_library() -> str | None:
    """Return the newest release of the library within the bounds of `pyproject.toml`, where it is newer than this one.

    None where it is in `vendor/`: there it is part of the template's release.
    """
    document = project.current().pyproject
    if library.kind(document) == "vendor":
        return None
    tags = _tags(library.git_address(document) or origin().template)
    latest = _newest(name for name in _releases(tags) if library.allows(document, name))
    return latest if latest and Version(latest) > Version(metadata.version("flow-ops")) else None


def update_library() -> str | None:
    """Bring the newest release of the library where it comes from an index or from git; return the uv command.

    None where there is nothing to bring, as always in `vendor/`.

    Raises:
        FlowOpsError: FT-UPDATE-02 or FT-UPDATE-03, as `newer_library`; FT-UPDATE-11 with what uv said.
    """
    about = project.current()
    document, root = about.pyproject, about.root
    where = library.kind(document)
    # What an index has is known to uv alone.
    latest = newer_library() if where == "git" else None
    if where == "vendor" or (where == "git" and not latest):
        return None
    command = library.update_command(document, latest)
    before = _dependencies(root)
    try:
        _uv(root, *command.split()[1:])
    except (OSError, subprocess.SubprocessError) as error:
        _put_back(before)
        raise FlowOpsError("FT-UPDATE-11", command=command, problem=_said(error)) from None
    except BaseException:  # Ctrl-C and SIGTERM.
        _put_back(before)
        raise
    return command if _dependencies(root) != before else None


def _dependencies(root: Path) -> dict[Path, bytes]:
    files = (root / "pyproject.toml", root / "uv.lock")
    return {file: file.read_bytes() for file in files if file.exists()}


def _put_back(before: dict[Path, bytes]) -> None:
    with signals.undisturbed():
        for file, content in before.items():
            file.write_bytes(content)


def _uv(root: Path, *arguments: str, seconds: float | None = None) -> None:
    """Run uv, which names its own program in UV to what it runs."""
    command = [os.environ.get("UV", "uv"), *arguments, "--quiet"]
    programs.run(command, root, seconds=seconds).check_returncode()


def _said(error: Exception) -> str:
    return str(getattr(error, "stderr", None) or error).strip()


def problems() -> Iterator[FlowOpsError]:
    """Yield what is wrong with the library, a newer release, and why either cannot be known: news for `doctor`.

    Where the library comes from elsewhere it is the library's release that counts.
    """
    vendored = library.kind(project.current().pyproject) == "vendor"
    yield from _changed_or_new() if vendored else _unreadable_or_new()


def _changed_or_new() -> Iterator[FlowOpsError]:
    try:
        check_vendored()
    except FlowOpsError as problem:
        yield problem
    try:
        made, latest = versions()
        if latest:
            yield FlowOpsError("FT-UPDATE-07", made=made, latest=latest)
    except FlowOpsError as problem:
        yield problem


def _unreadable_or_new() -> Iterator[FlowOpsError]:
    document = project.current().pyproject
    try:
        anew = ("--upgrade-package", "flow-ops", "--refresh-package", "flow-ops")
        _uv(project.current().root, "lock", "--dry-run", *anew, seconds=UV_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        yield FlowOpsError("FT-LIBRARY-10", where=library.described(document), problem=_said(error))
        return
    try:
        if latest := newer_library():
            here, command = metadata.version("flow-ops"), library.update_command(document, latest)
            yield FlowOpsError("FT-UPDATE-12", here=here, latest=latest, command=command)
    except FlowOpsError as problem:
        yield problem


def _newest(names: Iterable[str]) -> str | None:
    return max(names, key=Version, default=None)


def _releases(tags: list[str]) -> dict[str, str]:
    """Return the tags that are releases, by their names: the version, without a `v`."""
    return {tag.removeprefix("v"): tag for tag in tags if re.fullmatch(r"v?\d+(\.\d+)+", tag)}


# --- an update


def apply(to: str | None = None, *, confirm: Callable[[str, list[str]], bool]) -> bool | None:
    """Bring the repository to the release `to`, by its name; without it to the newest release.

    Nothing is committed. Before anything is touched `confirm` is called with the name of the release and what
    changes, as `git diff --name-status` lists it; where it says no, nothing is done, and False is returned. None stands for
    a repository that this release made.

    Raises:
        FlowOpsError: FT-UPDATE-02 and -03 as above; FT-UPDATE-05 where a version cannot be rendered, FT-UPDATE-06,
            naming the files, where conflicts are left, FT-UPDATE-08 for changes that are not committed, FT-UPDATE-09
            where there is no such release.
    """
    root = project.current().root
    _refuse_pending_changes(root)
    with _both_versions(to) as both:
        if both is None:
            return None
        changes = _git(both.versions, "diff", "--name-status", "HEAD~", "HEAD").splitlines()
        if not confirm(both.release, changes):
            return False
        _refuse_pending_changes(root)  # Somebody may have worked on while the question stood there.
        with _all_or_nothing(root):
            _merge(both.versions, root)
            _record(root, both)
    if found := _git(root, "diff", "--name-only", "--diff-filter=U").splitlines():
        raise FlowOpsError("FT-UPDATE-06", files=", ".join(found))
    return True


def wanted_changes() -> Iterator[Change]:
    """Yield the files outside `vendor/` that the newest release has otherwise, but for the version's own number."""
    made = project.current().template_version
    longest_first = sorted((made, metadata.version("flow-ops")), key=len, reverse=True)
    numbers = re.compile("|".join(map(re.escape, longest_first)))
    with _both_versions(None) as both:
        if both is None:
            return
        listed = _git(both.versions, "diff", "--no-renames", "--name-only", "HEAD~", "HEAD")
        for name in listed.splitlines():
            old, new = (_content(both.versions, f"{commit}:{name}") for commit in ("HEAD~", "HEAD"))
            if numbers.sub(both.release, old) != new and not name.startswith("vendor/"):
                yield Change(name, *changelog.said_of(name, both.changelog, after=made))


def _content(versions: Path, name: str) -> str:
    """Return a file of a commit, `COMMIT:NAME`; nothing where it is not in it."""
    try:
        return git.run(versions, "show", name)
    except subprocess.SubprocessError:
        return ""


@dataclass(frozen=True)
class _Both:
    """The version that made this repository and another one, rendered, as the two commits of `versions`."""

    made_by: Origin
    release: str
    commit: str
    rendered: Path
    versions: Path
    changelog: str


@contextlib.contextmanager
def _both_versions(to: str | None) -> Iterator[_Both | None]:
    """Yield both, rendered; None where they are the same."""
    made_by = origin()
    with _clone(made_by.template) as template:
        release, commit = _release(template, to, made_by)
        if commit == made_by.commit:
            yield None
            return
        versions = template.with_name("versions")
        versions.mkdir()
        _git(versions, "init", "--quiet")
        for version in (made_by.commit, commit):
            rendered = _render(template, version, made_by)
            _commit_whole(rendered, versions)
        file = template / made_by.directory / "CHANGELOG.md"
        said = file.read_text(encoding="utf-8") if file.is_file() else ""
        yield _Both(made_by, release, commit, rendered, versions, said)


@contextlib.contextmanager
def _all_or_nothing(root: Path) -> Iterator[None]:
    """Put a repository, in which all is committed, back to its commit where what is done here fails."""
    with signals.undisturbed():
        try:
            yield
        except BaseException:
            _git(root, "reset", "--quiet", "--hard")
            raise


def _refuse_pending_changes(root: Path) -> None:
    try:
        changed = git.changed(root)
        # uv writes the lock file at the first command.
        untracked_lock = not git.run(root, "ls-files", "--", "uv.lock").strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise git.refusal(error, root) from None
    pending = [name for name in changed if not (name == "uv.lock" and untracked_lock)]
    if pending:
        raise FlowOpsError("FT-UPDATE-08", files=git.listed(pending), count=len(pending))


@contextlib.contextmanager
def _clone(address: str) -> Iterator[Path]:
    """Yield the template, in a folder where more may be put: all of it goes in the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        template = Path(folder, "template")
        _git(Path(folder), "clone", "--quiet", "--no-checkout", address, str(template), asked=address)
        yield template


def _release(template: Path, to: str | None, made_by: Origin) -> tuple[str, str]:
    """Return the name of a release and its commit; a branch and a commit are none. Before the first, what is here."""
    releases = _releases(_git(template, "tag", "--sort=version:refname").split())
    name = to.removeprefix("v") if to else _newest(releases)
    if name is None:
        return project.current().template_version, made_by.commit
    if name not in releases:
        raise FlowOpsError("FT-UPDATE-09", release=to, known=", ".join(releases) or "-")
    commit = _git(template, "rev-parse", "--verify", f"refs/tags/{releases[name]}^{{commit}}", asked=name)
    return name, commit.strip()


def _render(template: Path, commit: str, made_by: Origin) -> Path:
    """Render one version of the template, with the answers of this repository; return the folder of what was made."""
    _git(template, "checkout", "--quiet", "--force", "--detach", commit)
    inside = template / made_by.directory
    questions = json.loads((inside / "cookiecutter.json").read_text(encoding="utf-8"))
    answers = [f"{name}={value}" for name, value in made_by.answers.items() if name in questions]
    output, settings = template.with_name(commit), template.with_name("cookiecutter.yaml")
    output.mkdir()
    replay = str(template.with_name("replay"))
    settings.write_text(f"replay_dir: {json.dumps(replay)}\n", encoding="utf-8")
    options = ["--no-input", "--config-file", str(settings), "--output-dir", str(output)]
    environment = {name: value for name, value in git.environment().items() if not _is_private(name, value)}
    command = [*COOKIECUTTER, str(inside), *options, *answers]
    done = programs.run(command, output, environment={**environment, "PYTHONUTF8": "1"})
    rendered = [folder for folder in output.iterdir() if folder.is_dir()]
    if done.returncode or len(rendered) != 1:
        said = (done.stderr or done.stdout).strip()
        raise FlowOpsError("FT-UPDATE-05", version=commit[:8], problem=said or f"exit {done.returncode}")
    _follow(rendered[0], inside / "flow_ops", is_new=commit != made_by.commit)
    return rendered[0]


def _is_private(name: str, value: str) -> bool:
    if _PRIVATE.search(name):
        return True
    return hidden.looks_secret(name, value) and not _WAY_TO_THE_INDEX.search(name)


def _follow(rendered: Path, made: Path, *, is_new: bool) -> None:
    """Take the library of what was rendered from where this repository takes it, so that this is no difference.

    Only the tag is the rendered version's, where it is one and the version is new.
    """
    file, here = rendered / "pyproject.toml", project.current().pyproject
    there = tomllib.loads(file.read_text(encoding="utf-8"))
    said = library.source(here)
    if not (library.is_needed(here) and library.is_needed(there)):
        return  # Of a time when the library was no distribution, but files of the repository.
    if library.kind(there) == library.kind(here) == "vendor":
        return
    if library.kind(here) == "vendor":
        embedding.embed(made, rendered)
        content = library.moved(file, library.VENDORED)
    else:
        shutil.rmtree(rendered / "vendor", ignore_errors=True)
        if is_new and "tag" in said:
            said["tag"] = f"v{there['tool']['flow-ops']['template-version']}"
        content = library.moved(file, library.line(said), library.address(here))
    file.write_text(content, encoding="utf-8", newline="\n")


def _commit_whole(rendered: Path, versions: Path) -> None:
    """Make the next commit of the repository `versions` of what was rendered, without what is the team's own."""
    for each in versions.iterdir():
        if each.name != ".git":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    for file in sorted(path for path in rendered.rglob("*") if path.is_file()):
        name = file.relative_to(rendered).as_posix()
        if name != RECORD and not name.startswith(".git/") and not _is_owned(name):
            (versions / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, versions / name)
    _git(versions, "add", "--all", "--force")
    _git(versions, *_AUTHOR, "commit", "--quiet", "--allow-empty", "--message", "x")


def _merge(versions: Path, root: Path) -> None:
    """Merge what differs between the two versions into the repository, and take its library whole."""
    _git(root, "fetch", "--quiet", "--no-tags", str(versions), "HEAD", asked=str(versions))
    new = _git(root, "rev-parse", "FETCH_HEAD").strip()
    with contextlib.suppress(FlowOpsError):  # Conflicts, which are looked for afterwards.
        _git(root, *_AUTHOR, "cherry-pick", "--no-commit", new)
    theirs = _git(root, "ls-tree", "-r", "--name-only", new, "--", "vendor").splitlines()
    gone = [name for name in embedding.names(root) if name not in theirs and not _is_owned(name)]
    if gone:
        _git(root, "rm", "--quiet", "--force", "--ignore-unmatch", "--", *gone)
    taken = [name for name in theirs if not _is_owned(name)]
    if taken:  # git would take everything where nothing is named.
        _git(root, "checkout", new, "--", *taken)


def _record(root: Path, both: _Both) -> None:
    """Write the new commit into `.cruft.json`, with the answers to questions that are new."""
    file = root / RECORD
    content = json.loads(file.read_text(encoding="utf-8"))
    new = both.rendered / RECORD
    made = json.loads(new.read_text(encoding="utf-8")) if new.is_file() else {}
    answers = {**made.get("context", {}).get("cookiecutter", {}), **both.made_by.answers}
    content |= {"commit": both.commit, "checkout": None, "context": {"cookiecutter": answers}}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="ascii", newline="\n")
    _git(root, "add", "--", RECORD)


def _git(folder: Path, *arguments: str, asked: str = "", seconds: float | None = None) -> str:
    """Run git; what it refuses is FT-UPDATE-02 with the address that was asked, or the folder."""
    try:
        return git.run(folder, *arguments, seconds=seconds)
    except (OSError, subprocess.SubprocessError) as error:
        raise FlowOpsError("FT-UPDATE-02", address=asked or folder, problem=git.reason(error)) from None
