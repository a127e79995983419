"""Prefect Variables and Secret blocks: read inside a run, typed, read once a run, masked in what is logged.

Inside a flow or a task, never where a module is imported:

    limit = variable("orders-limit", int, default=1000)
    password = secret("erp-password")

In `async` code `await avariable(...)` and `await asecret(...)`, which do not hold up the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any, Final, Literal, Never
from uuid import UUID

from prefect import get_client
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectNotFound
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypeVar

from flow_ops import hidden, logs, ui
from flow_ops.logging import masking
from flow_ops.messages import FlowOpsError, text

# The processes that a run starts learn of its secrets.
masking.share()

__all__ = ["asecret", "avariable", "secret", "variable"]

Kind = Literal["variable", "secret"]
T = TypeVar("T", default=str)
D = TypeVar("D", default=Never)


class _Required:
    """The type of a default that was not given, where None is a default like any other."""


REQUIRED: Final = _Required()


def variable(name: str, type_: type[T] | None = None, default: D | _Required = REQUIRED) -> T | D:
    """Return the Prefect Variable `name` as a text, or a `type_` that pydantic knows: `int`, `list[str]`, a model.

    The server is asked once in each run, and again where it had nothing; `default` is returned, as it is, where the
    Variable does not exist.

    Raises:
        FlowOpsError: FT-VARIABLE-01 for an illegal name, -02 where it does not exist and has no default,
            -03 for a value of another type, -04 outside a run.
    """
    return _typed("variable", name, type_, default)


async def avariable(name: str, type_: type[T] | None = None, default: D | _Required = REQUIRED) -> T | D:
    """Return what `variable` returns, without holding up the event loop."""
    return await asyncio.to_thread(variable, name, type_, default)


def secret(name: str, type_: type[T] | None = None) -> T:
    """Return the value of the Prefect Secret block `name`, as a text, or a `type_` that pydantic knows.

    From then on `flow_ops.logs` masks it. The server is asked once in each run.

    Raises:
        FlowOpsError: FT-SECRET-01 for an illegal name, -02 where the block does not exist, -03 for a value of
            another type, -04 outside a run.
    """
    return _typed("secret", name, type_, REQUIRED)


async def asecret(name: str, type_: type[T] | None = None) -> T:
    """Return what `secret` returns, without holding up the event loop."""
    return await asyncio.to_thread(secret, name, type_)


@dataclass
class Values:
    """Variables and secrets by name, in place of a server's."""

    variables: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def override(
    variables: Mapping[str, Any] | None = None, secrets: Mapping[str, Any] | None = None
) -> Iterator[Values]:
    """Serve these values instead of the server's, inside runs and outside, in all threads; for tests.

    The `Values` may be added to while it holds. What is not there does not exist: defaults and errors
    are as with a server. The fixtures `variables` and `secrets` of `flow_ops.testing` are made with it.
    """
    global _override  # noqa: PLW0603 - one for the process
    before, _override = _override, Values(dict(variables or {}), dict(secrets or {}))
    try:
        yield _override
    finally:
        _override = before


# Values that are kept: a process is one run's as a rule, and of a few more where flows are served from it.
_KEPT = 4096
# Of a value in a message.
_SHOWN = 80
_LEGAL: Mapping[Kind, str] = {"variable": r"[a-z0-9_-]{1,255}", "secret": r"[a-z0-9-]{1,255}"}


_override: Values | None = None


def _value(kind: Kind, name: str) -> Any:
    """Return what the present run has read of `name`, or else what the server has; REQUIRED where there is none."""
    if not re.fullmatch(_LEGAL[kind], name):
        raise FlowOpsError(_code(kind, 1), name=name, suggestion=_legal_name(kind, name))
    if _override is not None:
        given = _override.variables if kind == "variable" else _override.secrets
        return given.get(name, REQUIRED)
    run = _run_id()
    if run is None:
        raise FlowOpsError(_code(kind, 4), name=name, in_a_test=_in_a_test(kind))
    with _lock(run), contextlib.suppress(ObjectNotFound):  # Those who ask at once wait for one answer.
        return _on_server(run, kind, name)
    return REQUIRED


@lru_cache(_KEPT)
def _lock(_run: UUID) -> Lock:
    return Lock()


@lru_cache(_KEPT)
def _on_server(_run: UUID, kind: Kind, name: str) -> Any:
    """Return what the server has of `name`, asked once in a run; raise ObjectNotFound, which is asked anew, if nothing."""
    with get_client(sync_client=True) as client:
        if kind == "secret":
            return client.read_block_document_by_name(name, "secret").data["value"]
        if found := client.read_variable_by_name(name):
            return found.value
        raise ObjectNotFound(LookupError(name))


def _run_id() -> UUID | None:
    if task := TaskRunContext.get():
        return task.task_run.flow_run_id or task.task_run.id
    flow = FlowRunContext.get()
    return flow.flow_run.id if flow and flow.flow_run else None


def _typed(kind: Kind, name: str, type_: type[T] | None, default: D | _Required) -> T | D:
    """Return the value of `name` as a `type_`; mask it first if it is a secret."""
    value = _value(kind, name)
    if value is REQUIRED:
        if isinstance(default, _Required):
            raise FlowOpsError(_code(kind, 2), name=name, where=_where(kind), in_a_test=_in_a_test(kind))
        return default
    if kind == "secret":
        logs.add_secret(value)
    wanted: Any = type_ or str
    adapter: TypeAdapter[T] = TypeAdapter(wanted)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        problem = error
    if isinstance(value, str):
        try:
            return adapter.validate_json(value)
        except ValidationError as error:
            problem = problem if "json_invalid" in str(error) else error
    # Outside the `except`, and the kind of problem only: pydantic's error holds the value.
    reason = problem.errors(include_input=False, include_context=False, include_url=False)[0]["type"]
    shown = {"value": repr(hidden.hide(name, value))[:_SHOWN]} if kind == "variable" else {}
    raise FlowOpsError(
        _code(kind, 3), name=name, type=getattr(wanted, "__name__", wanted), reason=reason, **shown
    )


def _code(kind: Kind, number: int) -> str:
    return f"FT-{kind.upper()}-{number:02}"


def _legal_name(kind: Kind, name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    illegal, joint = (r"[^a-z0-9_-]+", "_") if kind == "variable" else (r"[^a-z0-9-]+", "-")
    return re.sub(illegal, joint, plain).strip("-_")[:255]


def _in_a_test(kind: Kind) -> str:
    """Return how a test gets the value, which is what to do there first; "" outside pytest."""
    return text("value.in-a-test", fixture=f"{kind}s") if _testing() else ""


def _where(kind: Kind) -> str:
    page = "variables" if kind == "variable" else "blocks/catalog/secret/create"
    # A test's server is gone with the test.
    site = "" if _testing() else ui.address()
    return f"{site}/{page}" if site else text(f"{kind}.place")


def _testing() -> bool:
    return "PYTEST_CURRENT_TEST" in os.environ  # pytest's own.
