"""Where a run's code comes from: the steps that a worker takes, and what must be true of them here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

from flow_ops import git, library, project, shell
from flow_ops.deploy.pins import FolderSource, GitSource, Source
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text

# Seconds to wait for the remote repository.
TIMEOUT = 20.0

# What may stand on the worker's command line, on any system, without quotes.
_SAFE_URL = re.compile(r"[A-Za-z0-9._~:/@+%-]+")
_SAFE_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_REFUSED = re.compile(
    r"(?i)authentication failed|could not read (username|password)|denied|not found|\b40[134]\b"
)
_SHA = re.compile(r"[0-9a-f]{40}")

_CLONE = "code"
_CLONED = re.compile(
    rf"(?:--branch (?P<branch>\S+)|--no-checkout) (?P<url>\S+) {_CLONE}(?:\n.* checkout --quiet (?P<commit>\S+))?"
)
# Its `id` among the steps, which is all that the UI shows of it without a click.
LIBRARY_STEP = "FT-LIBRARY-09"
_STEPS = "prefect.deployments.steps"
_SCRIPT = f"{_STEPS}.run_shell_script"
_SYNC = "['uv', 'sync', '--no-default-groups', '--quiet']"
_BLOCK = re.compile(r"\{\{ prefect\.blocks\.secret\.(\S+) \}\}")
# Reads the token from the environment of the clone alone. Prefect's own `git_clone` with a token puts it on
# git's command line, where every user of the worker's machine can read it, and in the clone's configuration.
# Some git hosts give deploy tokens as `user:token`.
_HELPER = (
    '!f() { case "$FLOW_GIT_TOKEN" in '
    '*:*) echo "username=${FLOW_GIT_TOKEN%%:*}"; echo "password=${FLOW_GIT_TOKEN#*:}";; '
    '*) echo "username=$FLOW_GIT_USER"; echo "password=$FLOW_GIT_TOKEN";; esac; }; f'
)
# The oldest git that reads its settings from GIT_CONFIG_COUNT; an older one asks for a password and fails.
OLDEST_GIT = (2, 31)
_NEEDS_GIT = "needs.git-2-31-or-later"


def place(source: Source) -> str:
    """Return the address of the repository, or the folder on the worker's machine."""
    return source.url if isinstance(source, GitSource) else source.path


def describe(source: Source) -> str:
    """Return where the code comes from, with the branch or the pinned commit."""
    if isinstance(source, FolderSource):
        return source.path
    return f"{source.url}, {source.branch if not source.commit else source.commit[:8]}"


def pull_steps(source: Source) -> list[dict[str, Any]]:
    """Return the steps that fetch the code on the worker, as Prefect stores them in a deployment."""
    if isinstance(source, FolderSource):
        return [{f"{_STEPS}.set_working_directory": {"directory": source.path}}]
    if not source.credentials_block:
        wanted = {"commit_sha": source.commit} if source.commit else {"branch": source.branch}
        return [{f"{_STEPS}.git_clone": {"repository": source.url, **wanted}}]
    script = f"git config --get {_NEEDS_GIT}\n{_clone_script(source)}"
    variables = credentials(source, placeholder(source.credentials_block))
    return [
        {_SCRIPT: {"script": script, "env": variables}},
        {f"{_STEPS}.set_working_directory": {"directory": _CLONE}},
    ]


def steps(source: Source) -> list[dict[str, Any]]:
    """Return all steps before a run: its code, and its environment where that needs another server."""
    return [*pull_steps(source), *_library_steps(source)]


