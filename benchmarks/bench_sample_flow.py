"""The sample flow at size: time and memory by rows and by branches, against one task per row.

A subflow for each branch is for dozens of them; for a thousand there is the recipe of parallel tasks.
Everything runs against one real server on SQLite. "Prefect's overhead" is what a run takes beyond the same
functions called plainly in a process that imports the same modules.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import TEMPLATE, Figure, in_turns, run
from benchmarks.repository import generate
from helpers.support import prefect_server

PLAIN = """
import asyncio, sys
from pathlib import Path
from ventas_diarias import tasks
file = Path(sys.argv[1])
branches = tasks.list_branches.fn(file)
summaries = [asyncio.run(tasks.summarise_branch.fn(file, branch, None)) for branch in branches]
tasks.load_summaries.fn(summaries)
"""

# The version that a newcomer writes: a task for each row. It has less to do: no database, no report.
NAIVE = """
import sys
from pathlib import Path
from prefect import flow, task
from ventas_diarias import tasks
@task
def validate(row):
    return tasks.Order.model_validate(row)
@flow
def naive(file: str):
    return sum(future.result().units for future in validate.map(tasks.read_rows(Path(file))))
naive(sys.argv[1])
"""

# The recipe's work that takes no time, for so many branches.
RECIPE = """
import sys
from parallel_tasks import add_up_everything
add_up_everything(int(sys.argv[1]), 0)
"""

ROWS = (1_000, 10_000, 100_000)
BRANCHES = (10, 50)
IN_TASKS = (10, 1_000)


def measure() -> list[Figure]:
    """Return time, memory and growth by rows (10 branches) and by branches (10,000 rows), the recipe's too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = generate(folder)
        with prefect_server(folder) as server:
            path = [repository / "src", TEMPLATE / "docs" / "recipes"]
            environment = {
                **server.environment,
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "FLOW_LOG_DIR": str(folder / "logs"),
                "FLOW_PROJECT_ROOT": str(repository),
            }

            def timed(code: list[str], rows: int, branches: int, argument: str = "") -> tuple[float, float]:
                file = _orders(folder, rows, branches)
                command = [sys.executable, *code, *filter(None, [argument]), str(file)]
                done = run(command, cwd=folder, environment=environment)
                return done.seconds, done.peak_mb

            def recipe(branches: int) -> float:
                command = [sys.executable, "-c", RECIPE, str(branches)]
                return run(command, cwd=folder, environment=environment).seconds

            flow = ["-m", "ventas_diarias"]
            timed(flow, 1_000, 10, "--orders-file")  # warm-up: the database's tables, the compiled files
            by_rows = {rows: timed(flow, rows, 10, "--orders-file") for rows in ROWS}
            by_branches = {n: timed(flow, 10_000, n, "--orders-file") for n in BRANCHES}
            in_tasks = {n: recipe(n) for n in IN_TASKS}
            plain = {rows: timed(["-c", PLAIN], rows, 10) for rows in ROWS}
            ours = in_turns(3, ours=lambda: timed(flow, 1_000, 10, "--orders-file")[0])["ours"]
            # Once, and last: the server goes on storing what its tasks reported for long after they have ended.
            naive = timed(["-c", NAIVE], 1_000, 10)[0]
    figures = [
        *(
            Figure(f"{rows:,} rows, 10 branches", by_rows[rows][0], "s", None, _mb(by_rows[rows]))
            for rows in ROWS
        ),
        *(
            Figure(f"10,000 rows, {n:,} branches", by_branches[n][0], "s", None, _mb(by_branches[n]))
            for n in BRANCHES
        ),
        *(
            Figure(
                f"Prefect's overhead at {rows:,} rows",
                by_rows[rows][0] - plain[rows][0],
                "s",
                None,
                "the run, with its artifacts, less the same functions called plainly",
            )
            for rows in ROWS
        ),
    ]
    per_row_low = (by_rows[10_000][0] - by_rows[1_000][0]) / 9_000
    per_row_high = (by_rows[100_000][0] - by_rows[10_000][0]) / 90_000
    memory_low = max(by_rows[10_000][1] - by_rows[1_000][1], 1.0) / 9_000
    memory_high = (by_rows[100_000][1] - by_rows[10_000][1]) / 90_000
    return [
        *figures,
        Figure(
            "100,000 rows over 1,000",
            by_rows[100_000][0] / by_rows[1_000][0],
            "times",
            10,
            "linear or better: ten times at most for a hundred times the rows",
        ),
        Figure(
            "added time per row",
            1e6 * per_row_high,
            "us",
            None,
            f"{1e6 * per_row_low:.0f} us up to 10,000 rows",
        ),
        Figure(
            "added memory per row",
            1024 * memory_high,
            "KB",
            4,
            f"{1024 * memory_low:.1f} KB up to 10,000 rows",
        ),
        Figure(
            "50 branches over 10", by_branches[50][0] / by_branches[10][0], "times", None, "a subflow each"
        ),
        Figure(
            "1,000 branches over 10, in tasks",
            in_tasks[1_000] / in_tasks[10],
            "times",
            2,
            f"the recipe parallel_tasks: {in_tasks[1_000]:.1f} s",
        ),
        Figure(
            "sample flow over one task per row, 1,000 rows",
            ours / naive,
            "times",
            0.5,
            f"one task per row: {naive:.1f} s",
        ),
    ]


def _mb(seen: tuple[float, float]) -> str:
    return f"peak {seen[1]:.0f} MB"


def _orders(folder: Path, rows: int, branches: int) -> Path:
    file = folder / f"orders-{rows}-{branches}.csv"
    if not file.exists():
        chance = random.Random(1)  # noqa: S311 - sample data
        lines = [
            f"{i},B{i % branches:04d},2026-03-{1 + i % 28:02d},{chance.randint(1, 9)}"
            for i in range(1, rows + 1)
        ]
        file.write_text("order_id,branch,day,units\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file
