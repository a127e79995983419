"""Breaking a rule on purpose, in a repository, fails the one test that explains it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flow_ops import new_flow
from flow_ops.messages import FlowOpsError, catalogue
from flow_ops.testing import deployments, rules, sources
from helpers.repositories import lock, make_repository
from helpers.workshop import inside

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = "src/ventas_diarias"


@dataclass(frozen=True)
class Break:
    """One change to one file that breaks one rule."""

    rule: str
    code: str
    file: str
    old: str
    new: str
    places: int = 1


FLOW, DEPLOY, PYPROJECT = f"{PACKAGE}/flow.py", "deploy.py", "pyproject.toml"
END = '\n\nif __name__ == "__main__":'
# Where code is put into the flow's module, below its imports.
APPENDED = "HERE = Path(__file__).parent"
SUBMITS = f"def late():\n    load.submit([])\n\n\n{APPENDED}"
READS = f"""from flow_ops.secrets import variable

try:
    LIMIT = variable('limit')
except Exception:
    pass
{APPENDED}"""
REFUSED = "nothing_in_deploy_py_would_be_refused"
BREAKS = [
    Break("names_agree_everywhere", "FT-RULE-01", FLOW, 'name="ventas-diarias"', 'name="ventas"'),
    Break(
        "names_agree_everywhere",
        "FT-RULE-01",
        "deploy.py",
        "src/ventas_diarias/flow.py:",
        "ventas_diarias.flow:",
    ),
    Break("names_agree_everywhere", "FT-RULE-01", PYPROJECT, '"ventas-diarias" = ', '"ventas" = '),
    Break(
        "entrypoints_load_from_the_tracked_files_alone",
        "FT-RULE-02",
        ".gitignore",
        "build/\n",
        "build/\ntasks.py\n",
    ),
    Break("every_flow_has_a_timeout", "FT-RULE-03", FLOW, ", timeout_seconds=600", ""),
    Break(
        "every_flow_has_a_description",
        "FT-RULE-04",
        FLOW,
        '    """Load the orders of one branch."""\n',
        "",
    ),
    Break(
        "no_future_is_left_unresolved",
        "FT-RULE-06",
        FLOW,
        APPENDED,
        f"def late():\n    load.submit([])\n\n\n{APPENDED}",
    ),
    Break(
        "no_block_or_variable_is_read_at_import",
        "FT-RULE-07",
        FLOW,
        APPENDED,
        READS,
    ),
    Break(
        "no_file_path_is_relative", "FT-RULE-09", FLOW, APPENDED, f'OUT = Path("out/report.csv")\n{APPENDED}'
    ),
    # The first, as the lock file tells of it too.
    Break(
        REFUSED,
        "FT-RULE-10",
        PYPROJECT,
        'flow-ops = { path = "vendor/flow_ops", editable = true }\n',
        "",
    ),
    Break(REFUSED, "FT-RULE-10", DEPLOY, "30 1,13,17 * * *", "30 1,13,47 * * *"),
    Break(REFUSED, "FT-RULE-10", DEPLOY, "America/Argentina/Buenos_Aires", "UTC"),
    Break(REFUSED, "FT-RULE-10", DEPLOY, '"pool-prod"', '"pool-dev"'),
    Break(
        REFUSED,
        "FT-RULE-10",
        DEPLOY,
        'work_pool="pool-dev"',
        'work_pool="pool-dev", parameters={"sinse": None}',
    ),
    Break(
        REFUSED,
        "FT-RULE-10",
        DEPLOY,
        'work_pool="pool-dev"',
        'work_pool="pool-dev", env={"PATH": "/bin"}',
    ),
    Break(
        REFUSED,
        "FT-RULE-10",
        DEPLOY,
        'GitSource("https://git.example.com/ventas-diarias.git", ',
        'GitSource("http://git.example.com/ventas-diarias.git", credentials_block="git-token", ',
    ),
    Break(
        "deploy_py_does_nothing_when_it_is_imported", "FT-RULE-14", DEPLOY, END, f'\nprint("deploying"){END}'
    ),
    Break(
        "no_secret_is_passed_as_a_parameter",
        "FT-RULE-17",
        FLOW,
        APPENDED,
        f"from prefect import task\n\n\n@task\ndef read(key: str) -> None: ...\n\n\ndef late():\n    read(secret('erp'))\n\n\n{APPENDED}",
    ),
    Break(
        "the_lock_file_is_committed", "FT-LOCK-01", ".gitignore", "build/\n", "build/\nuv.lock\n", places=0
    ),
]


def change(root: Path, broken: Break) -> None:
    file = root / broken.file
    text = file.read_text(encoding="utf-8")
    assert broken.old in text, f"{broken.file} has no {broken.old!r} any more"
    file.write_text(text.replace(broken.old, broken.new, 1), encoding="utf-8")


def failed_rules(root: Path) -> tuple[dict[str, int], str]:
    """Run the rules; return how many places each failed one names, by test and code, and the whole output."""
    for command in (["init"], ["rm", "-r", "--cached", "--ignore-unmatch", "."], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "FLOW_LANGUAGE": "en"}
    environment["FLOW_PROJECT_ROOT"] = str(root)
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests/test_rules.py"],
        cwd=root,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    output = answer.stdout + answer.stderr
    reports = re.split(r"^_+ test_rule\[(\w+)\] _+\n", output, flags=re.MULTILINE)[1:]
    failed = {}
    for name, report in zip(reports[::2], reports[1::2], strict=True):
        places = re.findall(r"^    \S.*$", report, re.MULTILINE)
        failed[f"{name} {report.split(maxsplit=1)[0]}"] = len(places)
    return failed, output


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that breaks no rule."""
    root = make_repository(tmp_path_factory.mktemp("sound"))
    lock(root)
    return root


