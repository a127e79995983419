"""Variables and Secret blocks: lazily read, typed, read once a run, never shown."""

from __future__ import annotations

import asyncio
from datetime import date
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from flow_ops import logs
from flow_ops.messages import FlowOpsError
from flow_ops.secrets import asecret, avariable, override, secret, variable
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable


class Database(BaseModel):
    """A secret with a shape."""

    user: str
    password: str


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given to the logger to be masked."""
    values: list[str] = []
    monkeypatch.setattr(logs, "add_secret", values.append)
    return values


# --- without a server


@pytest.mark.parametrize(
    ("value", "type_", "result"),
    [
        ("text", str, "text"),
        (5, int, 5),
        ("5", int, 5),
        ("[1, 2]", list[int], [1, 2]),
        (["a"], list[str], ["a"]),
        ("2026-01-31", date, date(2026, 1, 31)),
        ({"user": "u", "password": "p"}, Database, Database(user="u", password="p")),  # noqa: S106
        ('{"user": "u", "password": "p"}', Database, Database(user="u", password="p")),  # noqa: S106
    ],
)
@pytest.mark.parametrize("read", [variable, secret])
def test_a_value_comes_as_the_type_that_was_asked_for(
    read: Callable[..., Any], value: object, type_: Any, result: object
) -> None:
    with override(variables={"name": value}, secrets={"name": value}):
        assert read("name", type_) == result
        assert asyncio.run({variable: avariable, secret: asecret}[read]("name", type_)) == result


def test_a_secret_of_digits_stays_text() -> None:
    # Prefect's own Secret.get() makes a number of it, and loses the zeros.
    with override(secrets={"pin": "0012"}):
        assert secret("pin") == "0012"


def test_a_missing_variable_with_a_default_is_the_default_as_given() -> None:
    with override():
        assert variable("limit", int, default=10) == 10
        assert variable("limit", int, default=None) is None
        assert asyncio.run(avariable("limit", int, default=None)) is None


@pytest.mark.parametrize(("read", "code"), [(variable, "FT-VARIABLE"), (secret, "FT-SECRET")])
def test_a_missing_value_without_a_default_says_its_name_and_where_to_create_it(
    read: Callable[..., Any], code: str
) -> None:
    with override(), pytest.raises(FlowOpsError, match=f"{code}-02") as caught:
        read("erp-password")
    assert "erp-password" in str(caught.value)
    assert {"FT-VARIABLE": "/variables", "FT-SECRET": "/blocks/catalog/secret/create"}[code] in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("read", "code", "name", "suggestion"),
    [
        (secret, "FT-SECRET-01", "mi_secreto", "mi-secreto"),
        (secret, "FT-SECRET-01", "ERP Password", "erp-password"),
        (secret, "FT-SECRET-01", "", ""),
        (variable, "FT-VARIABLE-01", "Límite Máximo", "limite_maximo"),
        (variable, "FT-VARIABLE-01", "a" * 256, "a" * 255),
        (variable, "FT-VARIABLE-01", "limit\n", "limit"),
    ],
)
def test_an_illegal_name_is_refused_before_anything_is_asked(
    read: Callable[..., Any], code: str, name: str, suggestion: str
) -> None:
    with pytest.raises(FlowOpsError, match=code) as caught:
        read(name)
    assert suggestion in str(caught.value)


@pytest.mark.parametrize(("read", "code"), [(variable, "FT-VARIABLE-04"), (secret, "FT-SECRET-04")])
def test_reading_outside_a_run_explains(read: Callable[..., Any], code: str) -> None:
    with pytest.raises(FlowOpsError, match=f"(?s){code}.*outside a run.*@flow or @task"):
        read("erp-password")


def test_a_secret_of_another_type_is_refused_without_showing_it() -> None:
    with override(secrets={"port": "hunter2"}), pytest.raises(FlowOpsError, match="FT-SECRET-03") as caught:
        secret("port", int)
    told = f"{caught.value!r} {caught.value} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert "hunter2" not in told
    assert "int" in told


def test_every_text_of_a_secret_is_masked_from_its_first_reading(masked: list[str]) -> None:
    with override(secrets={"plain": "hunter2", "database": {"user": "ana", "keys": ["k1", 4242]}}):
        assert masked == []
        secret("plain")
        asyncio.run(asecret("database", dict))
    assert masked == ["hunter2", "ana", "k1", "4242"]


def test_a_secret_is_masked_even_where_its_type_is_refused(masked: list[str]) -> None:
    with override(secrets={"port": "hunter2"}), pytest.raises(FlowOpsError):
        secret("port", int)
    assert masked == ["hunter2"]


def test_overrides_reach_other_threads_can_be_added_to_and_end() -> None:
    seen: list[str] = []
    with override() as values:
        values.variables["name"] = "later"
        thread = Thread(target=lambda: seen.append(variable("name")))
        thread.start()
        thread.join()
        with override(variables={"name": "inner"}):
            assert variable("name") == "inner"
        assert variable("name") == "later"
    assert seen == ["later"]
    with pytest.raises(FlowOpsError, match="FT-VARIABLE-04"):
        variable("name")
