"""The command line of `deploy.py`: plan, apply, run, status, retire, doctor."""

from __future__ import annotations

import contextlib
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse

from flow_ops import updates
from flow_ops.command_line import Parser, add_parameters, read_parameters, use_utf8
from flow_ops.deploy import checks, planning, report, runs, server, source
from flow_ops.deploy.pins import Deployments
from flow_ops.deploy.planning import Choice, Plan
from flow_ops.deploy.report import say
from flow_ops.deploy.targets import Target, environment_names, targets
from flow_ops.messages import FlowOpsError, nearest

DIFFERENT = 2


def run(deployments: Deployments, arguments: list[str]) -> int:
    """Run one command; print the problems that it meets and return the exit status."""
    use_utf8()
    try:
        options, rest = _parser(deployments).parse_known_args(arguments)
        if rest and options.command is not _run:
            _parser(deployments).error(" ".join(rest))
        options.rest = rest
        return int(options.command(deployments, options))
    except FlowOpsError as problem:
        report.problems([problem])
        return 1


# --- the commands


def _plan(deployments: Deployments, options: Namespace) -> int:
    with _prepared(deployments, options) as (found, plans, _):
        if options.json:
            documents = [report.plan_document(plan) for plan in plans]
            report.as_json({"deployments": documents, **report.problem_document(found)})
        else:
            for plan in plans:
                report.plan(plan)
            report.problems(found)
        # Schedules made by hand stop `apply` alone: here they are a difference like any other.
        if any(checks.stops(problem) and problem.code != "FT-SCHED-03" for problem in found):
            return 1
        return DIFFERENT if any(plan.changes for plan in plans) else 0


def _apply(deployments: Deployments, options: Namespace) -> int:
    with _prepared(deployments, options) as (found, plans, client):
        for plan in plans:
            report.plan(plan)
        report.problems(found)
        if client is None or any(checks.stops(problem) for problem in found):
            return 1
        for plan in plans:
            deployment = planning.apply(client, plan)
            report.applied(plan, deployment)
            report.first_run(planning.first_run(client, plan, deployment.id))
    return 0


def _run(deployments: Deployments, options: Namespace) -> int:
    chosen = targets(deployments, options.environment, options.flow)
    if len(chosen) > 1:
        known = ", ".join(target.loaded.flow.name for target in chosen)
        _parser(deployments).error(
            say(f"falta --flow con uno de: {known}", f"--flow is missing, with one of: {known}")
        )
    target = chosen[0]
    parser = Parser(prog=f"deploy.py run {options.environment}", description=target.loaded.flow.description)
    add_parameters(parser, target.loaded.flow, given=target.environment.parameters.keys())
    parameters = read_parameters(target.loaded.flow, parser.parse_args(options.rest))
    with server.connect() as client:
        deployment = _deployed(client, target)
        started = runs.start(client, target, deployment, parameters)
        report.started(started)
        try:
            ended = runs.follow(client, started.id, report.run_state, report.log_record)
        except KeyboardInterrupt:
            report.line(say("La ejecución sigue en el servidor.", "The run goes on, on the server."))
            return 130
        begun = runs.has_begun(client, started.id)
    if ended.is_cancelled():
        raise FlowOpsError("FT-RUN-02", reason=ended.message or "-")
    if ended.is_crashed() and not begun:
        raise FlowOpsError("FT-RUN-03", reason=ended.message or "-", place=source.place(target.source))
    if not ended.is_completed():
        raise FlowOpsError("FT-RUN-01", state=ended.name, reason=ended.message or "-")
    return 0


def _status(deployments: Deployments, options: Namespace) -> int:
    chosen = targets(deployments, flow=options.flow)
    with server.connect() as client:
        rows = [planning.status(client, target) for target in chosen]
        others = planning.unnamed(client, targets(deployments))
    if options.json:
        document = [report.status_document(row) for row in rows]
        report.as_json({"deployments": document, "not_in_the_file": sorted(others)})
    else:
        report.status(rows)
        report.problems(_unnamed(others))
    return 0


def _retire(deployments: Deployments, options: Namespace) -> int:
    with server.connect() as client:
        found = _to_retire(client, deployments, options.environment, options.flow)
        for name, deployment in found.items():
            going = planning.flow_runs(client, deployment.id, [StateType.RUNNING, StateType.PENDING])
            coming = planning.flow_runs(client, deployment.id, [StateType.SCHEDULED])
            report.to_retire(name, coming=len(coming), going=len(going))
        if not (options.yes or _confirmed()):
            report.line(say("No se cambió nada.", "Nothing was changed."))
            return 1
        for name, deployment in found.items():
            runs.retire(client, deployment, name)
            report.retired(name)
    return 0


def _doctor(deployments: Deployments, options: Namespace) -> int:
    stopped = False
    for title, check in _checks(deployments, options):
        found = list(check)
        report.checked(title, found)
        stopped = stopped or any(checks.stops(problem) for problem in found)
    return 1 if stopped else 0


# --- what they share


@contextlib.contextmanager
def _prepared(
    deployments: Deployments, options: Namespace
) -> Iterator[tuple[list[FlowOpsError], list[Plan], SyncPrefectClient | None]]:
    """Yield every problem that can be found without writing, the plans that can be made in spite of them, a client.

    The client is None where the server cannot be reached.
    """
    chosen = targets(deployments, options.environment, options.flow)
    found = [*checks.repository(deployments), *(p for target in chosen for p in checks.pins(target))]
    plannable = not any(checks.stops(problem) for problem in found)
    with contextlib.ExitStack() as opened:
        # The remote repository and the server are asked at the same time.
        threads = opened.enter_context(ThreadPoolExecutor(max_workers=1))
        code = threads.submit(lambda: list(checks.code(chosen)))
        try:
            client = opened.enter_context(server.connect())
            with server.coded():
                on_server = [*checks.server(client, chosen)]
                plans = [planning.make(client, t, _choice(options)) for t in chosen] if plannable else []
                on_server += [problem for plan in plans for problem in plan.problems()]
                on_server += _unnamed(planning.unnamed(client, targets(deployments)))
        except FlowOpsError as problem:
            yield [*found, *code.result(), problem], [], None
        else:
            yield [*found, *code.result(), *on_server], plans, client


