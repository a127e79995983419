"""Git acts on the folder that it is told, wherever it is called from."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from flow_ops import git, project
from flow_ops.deploy import entrypoints, source
from flow_ops.deployment import GitSource
from flow_ops.messages import FlowOpsError
from flow_ops.testing.tracked import tracked_files
from helpers.repositories import make_repository
from helpers.workshop import git as run_git
from helpers.workshop import inside


@pytest.fixture
def repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's repository, which every variable of git points at, and another one."""
    for name in ("user", "other"):
        run_git(tmp_path, "init", "--quiet", "--initial-branch=main", name)
        (tmp_path / name / f"{name}.txt").write_text(name, encoding="utf-8")
        run_git(tmp_path / name, "add", "--all")
        run_git(tmp_path / name, "commit", "--quiet", "--message", name)
    metadata = tmp_path / "user" / ".git"
    monkeypatch.setenv("GIT_DIR", str(metadata))
    monkeypatch.setenv("GIT_COMMON_DIR", str(metadata))
    monkeypatch.setenv("GIT_INDEX_FILE", str(metadata / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "user"))
    return tmp_path / "user", tmp_path / "other"


def test_git_reads_the_folder_that_it_is_told(repositories: tuple[Path, Path]) -> None:
    _, other = repositories
    assert git.run(other, "log", "--format=%s").strip() == "other"
    assert tracked_files(other) == [Path("other.txt")]


