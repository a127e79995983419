"""The tasks: one thing each, typed in and out, with its own retries and timeout (seconds)."""

import csv
import os
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.settings import get_current_settings
from prefect.tasks import exponential_backoff
from pydantic import ValidationError
from sqlalchemy import Column, Integer, MetaData, Numeric, String, Table, create_engine, delete, insert

from flow_ops.logs import get_logger
from {{ cookiecutter.__package }}.models import BranchOrders, BranchSummary, Order, Report

logger = get_logger("tasks")

TABLE = Table(
    "branch_sales",
    MetaData(),
    Column("branch", String(100), primary_key=True),
    Column("orders", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("revenue", Numeric(18, 2), nullable=False),
    Column("rejected", Integer, nullable=False),
)


@task(description="Lists the branches of the file.", tags=["read"], retries=2, retry_delay_seconds=5, timeout_seconds=60)
async def list_branches(file: Path) -> list[str]:
    """Return the branches in the file, sorted; raise ValueError where it has none."""
    branches = sorted({row["branch"] for row in _rows(file)})
    if not branches:
        raise ValueError(f"{file} has no orders")
    return branches


@task(description="Reads the orders of some branches.", tags=["read"], retries=2, retry_delay_seconds=5, timeout_seconds=300)
async def read_orders(file: Path, branches: list[str], since: date | None) -> list[BranchOrders]:
    """Return the valid orders of each branch, from `since` on."""
    rows = defaultdict(list)
    for row in _rows(file):
        rows[row["branch"]].append(row)
    return [await validate_orders(branch, rows[branch], since) for branch in branches]


@task(description="Validates one branch's rows.", tags=["validate"], timeout_seconds=300)
async def validate_orders(branch: str, rows: list[dict[str, str]], since: date | None) -> BranchOrders:
    """Keep the rows that are valid orders; report and count the rest."""
    orders, rejected = [], 0
    for row in rows:
        try:
            order = Order.model_validate(row)
        except ValidationError as error:
            rejected += 1
            problem = error.errors()[0]
            logger.warning("%s: order %s refused, %s: %s", branch, row["order_id"], problem["loc"][0], problem["msg"])
        else:
            if since is None or order.day >= since:
                orders.append(order)
    return BranchOrders(branch=branch, orders=orders, rejected=rejected)


@task(description="Summarises one branch.", tags=["summarise"])
def summarise_branch(branch: BranchOrders) -> BranchSummary:
    """Add up the units and the revenue of one branch."""
    return BranchSummary(
        branch=branch.branch,
        orders=len(branch.orders),
        units=sum(order.units for order in branch.orders),
        revenue=sum((order.units * order.unit_price for order in branch.orders), Decimal(0)),
        rejected=branch.rejected,
    )


@task(
    description="Loads the summaries into the database.",
    tags=["database"],
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    timeout_seconds=120,
)
async def load_summaries(summaries: list[BranchSummary]) -> None:
    """Replace the branches' rows in one transaction, so that a second run changes nothing."""
    engine = create_engine(_database_url())
    TABLE.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(delete(TABLE).where(TABLE.c.branch.in_([summary.branch for summary in summaries])))
        connection.execute(insert(TABLE), [summary.model_dump() for summary in summaries])
    engine.dispose()
    logger.info("%d rows in %s", len(summaries), engine.url.render_as_string(hide_password=True))


@task(description="Publishes the report in the UI.", tags=["report"], retries=2, retry_delay_seconds=5, timeout_seconds=60)
async def publish_report(summaries: list[BranchSummary]) -> Report:
    """Publish the summaries as a table artifact and return the totals."""
    await acreate_table_artifact(
        key="{{ cookiecutter.flow_slug }}",
        description="Orders by branch",
        table=[summary.model_dump(mode="json") for summary in summaries],
    )
    return Report(
        branches=len(summaries),
        orders=sum(summary.orders for summary in summaries),
        rejected=sum(summary.rejected for summary in summaries),
        revenue=sum((summary.revenue for summary in summaries), Decimal(0)),
    )


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _database_url() -> str:
    home = get_current_settings().home
    return os.environ.get("FLOW_DATABASE_URL") or f"sqlite:///{home / '{{ cookiecutter.flow_slug }}.db'}"
