"""scientific-python's review of repositories has nothing to say but what `pyproject.toml` sets aside, with its reason."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from tests.organisation import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.parametrize("which", ["the template", "a generated repository"])
def test_the_review_passes(which: str, repository: Path) -> None:
    root = ROOT if which == "the template" else repository
    done = subprocess.run(
        [find_uv_bin(), "tool", "run", "--from", "sp-repo-review[cli]>=2025", "repo-review", root],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
