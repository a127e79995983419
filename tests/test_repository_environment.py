"""Generated repositories in environments of their own, made by uv: every tool passes before any edit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.support import CACHE, bring_bytecode
from tests.conftest import bake_into

ANSWERS = {
    "defaults": {},
    # Another language, source, area, zone with daylight saving, and the longest name that is allowed.
    "others": {
        "language": "en",
        "flow_name": "Nightly stock of every warehouse abroad",
        "area": "compras",
        "timezone": "America/New_York",
        "schedule": "15 6 * * *",
        "code_source": "local",
    },
}
# Made in the second one before anything else: all that holds for a repository holds for one with two flows.
SECOND_FLOW = "nightly-count"
# In this order: what only reads comes first, so that nothing is judged after it was fixed.
TOOLS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "pre-commit": ["pre-commit", "run", "--all-files"],
}


# The defaults at each push; what is different in the others every week.
GENERATED = ["defaults", pytest.param("others", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=GENERATED)
def generated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated repository under git, with its environment."""
    root = bake_into(tmp_path_factory.mktemp("environment"), **ANSWERS[request.param])
    commands = [["git", "init", "--quiet"], ["uv", "sync", "--quiet"]]
    if request.param == "others":
        commands.append(["uv", "run", "flow-ops", "new-flow", SECOND_FLOW])
    for command in (*commands, ["git", "add", "--all"]):
        answer = inside(root, command)
        assert answer.returncode == 0, answer.stdout
        if "sync" in command:
            bring_bytecode(root)
    return root


def history_and_settings(root: Path) -> list[str]:
    """Return what a git command of a test could change of a repository that is not its own."""
    questions = (["for-each-ref"], ["config", "--local", "--list"], ["ls-files", "--stage"])
    return [inside(root, ["git", *question]).stdout for question in questions]


