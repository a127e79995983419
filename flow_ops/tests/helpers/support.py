"""Real Prefect servers and workers for tests: started here, ended here, by process id."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import time
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PREFECT = [sys.executable, "-m", "prefect"]
# Prefect without two traps of SQLite, which `flow_ops.testing.server` explains: the garbage collection that stops
# its server for a minute, and the refusal of a write after which a client waits for two seconds.
WITHOUT_TRAPS = [
    sys.executable,
    "-c",
    "from flow_ops.testing.server import _WITHOUT_TRAPS as code; exec(code); from prefect.cli import app; app()",
]
# Names the folder of what the processes of a whole session share, where there is one.
CACHE = "TEMPLATE_TESTS_CACHE"
# The text of a flow, `many`, with as many subflows at a time as make SQLite answer that it is locked.
TEN_SUBFLOWS = """
import asyncio
from prefect import flow

@flow
async def one(number):
    return number

@flow
async def many():
    return sum(await asyncio.gather(*(one(number) for number in range(10))))
"""


def not_on_windows(why: str) -> pytest.MarkDecorator:
    """Skip a test there, because of what Windows lacks or does otherwise."""
    return pytest.mark.skipif(sys.platform == "win32", reason=f"not on Windows: {why}")


def of_powershell(line: str) -> list[str]:
    r"""Return the words of a command as Windows PowerShell 5.1 reads them, and as a program then gets them."""
    words = re.findall(r"'(?:[^']|'')*'|\S+", line)
    return [word[1:-1].replace("''", "'").replace('\\"', '"') if word[0] == "'" else word for word in words]


@dataclass(frozen=True)
class Server:
    """A running `prefect server start`."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process at this server."""
        return {**os.environ, "PREFECT_API_URL": self.url, "PREFECT_HOME": str(self.home)}


def free_port() -> int:
    """Return a loopback port that was free a moment ago, and which no system gives to who asks for any.

    A server binds it seconds later: by then the other tests have opened hundreds of connections, at ports above.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], object], *, seconds: float, what: str, every: float = 0.5) -> None:
    """Return once `condition()` is true; raise TimeoutError naming `what` after `seconds`.

    It is asked `every` so many seconds: most ask a server, which has other things to do.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            message = f"{what}: not within {seconds} s"
            raise TimeoutError(message)
        time.sleep(every)


