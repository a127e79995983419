"""What a record costs through `flow_ops.logs`, against Prefect's run logger and a rotating file.

Measured in turns in one process, inside real flow runs on a real server, with the terminal sent to the
null device. Both loggers write to the terminal and the UI; ours to the file too. Of each side the fastest
round counts: a sending thread and whatever else the machine does can only add to it.
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
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "flow_ops" / "src"
RECORDS = 1000
ROUNDS = 5
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
    """Return the ratios: one record, a flow with 1,000 of them, and the import."""
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
            ROUNDS,
            prefect=lambda: seconds_of("import prefect.main"),
            both=lambda: seconds_of("import flow_ops.logs, prefect.main"),
        )
        command = [sys.executable, __file__, folder]
        # Ends before the server does, so that everything it logged arrives.
        inside = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        least: dict[str, float] = json.loads(inside.stdout)
    one, run_logger, rotating = (least[name] / RECORDS * 1e6 for name in ("ours", "run_logger", "rotating"))
    return [
        Figure(
            "a record: ours / (run logger + standard rotating file)",
            one / (run_logger + rotating),
            "x",
            goal=1.1,
            note=f"{one:.0f} us against {run_logger:.0f} + {rotating:.0f}",
        ),
        Figure(
            f"a flow with {RECORDS} records: ours / run logger",
            least["flow_ours"] / least["flow_run_logger"],
            "x",
            goal=1.05,
            note="ours writes a file too",
        ),
        Figure(
            "import of our logger and Prefect / Prefect", imports["both"] / imports["prefect"], "x", goal=1.05
        ),
    ]


def inside_runs(folder: Path) -> dict[str, float]:
    """Return the least seconds of 1,000 records by each way, and of the flows that write them."""
    from prefect import flow, get_run_logger  # noqa: PLC0415

    from flow_ops.logs import get_logger  # noqa: PLC0415

    ours, rotating = get_logger("bench"), rotating_file_alone(folder / "plain.log")

    def write(logger: Callable[[], object]) -> float:
        start = time.perf_counter()
        for number in range(RECORDS):
            logger().info("record %d of %d, as long as records are", number, RECORDS)  # type: ignore[attr-defined]
        return time.perf_counter() - start

    def write_without_ours() -> float:
        with without_ours():
            return write(get_run_logger)

    @flow
    def records() -> dict[str, float]:
        return fastest_in_turns(
            ROUNDS,
            ours=lambda: write(lambda: ours),
            run_logger=write_without_ours,
            rotating=lambda: write(lambda: rotating),
        )

    @flow
    def flow_ours() -> None:
        write(lambda: ours)

    @flow
    def flow_run_logger() -> None:
        write(get_run_logger)

    def seconds(call: Callable[[], None]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    def seconds_without_ours() -> float:
        with without_ours():
            return seconds(flow_run_logger)

    flows = fastest_in_turns(
        ROUNDS, flow_ours=lambda: seconds(flow_ours), flow_run_logger=seconds_without_ours
    )
    return records() | flows


def rotating_file_alone(file: Path) -> logging.Logger:
    """Return a logger with nothing but the standard library's rotating file."""
    logger = logging.getLogger("rotating-file-alone")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler = logging.handlers.RotatingFileHandler(file, maxBytes=10_000_000, backupCount=4, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s | %(levelname)-8s | %(name)s | %(message)s"))
    logger.addHandler(handler)
    return logger


@contextlib.contextmanager
def without_ours() -> Iterator[None]:
    """Leave Prefect's run logger as Prefect makes it."""
    logger = logging.getLogger("prefect.flow_runs")
    handlers, filters = logger.handlers[:], logger.filters[:]
    logger.handlers[:] = [h for h in handlers if not type(h).__module__.startswith("flow_ops")]
    logger.filters[:] = [f for f in filters if not type(f).__module__.startswith("flow_ops")]
    try:
        yield
    finally:
        logger.handlers[:], logger.filters[:] = handlers, filters


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if Path(entry) != Path(__file__).parent]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

from benchmarks.harness import Figure, fastest_in_turns, in_turns, run  # noqa: E402
from helpers.support import prefect_server  # noqa: E402

if __name__ == "__main__":
    sys.stdout.write(json.dumps(inside_runs(Path(sys.argv[1]))))
