"""A repository generated long ago is brought up to date: real git, real cookiecutter, real cruft."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flow_ops import cli, embedding, project, updates
from flow_ops.deploy import checks
from flow_ops.messages import FlowOpsError
from helpers.support import bring_bytecode, not_on_windows
from tests.conftest import TEMPLATE
from tests.generating import snapshot
from tests.organisation import ROOT
from tests.releases import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREVIOUS = "v0.9.0"  # made here, so that there is one to update from even where the checkout has no tags
GENERATED = "{{cookiecutter.flow_slug}}"
EDITED = {
    "src/ventas_diarias/tasks.py": "\n\ndef ours() -> int:\n    return 1\n",
    "README.md": "\nA line of the team.\n",
    "deploy.py": "\n# Ours.\n",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def run_tool(tool: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter or cruft as a user does: in a process of its own, with no questions."""
    return subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=cwd, capture_output=True, check=False, encoding="utf-8"
    )


def released_tags() -> list[str]:
    """The tags of this checkout: all releases on a developer's machine, none in a shallow clone."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "tag", "--list", "v*"], capture_output=True, check=False, text=True
    )
    return listed.stdout.split()


RELEASES = [PREVIOUS, *(pytest.param(tag, marks=pytest.mark.slow) for tag in released_tags())]


@pytest.fixture(scope="module", autouse=True)
def _git_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No settings of the machine's git, and a name to commit with."""
    settings = tmp_path_factory.mktemp("git") / "gitconfig"
    settings.write_text(
        "[user]\nname = T\nemail = t@localhost\n[init]\ndefaultBranch = main\n", encoding="utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        renders = [
            sys.executable,
            str(ROOT / "tests" / "render_once.py"),
            str(settings.with_name("rendered")),
        ]
        patch.setattr(updates, "COOKIECUTTER", renders)
        yield


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory, _git_of_its_own: None) -> Path:
    """The template's git repository: every release, and the current tree as the newest one on `main`."""
    root = tmp_path_factory.mktemp("remote") / "flow-template.git"
    root.mkdir()
    git(root, "init", "--quiet")
    for tag in released_tags():
        replace_tree(root, partial(unpack, tag, root))
        commit(root, tag)
        git(root, "tag", tag)
    replace_tree(root, lambda: snapshot(root))
    as_it_was_before(root)
    commit(root, PREVIOUS)
    git(root, "tag", PREVIOUS)
    git(root, "branch", "a-branch")
    replace_tree(root, lambda: snapshot(root))
    commit(root, "current")
    git(root, "tag", "--force", f"v{version()}")
    git(root, "gc", "--quiet")  # Else each of the many clones compresses it anew.
    return root


def replace_tree(root: Path, fill: Callable[[], object]) -> None:
    for each in root.iterdir():
        if each.name != ".git":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    fill()


def version() -> str:
    definition = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return str(definition["__template_version"])


def as_it_was_before(root: Path) -> None:
    """Make the current tree an earlier release: a file less, one more, others different."""
    generated = root / GENERATED
    change(
        root / "cookiecutter.json", f'"__template_version": "{version()}"', '"__template_version": "0.9.0"'
    )
    (generated / ".github" / "workflows" / "template.yml").unlink()
    library = root / "flow_ops" / "src" / "flow_ops"
    (library / "dropped.py").write_text('"""Dropped later."""\n', encoding="utf-8")
    change(library / "__init__.py", '"""Logs', '"""Older logs')
    change(generated / "pyproject.toml", 'requires-python = ">=3.11"', 'requires-python = ">=3.9"')


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def generate(template: str, folder: Path, *options: str) -> Path:
    folder.mkdir()
    done = run_tool(
        "cookiecutter",
        template,
        "--no-input",
        *options,
        "language=en",
        "flow_slug=ventas-diarias",
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "ventas-diarias"


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Path]]:
    """Return a function that makes `flow_ops` take a folder for its repository."""

    def run(root: Path) -> Path:
        monkeypatch.setenv("FLOW_PROJECT_ROOT", str(root))
        monkeypatch.chdir(root)
        project.forget()
        return root

    yield run
    project.forget()