@pytest.fixture
def copied(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(sound, tmp_path / sound.name))


# All rules at once, then those that can be broken in a second way: each run starts Prefect twice, and a rule
# that also noticed the break of another would name a place more.
FIRST = {broken.rule: broken for broken in reversed(BREAKS)}
ROUNDS = [list(FIRST.values()), [broken for broken in BREAKS if broken not in FIRST.values()]]


# Broken in the second round, and set aside with its reason.
SET_ASIDE = FIRST["every_flow_has_a_timeout"]
REASON = "It runs for days."


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("breaks", ROUNDS, ids=["every-rule", "in-another-way-and-one-set-aside"])
def test_a_broken_rule_fails_the_one_test_that_explains_it(copied: Path, breaks: list[Break]) -> None:
    for broken in breaks:
        change(copied, broken)
    if SET_ASIDE not in breaks:
        change(copied, SET_ASIDE)
        with (copied / PYPROJECT).open("a", encoding="utf-8") as file:
            file.write(f'\n[tool.flow-ops.exceptions]\n{SET_ASIDE.rule} = "{REASON}"\n')
    failed, output = failed_rules(copied)
    expected = Counter[str]()
    for broken in breaks:
        expected[f"{broken.rule} {broken.code}"] += broken.places
    assert failed == expected, output
    for broken in breaks:
        assert output.count(catalogue("en")[broken.code]["do"]) == 1
    assert (REASON in output) is (SET_ASIDE not in breaks)


@pytest.mark.parametrize(
    "line",
    ['every_flow_has_a_timeot = "It runs for days."', 'every_flow_has_a_timeout = " "'],
    ids=["name", "reason"],
)
def test_an_exception_without_a_rule_of_that_name_or_without_a_reason_is_a_broken_rule(
    copied: Path, line: str
) -> None:
    with (copied / PYPROJECT).open("a", encoding="utf-8") as file:
        file.write(f"\n[tool.flow-ops.exceptions]\n{line}\n")
    (rule,) = (rule for rule in rules.RULES if rule.name == "exceptions_give_a_reason")
    with inside(copied), pytest.raises(pytest.fail.Exception, match="FT-TEST-06"):
        rule.check()


def test_what_plan_only_warns_of_breaks_no_rule(copied: Path) -> None:
    change(copied, Break(REFUSED, "FT-RULE-10", DEPLOY, "30 1,13,17 * * *", "* * * * *"))
    # In a process of its own: the rule imports the repository's package.
    code = (
        f"from flow_ops.testing import rules; next(r for r in rules.RULES if r.name == {REFUSED!r}).check()"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=copied,
        env={**os.environ, "FLOW_PROJECT_ROOT": str(copied)},
        check=True,
    )


def test_every_rule_is_broken_here_on_purpose() -> None:
    written = {rule.name for rule in rules.RULES}
    # Broken above, and in test_updates.py.
    elsewhere = {"exceptions_give_a_reason", "nobody_changed_the_vendored_library"}
    assert written - elsewhere == {broken.rule for broken in BREAKS}


# --- what the searches find, and what they leave alone


def found(search: sources.Search, code: str) -> int:
    return len(list(search(ast.parse(code))))


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    t.submit(1)",
        "def f():\n    [t.submit(x) for x in xs]",
        "def f():\n    a = t.submit(1)",
        "def f():\n    a = t.map(xs)\n    wait(a)",
        "def f():\n    a = t.submit(1)\n    a.wait()",
        "def f():\n    if x:\n        t.submit(1)",
        "async def f():\n    await t.submit(1)",
    ],
)
def test_a_future_that_nobody_asks_is_found(code: str) -> None:
    assert found(sources.unresolved_futures, code) == 1


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return t.submit(1)",
        "def f():\n    t.submit(1).result()",
        "def f():\n    a = t.submit(1)\n    return a.result()",
        "def f():\n    a = t.map(xs)\n    wait(a)\n    return a.result()",
        "def f():\n    a = [t.submit(x) for x in xs]\n    return [b.result() for b in a]",
        "def f():\n    a = t.submit(1)\n    def g():\n        return a\n    return g",
        "def f():\n    a = t.submit(1)\n    u(a)",
        "def f():\n    for b in t.map(xs):\n        b.result()",
    ],
)
def test_a_future_that_is_asked_is_left_alone(code: str) -> None:
    assert found(sources.unresolved_futures, code) == 0


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("from prefect.variables import Variable\nX = Variable.get('x')", 1),
        ("from prefect.blocks.system import Secret\ndef f(x=Secret.load('x')): ...", 1),
        ("from prefect_sqlalchemy import SqlAlchemyConnector as C\nclass A:\n    c = C.load('x')", 1),
        ("from flow_ops.secrets import secret\nX = secret('x').strip()", 1),
        ("from flow_ops.secrets import secret\ndef f():\n    return secret('x')", 0),
        ("from flow_ops.secrets import secret\nf = lambda: secret('x')", 0),
        ("from prefect.variables import Variable\nif __name__ == '__main__':\n    Variable.get('x')", 0),
        ("import json\nX = json.load(file)\nY = {}.get('x')", 0),
    ],
)
def test_reads_at_import_are_told_from_reads_in_a_run(code: str, count: int) -> None:
    assert found(sources.reads_at_import, code) == count


