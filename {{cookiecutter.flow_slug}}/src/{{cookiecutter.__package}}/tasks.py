"""The steps, one thing each, and the types of the data. Those with @task are retried, and limited in time (seconds)."""

import csv
import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from flow_ops.logs import get_logger
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.settings import get_current_settings
from pydantic import BaseModel, Field, ValidationError

logger = get_logger("tasks")
TOTALS = ("orders", "units", "revenue", "rejected")


class Order(BaseModel):
    """One valid row of the orders file."""

    order_id: int = Field(gt=0)
    branch: str = Field(min_length=1)
    day: date
    units: int = Field(gt=0)
    unit_price: Decimal = Field(gt=0)


class Summary(BaseModel):
    """What one branch sold, or all of them: a row of the database and of the table in the UI."""

    branch: str
    orders: int = 0
    units: int = 0
    revenue: Decimal = Decimal(0)
    rejected: int = 0


@task(retries=2, retry_delay_seconds=5, timeout_seconds=60)
def list_branches(file: Path) -> list[str]:
    """List the branches of the orders file, sorted; a file without orders raises ValueError."""
    branches = sorted({row["branch"] for row in read_rows(file)})
    if not branches:
        raise ValueError(f"no orders in {file}")
    logger.info("%d branches in %s", len(branches), file.name)
    return branches


def summarise(file: Path, branch: str, since: date | None) -> Summary:
    """Add up a branch's orders, from `since` on; count and log the invalid rows. Its subflow retries it."""
    summary = Summary(branch=branch)
    for row in read_rows(file):
        if row["branch"] != branch:
            continue
        try:
            order = Order.model_validate(row)
        except ValidationError as error:
            problem = error.errors()[0]
            logger.info("Order %s rejected: %s: %s", row["order_id"], problem["loc"][0], problem["msg"])
            summary.rejected += 1
            continue
        if since is None or order.day >= since:
            summary.orders += 1
            summary.units += order.units
            summary.revenue += order.units * order.unit_price
    return summary


@task(retries=3, retry_delay_seconds=[2, 4, 8], retry_jitter_factor=0.5, timeout_seconds=120)
def load_summaries(summaries: list[Summary]) -> None:
    """Replace the rows of these branches in one transaction: a second run changes nothing."""
    key = sa.Column("branch", sa.String(100), primary_key=True)
    table = sa.Table("branch_sales", sa.MetaData(), key, *(sa.Column(n, sa.Numeric(18, 2)) for n in TOTALS))
    default = f"sqlite:///{get_current_settings().home / '{{ cookiecutter.flow_slug }}.db'}"
    engine = sa.create_engine(os.environ.get("FLOW_DATABASE_URL", default), poolclass=sa.NullPool)
    with engine.begin() as connection:
        table.create(connection, checkfirst=True)
        connection.execute(sa.delete(table).where(key.in_([summary.branch for summary in summaries])))
        connection.execute(sa.insert(table), [summary.model_dump() for summary in summaries])
    logger.info("%d rows in %s", len(summaries), engine.url.render_as_string(hide_password=True))


@task(retries=2, retry_delay_seconds=5, timeout_seconds=60)
def publish_report(summaries: list[Summary]) -> Summary:
    """Publish the summaries as a table in the UI and return their total."""
    create_table_artifact(
        [summary.model_dump(mode="json") for summary in summaries],
        key="{{ cookiecutter.flow_slug }}",
        description="Orders by branch",
    )
    totals = {name: sum(getattr(summary, name) for summary in summaries) for name in TOTALS}
    return Summary.model_validate({"branch": "all", **totals})


def read_rows(file: Path) -> Iterator[dict[str, str]]:
    """Read a CSV row by row: each is a dictionary by the names in the first line."""
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
