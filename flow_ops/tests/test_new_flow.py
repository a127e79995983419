"""A second flow in a repository: one command writes its module, test, command and deployments."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flow_ops import cli, project
from helpers.repositories import contents, make_repository
from helpers.support import remove
from helpers.workshop import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = "a-flow-with-a-name-of-forty-letters-long"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("once")
    return make_repository(folder, "daily-sales", language="en", pools="compras")


@pytest.fixture
def own(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository to be changed, which `flow_ops` takes for its own."""
    root = Path(shutil.copytree(once, tmp_path / once.name))
    monkeypatch.setenv("FLOW_PROJECT_ROOT", str(root))
    project.forget()
    yield root
    project.forget()


def test_a_new_flow_is_a_module_a_test_a_command_and_deployments(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(own)
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    after = contents(own)
    changed = {name for name, content in after.items() if before.get(name) != content}
    written = {
        "deploy.py",
        "pyproject.toml",
        "src/daily_sales/nightly_stock.py",
        "tests/test_nightly_stock.py",
    }
    assert changed == written
    assert written <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("language", "summary", "limit", "logged"),
    [
        ("en", "Read the items, handle them", "limit: Items to handle at most.", '"%d items"'),
        ("es", "Lee los elementos, los procesa", "limit: Cuántos elementos procesar", '"%d elementos"'),
    ],
)
def test_what_people_read_of_a_new_flow_in_the_ui_is_in_their_language(
    own: Path, monkeypatch: pytest.MonkeyPatch, language: str, summary: str, limit: str, logged: str
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    content = (own / "src" / "daily_sales" / "nightly_stock.py").read_text(encoding="utf-8")
    assert [said for said in (summary, limit, logged) if said not in content] == []


def test_a_push_is_a_next_step_where_there_is_a_remote_alone(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["new-flow", "first-one"]) == 0  # no repository of git yet
    git(own, "init", "--quiet")
    assert cli.run(["new-flow", "second-one"]) == 0
    assert "git push" not in capsys.readouterr().out
    git(own, "remote", "add", "company", "https://git.example.com/daily-sales.git")
    assert cli.run(["new-flow", "third-one"]) == 0
    # Its own branch, and not into the one that is deployed.
    assert "\n  git push company HEAD\n" in capsys.readouterr().out


def test_bringing_the_commit_to_the_workers_folder_is_a_next_step_where_that_is_a_clone(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(own, "init", "--quiet")
    git(own, "remote", "add", "company", "https://git.example.com/daily-sales.git")
    folder = tmp_path / "worker"
    deploy = (own / "deploy.py").read_text(encoding="utf-8")
    in_a_folder = re.sub(r"SOURCE = GitSource\(.*\)", f"SOURCE = FolderSource({folder.as_posix()!r})", deploy)
    (own / "deploy.py").write_text(in_a_folder.replace("GitSource", "FolderSource"), encoding="utf-8")
    assert cli.run(["new-flow", "first-one"]) == 0
    assert "  git p" not in capsys.readouterr().out
    git(tmp_path, "clone", "--quiet", str(own), str(folder))
    assert cli.run(["new-flow", "second-one"]) == 0
    assert f"\n  git -C {folder.as_posix()} pull\n" in capsys.readouterr().out


def test_a_new_flow_deploys_to_the_pools_of_the_first_by_hand_only(own: Path) -> None:
    first_before = next(iter(runpy.run_path(str(own / "deploy.py"))["DEPLOYMENTS"].flows.items()))
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    first, second = runpy.run_path(str(own / "deploy.py"))["DEPLOYMENTS"].flows.items()
    assert first == first_before
    assert second[0] == "src/daily_sales/nightly_stock.py:nightly_stock"
    assert {name: each.work_pool for name, each in second[1].items()} == {
        "dev": "compras-dev",
        "prod": "compras-prod",
    }
    assert {each.schedule for each in second[1].values()} == {None}


@pytest.mark.parametrize("slug", ["new", LONGEST])
def test_what_is_written_is_formatted_and_clean(own: Path, slug: str) -> None:
    assert cli.run(["new-flow", slug]) == 0
    assert cli.run(["new-flow", "a-third"]) == 0
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."],
            cwd=own,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "slug",
    ["Nightly-Stock", "ab", LONGEST + "x", "1st-flow", "a--b", "nightly_stock", "", "con", "com1",
     "prefect-x", "lambda", "match", "print", "json", "main", "flow", "ñandú"],
)  # fmt: skip
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(
    own: Path, capsys: pytest.CaptureFixture[str], slug: str
) -> None:
    before = contents(own)
    assert cli.run(["new-flow", slug]) == 1
    assert "FT-NEW-01" in capsys.readouterr().err
    assert contents(own) == before


@pytest.mark.parametrize("slug", ["tasks", "nightly-stock"])
def test_what_exists_is_never_overwritten(own: Path, capsys: pytest.CaptureFixture[str], slug: str) -> None:
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    before = contents(own)
    assert cli.run(["new-flow", slug]) == 1
    assert "FT-NEW-02" in capsys.readouterr().err
    assert contents(own) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("deploy.py", "FLOWS = {\n    FLOW: ENVIRONMENTS,\n}", "FLOWS = dict([(FLOW, ENVIRONMENTS)])"),
     ("pyproject.toml", "[project.scripts]", "[project.gui-scripts]")],
)  # fmt: skip
def test_a_file_of_another_shape_is_not_guessed_at(
    own: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str
) -> None:
    text = (own / file).read_text(encoding="utf-8")
    assert old in text
    (own / file).write_text(text.replace(old, new), encoding="utf-8")
    before = contents(own)
    assert cli.run(["new-flow", "nightly-stock"]) == 1
    told = capsys.readouterr().err
    assert "FT-NEW-03" in told
    assert "nightly_stock" in told
    assert contents(own) == before


