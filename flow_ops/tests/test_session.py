"""The tests' own session: what it leaves, its end looks for; a session that leaves something fails."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.session import TOGETHER
from helpers.support import CACHE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Begin = Callable[[str], subprocess.Popen[str]]

LEAVES = """
import pathlib, subprocess, sys
def test_it():
    pathlib.Path("forgotten").touch()
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
"""
WAITS = """
import subprocess, sys, tempfile, time
def test_it():
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print("left:", tempfile.mkdtemp(), left.pid, flush=True)
    while True:  # Python sees a signal between two sleeps; in one long sleep it can be seen too late.
        time.sleep(0.1)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """A function that starts a session of one test, whose text is given, as this one was started."""
    with contextlib.ExitStack() as started:

        def run(text: str) -> subprocess.Popen[str]:
            (tmp_path / "conftest.py").write_text('pytest_plugins = ["helpers.session"]\n', encoding="utf-8")
            (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
            environment = {name: value for name, value in os.environ.items() if name != CACHE}
            session = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_it.py"],
                cwd=tmp_path,
                env={**environment, "PYTHONPATH": str(Path(__file__).parent)},
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
            started.enter_context(session)  # Waits at its end: what failed is ended before.
            started.callback(session.kill)
            return session

        yield run


def test_the_files_that_share_a_server_at_each_push_go_to_one_process(request: pytest.FixtureRequest) -> None:
    at_each_push = [item for item in request.session.items if not item.get_closest_marker("slow")]
    share = {
        (item.path.name, group)
        for item in at_each_push
        for fixture, group in (("server", "server"), ("_secured", "workshop"))
        if fixture in getattr(item, "fixturenames", ())
    }
    assert share - TOGETHER.items() == set()


def test_a_file_and_a_process_that_are_left_are_named_and_fail_the_session(
    begin: Begin, tmp_path: Path
) -> None:
    session = begin(LEAVES)
    said, _ = session.communicate(timeout=60)
    assert session.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"The tests have left the file {tmp_path / 'forgotten'}" in said
    (process,) = re.findall(r"The tests have left the process (\d+): .*time\.sleep\(600\)", said)
    wait_until(lambda: not Path("/proc", process).exists(), seconds=20, what="the end of the process")


def test_a_session_that_is_ended_from_outside_leaves_no_process_and_no_folder(begin: Begin) -> None:
    session = begin(WAITS)
    assert session.stdout
    said = next(line for line in session.stdout if "left:" in line).split()
    folder, process = Path(said[1]), Path("/proc", said[2])
    assert folder.is_dir()
    assert process.is_dir()
    session.send_signal(signal.SIGTERM)
    session.communicate(timeout=60)
    assert session.returncode == pytest.ExitCode.INTERRUPTED
    assert not folder.exists()
    wait_until(lambda: not process.exists(), seconds=20, what="the end of the process")
