"""The command line of `deploy.py`: plan, apply, run, rollback, status, retire, doctor."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from cyclopts import App, Parameter
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse

from flow_ops import arguments, flow_parameters, screen, updates, watchdog
from flow_ops.deploy import checks, planning, report, rollback, runs, server, source, state
from flow_ops.deploy.pins import Deployments, GitSource, checked
from flow_ops.deploy.planning import Choice, Plan
from flow_ops.deploy.targets import Target, environment_names, targets
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, nearest, text

DIFFERENT = 2
# Schedules made by hand, and a deployment that was rolled back.
_STOPS_APPLY_ALONE = ("FT-SCHED-03", "FT-BACK-04")

AnyEnvironment = Annotated[str | None, Parameter(help="@deploy.environment")]
OneEnvironment = Annotated[str, Parameter(help="@deploy.one-environment")]
OneFlow = Annotated[str | None, Parameter(help="@deploy.flow")]
AsJson = Annotated[bool, Parameter(help="@deploy.json")]
Everything = Annotated[bool, Parameter(name="--all", help="@deploy.all")]
Yes = Annotated[bool, Parameter(help="@deploy.yes")]
FlowParameters = Annotated[str, Parameter(help="@deploy.parameters")]
AS_THEY_ARE = Choice()


def run(deployments: Deployments, tokens: list[str]) -> int:
    return arguments.execute(_command_line(_Commands(deployments)), tokens)


def _command_line(commands: _Commands) -> App:
    made = arguments.app("deploy.py", "@deploy.help")
    for name in ("plan", "apply", "run", "rollback", "status", "retire", "doctor"):
        made.command(getattr(commands, name), help=f"@{name}.help")
    return made


@dataclass(frozen=True)
class _Commands:
    written: Deployments

    @cached_property
    def deployments(self) -> Deployments:
        """What is written, checked where a command asks for it: help is shown of any."""
        return checked(self.written)

    def plan(
        self,
        environment: AnyEnvironment = None,
        /,
        *,
        flow: OneFlow = None,
        json: AsJson = False,
        everything: Everything = False,
        schedules: Choice = AS_THEY_ARE,
    ) -> int:
        schedules.check("deploy.py plan")
        with _prepared(self.deployments, environment, flow, schedules) as (found, plans, _):
            if json:
                report.plans_as_json(plans, found)
            else:
                report.plans(plans, everything=everything)
                report.problems(found)
                report.sum_of(plans, found)
            # Here they are a difference like any other.
            if any(checks.stops(problem) and problem.code not in _STOPS_APPLY_ALONE for problem in found):
                return 1
            return DIFFERENT if any(plan.changes for plan in plans) else 0

    def apply(
        self,
        environment: OneEnvironment,
        /,
        *,
        flow: OneFlow = None,
        everything: Everything = False,
        forward: Annotated[bool, Parameter(help="@deploy.forward")] = False,
        schedules: Choice = AS_THEY_ARE,
    ) -> int:
        schedules.check("deploy.py apply")
        prepared = _prepared(self.deployments, environment, flow, schedules, forward=forward)
        with prepared as (found, plans, client):
            stopped = client is None or any(checks.stops(problem) for problem in found)
            # Of many, each that is written is named as it is.
            many = report.are_many(plans, everything=everything)
            if stopped or not many:
                report.plans(plans, everything=everything)
            report.problems(found)
            if client is None or stopped:
                report.refused(found)
                return 1
            for plan in plans:
                deployment = planning.apply(client, plan)
                report.applied(plan, deployment, many=many)
                with report.waiting(text("apply.waiting")):
                    first = planning.first_run(client, plan, deployment.id)
                if not many:
                    report.first_run(first)
            if many:
                report.paused([(plan.target, plan.file) for plan in plans], many=True)
                report.sum_applied(plans)
        return 0

    def run(
        self, environment: OneEnvironment, /, *, flow: OneFlow = None, **parameters: FlowParameters
    ) -> int:
        target = self._one_target(environment, flow, "deploy.py run")
        given = flow_parameters.read(
            target.loaded.flow,
            parameters,
            given=target.environment.parameters.keys(),
            command=f"deploy.py run {environment}",
        )
        with _connected() as client:
            deployment = _deployed(client, target)
            # What the worker will not get, as it is what somebody may be trying; and that there is none.
            pinned = list(rollback.problems(target, state.actual(deployment)))
            code = pinned or _waited_for(lambda: checks.code([target]))
            for problem in [*code, *checks.pools(client, [target])]:
                screen.problem(problem, stops=False)
            return _run(client, target, deployment, given)

    def rollback(
        self,
        environment: OneEnvironment,
        /,
        *,
        flow: OneFlow = None,
        to: Annotated[str | None, Parameter(help="@rollback.to")] = None,
        run: Annotated[bool, Parameter(help="@rollback.run")] = False,
    ) -> int:
        if run:
            chosen = [self._one_target(environment, flow, "deploy.py rollback")]
        else:
            chosen = targets(self.deployments, environment, flow)
        with _connected() as client:
            # All are found before one is written.
            moves = [rollback.find(client, target, _deployed(client, target), to) for target in chosen]
            for move in moves:
                rollback.pin(client, move)
                report.rolled_back(move)
            return _run(client, chosen[0], _deployed(client, chosen[0]), {}) if run else 0

    def _one_target(self, environment: str, flow: str | None, command: str) -> Target:
        chosen = targets(self.deployments, environment, flow)
        if len(chosen) > 1:
            known = ", ".join(target.loaded.flow.name for target in chosen)
            raise arguments.wrong("flow-missing", command, known=known)
        return chosen[0]

    def status(self, *, flow: OneFlow = None, json: AsJson = False) -> int:
        chosen = targets(self.deployments, flow=flow)
        with _connected() as client:
            rows = [planning.status(client, target) for target in chosen]
            others = server.unnamed(client, targets(self.deployments))
        if json:
            document = [report.status_document(row) for row in rows]
            report.as_json({"deployments": document, "not_in_the_file": sorted(others)})
        else:
            report.status(rows)
            report.problems(checks.unnamed(others))
        return 0

    def retire(self, environment: OneEnvironment, /, *, flow: OneFlow = None, yes: Yes = False) -> int:
        with _connected() as client:
            found = _to_retire(client, self.deployments, environment, flow)
            for name, deployment in found.items():
                unended = server.unended_runs(client, deployment.id) if deployment else []
                coming = sum(map(runs.is_coming, unended))
                going = len(unended) - coming
                to_do = "retire.to-do" if deployment else "retire.left"
                screen.line(text(to_do, name=name, coming=coming, going=going))
            if not (yes or arguments.confirmed(text("retire.ask"))):
                screen.line(text("retire.left-alone"))
                return 1
            for name, deployment in found.items():
                runs.retire(client, deployment, name)
                screen.line(text("retire.done", name=name))
        return 0

    def doctor(self, environment: AnyEnvironment = None, /, *, flow: OneFlow = None) -> int:
        stopped = False
        for title, check in _checks(self.deployments, environment, flow):
            found = list(check)
            report.checked(title, found)
            stopped = stopped or any(checks.stops(problem) for problem in found)
        return 1 if stopped else 0


@contextlib.contextmanager
def _connected() -> Iterator[SyncPrefectClient]:
    """Yield a client of the server, as `server.connect`, and show that it is waited for."""
    with contextlib.ExitStack() as opened:
        with report.waiting(text("server.waiting", url=without_credentials(server.api_url()))):
            client = opened.enter_context(server.connect())
        yield client


@contextlib.contextmanager
def _prepared(
    deployments: Deployments,
    environment: str | None,
    flow: str | None,
    choice: Choice,
    *,
    forward: bool = False,
) -> Iterator[tuple[list[FlowOpsError], list[Plan], SyncPrefectClient | None]]:
    """Yield every problem that can be found without writing, the plans that can be made in spite of them, a client.

    The client is None where the server cannot be reached.
    """
    try:
        chosen = targets(deployments, environment, flow)
    except FlowOpsError as problem:
        yield [problem], [], None
        return
    found = [*checks.repository(deployments), *(p for target in chosen for p in checks.pins(target))]
    plannable = not any(checks.stops(problem) for problem in found)
    with contextlib.ExitStack() as opened:
        # The remote repository and the server are asked at the same time.
        threads = opened.enter_context(ThreadPoolExecutor(max_workers=1))
        code = threads.submit(lambda: list(checks.code(chosen)))
        try:
            client = opened.enter_context(_connected())
            with server.coded():
                on_server = [*checks.server_side(client, chosen)]
                plans = [planning.make(client, t, choice) for t in chosen] if plannable else []
                on_server += [problem for plan in plans for problem in plan.problems(forward=forward)]
                on_server += checks.unnamed(server.unnamed(client, targets(deployments)))
        except FlowOpsError as problem:
            yield [*found, *_waited_for(code.result), problem], [], None
        else:
            yield [*found, *_waited_for(code.result), *on_server], plans, client


def _waited_for(code: Callable[[], Iterable[FlowOpsError]]) -> list[FlowOpsError]:
    """Return what is found of the code, and show that the remote repository is waited for."""
    with report.waiting(text("git.waiting")):
        return list(code())


def _run(
    client: SyncPrefectClient, target: Target, deployment: DeploymentResponse, given: dict[str, Any]
) -> int:
    """Start a run and follow it to its end; return the exit status of one that completed, or was left alone."""
    started = runs.start(client, target, deployment, given)
    report.started(started)
    try:
        with report.waiting(text("run.waiting", pool=deployment.work_pool_name)) as taken:
            ended = runs.follow(client, started.id, taken)
    except KeyboardInterrupt:
        screen.line(text("run.goes-on"))
        return arguments.INTERRUPTED
    if ended.is_cancelled():
        raise FlowOpsError("FT-RUN-02", reason=ended.message or "-")
    # Until its flow is reached the worker takes the code and makes its environment.
    if ended.is_crashed() and not any(each.is_running() for each in client.read_flow_run_states(started.id)):
        if source.has_library_step() and runs.failed_step(client, started.id) == source.LIBRARY_STEP:
            raise source.library_problem()
        if module := runs.missing_module(client, started.id):
            raise FlowOpsError("FT-RUN-06", module=module)
        for problem in checks.folders([target]):
            screen.problem(problem, stops=False)
        raise FlowOpsError("FT-RUN-03", reason=ended.message or "-", place=source.place(target.source))
    if not ended.is_completed():
        reason = (ended.message or "-").partition("\n")[0]
        back = text("run.back", environment=target.words) if isinstance(target.source, GitSource) else "."
        again = text("run.deploy-again", back=back)
        raise FlowOpsError("FT-RUN-01", state=ended.name, reason=reason, again=again)
    return 0


def _deployed(client: SyncPrefectClient, target: Target) -> DeploymentResponse:
    deployment = server.read(client, target.full_name)
    if deployment is None:
        raise FlowOpsError("FT-DEPLOY-07", deployment=target.full_name, environment=target.environment_name)
    return deployment


def _to_retire(
    client: SyncPrefectClient, deployments: Deployments, name: str, flow: str | None
) -> dict[str, DeploymentResponse | None]:
    """Return the deployments of an environment, or one of this repository by its name, in the file or not.

    None stands for one that is gone and has left its watchdog behind, as where `retire` was interrupted.
    """
    is_environment = name in environment_names(deployments)
    chosen = targets(deployments, name if is_environment else None, flow)
    if not is_environment:
        chosen = [target for target in chosen if name in (target.full_name, target.name)]
    if chosen:
        found = {target.full_name: server.read(client, target.full_name) for target in chosen}
        there = {full: one for full, one in found.items() if one or watchdog.has_any(client, full)}
        if not there:
            raise FlowOpsError("FT-DEPLOY-07", deployment=chosen[0].full_name, environment=chosen[0].words)
        for missing in [full for full in found if full not in there]:
            screen.line(text("retire.not-there", name=missing))
        return there
    others = server.unnamed(client, targets(deployments))
    named: dict[str, DeploymentResponse | None] = {
        full: one for full, one in others.items() if name in (full, one.name)
    }
    # Of one that is there, but not of this repository, nothing is removed.
    if not named and "/" in name and watchdog.has_any(client, name) and not server.read(client, name):
        return {name: None}
    if not named:
        known = [*environment_names(deployments), *others]
        raise FlowOpsError(
            "FT-DEPLOY-01", name=name, known=", ".join(known) or "-", near=nearest(name, known)
        )
    return named


def _checks(
    deployments: Deployments, environment: str | None, flow: str | None
) -> Iterator[tuple[str, Iterator[FlowOpsError]]]:
    yield text("doctor.machine"), checks.machine()
    yield text("doctor.repository"), checks.repository(deployments)
    yield text("doctor.template"), updates.problems()
    chosen = targets(deployments, environment, flow)
    for target in chosen:
        yield f"deploy.py: {target.full_name}", checks.pins(target)
    yield text("doctor.code"), itertools.chain(checks.code(chosen), checks.folders(chosen))
    yield text("doctor.server"), _server_problems(deployments, chosen)


def _server_problems(deployments: Deployments, chosen: list[Target]) -> Iterator[FlowOpsError]:
    try:
        with _connected() as client:
            yield from checks.server_side(client, chosen)
            both = [(target, server.read(client, target.full_name)) for target in chosen]
            deployed = [(target, deployment) for target, deployment in both if deployment]
            yield from checks.not_deployed(target for target, deployment in both if not deployment)
            yield from checks.held(deployed)
            yield from checks.unnamed(server.unnamed(client, targets(deployments)))
            yield from checks.unwatched(client, deployed)
    except FlowOpsError as problem:
        yield problem
