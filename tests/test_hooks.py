"""The hooks, rendered as cookiecutter renders them and loaded as modules; and what they call."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import requires
from typing import TYPE_CHECKING, Any

import pytest
from cookiecutter.utils import create_env_with_context

from flow_template import agreement, messages, naming, origin
from helpers.support import of_powershell
from tests.conftest import TEMPLATE
from tests.generating import complete
from tests.test_naming import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

HOSTILE = [
    "quotes \" ' ''' \"\"\" and \\ backslash \\",
    '"""); import os; os.abort() #',
    "{{ 7 * 7 }} {% raw %} {# x #}",
    "Ñandú 日本語 % # $HOME `id`",
    "\\u0041\\N{BULLET}\\",
    "nul \x00 escape \x1b tab \t line \n return \r",
    "\u2028\u2029\ufeff\U0001f389",
]


def hook(name: str, folder: Path, answers: dict[str, Any]) -> ModuleType:
    """Render a hook with `answers` into `folder` and load it, without running it."""
    context = {"cookiecutter": complete(answers)}
    source = (TEMPLATE / "hooks" / f"{name}.py").read_text(encoding="utf-8")
    rendered = folder / "rendered_hook.py"
    rendered.write_text(
        create_env_with_context(context).from_string(source).render(**context), encoding="utf-8"
    )
    spec = importlib.util.spec_from_file_location("rendered_hook", rendered)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_nothing_in_a_hook_is_rendered_but_its_data(name: str) -> None:
    source = (TEMPLATE / "hooks" / f"{name}.py").read_text(encoding="utf-8")
    rendered = re.findall(r"\{[{%#].*?[}%#]\}", source)
    assert rendered == ["{{ template_folder | jsonify }}", "{{ cookiecutter | jsonify }}"]


@pytest.fixture(autouse=True)
def same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a hook adds to the path of modules."""
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def generated(repository: Path, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of a generated repository, to be spoiled, and its answers."""
    root = tmp_path / "copy" / repository.name
    shutil.copytree(repository, root, ignore=shutil.ignore_patterns(".git"))
    recorded = json.loads((root / ".cruft.json").read_text(encoding="utf-8"))["context"]["cookiecutter"]
    return root, complete(recorded)


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
@pytest.mark.parametrize("text", HOSTILE)
def test_answers_reach_a_hook_as_data(text: str, name: str, tmp_path: Path) -> None:
    hostile = {**GOOD, "description": text, "repo_url": text}
    assert hostile.items() <= hook(name, tmp_path, hostile).ANSWERS.items()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_the_second_barrier_says_of_hostile_answers_is_data_too(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = hook("pre_gen_project", tmp_path, {**GOOD, "flow_slug": text, "__package": text})
    assert module.main(tmp_path, module.ANSWERS) == 1
    assert "FT-SLUG-01" in capsys.readouterr().err


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """The folder that cookiecutter just made for the repository."""
    folder = tmp_path / "output" / GOOD["flow_slug"]
    folder.mkdir(parents=True)
    return folder


def test_the_second_barrier_lets_good_answers_pass_without_a_word(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hook("pre_gen_project", tmp_path, GOOD).main(empty, GOOD) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["notes.txt", ".git"])
def test_the_second_barrier_refuses_a_folder_that_holds_something_and_names_a_free_one(
    name: str, empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / name).mkdir()
    (empty.with_name("ventas-diarias-2") / "mine").mkdir(parents=True)
    assert hook("pre_gen_project", tmp_path, GOOD).main(empty, GOOD) == 1
    told = capsys.readouterr().err
    assert "FT-SLUG-08" in told
    assert "flow_slug=ventas-diarias-3" in told
    assert [path.name for path in empty.iterdir()] == [name]


def test_the_second_barrier_says_everything_on_a_console_without_unicode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")  # as in Windows; simulated, errors are strict
    module = hook("pre_gen_project", tmp_path, {**GOOD, "flow_slug": "日本", "area": "x", "timezone": "UTC"})
    monkeypatch.setattr(sys, "stderr", console)
    assert module.main(tmp_path, module.ANSWERS) == 1
    console.seek(0)
    text = console.read()
    assert all(code in text for code in ("FT-SLUG-01", "FT-CHOICE-01", "FT-TIMEZONE-03"))


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_a_hook_that_ran_leaves_no_copy_of_itself(name: str, tmp_path: Path) -> None:
    hook(name, tmp_path, {**GOOD, "flow_slug": "X"})
    rendered = tmp_path / "rendered_hook.py"
    subprocess.run([sys.executable, rendered], cwd=tmp_path, capture_output=True, check=False)
    assert not rendered.exists()


def test_the_repository_with_default_answers_agrees_everywhere(
    generated: tuple[Path, dict[str, Any]],
) -> None:
    assert agreement.disagreements(*generated) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("pyproject.toml", 'name = "ventas-diarias"', 'name = "otro"', "project.name"),
        ("pyproject.toml", '"ventas-diarias" = ', '"otro" = ', "project.scripts"),
        ("pyproject.toml", "__main__:main", "__main__:run", "project.scripts"),
        ("pyproject.toml", 'package = "ventas_diarias"', 'package = "otro"', "flow-ops.package"),
        ("pyproject.toml", 'area = "general"', 'area = "compras"', "flow-ops.area"),
        ("pyproject.toml", 'timezone = "America/', 'timezone = "Americas/', "flow-ops.timezone"),
        ("pyproject.toml", "[project]", "[project", "pyproject.toml"),
        ("src/ventas_diarias/flow.py", 'name="ventas-diarias"', 'name="otro"', "@flow(name=)"),
        ("src/ventas_diarias/flow.py", "def ventas_diarias", "def otro", "@flow(name=)"),
        ("src/ventas_diarias/flow.py", "@flow(", "@task(", "@flow(name=)"),
        ("src/ventas_diarias/flow.py", "import", "imp ort", "flow.py"),
        ("src/ventas_diarias/__main__.py", "def main", "def run", "__main__.py: main"),
        ("deploy.py", "flow.py:ventas_diarias", "flow.py:otro", "FLOW"),
        ("deploy.py", "src/ventas_diarias/flow.py", "src/otro/flow.py", "FLOW"),
        ("deploy.py", 'TIMEZONE = "America/', 'TIMEZONE = "Americas/', "TIMEZONE"),
        ("deploy.py", "SOURCE = GitSource", "SOURCE = FolderSource", "SOURCE"),
        ("deploy.py", "github.com", "github.org", "SOURCE"),
        ("deploy.py", '"prod": Environment', '"production": Environment', "ENVIRONMENTS"),
        ("deploy.py", 'work_pool="pool-dev"', 'work_pool="pool-prod"', "ENVIRONMENTS"),
        ("deploy.py", 'schedule="30 1', 'schedule="31 1', "ENVIRONMENTS"),
        (
            "deploy.py",
            'work_pool="pool-dev"',
            'work_pool="pool-dev", schedule="0 0 * * *"',
            "ENVIRONMENTS",
        ),
    ],
)
def test_one_name_that_differs_is_found(
    generated: tuple[Path, dict[str, Any]], file: str, old: str, new: str, place: str
) -> None:
    root, answers = generated
    text = (root / file).read_text(encoding="utf-8")
    assert old in text
    (root / file).write_text(text.replace(old, new), encoding="utf-8")
    found = agreement.disagreements(root, answers)
    assert any(place in each for each, _, _ in found), found


