"""The Prefect server of a test session: started in less than half of the time of Prefect's own test harness.

Most of the harness's start-up is the migration of an empty database. Here it is migrated once for each version
of Prefect, kept in the user's cache folder, and copied for each session. Where Prefect has changed so much that
this fails, the session gets the harness, and a warning.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Seconds; a server that is not up by then is not coming. It takes 3 to 10; on a busy machine with Windows, over 90
# were seen.
START_TIMEOUT = 180.0

# The session holds the other end of the standard input: however the session ends, killed too, that is closed, and
# the server or worker ends with all that it has started.
_ENDS_WITH_ITS_SESSION = """
import os, signal, subprocess, sys, threading
def end():
    os.read(0, 1)  # not through sys.stdin: its lock would be held when the interpreter ends
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(os.getpid())], capture_output=True)
        os._exit(1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=end, daemon=True).start()
"""

# Two traps of Prefect on SQLite are avoided here. A transaction says at its start that it will write, and waits for
# its turn: one that says so later is refused where another wrote in between, and the client tries again after two
# seconds, several times a flow (measured with Prefect 3.9: the sample flow takes 4 s instead of 6.5;
# https://github.com/PrefectHQ/prefect/issues/18934). And no garbage is collected, which is little: a collection that
# meets a cursor of a connection that waits for its turn stops the whole server for a minute (seen in one session of ten).
_WITHOUT_TRAPS = """
import gc
gc.disable()
from prefect.server.database.configurations import AioSqliteConfiguration as Sqlite
begin = Sqlite.begin_transaction
Sqlite.begin_transaction = lambda self, session, with_for_update=False: begin(self, session, True)
"""
_UVICORN = "from uvicorn import main; main()"

# The server without its scheduler and its UI, as Prefect's harness starts it; task runs and events are recorded.
QUICK = (
    "-c",
    _ENDS_WITH_ITS_SESSION + _WITHOUT_TRAPS + _UVICORN,
    "--factory",
    "prefect.server.api.server:create_app",
    "--log-level",
    "error",
)
# The whole server, as `prefect server start` runs it: schedules become runs, automations fire.
_PREFECT = (
    "import runpy; sys.argv[0] = 'prefect'; runpy.run_module('prefect', run_name='__main__', alter_sys=True)"
)
PREFECT = ("-c", _ENDS_WITH_ITS_SESSION + _PREFECT)
WHOLE = (*PREFECT, "server", "start")


@dataclass
class Server:
    """A Prefect server on loopback."""

    url: str
    stop: Callable[[], None]


@dataclass
class Start:
    """A server that is starting while the tests go on."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    database: Path
    migrating: bool

    def wait(self) -> Server:
        """Return the server once it answers.

        Raises:
            RuntimeError: It ended, or does not answer within `START_TIMEOUT`, or not as Prefect does.
        """
        end = time.monotonic() + START_TIMEOUT
        while self.process.poll() is None and time.monotonic() < end and not _answers(f"{self.url}/health"):
            time.sleep(0.05)
        # Asks the database, so that a copy that does not fit this Prefect is noticed here.
        if not _answers(f"{self.url}/flows/count", data=b"{}"):
            self.stop()
            log = self.log.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(" ".join(log.split())[-500:] or "no answer")
        if self.migrating:
            _keep(self.database)
        return Server(self.url, self.stop)

    def stop(self) -> None:
        """End the server. At once: its database is thrown away."""
        end_process(self.process)


def begin(home: Path, command: tuple[str, ...] = QUICK) -> Start:
    """Begin to start a server whose database and log are in the folder `home`."""
    database = home / "server.db"
    with contextlib.suppress(OSError):
        shutil.copyfile(_migrated(), database)
    migrating = not database.exists()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database.as_posix()}",
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": str(migrating),
        "PREFECT_API_BLOCKS_REGISTER_ON_START": str(migrating),
        "PREFECT_SERVER_UI_ENABLED": "false",
    }
    if command == QUICK:
        # As Prefect's harness does; without them it is a slower server with services that no test needs.
        settings |= {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    log = home / "server.log"
    address = ("--host", "127.0.0.1", "--port", str(port))
    process = start_process([*command, *address], log, {**os.environ, **settings})
    return Start(process, f"http://127.0.0.1:{port}/api", log, database, migrating)


def start_process(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start this Python in the folder of `log`, to which it writes, at the head of a session of its own."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=log.parent,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def forget() -> None:
    """Let the next session migrate a database of its own."""
    with contextlib.suppress(OSError):
        _migrated().unlink(missing_ok=True)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session and has `_ENDS_WITH_ITS_SESSION`, with whatever it has started."""
    if sys.platform == "win32":
        # Windows knows no process groups: at the end of its input it ends its children itself.
        if process.stdin:
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _migrated() -> Path:
    """Return where the migrated database is kept: named by the migrations of this Prefect, which a branch may change."""
    prefect = importlib.metadata.distribution("prefect")
    folder = Path(str(prefect.locate_file("prefect/server/database/_migrations/versions/sqlite")))
    names = "".join(sorted(file.name for file in folder.glob("*.py")))
    digest = hashlib.sha256(names.encode()).hexdigest()[:12]
    cache = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "flow-ops", f"prefect-{prefect.version}-{digest}.db")


def _keep(database: Path) -> None:
    """Keep a copy of a database that was just migrated, whole or not at all: other sessions may do the same."""
    target = _migrated()
    draft = target.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError, sqlite3.Error):
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.closing(sqlite3.connect(database)) as source,
            contextlib.closing(sqlite3.connect(draft)) as to,
        ):
            source.backup(to)
        draft.replace(target)
    draft.unlink(missing_ok=True)


def _answers(url: str, data: bytes | None = None) -> bool:
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})  # noqa: S310 - ours, on loopback
    # No proxy, whatever the environment says: the address is this machine's.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), opener.open(request, timeout=10) as answer:
        return bool(answer.status == 200)
    return False
