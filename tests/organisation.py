"""The organisation that the tests know: `organisation.json`, whatever `cookiecutter.json` has.

A team that makes the template its own edits `cookiecutter.json`; the values in these tests need not follow.
Its own conventions, as they stand, are tested in `test_conventions.py`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".tools", "demo", "node_modules", "__pycache__", ".*_cache", ".benchmarks", ".hypothesis"
)


def definition(template: Path) -> dict[str, Any]:
    """Return the `cookiecutter.json` of a template."""
    content: dict[str, Any] = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    return content


def copied(target: Path, conventions: dict[str, Any]) -> Path:
    """Copy the template to `target`, with these conventions in `cookiecutter.json`, and commit it there."""
    shutil.copytree(ROOT, target, ignore=NOT_COPIED)
    content = with_conventions(definition(ROOT), conventions)
    (target / "cookiecutter.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    author = ["-c", "user.name=T", "-c", "user.email=t@localhost"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--message", "Ours"],
    ):
        subprocess.run(["git", *command], cwd=target, check=True)
    return target


def with_conventions(content: dict[str, Any], conventions: dict[str, Any]) -> dict[str, Any]:
    """Return `content` with other values; a label replaces the label of the same question."""
    prompts = {**content["__prompts__"], **conventions.get("__prompts__", {})}
    return {**content, **conventions, "__prompts__": prompts}


def known(folder: Path) -> Path:
    """Return the template as the organisation of the tests has it: the repository itself, or a copy of it."""
    conventions = json.loads((ROOT / "tests" / "organisation.json").read_text(encoding="utf-8"))
    content = definition(ROOT)
    return ROOT if with_conventions(content, conventions) == content else copied(folder, conventions)
