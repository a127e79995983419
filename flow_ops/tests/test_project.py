"""Which repository a process works for, and what that says of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from flow_ops import project
from flow_ops.messages import FlowOpsError, text
from helpers.repositories import TIMEZONE, make_repository
from helpers.workshop import inside

if TYPE_CHECKING:
    from pathlib import Path


def test_a_repository_is_read_from_its_pyproject(repository: Path) -> None:
    current = project.current()
    assert (current.root, current.slug, current.package) == (repository, "ventas-diarias", "ventas_diarias")
    assert current.zone.key == TIMEZONE


def refusal(root: Path) -> FlowOpsError:
    with inside(root), pytest.raises(FlowOpsError) as caught:
        project.current()
    return caught.value


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "FT-PROJECT-01"
    assert str(tmp_path) in str(refusal(tmp_path))


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    file = make_repository(tmp_path) / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    assert "area = " in text
    file.write_text(text.replace("area = ", "aera = "), encoding="utf-8")
    problem = refusal(file.parent)
    assert problem.code == "FT-PROJECT-02"
    assert "area" in str(problem)


def test_a_pyproject_that_is_no_toml_is_told_where_it_breaks(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.flow-ops\n", encoding="utf-8")
    problem = refusal(tmp_path)
    assert problem.code == "FT-PROJECT-03"
    assert "line 1" in str(problem)


def test_a_message_inside_another_is_further_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    inner = FlowOpsError("FT-SERVER-09")
    outer = FlowOpsError("FT-RUN-01", state="Failed", reason=f"it raised {inner}", again=".")
    assert [len(line) - len(line.lstrip()) for line in str(outer).splitlines()] == [0, 4, 4, 2, 2]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=1, hours=2), "26 h"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(seconds=0.5), "0.5 s"),
    ],
)
def test_a_length_of_time_reads_the_same_in_both_languages(length: timedelta, said: str) -> None:
    assert f" {said}" in text("watchdog.pending", limit=length)
