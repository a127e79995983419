"""`.env.example`: what it says of Prefect's settings is so, and it gives no machine's settings away."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prefect.settings.legacy import _get_settings_fields
from prefect.settings.models.root import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = Path(__file__).resolve().parents[1] / "flow_ops" / "src"
TEMPLATE = Path(__file__).resolve().parents[1] / "{{cookiecutter.flow_slug}}"
# From the strongest to the weakest, as the file lists them.
SOURCES = ("environment", ".env", "prefect.toml", "pyproject.toml", "profile", "default")


ASK = """
import os, sys
from prefect.context import get_settings_context, refresh_global_settings_context
for folder, address in zip(sys.argv[1::2], sys.argv[2::2]):
    os.chdir(folder)
    os.environ |= {"PREFECT_HOME": f"{folder}/home", "PREFECT_PROFILES_PATH": f"{folder}/profiles.toml"}
    os.environ.pop("PREFECT_API_URL", None)
    if address:
        os.environ["PREFECT_API_URL"] = address
    refresh_global_settings_context()  # as when Prefect is imported
    print(get_settings_context().settings.api.url)
"""


def _in_place(folder: Path, sources: tuple[str, ...]) -> tuple[str, str]:
    """Put these sources of the API's address in `folder`; return it, and what the environment is to say."""
    folder.mkdir()
    files = {
        ".env": "PREFECT_API_URL=http://dotenv/api\n",
        "prefect.toml": 'api.url = "http://prefect-toml/api"\n',
        "pyproject.toml": '[tool.prefect]\napi.url = "http://pyproject/api"\n',
    }
    for name in files.keys() & set(sources):
        (folder / name).write_text(files[name], encoding="utf-8")
    profile = 'PREFECT_API_URL = "http://profile/api"\n' if "profile" in sources else ""
    (folder / "profiles.toml").write_text(f'active = "team"\n[profiles.team]\n{profile}', encoding="utf-8")
    return str(folder), "http://environment/api" if "environment" in sources else ""


@pytest.mark.e2e
def test_each_source_of_a_setting_wins_over_those_listed_below_it(tmp_path: Path) -> None:
    cases = [_in_place(tmp_path / str(i), SOURCES[i:]) for i in range(len(SOURCES))]
    asked = [sys.executable, "-c", ASK, *(argument for case in cases for argument in case)]
    answer = subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [
        "http://environment/api",
        "http://dotenv/api",
        "http://prefect-toml/api",
        "http://pyproject/api",
        "http://profile/api",
        "None",
    ]


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_example_sets_nothing_and_names_only_settings_that_exist(
    bake: Callable[..., Path], language: str
) -> None:
    text = (bake(language=language) / ".env.example").read_text(encoding="utf-8")
    assert all(line.startswith("#") for line in text.splitlines() if line)
    names = re.findall(r"^#([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE)
    assert {"PREFECT_API_URL", "PREFECT_HOME", "PYTHONUTF8", "FLOW_LOG_DIR"} <= set(names)
    of_prefect = {field for field in names if field.startswith("PREFECT_")}
    assert of_prefect <= set(_get_settings_fields(Settings))
    code = "".join(file.read_text(encoding="utf-8") for file in LIBRARY.rglob("*.py"))
    for name in set(names) - of_prefect - {"PYTHONUTF8"}:
        assert f'"{name}"' in code, f"no code reads {name}"


def test_the_example_says_the_same_in_both_languages(bake: Callable[..., Path]) -> None:
    def settings(language: str) -> list[str]:
        text = (bake(language=language) / ".env.example").read_text(encoding="utf-8")
        return re.findall(r"^#([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE)

    assert settings("es") == settings("en")
