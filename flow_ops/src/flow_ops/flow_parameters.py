"""The parameters of a flow on a command line: options made of its signature and docstring, values of its types."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any

from cyclopts import App, Group, Parameter
from prefect import Flow
from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError

from flow_ops import arguments, hidden
from flow_ops.messages import FlowOpsError, nearest, text

# Options of the command lines themselves: a parameter of such a name gets a longer one.
_TAKEN = {"flow", "help"}


def option(name: str) -> str:
    """Return the option of a parameter: `--orders-file` for `orders_file`."""
    plain = name.replace("_", "-")
    return f"--{plain}-parameter" if plain in _TAKEN else f"--{plain}"


def command_line(flow: Flow[..., Any], run: Callable[[dict[str, Any]], int]) -> App:
    """Return the command line of `flow`, which calls `run` with the parameters that were given, typed."""
    made = arguments.app(flow.name, flow.description or "")

    def call(**texts: str | None) -> int:
        return run(typed(flow, {name: value for name, value in texts.items() if value is not None}))

    # Its options are those of the flow: what cyclopts reads is a function's signature.
    call.__signature__ = inspect.Signature(list(_options(flow)))  # type: ignore[attr-defined]  # functions have one
    made.default(call)
    return made


def _options(flow: Flow[..., Any]) -> Iterator[inspect.Parameter]:
    group = Group("@words.parameters", sort_key=0)
    required = flow.parameters.required or []
    for name, schema in flow.parameters.properties.items():
        help_ = _described(schema, flow.parameters.definitions)
        about = Parameter(name=option(name), help=help_, group=group, show_default=False)
        kind, annotation = inspect.Parameter.KEYWORD_ONLY, Annotated[str | None, about]
        default = inspect.Parameter.empty if name in required else None
        yield inspect.Parameter(name, kind, default=default, annotation=annotation)


def read(
    flow: Flow[..., Any], options: Mapping[str, str], *, given: Collection[str], command: str
) -> dict[str, Any]:
    """Return the parameters that `options` give, by the names of the options without their dashes.

    Those `given` elsewhere, such as by the deployment, may be left out.

    Raises:
        FlowOpsError: FT-ARGS-01 where an option is none of the flow's or one is missing, FT-ARGS-02 where a value is
            not of its parameter's type.
    """
    known = {option(name): name for name in flow.parameters.properties}
    written = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    for name in written:
        if name not in known:
            there = {"known": ", ".join(known) or "-", "near": nearest(name, known)}
            raise arguments.wrong("unknown-parameter", command, name=name, **there)
    texts = {known[name]: value for name, value in written.items()}
    for name in flow.parameters.required or []:
        if name not in texts and name not in given:
            raise arguments.wrong("missing", command, name=option(name))
    return typed(flow, texts)


def typed(flow: Flow[..., Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return each text as its parameter's type: as pydantic reads it, or as JSON for lists, dictionaries and models.

    Raises:
        FlowOpsError: FT-ARGS-02 where a value is not of its parameter's type, FT-FLOW-06 as `types`.
    """
    hints = types(flow)
    return {name: _typed(name, value, hints.get(name, Any)) for name, value in texts.items()}


def types(flow: Flow[..., Any]) -> dict[str, Any]:
    """Return the types of a flow's parameters, by name; those without one are left out.

    Raises:
        FlowOpsError: FT-FLOW-06 for one that exists for type checkers alone.
    """
    try:
        return typing.get_type_hints(flow.fn, include_extras=True)
    except NameError as error:
        raise FlowOpsError("FT-FLOW-06", flow=flow.name, name=error.name) from None


