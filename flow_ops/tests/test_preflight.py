"""The messages of deployments and their checks, without a server."""

from __future__ import annotations

import ast
import os
import re
import runpy
import string
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from flow_ops import messages
from flow_ops.deploy import checks, entrypoints, report, schedules, server, source
from flow_ops.deploy.pins import checked
from flow_ops.deployment import (
    Deployments,
    Environment,
    FolderSource,
    GitSource,
    Limits,
    Notification,
    main,
)
from helpers.repositories import make_repository
from helpers.workshop import inside, pointing_at

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOW_OPS = Path(messages.__file__).parents[1]
END = '\n\nif __name__ == "__main__":'
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
        ("en", "FT-GIT-05", "None of this folder's remotes is https://git.example/x."),
        ("es", "FT-FLOW-04", "«load» no es un flujo de src/a/flow.py."),
        ("en", "FT-FLOW-04", "'load' is not a flow of src/a/flow.py."),
        ("es", "FT-POOL-07", "El pool «pool-dev» no conoce estas job_variables: cpu."),
        ("en", "FT-POOL-07", "The pool 'pool-dev' does not know these job_variables: cpu."),
        ("es", "FT-GIT-17", "Un rebase de git quedó sin terminar en esta carpeta."),
        ("en", "FT-GIT-17", "A git rebase was left unfinished in this folder."),
    ],
)
def test_where_there_is_nothing_a_message_neither_asks_nor_lists(
    monkeypatch: pytest.MonkeyPatch, language: str, code: str, line: str
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    place = {"branch": "main", "url": "https://git.example/x", "branches": "-", "remotes": "-"}
    place |= {"function": "load", "place": "src/a/flow.py", "flows": "-", "variables": "cpu"}
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


def test_a_remote_repository_that_does_not_answer_in_time_is_told_in_the_language_of_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def hangs(*_: object) -> str:
        raise subprocess.TimeoutExpired("git", 1)

    monkeypatch.setenv("FLOW_LANGUAGE", "es")
    monkeypatch.setattr(source, "_git", hangs)
    with pytest.raises(messages.FlowOpsError) as caught:
        source._heads(GitSource("https://git.example/x.git"), tmp_path, "origin")
    assert caught.value.code == "FT-GIT-06"
    assert f"sin respuesta en {source.TIMEOUT:g} s" in str(caught.value)


@pytest.mark.parametrize("language", ["es", "en"])
def test_of_one_thing_nothing_is_said_in_the_plural(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    texts = messages.texts(language)
    plural = re.compile(r"\{count\} \w+s\b")
    # The watchdog's rules are more than one, as the runs of which none can be told from the others.
    left = [key for key, text in texts.items() if plural.search(text) and f"{key}-one" not in texts]
    assert left == ["plan.watchdog-same"]
    parts = [(code, text) for code, each in messages.catalogue(language).items() for text in each.values()]
    assert [code for code, text in parts if plural.search(text)] == ["FT-LOGS-04"]
    said = messages.text("plan.watchdog-changed", count=1), messages.text("plan.watchdog-changed", count=2)
    assert (
        said
        == {"es": ("cambia 1 regla", "cambian 2 reglas"), "en": ("1 rule changes", "2 rules change")}[
            language
        ]
    )


def test_an_interval_is_told_in_the_language_of_the_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timing = {"interval": 30 * 3600, "timezone": "Europe/Madrid"}
    told = {}
    for language in ("es", "en"):
        monkeypatch.setenv("FLOW_LANGUAGE", language)
        told[language] = schedules.said(timing)
    assert told == {
        "es": "cada 30 h (Europe/Madrid)",
        "en": "every 30 h (Europe/Madrid)",
    }


def test_a_machine_without_uv_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [problem.code for problem in checks.machine()] == ["FT-MACHINE-01"]


def test_what_is_only_told_stops_nothing() -> None:
    assert not checks.stops(messages.FlowOpsError("FT-POOL-05", pool="a", type="process"))
    assert checks.stops(messages.FlowOpsError("FT-POOL-02", pool="a"))


# What stands in deploy.py, what a person writes in its place, and what is said of it. None of them needs a server.
SLIPS = [
    ('schedule="30 1,13,17 * * *"', "schedule=60", "Environment(schedule=60)"),
    (
        'schedule="30 1,13,17 * * *"',
        'schedule=["0 6 * * *"]',
        "una tupla de textos o timedeltas (la de uno solo",
    ),
    ('schedule="30 1,13,17 * * *"', 'schedule=(("0 6 * * *",),)', "(schedule=(('0 6 * * *',),))"),
    ("timezone=TIMEZONE", "timezone=None", "Deployments(timezone=None): va un texto\n"),
    ('work_pool="pool-prod"', "work_pool=None", "{'prod': Environment(work_pool=None)}}): va un texto\n"),
    ("timedelta(hours=2)", "2", "Limits(running=2)): va un timedelta de 10 s o más\n"),
    ("timedelta(hours=2)", "timedelta(seconds=2)", "Limits(running=timedelta(seconds=2))"),
    ("flows=FLOWS", "flows={FLOW}", "Deployments(flows=set(...)): va un diccionario\n"),
    ("source=SOURCE", "source=GitSource(None)", "GitSource(url=None)): va un texto\n"),
    (
        "source=SOURCE",
        'source="https://ana:hunter2@h/x"',
        "source='https://h/x'): va GitSource(...) o FolderSource",
    ),
    (END, f"\nDEPLOYMENTS = None{END}", "    None: va Deployments(...)\n"),
    (
        'work_pool="pool-prod"',
        '"pool-prod", parameters=None',
        "Environment(parameters=None)}}): va un diccionario\n",
    ),
    ('work_pool="pool-prod"', '"pool-prod", parameters=[1]', "Environment(parameters=list(...))"),
    (
        'work_pool="pool-prod"',
        '"pool-prod", parameters={1: 2}',
        "Environment(parameters={1: ...})}}): va un texto\n",
    ),
    (
        'work_pool="pool-prod"',
        '"pool-prod", active="no"',
        "Environment(active='no')}}): va None o True o False\n",
    ),
    ('work_pool="pool-prod"', '"pool-prod", env={"PASSWORD": [98765]}', "(env={'PASSWORD': ********})"),
    ('work_pool="pool-prod"', '"pool-prod", env=[("PASSWORD", "hunter2")]', "(env=list(...))"),
    ('work_pool="pool-prod"', '"pool-prod", tags=("mine")', "Environment(tags='mine')"),
    ('work_pool="pool-prod"', '"pool-prod", collision="QUEUE"', "va 'ENQUEUE' o 'CANCEL_NEW'\n"),
    ('work_pool="pool-prod"', '"pool-prod", concurrency_limit=0', "va None o un número entero de 1 o más\n"),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("written"))


@pytest.mark.parametrize(("old", "new", "said"), SLIPS, ids=[new.strip() for _, new, _ in SLIPS])
def test_a_value_of_another_kind_in_deploy_py_is_named_with_what_goes_there(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    written = (repository / "deploy.py").read_text(encoding="utf-8")
    assert old in written
    file = tmp_path / "deploy.py"
    file.write_text(written.replace(old, new), encoding="utf-8")
    with inside(repository):
        pins = runpy.run_path(str(file))["DEPLOYMENTS"]
        assert main(pins, ["plan", "prod"]) == 1
        told = capsys.readouterr().err
        assert main(pins, ["--help"]) == 0
    assert told.startswith("FT-DEPLOY-10  ")
    assert said in told
    assert "hunter2" not in told


def test_all_values_of_another_kind_are_named_at_once() -> None:
    environment = Environment(work_pool=None, env={"A": 1, "B": "2"}, tags=["x"])  # type: ignore[arg-type,dict-item]  # the slips
    pins = Deployments(flows={"f": {"prod": environment}}, source=FolderSource("/srv"), timezone="UTC")
    with pytest.raises(messages.FlowOpsError) as caught:
        checked(pins)
    shown = [line.partition(": Environment(")[2] for line in str(caught.value).splitlines()[1:-2]]
    assert [line.partition(")}})")[0] for line in shown] == ["work_pool=None", "env={'A': 1}", "tags=['x']"]


def test_every_field_of_the_pins_has_a_kind_that_can_be_said_in_both_languages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def all_wrong(kind: Any) -> Any:
        return kind(**{each.name: object() for each in fields(kind)})

    right = Deployments(flows={}, source=FolderSource("/srv"), timezone="UTC")
    cases = {
        Deployments: all_wrong(Deployments),
        Environment: replace(right, flows={"f": {"prod": all_wrong(Environment)}}),
        GitSource: replace(right, source=all_wrong(GitSource)),
        FolderSource: replace(right, source=all_wrong(FolderSource)),
        Limits: replace(right, limits=all_wrong(Limits)),
        Notification: replace(right, notification=all_wrong(Notification)),
    }
    for kind, pins in cases.items():
        with pytest.raises(messages.FlowOpsError) as caught:
            checked(pins)
        for language in ("es", "en"):
            monkeypatch.setenv("FLOW_LANGUAGE", language)
            assert len(str(caught.value).splitlines()) == len(fields(kind)) + 3


def test_a_file_with_no_deployments_names_none_where_an_environment_is_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = Deployments(flows={}, source=FolderSource("/srv"), timezone="UTC")
    with inside(make_repository(tmp_path)):
        assert main(pins, ["plan", "prod"]) == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "FT-DEPLOY-01  «prod» no es un entorno ni un despliegue de este repositorio."


def test_a_plan_of_no_deployment_says_that_nothing_is_to_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    report.sum_of([], [])
    assert capsys.readouterr().out.startswith("0 ")


def test_a_request_that_fails_without_a_word_is_told_by_its_kind() -> None:
    refused = pytest.raises(messages.FlowOpsError, match=r"FT-SERVER-03  .*: ReadError\.")
    with pointing_at("http://127.0.0.1:4200/api"), refused, server.coded():
        raise httpx.ReadError("")


@pytest.mark.parametrize("command", ["run", "plan", "apply", "rollback"])
def test_an_environment_that_the_chosen_flow_does_not_have_is_told_with_those_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    root = make_repository(tmp_path, "stock-nocturno")  # a package that no other test of this process imports
    sweep = {"flow_ops.watchdog.sweep:end_stuck_runs": {"test": Environment(work_pool="pool-test")}}
    with inside(root):
        pins = runpy.run_path(str(root / "deploy.py"))["DEPLOYMENTS"]
        pins = replace(pins, flows={**pins.flows, **sweep})
        assert main(pins, [command, "test", "--flow", "stock-nocturno"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("FT-DEPLOY-01  «test --flow stock-nocturno» no es")
    assert "; hay: dev, prod.\n" in told


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
    assert "FT-DEPLOY-10  " in answer.stderr
    assert "Traceback" not in answer.stderr
