"""Write what the terminal shows, from real runs of the commands: `uv run python -m docs.terminal`.

For each language, on a terminal of 80 columns: the questions with one refused, on a picture; then a repository
generated from its answers, a real server, git remote and worker, and what `deploy.py` says (`docs/*/terminal.txt`),
its plan on a picture too.
"""

from __future__ import annotations

import html
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pexpect
from rich.console import Console
from rich.text import Text

# Where what the pictures share with the library's tests is.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow_ops" / "tests"))

from flow_template import naming
from flow_template.texts import half
from tests.conftest import TEMPLATE, bake_into

# isort: split
from helpers.support import Server, prefect_server, prefect_worker, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCS = Path(__file__).parent
LANGUAGES = ("en", "es")
# What is typed at the questions, after the language; nothing takes what is proposed.
NAMES = {"en": ("Daily sales", "daily-sales"), "es": ("Ventas diarias", "ventas-diarias")}
AREAS = {"en": "finanzas", "es": "ventas"}
SAID = {"en": "6:15 on Tuesdays and Fridays", "es": "6:15 los martes y viernes"}
# What stands for the address and the folder of the server that these run on.
SITE, HOME = "http://127.0.0.1:4200", "/home/you/.prefect"


def main(folder: Path = DOCS, languages: tuple[str, ...] = LANGUAGES) -> int:
    """Write texts and pictures below `folder`."""
    for language in languages:
        with tempfile.TemporaryDirectory() as name, prefect_server(Path(name)) as server:
            for place, text in captured(Path(name) / language, server, language):
                file = folder / place
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="\n")
    return 0


def captured(folder: Path, server: Server, language: str) -> Iterator[tuple[str, str]]:
    """Yield each file's place below `docs/` and its contents."""
    folder.mkdir()
    yield f"{language}/questions.svg", picture(questions(folder, language), "cookiecutter")
    slug, area = NAMES[language][1], AREAS[language]
    pool = naming.definition()["_work_pools"][area]["prod"]
    origin = f"git@github.com:your-org/{slug}.git"
    root = bake_into(folder, language=language, flow_name=NAMES[language][0], area=area, repo_url=origin)
    environment = {
        **server.environment,
        "TZ": naming.definition()["_usual_timezone"],
        "FLOW_LOG_DIR": str(folder / "logs"),
        # Git takes the remote in this folder for the one of that address.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(folder / 'remote.git').as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": origin,
    }
    environment.pop("VIRTUAL_ENV", None)
    publish(root, folder / "remote.git", origin, environment)

    def typed(*words: str) -> str:
        shown = on_terminal(["uv", "run", "deploy.py", *words], root, environment)
        return f"$ uv run deploy.py {' '.join(words)}\n{shown.replace(server.url.removesuffix('/api'), SITE).replace(str(server.home), HOME)}"

    screens = [typed("apply", "prod")]  # without its pool
    subprocess.run(
        [sys.executable, "-m", "prefect", "work-pool", "create", pool, "--type", "process"],
        env=environment,
        check=True,
        capture_output=True,
    )
    with prefect_worker(server, pool, folder / "worker", **environment):
        wait_until(lambda: workers(server, pool), seconds=60, what="the worker is online")
        plan = typed("plan", "prod")
        screens += [
            plan,
            typed("apply", "prod"),
            typed("run", "prod"),
            typed("status"),
            typed("doctor", "prod"),
        ]
    (root / "notes.txt").write_text("not pushed\n", encoding="utf-8")
    git(root, environment, "add", "--all")
    git(root, environment, "commit", "--quiet", "--no-verify", "--message", "Add notes")
    screens.append(typed("apply", "prod"))
    yield f"{language}/plan.svg", picture(plan, "deploy.py")
    yield f"{language}/terminal.txt", "\n".join(plain_text(screen) for screen in screens)


def questions(folder: Path, language: str) -> str:
    """Answer the questions on a terminal, one of them in words; return what it showed up to the last answer."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "cookiecutter", str(TEMPLATE), "--output-dir", str(folder / "asked")],
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
        dimensions=(60, 80),
        encoding="utf-8",
        timeout=60,
    )
    said = io.StringIO()
    child.logfile_read = said
    name, slug = NAMES[language]
    given = {
        "language": str(LANGUAGES[::-1].index(language) + 1),
        "flow_name": name,
        "schedule": SAID[language],
    }
    for question in naming.questions():
        label = naming.definition()["__prompts__"][question]
        both = label["__prompt__"] if isinstance(label, dict) else label
        child.expect_exact(both if question == "language" else half(both, language))
        child.expect(r"\)\S*:")
        end = len(said.getvalue())
        child.sendline(given.get(question, ""))
        if question == "schedule":
            child.expect(r"\n  [^\n]*\)\S*: ")
            child.sendline()
    child.expect(pexpect.EOF)
    child.close()
    assert (folder / "asked" / slug).is_dir(), said.getvalue()
    return cleaned(said.getvalue()[:end])


def workers(server: Server, pool: str) -> list[object]:
    """Return the workers of a pool that the server knows."""
    return list(httpx.post(f"{server.url}/work_pools/{pool}/workers/filter", json={}, timeout=30).json())


def publish(root: Path, remote: Path, origin: str, environment: Mapping[str, str]) -> None:
    """Lock, commit and push a new repository."""
    subprocess.run(["uv", "sync", "--quiet"], cwd=root, env=environment, check=True)
    git(root, environment, "init", "--quiet", "--bare", str(remote))
    git(root, environment, "remote", "add", "origin", origin)
    git(root, environment, "add", "--all")
    git(root, environment, "commit", "--quiet", "--message", "First version")
    git(root, environment, "push", "--quiet", "--set-upstream", "origin", "HEAD:main")


def git(root: Path, environment: Mapping[str, str], *words: str) -> None:
    """Run git in `root`, as somebody."""
    somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", *somebody, *words], cwd=root, env=environment, check=True)


def on_terminal(command: list[str], root: Path, environment: Mapping[str, str]) -> str:
    """Return what a command shows on a terminal of 80 columns, with its colours."""
    shown, _ = pexpect.run(
        " ".join(command),
        cwd=str(root),
        env={**environment, "TERM": "xterm-256color"},
        timeout=600,
        withexitstatus=True,
        encoding="utf-8",
        dimensions=(60, 80),
    )
    return cleaned(shown)


def cleaned(shown: str) -> str:
    """Return the text that stays on the terminal: not the line that moves while something is waited for."""
    text = re.sub(r"\x1b\[\?25[lh]", "", shown.replace("\r\n", "\n"))
    # Erased from the next line, as the waiting ends.
    text = re.sub(r"[^\n]*\n\r?\x1b\[1A\x1b\[2K", "", text)
    lines = [line.rpartition("\x1b[2K")[2].replace("\r", "").rstrip() for line in text.split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def plain_text(shown: str) -> str:
    """Return a screen without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


def picture(shown: str, title: str) -> str:
    """Return a screen as an SVG picture, without fonts from elsewhere."""
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(Text.from_ansi(shown))
    drawn = console.export_svg(title=title, unique_id="terminal")
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", drawn, flags=re.DOTALL)


def in_picture(svg: str) -> str:
    """Return the text of a picture, line by line."""
    lines: dict[float, str] = {}
    for y, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        lines[float(y)] = lines.get(float(y), "") + html.unescape(text).replace("\xa0", " ")
    return "\n".join(lines[y].rstrip() for y in sorted(lines))


if __name__ == "__main__":
    sys.exit(main())
