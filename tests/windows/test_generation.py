"""A repository generated on Windows has the bytes of one generated on Linux, whatever the answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.repositories import contents
from tests.generating import snapshot
from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    from tests.windows.helpers import Windows

HERE = Path(__file__).parent
ANSWERS = HERE.parent / "answers"


def test_every_file_is_the_same_as_on_linux(windows: Windows, tmp_path: Path) -> None:
    # The folder says more than one character set, and what shells read: a user's may.
    template = snapshot(tmp_path / "plantilla de ñandú & co #1")
    script = HERE / "generate.py"
    linux, there = tmp_path / "linux", tmp_path / "windows"
    subprocess.run(
        [sys.executable, "-B", str(script), str(template), str(ANSWERS), str(linux)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=True, capture_output=True,
    )  # fmt: skip
    done = windows.python(
        *("-B", *map(of_windows, (script, template, ANSWERS, there))), PYTHONDONTWRITEBYTECODE="1"
    )
    assert done.returncode == 0, done.stdout[-3000:]
    ours, theirs = contents(linux), contents(there)
    assert len(ours) > 50 * len([*ANSWERS.glob("*.json")])
    assert [
        name for name in ours if not name.endswith(".cruft.json") and ours[name] != theirs.get(name)
    ] == []
    assert sorted(theirs) == sorted(ours)
