"""The process that the worker's service runs: Prefect's process worker, made to drain before it stops.

Prefect's own `worker start` kills its flows on SIGTERM and leaves their runs in Running for ever. Here a stop
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
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

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


class Ledger:
    """The runs in progress, one file each, so that those cut off are known after a restart.

    A file is named after the flow run's id and holds the number of times that it had been started before.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the files in `folder`, which is created."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def add(self, flow_run: FlowRun) -> None:
        """Record that `flow_run` is about to start here."""
        (self.folder / str(flow_run.id)).write_text(str(flow_run.run_count), encoding="ascii")

    def remove(self, flow_run_id: UUID | str) -> None:
        """Forget a run that has ended."""
        (self.folder / str(flow_run_id)).unlink(missing_ok=True)

    def entries(self) -> dict[str, int]:
        """Return flow run ids and how often each had been started before."""
        return {file.name: int(file.read_text(encoding="ascii") or 0) for file in self.folder.iterdir()}


class Drain:
    """A worker's runs: recorded in a ledger, and waited for when the worker is to stop."""

    def __init__(self, worker: ProcessWorker, ledger: Ledger) -> None:
        """Take over `worker`, before its start: its polling can now be ended apart from its runs."""
        self._worker = worker
        self._ledger = ledger
        self._running: dict[UUID, FlowRun] = {}
        self._draining = False
        self._polling = asyncio.Lock()
        self._poll = worker.get_and_submit_flow_runs
        self._run = worker.run
        # A subclass would say it better, but importing Prefect fixes its settings, and these come from a file
        # that is read first.
        worker.get_and_submit_flow_runs = self.poll  # type: ignore[method-assign]
        worker.run = self.run  # type: ignore[method-assign]

    async def poll(self) -> list[FlowRun]:
        """Take the runs that are due, or none any more."""
        async with self._polling:
            return [] if self._draining else await self._poll()

    async def run(self, flow_run: FlowRun, *arguments: Any, **options: Any) -> Any:
        """Run `flow_run` as Prefect does; its file stays where the run was cut off."""
        self._ledger.add(flow_run)
        self._running[flow_run.id] = flow_run
        try:
            result = await self._run(flow_run, *arguments, **options)
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
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.states import Cancelling  # noqa: PLC0415

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
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415
    from prefect.states import Crashed  # noqa: PLC0415

    async with get_client() as client:
        for flow_run_id, started_before in entries.items():
            with contextlib.suppress(ObjectNotFound):
                flow_run = await client.read_flow_run(flow_run_id)  # type: ignore[arg-type]
                state = flow_run.state
                in_progress = state and (state.is_pending() or state.is_running() or state.is_cancelling())
                if in_progress and flow_run.run_count <= started_before + 1:
                    message = "The worker's service ended before this run did."
                    await client.set_flow_run_state(flow_run.id, Crashed(message=message))
                    _say(f"run {flow_run_id} had been cut off: Crashed")
            ledger.remove(flow_run_id)


async def _settle_when_possible(ledger: Ledger, entries: dict[str, int]) -> None:
    while entries:
        try:
            return await settle(ledger, entries)
        except Exception as error:  # noqa: BLE001 - whatever the server's trouble, the worker must start
            _say(f"runs that were cut off and could not be ended yet: {len(entries)} ({error})")
        await asyncio.sleep(SETTLE_SECONDS)
    return None


async def _prune_every_hour(folder: Path) -> None:
    while True:
        _prune(folder)
        await asyncio.sleep(3600)


def _prune(folder: Path) -> None:
    rotated = sorted(folder.glob("worker-*.log"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in rotated[ROTATED_FILES:]:
        file.unlink(missing_ok=True)


async def serve(options: argparse.Namespace) -> None:
    """Run the worker until a signal asks it to stop, then drain it."""
    from anyio import create_task_group  # noqa: PLC0415
    from prefect.workers.process import ProcessWorker  # noqa: PLC0415

    stop = asyncio.Event()
    if os.name == "nt":
        _keep_stops_from_flows()
    _on_stop_signals(functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set))
    ledger = Ledger(options.home / STATE / "runs")
    worker = ProcessWorker(
        work_pool_name=options.pool, name=options.name, limit=options.limit, create_pool_if_not_found=False
    )
    drain = Drain(worker, ledger)
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
        """Give none."""
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
    from prefect.utilities import processutils  # noqa: PLC0415

    processutils._windows_process_group_pids = _Unseen()  # type: ignore[attr-defined]


def _on_stop_signals(callback: Callable[[], object]) -> None:
    """Call `callback` for systemd's SIGTERM, nssm's Ctrl-C and CTRL_BREAK; more of them change nothing."""
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: callback())


def read_credentials(file: Path) -> dict[str, str]:
    """Return the variables of `file`: lines of NAME=value, blank lines and comments; no file is none.

    Raises:
        PermissionError: others than its owner may read it (checked where files have such permissions).
        ValueError: a line is neither; its number is given, never its text.
    """
    if not file.is_file():
        return {}
    if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{file} can be read by others than its owner: chmod 600 {file}")
    variables = {}
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ValueError(f"{file}, line {number}: not NAME=value")
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        variables[name.strip()] = value[1:-1] if quoted else value
    return variables


def _say(text: str) -> None:
    print(f"worker service: {text}", flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pool", required=True, help="the work pool; it must exist")
    parser.add_argument("--name", required=True, help="the worker's name, as Prefect shows it")
    parser.add_argument("--limit", type=int, required=True, help="runs at the same time, at most")
    parser.add_argument(
        "--drain-seconds", type=float, required=True, help="time for the running ones on a stop"
    )
    parser.add_argument("--home", type=Path, required=True, help="the service's folder")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the worker of the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        os.environ |= read_credentials(options.home / "credentials.env")
    except (PermissionError, ValueError) as problem:
        _say(str(problem))
        return EXIT_CONFIGURATION
    # A server on this machine is never behind a proxy, whatever the machine's variables say.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost,::1"]))
    # uv is installed in the worker's own environment; Prefect looks for it on the PATH.
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
