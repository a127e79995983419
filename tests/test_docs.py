"""The documentation: both languages say the same, links lead somewhere, and every command works."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cookiecutter import prompt
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate

from flow_ops import cli
from flow_ops.deploy import cli as deploy_cli
from flow_ops.deployment import Deployments, FolderSource
from helpers.support import free_port, not_on_windows, process, wait_until
from tests import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helpers.support import Server

TEMPLATE = Path(__file__).resolve().parents[1]
DOCS = TEMPLATE / "docs"
PAGES = sorted(page.name for page in (DOCS / "en").glob("*.md"))
PAIRS = {
    "README": (TEMPLATE / "README.es.md", TEMPLATE / "README.md"),
    "generated README": (TEMPLATE / "templates" / "README.es.md", TEMPLATE / "templates" / "README.en.md"),
    **{name: (DOCS / "es" / name, DOCS / "en" / name) for name in PAGES},
}
FILES = [file for pair in PAIRS.values() for file in pair]


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def identify(file: Path) -> str:
    return str(file.relative_to(TEMPLATE))


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_both_languages_have_the_same_structure_commands_and_links(pair: tuple[Path, Path]) -> None:
    spanish, english = (markdown.outline(read(file)) for file in pair)
    assert spanish == english


def test_every_page_exists_in_both_languages() -> None:
    assert sorted(page.name for page in (DOCS / "es").glob("*.md")) == PAGES


@pytest.mark.parametrize("file", FILES, ids=identify)
def test_every_block_says_what_it_is_and_every_command_block_is_run_or_says_why_not(file: Path) -> None:
    for block in markdown.blocks(read(file)):
        assert block.kind in ("bash", "powershell", "python", "text", "mermaid"), block.code
        assert block.kind != "powershell" or block.mark == "not run", block.code
        assert block.mark in ("", "not run", "fails", "background", "input", "in"), block.mark
        assert (block.mark in ("", "background")) or block.value, block.code


@pytest.mark.parametrize("file", FILES, ids=identify)
def test_relative_links_lead_to_files_and_headings_that_exist(file: Path) -> None:
    text = read(file)
    for target in markdown.LINK.findall(text):
        if target.startswith(("http", "{" + "{")):
            continue
        path, _, anchor = target.partition("#")
        linked = (file.parent / path).resolve() if path else file
        assert linked.exists(), target
        assert not anchor or anchor in markdown.anchors(read(linked)), target


# Another program's, or made when a repository is generated.
ELSEWHERE = {"logging_new.yml", "prefect.toml", ".cruft.json"}


@pytest.mark.parametrize("file", FILES, ids=identify)
def test_a_file_that_a_page_names_exists(file: Path) -> None:
    named = set(re.findall(r"`([\w./-]+\.(?:py|toml|md|yml|json))`", read(file))) - ELSEWHERE
    answer = subprocess.run(["git", "ls-files"], cwd=TEMPLATE, capture_output=True, text=True, check=True)
    there = ["/" + path for path in answer.stdout.splitlines()]
    assert {name for name in named if not any(path.endswith("/" + name) for path in there)} == set()


def test_a_release_has_one_version_in_all_its_places() -> None:
    places = {
        "cookiecutter.json": r'"__template_version": "(.*)"',
        "pyproject.toml": r'^version = "(.*)"',
        "flow_ops/pyproject.toml": r'^version = "(.*)"',
        "docs/en/workers.md": r"flow-template@v(.*?)#",
        "docs/es/workers.md": r"flow-template@v(.*?)#",
    }
    version = next(
        line[3:] for line in read(TEMPLATE / "CHANGELOG.md").splitlines() if line.startswith("## ")
    )
    found = {
        name: set(re.findall(said, read(TEMPLATE / name), re.MULTILINE)) for name, said in places.items()
    }
    assert found == {name: {version} for name in places}


@pytest.mark.parametrize("name", ["README.md", "README.es.md"])
def test_a_readme_of_the_template_is_read_in_one_sitting(name: str) -> None:
    assert len(read(TEMPLATE / name).splitlines()) < 150


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_generated_readme_is_read_in_one_sitting(language: str, bake: Callable[..., Path]) -> None:
    assert len(read(bake(language=language) / "README.md").splitlines()) < 300


@not_on_windows("it has no pseudo-terminal")
@pytest.mark.parametrize("name", ["README.md", "README.es.md"])
def test_the_questions_are_those_that_the_readme_shows(name: str, tmp_path: Path) -> None:
    import pexpect  # noqa: PLC0415

    shown = next(block.code for block in markdown.blocks(read(TEMPLATE / name)) if "[1/9]" in block.code)
    answers = [line.rpartition(":")[2].strip() for line in shown.splitlines() if re.search(r"\(.*\):", line)]
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "cookiecutter", str(TEMPLATE), "--output-dir", str(tmp_path)],
        encoding="utf-8",
        timeout=60,
        env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"},
    )
    typed = ""
    for number, answer in enumerate(answers, 1):
        # The default stands in brackets at the end; its line may be broken to fit.
        terminal.expect(rf"\[{number}/9\][\s\S]*\):\s*$")
        typed += terminal.before + terminal.after
        terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    assert "".join(shown.split()) in "".join((typed + terminal.before).split())


@pytest.mark.parametrize("name", ["README.md", "README.es.md"])
def test_a_readme_quotes_what_cookiecutter_asks_when_it_has_the_template_already(name: str) -> None:
    asked = re.findall(r"You've downloaded .* before", inspect.getsource(prompt.prompt_and_delete))
    (quoted,) = re.findall(r"You've downloaded \.\.\. before", read(TEMPLATE / name))
    assert re.fullmatch(re.escape(quoted).replace(r"\.\.\.", ".*"), asked[0])


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_page_of_problems_has_every_code_as_the_programs_say_it(language: str) -> None:
    generator = _generator()
    assert read(generator.path(language)) == generator.page(language), "run: uv run docs/generate_problems.py"


def _generator() -> Any:
    specification = importlib.util.spec_from_file_location("generate_problems", DOCS / "generate_problems.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


COMMANDS = sorted(
    {
        (program, re.sub(r"\{\{.*?\}\}", "some-name", words.split(" #")[0].rstrip("\\ ")))
        for file in FILES
        for block in markdown.blocks(read(file))
        if block.kind in ("bash", "powershell")
        for program, words in re.findall(r"^.*\b(deploy\.py|flow-ops)\b (\S.*)$", block.code, re.MULTILINE)
    }
)


@pytest.mark.parametrize(("program", "words"), COMMANDS)
def test_each_command_of_ours_in_a_page_is_one_that_there_is(program: str, words: str) -> None:
    none = Deployments(flows={}, source=FolderSource("/"), timezone="UTC")
    app = (
        deploy_cli._command_line(deploy_cli._Commands(none))
        if program == "deploy.py"
        else cli._command_line()
    )
    app.parse_args(shlex.split(words), exit_on_error=False, print_error=False)


def test_the_page_of_recipes_lists_every_recipe_and_no_other() -> None:
    listed = set(re.findall(r"\(\.\./recipes/(\w+\.py)\)", read(DOCS / "en" / "recipes.md")))
    assert listed == {file.name for file in (DOCS / "recipes").glob("*.py")}


# --- what the blocks do


PYTHON_BLOCKS = {
    f"{file.parent.name}-{file.stem}-{number}": block
    for file in (english for _, english in PAIRS.values())
    for number, block in enumerate(markdown.blocks(read(file)), 1)
    if block.kind == "python" and block.runs
}


# Runs each program that it is given in a copy of itself, which has Prefect imported, and says how it ended.
COPIES = """
import json, os, signal, sys
import prefect.main, prefect.flow_engine, prefect.deployments
for line in sys.stdin:
    folder, code = json.loads(line)
    if not (child := os.fork()):
        signal.alarm(180)
        os.chdir(folder)
        output = os.open("output", os.O_CREAT | os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        exec(code, {"__name__": "__main__"})
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def copies(server: Server, repository: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **server.environment,
        "PYTHONPATH": str(TEMPLATE / "flow_ops" / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FLOW_PROJECT_ROOT": str(repository),
    }
    command = [sys.executable, "-c", COPIES]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as running:
        yield running


@not_on_windows("no process makes a copy of itself")
@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("block", PYTHON_BLOCKS.values(), ids=PYTHON_BLOCKS)
def test_a_python_block_does_what_it_is_shown_for(
    block: markdown.Block, copies: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert copies.stdin
    assert copies.stdout
    shutil.copy(DOCS / "recipes" / "hello.py", tmp_path)
    print(json.dumps([str(tmp_path), rendered(block.code)]), file=copies.stdin, flush=True)
    status = copies.stdout.readline().strip()
    output = read(tmp_path / "output")
    if block.mark == "fails":
        assert status == "1", output
        assert re.search(rf"^[\w.]*{block.value}\b", output, re.MULTILINE), output
    else:
        assert status == "0", output


def rendered(code: str) -> str:
    """Return the code of a template's block as the default answers render it."""
    from jinja2 import Environment  # noqa: PLC0415

    # What the template has defined above.
    defined = {"pools": {"dev": "pool-dev", "prod": "pool-prod"}, "cookiecutter": {}}
    return Environment(autoescape=False).from_string(code).render(defined)  # noqa: S701


class Terminal:
    """Types the blocks of a page, in order, as a person does on a machine of their own."""

    def __init__(self, repository: Path, folder: Path, environment: dict[str, str]) -> None:
        self.repository = repository
        self.folder = folder
        self.environment = environment
        self.port = str(free_port())
        self.numbers = itertools.count(1)
        self.output = ""

    def read(self, text: str) -> str:
        """Return the text with a free port, where the page has Prefect's own."""
        return text.replace("4200", self.port)

    def type(self, block: markdown.Block) -> None:
        """Run one block; a step that fails names its block."""
        for line in self.read(block.code).splitlines():
            if exported := re.fullmatch(r"export (\w+)=(\S+)", line):
                self.environment[exported[1]] = exported[2]
                continue
            status, said = self._answer(line, block.value) if block.mark == "input" else self._run(line)
            self.output += said
            # `plan` says with 2 that there is something to change, `doctor` with 1 that there is one to fix.
            allowed = (0, 2) if " plan " in line else (0, 1) if " doctor " in line else (0,)
            assert status in allowed, f"{line}\n{said[-3000:]}"

    def _run(self, line: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.repository,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
            start_new_session=True,
        )
        return done.returncode, done.stdout

    def _answer(self, line: str, answer: str) -> tuple[int, str]:
        """Type the answer when it is asked for, at a terminal: what asks does not ask elsewhere."""
        import pexpect  # noqa: PLC0415

        child = pexpect.spawn(
            "bash", ["-c", line], cwd=self.repository, env=self.environment, encoding="utf-8", timeout=400
        )
        child.expect(r": $")
        asked = child.before
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        return child.exitstatus, asked + child.before

    def background(self, block: markdown.Block) -> Any:
        """Start a block that goes on running, and return it as a context."""
        log = self.folder / f"terminal-{next(self.numbers)}.log"
        line = self.read(block.code).strip()
        if "server start" in line:
            line += f" --port {self.port}"
        return process(
            ["bash", "-c", f"exec {line}"], log=log, environment=dict(self.environment), cwd=self.repository
        )


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return newcomer(tmp_path_factory.mktemp("newcomer"))


def newcomer(folder: Path, **answers: str) -> Terminal:
    """A fresh repository, its remote, and an account with nothing in it but git's and uv's settings."""
    from tests.conftest import bake_into  # noqa: PLC0415

    repository = bake_into(folder, **answers)
    remote = folder / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote)], check=True)
    settings = folder / "gitconfig"
    settings.write_text(
        "[user]\nname = newcomer\nemail = newcomer@example.com\n"
        f'[url "file://{remote.as_posix()}"]\ninsteadOf = https://github.com/your-org/{repository.name}.git\n',
        encoding="utf-8",
    )
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if name not in ("VIRTUAL_ENV", "FLOW_PROJECT_ROOT", "PREFECT_PROFILES_PATH")
        },
        "GIT_CONFIG_GLOBAL": str(settings),
        "GIT_TERMINAL_PROMPT": "0",
        "PREFECT_HOME": str(folder / "prefect-home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    return Terminal(repository, folder, environment)


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.environment
def test_a_newcomer_who_types_the_readme_gets_to_a_completed_run_and_back(terminal: Terminal) -> None:
    type_the_readme(terminal)


@pytest.mark.e2e
@pytest.mark.environment
@pytest.mark.slow
def test_a_newcomer_who_types_the_english_readme_gets_there_too(tmp_path: Path) -> None:
    type_the_readme(newcomer(tmp_path, language="en", area="finanzas", timezone="Europe/Madrid"))


def type_the_readme(terminal: Terminal) -> None:
    page = markdown.blocks(read(terminal.repository / "README.md"))
    with contextlib.ExitStack() as open_terminals:
        for block in page:
            if not block.runs or block.kind == "python":
                continue
            if block.mark == "background":
                open_terminals.enter_context(terminal.background(block))
                if "server start" in block.code:
                    _wait_for_server(terminal)
            else:
                terminal.type(block)
    shown = next(block.code for block in page if block.kind == "text")
    assert shown.strip() in terminal.output
    assert "Completed" in terminal.output
    assert re.search("(Guardado en el bloque|Saved in the block) git-token", terminal.output)


PAGES_WITH_COMMANDS = [
    page
    for page in PAGES
    if any(block.kind == "bash" and block.runs for block in markdown.blocks(read(DOCS / "en" / page)))
]


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.environment
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_the_commands_of_a_page_work_in_a_generated_repository(
    page: str, terminal: Terminal, server: Server
) -> None:
    terminal.port = server.url.rpartition(":")[2].removesuffix("/api")
    terminal.environment["PREFECT_API_URL"] = server.url
    # The pages say that they need it; other tests may have made it.
    with SyncPrefectClient(server.url) as client:
        client.create_work_pool(WorkPoolCreate(name="pool-dev", type="process"), overwrite=True)
    for block in markdown.blocks(read(DOCS / "en" / page)):
        if block.kind == "bash" and block.runs:
            terminal.type(block)


def _wait_for_server(terminal: Terminal) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(terminal.port))) == 0

    wait_until(listens, seconds=120, what="the server of the README")