def _library_steps(source: Source) -> list[dict[str, Any]]:
    """Return the step that makes a run's environment where flow-ops comes from another server.

    Prefect's own `uv run` comes later, finds it made, and would say in the worker's output alone why it cannot be.
    Of a step that fails the UI has an event, with its name and all that is in it: the message too.
    """
    if not has_library_step():
        return []
    # As an argument in quotes, for the shells of Windows and for Prefect's own reading.
    said = re.sub(r"""["'`$%&|<>^!\\\s]+""", " ", str(library_problem()))
    # Prefect's own clone says where it is; the other steps have made that the current folder.
    cloned = isinstance(source, GitSource) and not source.credentials_block
    folder = "{{ directory }}" if cloned else "."
    code = f"import subprocess, sys; sys.exit(subprocess.call({_SYNC}) and '{said}')"
    script = f'uv run --no-project --quiet python -c "{code}"'
    return [{_SCRIPT: {"id": LIBRARY_STEP, "script": script, "directory": folder}}]


def has_library_step() -> bool:
    """Say whether a run's environment needs another server for flow-ops."""
    return library.kind(project.current().pyproject) != "vendor"


def library_problem() -> FlowOpsError:
    return FlowOpsError("FT-LIBRARY-09", where=library.described(project.current().pyproject))


def read(steps: Sequence[Mapping[str, Any]]) -> Source | None:
    """Return the source of which `pull_steps` made these steps; None where others made them.

    The branch of one with a commit is not in them.
    """
    # Others may have written anything: a step without settings has none.
    steps = [step for step in steps if (step.get(_SCRIPT) or {}).get("id") != LIBRARY_STEP]
    values = {name.rpartition(".")[2]: given or {} for step in steps for name, given in step.items()}
    made: Source
    if clone := values.get("git_clone"):
        branch = {"branch": clone["branch"]} if clone.get("branch") else {}
        commit = clone.get("commit_sha")
        made = GitSource(str(clone.get("repository")), commit=str(commit) if commit else None, **branch)
    elif typed := values.get("run_shell_script"):
        cloned = _CLONED.search(str(typed.get("script")))
        block = _BLOCK.search(str((typed.get("env") or {}).get("FLOW_GIT_TOKEN")))
        if not cloned or not block:
            return None
        made = GitSource(cloned["url"], cloned["branch"] or "main", cloned["commit"], block[1])
    elif folder := values.get("set_working_directory"):
        made = FolderSource(str(folder.get("directory")))
    else:
        return None
    return made if pull_steps(made) == list(steps) else None


def placeholder(block: str) -> str:
    """Return what a worker replaces with the value of a Secret block."""
    return f"{{{{ prefect.blocks.secret.{block} }}}}"


