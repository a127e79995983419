"""From deployment to retirement: a real server, git remote and worker; then the server is asked what is true.

`tests/test_e2e.py` of a repository runs the checks, a test for each. It deploys to `prod` from a copy of the tracked
files, whose remote is a bare repository beside it. Pool, schedule and limits are those of `prod`; its variables,
parameters, job variables and notification are not used, so that no test touches what they name. What the flow needs
of them, and its Variables and Secret blocks, comes from the fixture `e2e_values`, overridden in `tests/conftest.py`.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.variables import Variable
from prefect.workers.process import ProcessWorker

from flow_ops import git, programs, project
from flow_ops.deploy import state
from flow_ops.deploy.targets import Target, targets
from flow_ops.deployment import Deployments, GitSource
from flow_ops.messages import render, text
from flow_ops.testing import EndToEndValues, deployments, next_local_runs
from flow_ops.testing.rehearsal import Rehearsal
from flow_ops.testing.server import PREFECT, WHOLE, begin, end_process, start_process
from flow_ops.testing.tracked import copy_tracked_files

ENVIRONMENT = "prod"


@dataclass
class Played:
    """What happened with one flow's deployment, told by the server."""

    target: Target
    deployment: Any = None
    again: Any = None
    run: Any = None
    next_runs: list[datetime] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.target.full_name


@dataclass
class Story:
    """What happened with all of them, and what was left at the end."""

    commit: str
    played: list[Played]
    logs: list[Any] = field(default_factory=list)
    artifacts: list[Any] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)


