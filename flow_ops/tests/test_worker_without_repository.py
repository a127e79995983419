"""An administrator's way: the library straight from the template's git server, with no flow repository near."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from flow_ops.worker.service import systemd_runs
from helpers.https_git import private_git_host
from helpers.repositories import LIBRARY
from helpers.workshop import git

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-this-test"  # noqa: S105 - of a host that lives as long as a test
TAG = "v9.8.7"
SERVER = ("--pool", "compras-prod", "--api-url", "http://prefect.example:4200/api")


def flow_ops(source: str, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what the page on workers says, in an empty folder."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FLOW_", "PYTHON"))
    }
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        ["uvx", "--quiet", "--from", source, "flow-ops", "worker", *words],
        cwd=folder,
        env={
            **environment,
            "UV_LINK_MODE": "copy",
            **variables,
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A bare repository with the library in its folder, tagged."""
    work = tmp_path / "work"
    ignored = shutil.ignore_patterns("__pycache__", ".venv", "tests")
    shutil.copytree(LIBRARY, work / "flow_ops", ignore=ignored)
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "one")
    git(work, "tag", TAG)
    git(tmp_path, "clone", "--quiet", "--bare", "work", "hosted/flow-template.git")
    return tmp_path / "hosted"


@pytest.mark.slow
@pytest.mark.environment
def test_a_worker_is_shown_and_installed_from_a_private_git_server_by_tag(
    template: Path, tmp_path: Path
) -> None:
    with private_git_host(template, TOKEN, tmp_path) as (address, certificate):
        source = f"git+{address}/flow-template.git@{TAG}#subdirectory=flow_ops"
        helper = f"!f() {{ echo username=x; echo password={TOKEN}; }}; f"
        access = {
            "GIT_SSL_CAINFO": str(certificate),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "credential.helper",
            "GIT_CONFIG_VALUE_0": helper,
            "LC_ALL": "C.UTF-8",
        }
        refused = flow_ops(
            source, tmp_path / "empty", "print", *SERVER, **{**access, "GIT_CONFIG_COUNT": "0"}
        )
        assert refused.returncode != 0
        shown = flow_ops(source, tmp_path / "empty", "print", "--system", "linux", *SERVER, **access)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert (
            "ExecStart=/var/lib/flow-workers/flow-worker-compras-prod/environment/bin/python" in shown.stdout
        )
        assert "prefect>=3.9,<4" in shown.stdout.replace('"', "")
        assert TOKEN not in shown.stdout
        if not systemd_runs():
            installed = flow_ops(source, tmp_path / "empty", "install", *SERVER, **access)
            assert (installed.returncode, installed.stderr.split()[0]) == (1, "FT-SERVICE-08")


@pytest.mark.slow
@pytest.mark.environment
def test_a_worker_is_shown_from_a_folder_in_the_language_of_the_system(tmp_path: Path) -> None:
    words = ("print", "--pool", "con espacio")
    for variables, said in (
        ({"LC_ALL": "C.UTF-8", "FLOW_LANGUAGE": "en"}, "What to do:"),
        ({"LC_ALL": "es_AR.UTF-8", "FLOW_LANGUAGE": ""}, "Qué hacer:"),
    ):
        refused = flow_ops(str(LIBRARY), tmp_path / "empty", *words, **variables)
        assert (refused.returncode, refused.stderr.split()[0]) == (1, "FT-SERVICE-01")
        assert said in refused.stderr
    mistyped = flow_ops(str(LIBRARY), tmp_path / "empty", "print", "--pol", "compras-prod")
    assert ": flow-ops worker print --help\n" in mistyped.stderr  # There `uv run` finds no such program.
