"""`--help` of every command: in one language, each name under the heading that fits."""

from __future__ import annotations

import re

import pytest
from cyclopts import App

from flow_ops import arguments, cli
from flow_ops.deploy import cli as deploy_cli
from flow_ops.deployment import Deployments, GitSource
from helpers.repositories import TIMEZONE

PINS = Deployments(flows={}, source=GitSource("x"), timezone=TIMEZONE)
FLOW_OPS, DEPLOY = cli._command_line(), deploy_cli._command_line(deploy_cli._Commands(PINS))
COMMANDS = [
    (FLOW_OPS, ""),
    (FLOW_OPS, "worker"),
    *((FLOW_OPS, f"worker {name}") for name in ("install", "uninstall", "status", "print")),
    (FLOW_OPS, "update"),
    *((FLOW_OPS, f"update {name}") for name in ("check", "apply", "library", "restore")),
    *((FLOW_OPS, name) for name in ("source", "new-flow", "fleet")),
    (DEPLOY, ""),
    *((DEPLOY, name) for name in ("plan", "apply", "run", "rollback", "status", "retire", "doctor")),
]
CAPITALS = {
    *("COMANDO", "[OPCIONES]", "[ARGUMENTOS]", "ENTORNO", "NOMBRE", "VERSIÓN", "LUGAR", "VALOR"),
    "--PARÁMETRO",
}
KINDS = {"Commands": "[a-z][a-z-]+", "Arguments": "[A-Z]+", "Options": "--[A-Za-z-]+"}


def rows(told: str) -> dict[str, list[str]]:
    """Return the names below each heading."""
    parts = re.split(r"^(\w+):$", told, flags=re.MULTILINE)
    found = zip(parts[1::2], parts[2::2], strict=True)
    return {heading: re.findall(r"^  (\S+)(?: {4}|$)", lines, re.MULTILINE) for heading, lines in found}


def shown(line: App, command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert arguments.execute(line, [*command.split(), "--help"]) == 0
    return capsys.readouterr().out


def test_the_help_of_every_command_is_looked_at() -> None:
    known = {
        " ".join(filter(None, (above, name)))
        for line in (FLOW_OPS, DEPLOY)
        for above, app in [("", line), *((name, line[name]) for name in line if not name.startswith("-"))]
        for name in app
        if not name.startswith("-")
    }
    assert known == {command for _, command in COMMANDS} - {""}


def test_a_mistyped_command_of_a_group_is_told_those_of_that_group(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert arguments.execute(FLOW_OPS, ["worker", "instal"]) == 1
    said = capsys.readouterr().err
    assert "install, uninstall, status, print" in said
    assert "install?" in said
    assert arguments.execute(FLOW_OPS, ["update", "aply"]) == 1
    assert "apply?" in capsys.readouterr().err


@pytest.mark.parametrize(("line", "command"), COMMANDS)
def test_every_name_in_help_stands_under_the_heading_that_fits_and_none_is_empty(
    line: App, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    told = shown(line, command, capsys)
    for heading, names in rows(told).items():
        assert re.search(rf"^{heading}:\n  \S", told, re.MULTILINE)
        assert [name for name in names if not re.fullmatch(KINDS[heading], name)] == []


@pytest.mark.parametrize(("line", "command"), COMMANDS)
def test_the_help_of_a_spanish_repository_has_no_english_and_no_default_of_a_switch(
    line: App, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "es")
    told = shown(line, command, capsys)
    usage = told.splitlines()[0].split()
    names = [name for heading in rows(told).values() for name in heading]
    assert {word for word in (*usage, *names) if word.isupper()} <= CAPITALS
    assert "False" not in told
    assert "None" not in told


@pytest.mark.parametrize(
    ("line", "tokens", "told"),
    [
        (DEPLOY, ["apply"], "falta ENTORNO."),
        (FLOW_OPS, ["source", "x"], "LUGAR no admite el valor «x»: no es ninguno de vendor, index, git."),
        (
            FLOW_OPS,
            ["worker", "print", "--pool", "x", "--limit=-1"],
            "--limit no admite el valor «-1»: tiene que ser 1 o más.",
        ),
    ],
)
def test_what_is_wrong_is_called_as_help_calls_it(
    line: App,
    tokens: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "es")
    assert arguments.execute(line, tokens) == 1
    assert told in capsys.readouterr().err
