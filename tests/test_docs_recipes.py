"""Each recipe of docs/recipes runs as it says and has the output that it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.https_git import private_git_host
from helpers.support import PREFECT, process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.support import Server

pytestmark = pytest.mark.e2e

TEMPLATE = Path(__file__).resolve().parents[1]
RECIPES = {file.stem: file for file in sorted((TEMPLATE / "docs" / "recipes").glob("*.py"))}
ENDS = {"Completed", "Failed", "Crashed", "Cancelled", "TimedOut"}
TOKEN = "a-token-that-opens-the-repository"  # noqa: S105
SECTION = re.compile(r"^(Prints|Logs|UI|File [\w.-]+):\n\n((?:    .*\n|\n)+)", re.MULTILINE)
# What is of the moment in a line of the log.
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(-\d\d:\d\d)?|\d\d:\d\d:\d\d\.\d{3}"
    r"|'?\b[a-z]+-[a-z]+\b'?(?= [0-9a-f-]{4,} \|)|(?<=run ')[a-z]+-[a-z]+(?=')|(?<= )[0-9a-f-]{36}(?= \|)"
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


def get_client_of(context: Context) -> Any:
    """Return a client of the server; Prefect is imported by whoever asks for it."""
    from prefect.client.orchestration import SyncPrefectClient  # noqa: PLC0415

    return SyncPrefectClient(context.server.url)


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
        subprocess.run(
            [*PREFECT, "work-pool", "create", "pool-dev", "--type", "process", "--overwrite"],
            env=environment,
            check=True,
            capture_output=True,
        )
        block = f"from prefect.blocks.system import Secret; Secret(value={TOKEN!r}).save('git-token')"
        subprocess.run([sys.executable, "-c", block], env=environment, check=True)
        yield Context(server, environment, f"{address}/hello.git", folder)


@pytest.fixture(scope="module")
def outcomes(context: Context) -> dict[str, Outcome]:
    """Run every recipe, two at a time."""

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

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(RECIPES, pool.map(run, RECIPES), strict=True))


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


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_has_the_output_that_it_shows(
    recipe: str, outcomes: dict[str, Outcome], context: Context
) -> None:
    promised = sections(recipe)
    assert promised, "its docstring shows no output"
    for place, lines in promised.items():
        if place == "Prints":
            assert outcomes[recipe].printed.rstrip().splitlines()[-len(lines) :] == lines
        elif place == "UI":
            assert [line for line in _in_the_ui(context, recipe) if line in lines] == lines
        else:
            written = (
                outcomes[recipe].logged
                if place == "Logs"
                else (context.server.home / "logs" / place.removeprefix("File ")).read_text(encoding="utf-8")
            )
            # Other recipes log to the same places: in this order, with whatever between.
            found = iter([timeless(line) for line in written.splitlines()])
            assert [line for line in lines if timeless(line) not in found] == []


def _in_the_ui(context: Context, recipe: str) -> list[str]:
    """Return the messages that the UI shows for the run of the recipe's flow."""
    from prefect.client.schemas.filters import (  # noqa: PLC0415
        FlowFilter,
        FlowFilterName,
        LogFilter,
        LogFilterFlowRunId,
    )

    name = re.findall(r"@flow\ndef (\w+)", RECIPES[recipe].read_text(encoding="utf-8"))[-1].replace("_", "-")
    with get_client_of(context) as client:
        run = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[name])))[0]
        return [
            log.message for log in client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        ]


@pytest.mark.slow
def test_deployed_recipes_run_on_a_worker_the_paused_one_once_it_is_answered(
    context: Context, outcomes: dict[str, Outcome]
) -> None:
    assert outcomes
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
    with get_client_of(context) as client:
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
