"""The library's own tests of one log file under many processes, on a Windows Python: 2, 4 and 8 of them.

Of one killed and one that holds the file open too: Wine, as Windows, renames no file that somebody has open.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    from tests.windows.helpers import Windows

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ";".join(of_windows(folder) for folder in (ROOT / "flow_ops" / "src", ROOT / "flow_ops" / "tests"))


FILE = "flow_ops/tests/test_logs_files.py"
KILLED_AND_HELD = (
    f"{FILE}::test_with_one_killed_and_the_file_held_open_to_be_read_the_others_lose_tear_and_double_no_line"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "marked"),
    [
        pytest.param(FILE, "not slow and not e2e", id="in one process"),
        *(
            pytest.param(
                f"{KILLED_AND_HELD}[{processes}]", "", id=f"{processes} processes", marks=pytest.mark.windows
            )
            for processes in (2, 4, 8)
        ),
    ],
)
def test_of_what_is_written_nothing_is_lost(windows: Windows, tests: str, marked: str) -> None:
    done = windows.python(
        *("-B", "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "-m", marked, tests),
        cwd=ROOT,
        seconds=1500,
        PYTHONPATH=SOURCES,
        PYTHONUTF8="1",
    )
    assert (done.returncode, " passed" in done.stdout) == (0, True), done.stdout[-5000:]
