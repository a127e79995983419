"""The tasks, one by one: `.fn` is the plain function below a task, and needs no server."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from {{ cookiecutter.__package }}.flow import SAMPLE
from {{ cookiecutter.__package }}.tasks import (
    Summary,
    list_branches,
    load_summaries,
    summarise_branches,
    validate_orders,
)

pytestmark = pytest.mark.anyio

GOOD = {"order_id": "1", "branch": "Centro", "day": "2026-03-02", "units": "2", "unit_price": "10.50"}


async def test_branches_are_listed_once_each_in_order() -> None:
    branches = await list_branches.fn(SAMPLE)
    assert branches == sorted(set(branches))


async def test_a_file_without_orders_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order_id,branch,day,units,unit_price\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no orders"):
        await list_branches.fn(file)


@pytest.mark.parametrize(
    "wrong", [{"units": "0"}, {"units": "two"}, {"unit_price": "-1"}, {"day": "2026-02-30"}, {"order_id": ""}]
)
async def test_a_bad_row_is_counted_and_left_out(wrong: dict[str, str]) -> None:
    (orders,) = await validate_orders.fn([GOOD, {**GOOD, **wrong}], since=None)
    assert (len(orders.valid), orders.rejected) == (1, 1)


async def test_orders_before_the_day_are_left_out_and_are_not_errors() -> None:
    (orders,) = await validate_orders.fn([GOOD], since=date(2026, 3, 3))
    assert (orders.valid, orders.rejected) == ([], 0)


async def test_a_summary_adds_up_its_branch() -> None:
    orders = await validate_orders.fn([GOOD, {**GOOD, "order_id": "2", "units": "4"}], since=None)
    (summary,) = summarise_branches.fn(orders)
    assert (summary.orders, summary.units, summary.revenue) == (2, 6, Decimal("63.00"))


async def test_loading_twice_leaves_one_row_a_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = f"sqlite:///{tmp_path / 'sales.db'}"
    monkeypatch.setenv("FLOW_DATABASE_URL", database)
    summary = Summary(branch="Centro", orders=1, units=2, revenue=Decimal(21), rejected=0)
    await load_summaries.fn([summary])
    await load_summaries.fn([summary.model_copy(update={"orders": 3})])
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT branch, orders FROM branch_sales")).all()
    assert rows == [("Centro", 3)]
    engine.dispose()
