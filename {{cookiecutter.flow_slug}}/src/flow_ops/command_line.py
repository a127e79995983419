"""A flow's parameters as command-line options, typed as in its signature."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
from typing import Any

from prefect import Flow


def run_flow(flow: Flow[..., Any], arguments: list[str] | None = None) -> int:
    """Run `flow` with the parameters of the command line and print its result; return the exit status."""
    parser = argparse.ArgumentParser(prog=flow.name, description=flow.description)
    add_parameters(parser, flow)
    parameters = {k: v for k, v in vars(parser.parse_args(arguments)).items() if v is not None}
    result = asyncio.run(flow(**parameters)) if flow.isasync else flow(**parameters)
    print(result)  # noqa: T201
    return 0


def add_parameters(parser: argparse.ArgumentParser, flow: Flow[..., Any]) -> None:
    """Add an option for each parameter of `flow`; Prefect validates the values, which may be JSON."""
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=_value,
            required=parameter.default is inspect.Parameter.empty,
        )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
