"""What is generated, from where, and what is left behind: nothing, where an answer is refused."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cookiecutter.exceptions import FailedHookException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruff import find_ruff_bin

from flow_template import messages, naming
from helpers.repositories import contents
from helpers.support import not_on_windows
from tests import markdown
from tests.conftest import TEMPLATE, bake_into
from tests.generating import (
    command,
    generate_without_hooks,
    git,
    invoke,
    parse_everything,
    repository_of_the_template,
    snapshot,
    words_of,
)
from tests.test_naming import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable

import tomllib

if sys.platform != "win32":
    import resource

FLOW_FILES = "flow.py", "tasks.py"
ANSWERS = Path(__file__).parent / "answers"
HOSTILE = [
    "quotes \" ' ''' \"\"\" and \\ backslash \\",
    '"""); import os; os.abort() #',
    "{{ 7 * 7 }} {% raw %} {# x #} {{ {",
    "{{ cookiecutter.area }}",
    "Ñandú 日本語 % # $HOME `id` <b> & |",
    "\\u0041\\N{BULLET}\\n",
    "- yaml: [list, {a: b}]",
    "= [toml]",
]


# --- the files


def template_files() -> set[str]:
    """Return the files that every repository has."""
    inside = TEMPLATE / "{{cookiecutter.flow_slug}}"
    named = (path.replace("{{cookiecutter.__package}}", "ventas_diarias") for path in contents(inside))
    return {path for path in named if "__pycache__" not in path}


def test_every_file_of_the_template_is_generated_and_its_record(repository: Path) -> None:
    owned = {name for name in contents(repository) if not name.startswith("vendor/")}
    assert owned == template_files() | {".cruft.json"}