def test_another_folder_or_a_missing_file_is_found(generated: tuple[Path, dict[str, Any]]) -> None:
    root, answers = generated
    moved = root.rename(root.with_name("otro"))
    assert [place for place, _, _ in agreement.disagreements(moved, answers)] == ["folder"]
    (moved / "deploy.py").unlink()
    ((place, _, _),) = agreement.disagreements(moved, answers)
    assert "deploy.py" in place


@pytest.mark.parametrize(("language", "title"), [("es", "La plantilla"), ("en", "The template")])
def test_a_disagreement_is_reported_in_the_chosen_language_and_nothing_is_left(
    language: str,
    title: str,
    generated: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, answers = generated
    (root / "deploy.py").unlink()
    module = hook("post_gen_project", tmp_path, answers)
    assert module.main(root, {**answers, "language": language}) == 1
    assert f"FT-GEN-01  {title}" in capsys.readouterr().err
    assert list(root.iterdir()) == []


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *names, "-C", folder, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small template in a git commit, taken for the template itself."""
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "cookiecutter.json").write_text("{}", encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")
    monkeypatch.setattr(naming, "TEMPLATE", folder)
    return folder


@pytest.mark.parametrize(
    ("address", "recorded"),
    [
        ("https://github.com/org/t.git", "https://github.com/org/t.git"),
        ("https://user:secret@github.com/org/t.git", "https://github.com/org/t.git"),
        ("git@github.com:org/t.git", "git@github.com:org/t.git"),
    ],
)
def test_the_origin_is_recorded_without_credentials(
    committed: Path, tmp_path: Path, address: str, recorded: str
) -> None:
    git(committed, "remote", "add", "origin", address)
    assert origin.record(tmp_path, {**GOOD, "_checkout": "v1", "__package": "x"})
    content = json.loads((tmp_path / ".cruft.json").read_text(encoding="ascii"))
    assert content == {
        "template": recorded,
        "commit": git(committed, "rev-parse", "HEAD"),
        "checkout": "v1",
        "context": {"cookiecutter": GOOD},
        "directory": None,
    }


def test_a_template_in_a_folder_of_its_repository_records_that_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = tmp_path / "outer"
    (outer / "templates" / "flow").mkdir(parents=True)
    (outer / "templates" / "flow" / "cookiecutter.json").write_text("{}", encoding="utf-8")
    git(outer, "init", "--quiet")
    git(outer, "add", "--all")
    git(outer, "commit", "--quiet", "--message", "x")
    monkeypatch.setattr(naming, "TEMPLATE", outer / "templates" / "flow")
    assert origin.record(tmp_path, GOOD)
    content = json.loads((tmp_path / ".cruft.json").read_text(encoding="ascii"))
    # As git writes it: on Windows with its own slashes.
    assert (content["directory"], content["template"]) == ("templates/flow", outer.as_posix())


def test_a_copy_that_stands_in_another_repository_is_not_taken_for_it(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = committed / "copy"
    copy.mkdir()
    (copy / "cookiecutter.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(naming, "TEMPLATE", copy)
    assert not origin.record(tmp_path, GOOD)
    assert not (tmp_path / ".cruft.json").exists()


def test_a_variable_of_a_surrounding_git_hook_does_not_mislead(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert origin.record(tmp_path, GOOD)
    assert committed.exists()


def test_without_git_on_the_machine_generation_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not origin.record(tmp_path, GOOD)
    assert not origin.git_init(tmp_path)
    text = messages.next_steps(tmp_path, GOOD, recorded=False, versioned=False)
    assert "git init --initial-branch=main" in text
    assert "cruft link" in text


def test_git_starts_on_main_whatever_the_user_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitconfig").write_text("[init]\n\tdefaultBranch = trunk\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert origin.git_init(tmp_path)
    assert git(tmp_path, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_git_leaves_an_existing_repository_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    assert origin.git_init(tmp_path)
    assert git(tmp_path, "symbolic-ref", "HEAD") == "refs/heads/trunk"


@pytest.mark.parametrize(("language", "title"), [("es", "Listo"), ("en", "Ready")])
def test_the_next_steps_are_in_the_chosen_language(language: str, title: str, tmp_path: Path) -> None:
    text = messages.next_steps(tmp_path, {**GOOD, "language": language}, recorded=True, versioned=True)
    assert title in text
    assert (
        f"git remote add origin {GOOD['repo_url']}\n  git push --set-upstream origin HEAD:main\n  uv run pre-commit install\n"
        in text
    )
    assert "git init" not in text
    assert "cruft" not in text


def test_code_in_a_folder_is_not_pushed_by_the_next_steps(tmp_path: Path) -> None:
    folder = {**GOOD, "code_source": "local", "repo_url": "C:/flows/x"}
    assert "git push" not in messages.next_steps(tmp_path, folder, recorded=True, versioned=True)


def test_the_next_steps_are_said_on_a_console_without_unicode(
    generated: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, answers = generated
    module = hook("post_gen_project", tmp_path, answers)
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    assert module.main(root, {**answers, "flow_name": '日本 "ñ"'}) == 0
    console.seek(0)
    text = console.read()
    assert '?? "?"' in text
    assert "uv run ventas-diarias" in text


def test_the_command_of_a_refusal_reads_back_as_it_was(hook_words: Callable[[str], list[str]]) -> None:
    values = [f"description={text}" for text in HOSTILE[:5]]
    assert hook_words(messages.quoted(["cookiecutter", *values])) == ["cookiecutter", *values]


@pytest.fixture
def hook_words() -> Callable[[str], list[str]]:
    """Return what a real POSIX shell makes of a line; on Windows, what PowerShell would."""
    if sys.platform == "win32":
        return of_powershell

    def words(line: str) -> list[str]:
        show = "import json, sys; print(json.dumps(sys.argv[1:]))"
        done = subprocess.run(
            ["sh", "-c", f"{shlex.join([sys.executable, '-c', show])} {line}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return list(json.loads(done.stdout))

    return words


def test_hooks_need_nothing_but_the_standard_library_and_what_cookiecutter_needs_itself() -> None:
    """Cookiecutter's environment is the user's: what else is in it differs."""
    folders = [str(TEMPLATE), str(TEMPLATE / "flow_ops" / "src")]
    modules = "agreement, messages, naming, origin, schedule"
    program = (
        f"import sys; sys.path[:0] = {folders}; before = set(sys.modules);"
        f"from flow_template import {modules}; import flow_ops.embedding; print(*sys.modules.keys() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    brought = {re.split(r"\W", each.replace("python-", ""))[0] for each in requires("cookiecutter") or []}
    ours, of_slugify = {"flow_template", "flow_ops"}, {"text_unidecode"}
    of_python = {name for name in loaded if name.startswith("_sysconfigdata")}
    assert loaded <= brought | ours | of_slugify | of_python
