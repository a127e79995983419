"""The tasks: one thing each, typed; retries, timeouts (seconds) and tags, each a request, where they help."""

import csv
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

from flow_ops.logs import get_logger
from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.settings import get_current_settings
from prefect.utilities.annotations import opaque
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


class BranchOrders:
    """The orders of one branch. A plain class: Prefect looks for futures in every row of a model."""

    def __init__(self, branch: str) -> None:
        self.branch, self.valid, self.rejected = branch, list[Order](), 0


class Summary(BaseModel):
    """What one branch sold, or all of them: a row of the database and of the table in the UI."""

    branch: str
    orders: int
    units: int
    revenue: Decimal
    rejected: int


@task(retries=2, retry_delay_seconds=5, timeout_seconds=60)
async def list_branches(file: Path) -> list[str]:
    """List the branches of the orders file, sorted; one without orders raises ValueError."""
    if not (branches := sorted({row["branch"] for row in _rows(file)})):
        raise ValueError(f"no orders in {file}")
    logger.info("%d branches in %s", len(branches), file.name)
    return branches


@task(retries=2, retry_delay_seconds=5, timeout_seconds=300)
async def read_orders(file: Path, branches: list[str], since: date | None) -> list[BranchOrders]:
    """Read the valid orders of these branches, from `since` on."""
    rows = [row for row in _rows(file) if row["branch"] in branches]
    # opaque: not in every row here either, which would take longer than the work itself.
    return await validate_orders(opaque(rows), since)  # type: ignore[no-any-return, call-overload]


@task(timeout_seconds=300)
async def validate_orders(rows: list[dict[str, str]], since: date | None) -> list[BranchOrders]:
    """Keep the rows that are valid orders, by branch; report and count the others."""
    found: dict[str, BranchOrders] = {}
    for row in rows:
        orders = found.setdefault(row["branch"], BranchOrders(row["branch"]))
        order = _order(row)
        orders.rejected += order is None
        if order and (since is None or order.day >= since):
            orders.valid.append(order)
    return list(found.values())


@task
def summarise_branches(batch: list[BranchOrders]) -> list[Summary]:
    """Add up the orders of each branch."""
    return [
        Summary(
            branch=orders.branch,
            orders=len(orders.valid),
            units=sum(order.units for order in orders.valid),
            revenue=sum(order.units * order.unit_price for order in orders.valid),
            rejected=orders.rejected,
        )
        for orders in batch
    ]


@task(tags=["db"], retries=3, retry_delay_seconds=[2, 4, 8], retry_jitter_factor=0.5, timeout_seconds=120)
async def load_summaries(summaries: list[Summary]) -> None:
    """Replace the rows of these branches in one transaction: a second run changes nothing."""
    import sqlalchemy as sa  # noqa: PLC0415 - here no command and no other task waits for its import

    key = sa.Column("branch", sa.String(100), primary_key=True)
    table = sa.Table("branch_sales", sa.MetaData(), key, *(sa.Column(n, sa.Numeric(18, 2)) for n in TOTALS))
    default = f"sqlite:///{get_current_settings().home / '{{ cookiecutter.flow_slug }}.db'}"
    engine = sa.create_engine(os.environ.get("FLOW_DATABASE_URL", default), poolclass=sa.NullPool)
    table.create(engine, checkfirst=True)
    with engine.begin() as connection:
        connection.execute(sa.delete(table).where(key.in_([row.branch for row in summaries])))
        connection.execute(sa.insert(table), [row.model_dump() for row in summaries])
    logger.info("%d rows in %s", len(summaries), engine.url.render_as_string(hide_password=True))


@task(retries=2, retry_delay_seconds=5, timeout_seconds=60)
async def publish_report(summaries: list[Summary]) -> Summary:
    """Publish the summaries as a table in the UI and return their total."""
    await acreate_table_artifact(
        [row.model_dump(mode="json") for row in summaries],
        key="{{ cookiecutter.flow_slug }}",
        description="Orders by branch",
    )
    return Summary(branch="all", **{name: sum(getattr(row, name) for row in summaries) for name in TOTALS})


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _order(row: dict[str, str]) -> Order | None:
    try:
        return Order.model_validate(row)
    except ValidationError as error:
        problem = error.errors()[0]
        logger.warning("Order %s rejected: %s: %s", row["order_id"], problem["loc"][0], problem["msg"])
        return None