TASK = "@task(retries=2)\ndef load(key): ...\n"


@pytest.mark.parametrize(
    ("code", "count"),
    [
        (f"{TASK}def f():\n    load(secret('erp'))", 1),
        (f"{TASK}def f():\n    key = secret('erp')\n    load.submit(key=key)", 1),
        (f"{TASK}async def f():\n    load(await asecret('erp'))", 1),
        (f"@flow\ndef main(key): ...\n{TASK}def f():\n    main(secret('erp'))\n    load(1)", 1),
        (f"{TASK}def f():\n    load(f'Bearer {{secret(1)}}')", 1),
        (f"{TASK}def f():\n    load.map([secret('erp')])", 1),
        (f"{TASK}def f():\n    load({{'key': Secret.load('erp').get()}})", 1),
        ("from team import tasks\ndef f():\n    tasks.send.submit(secret('erp').strip())", 1),
        ("from team.tasks import send\ndef f():\n    send(secret('erp'))", 1),
        (
            "from prefect.deployments import run_deployment\nrun_deployment('a/b', parameters={'k': secret('erp')})",
            1,
        ),
        (
            "from team import tasks\ndef f(db):\n    db.send(secret('erp'))\n    tasks.connect(secret('erp'))",
            0,
        ),
        (f"{TASK}def f():\n    load(connect(secret('erp')))", 0),
        (f"{TASK}def f():\n    connect(secret('erp'))\n    load('sur')", 0),
        ("@task\ndef load(branch):\n    key = secret('erp')\n    return connect(key, branch)", 0),
    ],
)
def test_a_secret_that_a_task_or_flow_is_given_is_told_from_one_that_is_used(code: str, count: int) -> None:
    assert found(partial(sources.secrets_as_parameters, runs={"send"}), code) == count


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("open('out.txt', 'w')", 1),
        ("Path('data')", 1),
        ("Path.cwd()", 1),
        ("pd.read_csv('data/orders.csv')", 1),
        ("open(f'data/{day}.csv')", 1),
        ("open('/srv/out.txt')", 0),
        ("open(r'C:\\data\\out.txt')", 0),
        ("Path(__file__).parent / Path('data')", 0),
        ("Path(__file__).parent / 'data'", 0),
        ("pd.read_csv('https://example.com/a.csv')", 0),
        ("pd.read_sql('select 1 from t.x', engine)", 0),
        ("pd.to_datetime('2026-01-01')", 0),
        ("frame.to_parquet('out.parquet')", 1),
        ("frame.write_database('staging.ventas', uri)", 0),
        ("read_table('softland.articulos')", 0),
        ("frame.to_sql('dbo.ventas', engine)", 0),
        ("series.to_period('Q.DEC')", 0),
        ("open(f'{folder}/x.csv')", 0),
    ],
)
def test_relative_paths_are_told_from_absolute_ones(code: str, count: int) -> None:
    assert found(sources.relative_paths, code) == count


def test_a_line_is_let_through_by_a_comment_that_names_the_rule(copied: Path) -> None:
    with (copied / FLOW).open("a", encoding="utf-8") as file:
        file.write("\nopen('a.txt')  # allow: FT-RULE-09, it is the worker's own folder\nopen('b.txt')\n")
    with inside(copied):
        (place,) = sources.places(sources.relative_paths, "FT-RULE-09")
    assert "b.txt" in place


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(3)\n", "ends the program (status 3)."),
        ("PINS = None\n", "defines no DEPLOYMENTS."),
        ("PINS = None\nimport pandsa\n", "No module named 'pandsa' (deploy.py:2)."),
        ("DEPLOYMENTS = (\n", "SyntaxError: '(' was never closed"),
    ],
    ids=["ends", "none", "fails", "is-no-python"],
)
@pytest.mark.parametrize(
    "read", [deployments, partial(new_flow.add, "night-sales")], ids=["tests", "new-flow"]
)
def test_a_deploy_py_that_gives_no_deployments_is_a_coded_message_that_says_why(
    copied: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str, read: Callable[[], object]
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    (copied / DEPLOY).write_text(text, encoding="utf-8")
    with inside(copied), pytest.raises(FlowOpsError, match="FT-DEPLOY-09") as refused:
        read()
    assert reason in str(refused.value)