def credentials(source: GitSource, token: str) -> dict[str, str]:
    """Return the variables by which git gives a token to the scheme and host of the source's address, and no other."""
    parts = urlsplit(source.url)
    settings = {
        "credential.helper": "",
        f"credential.{parts.scheme}://{parts.netloc}.helper": _HELPER,
        _NEEDS_GIT: "yes",
    }
    numbered = {
        f"GIT_CONFIG_{part}_{number}": text
        for number, pair in enumerate(settings.items())
        for part, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {
        "GIT_CONFIG_COUNT": str(len(settings)),
        **numbered,
        "GIT_TERMINAL_PROMPT": "0",
        # Bitbucket's access tokens go with this user's name; GitHub, GitLab and Azure take any.
        "FLOW_GIT_USER": "x-token-auth" if "bitbucket" in source.url else "oauth2",
        "FLOW_GIT_TOKEN": token,
    }


def unreadable(source: GitSource, token: str, root: Path) -> Iterator[FlowOpsError]:
    """Yield FT-GIT-13 where the git host does not let `token` read the repository, as a worker will ask it."""
    try:
        variables = credentials(source, token)
        git.run(root, "ls-remote", "--heads", source.url, seconds=TIMEOUT, variables=variables)
    except subprocess.TimeoutExpired:
        return
    except subprocess.CalledProcessError as error:
        # What is out of reach from here may not be from the worker.
        if _REFUSED.search(error.stderr or ""):
            reason = git.reason(error).replace(token, "***")
            url, block = without_credentials(source.url), source.credentials_block
            yield FlowOpsError("FT-GIT-13", url=url, block=block, reason=reason)


def _clone_script(source: GitSource) -> str:
    """Return the commands that clone the code, which `_CLONED` finds again."""
    if source.commit:
        return f"git clone --quiet --no-checkout {source.url} {_CLONE}\ngit -C {_CLONE} checkout --quiet {source.commit}"
    return f"git clone --quiet --depth 1 --branch {source.branch} {source.url} {_CLONE}"


def version(source: Source, root: Path, fallback: str) -> str:
    """Return the commit that is deployed, or `fallback` where the code stands outside git."""
    if isinstance(source, GitSource) and source.commit:
        return source.commit
    try:
        return _git(root, "rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return fallback


def problems(source: Source, root: Path, files: list[str]) -> Iterator[FlowOpsError]:
    """Yield what stands between the code in `root` and the code that a run would get; `files` are the entrypoints'."""
    if isinstance(source, GitSource) and not list(written(source)):
        try:
            yield from _git_problems(source, root, files)
        except subprocess.SubprocessError as error:
            yield git.refusal(error, root)


def written(source: Source) -> Iterator[FlowOpsError]:
    """Yield what is wrong with the source as it is written in the file."""
    if isinstance(source, FolderSource):
        absolute = PureWindowsPath(source.path).is_absolute() or PurePosixPath(source.path).is_absolute()
        if not absolute:
            yield FlowOpsError("FT-SOURCE-01", path=source.path)
        return
    shown = without_credentials(source.url)
    if urlsplit(source.url).password or re.search(r"://[^/@]+@", source.url.replace("ssh://git@", "")):
        yield FlowOpsError("FT-SOURCE-02", url=shown)
    elif not _SAFE_URL.fullmatch(source.url):
        yield FlowOpsError("FT-SOURCE-03", url=shown)
    if not _SAFE_BRANCH.fullmatch(source.branch):
        yield FlowOpsError("FT-SOURCE-04", branch=source.branch)
    if source.credentials_block and urlsplit(source.url).scheme == "http":
        yield FlowOpsError("FT-SOURCE-06", url=shown)
    if source.commit and not _SHA.fullmatch(source.commit):
        yield FlowOpsError("FT-SOURCE-05", commit=source.commit)


def fetch(source: GitSource, root: Path) -> tuple[str, dict[str, str]]:
    """Bring the remote's commits here, into no branch of the user's.

    Return the newest of the source's branch, and those of all branches and tags.

    Raises:
        FlowOpsError: FT-GIT-05 where no remote of this repository is the source's, FT-GIT-06 where it does not answer,
            FT-GIT-07 where it lacks the branch, FT-GIT-14 where git refuses.
    """
    try:
        remote = _remote_of(source.url, root)
        if remote is None:
            raise _no_remote(source, root)
        # Every branch, and all of its past, also where this clone was made of one branch or of the newest commits.
        whole = ("--unshallow",) if _git(root, "rev-parse", "--is-shallow-repository") == "true" else ()
        tips = {sha for name, sha in _heads(source, root, remote).items() if not name.endswith("^{}")}
        heads = _heads(source, root, remote, ("fetch", "--quiet", *whole, remote, *tips))
    except (OSError, subprocess.SubprocessError) as error:
        raise git.refusal(error, root) from None
    if head := _head(heads, source.branch):
        return head, heads
    raise _no_branch(source, remote, heads)


def on_remote(written: str, heads: Mapping[str, str], root: Path) -> str | None:
    """Return the full SHA of a commit; None where no branch or tag of the remote has it.

    It is written as its SHA, as the beginning of that, or as a branch or tag of the remote. What only this repository
    calls so, as HEAD, is none: it would pin production to what nobody else can name.
    """
    name = written.strip()
    named = heads.get(f"refs/heads/{name}") or heads.get(f"refs/tags/{name}")
    if not named and not re.fullmatch(r"[0-9A-Fa-f]{4,40}", name):
        return None
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", f"{named or name}^{{commit}}")
    except subprocess.CalledProcessError:
        return None
    return commit if any(is_ancestor(root, commit, tip) for tip in heads.values()) else None


def _git_problems(source: GitSource, root: Path, files: list[str]) -> Iterator[FlowOpsError]:
    if not shutil.which("git"):
        yield FlowOpsError("FT-GIT-01")
        return
    url, branch = without_credentials(source.url), source.branch
    try:
        prefix = _git(root, "rev-parse", "--show-prefix")
    except subprocess.CalledProcessError as error:
        if "not a git repository" not in (error.stderr or ""):
            raise
        yield FlowOpsError("FT-GIT-02", folder=root, url=url, branch=branch)
        return
    if prefix:
        yield FlowOpsError("FT-GIT-03", folder=root, prefix=prefix)
    remote = _remote_of(source.url, root)
    if not remote:
        yield _no_remote(source, root)
    push = {"remote": remote or "origin", "branch": branch}
    if not _succeeds(root, "rev-parse", "--verify", "--quiet", "HEAD"):
        yield FlowOpsError("FT-GIT-15", folder=root, **push)
        return
    if unfinished := git.unfinished(root):
        yield unfinished
        return
    changed = git.changed(root)
    if changed:
        yield FlowOpsError("FT-GIT-04", files=git.listed(changed), count=len(changed), **push)
    # What is new and not ignored was named just now.
    kept = ("ls-files", "--cached", "--others", "--exclude-standard", "--")
    missing = [file for file in files if not _git(root, *kept, file)]
    if missing:
        yield FlowOpsError("FT-GIT-12", files=", ".join(missing), paths=shell.arguments(missing))
    if remote:
        yield from _remote_problems(source, root, remote)


def _no_remote(source: GitSource, root: Path) -> FlowOpsError:
    remotes = {
        name: without_credentials(_git(root, "remote", "get-url", name))
        for name in _git(root, "remote").splitlines()
    }
    verb, there = "set-url" if "origin" in remotes else "add", ", ".join(remotes.values()) or "-"
    return FlowOpsError("FT-GIT-05", url=without_credentials(source.url), remotes=there, verb=verb)


def _heads(source: GitSource, root: Path, remote: str, *commands: tuple[str, ...]) -> dict[str, str]:
    """Return the commits of the remote's branches and tags, after these commands of git have asked it too.

    Raises:
        FlowOpsError: FT-GIT-06 where it does not answer.
    """
    url = without_credentials(source.url)
    try:
        for command in commands:
            _git(root, *command)
        answer = _git(root, "ls-remote", "--heads", "--tags", remote)
    except subprocess.TimeoutExpired:
        raise FlowOpsError(
            "FT-GIT-06", url=url, reason=text("git.no-answer", seconds=f"{TIMEOUT:g}")
        ) from None
    except subprocess.CalledProcessError as error:
        raise FlowOpsError("FT-GIT-06", url=url, reason=git.reason(error)) from None
    return {name: sha for sha, _, name in (line.partition("\t") for line in answer.splitlines())}


def _head(heads: Mapping[str, str], branch: str) -> str | None:
    return (
        heads.get(f"refs/heads/{branch}")
        or heads.get(f"refs/tags/{branch}^{{}}")
        or heads.get(f"refs/tags/{branch}")
    )


def _no_branch(source: GitSource, remote: str, heads: Mapping[str, str]) -> FlowOpsError:
    names = [name.removeprefix("refs/heads/") for name in heads if name.startswith("refs/heads/")]
    there = {"url": without_credentials(source.url), "branches": ", ".join(names) or "-"}
    return FlowOpsError("FT-GIT-07", branch=source.branch, remote=remote, **there)


def _remote_problems(source: GitSource, root: Path, remote: str) -> Iterator[FlowOpsError]:
    url = without_credentials(source.url)
    try:
        heads = _heads(source, root, remote)
    except FlowOpsError as problem:
        yield problem
        return
    if source.commit:
        yield from _pinned_problems(source.commit, root, set(heads.values()))
        return
    here, there = _git(root, "rev-parse", "HEAD"), _head(heads, source.branch)
    if there and f"refs/heads/{source.branch}" not in heads:  # A tag.
        yield from _pinned_problems(there, root, set(heads.values()))
    elif not there:
        yield _no_branch(source, remote, heads)
    elif there != here:
        current = git.branch(root) or here[:8]
        # Another branch has nothing of its own where the remote's has it all, or had when it was last seen.
        known = there, f"refs/remotes/{remote}/{source.branch}"
        if is_ancestor(root, there, here):
            code = "FT-GIT-08" if current == source.branch else "FT-GIT-16"
        elif current == source.branch or any(is_ancestor(root, here, each) for each in known):
            code = "FT-GIT-09"
        else:
            code = "FT-GIT-16"
        ref, work = (_no_tag(name, root, heads) for name in (source.branch, current))
        shown = {"here": here[:8], "there": there[:8], "current": current, "branch": source.branch}
        # A branch that others made since is not here, nor in a clone of one branch.
        is_here = _succeeds(root, "show-ref", "--verify", "--quiet", f"refs/heads/{source.branch}")
        made = f"git fetch {remote} {ref}\n    git switch --create {source.branch} FETCH_HEAD"
        switch = f"git switch {source.branch}" if is_here else made
        yield FlowOpsError(code, **shown, ref=ref, work=work, url=url, remote=remote, switch=switch)


def _no_tag(branch: str, root: Path, heads: Mapping[str, str]) -> str:
    """Return a branch's name for git's commands: the whole one where a tag, here or on the remote, has it too."""
    tag = f"refs/tags/{branch}"
    both = tag in heads or _succeeds(root, "show-ref", "--verify", "--quiet", tag)
    return f"refs/heads/{branch}" if both else branch


def _pinned_problems(commit: str, root: Path, heads: set[str]) -> Iterator[FlowOpsError]:
    if not any(tip == commit or is_ancestor(root, commit, tip) for tip in heads):
        yield FlowOpsError("FT-GIT-10", commit=commit[:8])
    elif not _succeeds(root, "diff", "--quiet", commit, "--", "src", "pyproject.toml"):
        yield FlowOpsError("FT-GIT-11", commit=commit[:8])


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Return whether a commit came before another one, on the way to it, or is the same."""
    return _succeeds(root, "merge-base", "--is-ancestor", older, newer)


def _succeeds(root: Path, *arguments: str) -> bool:
    try:
        _git(root, *arguments)
    except subprocess.CalledProcessError:
        return False
    return True


def _remote_of(url: str, root: Path) -> str | None:
    """Return the local name of the remote at `url`: git reaches it with the user's own credentials."""
    for name in _git(root, "remote").splitlines():
        addresses = {
            _git(root, "remote", "get-url", name),
            _git(root, "config", "--get", f"remote.{name}.url"),
        }
        if any(same_place(url, address) for address in addresses):
            return name
    return None


def same_place(one: str, other: str) -> bool:
    """Return whether two addresses are of the same repository, whatever their protocol, user and suffix."""
    return _place(one) == _place(other)


def _place(url: str) -> str:
    """Return host and path, so that `https://host/a/b.git` and `git@host:a/b` are the same repository."""
    text = re.sub(r"^(?:[a-z+]+://)?(?:[^/@]*@)?", "", url.strip())
    host, slash, path = text.replace(":", "/", 1).partition("/")
    return f"{host.lower()}{slash}{path.lstrip('/')}".rstrip("/").removesuffix(".git")


def _git(root: Path, *arguments: str) -> str:
    return git.run(root, *arguments, seconds=TIMEOUT).rstrip("\n")
