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
from typing import TYPE_CHECKING, Any

import pytest
from cookiecutter.environment import StrictEnvironment
from cookiecutter.utils import create_env_with_context
from jinja2.exceptions import UndefinedError

from hooks import agreement, naming, origin, plain, refusal, welcome
from tests.conftest import TEMPLATE
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
    derived = {"__package": "ventas_diarias", "__function": "ventas_diarias"}
    context = {"cookiecutter": {"_extensions": naming.definition()["_extensions"], **derived, **answers}}
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


@pytest.mark.parametrize("text", [*HOSTILE, ""])
@pytest.mark.parametrize(
    "source",
    [
        "",
        "no answer, { one brace }\n\n",
        "{{ cookiecutter.flow_name }}",
        'a = "{{ cookiecutter.flow_name | in_quotes }}"\nb = {{ cookiecutter.number }}\n',
        "{{cookiecutter.flow_name}}/{{ cookiecutter.number}}",
        "{{ cookiecutter | joined('flow_name') }}{{ cookiecutter | joined }}",
        "{{ cookiecutter | joined('number') | in_quotes | in_quotes }}",
    ],
)
def test_a_plain_text_is_rendered_as_jinja_renders_it(source: str, text: str) -> None:
    def joined(answers: dict[str, Any], *names: str) -> str:
        return " ".join([*names, *map(str, answers.values())])

    filters: dict[str, Callable[..., object]] = {"in_quotes": naming.in_quotes, "joined": joined}
    environment = StrictEnvironment(context={"cookiecutter": {}}, keep_trailing_newline=True)
    environment.filters |= filters
    answers = {"flow_name": text, "number": 7}
    assert plain.is_plain(source, filters)
    expected = environment.from_string(source).render(cookiecutter=answers)
    assert plain.Plain(source, filters).render(cookiecutter=answers) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{% if cookiecutter.area %}x{% endif %}",
        "{# a comment #}",
        "{{ cookiecutter.area | upper }}",
        "{{ cookiecutter.area | in_quotes | upper }}",
        "{{ cookiecutter.area | in_quotes(area) }}",
        "{{ cookiecutter.area.x }}",
        "{{ other }}",
        "{{ cookiecutter.area }}{{ 1 }}",
    ],
)
def test_any_other_text_is_left_to_jinja(source: str) -> None:
    assert not plain.is_plain(source, {"in_quotes": naming.in_quotes})


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_nothing_in_a_hook_is_rendered_but_its_constants(name: str, tmp_path: Path) -> None:
    source = (TEMPLATE / "hooks" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    hook(name, tmp_path, GOOD)
    rendered = (tmp_path / "rendered_hook.py").read_text(encoding="utf-8").splitlines()
    assert len(rendered) == len(source)
    changed = [line for line, now in zip(source, rendered, strict=True) if line != now]
    assert changed
    assert all(re.fullmatch(r'[A-Z]+ = "\{\{ cookiecutter.* \}\}"', line) for line in changed)


def test_an_answer_that_there_is_not_is_undefined_as_in_jinja() -> None:
    with pytest.raises(UndefinedError):
        plain.Plain("{{ cookiecutter.nothing }}", {}).render(cookiecutter={"area": "x"})


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
    derived = {"__package": "ventas_diarias", "__function": "ventas_diarias"}
    return root, {**recorded, **derived, "_work_pools": naming.definition()["_work_pools"]}


@pytest.mark.parametrize("text", HOSTILE)
def test_answers_reach_the_hook_as_data(text: str, tmp_path: Path) -> None:
    module = hook("post_gen_project", tmp_path, {**GOOD, "description": text})
    assert {**GOOD, "description": text}.items() <= json.loads(module.ANSWERS).items()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_the_second_barrier_says_of_hostile_answers_is_data_too(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = hook("pre_gen_project", tmp_path, {**GOOD, "flow_slug": text, "__package": text})
    assert module.main(str(tmp_path)) == 1
    assert "FT-SLUG-01" in capsys.readouterr().err


def test_the_second_barrier_lets_good_answers_pass_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert hook("pre_gen_project", tmp_path, GOOD).main(str(tmp_path / "empty")) == 0
    assert capsys.readouterr() == ("", "")


def test_the_second_barrier_says_everything_on_a_console_without_unicode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")  # as in Windows; simulated, errors are strict
    module = hook("pre_gen_project", tmp_path, {**GOOD, "flow_slug": "日本", "area": "x", "timezone": "UTC"})
    monkeypatch.setattr(sys, "stderr", console)
    assert module.main(str(tmp_path)) == 1
    console.seek(0)
    text = console.read()
    assert all(code in text for code in ("FT-SLUG-01", "FT-CHOICE-01", "FT-ZONE-03"))


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_a_hook_that_ran_leaves_no_copy_of_itself(name: str, tmp_path: Path) -> None:
    hook(name, tmp_path, {**GOOD, "flow_slug": "X", "__package": "x", "__function": "x"})
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
        ("deploy.py", '"prod": Environment', '"production": Environment', "deployments"),
        ("deploy.py", 'work_pool="pool-dev"', 'work_pool="pool-prod"', "['dev'].work_pool"),
        ("deploy.py", 'schedule="30 1', 'schedule="31 1', "['prod'].schedule"),
        (
            "deploy.py",
            'work_pool="pool-dev"',
            'work_pool="pool-dev", schedule="0 0 * * *"',
            "['dev'].schedule",
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
    assert any(place in each.place for each in found), found


def test_another_folder_or_a_missing_file_is_found(generated: tuple[Path, dict[str, Any]]) -> None:
    root, answers = generated
    moved = root.rename(root.with_name("otro"))
    assert [each.place for each in agreement.disagreements(moved, answers)] == ["folder"]
    (moved / "deploy.py").unlink()
    (found,) = agreement.disagreements(moved, answers)
    assert "deploy.py" in found.place


@pytest.mark.parametrize("told", [True, False], ids=["cookiecutter", "cruft"])
def test_a_disagreement_is_reported_in_the_chosen_language_and_fails_the_hook(
    told: bool,
    generated: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, answers = generated
    (root / "deploy.py").unlink()
    if told:
        answers["_output_dir"] = str(root.parent)
    monkeypatch.chdir(root)
    module = hook("post_gen_project", tmp_path, answers)
    assert module.main() == 1
    assert "FT-GEN-01  El template" in capsys.readouterr().err


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no parser to compare with")
def test_names_are_read_as_a_parser_of_toml_reads_them(repository: Path) -> None:
    import tomllib  # noqa: PLC0415

    file = repository / "pyproject.toml"
    parsed, read = tomllib.loads(file.read_text(encoding="utf-8")), agreement._strings(file)
    assert read["project"]["name"] == parsed["project"]["name"]
    assert read["project"]["scripts"] == parsed["project"]["scripts"]
    assert read["tool"]["flow-ops"] == parsed["tool"]["flow-ops"]


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
    monkeypatch.setattr("hooks.naming.TEMPLATE", folder)
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
    monkeypatch.setattr("hooks.naming.TEMPLATE", outer / "templates" / "flow")
    assert origin.record(tmp_path, GOOD)
    content = json.loads((tmp_path / ".cruft.json").read_text(encoding="ascii"))
    assert (content["directory"], content["template"]) == ("templates/flow", str(outer))


def test_a_copy_that_stands_in_another_repository_is_not_taken_for_it(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = committed / "copy"
    copy.mkdir()
    (copy / "cookiecutter.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("hooks.naming.TEMPLATE", copy)
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
    text = welcome.next_steps(tmp_path, GOOD, recorded=False, versioned=False)
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
    text = welcome.next_steps(tmp_path, {**GOOD, "language": language}, recorded=True, versioned=True)
    assert title in text
    assert "git init" not in text
    assert "cruft" not in text


def test_the_next_steps_are_said_on_a_console_without_unicode(
    generated: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, answers = generated
    answers |= {"flow_name": '日本 "ñ"', "_output_dir": str(root.parent), "_copy_without_render": []}
    module = hook("post_gen_project", tmp_path, answers)
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    assert module.main() == 0
    console.seek(0)
    text = console.read()
    assert '?? "?"' in text
    assert "uv run ventas-diarias" in text


@pytest.mark.parametrize(
    "module",
    ["hooks.naming", "hooks.refusal", "hooks.agreement", "hooks.origin", "hooks.welcome", "hooks.completion"],
)
def test_what_a_hook_imports_is_standard_library_only(module: str) -> None:
    """A fresh process that imports more makes each generation slower."""
    program = f"import sys; sys.path.insert(0, {str(TEMPLATE)!r}); import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert not roots & {
        "jinja2",
        "cookiecutter",
        "click",
        "rich",
        "yaml",
        "slugify",
        "tzdata",
        "dataclasses",
        "inspect",
    }


def test_the_command_of_a_refusal_reads_back_as_it_was(hook_words: Callable[[str], list[str]]) -> None:
    values = [f"description={text}" for text in HOSTILE[:5]]
    assert hook_words(refusal.quoted(["cookiecutter", *values])) == ["cookiecutter", *values]


@pytest.fixture
def hook_words() -> Callable[[str], list[str]]:
    """Return what a real POSIX shell makes of a line."""

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
