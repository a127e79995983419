"""Parameters arrive in the flow as they are written in deploy.py and on both command lines, or are refused."""

from __future__ import annotations

import collections
import enum
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from pydantic import BaseModel, Field, HttpUrl, SecretStr
from typing_extensions import TypedDict

from flow_ops import arguments, flow_parameters
from flow_ops.deploy.entrypoints import LoadedFlow
from flow_ops.messages import FlowOpsError

if TYPE_CHECKING:
    from helpers.support import Server


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


class Order(BaseModel):
    """A model with values of several kinds."""

    number: int
    price: Decimal
    day: date = date(2026, 1, 1)


@dataclass
class Branch:
    """A standard dataclass."""

    name: str
    opens: time


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: int


class Row(TypedDict):
    """A dictionary with known keys."""

    a: int


class Blind:
    """A class of which pydantic knows nothing."""

    def __repr__(self) -> str:
        # The same in every process of tests: tests are named after it.
        return "Blind()"


# Type, value in deploy.py, the same on a command line.
CARRIED: list[tuple[Any, Any, str]] = [
    (str, "ñandú", "ñandú"),
    (int, 7, "7"),
    (float, 0.1, "0.1"),
    (bool, True, "true"),
    (Decimal, Decimal("10.50"), "10.50"),
    (date, date(2026, 3, 1), "2026-03-01"),
    (datetime, datetime(2026, 3, 1, 6, 30, tzinfo=UTC), "2026-03-01T06:30:00Z"),
    (time, time(6, 30), "06:30:00"),
    (timedelta, timedelta(minutes=7), "PT7M"),
    (Path, Path("/srv/a b"), "/srv/a b"),
    (UUID, UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (Colour, Colour.RED, "red"),
    (Size, Size.BIG, "3"),
    (Literal["a", "b"], "b", "b"),
    (int | None, None, "null"),
    (str | int, 5, "5"),
    (list[int], [1, 2], "[1, 2]"),
    (list[date], [date(2026, 3, 1)], '["2026-03-01"]'),
    (tuple[int, str], (1, "a"), '[1, "a"]'),
    (set[int], {1, 2}, "[1, 2]"),
    (frozenset[str], frozenset({"a"}), '["a"]'),
    (dict[str, int], {"a": 1}, '{"a": 1}'),
    (dict[int, timedelta], {1: timedelta(hours=2)}, '{"1": "PT2H"}'),
    (collections.deque[int], collections.deque([1]), "[1]"),
    (Order, Order(number=1, price=Decimal("2.5")), '{"number": 1, "price": "2.5"}'),
    (list[Order], [Order(number=1, price=Decimal("2.5"))], '[{"number": 1, "price": "2.5"}]'),
    (Branch, Branch("Centro", time(8)), '{"name": "Centro", "opens": "08:00:00"}'),
    (Point, Point(1, 2), "[1, 2]"),
    (Row, {"a": 1}, '{"a": 1}'),
    (IPv4Address, IPv4Address("10.0.0.1"), "10.0.0.1"),
    (bytes, "ñ".encode(), "ñ"),
    (ZoneInfo, ZoneInfo("America/Argentina/Buenos_Aires"), "America/Argentina/Buenos_Aires"),
    (Annotated[int, Field(ge=1)], 3, "3"),
    (Any, {"a": [1, "b"]}, '{"a": [1, "b"]}'),
    (Any, 7, "7"),
    (Any, "7 o más", "7 o más"),
    (Any | None, [1], "[1]"),
]
# Type, value, and a word of the reason.
REFUSED: list[tuple[Any, Any, str, str]] = [
    (float, math.inf, "FT-PARAM-04", "JSON"),
    (float, math.nan, "FT-PARAM-04", "JSON"),
    (list[float], [1.0, -math.inf], "FT-PARAM-04", "JSON"),
    (SecretStr, SecretStr("hidden"), "FT-PARAM-04", "Secret"),
    (Blind, Blind(), "FT-PARAM-04", "Blind"),
    (bytes, b"\xff", "FT-PARAM-04", "utf"),
    (Any, timedelta(minutes=7), "FT-PARAM-04", "PT7M"),
    (int, "seven", "FT-PARAM-02", "of type int"),
    (timedelta, "soon", "FT-PARAM-02", "of type timedelta"),
    (list[int], ["x"], "FT-PARAM-02", "0: Input should be a valid integer"),
    (Annotated[int, Field(ge=1)], 0, "FT-PARAM-02", "greater than or equal"),
    (Colour, "blue", "FT-PARAM-02", "red"),
]


def taking(kind: Any) -> Any:
    """Return a flow with one parameter of a type."""

    def one(value: Any) -> None:
        """Take a value."""

    one.__annotations__ = {"value": kind, "return": None}
    return flow(name="one")(one)


def name(case: Any) -> str:
    return str(getattr(case, "__name__", case)).replace("tests.test_parameter_values.", "")


@pytest.mark.parametrize(("kind", "value", "_written"), CARRIED, ids=name)
def test_a_value_of_deploy_py_arrives_as_it_is_written(kind: Any, value: Any, _written: str) -> None:
    sent = flow_parameters.as_sent(taking(kind), {"value": value})
    assert taking(kind).validate_parameters(sent) == {"value": value}


@pytest.mark.parametrize(
    ("kind", "written", "reason"),
    [
        (date, "yesterday", "it is not of type date."),
        (Annotated[int, Field(ge=1)], "seven", "it is not of type int."),
        (Annotated[int, Field(ge=1)], "0", "greater than or equal to 1"),
        # Digits alone are a number in JSON, and a text all the same.
        (Annotated[str, Field(min_length=11)], "123", "at least 11 characters"),
        (HttpUrl, "example.com", "relative URL without a base"),
        (list[int], "x", "it is not of type list[int]."),
        (list[int], '["x"]', "0: Input should be a valid integer"),
        (Order, '{"number": "x", "price": "1"}', "number: Input should be a valid integer"),
    ],
    ids=name,
)
def test_a_value_of_a_command_line_that_is_none_of_its_type_is_refused_with_the_reason(
    kind: Any, written: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = flow_parameters.command_line(taking(kind), lambda _: 0)
    assert arguments.execute(line, ["--value", written]) == 1
    told = capsys.readouterr().err
    assert told.startswith("FT-ARGS-02")
    assert reason in told


@pytest.mark.parametrize(("kind", "value", "written"), CARRIED, ids=name)
def test_a_value_of_a_command_line_arrives_as_it_is_written(kind: Any, value: Any, written: str) -> None:
    given: dict[str, Any] = {}
    line = flow_parameters.command_line(taking(kind), lambda parameters: given.update(parameters) or 0)
    assert arguments.execute(line, ["--value", written]) == 0
    expected = "5" if kind == str | int else value
    assert given == {"value": expected}
    assert taking(kind).validate_parameters(flow_parameters.as_sent(taking(kind), given)) == {
        "value": expected
    }


@pytest.mark.parametrize(("kind", "value", "code", "word"), REFUSED, ids=name)
def test_a_value_that_would_arrive_as_something_else_is_refused_with_the_reason(
    kind: Any, value: Any, code: str, word: str
) -> None:
    with pytest.raises(FlowOpsError) as caught:
        flow_parameters.as_sent(taking(kind), {"value": value})
    assert caught.value.code == code
    assert word in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_value_that_prefect_puts_in_its_place_is_left_alone() -> None:
    placeholder = {"__prefect_kind": "workspace_variable", "variable_name": "limit"}
    assert flow_parameters.as_sent(taking(int), {"value": placeholder}) == {"value": placeholder}


def test_a_parameter_without_a_type_takes_json_where_it_is_json_and_else_the_text() -> None:
    @flow
    def untyped(value, other=None):  # type: ignore[no-untyped-def]  # as a person may write it
        """Take values."""

    given = flow_parameters.typed(untyped, {"value": '{"a": [1]}', "other": "{a: 1}"})
    assert given == {"value": {"a": [1]}, "other": "{a: 1}"}


def test_help_shows_the_values_of_a_literal_and_of_an_enum_and_the_kind_of_any_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @flow
    def choosing(
        some: Literal["a", "b", 3],
        colour: Colour,
        size: Size | None = None,
        one: Literal["only"] = "only",
        truth: Literal[True, None] = None,
        order: Order | None = None,
        free: Any = None,
        number: int | None = None,
    ) -> None:
        """Choose."""

    assert arguments.execute(flow_parameters.command_line(choosing, lambda _: 0), ["--help"]) == 0
    shown = re.findall(r"--(\w+) +\[(\S+)\]", capsys.readouterr().out)
    assert dict(shown) == {
        "some": "a|b|3",
        "colour": "red",
        "size": "3",
        "one": "only",
        "truth": "true",
        "order": "JSON",
        "free": "JSON",
        "number": "INTEGER",
    }


def test_an_option_that_is_no_parameter_is_told_with_those_that_are() -> None:
    with pytest.raises(FlowOpsError, match=r"FT-ARGS-01  .*--number.*--value") as refused:
        flow_parameters.read(taking(int), {"number": "3"}, given=("value",), command="deploy.py run dev")
    assert refused.value.code == "FT-ARGS-01"


def test_a_type_that_exists_for_type_checkers_alone_is_named() -> None:
    def one(value: NotThere) -> None:  # type: ignore[name-defined]  # noqa: F821 - as below `if TYPE_CHECKING`
        """Take a value."""

    with pytest.raises(FlowOpsError, match=r"FT-FLOW-06  .*NotThere"):
        flow_parameters.types(flow(validate_parameters=False)(one))


@pytest.mark.slow
@pytest.mark.e2e
def test_the_server_stores_and_starts_every_value_that_is_not_refused(server: Server) -> None:
    with SyncPrefectClient(server.url) as client:
        for number, (kind, value, _) in enumerate(CARRIED):
            taker = taking(kind)
            loaded = LoadedFlow("x.py:one", taker)
            sent = flow_parameters.as_sent(taker, {"value": value})
            deployment = client.create_deployment(
                flow_id=client.create_flow(taker),
                name=f"values-{number}",
                parameters=sent,
                parameter_openapi_schema=loaded.schema,
                enforce_parameter_schema=True,
            )
            run = client.create_flow_run_from_deployment(deployment, parameters=sent)
            stored = client.read_flow_run(run.id).parameters
            assert taker.validate_parameters(stored) == {"value": value}, kind
