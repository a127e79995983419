"""The messages of deployments and their checks, without a server."""

from __future__ import annotations

import ast
import os
import re
import string
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flow_ops import messages
from flow_ops.deploy import checks, entrypoints
from helpers.repositories import make_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOW_OPS = Path(messages.__file__).parents[1]
OURS = (
    "BLOCK",
    "DEPLOY",
    "ENV",
    "FLOW",
    "GIT",
    "IMAGE",
    "MACHINE",
    "PARAM",
    "POOL",
    "SCHED",
    "SERVER",
    "SOURCE",
    "ZONE",
)
CODES = sorted(code for code in messages.catalogue("es") if code.split("-")[1] in OURS)


def sources(folder: Path, pattern: str) -> Iterator[str]:
    for file in sorted(folder.rglob(pattern)):
        if file.parent.name != "messages" and file.name != Path(__file__).name:
            yield file.read_text(encoding="utf-8")


RAISED = "".join(sources(FLOW_OPS, "*.py"))
TESTED = "".join(sources(Path(__file__).parent, "test_*.py"))


@pytest.mark.parametrize("code", CODES)
def test_a_message_can_be_reached_and_a_test_reaches_it(code: str) -> None:
    assert f'"{code}"' in RAISED
    assert code in TESTED or code in Path(__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_a_message_says_the_same_values_in_both_languages(code: str) -> None:
    def values(text: dict[str, str]) -> set[str]:
        parts = string.Formatter().parse(" ".join(text.values()))
        return {name for _, name, _, _ in parts if name}

    assert values(messages.catalogue("es")[code]) == values(messages.catalogue("en")[code])


@pytest.mark.parametrize("code", CODES)
def test_a_message_has_its_three_parts_in_both_languages(code: str) -> None:
    for text in (messages.catalogue("es")[code], messages.catalogue("en")[code]):
        assert re.search(r"[.?:]$|\}$", text["what"])
        assert text["why"].endswith(".")
        assert text["do"]


def test_every_text_is_given_the_values_that_it_names_wherever_it_is_used() -> None:
    """Where they are given one by one: `**values` is not followed."""
    problems = messages.catalogue("en")
    named = {code: " ".join(text.values()) for code, text in problems.items()}
    named |= messages.texts("en")
    calls = [
        call
        for source in sources(FLOW_OPS, "*.py")
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and call.args and getattr(call.args[0], "value", None) in named
    ]
    assert len(calls) > 300
    for call in calls:
        key = getattr(call.args[0], "value", "")
        given = {keyword.arg for keyword in call.keywords}
        wanted = {
            re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(named[key]) if name
        }
        assert None in given or wanted <= given, key


@pytest.mark.parametrize(
    ("language", "code", "line"),
    [
        ("es", "FT-POOL-01", "El work pool «pool-dev» no existe."),
        ("en", "FT-POOL-01", "The work pool 'pool-dev' does not exist."),
        ("es", "FT-GIT-07", "La rama «main» no existe en https://git.example/x."),
        ("en", "FT-GIT-07", "The branch 'main' does not exist at https://git.example/x."),
        ("es", "FT-GIT-05", "Ningún remoto de esta carpeta es https://git.example/x."),
        ("en", "FT-GIT-05", "No remote of this folder is https://git.example/x."),
        ("es", "FT-GIT-17", "Un rebase de git quedó sin terminar en esta carpeta."),
        ("en", "FT-GIT-17", "A rebase of git was left unfinished in this folder."),
    ],
)
def test_where_there_is_nothing_a_message_neither_asks_nor_lists(
    monkeypatch: pytest.MonkeyPatch, language: str, code: str, line: str
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    place = {"branch": "main", "url": "https://git.example/x", "branches": "-", "remotes": "-"}
    begun = {
        "operation": "rebase",
        "files": "-",
        "finish": "git rebase --continue",
        "back": "git rebase --abort",
    }
    given = {
        **place,
        **begun,
        "pool": "pool-dev",
        "near": "-",
        "known": "-",
        "remote": "origin",
        "verb": "add",
    }
    told = messages.render(code, **given)
    assert told.splitlines()[0] == f"{code}  {line}"


def test_a_machine_without_uv_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [problem.code for problem in checks.machine()] == ["FT-MACHINE-01"]


def test_what_is_only_told_stops_nothing() -> None:
    assert not checks.stops(messages.FlowOpsError("FT-POOL-05", pool="a", type="process"))
    assert checks.stops(messages.FlowOpsError("FT-POOL-02", pool="a"))


@pytest.mark.parametrize(
    ("line", "place", "do"),
    [
        ("x = = 1", "_steps.py:2", "correct that line."),
        ("x = [][1]", "_steps.py:2", "correct that line."),
        (
            "import a_package_that_nobody_has",
            "_steps.py:2",
            "correct that line, or add the missing dependency with: uv add NAME",
        ),
    ],
)
def test_a_flow_that_cannot_be_imported_is_told_with_the_line_and_what_puts_it_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, place: str, do: str
) -> None:
    problem = not_loaded(tmp_path, monkeypatch, f"\n{line}\n")
    first, _, last = str(problem).splitlines()
    assert problem.code == "FT-FLOW-03"
    assert place in first
    assert last == f"  What to do: {do}"


def not_loaded(root: Path, monkeypatch: pytest.MonkeyPatch, steps: str) -> messages.FlowOpsError:
    """Return what is said of a flow that imports a module with this text."""
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    monkeypatch.syspath_prepend(root / "src")
    name = root.name  # a test's own, which nothing has imported
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / f"{name}.py").write_text(f"import {name}_steps\n", encoding="utf-8")
    (root / "src" / f"{name}_steps.py").write_text(steps, encoding="utf-8")
    with pytest.raises(messages.FlowOpsError) as problem:
        entrypoints.load(f"src/{name}.py:flow", root)
    return problem.value


def test_limits_that_are_too_short_are_told_without_a_traceback(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    file = root / "deploy.py"
    file.write_text(file.read_text(encoding="utf-8").replace("hours=2", "seconds=2"), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(root / "src"),
        "FLOW_PROJECT_ROOT": str(root),
        "PYTHONUTF8": "1",
    }
    answer = subprocess.run(
        [sys.executable, "deploy.py", "plan", "prod"],
        cwd=root,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert answer.returncode == 1
    assert "FT-WATCHDOG-01  " in answer.stderr
    assert "Traceback" not in answer.stderr
