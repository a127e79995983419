"""Write the codes into docs/es/problems.md and docs/en/problems.md, from where the programs take them.

    uv run docs/generate_problems.py

The prose of both pages is written by hand; what stands between the two marks is replaced.
"""

from __future__ import annotations

import string
import sys
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TEMPLATE), str(TEMPLATE / "flow_ops" / "src")]

from flow_ops.messages import catalogue  # noqa: E402
from flow_template.texts import texts  # noqa: E402

BEGIN, END = "<!-- codes: begin -->", "<!-- codes: end -->"
WORDS = {
    "es": (
        "Al generar",
        "Las respuestas se revisan antes de escribir nada. Cada código dice la regla, o qué pasa:",
        "Código",
        "Qué dice",
    ),
    "en": (
        "When generating",
        "Answers are checked before anything is written. Each code says the rule, or what is wrong:",
        "Code",
        "What it says",
    ),
}
LABELS = {"es": ("Por qué", "Qué hacer"), "en": ("Why", "What to do")}
SUBJECTS = {
    "ARGS": ("Línea de comandos", "Command line"),
    "BACK": ("Volver al commit anterior", "Back to the commit before"),
    "BLOCK": (
        "Bloques y Variables que piden los despliegues",
        "Blocks and Variables that deployments ask for",
    ),
    "DEPLOY": ("Despliegue", "Deploying"),
    "DIAGNOSE": ("Diagnóstico de un worker", "Diagnosis of a worker"),
    "ENV": ("Entornos de deploy.py", "Environments of deploy.py"),
    "FLEET": ("La flota", "The fleet"),
    "FLOW": ("El flujo", "The flow"),
    "GIT": ("git", "git"),
    "IMAGE": ("Imágenes", "Images"),
    "LIBRARY": ("De dónde sale flow-ops", "Where flow-ops comes from"),
    "LOCK": ("El archivo uv.lock", "The file uv.lock"),
    "LOGS": ("Registros", "Logs"),
    "MACHINE": ("Esta máquina", "This machine"),
    "NEW": ("Otro flujo en el repositorio", "Another flow in the repository"),
    "PARAM": ("Parámetros", "Parameters"),
    "POOL": ("Work pools", "Work pools"),
    "PROJECT": ("El repositorio", "The repository"),
    "RULE": ("Reglas del repositorio", "Rules of the repository"),
    "RUN": ("Ejecución", "Runs"),
    "RUNNER": ("Dónde se ejecutan las tareas", "Where tasks run"),
    "SCHED": ("Horarios", "Schedules"),
    "SECRET": ("Secretos", "Secrets"),
    "SERVER": ("Servidor", "Server"),
    "SERVICE": ("Workers como servicios", "Workers as services"),
    "SOURCE": ("De dónde viene el código", "Where the code comes from"),
    "TEST": ("Pruebas", "Tests"),
    "UPDATE": ("Actualizaciones de la plantilla", "Updates from the template"),
    "VARIABLE": ("Variables", "Variables"),
    "WATCHDOG": ("Watchdog", "Watchdog"),
    "ZONE": ("Zona horaria", "Time zone"),
}


class _Names(string.Formatter):
    """Puts the name of each value where the value would be."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[str, str]:  # noqa: ARG002
        return f"‹{field_name}›", field_name

    def convert_field(self, value: Any, conversion: Any) -> Any:  # noqa: ARG002
        return value

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ARG002
        return str(value)


def codes(language: str) -> str:
    """Return the generated part of the page, in Markdown."""
    index = ("es", "en").index(language)
    title, words, code_word, rule_word = WORDS[language]
    lines = [f"### {title}", "", words, "", f"| {code_word} | {rule_word} |", "|---|---|"]
    lines += [f"| {code} | {_cell(said)} |" for code, said in texts(language)["codes"].items()]
    messages = catalogue(language)
    for subject in dict.fromkeys(code.split("-")[1] for code in messages):
        lines += ["", f"### {SUBJECTS.get(subject, (subject, subject))[index]}"]
        for code, text in messages.items():
            if code.split("-")[1] == subject:
                lines += ["", *_message(code, text, language)]
    return "\n".join(lines)


def _message(code: str, text: dict[str, str], language: str) -> list[str]:
    why, do = LABELS[language]
    told, *commands = text["do"].splitlines()
    return [
        f"**{code}** {_plain(text['what'])}",
        "",
        f"- {why}: {_plain(text['why'])}",
        f"- {do}: {_plain(told)}",
        *(f"  - {_plain(command)}" for command in commands),
    ]


def _plain(text: str) -> str:
    named = " ".join(_Names().vformat(text, (), {}).split()).replace("«‹", "‹").replace("›»", "›")
    # Markdown would take these for tags, emphasis or links.
    for character in "\\*<>[]`":
        named = named.replace(character, "\\" + character)
    return named


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def page(language: str) -> str:
    """Return the whole page as it should be: its prose, with the codes of now between the marks."""
    text = path(language).read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{codes(language)}\n\n{END}{rest.partition(END)[2]}"


def path(language: str) -> Path:
    """Return where the page of a language is."""
    return TEMPLATE / "docs" / language / "problems.md"


if __name__ == "__main__":
    for each in ("es", "en"):
        path(each).write_text(page(each), encoding="utf-8", newline="\n")
