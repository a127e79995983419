"""What a person reads on a console with the Windows code page, in folders with accents, spaces, `&` and `#`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.support import of_powershell
from tests.generating import snapshot
from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    import subprocess

    from tests.windows.helpers import Windows

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SOURCES = of_windows(ROOT / "flow_ops" / "src")
# Wine has Windows' western code page for most languages of Linux; the variable makes it so for all.
CONSOLE = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("console") / "flujos de ñandú & co #1"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def template(folder: Path) -> Path:
    return snapshot(folder / "plantilla")


def say(windows: Windows, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    done = windows.python("-B", *words, cwd=cwd, encoding="cp1252", seconds=600, **CONSOLE, **variables)
    assert "Traceback" not in done.stdout, done.stdout[-3000:]
    return done


def test_a_refusal_has_its_accents_and_its_command_works_as_it_stands(
    windows: Windows, folder: Path, template: Path
) -> None:
    refused = say(
        *(windows, "-m", "cookiecutter", of_windows(template), "--no-input"),
        *("flow_slug=日本", "flow_name=Línea de ñandú", "timezone=Buenos Aires"),
        cwd=folder,
    )
    assert refused.returncode == 1
    assert all(word in refused.stdout for word in ("FT-SLUG-01", "FT-TIMEZONE", "sugerencia", "ñ"))
    assert [path.name for path in folder.iterdir()] == ["plantilla"]
    # Wine has no PowerShell to read it: its rules are those of `of_powershell`.
    program, *words = of_powershell(refused.stdout.strip().splitlines()[-1].strip())
    assert (program, words[0]) == ("cookiecutter", of_windows(template))
    assert "flow_name=Línea de ñandú" in words
    assert say(windows, "-m", program, *words, cwd=folder).returncode == 0
    (made,) = (path for path in folder.iterdir() if path.name != "plantilla")
    assert f"flow_slug={made.name}" in words
    shutil.rmtree(made)


def test_a_repository_is_generated_there_and_says_what_is_next(
    windows: Windows, folder: Path, template: Path
) -> None:
    answers = ("flow_name=Línea de ñandú → €", "language=es")
    done = say(windows, "-m", "cookiecutter", of_windows(template), "--no-input", *answers, cwd=folder)
    assert done.returncode == 0, done.stdout
    assert "Listo" in done.stdout
    (root,) = (path for path in folder.iterdir() if path.name != "plantilla")
    assert of_windows(root) in done.stdout.replace("'", "")
    assert "ñandú → €" in (root / "README.md").read_text(encoding="utf-8")


def test_the_steps_of_a_worker_are_printed_and_a_reader_that_goes_ends_them_without_a_traceback(
    windows: Windows, folder: Path
) -> None:
    words = "worker", "print", "--pool", "compras-prod", "--api-url", "http://servidor:4200/api"
    printed = say(
        *(windows, "-c", "from flow_ops.cli import main; main()", *words),
        *("--home", r"C:\Archivos de ñandú (prod)\compras"),
        cwd=folder,
        PYTHONPATH=SOURCES,
        FLOW_LANGUAGE="es",
    )
    assert (printed.returncode, r"C:\Archivos de ñandú (prod)" in printed.stdout) == (0, True), printed.stdout
    program = (
        "import subprocess, sys\n"
        f"words = [sys.executable, '-c', 'from flow_ops.cli import main; main()', *{words!r}]\n"
        "child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "child.stdout.close()\n"
        "said = child.stderr.read()\n"
        "print(child.wait(), said)\n"
    )
    done = say(windows, "-c", program, cwd=folder, PYTHONPATH=SOURCES)
    assert done.stdout.split() == ["1", "b''"], done.stdout
