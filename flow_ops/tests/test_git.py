"""Git acts on the folder that it is told, wherever it is called from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flow_ops import git
from flow_ops.testing.tracked import tracked_files
from helpers.workshop import git as run_git


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


@pytest.mark.usefixtures("repositories")
def test_no_test_of_a_repository_sees_which_repository_a_git_hook_stands_in(
    repository: Path, tmp_path: Path
) -> None:
    test = tmp_path / "test_variables.py"
    test.write_text(
        "import os\n\ndef test_none():\n    assert 'GIT_DIR' not in os.environ\n", encoding="utf-8"
    )
    configuration = str(repository / "pyproject.toml")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            configuration,
            "-p",
            "flow_ops.testing",
            "-p",
            "no:cacheprovider",
            "-q",
            str(test),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
