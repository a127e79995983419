"""What a record costs through `flow_ops.logs`, against Prefect's run logger with a rotating file beside it.

In turns in one process, each side in a flow run of its own on a real server, with the terminal sent to the null device:
terminal, UI and file on all three. Once with nothing else to do, and once beside a thread that computes. Of each side
the fastest round counts: whatever else the machine does can only add to it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "flow_ops" / "src"
# Beside a busy thread each takes far longer: it waits for the interpreter's lock, more than once.
RECORDS, RECORDS_BUSY = 200, 100
ROUNDS = 15
FILE: dict[str, int] = {"maxBytes": 10_000_000, "backupCount": 4}
FORMAT = "%(asctime)s | %(levelname)-8s | %(name)s | %(message)s"
BUSY = " beside a busy thread"
PROJECT = """
[project]
name = "bench"
version = "1"
[tool.flow-ops]
package = "bench"
language = "en"
area = "general"
timezone = "America/Argentina/Buenos_Aires"
template-version = "1"
"""


def measure() -> list[Figure]:
    """Return the ratios of a record's cost, alone and beside a busy thread, and that of the import."""
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)) as server:
        (Path(folder) / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        environment = {
            **server.environment,
            "FLOW_PROJECT_ROOT": folder,
            "PREFECT_PROFILES_PATH": str(Path(folder) / "profiles.toml"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(SOURCE)]),
            # Compiled, as in a repository, but not into the template.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled"),
        }

        def seconds_of(code: str) -> float:
            return run([sys.executable, "-c", code], environment=environment).seconds

        imports = in_turns(
            5,
            prefect=lambda: seconds_of("import prefect.main"),
            both=lambda: seconds_of("import flow_ops.logs, prefect.main"),
        )
        command = [sys.executable, __file__, folder]
        # Ends before the server does, so that everything it logged arrives.
        inside = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        least: dict[str, float] = json.loads(inside.stdout)
    cost = {side: seconds * 1e6 for side, seconds in least.items()}
    return [
        figure
        for beside in ("", BUSY)
        for figure in (
            Figure(
                f"a record{beside}: ours / run logger with the standard rotating file",
                cost["ours" + beside] / cost["standard" + beside],
                "x",
                goal=1,
                note=f"{cost['ours' + beside]:.0f} us against {cost['standard' + beside]:.0f}",
            ),
            Figure(
                f"a record{beside}: ours / run logger with concurrent-log-handler",
                cost["ours" + beside] / cost["concurrent" + beside],
                "x",
                note=f"against {cost['concurrent' + beside]:.0f} us",
            ),
        )
    ] + [
        Figure(
            "import of our logger and Prefect / Prefect", imports["both"] / imports["prefect"], "x", goal=1.05
        ),
    ]


def inside_runs(folder: Path) -> dict[str, float]:
    """Return the least seconds of a record by each way, in a flow run of its own."""
    from concurrent_log_handler import ConcurrentRotatingFileHandler  # noqa: PLC0415
    from prefect import flow, get_run_logger  # noqa: PLC0415
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415

    from flow_ops.logs import get_logger  # noqa: PLC0415

    ours = get_logger("bench")
    standard = logging.handlers.RotatingFileHandler(folder / "standard.log", encoding="utf-8", **FILE)
    concurrent = ConcurrentRotatingFileHandler(str(folder / "concurrent.log"), encoding="utf-8", **FILE)
    for handler in (standard, concurrent):
        handler.setFormatter(logging.Formatter(FORMAT))

    @flow
    def records(
        logger: Callable[[], logging.Logger | logging.LoggerAdapter[logging.Logger]], many: int
    ) -> float:
        start = time.perf_counter()
        for number in range(many):
            logger().info("record %d of %d, as long as records are", number, many)
        return (time.perf_counter() - start) / many

    def with_ours(many: int) -> float:
        return sent(lambda: records(lambda: ours, many))

    def with_file(handler: logging.Handler, many: int) -> float:
        with only(handler):
            return sent(lambda: records(get_run_logger, many))

    def sent(seconds: Callable[[], float]) -> float:
        try:
            return seconds()
        finally:
            APILogHandler().flush()  # What this side still has to send is not the next one's load.

    def sides(many: int) -> dict[str, float]:
        return fastest_in_turns(
            ROUNDS,
            ours=lambda: with_ours(many),
            standard=lambda: with_file(standard, many),
            concurrent=lambda: with_file(concurrent, many),
        )

    alone = sides(RECORDS)
    with busy_thread():
        return alone | {side + BUSY: seconds for side, seconds in sides(RECORDS_BUSY).items()}


@contextlib.contextmanager
def only(handler: logging.Handler) -> Iterator[None]:
    """Leave Prefect's run logger as Prefect makes it, with one handler more."""
    logger = logging.getLogger("prefect.flow_runs")
    handlers, filters = logger.handlers[:], logger.filters[:]
    logger.handlers[:] = [h for h in handlers if not type(h).__module__.startswith("flow_ops")] + [handler]
    logger.filters[:] = [f for f in filters if not type(f).__module__.startswith("flow_ops")]
    try:
        yield
    finally:
        logger.handlers[:], logger.filters[:] = handlers, filters


@contextlib.contextmanager
def busy_thread() -> Iterator[None]:
    """Keep a thread of this process computing, as a flow's own work does."""
    done = threading.Event()

    def compute() -> None:
        while not done.is_set():
            sum(range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if Path(entry) != Path(__file__).parent]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

from benchmarks.harness import Figure, fastest_in_turns, in_turns, run  # noqa: E402
from helpers.support import prefect_server  # noqa: E402

if __name__ == "__main__":
    sys.stdout.write(json.dumps(inside_runs(Path(sys.argv[1]))))
