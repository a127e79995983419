"""The whole flow, on a real Prefect server that lives as long as the tests do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from {{ cookiecutter.__package }} import tasks
from {{ cookiecutter.__package }}.flow import {{ cookiecutter.__function }}

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture(autouse=True)
def _own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_DATABASE_URL", f"sqlite:///{tmp_path / 'sales.db'}")


def write_orders(file: Path, branches: int, *rows: str) -> Path:
    """Write one order for each branch, and the rows given."""
    orders = [f"{number},Branch {number:02},2026-03-02,1,10" for number in range(1, branches + 1)]
    file.write_text("\n".join(["order_id,branch,day,units,unit_price", *orders, *rows]), encoding="utf-8")
    return file


async def test_the_flow_completes_and_logs_to_the_ui(flow_logs: Callable[..., list[str]]) -> None:
    state: Any = await {{ cookiecutter.__function }}(return_state=True)
    assert state.is_completed()
    assert any("branches in orders.csv" in line for line in await anyio.to_thread.run_sync(flow_logs, state))


async def test_a_bad_row_is_reported_and_the_flow_goes_on(tmp_path: Path) -> None:
    file = write_orders(tmp_path / "orders.csv", 1, "9,Branch 01,2026-03-02,none,10")
    total = await {{ cookiecutter.__function }}(file)
    assert (total.orders, total.rejected) == (1, 1)


async def test_a_failed_task_fails_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_orders(tmp_path / "orders.csv", 0)
    # Without the retries, which wait.
    monkeypatch.setattr(tasks, "list_branches", tasks.list_branches.with_options(retries=0))
    state: Any = await {{ cookiecutter.__function }}(file, return_state=True)
    assert state.is_failed()


async def test_fifty_branches_are_summarised_without_a_jam(tmp_path: Path) -> None:
    file = write_orders(tmp_path / "orders.csv", 50)
    with anyio.fail_after(60):  # Fifty parallel subflows would take minutes on a server with SQLite.
        total = await {{ cookiecutter.__function }}(file)
    assert total.orders == 50
