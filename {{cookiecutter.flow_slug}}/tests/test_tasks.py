"""The tasks and functions, one by one: `.fn` is a task's own function, called without Prefect."""

import asyncio
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from {{ cookiecutter.__package }} import tasks

GOOD = "1,Centro,2026-03-02,2"


def orders_file(folder: Path, *rows: str) -> Path:
    """Write a CSV with these orders."""
    file = folder / "orders.csv"
    file.write_text("\n".join(["order_id,branch,day,units", *rows]), encoding="utf-8")
    return file


def summary_of(file: Path, since: date | None = None) -> tasks.Summary:
    """Summarise the branch Centro."""
    return asyncio.run(tasks.summarise_branch.fn(file, "Centro", since))


def test_branches_are_listed_once_each_in_order(tmp_path: Path) -> None:
    file = orders_file(tmp_path, "1,Norte,2026-03-02,1", GOOD, GOOD)
    assert tasks.list_branches.fn(file) == ["Centro", "Norte"]


def test_a_file_without_orders_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="{{ "no hay pedidos" if cookiecutter.language == "es" else "no orders" }}"):
        tasks.list_branches.fn(orders_file(tmp_path))


def test_a_summary_adds_up_its_branch(tmp_path: Path) -> None:
    file = orders_file(tmp_path, GOOD, "2,Centro,2026-03-03,4", "3,Norte,2026-03-03,1")
    assert summary_of(file) == {"branch": "Centro", "orders": 2, "units": 6, "rejected": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        "17,Centro,2026-03-02,0",
        "17,Centro,2026-03-02,two",
        "17,Centro,2026-03-02,",
        "17,Centro,2026-02-30,2",
        "x17,Centro,2026-03-02,2",
    ],
)
def test_a_bad_row_is_reported_counted_and_left_out(
    wrong: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    summary = summary_of(orders_file(tmp_path, GOOD, wrong))
    assert (summary["orders"], summary["rejected"]) == (1, 1)
    assert "17 {{ "rechazado" if cookiecutter.language == "es" else "rejected" }}: " in caplog.text


def test_orders_before_the_day_are_left_out_and_are_not_errors(tmp_path: Path) -> None:
    summary = summary_of(orders_file(tmp_path, GOOD), since=date(2026, 3, 3))
    assert (summary["orders"], summary["rejected"]) == (0, 0)


def test_loading_twice_leaves_one_row_a_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = f"sqlite:///{tmp_path / 'sales.db'}"
    monkeypatch.setenv("FLOW_DATABASE_URL", database)
    for orders in (1, 3):
        tasks.load_summaries.fn([{"branch": "Centro", "orders": orders, "units": 6, "rejected": 0}])
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT branch, orders FROM order_totals")).all()
    assert rows == [("Centro", 3)]
    engine.dispose()