@pytest.fixture(scope="module")
def old_once(remote: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = generate(remote.as_uri(), tmp_path_factory.mktemp("old") / "x", "--checkout", PREVIOUS)
    commit(root, "first")
    return root


@pytest.fixture
def old(old_once: Path, tmp_path: Path, enter: Callable[[Path], Path]) -> Path:
    """A repository of the previous release, committed; to be changed."""
    return enter(Path(shutil.copytree(old_once, tmp_path / "ventas-diarias")))


LIBRARY = Path("vendor", "flow_ops", "src", "flow_ops")


def vendored_files(root: Path) -> dict[str, bytes]:
    lines = (root / embedding.HASHES).read_text(encoding="utf-8").splitlines()
    names = [f"vendor/{line.partition('  ')[2]}" for line in lines]
    return {name: (root / name).read_bytes() for name in [embedding.HASHES, *names]}


# --- from every release to the current tree


@pytest.fixture(scope="module", params=RELEASES)
def updated(
    request: pytest.FixtureRequest, remote: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Generated with a release, committed, edited, committed, and updated to the current tree."""
    root = generate(remote.as_uri(), tmp_path_factory.mktemp("updated") / "x", "--checkout", request.param)
    assert f'template-version = "{request.param[1:]}"' in (root / "pyproject.toml").read_text(
        encoding="utf-8"
    )
    commit(root, "first")
    for name, text in EDITED.items():
        with (root / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    commit(root, "edited")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOW_PROJECT_ROOT", str(root))
        project.forget()
        assert cli.run(["update", "apply", "--yes"]) == 0
        project.forget()
        yield root
    project.forget()


@pytest.fixture(scope="module")
def fresh(remote: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(remote.as_uri(), tmp_path_factory.mktemp("fresh") / "x")


def test_an_update_keeps_what_the_team_wrote(updated: Path) -> None:
    assert all((updated / name).read_text(encoding="utf-8").endswith(text) for name, text in EDITED.items())


def test_the_library_is_that_of_a_fresh_generation_after_an_update(updated: Path, fresh: Path) -> None:
    assert vendored_files(updated) == vendored_files(fresh)
    assert not (updated / LIBRARY / "dropped.py").exists()
    assert updates.changed_files() == []


def test_owned_files_are_a_fresh_generation_plus_the_edits_after_an_update(
    updated: Path, fresh: Path
) -> None:
    names = [name for name in git(updated, "ls-files").split() if name != ".cruft.json"]
    different = [
        name
        for name in names
        if (updated / name).read_text(encoding="utf-8")
        != (fresh / name).read_text(encoding="utf-8") + EDITED.get(name, "")
    ]
    assert different == []


def test_an_updated_repository_says_its_new_version(updated: Path, remote: Path) -> None:
    assert project.current().template_version == version()
    recorded = json.loads((updated / ".cruft.json").read_text(encoding="utf-8"))
    assert recorded["commit"] == git(remote, "rev-parse", "HEAD").strip()


@pytest.mark.slow
@pytest.mark.environment
def test_the_tests_of_an_updated_repository_pass(updated: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(["uv", "sync", "--quiet"], cwd=updated, env=environment, check=True)
    commit(updated, "updated, with its lock")
    bring_bytecode(updated)
    done = subprocess.run(
        ["uv", "run", "pytest", "-q"],
        cwd=updated,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


# --- what cruft itself makes of a repository that plain cookiecutter generated


# At each push, tests/test_generation.py has cruft check and update what cookiecutter generated.
@pytest.mark.slow
@pytest.mark.parametrize("checkout", [None, PREVIOUS, "a-branch"], ids=["default", "tag", "branch"])
def test_cruft_works_on_what_cookiecutter_generated(
    remote: Path, tmp_path: Path, checkout: str | None
) -> None:
    root = generate(remote.as_uri(), tmp_path / "x", *(["--checkout", checkout] if checkout else []))
    commit(root, "first")
    recorded = json.loads((root / ".cruft.json").read_text(encoding="utf-8"))
    assert recorded["template"] == remote.as_uri()
    assert recorded["commit"] == git(remote, "rev-parse", checkout or "HEAD").strip()
    assert all(not name.startswith("_") for name in recorded["context"]["cookiecutter"])
    different = run_tool("cruft", "diff", "--exit-code", cwd=root)
    assert different.returncode == 0, different.stdout + different.stderr
    check = run_tool("cruft", "check", cwd=root)
    assert check.returncode == (1 if checkout else 0), check.stdout + check.stderr


def test_a_template_without_a_commit_says_how_to_link_later(
    remote: Path, tmp_path: Path, enter: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "zip" / "flow-template"
    snapshot(copy)
    root = enter(generate(str(copy), tmp_path / "x"))
    assert not (root / ".cruft.json").exists()
    assert cli.run(["update"]) == 1
    told = capsys.readouterr().err
    assert "FT-UPDATE-03" in told
    tag = f"v{version()}"
    assert f"cruft link --checkout {tag}" in told
    linked = run_tool("cruft", "link", str(remote), "--checkout", tag, "--no-input", cwd=root)
    assert linked.returncode == 0, linked.stdout + linked.stderr
    assert cli.run(["update"]) == 0


# --- the vendored library


def test_a_changed_a_deleted_and_a_new_vendored_file_are_named_with_what_to_do(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert updates.changed_files() == []
    change(old / LIBRARY / "logs.py", '"""', '"""Ours: ')
    (old / LIBRARY / "secrets.py").unlink()
    (old / LIBRARY / "a_new_one.py").touch()
    names = [(LIBRARY / name).as_posix() for name in ("a_new_one.py", "logs.py", "secrets.py")]
    assert updates.changed_files() == names
    assert cli.run(["update"]) == 1
    told = capsys.readouterr().err
    assert "FT-UPDATE-01" in told
    assert names[0] in told


def test_line_ends_of_a_windows_checkout_are_no_change(old: Path) -> None:
    file = old / LIBRARY / "logs.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert updates.changed_files() == []


def test_a_file_that_the_team_owns_is_not_named_and_is_left_alone_by_an_update_and_any_other_replaced_whole(
    old: Path, fresh: Path
) -> None:
    owned = (LIBRARY / "__init__.py").as_posix()
    change(old / "pyproject.toml", 'skip = [".git"]', f'skip = [".git", "{owned}"]')
    change(old / owned, '"""', '"""Ours: ')
    assert updates.changed_files() == []
    for other in ("logs.py", "secrets.py"):
        change(old / LIBRARY / other, '"""', '"""Ours: ')
    commit(old, "edited")
    assert cli.run(["update", "apply", "--yes"]) == 0
    after, wanted = vendored_files(old), vendored_files(fresh)
    assert b'"""Ours: ' in after.pop(owned)
    assert wanted.pop(owned)
    assert after == wanted


def test_a_folder_or_a_pattern_may_be_owned_too(old: Path) -> None:
    (old / "vendor" / "flow_ops" / "README.md").unlink()
    change(old / LIBRARY / "logs.py", '"""', '"""Ours: ')
    owned = 'skip = [".git", "vendor/flow_ops/README.md", "vendor/flow_ops/src/"]'
    change(old / "pyproject.toml", 'skip = [".git"]', owned)
    assert updates.changed_files() == []


def test_restore_puts_managed_files_back_as_their_own_release_has_them(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = vendored_files(old)
    change(old / LIBRARY / "logs.py", '"""', '"""Ours: ')
    (old / LIBRARY / "secrets.py").unlink()
    assert cli.run(["update", "restore"]) == 0
    assert f"{LIBRARY.as_posix()}/logs.py, {LIBRARY.as_posix()}/secrets.py" in capsys.readouterr().out
    assert vendored_files(old) == before
    assert cli.run(["update", "restore"]) == 0
    assert capsys.readouterr().out == "Nothing was changed.\n"


@pytest.mark.parametrize("to", [pytest.param("index", marks=pytest.mark.slow), "git"])
def test_a_library_from_elsewhere_stays_there_in_an_update_and_a_tag_follows_the_release(
    old: Path, remote: Path, to: str
) -> None:
    assert cli.run(["source", to]) == 0
    if to == "git":
        change(old / "pyproject.toml", f'tag = "v{version()}"', f'tag = "{PREVIOUS}"')
    commit(old, "moved")
    project.forget()
    assert cli.run(["update", "apply", "--yes"]) == 0
    assert not (old / "vendor").exists()
    uv = tomllib.loads((old / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    said = {"git": remote.as_uri(), "tag": f"v{version()}", "subdirectory": "flow_ops"}
    assert uv["sources"] == ({"flow-ops": said} if to == "git" else {})


def test_without_the_hashes_a_message_says_how_to_have_them(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (old / embedding.HASHES).unlink()
    assert cli.run(["update"]) == 1
    assert "FT-UPDATE-04" in capsys.readouterr().err


def test_an_update_with_conflicts_is_told_apart_from_a_success(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(old / "pyproject.toml", 'requires-python = ">=3.9"', 'requires-python = ">=3.13"')
    commit(old, "ours")
    assert cli.run(["update", "apply", "--yes"]) == 1
    told = capsys.readouterr().err
    assert "FT-UPDATE-06" in told
    assert "pyproject.toml" in told


def test_an_update_of_a_repository_with_pending_changes_is_refused(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (old / "README.md").write_text("pending\n", encoding="utf-8")
    assert cli.run(["update", "apply", "--yes"]) == 1
    told = capsys.readouterr().err
    assert "FT-UPDATE-08" in told
    assert "README.md" in told
    assert git(old, "status", "--porcelain").split() == ["M", "README.md"]


def test_a_refused_update_that_names_some_files_of_more_says_that_there_are_more(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 7):
        (old / f"new-{number}").touch()
    assert cli.run(["update", "apply", "--yes"]) == 1
    assert "(6): new-1, new-2, new-3, new-4, new-5, ...\n" in capsys.readouterr().err


@pytest.mark.slow
def test_a_lock_file_that_uv_has_just_made_does_not_stop_an_update(old: Path) -> None:
    (old / "uv.lock").write_text("version = 1\n", encoding="utf-8")
    assert cli.run(["update", "apply", "--yes"]) == 0
    assert (old / "uv.lock").read_text(encoding="utf-8") == "version = 1\n"


def test_an_update_shows_what_changes_and_asks_first(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["update", "apply"]) == 1
    output = capsys.readouterr()
    assert "M\tpyproject.toml" in output.out
    assert "vendor/flow_ops/" not in output.out
    assert "FT-ARGS-03" in output.err
    monkeypatch.setattr("sys.stdin", Answering("no"))
    assert cli.run(["update", "apply"]) == 1
    assert git(old, "status", "--porcelain") == ""
    monkeypatch.setattr("sys.stdin", Answering("yes"))
    assert cli.run(["update", "apply"]) == 0
    assert git(old, "status", "--porcelain")


@pytest.mark.parametrize("named", [[], [version()]], ids=["the-newest", "by-its-name"])
def test_an_update_to_the_release_that_made_the_repository_does_nothing_and_asks_nothing(
    fresh: Path,
    tmp_path: Path,
    enter: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
    named: list[str],
) -> None:
    root = enter(Path(shutil.copytree(fresh, tmp_path / "ventas-diarias")))
    commit(root, "first")
    assert cli.run(["update", "apply", *named]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert git(root, "status", "--porcelain") == ""


class Answering(io.StringIO):
    """A terminal at which somebody answers."""

    def isatty(self) -> bool:
        return True


def test_a_template_without_releases_has_nothing_to_bring_not_even_its_branch_of_the_day(
    old: Path, remote: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "unreleased.git"
    git(remote, "clone", "--quiet", "--bare", str(remote), str(bare))
    for tag in git(bare, "tag").split():
        git(bare, "tag", "--delete", tag)
    record = json.loads((old / ".cruft.json").read_text(encoding="utf-8"))
    (old / ".cruft.json").write_text(json.dumps({**record, "template": str(bare)}), encoding="utf-8")
    commit(old, "another place")
    assert cli.run(["update", "apply", "--yes"]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert git(old, "status", "--porcelain") == ""


@pytest.mark.parametrize("named", ["main", "origin/main", "HEAD", "v1", "9.9.9", "COMMIT"])
def test_what_is_no_release_is_refused_with_the_names_of_those_that_there_are(
    old: Path, remote: Path, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = git(remote, "rev-parse", "HEAD").strip() if named == "COMMIT" else named
    assert cli.run(["update", "apply", named, "--yes"]) == 1
    told = capsys.readouterr().err
    assert f"FT-UPDATE-09  The template has no release '{named}'; there are: 0.9.0, " in told
    assert f"{version()}." in told
    assert git(old, "status", "--porcelain") == ""


def test_the_templates_code_sees_no_token_and_no_server_while_it_renders(
    old: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    program = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(dict(os.environ)))"
    monkeypatch.setattr(updates, "COOKIECUTTER", [sys.executable, "-c", program])
    for name in ("PREFECT_API_URL", "GITHUB_TOKEN", "DB_PASSWORD", "ERP_CLAVE"):
        monkeypatch.setenv(name, "not-to-be-seen")
    monkeypatch.setenv("DATABASE_URL", "mssql://ana:not-to-be-seen@erp/ventas")
    monkeypatch.setenv("UV_INDEX_URL", "https://ana:for-uv@index.example.com/simple")
    assert cli.run(["update", "apply", "--yes"]) == 1
    assert "PATH" in seen.read_text(encoding="utf-8")
    assert "not-to-be-seen" not in seen.read_text(encoding="utf-8")
    assert "for-uv" in seen.read_text(encoding="utf-8")
    assert git(old, "status", "--porcelain") == ""


NEXT = f"{version()}.1"
CHANGES = f"""
## {NEXT}

- `.gitattributes` keeps the line ends of spreadsheets,
  on Windows too.
- The library waits longer for a slow server.

**What to do:** `deploy.py` names the team that is told, because the watchdog writes to it from now on.
"""


@pytest.fixture
def followed(remote: Path, fresh: Path, tmp_path: Path, enter: Callable[[Path], Path]) -> tuple[Path, Path]:
    """A repository that takes the library from an index, and the template's repository, in which the next comes."""
    template = tmp_path / "flow-template.git"
    git(tmp_path, "clone", "--quiet", str(remote), str(template))
    root = enter(Path(shutil.copytree(fresh, tmp_path / "ventas-diarias")))
    change(root / ".cruft.json", remote.as_uri(), template.as_uri())
    assert cli.run(["source", "index"]) == 0
    commit(root, "first")
    project.forget()
    return root, template


def release_next(template: Path, said: str = "") -> None:
    """Publish a version of which the library alone is another; `said` goes into the CHANGELOG."""
    for name in ("cookiecutter.json", "flow_ops/pyproject.toml"):
        change(
            template / name,
            f'ersion": "{version()}"' if name.endswith("json") else f'"{version()}"',
            f'ersion": "{NEXT}"' if name.endswith("json") else f'"{NEXT}"',
        )
    change(template / "flow_ops" / "src" / "flow_ops" / "__init__.py", '"""Logs', '"""Newer logs')
    file = template / "CHANGELOG.md"
    head, _, rest = file.read_text(encoding="utf-8").partition(f"\n## {version()}")
    file.write_text(f"{head}{said}\n## {version()}{rest}", encoding="utf-8")
    commit(template, NEXT)
    git(template, "tag", f"v{NEXT}")


def test_a_newer_library_from_an_index_is_one_command_and_no_file_has_to_follow(
    followed: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, template = followed
    assert cli.run(["update", "check"]) == 0
    release_next(template)
    capsys.readouterr()
    assert cli.run(["update", "check"]) == cli.NEWER
    said = capsys.readouterr().out.splitlines()
    assert said[1] == (
        f"This repository has flow-ops {version()}; the latest: {NEXT}. "
        "Get it with: uv lock --upgrade-package flow-ops"
    )
    assert said[2:] == ["No file of this repository needs updating.", "No other file differs in it."]
    # As after that command, in the environment that it changes.
    monkeypatch.setattr(metadata, "version", lambda _: NEXT)
    assert cli.run(["update", "check"]) == 0
    assert git(root, "status", "--porcelain") == ""


def test_files_that_have_to_follow_are_named_first_each_with_its_reason_from_the_changelog(
    followed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, template = followed
    for name in ("deploy.py", ".gitattributes", ".editorconfig"):
        with (template / GENERATED / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write("\n# Another.\n")
    release_next(template, CHANGES)
    capsys.readouterr()
    assert cli.run(["update", "check"]) == cli.NEWER
    assert capsys.readouterr().out.splitlines()[2:] == [
        "Files of this repository that need updating with it:",
        "  deploy.py: `deploy.py` names the team that is told, because the watchdog writes to it from now on.",
        "Files that are different in the newer template, and come with it:",
        "  .editorconfig",
        "  .gitattributes: `.gitattributes` keeps the line ends of spreadsheets, on Windows too.",
    ]


def test_a_release_beyond_the_bounds_of_pyproject_is_no_newer_library(followed: tuple[Path, Path]) -> None:
    _, template = followed
    git(template, "tag", "v3.0.0")
    assert updates.newer_library() is None
    git(template, "tag", "v2.999.0")
    assert updates.newer_library() == "2.999.0"


def test_update_library_leaves_a_repository_with_vendor_to_update_apply(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["update", "library"]) == 0
    assert "uv run flow-ops update apply" in capsys.readouterr().out
    assert git(old, "status", "--porcelain") == ""


def test_a_change_made_while_the_update_asks_is_not_lost(old: Path) -> None:
    def confirm(_release: str, _changes: list[str]) -> bool:
        (old / "README.md").write_text("in the meantime\n", encoding="utf-8")
        return True

    with pytest.raises(FlowOpsError) as problem:
        updates.apply(confirm=confirm)
    assert problem.value.code == "FT-UPDATE-08"
    assert git(old, "status", "--porcelain").split() == ["M", "README.md"]


def test_an_update_that_fails_in_the_middle_leaves_the_repository_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands for a disk that is full.
    monkeypatch.setattr(updates, "_record", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert cli.run(["update", "apply", "--yes"]) == 1
    assert git(old, "status", "--porcelain", "--ignored") == ""


@not_on_windows("it has no signals")
@pytest.mark.parametrize(
    ("sent", "when"),
    [
        ("SIGINT", "rendering"),
        pytest.param("SIGTERM", "merging", marks=pytest.mark.slow),
        pytest.param("SIGTERM", "rendering", marks=pytest.mark.slow),
        pytest.param("SIGINT", "merging", marks=pytest.mark.slow),
    ],
)
def test_an_update_that_is_stopped_is_done_or_not_begun(
    old: Path, sent: str, when: str, tmp_path: Path
) -> None:
    point = {"rendering": "_commit_whole", "merging": "_record"}[when]
    program = f"""
import os, signal, sys
from flow_ops import cli, updates
updates.COOKIECUTTER = [sys.executable, "-m", "cookiecutter"]
real = updates.{point}
def stopped(*arguments):
    os.kill(os.getpid(), signal.{sent})
    return real(*arguments)
updates.{point} = stopped
sys.exit(cli.run(["update", "apply", "--yes"]))
"""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=old,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []
    if when == "merging":
        assert done.returncode == 0, done.stderr
        assert updates.origin().commit != json.loads(git(old, "show", "HEAD:.cruft.json"))["commit"]
    else:
        assert done.returncode in (130, 143)
        assert git(old, "status", "--porcelain") == ""


def test_a_repository_says_which_version_made_it_and_which_is_the_latest(
    old: Path, updated: Path, enter: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    enter(old)
    assert cli.run(["update"]) == cli.NEWER
    said = capsys.readouterr().out
    assert f"Generated by version 0.9.0 of the template; the latest is {version()}." in said
    assert "uv run flow-ops update apply" in said
    enter(updated)
    assert cli.run(["update"]) == 0
    assert f"Generated by version {version()} of the template, the latest." in capsys.readouterr().out


def test_doctor_hears_of_changed_files_and_of_a_newer_release_and_neither_stops_it(old: Path) -> None:
    (old / LIBRARY / "logs.py").unlink()
    found = list(updates.problems())
    assert [problem.code for problem in found] == ["FT-UPDATE-01", "FT-UPDATE-07"]
    assert "0.9.0" in str(found[1])
    assert [problem for problem in found if checks.stops(problem)] == []


def test_versions_are_compared_as_numbers(old: Path, remote: Path, tmp_path: Path) -> None:
    bare = tmp_path / "releases.git"
    git(remote, "clone", "--quiet", "--bare", str(remote), str(bare))
    git(bare, "tag", "v2.9.0")
    git(bare, "tag", "v2.10.0")
    git(bare, "tag", "v3.0.0rc1")
    record = json.loads((old / ".cruft.json").read_text(encoding="utf-8"))
    (old / ".cruft.json").write_text(json.dumps({**record, "template": str(bare)}), encoding="utf-8")
    assert updates.versions()[1] == "2.10.0"


def test_a_template_out_of_reach_is_a_coded_message(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((old / ".cruft.json").read_text(encoding="utf-8"))
    gone = "https://127.0.0.1:9/flow-template.git"
    (old / ".cruft.json").write_text(json.dumps({**record, "template": gone}), encoding="utf-8")
    assert cli.run(["update"]) == 1
    told = capsys.readouterr().err
    assert "FT-UPDATE-02" in told
    assert gone in told
    (problem,) = updates.problems()
    assert (problem.code, checks.stops(problem)) == ("FT-UPDATE-02", False)
    assert updates.changed_files() == []


# --- releases


@pytest.mark.parametrize("project_file", ["pyproject.toml", "flow_ops/pyproject.toml"])
def test_the_version_is_the_same_everywhere_and_has_a_changelog_entry(project_file: str) -> None:
    pyproject = (TEMPLATE / project_file).read_text(encoding="utf-8")
    changelog = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    declared = re.search(r'^version = "(.+)"', pyproject, re.MULTILINE)
    entries = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert declared
    assert (declared[1], entries[0]) == (version(), version())


def test_every_changelog_entry_says_what_to_do() -> None:
    changelog = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    assert [entry.splitlines()[0] for entry in entries if "**What to do:**" not in entry] == []


def test_every_released_tag_has_a_changelog_entry() -> None:
    changelog = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [tag for tag in released_tags() if f"\n## {tag.removeprefix('v')}\n" not in changelog] == []
