"""One word for one thing: those that CONTRIBUTING.md sets aside are nowhere that people read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "{{cookiecutter.flow_slug}}"
READ = {
    "English": [
        ROOT / "README.md",
        ROOT / "templates" / "README.en.md",
        ROOT / "flow_ops" / "README.md",
        *(ROOT / "docs" / "en").glob("*.md"),
        *(ROOT / "docs" / "recipes").glob("*.py"),
        *ROOT.glob("flow*/**/en.toml"),
        *(
            file
            for file in GENERATED.rglob("*")
            if file.suffix in (".py", ".toml", ".yml", ".yaml", ".example")
        ),
    ],
    "Spanish": [
        ROOT / "README.es.md",
        ROOT / "templates" / "README.es.md",
        *(ROOT / "docs" / "es").glob("*.md"),
        *ROOT.glob("flow*/**/es.toml"),
        GENERATED / ".env.example",
    ],
}


def set_aside(language: str) -> list[str]:
    """Return the right column of a language's table."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.partition(f"| {language} | and not |\n|---|---|\n")[2].partition("\n\n")[0]
    cells = [row.strip("| ").rpartition("|")[2] for row in table.splitlines()]
    return [word.strip().strip("`") for cell in cells for word in cell.split(",")]


@pytest.mark.parametrize("language", READ)
def test_a_word_that_is_set_aside_is_nowhere(language: str) -> None:
    words = "|".join(re.escape(word) for word in set_aside(language))
    assert words.count("|") > 5
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in READ[language]
        # What a line break parts is still one expression.
        for match in re.finditer(
            rf"(?<!\w)({words.replace(chr(92) + ' ', chr(92) + 's+')})(?!\w)",
            file.read_text(encoding="utf-8"),
            re.IGNORECASE,
        )
    ]
    assert found == []


def test_the_lists_are_of_files_that_are_there() -> None:
    assert {language: len(files) > 5 for language, files in READ.items()} == {
        "English": True,
        "Spanish": True,
    }
