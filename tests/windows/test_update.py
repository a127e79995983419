"""`update` from 1.0.0, by a Windows Python and with Git for Windows' own line ends."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from tests.releases import (
    ANSWERS,
    RELEASES,
    assert_it_is_what_it_should_be,
    commit,
    edit,
    put_current,
    put_release,
    tracked,
)
from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    from tests.windows.helpers import Windows

pytestmark = [pytest.mark.windows, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
UPDATE = ("-c", "from flow_ops.cli import main; main()", "update", "apply", "--yes")


def test_an_update_from_1_0_0_brings_everything_and_keeps_what_the_team_wrote(own_windows: Windows) -> None:
    (release,) = (each for each in RELEASES if each["name"] == "1.0.0")
    remote, folder = own_windows.path(r"C:\flow-template.git"), own_windows.path(r"C:\flujos de ñandú & co")
    put_release(release, remote)
    folder.mkdir()
    answers = [f"{name}={value}" for name, value in ANSWERS.items()]
    made = own_windows.python(
        "-m", "cookiecutter", "file:///C:/flow-template.git", "--no-input", *answers, cwd=folder
    )
    assert made.returncode == 0, made.stdout
    root = folder / "ventas-diarias"
    edit(root)
    subprocess.run([find_uv_bin(), "lock", "--quiet"], cwd=root, check=True)
    commit(root, "ours")
    put_current(remote)
    done = own_windows.python(
        *UPDATE,
        cwd=root,
        seconds=900,
        encoding="cp1252",
        PYTHONPATH=of_windows(ROOT / "flow_ops" / "src"),
        PYTHONUTF8="0",
        PYTHONIOENCODING="cp1252",
        FLOW_LANGUAGE="es",
    )
    assert (done.returncode, "Traceback" in done.stdout) == (0, False), done.stdout
    assert_it_is_what_it_should_be(root)
    assert [name for name in tracked(root) if b"\r" in (root / name).read_bytes()] == []