def inside(root: Path, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository as a person does: nothing of this template's environment is seen."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "FLOW_PROJECT_ROOT", "PREFECT_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    # What mypy has read of Prefect in the first repository, which takes most of its time, holds in the next.
    environment |= variables
    environment["MYPY_CACHE_DIR"] = str(Path(os.environ[CACHE]) / "mypy")
    program = shutil.which(command[0])
    assert program, f"{command[0]} is not installed"
    return subprocess.run(
        [program, *command[1:]],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


def passes_and_changes_nothing(root: Path, command: list[str], **variables: str) -> None:
    before = inside(root, ["git", "status", "--porcelain"]).stdout
    answer = inside(root, ["uv", "run", *command], **variables)
    assert answer.returncode == 0, answer.stdout
    assert inside(root, ["git", "status", "--porcelain"]).stdout == before


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_passes_without_fixing_anything_first(generated: Path, tool: str) -> None:
    passes_and_changes_nothing(generated, TOOLS[tool])


@pytest.mark.environment
def test_the_types_of_its_own_modules_agree(generated: Path) -> None:
    """What they say of Prefect and its like is looked at every week."""
    passes_and_changes_nothing(generated, [*TOOLS["types"], "--follow-imports=skip"])


@pytest.mark.environment
def test_its_hooks_pass_without_fixing_anything_first(generated: Path) -> None:
    """All but that of the types, in which mypy reads Prefect for twenty seconds."""
    passes_and_changes_nothing(generated, TOOLS["pre-commit"], SKIP="mypy")


@pytest.mark.environment
def test_its_own_tests_pass_before_any_edit(generated: Path) -> None:
    passes_and_changes_nothing(generated, ["pytest"])


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("generated", ["others"], indirect=True)
def test_the_end_to_end_test_passes_and_touches_nothing_of_the_users(generated: Path) -> None:
    file = generated / "deploy.py"
    pins = file.read_text(encoding="utf-8")
    schedule = 'schedule="15 6 * * *"'
    assert pins.count(schedule) == 1
    git = 'GitSource("https://git.example.com/stock.git", branch="main", credentials_block="git-token")'
    # What a test must not touch: the database of production, written by the flow where it learns of it.
    production = generated.parent / "production.db"
    env = f'env={{"FLOW_DATABASE_URL": "sqlite:///{production}"}}'
    mixed = pins.replace(schedule, f"{schedule}, source={git}, {env}")
    file.write_text(mixed.replace("FolderSource,", "FolderSource, GitSource,"), encoding="utf-8")
    before = history_and_settings(generated)
    # As a git hook calls it: these say which repository every git command means.
    places = {"GIT_DIR": str(generated / ".git"), "GIT_INDEX_FILE": str(generated / ".git" / "index")}
    answer = inside(generated, ["uv", "run", "pytest", "-m", "e2e"], **places)
    file.write_text(pins, encoding="utf-8")
    assert answer.returncode == 0, answer.stdout
    assert "failed" not in answer.stdout
    assert history_and_settings(generated) == before
    assert not production.exists()


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("generated", ["others"], indirect=True)
def test_a_second_flow_has_a_command_of_its_own(generated: Path) -> None:
    answer = inside(generated, ["uv", "run", SECOND_FLOW, "--help"])
    assert "--limit" in answer.stdout


# What the image or the policy of a company sets for every program.
SET_BY_A_COMPANY = {
    "uv, which may neither ask an index nor lock": {
        "UV_OFFLINE": "1",
        "UV_FROZEN": "1",
        "UV_NO_PROGRESS": "1",
    },
    "uv, with the environment in another place": {"UV_PROJECT_ENVIRONMENT": ".environment"},
    "pip": {"PIP_REQUIRE_VIRTUALENV": "1", "PIP_USER": "1", "PIP_NO_INDEX": "1"},
    "Python": {
        "PYTHONOPTIMIZE": "2",
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": "default",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    },
    "an old locale": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("variables", SET_BY_A_COMPANY.values(), ids=SET_BY_A_COMPANY)
@pytest.mark.parametrize("generated", ["defaults"], indirect=True)
def test_the_flow_runs_with_what_a_company_sets_for_every_program(
    generated: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    home = {"PREFECT_HOME": str(tmp_path / "prefect"), "FLOW_LOG_DIR": str(tmp_path / "logs")}
    answer = inside(generated, ["uv", "run", "ventas-diarias"], **home, **variables)
    assert answer.returncode == 0, answer.stdout
    assert "'orders': 57" in answer.stdout
    assert "mal a propósito" in (tmp_path / "logs" / "ventas-diarias.log").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.environment
def test_a_repository_made_and_used_where_files_are_closed_to_others_works(
    tmp_path: Path,
) -> None:
    before = os.umask(0o077)
    try:
        root = bake_into(tmp_path)
        answer = inside(root, ["uv", "run", "pytest"])
    finally:
        os.umask(before)
    assert answer.returncode == 0, answer.stdout


# What a newcomer writes on the first day: no types, a library that has none, a secret in a test.
FIRST_MODULE = """
import openpyxl
from prefect import task


@task
def sheets(file):
    book = openpyxl.load_workbook(file)
    return book.sheetnames
"""
FIRST_TEST = """
from flow_ops.secrets import secret


def test_the_password_is_read(secrets):
    secrets["erp-password"] = "a-long-invented-password-1"
    assert secret("erp-password").startswith("a-long")
"""
BUGS = {
    "F821": "print(undefined_name)",
    "DTZ005": "from datetime import datetime\nNOW = datetime.now()",
    "B006": "def collect(rows=[]):\n    return rows",
}


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("generated", ["others"], indirect=True)
def test_a_newcomers_first_commit_is_let_through_and_bugs_are_not(generated: Path) -> None:
    (package,) = (folder for folder in (generated / "src").iterdir() if (folder / "flow.py").is_file())
    for file, text in {
        package / "first.py": FIRST_MODULE,
        generated / "tests" / "test_first.py": FIRST_TEST,
    }.items():
        file.write_text(text.lstrip(), encoding="utf-8")
    for command in (["uv", "add", "--quiet", "openpyxl"], ["git", "add", "--all"]):
        answer = inside(generated, command)
        assert answer.returncode == 0, answer.stdout
    answer = inside(generated, ["uv", "run", "pre-commit", "run", "--all-files"])
    assert answer.returncode == 0, answer.stdout
    (package / "first.py").write_text("\n\n".join(BUGS.values()) + "\n", encoding="utf-8")
    found = inside(generated, ["uv", "run", "ruff", "check", "--output-format", "concise"])
    assert [code for code in BUGS if code not in found.stdout] == []


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("generated", ["defaults"], indirect=True)
def test_an_editors_type_checker_finds_nothing_in_what_the_team_owns(generated: Path) -> None:
    python = generated / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pyright = [
        "uv",
        "run",
        "--no-project",
        "--with",
        "pyright>=1.1.400",
        "pyright",
        "--pythonpath",
        str(python),
    ]
    answer = inside(generated, [*pyright, "src", "tests", "deploy.py", "vendor/flow_ops/src"])
    assert "0 errors" in answer.stdout, answer.stdout


# --- what the README says of a refused commit

REFUSED = """from datetime import datetime
from pathlib import Path
import os
import absent_library
from prefect import task


def now( names=[] ):
    return datetime.now(), undefined, absent_library


def length(text: str) -> int:
    unused = 1
    found = Path(text).parent if text else None
    text = 1
    print(found.name)
    return text * "2"


@task
def read(rows: int) -> int:
    return rows


length(3)
read("3")
"""
PRIVATE = 'PASSWORD = "kd93-Pw0e-4Jxz"\n'


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("generated", ["defaults"], indirect=True)
def test_a_refused_commit_says_what_the_readme_explains(generated: Path) -> None:
    page = (generated / "README.md").read_text(encoding="utf-8")
    table = page.partition("## Cuando git rechaza el commit")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    explained = re.findall(r"`(.+?)`", " ".join(cells))
    assert len(explained) == 13
    file = generated / "src" / "ventas_diarias" / "first.py"
    file.write_text(REFUSED, encoding="utf-8")
    secret = file.with_name("second.py")
    secret.write_text(PRIVATE, encoding="utf-8")
    try:
        inside(generated, ["git", "add", "--all"])
        said = inside(generated, ["uv", "run", "ruff", "check", "--output-format", "concise"]).stdout
        said += inside(generated, ["uv", "run", "mypy"]).stdout
        hooks = inside(generated, ["uv", "run", "pre-commit", "run", "--all-files"]).stdout
    finally:
        file.unlink()
        secret.unlink()
        inside(generated, ["git", "add", "--all"])
    assert [code for code in explained if code not in said + hooks] == []
    assert "files were modified by this hook" in hooks


# --- the sample replaced, by a flow with a library, a secret and a variable

OWN_FLOW = {
    "src/ventas_diarias/flow.py": {
        "from flow_ops.command_line": "import pandas as pd\nfrom flow_ops.command_line",
        "import get_logger\n": "import get_logger\nfrom flow_ops.secrets import secret, variable\n",
        'return ["first", "second", "third"][:limit]': """server, password = variable("sql-server", str), secret("sql-password")
    logger.info("reading from %s with a password of %d letters", server, len(password))
    return pd.Series(["first", "second", "third"]).head(limit).to_list()""",
    },
    "tests/test_flow.py": {
        "import pytest\n": "from typing import Any\n\nimport pytest\n",
        "def test_no_more": """@pytest.fixture(autouse=True)
def _values(secrets: dict[str, Any], variables: dict[str, Any]) -> None:
    secrets["sql-password"] = "a-long-invented-password-1"
    variables["sql-server"] = "localhost"


def test_no_more""",
    },
    "tests/conftest.py": {
        "pytest_plugins": "import pytest\nfrom flow_ops.testing import EndToEndValues\n\npytest_plugins",
        '["flow_ops.testing"]\n': """["flow_ops.testing"]


@pytest.fixture(scope="session")
def e2e_values() -> EndToEndValues:
    return EndToEndValues(
        variables={"sql-server": "localhost"}, secrets={"sql-password": "a-long-invented-password-1"}
    )
""",
    },
}


@pytest.fixture(scope="module")
def replaced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository where a flow of the team's own took the place of the sample."""
    root = bake_into(tmp_path_factory.mktemp("replaced"))
    committer = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet"]
    for command in (
        ["git", "init", "--quiet"],
        ["uv", "sync", "--quiet"],
        ["git", "add", "--all"],
        [*committer, "--message", "First version"],
        ["uv", "run", "flow-ops", "new-flow", SECOND_FLOW, "--replace-sample"],
        ["uv", "run", SECOND_FLOW, "--help"],
        ["git", "add", "--all"],
    ):
        answer = inside(root, command)
        assert answer.returncode == 0, answer.stdout
    return root


@pytest.mark.slow
@pytest.mark.environment
@pytest.mark.parametrize("tool", [*TOOLS.values(), ["pytest"]], ids=[*TOOLS, "tests"])
def test_a_repository_without_its_sample_is_green(replaced: Path, tool: list[str]) -> None:
    passes_and_changes_nothing(replaced, tool)


@pytest.mark.slow
@pytest.mark.environment
def test_nothing_speaks_of_the_sample_where_it_was_replaced(replaced: Path) -> None:
    """Nothing of the team's, that is, but the record of which files an update leaves alone."""
    named = ("*.md", "*.py", "pyproject.toml", "src/**/*.py", "tests/*.py")
    files = [file for pattern in named for file in replaced.glob(pattern)]
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    texts["pyproject.toml"] = texts["pyproject.toml"].partition("skip = [")[0]
    words = ("tasks.py", "orders", "summar", "branch:", "sqlalchemy", "pydantic>", "uv run ventas-diarias")
    assert [f"{name}: {word}" for name, text in texts.items() for word in words if word in text] == []


@pytest.mark.slow
@pytest.mark.environment
def test_a_flow_with_a_library_a_secret_and_a_variable_is_green_and_completes_on_a_worker(
    replaced: Path,
) -> None:
    for name, edits in OWN_FLOW.items():
        text = (replaced / name).read_text(encoding="utf-8")
        for old, new in edits.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        (replaced / name).write_text(text, encoding="utf-8")
    for command in (
        ["uv", "add", "--quiet", "pandas"],
        ["git", "add", "--all"],
        ["uv", "run", "pre-commit", "run", "--all-files"],
        ["uv", "run", "pytest"],
        ["uv", "run", "pytest", "-m", "e2e"],
    ):
        answer = inside(replaced, command)
        assert answer.returncode == 0, answer.stdout
