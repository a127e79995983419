"""A repository whose library comes from an index, from git or from `vendor/`: its tests, a newer library, a place gone."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from helpers.package_index import package_index
from helpers.workshop import git
from tests.generating import command
from tests.library_place import NEW, OLD, commit, place, release, run
from tests.organisation import ROOT, copied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.environment]

# In the place of GitHub's own gh, which is not asked here: it writes down how it was called.
GH = """#!/bin/sh
echo "$@" >> "$GH_CALLS"
[ "$1 $2" != "pr create" ] || [ "$(grep --count "^pr create" "$GH_CALLS")" = 1 ] || exit 1
[ "$1 $2" != "pr list" ] || echo https://example.org/pull/1
"""


@contextlib.contextmanager
def made(folder: Path, mode: str) -> Iterator[tuple[Path, Path]]:
    """Yield a new repository of a mode, committed with its lock, and the template."""
    with place(folder, mode) as template:
        done = command(template.as_uri(), "--no-input", "language=en", "flow_slug=night-sales", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        root = folder / "night-sales"
        run(["uv", "sync", "--quiet"], root)
        commit(root)
        yield root, template


def propose(root: Path, folder: Path) -> list[str]:
    """Run the steps of the job as they stand in template.yml; return how gh was called."""
    bin_folder, calls = folder / "bin", folder / "calls"
    bin_folder.mkdir(exist_ok=True)
    (bin_folder / "gh").write_text(GH, encoding="utf-8")
    (bin_folder / "gh").chmod(0o755)
    calls.touch()
    file = root / ".github" / "workflows" / "template.yml"
    steps = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]["library"]["steps"]
    for step in (step for step in steps if "run" in step):
        variables = {**step.get("env", {}), "GH_CALLS": str(calls)}
        variables["PATH"] = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], root, **variables)
    return calls.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("mode", ["index", "git", "vendor"])
def test_a_newer_library_comes_by_a_tested_pull_request_and_nothing_else_does(
    mode: str, tmp_path: Path
) -> None:
    remote = tmp_path / "night-sales.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    with made(tmp_path, mode) as (root, template):
        git(root, "remote", "add", "origin", str(remote))
        git(root, "push", "--quiet", "origin", "HEAD:main")
        assert propose(root, tmp_path) == []
        release(tmp_path, template)
        if mode == "vendor":
            assert propose(root, tmp_path) == []
            return
        first, created = propose(root, tmp_path)
        assert (first, created.split(" --title")[0]) == (
            "auth setup-git",
            "pr create --head flow-ops-update",
        )
        changed = git(remote, "diff", "--name-only", "main", "flow-ops-update").splitlines()
        assert changed == {"index": ["uv.lock"], "git": ["pyproject.toml", "uv.lock"]}[mode]
        assert f'name = "flow-ops"\nversion = "{NEW}"' in git(remote, "show", "flow-ops-update:uv.lock")
        assert '"flow-ops>=2,<3"' in git(remote, "show", "flow-ops-update:pyproject.toml")

        # A week later it is not merged yet: the same pull request goes on.
        git(root, "switch", "--quiet", "main")
        assert propose(root, tmp_path)[2:] == [
            "auth setup-git",
            created,
            "pr list --head flow-ops-update --json url --jq .[0].url",
        ]
        # And merged, nothing is left to do; no file of the repository had to follow.
        said = run(["uv", "run", "flow-ops", "update", "check"], root)
        assert "No file of this repository needs updating." in said


BREAKS = {"index": "dist", "git": "hosted", "vendor": "night-sales/vendor"}


@pytest.mark.parametrize("mode", BREAKS)
def test_doctor_and_plan_of_a_repository_whose_library_is_out_of_reach_say_so_without_a_traceback(
    mode: str, tmp_path: Path
) -> None:
    with made(tmp_path, mode) as (root, _):
        if mode == "vendor":
            (root / "vendor" / "flow_ops" / "README.md").write_text("ours\n", encoding="utf-8")
        else:
            (tmp_path / BREAKS[mode]).rename(tmp_path / "gone")
        code = "FT-UPDATE-01" if mode == "vendor" else "FT-LIBRARY-10"
        assert code in problem(root, "doctor")
        # Of a server that is not there; the library is in the environment already.
        assert "FT-SERVER-" in problem(root, "plan", "prod")
        if mode == "vendor":
            (root / "vendor").rename(tmp_path / "gone")
            assert "vendor/flow_ops" in problem(root, "plan", "prod")


def problem(root: Path, *arguments: str) -> str:
    """Run deploy.py, which has to fail in words; return what it says."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "FLOW_PROJECT_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        ["uv", "run", "deploy.py", *arguments],
        cwd=root,
        env={**environment, "PREFECT_API_URL": "http://127.0.0.1:9/api"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode
    assert "Traceback" not in said
    return said


def test_a_release_is_built_and_published_as_contributing_says_and_an_index_has_it(tmp_path: Path) -> None:
    template = copied(tmp_path / "flow-template", {})
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = text.partition("To publish a release")[2].partition("```bash\n")[2].partition("```")[0]
    with package_index(tmp_path / "served") as address:
        script = block.replace("https://packages.example.org/upload", address)
        assert script != block
        run(["bash", "-e", "-c", script], template)
        run(["uv", "venv", "--quiet"], tmp_path)
        install = ["uv", "pip", "install", "--quiet", "--no-deps", "--no-cache", "flow-ops"]
        run([*install, "--index-url", address], tmp_path)
        assert f"flow-ops=={OLD}" in run(["uv", "pip", "freeze"], tmp_path)
