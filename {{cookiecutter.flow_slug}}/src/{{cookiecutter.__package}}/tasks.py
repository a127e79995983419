{% set es = cookiecutter.language == "es" -%}{# what people read in the log; the rest is English -#}
"""The steps, one thing each. Those with @task or @flow are retried, and limited in time (seconds)."""

import asyncio
import csv
import os
from datetime import date
from pathlib import Path
from typing import Any

from flow_ops.logs import get_logger
from prefect import flow, task
from prefect.settings import get_current_settings
from pydantic import BaseModel, PositiveInt, ValidationError
from sqlalchemy import NullPool, create_engine, inspect, text

logger = get_logger("tasks")
# What one branch sold: a row of the database, and of the table in the UI.
Summary = dict[str, Any]


class Order(BaseModel):
    """A valid row of the orders file, as far as it is added up."""

    order_id: PositiveInt
    day: date
    units: PositiveInt


@task(retries=2, retry_delay_seconds=5, timeout_seconds=60)
def list_branches(file: Path) -> list[str]:
    """List the branches of the orders file, sorted; a file without orders raises ValueError."""
    branches = sorted({row["branch"] for row in read_rows(file)})
    if not branches:
        raise ValueError(f"{{ "no hay pedidos en" if es else "no orders in" }} {file}")
    logger.info("%d {{ "sucursales en" if es else "branches in" }} %s", len(branches), file.name)
    return branches


@flow(retries=2, retry_delay_seconds=5, timeout_seconds=600)
async def summarise_branch(file: Path, branch: str, since: date | None) -> Summary:
    """Add up a branch's orders, from `since` on; count and log the invalid rows."""
    summary: Summary = {"branch": branch, "orders": 0, "units": 0, "rejected": 0}
    for row in await asyncio.to_thread(read_rows, file):  # in a thread: the other branches go on meanwhile
        if row["branch"] != branch:
            continue
        try:
            order = Order.model_validate(row)
        except ValidationError as error:
            problem = error.errors()[0]
            logger.info("{{ "Pedido %s rechazado" if es else "Order %s rejected" }}: %s: %s", row["order_id"], problem["loc"][0], problem["msg"])
            summary["rejected"] += 1
            continue
        if since is None or order.day >= since:
            summary["orders"] += 1
            summary["units"] += order.units
    return summary


@task(retries=3, retry_delay_seconds=[2, 4, 8], retry_jitter_factor=0.5, timeout_seconds=120)
def load_summaries(summaries: list[Summary]) -> None:
    """Replace the rows of these branches in one transaction: a second run changes nothing."""
    default = f"sqlite:///{get_current_settings().home / '{{ cookiecutter.flow_slug }}.db'}"
    engine = create_engine(os.environ.get("FLOW_DATABASE_URL", default), poolclass=NullPool)
    columns = "branch VARCHAR(100) PRIMARY KEY, orders INTEGER, units INTEGER, rejected INTEGER"
    with engine.begin() as conn:
        if not inspect(conn).has_table("order_totals"):
            conn.execute(text(f"CREATE TABLE order_totals ({columns})"))
        conn.execute(text("DELETE FROM order_totals WHERE branch = :branch"), summaries)
        conn.execute(text("INSERT INTO order_totals VALUES (:branch, :orders, :units, :rejected)"), summaries)
    logger.info("%d {{ "filas en" if es else "rows in" }} %s", len(summaries), engine.url.render_as_string(hide_password=True))


def read_rows(file: Path) -> list[dict[str, str]]:
    """Read a CSV: each row is a dictionary by the names in the first line."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
