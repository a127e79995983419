"""What the user reads when the repository is ready: what is next, as commands to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hooks import naming, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READY = ("Listo: {name}", "Ready: {name}")
_STEPS = (
    (
        (
            "Ejecutá el flujo y las pruebas (uv instala todo la primera vez):",
            "Run the flow and its tests (uv installs all the first time):",
        ),
        ("cd {folder}", "uv run {slug}", "uv run pytest"),
    ),
    (
        ("Guardá la primera versión:", "Save the first version:"),
        ("git add --all", "git commit --message {message}", "uv run pre-commit install"),
    ),
    (
        (
            "Mirá qué cambiaría en el servidor de PREFECT_API_URL, sin tocar nada:",
            "See what would change on the server of PREFECT_API_URL, touching nothing:",
        ),
        ("uv run deploy.py plan dev",),
    ),
)
_MESSAGE = ("Primera versión", "First version")
_NO_GIT = (
    "No se pudo ejecutar «git init»: la carpeta todavía no es un repositorio git.",
    "`git init` could not be run: the folder is not a git repository yet.",
)
_NOT_RECORDED = (
    "El template es un zip o una copia, sin commit: para recibir sus mejoras, enlazá el repositorio una vez:",
    "The template is a zip or a copy, without a commit: to receive its improvements, link to it once:",
)


def next_steps(root: Path, answers: Mapping[str, Any], *, recorded: bool, versioned: bool) -> str:
    """Return the text, in the chosen language."""
    english = answers["language"] == "en"
    values = {
        "folder": refusal.quoted([str(root)]),
        "slug": answers["flow_slug"],
        "message": refusal.quoted([_MESSAGE[english]]),
    }
    lines = ["", _READY[english].format(name=answers["flow_name"])]
    for title, commands in _STEPS:
        lines += ["", title[english], *(f"  {command.format(**values)}" for command in commands)]
    if not versioned:
        lines += ["", _NO_GIT[english], "  git init --initial-branch=main"]
    if not recorded:
        address = f"{naming.definition()['_git_base_url']}/flow-template.git"
        lines += ["", _NOT_RECORDED[english], f"  uvx cruft link {address}"]
    return "\n".join([*lines, ""])