@contextlib.contextmanager
def told(folder: Path, values: EndToEndValues) -> Iterator[Story]:
    """Deploy, run, deploy again and retire in `folder`; yield what happened.

    Raises:
        FlowOpsError: FT-TEST-07 where a flow has parameters without a value.
    """
    checkout, remote = folder / "checkout", folder / "remote.git"
    rehearsal = Rehearsal(ENVIRONMENT, checkout.as_posix(), remote.as_uri(), values.env, values.parameters)
    pins = rehearsal.pins(deployments())
    start = begin(folder, WHOLE)
    try:
        copy_tracked_files(project.current().root, checkout)
        chosen = targets(pins, ENVIRONMENT)
        _publish(checkout, remote, chosen)
        rehearsal.write(folder / "rehearsal.json")
        url = start.wait().url
        environment = {**os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "home")}
        environment.pop("VIRTUAL_ENV", None)
        with temporary_settings(updates={PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            _fill(client, chosen, values)
            story = Story(_git(checkout, "rev-parse", "HEAD"), [Played(target) for target in chosen])
            yield _play(client, story, checkout, environment, folder)
    finally:
        start.stop()


def _play(
    client: SyncPrefectClient, story: Story, checkout: Path, environment: dict[str, str], folder: Path
) -> Story:
    def deploy(*arguments: str, hint: str = "") -> None:
        rehearsal = ["-m", "flow_ops.testing.rehearsal", str(folder / "rehearsal.json")]
        here = {**environment, "PYTHONPATH": str(checkout / "src"), "FLOW_PROJECT_ROOT": str(checkout)}
        answer = programs.run([sys.executable, *rehearsal, *arguments], checkout, environment=here)
        if answer.returncode:
            command, said = " ".join(arguments), f"{answer.stdout}{answer.stderr}"[-4000:]
            pytest.fail(f"deploy.py {command}: {answer.returncode}\n{said}\n{hint}", pytrace=False)

    with contextlib.ExitStack() as workers:
        for pool in sorted({one.target.environment.work_pool for one in story.played}):
            workers.callback(end_process, _start_worker(pool, environment, folder))
        deploy("apply", ENVIRONMENT)
        for one in story.played:
            one.deployment = client.read_deployment_by_name(one.name)
            flow = one.target.loaded.flow.name
            deploy("run", ENVIRONMENT, "--flow", flow, hint=_unused(deployments(), one.target))
    for one in story.played:
        flow_name = FlowFilterName(any_=[one.target.loaded.flow.name])
        runs = client.read_flow_runs(flow_filter=FlowFilter(name=flow_name), limit=200)
        one.run = next(run for run in runs if not run.auto_scheduled)
        scheduled = [run.expected_start_time for run in runs if run.auto_scheduled]
        one.next_runs = [moment for moment in scheduled if moment]
    story.logs = client.read_logs(limit=200)
    story.artifacts = client.read_artifacts(limit=200)
    deploy("apply", ENVIRONMENT)
    for one in story.played:
        one.again = client.read_deployment_by_name(one.name)
    deploy("retire", ENVIRONMENT, "--yes")
    runs = client.read_flow_runs(limit=200)
    coming = [run for run in runs if run.state is None or not run.state.is_final()]
    story.left = [*client.read_deployments(), *coming, *client.read_automations()]
    return story


def _unused(pins: Deployments, target: Target) -> str:
    """Return what deploy.py gives the flow and the test does not, as advice where its run fails."""
    written = pins.flows[target.loaded.entrypoint][ENVIRONMENT]
    here = target.environment
    names = [
        *(f"env[{name!r}]" for name in written.env.keys() - here.env.keys()),
        *(f"parameters[{name!r}]" for name in written.parameters.keys() - here.parameters.keys()),
        *(f"job_variables[{name!r}]" for name in written.job_variables),
    ]
    return render("FT-TEST-08", environment=ENVIRONMENT, values=", ".join(sorted(names))) if names else ""


def _start_worker(pool: str, environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    worker = [*PREFECT, "worker", "start", "--type", "process", "--pool", pool]
    quick = {**environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    return start_process(worker, folder / f"{pool}.log", quick)


def _publish(checkout: Path, remote: Path, chosen: list[Target]) -> None:
    """Make `checkout` a repository of its own and push it to the bare `remote`, to every branch that is run."""
    _git(checkout, "init", "--quiet", "--bare", str(remote))
    _git(checkout, "init", "--quiet", "--initial-branch", "main")
    _git(checkout, "add", "--all")
    identity = ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "-c", "commit.gpgsign=false"]
    _git(checkout, *identity, "commit", "--quiet", "--no-verify", "-m", "What is tracked")
    _git(checkout, "remote", "add", "origin", remote.as_uri())
    branches = {target.source.branch for target in chosen if isinstance(target.source, GitSource)}
    for branch in sorted(branches):
        _git(checkout, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")


def _fill(client: SyncPrefectClient, chosen: list[Target], values: EndToEndValues) -> None:
    """Put on the server what an administrator has put there: pools, Variables and Secret blocks."""
    template = ProcessWorker.get_default_base_job_template()
    for pool in {target.environment.work_pool for target in chosen}:
        client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
    for name, value in values.secrets.items():
        Secret(value=value).save(name)
    for name, value in values.variables.items():
        Variable.set(name, value)


def _git(folder: Path, *arguments: str) -> str:
    try:
        return git.run(folder, *arguments).strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise git.refusal(error, folder) from None


def _every_run_is_completed_on_the_server(story: Story) -> None:
    states = {one.name: one.run.state.name for one in story.played}
    assert states == dict.fromkeys(states, "Completed")


def _the_repositorys_own_log_lines_are_in_the_ui(story: Story) -> None:
    assert any(record.name.startswith(project.current().package) for record in story.logs)
    assert any("Finished in state Completed" in record.message for record in story.logs)


def _the_artifacts_are_in_the_ui(story: Story) -> None:
    sources = (project.current().root / "src" / project.current().package).rglob("*.py")
    if not any("prefect.artifacts" in file.read_text(encoding="utf-8") for file in sources):
        pytest.skip(text("test.no-artifact"))
    assert story.artifacts


def _pool_version_and_tags_are_the_ones_of_the_file(story: Story) -> None:
    tags = {f"repository:{project.current().slug}", f"environment:{ENVIRONMENT}"}
    for one in story.played:
        assert one.deployment.work_pool_name == one.target.environment.work_pool
        assert one.deployment.version == story.commit
        assert tags | {*one.target.environment.tags} <= set(one.deployment.tags)


def _every_schedule_is_in_the_pinned_timezone(story: Story) -> None:
    for one in story.played:
        zones = [schedule.schedule.timezone for schedule in one.deployment.schedules]
        assert zones == [project.current().timezone] * len(one.target.environment.schedules), one.name


def _the_scheduled_runs_are_at_the_right_local_hours(story: Story) -> None:
    about = project.current()
    # From an hour ago: one may have fallen due while the test ran.
    since = datetime.now(UTC) - timedelta(hours=1)
    for one in story.played:
        schedules = one.target.environment.schedules
        fired = [moment.astimezone(about.zone) for moment in one.next_runs]
        assert bool(fired) == bool(schedules and one.target.active), one.name
        wanted = {
            moment
            for schedule in schedules
            for moment in next_local_runs(schedule, about.timezone, after=since, count=200)
        }
        assert set(fired) <= wanted, one.name
        # And by the clock on the wall, for a cron that says no more than minute and hours.
        only = str(schedules[0]) if len(schedules) == 1 else ""
        if simple := re.fullmatch(r"(\d+) (\d+(?:,\d+)*) \* \* \*", only):
            times = {(int(hour), int(simple[1])) for hour in simple[2].split(",")}
            assert {(moment.hour, moment.minute) for moment in fired} <= times, one.name


def _a_second_apply_changes_nothing(story: Story) -> None:
    for before, after in ((one.deployment, one.again) for one in story.played):
        assert after.id == before.id
        assert [one.id for one in after.schedules] == [one.id for one in before.schedules]
        assert state.actual(after) == state.actual(before)


def _retire_leaves_nothing(story: Story) -> None:
    assert story.left == []


@dataclass(frozen=True)
class Check:
    """One thing that must be true of the story, which its function names."""

    holds: Callable[[Story], None]

    def __str__(self) -> str:
        return self.holds.__name__.removeprefix("_")


CHECKS = (
    Check(_every_run_is_completed_on_the_server),
    Check(_the_repositorys_own_log_lines_are_in_the_ui),
    Check(_the_artifacts_are_in_the_ui),
    Check(_pool_version_and_tags_are_the_ones_of_the_file),
    Check(_every_schedule_is_in_the_pinned_timezone),
    Check(_the_scheduled_runs_are_at_the_right_local_hours),
    Check(_a_second_apply_changes_nothing),
    Check(_retire_leaves_nothing),
)
