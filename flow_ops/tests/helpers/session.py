"""What every session of tests has, the library's and the template's: isolation, one cache, a server, a look at its end.

A pytest plugin. It is imported before anything imports Prefect, which then knows no profile, home, server or `.env`
but those that the tests make. All temporary files are below one folder, `HOME`, and a session ends without it, without
a file elsewhere and without a process: one that leaves something fails, and says what.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from flow_ops import git
from helpers.support import CACHE, prefect_server, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.support import Server

for _name in [name for name in os.environ if name.startswith(("PREFECT_", "FLOW_"))]:
    del os.environ[_name]
# Nor does git see which repository a git hook or another tool stands in.
for _name in {*git.POINTERS} & os.environ.keys():
    del os.environ[_name]
# Compiled files make each process that the tests start some tenths of a second shorter.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
HOME = Path(tempfile.mkdtemp(prefix="flow-template-tests-"))
if CACHE not in os.environ:  # Else this is a process of pytest-xdist: its folder is below that of the first.
    HOME.chmod(0o711)  # PostgreSQL, which does not run as root, has to get to its files.
    (HOME / "tmp").mkdir()
    os.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(HOME / "tmp"))
    tempfile.tempdir = None  # what was found before is forgotten
os.environ |= {
    "PREFECT_HOME": str(HOME / "prefect"),
    "PREFECT_PROFILES_PATH": str(HOME / "profiles.toml"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "COOKIECUTTER_CONFIG": str(HOME / "cookiecutter.yaml"),
}
(HOME / "cookiecutter.yaml").write_text(
    f"cookiecutters_dir: {HOME / 'cookiecutters'}\nreplay_dir: {HOME / 'replay'}\n", encoding="utf-8"
)

# These files go to one process for each server, which takes ten seconds of a processor to start; and they go first.
TOGETHER = {
    "test_deployment.py": "workshop",
    "test_mistakes.py": "workshop",
    "test_deployment_runs.py": "workshop",
    "test_rollback.py": "workshop",
    "test_pools.py": "workshop",
    "test_lost_answers.py": "workshop",
    "test_screen.py": "workshop",
    "test_docs_recipes.py": "server",
    "test_watchdog_rules.py": "server",
    "test_sample_flow.py": "server",
    "test_secrets.py": "server",
    "test_command_line.py": "server",
    "test_worker_service_install.py": "server",
    "test_fleet.py": "server",
}
# Then the longest of the others, of each day and of each week.
SLOWEST = {
    *("test_repository_environment.py", "test_generation.py", "test_updates.py"),
    *("test_releases.py", "test_docs.py", "test_watchdog_server.py"),
}


def pytest_configure() -> None:
    """Give a session a cache of its own, one for all the processes of pytest-xdist; uv's stays warm."""
    if threading.current_thread() is threading.main_thread():
        # A session that is ended from outside tidies up too, as with Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if CACHE in os.environ:  # They have the variables of the first.
        return
    uv = subprocess.run([find_uv_bin(), "cache", "dir"], check=True, capture_output=True, encoding="utf-8")
    system = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    os.environ |= dict.fromkeys((CACHE, system), str(HOME / "cache"))
    os.environ["UV_CACHE_DIR"] = uv.stdout.strip()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001
    """One process more than there are processors: they often wait for servers and runs, and each starts its own."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Hand out whole files, and those of `TOGETHER` as if they were one."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415

    def together(nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(Path(file).name, file)

    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = together
    return scheduler


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first: the last one keeps the other processes waiting."""
    slow = {item.path for item in items for mark in ("e2e", "environment") if item.get_closest_marker(mark)}
    items.sort(
        key=lambda item: (
            item.path.name not in TOGETHER,
            item.path.name not in SLOWEST,
            item.path not in slow,
        )
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Fail a session that leaves something; by then the processes of pytest-xdist have ended."""
    yield
    if hasattr(session.config, "workerinput"):
        # Its own folder goes now, while the others test: at the end of all, one process would take 5 to 15 seconds for it.
        shutil.rmtree(session.config.option.basetemp, ignore_errors=True)
        return
    left = [f"the file {path}" for path in sorted(outside() - BEFORE)]
    left += [f"the process {pid}: {command}" for pid, command in end_what_runs_still().items()]
    for each in left:
        session.config.get_terminal_writer().line(f"The tests have left {each}", red=True)
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure() -> None:
    """Leave nothing."""
    remove(HOME, ignore_errors=True)


def outside() -> set[Path]:
    """Return what there is where a test that forgets its folder writes: in the current folder."""
    return {path for path in Path.cwd().iterdir() if "cache" not in path.name and path.name != ".hypothesis"}


BEFORE = outside()


def end_what_runs_still() -> dict[int, str]:
    """End every process that has this session's folder in its environment; return their commands. On Linux."""
    end = time.monotonic() + 5  # What is just ending may do so.
    while (running := _running()) and time.monotonic() < end:
        time.sleep(0.2)
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return running


def _running() -> dict[int, str]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(process.name) != os.getpid() and os.fsencode(HOME) in (process / "environ").read_bytes():
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(process.name)] = command.decode(errors="replace")[:200]
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for all the tests of this process that only add to it, under names of their own.

    No run gets late while another test looks at the server.
    """
    settings = {"PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false"}
    with prefect_server(tmp_path_factory.mktemp("server"), port=None, **settings) as started:
        yield started
        from flow_ops.testing import plugin  # noqa: PLC0415

        plugin.drain()  # Prefect tries for a minute to send the rest to a server that is gone.
