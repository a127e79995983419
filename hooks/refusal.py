"""What the user reads when answers are refused: every problem, and the command that would work.

Standard library only, like `naming.py`: the hooks import it in a fresh process.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from hooks import naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The rule behind each code, as the user reads it: (Spanish, English).
RULES = {
    "FT-SLUG-01": (
        "minúsculas sin acentos, dígitos y guiones simples; empieza con una letra",
        "lower-case letters without accents, digits and single hyphens; it begins with a letter",
    ),
    "FT-SLUG-02": ("entre 3 y 40 caracteres", "between 3 and 40 characters"),
    "FT-SLUG-03": (
        "no puede ser una palabra reservada de Python: el paquete no se podría importar",
        "it cannot be a Python keyword: the package could not be imported",
    ),
    "FT-SLUG-04": (
        "no puede ser un módulo de la biblioteca estándar de Python: uno taparía al otro",
        "it cannot be a module of Python's standard library: one would hide the other",
    ),
    "FT-SLUG-05": (
        "no puede ser el nombre de una dependencia ni de una carpeta del repositorio",
        "it cannot be the name of a dependency or of a folder of the repository",
    ),
    "FT-SLUG-06": (
        "es un nombre de dispositivo reservado en Windows",
        "it is a device name that Windows reserves",
    ),
    "FT-SLUG-07": (
        "no puede empezar con «prefect»: el servidor reserva esos nombres",
        "it cannot begin with 'prefect': the server reserves those names",
    ),
    "FT-TEXT-01": ("no puede quedar en blanco", "it cannot be blank"),
    "FT-TEXT-02": (
        "una sola línea, sin caracteres de control ni invisibles",
        "a single line, without control or invisible characters",
    ),
    "FT-TEXT-03": (
        "sin emojis ni otros caracteres por encima de U+FFFF: no todas las consolas y formatos los conservan",
        "no emoji or other characters above U+FFFF: not every console and format keeps them",
    ),
    "FT-TEXT-04": ("sin espacios al principio ni al final", "no spaces at the beginning or the end"),
    "FT-TEXT-05": (
        "es demasiado largo: el nombre admite 60 columnas y la descripción 85; las comillas cuentan doble",
        "it is too long: the name may take 60 columns and the description 85; quotes count twice",
    ),
    "FT-ZONE-01": (
        "un nombre de la base IANA, con sus mayúsculas: Región/Ciudad",
        "a name of the IANA database, in its own case: Region/City",
    ),
    "FT-ZONE-02": (
        "es un alias en desuso: la base IANA tiene hoy otro nombre para esa zona",
        "it is a deprecated alias: the IANA database has another name for that zone today",
    ),
    "FT-ZONE-03": (
        "una zona de un lugar: UTC, GMT y las diferencias fijas no siguen la hora local",
        "the zone of a place: UTC, GMT and fixed offsets do not follow local time",
    ),
    "FT-CRON-01": (
        "cinco campos separados por espacios: minuto hora día mes día-de-semana (sin segundos), o none",
        "five fields separated by spaces: minute hour day month weekday (no seconds), or none",
    ),
    "FT-CRON-02": (
        "en cada campo solo *, números, rangos a-b, listas a,b y pasos */n o a-b/n; sin paréntesis",
        "in each field only *, numbers, ranges a-b, lists a,b and steps */n or a-b/n; no brackets",
    ),
    "FT-CRON-03": (
        "fuera de rango: minuto 0-59, hora 0-23, día 1-31, mes 1-12, día de semana 0-7, cada rango en orden",
        "out of range: minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7, each range in order",
    ),
    "FT-CRON-04": (
        "el paso va de 1 al máximo de su campo",
        "a step goes from 1 to the highest value of its field",
    ),
    "FT-CRON-05": (
        "esa fecha no existe: nunca se ejecutaría",
        "that date does not exist: it would never run",
    ),
    "FT-URL-01": (
        "una dirección de git: https://servidor/equipo/repo.git, o git@servidor:equipo/repo.git",
        "a git address: https://host/team/repo.git, or git@host:team/repo.git",
    ),
    "FT-URL-02": (
        "sin usuario, contraseña ni token: quedarían escritos en el repositorio",
        "no user, password or token: they would stay written in the repository",
    ),
    "FT-URL-03": (
        "con code_source=git va la dirección de un repositorio; para una carpeta, code_source=local",
        "with code_source=git this is a repository's address; for a folder, code_source=local",
    ),
    "FT-FOLDER-01": (
        "con code_source=local va una carpeta absoluta en el worker: C:/flows/x o /srv/flows/x",
        "with code_source=local this is an absolute folder on the worker: C:/flows/x or /srv/flows/x",
    ),
    "FT-FOLDER-02": (
        "una sola clase de barra: C:\\flows\\x o C:/flows/x, nunca mezcladas",
        "one kind of slash: C:\\flows\\x or C:/flows/x, never mixed",
    ),
    "FT-FOLDER-03": (
        "carpetas con nombres válidos, sin «..», sin barra final y sin caracteres que Windows prohíbe",
        "folders with legal names, no '..', no slash at the end and no characters that Windows forbids",
    ),
    "FT-CHOICE-01": ("una de las opciones: {choices}", "one of the choices: {choices}"),
    "FT-ANSWER-01": (
        "no es una pregunta de este template; cookiecutter lo ignoraría sin avisar",
        "it is not a question of this template; cookiecutter would ignore it without a word",
    ),
    "FT-ANSWER-02": (
        "viene de tu configuración (default_context) y no es una opción; se ignora, con todas las que siguen",
        "it comes from your configuration (default_context) and is no choice; all after it are ignored too",
    ),
}
_TEXTS = {
    "title": (
        "No se generó nada. Respuestas por corregir: {count}",
        "Nothing was generated. Answers to mend: {count}",
    ),
    "rule": ("Regla", "Rule"),
    "suggestion": ("Sugerencia", "Suggestion"),
    "command": (
        "Con las sugerencias y el resto de tus respuestas, este comando funciona:",
        "With the suggestions and the rest of your answers, this command works:",
    ),
    "again": ("{question}: {value} no sirve ({code})", "{question}: {value} cannot be used ({code})"),
}
_LONGEST_SHOWN = 80


class Invocation(NamedTuple):
    """How the user called: what stays in the command when the answers change."""

    template: str = str(naming.TEMPLATE)
    options: Sequence[str] = ("--no-input",)
    # The answers that the user gave, where that is known; the others derive from these again.
    given: Mapping[str, str] | None = None
    unknown: Sequence[str] = ()

    def command(self, answers: Mapping[str, str]) -> str:
        """Return the whole command, quoted for the shell."""
        pairs = [f"{question}={value}" for question, value in answers.items()]
        return quoted(["cookiecutter", self.template, *self.options, *pairs])


def refusal(problems: Sequence[naming.Problem], answers: Mapping[str, Any], call: Invocation) -> str:
    """Return the whole message: all the problems, then the command that works."""
    language = answers.get("language")
    lines = [_text("title", language).format(count=len(problems)), ""]
    for problem in problems:
        lines += [
            f"  {problem.question} = {shown(problem.value)}   [{problem.code}]",
            f"    {_text('rule', language)}: {rule(problem, language)}",
            f"    {_text('suggestion', language)}: {problem.suggestion}",
            "",
        ]
    lines += [_text("command", language), "", "  " + call.command(mended(problems, answers, call)), ""]
    return "\n".join(lines)


def reproach(problem: naming.Problem, language: object) -> str:
    """Return the two lines that a terminal shows before it asks again."""
    first = _text("again", language).format(
        question=problem.question, value=shown(problem.value), code=problem.code
    )
    return f"  {first}\n  {_text('rule', language)}: {rule(problem, language)}"


def rule(problem: naming.Problem, language: object) -> str:
    """Return the rule that `problem` breaks, in words."""
    listed = naming.choices(problem.question) if problem.question in naming.questions() else []
    return RULES[problem.code][language == "en"].replace("{choices}", ", ".join(listed))


def mended(
    problems: Sequence[naming.Problem], answers: Mapping[str, Any], call: Invocation
) -> dict[str, str]:
    """Return the answers for the command that works: what the user gave, with the suggestions in place."""
    kept = dict(call.given if call.given is not None else _public(answers))
    for problem in problems:
        if problem.question in call.unknown:
            value = kept.pop(problem.question, "")
            meant = problem.suggestion.partition("=")[0]
            if problem.suggestion == f"{meant}={value}":
                kept.setdefault(meant, value)
        else:
            kept[problem.question] = problem.suggestion
    # Mending one answer may spoil what derived from it: look once more, with everything in place.
    for problem in naming.problems({**_public(answers), **kept}):
        kept[problem.question] = problem.suggestion
    return {question: kept[question] for question in naming.questions() if question in kept}


def _public(answers: Mapping[str, Any]) -> dict[str, str]:
    return {question: str(answers[question]) for question in naming.questions() if question in answers}


def shown(value: str) -> str:
    """Return `value` fit for a terminal: credentials masked, controls escaped, cut short."""
    plain = naming.masked(value)
    visible = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in plain)
    cut = visible if len(visible) <= _LONGEST_SHOWN else visible[:_LONGEST_SHOWN] + "..."
    return f'"{cut}"'


def quoted(words: Sequence[str]) -> str:
    """Return the words as one line for the user's shell: PowerShell on Windows, else POSIX."""
    if sys.platform == "win32":
        return " ".join(_quoted_for_powershell(word) for word in words)
    return shlex.join(words)


def _quoted_for_powershell(word: str) -> str:
    r"""Quote for Windows PowerShell 5.1, the one that Windows has: it hands `"` on only as `\"`."""
    if word and all(each.isalnum() or each in "-_./:\\=" for each in word) and not word.startswith("-="):
        return word
    return "'" + word.replace("'", "''").replace('"', '\\"') + "'"


def fit(text: str, stream: TextIO | None) -> str:
    """Return `text` with what `stream` cannot show replaced: a cp1252 console must not raise."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding, "replace")


def _text(name: str, language: object) -> str:
    return _TEXTS[name][language == "en"]
