"""The whole flow, on a real Prefect server that lives as long as the tests do."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.__package }} import tasks
from {{ cookiecutter.__package }}.flow import {{ cookiecutter.__package }}

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_the_sample_completes_and_its_lines_are_in_the_ui(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow_logs: Callable[..., list[str]]
) -> None:
    monkeypatch.setenv("FLOW_DATABASE_URL", f"sqlite:///{tmp_path / 'sales.db'}")
    flow: Any = {{ cookiecutter.__package }}
    state = asyncio.run(flow(return_state=True))
    assert state.result() == {"orders": 57, "units": 366, "rejected": 3}
    assert any("branches in orders.csv" in line for line in flow_logs(state))


def test_a_failed_task_fails_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order_id,branch,day,units\n", encoding="utf-8")
    # Without the retries, which wait.
    monkeypatch.setattr(tasks, "list_branches", tasks.list_branches.with_options(retries=0))
    with pytest.raises(ValueError, match="no orders"):
        asyncio.run({{ cookiecutter.__package }}(file))
