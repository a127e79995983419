"""A promise within a major version: a repository of an earlier release goes on with the library of today, unchanged."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from flow_ops import embedding
from helpers.workshop import git
from tests.generating import command
from tests.organisation import ROOT
from tests.releases import unpack

RELEASES = tomllib.loads((Path(__file__).parent / "releases.toml").read_text(encoding="utf-8"))["compatible"]

pytestmark = pytest.mark.environment


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES, ids=[release["name"] for release in RELEASES])
def test_the_tests_and_rules_of_an_earlier_release_pass_with_the_library_of_today(
    release: dict[str, str], tmp_path: Path
) -> None:
    template = tmp_path / "flow-template"
    unpack(release["commit"], template)
    done = command(template, "--no-input", "language=en", "flow_slug=night-sales", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    root = tmp_path / "night-sales"
    embedding.embed(ROOT / "flow_ops", root)
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "FLOW_PROJECT_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    for arguments in (["sync", "--quiet"], ["run", "pytest", "-q"]):
        git(root, "add", "--all")
        ended = subprocess.run(
            ["uv", *arguments],
            cwd=root,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