@pytest.mark.parametrize(
    ("flows", "code"), [("{}", "FT-NEW-03"), ("{FLOW: {}}", "FT-NEW-03"), ("{FLOW}", "FT-DEPLOY-10")]
)
def test_deployments_that_say_no_pool_for_another_flow_are_refused_and_nothing_is_written(
    own: Path, capsys: pytest.CaptureFixture[str], flows: str, code: str
) -> None:
    text = (own / "deploy.py").read_text(encoding="utf-8")
    assert "flows=FLOWS" in text
    (own / "deploy.py").write_text(text.replace("flows=FLOWS", f"flows={flows}"), encoding="utf-8")
    before = contents(own)
    assert cli.run(["new-flow", "nightly-stock"]) == 1
    assert capsys.readouterr().err.startswith(f"{code}  ")
    assert contents(own) == before


def test_the_module_is_a_flow_of_that_name(own: Path) -> None:
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    module = runpy.run_path(str(own / "src" / "daily_sales" / "nightly_stock.py"))
    assert module["nightly_stock"].name == "nightly-stock"
    assert ast.get_docstring(ast.parse((own / "deploy.py").read_text(encoding="utf-8")))


# --- in the place of the sample

PACKAGE = "src/daily_sales"
SAMPLE = {
    f"{PACKAGE}/data/orders.csv": "order_id\n",
    "tests/test_flow.py": "",
    "tests/test_tasks.py": "",
    "README.md": """# Daily sales

uv run daily-sales --help, uv run daily-sales-two, deploy.py retire dev --flow daily-sales

<!-- sample -->
Its sample.
<!-- end of sample -->

The end.
""",
}


@pytest.fixture
def committed(own: Path) -> Path:
    """A repository with the files of the sample, committed."""
    for name, content in SAMPLE.items():
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).write_text(content, encoding="utf-8")
    git(own, "init", "--quiet")
    git(own, "add", "--all")
    git(own, "commit", "--quiet", "--message", "First version")
    return own


@pytest.mark.parametrize("slug", ["daily-sales", "nightly-stock"])
def test_a_flow_takes_the_place_of_the_sample(
    committed: Path, slug: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["new-flow", slug, "--replace-sample"]) == 0
    function = slug.replace("-", "_")
    (entrypoint,) = runpy.run_path(str(committed / "deploy.py"))["DEPLOYMENTS"].flows
    assert entrypoint == f"{PACKAGE}/flow.py:{function}"
    assert runpy.run_path(str(committed / PACKAGE / "flow.py"))[function].name == slug
    assert sorted(file.name for file in (committed / PACKAGE).iterdir()) == [
        "__init__.py",
        "__main__.py",
        "flow.py",
    ]
    scripts = tomllib.loads((committed / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {slug: "daily_sales.__main__:main"}
    assert (committed / "README.md").read_text(encoding="utf-8") == (
        f"# Daily sales\n\nuv run {slug} --help, uv run daily-sales-two, deploy.py retire dev --flow {slug}\n\nThe end.\n"
    )
    said = capsys.readouterr().out
    assert f"  uv run {slug}\n  git add --all\n  uv run pytest\n" in said
    # What is written and deleted, and nothing else.
    assert str(committed) in said
    assert ("\n  deploy.py\n" in said) is (slug != "daily-sales")
    assert "\n  tests/test_tasks.py (" in said


def test_git_brings_the_sample_back(committed: Path) -> None:
    before = contents(committed)
    assert cli.run(["new-flow", "nightly-stock", "--replace-sample"]) == 0
    git(committed, "restore", "--staged", "--worktree", ".")
    assert contents(committed) == before


def an_edit(root: Path) -> None:
    (root / PACKAGE / "tasks.py").write_text("x = 1\n", encoding="utf-8")


def a_new_file(root: Path) -> None:
    (root / PACKAGE / "mine.py").write_text("x = 1\n", encoding="utf-8")


def an_ignored_sample(root: Path) -> None:
    (root / ".gitignore").write_text("*.csv\n", encoding="utf-8")
    git(root, "rm", "--quiet", "--cached", f"{PACKAGE}/data/orders.csv")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Ignore data")


def no_commit(root: Path) -> None:
    remove(root / ".git")
    git(root, "init", "--quiet")


def no_repository(root: Path) -> None:
    remove(root / ".git")


def no_sample(root: Path) -> None:
    git(root, "rm", "--quiet", "tests/test_tasks.py")
    git(root, "commit", "--quiet", "--message", "Without")


def a_second_flow(root: Path) -> None:
    assert cli.run(["new-flow", "nightly-stock"]) == 0
    project.forget()  # The next command is a process of its own.
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Another flow")


@pytest.mark.parametrize(
    ("change", "code"),
    [(an_edit, "FT-NEW-05"), (a_new_file, "FT-NEW-05"), (an_ignored_sample, "FT-NEW-05"),
     (no_commit, "FT-NEW-05"), (no_repository, "FT-GIT-14"), (no_sample, "FT-NEW-04"), (a_second_flow, "FT-NEW-02")],
)  # fmt: skip
def test_what_git_could_not_bring_back_is_not_replaced(
    committed: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], code: str
) -> None:
    change(committed)
    before = contents(committed)
    assert cli.run(["new-flow", "nightly-stock", "--replace-sample"]) == 1
    assert code in capsys.readouterr().err
    assert contents(committed) == before


def test_before_the_first_commit_a_few_files_are_named_and_not_all(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_commit(committed)
    assert cli.run(["new-flow", "nightly-stock", "--replace-sample"]) == 1
    assert len(capsys.readouterr().err.splitlines()) < 15
