"""The whole flow, on a real Prefect server that lives as long as the tests do."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.__package }} import tasks
from {{ cookiecutter.__package }}.flow import {{ cookiecutter.__function }}

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The final state of one run with the sample of orders, for all tests that look at it."""
    database = tmp_path_factory.mktemp("flow") / "sales.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOW_DATABASE_URL", f"sqlite:///{database}")
        return asyncio.run({{ cookiecutter.__function }}(return_state=True))


def test_the_flow_completes(state: Any) -> None:
    assert state.is_completed()


def test_bad_rows_are_reported_and_the_others_count(state: Any) -> None:
    total = state.result()
    assert (total.orders, total.rejected) == (57, 3)


def test_its_lines_reach_the_ui(state: Any, flow_logs: Callable[..., list[str]]) -> None:
    assert any("branches in orders.csv" in line for line in flow_logs(state))


@pytest.mark.anyio
async def test_a_failed_task_fails_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order_id,branch,day,units,unit_price\n", encoding="utf-8")
    # Without the retries, which wait.
    monkeypatch.setattr(tasks, "list_branches", tasks.list_branches.with_options(retries=0))
    state: Any = await {{ cookiecutter.__function }}(file, return_state=True)
    assert state.is_failed()