@pytest.mark.parametrize(
    ("readme", "slug"), [("README.md", "daily-sales"), ("README.es.md", "ventas-diarias")]
)
def test_the_tree_of_a_readme_has_the_files_that_are_generated_and_no_other(
    readme: str, slug: str, repository: Path
) -> None:
    text = (TEMPLATE / readme).read_text(encoding="utf-8")
    tree = next(block.code for block in markdown.blocks(text) if block.code.startswith(f"{slug}/\n"))
    shown: set[str] = set()
    folders: list[str] = []
    for line in tree.splitlines()[1:]:
        branch, names = re.match(r"([│ ]*[├└]── )(.*)", line).groups()  # type: ignore[union-attr]
        # What stands after two spaces says what a file is for, where one stands alone.
        entries = (
            re.findall(r"\.\S+", names) if branch.startswith("└") and "  ." in names else [names.split()[0]]
        )
        folders = folders[: len(branch) // 4 - 1]
        shown |= {"".join([*folders, entry]) for entry in entries if not entry.endswith("/")}
        folders += [entry for entry in entries if entry.endswith("/")]
    package = slug.replace("-", "_")
    owned = {name for name in contents(repository) if not name.startswith("vendor/")}
    assert {name.replace(f"/{package}/", "/ventas_diarias/") for name in shown} == owned


def test_the_library_is_embedded_byte_for_byte_with_its_hashes(repository: Path) -> None:
    library, vendor = TEMPLATE / "flow_ops", repository / "vendor"
    wanted = {
        path: content for path, content in contents(library).items() if not path.startswith(("tests/", "."))
    }
    assert contents(vendor / "flow_ops") == wanted
    assert {"LICENSE", "README.md", "pyproject.toml", "src/flow_ops/py.typed"} <= wanted.keys()
    listed = [line.split("  ") for line in (vendor / "flow_ops.sha256").read_text("ascii").splitlines()]
    assert [hashlib.sha256((vendor / name).read_bytes()).hexdigest() for _, name in listed] == [
        digest for digest, _ in listed
    ]
    assert len(listed) == len(wanted)
    if sys.platform != "win32":
        subprocess.run(["sha256sum", "--check", "--quiet", "flow_ops.sha256"], cwd=vendor, check=True)


AREAS = naming.choices("area")
OTHERS = itertools.product(
    naming.choices("language"),
    [{"code_source": "git"}, {"code_source": "local", "repo_url": "C:\\flows\\ventas"}],
    ["0 6 * * 1", "none"],
)
# Every combination of the others, each with one area after the other; with all of the areas every week.
OPTIONS = [
    pytest.param(area, *others, marks=() if area == AREAS[number % len(AREAS)] else pytest.mark.slow)
    for number, others in enumerate(OTHERS)
    for area in AREAS
]


@pytest.mark.parametrize(("area", "language", "source", "schedule"), OPTIONS)
def test_every_combination_of_options_agrees_and_can_be_read(
    area: str, language: str, source: dict[str, str], schedule: str, tmp_path: Path
) -> None:
    chosen = {"language": language, "area": area, "schedule": schedule, **source}
    root = generate_without_hooks(tmp_path, {**GOOD, **chosen})
    parse_everything(root)
    assert set(contents(root)) == template_files()


def test_the_sample_flow_is_read_in_a_minute_and_has_nothing_to_stop_at(repository: Path) -> None:
    package = repository / "src" / "ventas_diarias"
    assert {file.name for file in package.glob("*.py")} == {"__init__.py", "__main__.py", *FLOW_FILES}
    text = "".join((package / name).read_text(encoding="utf-8") for name in FLOW_FILES)
    assert len([line for line in text.splitlines() if line]) < 130
    assert not re.search(r"type: ignore|noqa|^ +(from|import) ", text, re.MULTILINE)
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert len((package / "__init__.py").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize("language", ["es", "en"])
def test_what_people_read_of_the_sample_in_the_ui_and_in_the_log_is_in_their_language(
    language: str, bake: Callable[..., Path]
) -> None:
    root = bake(language=language)
    text = "".join(file.read_text(encoding="utf-8") for file in root.glob("src/*/*.py"))
    read = re.findall(
        r"^ {8}(?:orders_file|since): .*|(?:logger\.\w+|ValueError)\(f?\"[^\"]*",
        text,
        re.MULTILINE,
    )
    assert len(read) == 8
    spanish = r"\b(pedidos?|sucursales|filas|días)\b"
    english = r"\b(orders?|branches|rows)\b"
    ours, theirs = (spanish, english) if language == "es" else (english, spanish)
    assert [line for line in read if not re.search(ours, line, re.IGNORECASE)] == []
    assert [line for line in read if re.search(theirs, line, re.IGNORECASE)] == []


@pytest.mark.parametrize(
    ("repo_url", "asked"), [("https://git.example/team/x.git", True), ("git@git.example:team/x.git", False)]
)
def test_a_token_is_asked_for_where_the_address_takes_one(
    bake: Callable[..., Path], repo_url: str, asked: bool
) -> None:
    root = bake(repo_url=repo_url)
    for name in ("deploy.py", "README.md"):
        assert ("git-token" in (root / name).read_text(encoding="utf-8")) is asked
    assert ("clave SSH" in (root / "README.md").read_text(encoding="utf-8")) is not asked


def test_the_same_answers_give_the_same_bytes_twice_in_a_row(bake: Callable[..., Path]) -> None:
    assert contents(bake(**GOOD)) == contents(bake(**GOOD))


@pytest.mark.parametrize("text", HOSTILE)
def test_free_text_arrives_intact(text: str, tmp_path: Path) -> None:
    root = generate_without_hooks(tmp_path, {**GOOD, "flow_name": text, "description": text})
    parse_everything(root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["description"] == text
    tree = ast.parse((root / "src" / "ventas_diarias" / "flow.py").read_text(encoding="utf-8"))
    assert text in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert (root / "README.md").read_text(encoding="utf-8").splitlines()[0] == f"# {text}"


def test_the_slug_is_derived_from_the_name_with_its_accents_folded(tmp_path: Path) -> None:
    assert invoke(tmp_path, "--no-input", "flow_name=Año Ñandú: ¡qué día!")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ano-nandu-que-dia"]


def lint(root: Path, *folders: str) -> None:
    """Fail where ruff finds something in what was generated, or would write it in another way."""
    for check in (["check"], ["format", "--diff"]):
        done = subprocess.run(
            [find_ruff_bin(), *check, "--no-cache", *(folders or ["."])],
            cwd=root,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode("utf-8")


@pytest.mark.parametrize("file", sorted(ANSWERS.glob("*.json")), ids=lambda file: file.stem)
def test_recorded_answers_of_earlier_releases_generate_what_lints(file: Path, tmp_path: Path) -> None:
    recorded = json.loads(file.read_text(encoding="utf-8"))
    assert [problem for problem in naming.problems(recorded) if problem.question in recorded] == []
    root = generate_without_hooks(tmp_path, recorded)
    parse_everything(root)
    lint(root)


ODD = {
    "double": 'Ana dijo: "ya está"',
    "single": "it's, isn't it",
    "both, more double": '"a" \'b\' "c"',
    "both, more single": "'a' \"b\" 'c'",
    "as many": "'a' \"b\"",
    "backslashes": "C:\\new\\table \\",
    "a backslash and quotes": "\\\" ' \\",
    "three of a kind": "\"\"\" '''",
    "other scripts": "ñandú «日本» \u03b1 \u2013 \u2019 \u00a0.",
    "braces": "{{ cookiecutter.area }} {% raw %} {",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_any_text_gives_files_that_formatting_leaves_as_they_are(text: str, tmp_path: Path) -> None:
    folder = {"code_source": "local", "repo_url": "/srv/" + text.replace("\\", "").strip()}
    root = generate_without_hooks(tmp_path, {**GOOD, "flow_name": text, "description": text, **folder})
    parse_everything(root)
    lint(root, "deploy.py", "src/ventas_diarias", "tests")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="\"'\\ña {", min_size=1, max_size=30))
def test_any_mixture_of_quotes_gives_files_that_formatting_leaves_as_they_are(
    text: str, tmp_path: Path
) -> None:
    folder = tmp_path / "any"
    shutil.rmtree(folder, ignore_errors=True)
    answers = {**GOOD, "description": f"x{text}x"}
    lint(generate_without_hooks(folder, answers), "deploy.py", "src/ventas_diarias")


@pytest.mark.parametrize("length", range(44, 52))
def test_a_schedule_of_any_length_gives_a_file_that_formatting_leaves_as_it_is(
    length: int, tmp_path: Path
) -> None:
    """Where `deploy.py` gets too wide for one line, it has a line for each argument."""
    schedule = f"{'0' * (length - 39)} 10,11,12,13,14,15,16,17,18,19,20 * * *"
    assert len(schedule) == length
    lint(generate_without_hooks(tmp_path, {**GOOD, "schedule": schedule}), "deploy.py")


# --- refusals


def assert_refused(status: int, output: str, folder: Path, *codes: str) -> None:
    assert status == 1
    assert [code for code in codes if code not in output] == []
    assert "Traceback" not in output
    assert list(folder.iterdir()) == []


BAD = ["flow_slug=Ventas", "timezone=UTC", "schedule=(0 6 * * *)", "repo_url=https://u:hush@host/x.git"]
CODES = ["FT-SLUG-01", "FT-TIMEZONE-03", "FT-CRON-02", "FT-URL-02"]


@pytest.mark.parametrize(
    ("language", "title"), [("es", "No se generó nada"), ("en", "Nothing was generated")]
)
def test_all_problems_are_refused_at_once_in_the_chosen_language(
    language: str, title: str, tmp_path: Path
) -> None:
    status, output = invoke(tmp_path, "--no-input", f"language={language}", *BAD)
    assert_refused(status, output, tmp_path, title, *CODES)
    assert "hush" not in output


@pytest.mark.parametrize(
    "answers",
    [
        BAD,
        ["flow_slug=../x", 'description=it\'s "quoted" {{ braces }} $HOME', "language=en"],
        ["flow_name=Ventas 🎉", "area=compras"],
        ["flow_name=¿?", "code_source=local"],
        ["code_source=local", "repo_url=https://github.com/your-org/x.git"],
        ["descripcion=Otra cosa", "flow_slug=json"],
        ["flow_slug=con", "flow_name=Con todo"],
    ],
)
def test_the_command_of_a_refusal_works_and_keeps_the_good_answers(
    answers: list[str], tmp_path: Path
) -> None:
    status, output = invoke(tmp_path, "--no-input", *answers)
    assert status == 1
    program, template, *arguments = words_of(output.strip().splitlines()[-1])
    assert (program, template) == ("cookiecutter", str(TEMPLATE))
    kept = [pair for pair in answers if pair in arguments]
    refused = sum("[FT-" in line for line in output.splitlines())
    assert len(kept) >= len(answers) - refused
    assert invoke(tmp_path, *arguments)[0] == 0
    (root,) = tmp_path.iterdir()
    recorded = json.loads((root / ".cruft.json").read_text(encoding="ascii"))["context"]["cookiecutter"]
    assert naming.problems(recorded) == []
    assert dict(pair.split("=", 1) for pair in kept).items() <= recorded.items()


def test_the_command_of_a_refusal_keeps_the_options(tmp_path: Path) -> None:
    _, output = invoke(tmp_path, "--no-input", "-f", "--default-config", "flow_slug=X")
    line = output.strip().splitlines()[-1]
    assert all(option in line for option in ("--no-input", "--overwrite-if-exists", "--default-config"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("flow_nmae=x y", "flow_name=x y"),
        ("Flow_Slug=x", "flow_slug=x"),
        ("zona=x", "timezone=x"),
        ("__package=x", "language=x"),
    ],
)
def test_a_mistyped_answer_is_named_with_the_nearest_question(typed: str, meant: str, tmp_path: Path) -> None:
    status, output = invoke(tmp_path, "--no-input", typed)
    assert_refused(status, output, tmp_path, "FT-ANSWER-01", typed.split("=", 1)[0])
    if typed != "__package=x":  # nothing is near that one
        assert f": {meant}\n" in output


@pytest.fixture
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], str]:
    """Return a function that writes a user's configuration with these defaults."""

    def write(defaults: dict[str, str]) -> str:
        folder = tmp_path_factory.mktemp("configuration")
        content = {
            "cookiecutters_dir": str(folder / "templates"),
            "replay_dir": str(folder / "replay"),
            "default_context": defaults,
        }
        (folder / "config.yaml").write_text(json.dumps(content), encoding="utf-8")
        return str(folder / "config.yaml")

    return write


@pytest.mark.parametrize("defaults", [{"full_name": "x"}, {"area": "ventas", "language": "en"}, {}])
def test_good_defaults_of_the_users_configuration_are_no_problem(
    configuration: Callable[[dict[str, str]], str], defaults: dict[str, str], tmp_path: Path
) -> None:
    assert invoke(tmp_path, "--no-input", "--config-file", configuration(defaults))[0] == 0


@pytest.mark.filterwarnings("ignore:Invalid default received")
def test_a_bad_default_that_the_command_line_overrides_is_no_problem(
    configuration: Callable[[dict[str, str]], str], tmp_path: Path
) -> None:
    file = configuration({"area": "Compras"})
    assert invoke(tmp_path, "--no-input", "--config-file", file, "area=ventas")[0] == 0


@pytest.mark.parametrize(
    "slug",
    [
        "../escaped",
        *(pytest.param(slug, marks=pytest.mark.slow) for slug in ("a/b/c", "Ventas", "{absolute}")),
    ],
)
def test_a_replay_file_that_skips_the_questions_meets_the_barrier_before_a_folder_is_made(
    slug: str, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "output", tmp_path / "outside"
    folder.mkdir()
    recorded = {**naming.definition(), **GOOD, "flow_slug": slug.replace("{absolute}", str(outside))}
    recorded.pop("__prompts__")
    (tmp_path / "replay.json").write_text(json.dumps({"cookiecutter": recorded}), encoding="utf-8")
    before = set(tmp_path.iterdir())
    status, output = invoke(folder, "--replay-file", str(tmp_path / "replay.json"))
    assert_refused(status, output, folder, "FT-SLUG-01")
    assert set(tmp_path.iterdir()) == before
    arguments = words_of(output.strip().splitlines()[-1])[2:]
    assert invoke(folder, *arguments)[0] == 0


def test_skipping_the_hooks_does_not_skip_the_rules(tmp_path: Path) -> None:
    status, output = invoke(tmp_path, "--no-input", "--accept-hooks", "no", "flow_slug=X")
    assert_refused(status, output, tmp_path, "FT-SLUG-01")


def test_a_refusal_over_an_existing_folder_touches_nothing_in_it(tmp_path: Path) -> None:
    root = bake_into(tmp_path)
    (root / "src" / "ventas_diarias" / "flow.py").write_text("mine", encoding="utf-8")
    (root / "notes.txt").write_text("mine too", encoding="utf-8")
    before = contents(root)
    status, output = invoke(tmp_path, "--no-input", "-f", "timezone=UTC")
    assert (status, "FT-TIMEZONE-03" in output) == (1, True)
    assert contents(root) == before


def work_in(root: Path) -> None:
    """Do what a user does in a repository: change a file, add one, remove one."""
    (root / "src" / "ventas_diarias" / "flow.py").write_text("mine = 1\n", encoding="utf-8")
    (root / "notes.txt").write_text("mine\n", encoding="utf-8")
    (root / "deploy.py").unlink()


def everything(root: Path) -> dict[str, bytes]:
    """Return every file of a repository, git's own included."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("options", "language", "advice"),
    [
        ([], "es", "ya hay algo"),
        (["-f"], "en", "something with that name"),
        pytest.param(["-f", "-s"], "es", "ya hay algo", marks=pytest.mark.slow),
        pytest.param(["-f", "--keep-project-on-failure"], "es", "ya hay algo", marks=pytest.mark.slow),
    ],
)
def test_a_repository_is_never_generated_over(
    options: list[str], language: str, advice: str, tmp_path: Path
) -> None:
    work_in(bake_into(tmp_path))
    before = everything(tmp_path)
    status, output = invoke(
        tmp_path, "--no-input", *options, f"language={language}", "flow_slug=ventas-diarias"
    )
    assert (status, "Traceback" in output) == (1, False)
    assert all(word in output for word in ("FT-SLUG-08", advice, "uv run flow-ops update"))
    assert everything(tmp_path) == before
    assert invoke(tmp_path, *words_of(output.strip().splitlines()[-1])[2:])[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ventas-diarias", "ventas-diarias-2"]


@pytest.mark.parametrize("program", ["replay", pytest.param("cruft", marks=pytest.mark.slow)])
def test_a_repository_is_not_generated_over_where_no_question_is_asked(
    program: str, remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    assert command(remote, "--no-input", cwd=tmp_path, **isolated).returncode == 0
    work_in(tmp_path / "ventas-diarias")
    before = everything(tmp_path / "ventas-diarias")
    if program == "replay":
        done = command(remote, "-f", "--replay", cwd=tmp_path, **isolated)
    else:
        arguments = ["create", remote.as_uri(), "--no-input", "--overwrite-if-exists"]
        done = command(*arguments, cwd=tmp_path, program="cruft", **isolated)
    assert done.returncode == 1
    assert "FT-SLUG-08" in done.stdout + done.stderr
    assert everything(tmp_path / "ventas-diarias") == before


def test_an_empty_folder_is_written_into_with_f(tmp_path: Path) -> None:
    (tmp_path / "ventas-diarias").mkdir()
    assert invoke(tmp_path, "--no-input")[0] == 1
    assert invoke(tmp_path, "--no-input", "-f")[0] == 0
    assert (tmp_path / "ventas-diarias" / "deploy.py").is_file()


# --- what stops a generation half-way

posix = not_on_windows("it has no limits and no signals")


@posix
@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="new", marks=pytest.mark.slow),
        pytest.param(["ventas-diarias"], id="into-an-empty-folder"),
    ],
)
@pytest.mark.parametrize("limit", [9_000, 30_000], ids=["a-file-of-the-template", "the-library"])
def test_a_disk_that_cannot_take_a_repository_leaves_nothing_of_it(
    before: list[str], limit: int, tmp_path: Path
) -> None:
    for name in before:
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [sys.executable, "-B", "-m", "cookiecutter", str(TEMPLATE), "--no-input", "-f"],
        cwd=tmp_path,
        # Instead of a full disk: a size that no file of this process may exceed, with an error as from one.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("FT-GEN-02") == 1
    assert "File too large" in done.stderr
    assert "--output-dir" in done.stderr
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == before


def test_an_output_folder_that_cannot_be_made_is_told_of(isolated: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    done = command(TEMPLATE, "--no-input", "--output-dir", "a-file/flows", cwd=tmp_path, **isolated)
    assert (done.returncode, done.stderr[:9]) == (1, "FT-GEN-02")
    assert "Traceback" not in done.stdout + done.stderr


@posix
@pytest.mark.slow
def test_thirty_interruptions_at_any_moment_lose_nothing_and_leave_nothing_half_made(tmp_path: Path) -> None:
    work_in(bake_into(tmp_path / "own"))
    (tmp_path / "new").mkdir()
    before = everything(tmp_path / "own")
    moments = random.Random(23)  # noqa: S311 - the moments of an interruption
    for folder in ["own", "new"] * 15:
        child = subprocess.Popen(
            [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", "-f"],
            cwd=tmp_path / folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its hooks are interrupted with it, as by Ctrl-C
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        time.sleep(moments.uniform(0.2, 2.5))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)
        child.wait(60)
        made = tmp_path / "new" / "ventas-diarias"
        if made.exists():  # then it is whole
            assert (made / ".git").is_dir()
            shutil.rmtree(made)
    assert everything(tmp_path / "own") == before
    assert invoke(tmp_path / "own", "--no-input", "-f")[0] == 1
    assert everything(tmp_path / "own") == before


# --- any string at all

ANY_TEXT = st.text(max_size=50)
NEAR_MISSES = {
    "flow_slug": st.from_regex(r"[a-zA-Z0-9_./\\-]{1,45}", fullmatch=True),
    "timezone": st.sampled_from(
        ["America/Argentina/Buenos_Aires", "Europe/Madrid", "UTC", "Etc/GMT+3", "../x"]
    ),
    "schedule": st.from_regex(r"([0-9*,/-]{1,5} ){4}[0-9*]", fullmatch=True) | st.just("none"),
    "repo_url": st.from_regex(r"(https://|git@|C:[/\\]|/)[a-z0-9./\\:@?=-]{1,40}", fullmatch=True),
    "flow_name": st.text(alphabet="\"'\\{}%#$`ñÁ a日", min_size=1, max_size=30),
    "description": st.text(alphabet="\"'\\{}%#$`ñÁ a日", min_size=1, max_size=30),
}
FREE = [question for question in GOOD if not naming.choices(question)]
ANY_ANSWERS = st.fixed_dictionaries(
    {question: st.just(GOOD[question]) | NEAR_MISSES.get(question, ANY_TEXT) | ANY_TEXT for question in FREE}
    | {question: st.sampled_from(naming.choices(question)) for question in GOOD if question not in FREE}
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=ANY_ANSWERS)
def test_any_answers_either_generate_files_that_agree_or_leave_nothing(
    answers: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "any"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        root = generate_without_hooks(folder, answers)
    except FailedHookException:
        assert naming.problems(answers)
        assert list(folder.iterdir()) == []
    else:
        assert root.parent == folder
        assert naming.problems(answers) == []
        parse_everything(root)


@settings(max_examples=100, deadline=None)
@given(answers=ANY_ANSWERS)
def test_any_refused_answers_get_suggestions_that_pass_together(answers: dict[str, str]) -> None:
    problems = naming.problems(answers)
    assert naming.problems(messages.corrected(problems, answers)) == []
    assert messages.refusal(problems, answers)


# --- where the template comes from


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it stands, as a git repository: the tag `v1` on its first commit, and a later one."""
    # Cookiecutter takes an address for git's by the word in it.
    folder = repository_of_the_template(tmp_path_factory.mktemp("git-server") / "flow-template")
    readme = folder / "{{cookiecutter.flow_slug}}" / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nAdded later.\n", encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message", "second")
    git(folder, "gc", "--quiet")  # Else each clone compresses it anew.
    return folder


@pytest.fixture
def isolated(tmp_path: Path) -> dict[str, str]:
    """Folders of its own for a command: temporary files, cloned templates and answers."""
    folders = {name: tmp_path / name for name in ("temp", "home")}
    for folder in folders.values():
        folder.mkdir()
    config = tmp_path / "home" / "config.yaml"
    config.write_text(
        f"cookiecutters_dir: {tmp_path / 'home' / 'templates'}\nreplay_dir: {tmp_path / 'home' / 'replay'}\n",
        encoding="utf-8",
    )
    temp = str(folders["temp"])
    return {"TMPDIR": temp, "TEMP": temp, "TMP": temp, "COOKIECUTTER_CONFIG": str(config)}


def recorded_origin(root: Path) -> tuple[str, str, str | None]:
    content = json.loads((root / ".cruft.json").read_text(encoding="ascii"))
    return content["template"], content["commit"], content["checkout"]


def test_generates_from_a_tag_of_a_git_address(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    done = command(remote.as_uri(), "--no-input", "--checkout", "v1", cwd=tmp_path, **isolated)
    assert done.returncode == 0, done.stdout + done.stderr
    root = tmp_path / "ventas-diarias"
    assert recorded_origin(root) == (remote.as_uri(), git(remote, "rev-parse", "v1"), "v1")
    assert "Added later." not in (root / "README.md").read_text(encoding="utf-8")
    assert list((tmp_path / "temp").iterdir()) == []


def test_generates_from_a_zip_and_says_how_to_link_it(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    archive = tmp_path / "flow-template.zip"
    git(remote, "archive", "--prefix=flow-template/", "--output", str(archive), "HEAD")
    done = command(archive, "--no-input", cwd=tmp_path, **isolated)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cruft link" in done.stdout
    assert not (tmp_path / "ventas-diarias" / ".cruft.json").exists()
    left = [path for path in (tmp_path / "temp").rglob("*") if path.is_file()]
    assert left == []


def test_generates_from_a_local_path_given_as_a_dot_and_says_what_is_next(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    done = command(".", "--no-input", "--output-dir", tmp_path, cwd=remote, **isolated)
    assert done.returncode == 0, done.stdout + done.stderr
    root = tmp_path / "ventas-diarias"
    assert recorded_origin(root) == (remote.as_posix(), git(remote, "rev-parse", "HEAD"), None)
    steps = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert words_of(steps[0]) == ["cd", str(root)]
    assert "uv run ventas-diarias" in steps
    assert list((tmp_path / "temp").iterdir()) == []


def test_a_refusal_by_the_command_leaves_nothing_in_temp_nor_in_the_replay_folder(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    done = command(remote.as_uri(), "--no-input", *BAD, cwd=tmp_path, **isolated)
    assert_refused(done.returncode, done.stdout + done.stderr, tmp_path / "temp", *CODES)
    assert not list((tmp_path / "home").rglob("replay/*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "temp"]


@pytest.mark.parametrize("answers", [["flow_slug=日本", "flow_name=日本 ñ"], ["flow_name=Ventas 日本 ñ → €"]])
def test_the_output_survives_a_console_with_the_windows_code_page(
    answers: list[str], isolated: dict[str, str], tmp_path: Path
) -> None:
    """Windows is not here: the code page is simulated by its encoding."""
    done = command(TEMPLATE, "--no-input", *answers, cwd=tmp_path, PYTHONIOENCODING="cp1252", **isolated)
    assert done.returncode == (1 if len(answers) > 1 else 0), done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert ("FT-SLUG-01" if len(answers) > 1 else "Listo") in done.stdout


def test_generates_from_a_git_address_and_cruft_gives_the_same_files_with_its_own_record_and_no_git(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    plain = command(remote.as_uri(), "--no-input", "--output-dir", "plain", cwd=tmp_path, **isolated)
    assert list((tmp_path / "temp").iterdir()) == []
    arguments = ["create", remote.as_uri(), "--no-input", "--output-dir", "cruft"]
    done = command(*arguments, cwd=tmp_path, program="cruft", **isolated)
    assert (plain.returncode, done.returncode) == (0, 0), plain.stderr + done.stdout + done.stderr
    first, second = (tmp_path / name / "ventas-diarias" for name in ("plain", "cruft"))
    assert recorded_origin(first) == (remote.as_uri(), git(remote, "rev-parse", "HEAD"), None)
    assert git(first, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert "Added later." in (first / "README.md").read_text(encoding="utf-8")
    expected, found = contents(first), contents(second)
    records = [json.loads(each.pop(".cruft.json")) for each in (expected, found)]
    assert found == expected
    assert not (second / ".git").exists()
    assert records[0]["commit"] == records[1]["commit"]
    public = {name: records[1]["context"]["cookiecutter"][name] for name in GOOD}
    assert records[0]["context"]["cookiecutter"] == public


def test_cruft_refuses_bad_answers_with_a_command_that_does_not_need_its_clone(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["create", remote.as_uri(), "--no-input", "--extra-context", json.dumps({"flow_slug": "X y"})]
    # As wide as the path of the clone: cruft shows the message below a traceback of rich's, in a box.
    done = command(*arguments, cwd=tmp_path, program="cruft", COLUMNS="400", **isolated)
    assert done.returncode == 1
    assert "FT-SLUG-01" in done.stderr
    assert f"{remote} --no-input language=es" in " ".join(done.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "temp"]


def test_what_plain_cookiecutter_generated_is_updated_by_cruft(
    remote: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    hostile = [
        "flow_name=Ventas {{ 'diarias' }} 100 %",
        "flow_slug=ventas-diarias",
        f"description={HOSTILE[2]}",
    ]
    done = command(remote.as_uri(), "--no-input", "--checkout", "v1", *hostile, cwd=tmp_path, **isolated)
    assert done.returncode == 0, done.stdout + done.stderr
    root = tmp_path / "ventas-diarias"
    record = json.loads((root / ".cruft.json").read_text(encoding="ascii"))
    (root / ".cruft.json").write_text(json.dumps({**record, "checkout": None}), encoding="ascii")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "first")
    done = command("update", "--skip-apply-ask", cwd=root, program="cruft", **isolated)
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(root, "status", "--porcelain").splitlines() == [" M .cruft.json", " M README.md"] or (
        set(git(root, "diff", "HEAD", "--name-only").splitlines()) == {".cruft.json", "README.md"}
    )
    assert (root / "README.md").read_text(encoding="utf-8").splitlines()[
        0
    ] == "# Ventas {{ 'diarias' }} 100 %"
    assert command("check", cwd=root, program="cruft", **isolated).returncode == 0


# --- a template that an editor broke


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the template whose deploy.py names another zone than the answer."""
    folder = snapshot(tmp_path / "broken")
    file = folder / "{{cookiecutter.flow_slug}}" / "deploy.py"
    text = file.read_text(encoding="utf-8")
    assert "{{ cookiecutter.timezone }}" in text
    file.write_text(text.replace("{{ cookiecutter.timezone }}", "America/Buenos_Aires"), encoding="utf-8")
    return folder


def test_names_that_disagree_fail_generation_and_leave_nothing(
    broken: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    done = command(broken, "--no-input", "--output-dir", "out", cwd=tmp_path, **isolated)
    assert done.returncode == 1
    assert "FT-GEN-01" in done.stderr
    assert "deploy.py: TIMEZONE" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
    assert list((tmp_path / "temp").iterdir()) == []


@pytest.mark.slow  # as a full disk does above, at each push
def test_names_that_disagree_leave_a_folder_empty_that_was_empty_before(
    broken: Path, isolated: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "ventas-diarias").mkdir()
    done = command(broken, "--no-input", "-f", cwd=tmp_path, **isolated)
    assert (done.returncode, "FT-GEN-01" in done.stderr) == (1, True)
    assert list((tmp_path / "ventas-diarias").iterdir()) == []


@pytest.mark.slow  # at each push, those of test_every_combination_of_options follow each other in one process
def test_two_commands_in_a_row_do_not_meet(isolated: dict[str, str], tmp_path: Path) -> None:
    for name, area in [("Uno primero", "compras"), ("Dos segundo", "ventas")]:
        done = command(TEMPLATE, "--no-input", f"flow_name={name}", f"area={area}", cwd=tmp_path, **isolated)
        assert done.returncode == 0, done.stdout + done.stderr
    texts = [
        (tmp_path / slug / "deploy.py").read_text(encoding="utf-8") for slug in ("uno-primero", "dos-segundo")
    ]
    assert ["compras-prod" in text for text in texts] == [True, False]
    assert "dos" not in texts[0]
    assert os.listdir(tmp_path / "temp") == []  # noqa: PTH208
