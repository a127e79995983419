"""What a record costs through `flow_ops.logs`, against Prefect's run logger and a rotating file.

    uv run python benchmarks/bench_logs.py

Everything is measured in turns in one process, inside real flow runs on a real server, with the terminal
sent to the null device; the medians are compared. Goals:

- a record through our logger (terminal, UI and file) costs at most the sum of `get_run_logger()` (terminal
  and UI) and of `logging.handlers.RotatingFileHandler` (file), plus 10 %;
- a flow that writes 1,000 records takes at most 5 % longer than with `get_run_logger()`;
- importing the logger before Prefect adds at most 5 % to the import of Prefect.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEMPLATE = Path(__file__).resolve().parents[1]
SOURCE = TEMPLATE / "{{cookiecutter.flow_slug}}" / "src"
RECORDS = 1000
ROUNDS = 15


def main() -> int:
    """Run every measurement and print it as ratios; return 1 where a goal is missed."""
    sys.path[:0] = [str(TEMPLATE), str(SOURCE)]
    with tempfile.TemporaryDirectory() as folder:
        _isolate(Path(folder))
        from tests.support import prefect_server  # noqa: PLC0415

        imports = _imports()
        with prefect_server(Path(folder)) as server:
            os.environ["PREFECT_API_URL"] = server.url
            with _terminal_to_null():
                record, flow = _records(Path(folder)), _flows()
        met = [
            _report("one record: ours / (run logger + rotating file)", record, 1.10),
            _report(f"a flow with {RECORDS} records: ours / run logger", flow, 1.05),
            _report("import: ours and Prefect / Prefect", imports, 1.05),
        ]
    return 0 if all(met) else 1


def _report(what: str, ratio: float, goal: float) -> bool:
    print(f"{what}: {ratio:.3f} (goal: at most {goal:.2f}) {'met' if ratio <= goal else 'MISSED'}")
    return ratio <= goal


def _isolate(folder: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "FLOW_"))]:
        del os.environ[name]
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "bench"\nversion = "1"\n'
        '[tool.flow-ops]\npackage = "bench"\nlanguage = "en"\narea = "x"\n'
        'timezone = "America/Argentina/Buenos_Aires"\ntemplate-version = "1"\n',
        encoding="utf-8",
    )
    os.environ |= {
        "FLOW_PROJECT_ROOT": str(folder),
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(SOURCE),
    }


@contextlib.contextmanager
def _terminal_to_null() -> Iterator[None]:
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _records(folder: Path) -> float:
    """Return the cost of our record over the sum of the two others, in one flow run."""
    from flow_ops import logs  # noqa: PLC0415
    from prefect import flow, get_run_logger  # noqa: PLC0415

    ours = logs.get_logger("bench")
    rotating = logging.getLogger("rotating-file-alone")
    rotating.propagate = False
    rotating.setLevel(logging.INFO)
    handler = logging.handlers.RotatingFileHandler(
        folder / "plain.log", maxBytes=10_000_000, backupCount=4, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s | %(levelname)-8s | %(name)s | %(message)s"))
    rotating.addHandler(handler)
    costs: dict[str, list[float]] = {"ours": [], "run": [], "rotating": []}

    @flow
    def measured() -> None:
        for _ in range(ROUNDS):
            costs["ours"].append(_seconds(lambda: _write(lambda: ours, RECORDS)))
            with _without_ours():
                costs["run"].append(_seconds(lambda: _write(get_run_logger, RECORDS)))
            costs["rotating"].append(_seconds(lambda: _write(lambda: rotating, RECORDS)))
            time.sleep(0.5)  # The API's queue is sent by a thread: not at the next round's expense.

    measured()
    medians = {name: statistics.median(values) / RECORDS * 1e6 for name, values in costs.items()}
    print("microseconds a record: " + ", ".join(f"{k} {v:.0f}" for k, v in medians.items()))
    return medians["ours"] / (medians["run"] + medians["rotating"])


def _write(logger: Callable[[], object], count: int) -> None:
    for number in range(count):
        logger().info("record %d of %d, of a usual length for a log", number, count)  # type: ignore[attr-defined]


@contextlib.contextmanager
def _without_ours() -> Iterator[None]:
    """Leave Prefect's run logger as Prefect makes it."""
    logger = logging.getLogger("prefect.flow_runs")
    handlers, filters = logger.handlers[:], logger.filters[:]
    logger.handlers[:] = [h for h in handlers if not type(h).__module__.startswith("flow_ops")]
    logger.filters[:] = [f for f in filters if not type(f).__module__.startswith("flow_ops")]
    try:
        yield
    finally:
        logger.handlers[:], logger.filters[:] = handlers, filters


def _flows() -> float:
    """Return the time of a flow that writes through our logger over that of one with the run logger."""
    from flow_ops import logs  # noqa: PLC0415
    from prefect import flow, get_run_logger  # noqa: PLC0415

    ours = logs.get_logger("bench")

    @flow
    def with_ours() -> None:
        _write(lambda: ours, RECORDS)

    @flow
    def with_run_logger() -> None:
        _write(get_run_logger, RECORDS)

    costs: dict[str, list[float]] = {"ours": [], "run": []}
    for _ in range(ROUNDS):
        costs["ours"].append(_seconds(with_ours))
        with _without_ours():
            costs["run"].append(_seconds(with_run_logger))
    return statistics.median(costs["ours"]) / statistics.median(costs["run"])


def _imports() -> float:
    """Return the time of a process that imports both over that of one that imports Prefect."""
    costs: dict[str, list[float]] = {"import prefect.main": [], "import flow_ops.logs, prefect.main": []}
    for _ in range(7):
        for code, values in costs.items():
            command = [sys.executable, "-c", code]
            values.append(_seconds(partial(subprocess.run, command, check=True)))
    prefect, both = (min(values) for values in costs.values())
    return both / prefect


if __name__ == "__main__":
    raise SystemExit(main())