def _unnamed(others: dict[str, DeploymentResponse]) -> list[FlowOpsError]:
    return [FlowOpsError("FT-DEPLOY-08", deployment=name) for name in others]


def _choice(options: Namespace) -> Choice:
    return Choice(by_hand=options.by_hand, running=options.running)


def _deployed(client: SyncPrefectClient, target: Target) -> DeploymentResponse:
    deployment = planning.read(client, target.full_name)
    if deployment is None:
        raise FlowOpsError("FT-DEPLOY-07", deployment=target.full_name, environment=target.environment_name)
    return deployment


def _to_retire(
    client: SyncPrefectClient, deployments: Deployments, name: str, flow: str | None
) -> dict[str, DeploymentResponse]:
    """Return the deployments of an environment, or one of this repository that the file no longer names."""
    if name in environment_names(deployments):
        chosen = targets(deployments, name, flow)
        found = {target.full_name: planning.read(client, target.full_name) for target in chosen}
        there = {full: deployment for full, deployment in found.items() if deployment}
        if not there:
            raise FlowOpsError("FT-DEPLOY-07", deployment=chosen[0].full_name, environment=name)
        for missing in [full for full in found if full not in there]:
            report.not_there(missing)
        return there
    others = planning.unnamed(client, targets(deployments))
    named = {full: one for full, one in others.items() if name in (full, one.name)}
    if not named:
        known = [*environment_names(deployments), *others]
        raise FlowOpsError("FT-DEPLOY-01", name=name, known=", ".join(known), near=nearest(name, known))
    return named


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise FlowOpsError("FT-DEPLOY-03")
    answer = input(say("¿Retirar? Escribí sí: ", "Retire? Type yes: "))
    return answer.strip().lower() in ("sí", "si", "yes", "y", "s")


def _checks(deployments: Deployments, options: Namespace) -> Iterator[tuple[str, Iterator[FlowOpsError]]]:
    yield say("Esta máquina", "This machine"), checks.machine()
    yield say("El repositorio", "The repository"), checks.repository(deployments)
    yield say("El template", "The template"), updates.problems()
    chosen = targets(deployments, options.environment, options.flow)
    for target in chosen:
        yield target.full_name, checks.pins(target)
    yield say("El código", "The code"), checks.code(chosen)
    yield say("El servidor", "The server"), _server_problems(deployments, chosen)


def _server_problems(deployments: Deployments, chosen: list[Target]) -> Iterator[FlowOpsError]:
    try:
        with server.connect() as client:
            yield from checks.server(client, chosen)
            yield from _unnamed(planning.unnamed(client, targets(deployments)))
    except FlowOpsError as problem:
        yield problem


# --- its options


def _parser(deployments: Deployments) -> Parser:
    about = say("Despliega los flujos de este repositorio.", "Deploy the flows of this repository.")
    parser = Parser(prog="deploy.py", description=about)
    commands = parser.add_subparsers(required=True, metavar=say("comando", "command"))

    def command(name: str, function: Callable[[Deployments, Namespace], int], es: str, en: str) -> Parser:
        added: Parser = commands.add_parser(name, help=say(es, en), description=say(es, en))
        added.set_defaults(command=function)
        added.add_argument("--flow", help=say("solo este flujo", "this flow alone"))
        return added

    plan = command(
        "plan", _plan, "Muestra qué cambiaría; no escribe.", "Show what would change; write nothing."
    )
    apply = command("apply", _apply, "Verifica, escribe y comprueba.", "Check, write and prove.")
    run_ = command("run", _run, "Inicia una ejecución y la sigue.", "Start a run and follow it.")
    status = command("status", _status, "Muestra cada entorno.", "Show every environment.")
    retire = command("retire", _retire, "Quita un despliegue.", "Take a deployment away.")
    doctor = command("doctor", _doctor, "Revisa todo.", "Check everything.")

    names = ", ".join(environment_names(deployments))
    for one in (apply, run_, retire):
        one.add_argument("environment", help=names)
    for one in (plan, doctor):
        one.add_argument("environment", nargs="?", help=names)
    for one in (plan, apply):
        _add_choice(one)
    for one in (plan, status):
        one.add_argument(
            "--json", action="store_true", help=say("para otros programas", "for other programs")
        )
    retire.add_argument("--yes", action="store_true", help=say("sin preguntar", "without asking"))
    return parser


def _add_choice(parser: ArgumentParser) -> None:
    choices = {
        "by_hand": {
            "adopt": say("conservar las programaciones hechas a mano", "keep the schedules made by hand"),
            "remove": say(
                "quitar las hechas a mano, adoptadas o no", "remove those made by hand, adopted or not"
            ),
        },
        "running": {
            "activate": say("activar las programaciones pausadas", "activate paused schedules"),
            "pause": say("pausar las programaciones", "pause the schedules"),
        },
    }
    for name, flags in choices.items():
        group = parser.add_mutually_exclusive_group()
        for flag, text in flags.items():
            group.add_argument(f"--{flag}", action="store_const", const=flag, dest=name, help=text)
    parser.set_defaults(by_hand="stop", running="keep")
