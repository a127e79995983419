"""A second flow in a repository: one command writes its module, test, command and deployments."""

from __future__ import annotations

import ast
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flow_ops import cli, project
from helpers.repositories import contents, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = "a-flow-with-a-name-of-forty-letters-long"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("once")
    return make_repository(folder, "daily-sales", language="en", pools="compras")


@pytest.fixture
def own(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository to be changed, which `flow_ops` takes for its own."""
    root = Path(shutil.copytree(once, tmp_path / once.name))
    monkeypatch.setenv("FLOW_PROJECT_ROOT", str(root))
    project.forget()
    yield root
    project.forget()


def test_a_new_flow_is_a_module_a_test_a_command_and_deployments(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(own)
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    after = contents(own)
    changed = {name for name, content in after.items() if before.get(name) != content}
    written = {
        "deploy.py",
        "pyproject.toml",
        "src/daily_sales/nightly_stock.py",
        "tests/test_nightly_stock.py",
    }
    assert changed == written
    assert written <= set(capsys.readouterr().out.split())


def test_a_new_flow_deploys_to_the_pools_of_the_first_by_hand_only(own: Path) -> None:
    first_before = next(iter(runpy.run_path(str(own / "deploy.py"))["DEPLOYMENTS"].flows.items()))
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    first, second = runpy.run_path(str(own / "deploy.py"))["DEPLOYMENTS"].flows.items()
    assert first == first_before
    assert second[0] == "src/daily_sales/nightly_stock.py:nightly_stock"
    assert {name: each.work_pool for name, each in second[1].items()} == {
        "dev": "compras-dev",
        "prod": "compras-prod",
    }
    assert {each.schedule for each in second[1].values()} == {None}


@pytest.mark.parametrize("slug", ["new", LONGEST])
def test_what_is_written_is_formatted_and_clean(own: Path, slug: str) -> None:
    assert cli.run(["new-flow", slug]) == 0
    assert cli.run(["new-flow", "a-third"]) == 0
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."],
            cwd=own,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "slug",
    ["Nightly-Stock", "ab", LONGEST + "x", "1st-flow", "a--b", "nightly_stock", "", "con", "com1",
     "prefect-x", "lambda", "match", "print", "json", "main", "flow", "ñandú"],
)  # fmt: skip
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(
    own: Path, capsys: pytest.CaptureFixture[str], slug: str
) -> None:
    before = contents(own)
    assert cli.run(["new-flow", slug]) == 1
    assert "FT-NEW-01" in capsys.readouterr().err
    assert contents(own) == before


@pytest.mark.parametrize("slug", ["tasks", "nightly-stock"])
def test_what_exists_is_never_overwritten(own: Path, capsys: pytest.CaptureFixture[str], slug: str) -> None:
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    before = contents(own)
    assert cli.run(["new-flow", slug]) == 1
    assert "FT-NEW-02" in capsys.readouterr().err
    assert contents(own) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("deploy.py", "flows={FLOW: ENVIRONMENTS}", "flows=dict([(FLOW, ENVIRONMENTS)])"),
     ("pyproject.toml", "[project.scripts]", "[project.gui-scripts]")],
)  # fmt: skip
def test_a_file_of_another_shape_is_not_guessed_at(
    own: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str
) -> None:
    text = (own / file).read_text(encoding="utf-8")
    assert old in text
    (own / file).write_text(text.replace(old, new), encoding="utf-8")
    before = contents(own)
    assert cli.run(["new-flow", "nightly-stock"]) == 1
    told = capsys.readouterr().err
    assert "FT-NEW-03" in told
    assert "nightly_stock" in told
    assert contents(own) == before


def test_the_module_is_a_flow_of_that_name(own: Path) -> None:
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    module = runpy.run_path(str(own / "src" / "daily_sales" / "nightly_stock.py"))
    assert module["nightly_stock"].name == "nightly-stock"
    assert ast.get_docstring(ast.parse((own / "deploy.py").read_text(encoding="utf-8")))
