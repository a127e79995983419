"""`flow-ops fleet` on a server with many repositories: how long it takes, and how often it asks.

Each repository has one deployment with its watchdog, a schedule and 20 runs that ended, on SQLite.
`BENCHMARKS_FLEET=50` makes it a smaller fleet. The import of Prefect, which every command pays, is left out. Of each
deployment's runs one is a run of Prefect's own; the other 19 are copies of it that are written into the database,
an hour between two, because no server takes 6000 runs in minutes.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import QUICK, TEMPLATE, Figure

sys.path.insert(0, str(TEMPLATE / "flow_ops" / "src"))

from prefect.client.orchestration import SyncPrefectClient

from flow_ops import cli
from helpers import fleet
from helpers.support import prefect_server
from helpers.workshop import pointing_at, proxy

if TYPE_CHECKING:
    from helpers.support import Server

NUMBER = int(os.environ.get("BENCHMARKS_FLEET", "20" if QUICK else "300"))
RUNS, TIMES = 20, 5


def measure() -> list[Figure]:
    """Return the median of the table and of the page, and how many requests each makes."""
    with (
        tempfile.TemporaryDirectory() as name,
        prefect_server(Path(name), port=None, **fleet.QUIET) as server,
        SyncPrefectClient(server.url) as client,
        pointing_at(server.url, ""),
    ):
        for number in range(NUMBER):
            fleet.make(client, fleet.Made(f"fleet-{number:03}", runs=[fleet.OK]))
        _copy_runs(server)
        table, page = ["fleet"], ["fleet", "--html", str(Path(name) / "fleet.html")]
        _seconds(table)  # Imports what the others find imported.
        figures = []
        for what, command in (("table", table), ("page", page)):
            seconds = statistics.median(_seconds(command) for _ in range(TIMES))
            figures += [
                Figure(f"{what} of {NUMBER} repositories with {RUNS} runs each", seconds, "s", 10),
                Figure(f"{what} of {NUMBER} repositories: requests", _requests(server, command), ""),
            ]
    return figures


def _copy_runs(server: Server) -> None:
    with contextlib.closing(sqlite3.connect(server.home / "prefect.db", timeout=60)) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(flow_run)")]
        for hours in range(1, RUNS):
            earlier = f"strftime('%Y-%m-%d %H:%M:%f', {{}}, '-{hours} hours') || '000'"
            own = {
                "id": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)"
                " || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
                "name": f"name || '-{hours}'",
                "idempotency_key": "NULL",
                "start_time": earlier.format("start_time"),
                "end_time": earlier.format("end_time"),
            }
            columns, values = ", ".join(names), ", ".join(own.get(name, name) for name in names)
            # The first ones alone: the copies have a name with a second dash at its end.
            database.execute(
                f"INSERT INTO flow_run ({columns}) SELECT {values} FROM flow_run WHERE name NOT GLOB '*-[0-9]*'"  # noqa: S608
            )


def _seconds(command: list[str]) -> float:
    output = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = cli.run(command)
    seconds = time.perf_counter() - start
    if status:
        raise RuntimeError(f"{command} ended with {status}:\n{output.getvalue()[-2000:]}")
    if command == ["fleet"] and f"{RUNS}/{RUNS}" not in output.getvalue():
        raise RuntimeError(f"not every run is seen:\n{output.getvalue()[:2000]}")
    return seconds


def _requests(server: Server, command: list[str]) -> int:
    with proxy(server.url, lambda *_: None) as (url, requests), pointing_at(url, ""):
        _seconds(command)
    return len(requests)
