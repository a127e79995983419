"""A flow on the command line: its parameters as options, its outcome as the exit status.

Prefect is imported where it is needed: commands that run no flow share the parser, and do not wait for it.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import os
import sys
import typing
from typing import TYPE_CHECKING, Any, NoReturn

from flow_ops.messages import FlowOpsError, language, print_error

if TYPE_CHECKING:
    from collections.abc import Collection

    from prefect import Flow, State


class Parser(argparse.ArgumentParser):
    """An argument parser that takes whole option names only and complains in coded messages."""

    def __init__(self, **settings: Any) -> None:
        """Take the settings of `argparse.ArgumentParser`."""
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise FT-ARGS-01 instead of printing usage and exiting with status 2."""
        raise FlowOpsError("FT-ARGS-01", problem=message, command=self.prog)


def run_flow(flow: Flow[..., Any], arguments: list[str] | None = None) -> int:
    """Run `flow` with the options of the command line, here, in this process.

    The server is the one of `PREFECT_API_URL` or, without it, a temporary one that Prefect starts.

    Returns:
        0 if the run completed, 1 if it did not or could not start; the message is then on stderr.
    """
    from prefect.settings import (  # noqa: PLC0415
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
        temporary_settings,
    )

    use_utf8()
    parser = Parser(prog=flow.name, description=flow.description)
    add_parameters(parser, flow)
    try:
        parameters = read_parameters(flow, parser.parse_args(arguments))
        _check_places()
    except FlowOpsError as error:
        print_error(error)
        return 1
    # The temporary server's telemetry competes with the first run for its new database, and says so
    # with a traceback of a hundred lines.
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # A busy machine starts that server in more than the 20 s that Prefect waits by default.
    with temporary_settings(set_defaults={PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 120}):
        outcome: Any = flow(**parameters, return_state=True)
        state: State[Any] = asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome
    if not state.is_completed():
        print_error(FlowOpsError("FT-RUN-01", state=state.name, reason=state.message or "-"))
        return 1
    print(asyncio.run(state.aresult()))  # noqa: T201
    return 0


def add_parameters(
    parser: argparse.ArgumentParser, flow: Flow[..., Any], given: Collection[str] = ()
) -> None:
    """Add an option for each parameter of `flow`, described as in its docstring.

    Those `given` elsewhere, such as by the deployment, may be left out.
    """
    group = parser.add_argument_group("parámetros" if language() == "es" else "parameters")
    for name, schema in flow.parameters.properties.items():
        group.add_argument(
            option(name),
            dest=name,
            default=argparse.SUPPRESS,
            required=name in (flow.parameters.required or []) and name not in given,
            metavar=_types(schema),
            help=schema.get("description", "").replace("%", "%%") or None,
        )


def read_parameters(flow: Flow[..., Any], namespace: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters that the command line names, as the types of the flow's signature.

    Raises:
        FlowOpsError: FT-ARGS-02 where a value is not of its parameter's type.
    """
    hints = typing.get_type_hints(flow.fn, include_extras=True)
    given = {name: text for name, text in vars(namespace).items() if name in flow.parameters.properties}
    return {name: _typed(name, text, hints.get(name, Any)) for name, text in given.items()}


def option(name: str) -> str:
    """Return the option of a parameter: `--orders-file` for `orders_file`."""
    return f"--{name.replace('_', '-')}"


def use_utf8() -> None:
    """Let the terminal print any text: what its encoding lacks is replaced, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _typed(name: str, text: str, hint: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        # Lists, dictionaries and models are written as JSON.
        try:
            return adapter.validate_json(text)
        except ValidationError:
            problem = error.errors()[0]["msg"]
            raise FlowOpsError("FT-ARGS-02", option=option(name), value=text, problem=problem) from None


def _types(schema: dict[str, Any]) -> str:
    kinds = [kind.get("format", kind.get("type", "json")) for kind in schema.get("anyOf", [schema])]
    return "|".join(kind for kind in kinds if kind != "null").upper()


def _check_places() -> None:
    """Refuse now what Prefect and the engines answer with retries for minutes, or with a traceback.

    Raises:
        FlowOpsError: FT-SERVER-02 to FT-SERVER-08 for the server, FT-RUNNER-01 to FT-RUNNER-04 for the task runner.
    """
    from prefect.settings import get_current_settings  # noqa: PLC0415

    from flow_ops import task_runners  # noqa: PLC0415
    from flow_ops.deploy import server  # noqa: PLC0415

    if get_current_settings().api.url:
        with server.connect():
            pass
    task_runners.ready()