def test_git_writes_to_the_folder_that_it_is_told(repositories: tuple[Path, Path]) -> None:
    user, other = repositories
    git.run(other, "branch", "made-by-a-test")
    assert git.run(user, "branch", "--format=%(refname:short)").split() == ["main"]
    assert git.run(other, "branch", "--format=%(refname:short)").split() == ["made-by-a-test", "main"]


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A repository with one commit and a remote that is itself."""
    run_git(tmp_path, "init", "--quiet", "--initial-branch=main", "own")
    root = tmp_path / "own"
    (root / "flow.py").write_text("one = 1\n", encoding="utf-8")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "one")
    run_git(root, "remote", "add", "origin", root.as_uri())
    return root


def problems_of(root: Path) -> list[FlowOpsError]:
    return list(source.problems(GitSource(root.as_uri()), root, ["flow.py"]))


def test_a_repository_that_git_will_work_in_has_no_problem(committed: Path) -> None:
    assert problems_of(committed) == []


def test_a_checkout_of_another_account_is_told_as_git_tells_it_with_what_helps(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own way to test what it refuses
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    (problem,) = problems_of(committed)
    assert problem.code == "FT-GIT-14"
    assert "git config --global --add safe.directory" in str(problem)
    assert "git init" not in str(problem)
    with pytest.raises(FlowOpsError, match="FT-GIT-14"):
        tracked_files(committed)


def test_a_damaged_index_is_told_with_what_helps(committed: Path) -> None:
    (committed / ".git" / "index").write_bytes(b"garbage")
    (problem,) = problems_of(committed)
    assert problem.code == "FT-GIT-14"
    assert "git reset" in str(problem)
    (committed / ".git" / "index").unlink()
    run_git(committed, "reset", "--quiet")
    assert problems_of(committed) == []


def test_a_remote_that_is_none_is_told_with_what_git_says_of_it_and_without_its_advice(
    tmp_path: Path,
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git.run(tmp_path, "ls-remote", str(tmp_path / "nowhere"))
    assert "and the repository exists" in refused.value.stderr
    assert git.reason(refused.value).endswith("does not appear to be a git repository")
    asked = "git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.\n"
    assert "Permission denied" in git.reason(subprocess.CalledProcessError(128, "git", stderr=asked))


def test_a_machine_without_git_is_told_to_install_it(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(committed))
    with pytest.raises(FlowOpsError, match="FT-GIT-01"):
        source.fetch(GitSource("https://example.com/a.git", branch="main"), committed)


def typed(root: Path, problem: FlowOpsError) -> None:
    """Type the commands of a message, as they stand there."""
    for command in re.findall(
        r"git ((?:init|add|commit|fetch|remote|push|switch|merge|pull)\b[^,\n]*)", str(problem)
    ):
        run_git(root, *shlex.split(command))


def follow(root: Path, place: GitSource, code: str) -> None:
    """Do what the message says of the one problem that there is, which has this code."""
    (problem,) = source.problems(place, root, ["flow.py"])
    assert problem.code == code
    typed(root, problem)


def test_what_a_message_says_leads_from_a_folder_to_a_repository_with_everything_pushed(
    tmp_path: Path,
) -> None:
    run_git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    place, root = GitSource((tmp_path / "remote.git").as_uri(), branch="main"), tmp_path / "own"
    root.mkdir()
    (root / "flow.py").touch()
    follow(root, place, "FT-GIT-02")
    assert list(source.problems(place, root, ["flow.py"])) == []


def test_who_needs_a_repository_and_has_none_is_told_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "flow.py").touch()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git.changed(tmp_path)
    typed(tmp_path, git.refusal(refused.value, tmp_path))
    assert git.changed(tmp_path) == []


@pytest.mark.parametrize("elsewhere", [False, True], ids=["no remote", "a remote elsewhere"])
def test_a_repository_is_never_told_to_be_one_first(tmp_path: Path, *, elsewhere: bool) -> None:
    run_git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    place, root = GitSource((tmp_path / "remote.git").as_uri(), branch="main"), tmp_path / "own"
    run_git(tmp_path, "init", "--quiet", "--initial-branch=trunk", "own")
    (root / "flow.py").touch()
    if elsewhere:
        run_git(root, "remote", "add", "origin", tmp_path.as_uri())
    no_remote, no_commit = source.problems(place, root, ["flow.py"])
    assert (no_remote.code, no_commit.code) == ("FT-GIT-05", "FT-GIT-15")
    assert "git init" not in f"{no_commit}{no_remote}"
    for problem in (no_remote, no_commit):
        typed(root, problem)
    assert list(source.problems(place, root, ["flow.py"])) == []


def test_the_user_of_ssh_stays_in_the_command_that_adds_a_remote(committed: Path) -> None:
    address = "ssh://git@git.example.com/team/ventas.git"
    (problem,) = source.problems(GitSource(address, branch="main"), committed, ["flow.py"])
    assert problem.code == "FT-GIT-05"
    assert f"git remote set-url origin {address}" in str(problem)


def test_a_change_an_ignored_file_and_a_missing_branch_are_put_right_by_what_the_messages_say(
    committed: Path,
) -> None:
    run_git(committed.parent, "init", "--quiet", "--bare", "company.git")
    run_git(committed, "remote", "add", "company", (committed.parent / "company.git").as_uri())
    place = GitSource((committed.parent / "company.git").as_uri(), branch="release")
    files = ["flow.py", "two.py", "the third.py"]
    (committed / ".gitignore").write_text("t*.py\n", encoding="utf-8")
    for name in files:
        (committed / name).touch()
    changed, ignored, missing = source.problems(place, committed, files)
    assert [each.code for each in (changed, ignored, missing)] == ["FT-GIT-04", "FT-GIT-12", "FT-GIT-07"]
    for problem in (ignored, changed, missing):
        typed(committed, problem)
    assert list(source.problems(place, committed, files)) == []


@pytest.fixture
def pushed(committed: Path) -> str:
    """Return the address of a remote that has the branch `main` of `committed`."""
    run_git(committed.parent, "init", "--quiet", "--bare", "company.git")
    url = (committed.parent / "company.git").as_uri()
    run_git(committed, "branch", "--move", "--force", "main")
    run_git(committed, "remote", "set-url", "origin", url)
    run_git(committed, "push", "--quiet", "origin", "main")
    return url


def test_work_on_a_branch_of_its_own_is_not_pushed_into_the_deployed_one_but_merged(
    committed: Path, pushed: str
) -> None:
    run_git(committed, "switch", "--quiet", "--create", "stock")
    place = GitSource(pushed, branch="main")
    (committed / "flow.py").write_text("changed\n", encoding="utf-8")
    follow(committed, place, "FT-GIT-04")
    assert "refs/heads/stock" in git.run(committed, "ls-remote", pushed)
    follow(committed, place, "FT-GIT-16")
    assert git.branch(committed) == "main"
    assert list(source.problems(place, committed, ["flow.py"])) == []


def test_a_commit_that_is_on_no_branch_is_not_pushed_into_the_deployed_one_but_merged(
    committed: Path, pushed: str
) -> None:
    run_git(committed, "switch", "--quiet", "--detach")
    run_git(committed, "commit", "--quiet", "--allow-empty", "--message", "on no branch")
    place = GitSource(pushed, branch="main")
    follow(committed, place, "FT-GIT-16")
    assert git.branch(committed) == "main"
    assert list(source.problems(place, committed, ["flow.py"])) == []


def test_a_branch_that_others_moved_is_gone_to_and_pulled_from_any_other(
    committed: Path, pushed: str, tmp_path: Path
) -> None:
    run_git(committed, "switch", "--quiet", "--create", "stock")
    run_git(tmp_path, "clone", "--quiet", "--branch", "main", pushed, "theirs")
    run_git(tmp_path / "theirs", "commit", "--quiet", "--allow-empty", "--message", "squashed")
    run_git(tmp_path / "theirs", "push", "--quiet", "origin", "main")
    place = GitSource(pushed, branch="main")
    follow(committed, place, "FT-GIT-09")
    assert list(source.problems(place, committed, ["flow.py"])) == []


def test_a_deployed_branch_that_was_made_elsewhere_is_brought_here_by_what_the_message_says(
    committed: Path, pushed: str, tmp_path: Path
) -> None:
    run_git(tmp_path, "clone", "--quiet", "--branch", "main", pushed, "theirs")
    run_git(tmp_path / "theirs", "switch", "--quiet", "--create", "production")
    write(tmp_path / "theirs", "theirs")
    run_git(tmp_path / "theirs", "push", "--quiet", "origin", "production")
    place = GitSource(pushed, branch="production")
    write(committed, "ours", "other.py")
    follow(committed, place, "FT-GIT-16")
    assert list(source.problems(place, committed, ["flow.py"])) == []
    assert git.run(committed, "show", "HEAD:other.py", "HEAD:flow.py") == "ours\ntheirs\n"


def test_a_tag_that_is_deployed_is_taken_for_the_commit_that_it_is(committed: Path, pushed: str) -> None:
    for name in ("src", "pyproject.toml"):
        write(committed, "of the tag", name)
    run_git(committed, "tag", "v1")
    run_git(committed, "push", "--quiet", "origin", "main", "v1")
    place = GitSource(pushed, branch="v1")
    assert list(source.problems(place, committed, ["flow.py"])) == []
    write(committed, "after it", "src")
    assert [each.code for each in source.problems(place, committed, ["flow.py"])] == ["FT-GIT-11"]


@pytest.fixture
def theirs(pushed: str, tmp_path: Path) -> Path:
    """Another clone of the remote, whose `flow.py` is pushed to `main`."""
    run_git(tmp_path, "clone", "--quiet", "--branch", "main", pushed, "theirs")
    write(tmp_path / "theirs", "theirs")
    run_git(tmp_path / "theirs", "push", "--quiet", "origin", "main")
    return tmp_path / "theirs"


def write(root: Path, line: str, name: str = "flow.py") -> None:
    """Commit a file with one line."""
    (root / name).write_text(f"{line}\n", encoding="utf-8")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", line)


@pytest.mark.usefixtures("theirs")
def test_own_commits_beside_those_of_others_are_merged_and_pushed_by_what_the_messages_say(
    committed: Path, pushed: str
) -> None:
    write(committed, "ours", "other.py")
    place = GitSource(pushed, branch="main")
    follow(committed, place, "FT-GIT-09")
    follow(committed, place, "FT-GIT-08")
    assert list(source.problems(place, committed, ["flow.py"])) == []
    assert git.run(committed, "show", "HEAD:other.py", "HEAD:flow.py") == "ours\ntheirs\n"


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize("detached", [False, True], ids=["a branch", "no branch"])
def test_work_on_another_branch_is_deployed_too_where_others_moved_the_deployed_one(
    committed: Path, pushed: str, *, detached: bool
) -> None:
    run_git(committed, "switch", "--quiet", *(["--detach"] if detached else ["--create", "stock"]))
    write(committed, "ours", "other.py")
    place = GitSource(pushed, branch="main")
    follow(committed, place, "FT-GIT-16")
    assert list(source.problems(place, committed, ["flow.py"])) == []
    assert git.run(committed, "show", "HEAD:other.py", "HEAD:flow.py") == "ours\ntheirs\n"


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize("where", ["here", "on the remote"])
def test_a_tag_with_the_name_of_the_branch_is_not_taken_for_it(
    committed: Path, pushed: str, where: str
) -> None:
    for name in ("main", "stock"):
        run_git(committed, "tag", name)
        if where == "on the remote":
            run_git(committed, "push", "--quiet", "origin", f"refs/tags/{name}")
            run_git(committed, "tag", "--delete", name)
    place = GitSource(pushed, branch="main")
    assert git.branch(committed) == "main"
    write(committed, "ours", "other.py")
    follow(committed, place, "FT-GIT-09")
    follow(committed, place, "FT-GIT-08")
    run_git(committed, "switch", "--quiet", "--create", "stock")
    write(committed, "ours too", "other.py")
    follow(committed, place, "FT-GIT-16")
    assert list(source.problems(place, committed, ["flow.py"])) == []


def stop_at_a_conflict(root: Path, theirs: Path, kind: str) -> str:
    """Leave one in `flow.py`, by the command that is named; return the commit before it."""
    run_git(root, "fetch", "--quiet", "origin")
    if kind == "stash pop":
        (root / "flow.py").write_text("ours\n", encoding="utf-8")
        run_git(root, "stash", "--quiet")
        run_git(root, "merge", "--quiet", "origin/main")
    else:
        write(root, "ours")
    if kind == "revert":
        write(root, "ours, later")
    patch = root.parent / "theirs.patch"
    patch.write_text(git.run(theirs, "format-patch", "--stdout", "-1"), encoding="utf-8")
    commands = {
        "merge": ("pull", "--no-rebase", "origin", "main"),
        "rebase": ("pull", "--rebase", "origin", "main"),
        "cherry-pick": ("cherry-pick", "origin/main"),
        "revert": ("revert", "--no-edit", "HEAD~"),
        "am": ("am", "--3way", str(patch)),
        "stash pop": ("stash", "pop"),
    }
    before = git.run(root, "rev-parse", "HEAD")
    with pytest.raises(subprocess.CalledProcessError):
        run_git(root, *commands[kind])
    assert "<<<<<<<" in (root / "flow.py").read_text(encoding="utf-8")
    return before


STOPPED = pytest.mark.parametrize("kind", ["merge", "rebase", "cherry-pick", "revert", "am", "stash pop"])


@STOPPED
def test_what_stopped_at_a_conflict_is_taken_back_by_what_the_message_says_and_never_committed(
    committed: Path, pushed: str, theirs: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    before = stop_at_a_conflict(committed, theirs, kind)
    (problem,) = source.problems(GitSource(pushed, branch="main"), committed, ["flow.py"])
    what, _, do, *_ = str(problem).splitlines()
    named = "merge" if kind == "stash pop" else kind
    assert what == f"FT-GIT-17  A git {named} was left unfinished in this folder; files in conflict: flow.py."
    assert not re.search(r"git (commit|push)|--all", str(problem))
    run_git(committed, *shlex.split(do.rpartition(": git ")[2]))
    assert git.unfinished(committed) is None
    assert git.changed(committed) == []
    assert (git.branch(committed), git.run(committed, "rev-parse", "HEAD")) == ("main", before)


@STOPPED
def test_what_stopped_at_a_conflict_is_finished_by_what_the_message_says_once_that_is_resolved(
    committed: Path, pushed: str, theirs: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_EDITOR", "true")
    stop_at_a_conflict(committed, theirs, kind)
    place = GitSource(pushed, branch="main")
    (problem,) = source.problems(place, committed, ["flow.py"])
    (committed / "flow.py").write_text("both\n", encoding="utf-8")
    for command in str(problem).splitlines()[3:]:
        run_git(committed, *shlex.split(command)[1:])
    assert git.unfinished(committed) is None
    assert git.branch(committed) == "main"
    assert {problem.code for problem in source.problems(place, committed, ["flow.py"])} <= {
        "FT-GIT-04", "FT-GIT-08", "FT-GIT-09",
    }  # fmt: skip


def test_a_conflict_in_the_flow_itself_is_told_as_one_and_not_as_an_error_in_its_syntax(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(committed / "src")
    run_git(committed, "branch", "stock")
    for branch, line in (("main", "one = 1"), ("stock", "one = 2")):
        run_git(committed, "switch", "--quiet", branch)
        (committed / "src").mkdir(exist_ok=True)
        write(committed, line, "src/in_conflict.py")
    with pytest.raises(subprocess.CalledProcessError):
        run_git(committed, "merge", "main")
    with pytest.raises(FlowOpsError) as told:
        entrypoints.load("src/in_conflict.py:flow", committed)
    assert told.value.code == "FT-GIT-17"
    assert "git add src/in_conflict.py" in str(told.value)
    # One that is left once the conflict is resolved is the user's own.
    run_git(committed, "add", "--all")
    with pytest.raises(FlowOpsError, match="FT-FLOW-03"):
        entrypoints.load("src/in_conflict.py:flow", committed)


def test_a_conflict_in_deploy_py_is_told_as_one_by_what_reads_it(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    run_git(root, "init", "--quiet", "--initial-branch=main")
    write(root, "one = 0", "deploy.py")
    run_git(root, "branch", "stock")
    for branch, line in (("stock", "one = 1"), ("main", "one = 2")):
        run_git(root, "switch", "--quiet", branch)
        write(root, line, "deploy.py")
    with pytest.raises(subprocess.CalledProcessError):
        run_git(root, "merge", "stock")
    with inside(root), pytest.raises(FlowOpsError, match="FT-GIT-17"):
        project.deployments()


@pytest.mark.parametrize(("count", "shown"), [(5, "1, 2, 3, 4, 5"), (6, "1, 2, 3, 4, 5, ...")])
def test_a_message_that_names_some_files_of_more_says_that_there_are_more(
    committed: Path, monkeypatch: pytest.MonkeyPatch, count: int, shown: str
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    for number in range(1, count + 1):
        (committed / str(number)).touch()
    (problem,) = problems_of(committed)
    first, *_ = str(problem).splitlines()
    assert first == f"FT-GIT-04  Files with uncommitted changes ({count}): {shown}"


def test_names_of_files_are_shown_as_they_are(committed: Path) -> None:
    (committed / "año 2026.csv").touch()
    (problem,) = problems_of(committed)
    assert "año 2026.csv" in str(problem)
    assert tracked_files(committed) == [Path("flow.py")]
    run_git(committed, "add", "--all")
    assert tracked_files(committed) == [Path("año 2026.csv"), Path("flow.py")]


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_a_linked_worktree_and_a_submodule_are_repositories_like_any_other(
    committed: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "worktree":
        run_git(committed, "worktree", "add", "--quiet", str(tmp_path / "linked"))
        root = tmp_path / "linked"
    else:
        run_git(tmp_path, "init", "--quiet", "around")
        run_git(
            tmp_path / "around", "-c", "protocol.file.allow=always",
            "submodule", "--quiet", "add", committed.as_uri(), "inside",
        )  # fmt: skip
        root = tmp_path / "around" / "inside"
    assert tracked_files(root) == [Path("flow.py")]
    assert [problem.code for problem in problems_of(root)] in ([], ["FT-GIT-05"])
