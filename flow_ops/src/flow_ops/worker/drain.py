"""The process that the worker's service runs: Prefect's process worker, made to drain before it stops.

Prefect's own `worker start` kills its flows on SIGTERM and leaves their runs in Running forever. Here a stop
means: no new runs, time for the running ones to end, Prefect's own cancellation for those that do not, and
Crashed for whatever is left. A run that a killed service or a power cut left behind is ended as Crashed at
the next start: each run in progress is a small file in the folder `state/runs`.

`flow_ops.worker.service install` copies this one file beside the worker's own environment, which holds
Prefect and uv and nothing of the repository. So it imports the standard library and Prefect only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import re
import shutil
import signal
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.client.schemas.objects import FlowRun
    from prefect.workers.process import ProcessWorker

# Prefect gives a cancelled run's process 30 seconds to end, and looks for cancelled runs every 10 when it has
# no event stream; its hooks come on top.
CANCEL_SECONDS = 60
SETTLE_SECONDS = 15
# nssm rotates the output and never deletes what it has rotated.
ROTATED_FILES = 20
# The part of the service's folder that belongs to its account, and the worker's working folder.
STATE = "state"
EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h
# What the credentials file may set: keys, and how networks are reached. Anything else there would change what the
# worker is: its server, its Python, what is loaded into it.
CREDENTIALS = re.compile(
    r"PREFECT_API_(KEY|AUTH_STRING|SSL_CERT_FILE)|PREFECT_CLIENT_CUSTOM_HEADERS"
    r"|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|SYSTEM_CERTS)|UV_INDEX_\w+_(USERNAME|PASSWORD)"
    r"|(HTTP|HTTPS|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|GIT_SSL_CAINFO",
    re.ASCII | re.IGNORECASE,
)

# Where Python's own programs are below its prefix.
_PROGRAMS = "" if os.name == "nt" else "/bin"


class Ledger:
    """The runs in progress, one file each, so that those cut off are known after a restart.

    A file is named after the flow run's id and holds the number of times that it had been started before. Flows can
    write here too: what is no such file is set aside, and where nothing can be written the worker goes on without.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the files in `folder`, which is created."""
        self.folder = folder
        ensure_folder(folder)

    def add(self, flow_run: FlowRun) -> None:
        ensure_folder(self.folder)
        self.remove(flow_run.id)
        try:
            with Path(self.folder, str(flow_run.id)).open("x", encoding="ascii") as stream:
                stream.write(str(flow_run.run_count))
        except OSError as problem:
            _say(f"run {flow_run.id} cannot be recorded, and would not be ended after a power cut: {problem}")

    def remove(self, flow_run_id: UUID | str) -> None:
        file = self.folder / str(flow_run_id)
        try:
            file.unlink(missing_ok=True)
        except OSError:
            set_aside(file)

    def entries(self) -> dict[str, int]:
        """Return flow run ids and how often each had been started before."""
        found = {}
        for file in _listed(self.folder):
            try:
                found[str(UUID(file.name))] = _number(file)
            except (OSError, ValueError) as problem:
                _say(f"{file} is not a run in progress: {problem}")
                set_aside(file)
        return found


def _number(file: Path) -> int:
    # Not through a link, and nothing that never ends or never begins (a pipe).
    if not stat.S_ISREG(file.lstat().st_mode):
        raise ValueError("not a file")
    with file.open(encoding="ascii") as stream:
        return int(stream.read(20) or 0)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as problem:
        _say(f"{folder} cannot be listed: {problem}")
        return []


def ensure_folder(folder: Path) -> None:
    """Make `folder`, in the place of anything else that stands there, and open it to this account."""
    for _ in range(2):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.is_symlink():
                raise NotADirectoryError(f"{folder} is a link")
            if os.name == "posix":
                folder.chmod(0o700)
        except OSError as problem:
            _say(f"{folder} is not usable: {problem}")
            set_aside(folder)
        else:
            return


def set_aside(path: Path) -> None:
    """Move what stands at `path`, and should not, to the folder `set-aside`, or else remove it; no way is no error."""
    if not os.path.lexists(path):
        return
    home = next((each.parent for each in path.parents if each.name == STATE), path.parent)
    place = home / STATE / "set-aside"
    target = place / f"{path.name}-{time.time_ns()}"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.rename(target)
    except OSError as problem:
        with contextlib.suppress(OSError):
            path.unlink()
        shutil.rmtree(path, ignore_errors=True)
        left = "and could not be removed" if os.path.lexists(path) else "and was removed"
        _say(f"{path} could not be set aside ({problem}), {left}")
    else:
        _say(f"{path} was set aside as {target}")


class Drain:
    """A worker's runs: recorded in a ledger, and waited for when the worker is to stop."""

    def __init__(self, worker: ProcessWorker, ledger: Ledger, environments: Path) -> None:
        """Take over `worker`, before its start: its polling can now be ended apart from its runs."""
        self._worker = worker
        self._ledger = ledger
        self._environments = environments
        self._running: dict[UUID, FlowRun] = {}
        self._draining = False
        self._polling = asyncio.Lock()
        self._poll = worker.get_and_submit_flow_runs
        self._run = worker.run
        # A subclass would say it better, but importing Prefect fixes its settings, and these come from a file
        # that is read first.
        worker.get_and_submit_flow_runs = self.poll  # type: ignore[method-assign]  # see above
        worker.run = self.run  # type: ignore[method-assign]  # see above

    async def poll(self) -> list[FlowRun]:
        async with self._polling:
            return [] if self._draining else await self._poll()

    async def run(self, flow_run: FlowRun, configuration: Any, *arguments: Any, **options: Any) -> Any:
        """Run `flow_run` as Prefect does; its file stays where the run was cut off."""
        self._ledger.add(flow_run)
        self._running[flow_run.id] = flow_run
        # Of code that stands in a folder: uv would put its environment there, where flows need not write.
        if name := configuration.env.get("UV_PROJECT_ENVIRONMENT"):
            ensure_folder(self._environments)
            configuration.env["UV_PROJECT_ENVIRONMENT"] = str(self._environments / name)
        try:
            result = await self._run(flow_run, configuration, *arguments, **options)
        except Exception:
            self._forget(flow_run)
            raise
        self._forget(flow_run)
        return result

    def _forget(self, flow_run: FlowRun) -> None:
        self._running.pop(flow_run.id, None)
        self._ledger.remove(flow_run.id)

    async def finish(self, seconds: float) -> None:
        """Take no more runs, wait up to `seconds` for those in progress, then cancel what is left.

        Cancelling is Prefect's: it ends the process, runs the flow's hooks and sets the state.
        """
        self._draining = True
        async with self._polling:  # a poll under way may still bring runs
            _say(f"draining: no new runs; in progress, with {seconds:g} s to end: {len(self._running)}")
        if await self._idle(seconds):
            return
        _say(f"draining: cancelling the runs that took longer: {len(self._running)}")
        for flow_run_id in list(self._running):
            await _cancel(flow_run_id)
        await self._idle(CANCEL_SECONDS)

    async def _idle(self, seconds: float) -> bool:
        end = asyncio.get_running_loop().time() + seconds
        # The limiter also counts the runs that are on their way to a process.
        while self._worker.limiter.borrowed_tokens:
            if asyncio.get_running_loop().time() > end:
                return False
            await asyncio.sleep(0.2)
        return True