def as_sent(flow: Flow[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as the JSON that Prefect stores, each proven to arrive in the flow as it is written here.

    Raises:
        FlowOpsError: FT-PARAM-02 where a value is not of its parameter's type, FT-PARAM-04 where it would arrive as
            something else, such as an infinite number, or a secret; FT-FLOW-06 as `types`.
    """
    hints = types(flow)
    return {name: _as_sent(flow, name, value, hints.get(name, Any)) for name, value in values.items()}


def refused(flow: Flow[..., Any], sent: Mapping[str, Any], path: str, reason: str) -> FlowOpsError:
    """Return FT-PARAM-02 for what a schema says of the parameters that would be sent; a secret is not shown."""
    name = path.removeprefix("$.")
    value = sent.get(name)
    if (shown := hidden.hide(name, value)) != value:
        reason = reason.replace(repr(value), repr(shown))
    return FlowOpsError("FT-PARAM-02", flow=flow.name, parameter=name, value=repr(shown), reason=reason)


def _as_sent(flow: Flow[..., Any], name: str, value: Any, hint: Any) -> Any:
    if isinstance(value, Mapping) and "__prefect_kind" in value:  # Prefect puts the value in its place.
        return dict(value)
    shown = repr(hidden.hide(name, value))
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        here = adapter.validate_python(value)
    except PydanticUserError:  # The class, or how it is written, is none that pydantic knows.
        reason = text("args.no-json-type", kind=getattr(hint, "__name__", hint))
        raise FlowOpsError("FT-PARAM-04", flow=flow.name, parameter=name, reason=reason) from None
    except ValidationError as error:
        reason = _reason(error, hint)
        raise FlowOpsError(
            "FT-PARAM-02", flow=flow.name, parameter=name, value=shown, reason=reason
        ) from None
    try:
        sent = adapter.dump_python(here, mode="json", warnings="error")
        there = adapter.validate_python(json.loads(json.dumps(sent, allow_nan=False)))
    except (PydanticSerializationError, ValidationError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise FlowOpsError("FT-PARAM-04", flow=flow.name, parameter=name, reason=reason) from None
    if there != here and not _looks_the_same(adapter, here, there, sent):
        reason = text("args.arrives-as", value=repr(there))
        raise FlowOpsError("FT-PARAM-04", flow=flow.name, parameter=name, reason=reason)
    return sent


def _looks_the_same(adapter: TypeAdapter[Any], here: Any, there: Any, sent: Any) -> bool:
    """Compare two objects of a class that does not say when they are equal, by what they are as JSON."""
    says = "__eq__" in {name for kind in type(here).__mro__[:-1] for name in vars(kind)}
    return not says and type(there) is type(here) and adapter.dump_python(there, mode="json") == sent


def _typed(name: str, value: str, hint: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    if Any in (hint, *typing.get_args(hint)):  # Any text would do: what is JSON is read as such.
        with contextlib.suppress(ValidationError):
            return adapter.validate_json(value)
    try:
        return adapter.validate_python(value)
    except ValidationError as as_text:
        try:
            return adapter.validate_json(value)
        except ValidationError as as_json:
            # Of JSON for a list or a model, the second says which part is wrong.
            error = as_json if value.lstrip()[:1] in ("[", "{") and as_json.errors()[0]["loc"] else as_text
            problem = _reason(error, hint)
            raise FlowOpsError("FT-ARGS-02", option=option(name), value=value, problem=problem) from None


def _reason(error: ValidationError, hint: Any) -> str:
    """Return why a value is refused; of another type, in the user's language, else where, and as pydantic says it."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    # As help calls it: `date` for `datetime.date | None`.
    kind = hint.__name__ if isinstance(hint, type) else re.sub(r"(\w+\.)+| \| None$", "", str(hint))
    if not place and first["type"].endswith(("_type", "_parsing")) and first["type"] != "url_parsing":
        return text("args.not-a", kind=kind)
    return f"{place}: {first['msg']}" if place else first["msg"]


def _described(schema: dict[str, Any], definitions: Mapping[str, Any]) -> str:
    written = "|".join(kind for each in schema.get("anyOf", [schema]) for kind in _kinds(each, definitions))
    return f"{schema.get('description', '')} [{written}]".strip()


def _kinds(schema: dict[str, Any], definitions: Mapping[str, Any]) -> list[str]:
    """Return the values of a Literal or an Enum, else the name of a kind of value; nothing for None."""
    for each in (schema, definitions.get(schema.get("$ref", "").rpartition("/")[2], {})):
        if values := each.get("enum") or ([each["const"]] if "const" in each else []):
            return [one if isinstance(one, str) else json.dumps(one) for one in values if one is not None]
    kind = str(schema.get("format", schema.get("type", "json"))).upper()
    return [] if kind == "NULL" else [kind]
