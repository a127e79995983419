"""Each recipe of docs/recipes runs as it says and has the output that it says."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, LogFilter, LogFilterFlowRunId
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from helpers.https_git import private_git_host
from helpers.support import PREFECT, process, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helpers.support import Server

pytestmark = pytest.mark.e2e

TEMPLATE = Path(__file__).resolve().parents[1]
RECIPES = {file.stem: file for file in sorted((TEMPLATE / "docs" / "recipes").glob("*.py"))}
# At each push. The others every week.
DAILY = {"hello"}
ENDS = {"Completed", "Failed", "Crashed", "Cancelled", "TimedOut"}
TOKEN = "a-token-that-opens-the-repository"  # noqa: S105
SECTION = re.compile(r"^(Prints|Logs|UI|File [\w.-]+):\n\n((?:    .*\n|\n)+)", re.MULTILINE)
# What is of the moment in a line of the log.
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(-\d\d:\d\d)?|\d\d:\d\d:\d\d\.\d{3}"
    r"|'?\b[a-z]+-[a-z]+\b'?(?= [0-9a-f-]{4,} \|)|(?<=low run ')[a-z]+-[a-z]+(?=')|(?<= )[0-9a-f-]{36}(?= \|)"
    r"|(?<= )5f2e(?= \|)|(?<=-)[0-9a-f]{3}\b"
)


@dataclass(frozen=True)
class Context:
    """Where the recipes run: a server, a pool, a private repository."""

    server: Server
    environment: dict[str, str]
    repository_url: str
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What a recipe left."""

    printed: str
    logged: str


def sections(recipe: str) -> dict[str, list[str]]:
    """Return what the recipe's docstring promises, by the place where it is to be seen."""
    text = RECIPES[recipe].read_text(encoding="utf-8").split('"""')[1]
    return {
        name: [line[4:] for line in lines.splitlines() if line.strip()]
        for name, lines in SECTION.findall(text)
    }


def timeless(line: str) -> str:
    return " ".join(MOMENT.sub("*", line).split())


@pytest.fixture(scope="module")
def context(server: Server, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("recipes")
    source = folder / "source"
    source.mkdir()
    shutil.copy(RECIPES["hello"], source)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "hello"],
        ["clone", "--quiet", "--bare", ".", str(folder / "hello.git")],
    ):
        subprocess.run(["git", *command], cwd=source, check=True)
    with private_git_host(folder, TOKEN, folder) as (address, certificate):
        environment = {
            **server.environment,
            "FLOW_PROJECT_ROOT": str(repository),
            "PYTHONPATH": str(TEMPLATE / "flow_ops" / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "custom",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "GIT_SSL_CAINFO": str(certificate),
            "GIT_TERMINAL_PROMPT": "0",
            "COLUMNS": "200",
        }
        with SyncPrefectClient(server.url) as client, temporary_settings({PREFECT_API_URL: server.url}):
            client.create_work_pool(WorkPoolCreate(name="pool-dev", type="process"), overwrite=True)
            Secret(value=SecretStr(TOKEN)).save("git-token", overwrite=True)
        yield Context(server, environment, f"{address}/hello.git", folder)


@pytest.fixture(scope="module")
def outcomes(context: Context) -> Callable[[str], Outcome]:
    """A function that runs a recipe, the first time that it is asked for."""

    def run(recipe: str) -> Outcome:
        if recipe == "human_input":
            return _answered(context)
        arguments = [context.repository_url] if recipe == "deploy_git" else []
        done = subprocess.run(
            [sys.executable, str(RECIPES[recipe]), *arguments],
            env=context.environment,
            cwd=context.folder,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Outcome(done.stdout, done.stderr)

    return functools.cache(run)


def _answered(context: Context) -> Outcome:
    """Start the recipe that waits for a person, and answer it as its docstring says."""
    log = context.folder / "human.log"
    command = [sys.executable, "-u", str(RECIPES["human_input"])]
    with process(command, log=log, environment=context.environment, cwd=context.folder) as child:
        wait_until(lambda: "Pausing flow" in log.read_text(encoding="utf-8"), seconds=90, what="the pause")
        run_id = re.findall(r"flow-run/([0-9a-f-]{36})", log.read_text(encoding="utf-8"))[0]
        subprocess.run([*command, "approve", run_id], env=context.environment, check=True)
        assert child.wait(90) == 0
    text = log.read_text(encoding="utf-8")
    return Outcome("\n".join(line for line in text.splitlines() if " | " not in line), text)


@pytest.mark.parametrize(
    "recipe",
    [recipe if recipe in DAILY else pytest.param(recipe, marks=pytest.mark.slow) for recipe in RECIPES],
)
def test_a_recipe_has_the_output_that_it_shows(
    recipe: str, outcomes: Callable[[str], Outcome], context: Context
) -> None:
    promised, outcome = sections(recipe), outcomes(recipe)
    assert promised, "its docstring shows no output"
    for place, lines in promised.items():
        if place == "Prints":
            assert outcome.printed.rstrip().splitlines()[-len(lines) :] == lines
        elif place == "UI":
            assert [line for line in _in_the_ui(context, recipe) if line in lines] == lines
        else:
            written = (
                outcome.logged
                if place == "Logs"
                else (context.server.home / "logs" / place.removeprefix("File ")).read_text(encoding="utf-8")
            )
            # Other recipes log to the same places: in this order, with whatever between.
            found = iter([timeless(line) for line in written.splitlines()])
            assert [line for line in lines if timeless(line) not in found] == []


def _in_the_ui(context: Context, recipe: str) -> list[str]:
    """Return the messages that the UI shows for the run of the recipe's flow."""
    name = re.findall(r"@flow\ndef (\w+)", RECIPES[recipe].read_text(encoding="utf-8"))[-1].replace("_", "-")
    with SyncPrefectClient(context.server.url) as client:
        run = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[name])))[0]
        return [
            log.message for log in client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        ]


@pytest.mark.slow
def test_deployed_recipes_run_on_a_worker_the_paused_one_once_it_is_answered(
    context: Context, outcomes: Callable[[str], Outcome]
) -> None:
    for recipe in ("deploy_folder", "deploy_git"):
        assert outcomes(recipe)
    names = ["hello/from-folder", "hello/from-git", "pay/on-worker"]
    subprocess.run(
        [
            *(*PREFECT, "--no-prompt", "deploy", "human_input.py:pay"),
            *("--name", "on-worker", "--pool", "pool-dev", "--param", "amount=1500"),
        ],
        cwd=RECIPES["human_input"].parent,
        env=context.environment,
        check=True,
        capture_output=True,
    )
    with SyncPrefectClient(context.server.url) as client:
        runs = [
            client.create_flow_run_from_deployment(client.read_deployment_by_name(name).id) for name in names
        ]

        def states() -> list[str | None]:
            return [client.read_flow_run(run.id).state_name for run in runs]

        worker = [*PREFECT, "worker", "start", "--pool", "pool-dev", "--no-create-pool-if-not-found"]
        log = context.folder / "worker.log"
        with process(worker, log=log, environment=context.environment, cwd=context.folder):
            wait_until(lambda: states()[2] == "Paused", seconds=300, what="the pause on the worker")
            client.resume_flow_run(runs[2].id, run_input={"approved": True, "by": "ana"})
            wait_until(lambda: set(states()) <= ENDS, seconds=300, what=f"{names} on the worker")
            assert states() == ["Completed"] * 3, log.read_text(encoding="utf-8")
    assert TOKEN not in log.read_text(encoding="utf-8")