async def _cancel(flow_run_id: UUID) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    message = "The worker's service stopped, and the run took longer than the time given to it."
    try:
        async with get_client() as client:
            await client.set_flow_run_state(flow_run_id, Cancelling(message=message))
    except Exception as error:  # noqa: BLE001 - the run is ended below all the same, and settled at the next start
        _say(f"run {flow_run_id} could not be cancelled through the API: {error}")


async def settle(ledger: Ledger, entries: dict[str, int]) -> None:
    """End as Crashed those of `entries` that the server still believes in progress, and forget them.

    The service manager ends a service's whole process tree, so none of them is alive. A run that was started
    again since, or waits to be, is left alone.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Crashed

    async with get_client() as client:
        for flow_run_id, started_before in list(entries.items()):
            with contextlib.suppress(ObjectNotFound):
                flow_run = await client.read_flow_run(UUID(flow_run_id))
                state = flow_run.state
                in_progress = state and (state.is_pending() or state.is_running() or state.is_cancelling())
                if in_progress and flow_run.run_count <= started_before + 1:
                    message = "The worker's service ended before this run did."
                    await client.set_flow_run_state(flow_run.id, Crashed(message=message))
                    _say(f"run {flow_run_id} had been cut off: Crashed")
            ledger.remove(flow_run_id)
            del entries[flow_run_id]


async def _settle_when_possible(ledger: Ledger, entries: dict[str, int]) -> None:
    while entries:
        try:
            await settle(ledger, entries)
        except Exception as error:  # noqa: BLE001 - whatever the server's trouble, the worker must start
            _say(f"runs that were cut off and could not be ended yet: {len(entries)} ({error})")
            await asyncio.sleep(SETTLE_SECONDS)


async def _prune_every_hour(folder: Path) -> None:
    while True:
        _prune(folder)
        await asyncio.sleep(3600)


def _prune(folder: Path) -> None:
    with contextlib.suppress(OSError):
        rotated = sorted(folder.glob("worker-*.log"), key=lambda file: file.lstat().st_mtime, reverse=True)
        for file in rotated[ROTATED_FILES:]:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


async def serve(options: argparse.Namespace) -> None:
    """Run the worker until a signal asks it to stop, then drain it."""
    from anyio import create_task_group
    from prefect.workers.process import ProcessWorker

    stop = asyncio.Event()
    if os.name == "nt":
        _keep_stops_from_flows()
    loop = asyncio.get_running_loop()
    # systemd's SIGTERM, nssm's Ctrl-C and CTRL_BREAK; more of them change nothing.
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: loop.call_soon_threadsafe(stop.set))
    ledger = Ledger(options.home / STATE / "runs")
    worker = ProcessWorker(
        work_pool_name=options.pool, name=options.name, limit=options.limit, create_pool_if_not_found=False
    )
    drain = Drain(worker, ledger, options.home / STATE / "environments")
    async with create_task_group() as tasks:
        tasks.start_soon(_settle_when_possible, ledger, ledger.entries())
        tasks.start_soon(_prune_every_hour, options.home / STATE / "logs")
        tasks.start_soon(functools.partial(worker.start, with_healthcheck=True))
        await stop.wait()
        await drain.finish(options.drain_seconds)
        tasks.cancel_scope.cancel()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_settle_when_possible(ledger, ledger.entries()), SETTLE_SECONDS)
    _say("stopped")


class _Unseen(set[int]):
    """Process ids that come and go, and that nobody meets who goes through them."""

    def __iter__(self) -> Iterator[int]:
        return iter(())


def _keep_stops_from_flows() -> None:
    """On Windows, let a stop reach this process alone, as SIGTERM does on Linux.

    Prefect starts each flow in a process group of its own, which keeps nssm's Ctrl-C from it; then its own
    console handler, which Windows calls before ours, sends CTRL_BREAK to each of these groups: the flows die
    before anything can drain. What it goes through are these process ids. Upstream, `open_process` should
    leave that to whoever started the process (a runner ends its flows itself, when it is cancelled), and the
    handler should survive what `os.kill` raises: a SystemError there also keeps the Ctrl-C from everybody else
    (https://github.com/PrefectHQ/prefect/issues/7742).
    """
    from prefect.utilities import processutils

    processutils._windows_process_group_pids = _Unseen()  # type: ignore[attr-defined]  # Windows has it


class ReadByOthersError(PermissionError):
    """Others than its owner can read a file with credentials."""


class BadLineError(ValueError):
    """A line of a file with credentials is not NAME=value."""

    def __init__(self, file: Path, number: int) -> None:
        super().__init__(f"{file}, line {number}: not NAME=value")
        self.number = number


def read_credentials(file: Path) -> dict[str, str]:
    """Return the variables of `file`: lines of NAME=value, blank lines and comments; no file is none.

    Raises:
        ReadByOthersError: others than its owner may read it (checked where files have such permissions).
        BadLineError: a line is neither; its number is given, never its text.
    """
    if not file.is_file():
        return {}
    # systemd's own copy is open to this service alone, by an access list that looks like a group's permission.
    ours = file.parent != Path(os.environ.get("CREDENTIALS_DIRECTORY", "-"))
    if ours and os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ReadByOthersError(f"{file} can be read by others than its owner: chmod 600 {file}")
    variables = {}
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise BadLineError(file, number)
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        variables[name.strip()] = value[1:-1] if quoted else value
    return variables


def unknown(variables: dict[str, str]) -> list[str]:
    return [name for name in variables if not CREDENTIALS.fullmatch(name)]


def _take_credentials(home: Path) -> None:
    """Put the credentials into this process's variables; names that may not be there are told and left out."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")  # systemd's LoadCredential=
    file = Path(given or home) / "credentials.env"
    variables = read_credentials(file)
    for name in unknown(variables):
        _say(f"{file}: {name} is not taken from there")
        del variables[name]
    os.environ |= variables


def _prepare_folders(home: Path) -> None:
    """Make the folders that Prefect and the programs of flows take for granted, whatever flows left there."""
    ensure_folder(home / STATE)
    for name in ("HOME", "PREFECT_HOME"):
        folder = Path(os.environ.get(name, ""))
        if folder.is_relative_to(home / STATE):
            ensure_folder(folder)


def _say(text: str) -> None:
    print(f"worker service: {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options = {"pool": str, "name": str, "limit": int, "drain-seconds": float, "home": Path}
    for name, kind in options.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        _take_credentials(options.home)
    except (PermissionError, ValueError) as problem:
        _say(str(problem))
        return EXIT_CONFIGURATION
    # A server on this machine is never behind a proxy, whatever the machine's variables say.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost,::1"]))
    _prepare_folders(options.home)
    # uv is installed in the worker's own environment; Prefect looks for it on the PATH. The last is the Python of this
    # environment, for flows: uv is told to download none, and a service of Windows may have none on its PATH.
    first, last = str(Path(sys.executable).parent), sys.base_exec_prefix + _PROGRAMS
    os.environ["PATH"] = os.pathsep.join([first, os.environ.get("PATH", os.defpath), last])
    asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