def remove(folder: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder, on Windows with what git has made read-only in it too."""
    if sys.platform == "win32":
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):
                path.chmod(stat.S_IWRITE)
    shutil.rmtree(folder, ignore_errors=ignore_errors)


def bring_bytecode(root: Path) -> None:
    """Give the environment of a repository what Python compiled of the same files for these tests.

    Most of the seconds that a first process in a new environment takes are those of compiling Prefect.
    """
    ours = Path(sysconfig.get_path("purelib"))
    theirs = Path(sysconfig.get_path("purelib", vars={"base": str(root / ".venv")}))
    for compiled in ours.rglob("__pycache__"):
        folder = theirs / compiled.parent.relative_to(ours)
        if folder.is_dir():
            shutil.copytree(
                compiled, folder / compiled.name, copy_function=shutil.copyfile, dirs_exist_ok=True
            )


@contextlib.contextmanager
def process(
    command: list[str], *, log: Path, environment: dict[str, str], cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in a session of its own; at the end nothing of that session is left."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=cwd, start_new_session=True
        )
    try:
        yield child
    finally:
        end_with_all_it_started(child)


def end_with_all_it_started(child: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, kindly first; on Windows, that and its children, at once."""
    if sys.platform == "win32":
        words = ["taskkill", "/F", "/T", "/PID", str(child.pid)]
        subprocess.run(words, capture_output=True, check=False)
        child.kill()
        child.wait(30)
        return
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal_)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def finished(
    command: list[str], *, environment: dict[str, str], cwd: Path, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end; nothing of it is left, even where it takes longer than `seconds`."""
    log = cwd / "finished.log"
    with process(command, log=log, environment=environment, cwd=cwd) as child:
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not ended within {seconds:g} s: {log.read_text(encoding='utf-8')[-3000:]}")
    return subprocess.CompletedProcess(command, status, log.read_text(encoding="utf-8"), "")


@contextlib.contextmanager
def prefect_server(
    folder: Path, *, port: int | None = None, prefect: Sequence[str] | None = None, **settings: str
) -> Iterator[Server]:
    """Run a real server with SQLite in `folder` on a loopback port, scheduler and triggers included.

    `prefect` is the command of another Prefect to run. In a session of tests, the first server leaves its
    migrated database to those that follow it: most of the start of a server goes into an empty one.
    """
    home = folder / "prefect-home"
    home.mkdir(parents=True, exist_ok=True)
    testing = prefect is None and CACHE in os.environ
    in_home = not any("DATABASE" in name for name in settings)
    migrated = bring_migrated_database(home) if testing and in_home else None
    prefect = prefect or (WITHOUT_TRAPS if testing else PREFECT)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}/api"
    # A copied database has its tables and its types of blocks.
    nothing_new = dict.fromkeys(
        ("PREFECT_SERVER_DATABASE_MIGRATE_ON_START", "PREFECT_API_BLOCKS_REGISTER_ON_START"), "false"
    )
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Where the pages of the UI look for the API; by default port 4200.
        "PREFECT_SERVER_UI_API_URL": url,
        **(nothing_new if migrated and (home / "prefect.db").exists() else {}),
        **settings,
    }
    environment.pop("PREFECT_API_URL", None)
    log = folder / "server.log"
    with process(
        [*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        log=log,
        environment=environment,
        cwd=folder,
    ) as child:

        def healthy() -> bool:
            if child.poll() is not None:
                raise RuntimeError(
                    "server ended: " + log.read_text(encoding="utf-8", errors="replace")[-2000:]
                )
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=1) as answer:
                return bool(answer.status == 200)
            return False

        wait_until(healthy, seconds=180, what="the Prefect server's health")
        if migrated and not migrated.exists():
            from flow_ops.testing import server as testing_server  # noqa: PLC0415

            testing_server._keep(home / "prefect.db")
        yield Server(url, home, child)


def bring_migrated_database(home: Path) -> Path:
    """Copy the migrated database of this session to a Prefect home that has none.

    Return where it is kept: whoever asks first finds none there, and is to keep its own. The plugin of a
    generated repository keeps its own there, so that its tests find this one.
    """
    from flow_ops.testing import server as testing_server  # noqa: PLC0415 - benchmarks and pictures do without

    kept = testing_server._migrated()
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        (kept.parent / "migrating").mkdir()
    except FileExistsError:
        with contextlib.suppress(TimeoutError):  # Then this one migrates its own.
            wait_until(kept.exists, seconds=60, what="the first server's database")
    if kept.exists() and not (home / "prefect.db").exists():
        shutil.copyfile(kept, home / "prefect.db")
    return kept


@contextlib.contextmanager
def prefect_worker(
    server: Server, pool: str, folder: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real process worker on `pool`, which it creates where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    uv = shutil.which("uv")
    path = os.pathsep.join(filter(None, [str(Path(uv).parent) if uv else "", os.environ["PATH"]]))
    environment = {
        **server.environment,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PATH": path,
        "TMPDIR": str(folder),  # A worker that is ended leaves its temporary folders, and those of its runs.
        **settings,
    }
    with process(
        [*PREFECT, "worker", "start", "--pool", pool, "--type", "process", "--name", f"test-{pool}"],
        log=folder / "worker.log",
        environment=environment,
        cwd=folder,
    ) as child:
        yield child


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Answer requests on a loopback port, which it yields."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        thread = Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        try:
            yield listener.server_port
        finally:
            listener.shutdown()
            thread.join()


@contextlib.contextmanager
def webhook(received: list[str]) -> Iterator[str]:
    """Answer on a loopback address, which it yields, and add the body of each POST to `received`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/"
