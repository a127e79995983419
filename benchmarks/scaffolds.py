"""The other ways to a project with tests: each as its own documentation says, without a question to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.harness import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Scaffold:
    """How a project is made, below the folder that one stands in, and what is then typed inside it.

    `new` is empty where nothing is run: the files are written.
    """

    name: str
    folder: str
    new: tuple[str, ...]
    environment: tuple[str, ...]
    check: tuple[str, ...]
    note: str


OURS = Scaffold(
    "this template",
    "ventas-diarias",
    ("uvx", "cookiecutter", str(TEMPLATE), "--no-input"),
    ("uv", "sync", "--quiet"),
    ("uv", "run", "pytest", "--quiet"),
    "its flow, its tasks and the rules, on a server",
)
KEDRO = Scaffold(
    "kedro new",
    "sales",
    ("uvx", "kedro", "new", "--name=sales", "--tools=test", "--example=n", "--telemetry=no"),
    ("uv", "sync", "--quiet", "--extra", "dev"),
    ("uv", "run", "--extra", "dev", "pytest", "--quiet"),
    "one test, that an empty pipeline is refused",
)
# The newest whose project can be installed: one of the packages of 1.13.28 is not on the index.
DAGSTER = Scaffold(
    "create-dagster",
    "sales",
    ("uvx", "create-dagster@1.13.27", "project", "sales", "--no-uv-sync"),
    ("uv", "sync", "--quiet"),
    ("uv", "run", "dg", "check", "defs"),
    "loads the definitions, of which there are none",
)

# What a team writes that has read Prefect's page on tests: a flow, a task, a test, the harness.
BY_HAND = Scaffold(
    "by hand, prefect_test_harness",
    "by-hand",
    (),
    ("uv", "sync", "--quiet"),
    ("uv", "run", "pytest", "--quiet"),
    "one flow of one task, on a server",
)
_BY_HAND = {
    "pyproject.toml": """
[project]
name = "by-hand"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["prefect>=3.9,<4"]
[dependency-groups]
dev = ["pytest>=8,<10"]
[tool.pytest.ini_options]
pythonpath = ["."]
""",
    "sales.py": """
from prefect import flow, task
@task
def double(number: int) -> int:
    return 2 * number
@flow
def sales(number: int = 21) -> int:
    return double(number)
""",
    "tests/conftest.py": """
import pytest
from prefect.testing.utilities import prefect_test_harness
@pytest.fixture(autouse=True, scope="session")
def prefect_test_fixture():
    with prefect_test_harness(server_startup_timeout=120):
        yield
""",
    "tests/test_sales.py": """
from sales import sales
def test_sales():
    assert sales() == 42
""",
}


def write_by_hand(folder: Path) -> None:
    """Write the hand-made project into `folder`."""
    for name, text in _BY_HAND.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip(), encoding="utf-8")
