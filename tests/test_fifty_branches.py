"""The sample flow with more branches than its own sample has, in the time of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIFTY_BRANCHES = """
import anyio, pytest
from ventas_diarias.flow import ventas_diarias

@pytest.mark.anyio
async def test_it(prefect_server, tmp_path, monkeypatch):
    monkeypatch.setenv("FLOW_DATABASE_URL", f"sqlite:///{tmp_path / 'sales.db'}")
    orders = [f"{number},Branch {number:02},2026-03-02,1" for number in range(1, 51)]
    file = tmp_path / "orders.csv"
    file.write_text("\\n".join(["order_id,branch,day,units", *orders]), encoding="utf-8")
    with anyio.fail_after(60):  # Fifty parallel subflows would take minutes on a server with SQLite.
        total = await ventas_diarias(file)
    assert total["orders"] == 50
"""


@pytest.mark.slow
@pytest.mark.e2e
def test_the_sample_flow_summarises_fifty_branches_without_a_jam(bake: Callable[..., Path]) -> None:
    root = bake()
    (root / "tests" / "test_fifty_branches.py").write_text(FIFTY_BRANCHES, encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_fifty_branches.py"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "FLOW_PROJECT_ROOT": str(root)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
