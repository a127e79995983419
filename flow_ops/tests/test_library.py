"""Where a repository gets flow-ops, and `flow-ops source`, which moves it: everything, or nothing at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from uv import find_uv_bin

from flow_ops import cli, embedding, library, moving, project, updates
from flow_ops.deploy import source
from flow_ops.deployment import GitSource
from flow_ops.messages import FlowOpsError
from helpers.https_git import private_git_host
from helpers.repositories import LIBRARY, contents, make_repository
from helpers.support import not_on_windows
from helpers.workshop import git, inside

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = metadata.version("flow-ops")
INDEX = "https://packages.example.com/simple"
TEAM = """
[tool.uv.sources]
# Ours, from our own index.
our-tool = { index = "ours" }  # pinned in May
flow-ops = { path = "vendor/flow_ops", editable = true }

[[tool.uv.index]]
name = "ours"
url = "https://ours.example.com/simple"
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the library, and a release of its version."""
    root = tmp_path_factory.mktemp("template") / "flow-template"
    ignored = shutil.ignore_patterns("__pycache__", "tests", ".*")
    shutil.copytree(LIBRARY, root / "flow_ops", ignore=ignored)
    # As the template has it: git for Windows would write other line ends.
    (root / ".gitattributes").write_text("* text=auto eol=lf\n", encoding="ascii")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Release")
    git(root, "tag", f"v{VERSION}")
    return root


@pytest.fixture
def repository(tmp_path: Path, template: Path) -> Iterator[Path]:
    """A repository of that template, in which the team has written in pyproject.toml too."""
    root = make_repository(tmp_path, language="en")
    pyproject = root / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    old = f"\n[tool.uv.sources]\nflow-ops = {library.VENDORED}\n"
    assert old in text
    pyproject.write_text(text.replace(old, TEAM), encoding="utf-8")
    commit = git(template, "rev-parse", "HEAD").strip()
    record = {"template": template.as_uri(), "commit": commit, "context": {"cookiecutter": {}}}
    (root / ".cruft.json").write_text(json.dumps(record), encoding="utf-8")
    with inside(root):
        yield root


def move(*arguments: str) -> int:
    status = cli.run(["source", *arguments])
    project.forget()
    return status


def uv(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = content["tool"]["uv"]
    return found


def found(root: Path) -> list[str]:
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return [problem.code for problem in library.problems(root, document)]


def test_a_repository_goes_everywhere_and_comes_back_byte_for_byte(
    repository: Path, template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = contents(repository)
    before = uv(repository)
    others = {**before["sources"]}
    del others["flow-ops"]

    assert move("index") == 0
    assert "uv lock" in capsys.readouterr().out
    assert uv(repository) == {**before, "sources": others}
    assert not (repository / "vendor").exists()
    assert found(repository) == []

    assert move("git") == 0
    said = {"git": template.as_uri(), "tag": f"v{VERSION}", "subdirectory": "flow_ops"}
    assert uv(repository)["sources"] == {**others, "flow-ops": said}
    assert found(repository) == []

    assert move("index", "--index", INDEX) == 0
    assert uv(repository)["sources"] == {**others, "flow-ops": {"index": "flow-ops"}}
    assert uv(repository)["index"] == [
        *before["index"],
        {"name": "flow-ops", "url": INDEX, "explicit": True},
    ]

    assert move("vendor") == 0
    assert found(repository) == []
    assert updates.changed_files() == []
    last = contents(repository)
    differ = {name for name in {*first, *last} if first.get(name) != last.get(name)}
    assert differ == {"pyproject.toml"}  # The order of two lines.
    assert sorted(first["pyproject.toml"].splitlines()) == sorted(last["pyproject.toml"].splitlines())


@pytest.mark.usefixtures("repository")
def test_the_command_says_where_the_library_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert move() == 0
    assert move("vendor") == 0
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "vendor  vendor/flow_ops",
        "vendor  vendor/flow_ops",
    ]


def test_a_place_that_is_none_is_refused_with_those_that_there_are(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(repository)
    assert move("pypi") == 1
    said = capsys.readouterr().err
    assert "FT-ARGS-02" in said
    assert "vendor, index, git" in said
    assert contents(repository) == before


def refused(repository: Path, code: str, to: library.Kind, index: str | None = None) -> str:
    """Fail unless the move is refused with this code and nothing is changed; return the message."""
    project.forget()
    before = contents(repository)
    with pytest.raises(FlowOpsError) as problem:
        moving.move(to, index)
    assert problem.value.code == code
    assert contents(repository) == before
    return str(problem.value)


def test_a_changed_file_of_vendor_is_not_lost(repository: Path) -> None:
    changed = repository / "vendor" / "flow_ops" / "README.md"
    changed.write_text("ours\n", encoding="utf-8")
    refused(repository, "FT-UPDATE-01", "index")
    with (repository / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.cruft]\nskip = ["vendor/flow_ops/README.md"]\n')
    assert "README.md" in refused(repository, "FT-LIBRARY-05", "git")


def test_a_release_that_the_template_has_not_is_named(repository: Path, template: Path) -> None:
    git(template, "tag", "v1.9")
    git(template, "tag", "--delete", f"v{VERSION}")
    try:
        assert "v1.9" in refused(repository, "FT-LIBRARY-07", "git")
        assert move("index") == 0
        refused(repository, "FT-LIBRARY-07", "vendor")
    finally:
        git(template, "tag", f"v{VERSION}")
        git(template, "tag", "--delete", "v1.9")


def test_a_template_that_does_not_answer_leaves_all_as_it_was(repository: Path, tmp_path: Path) -> None:
    record = json.loads((repository / ".cruft.json").read_text(encoding="utf-8"))
    record["template"] = (tmp_path / "gone").as_uri()
    (repository / ".cruft.json").write_text(json.dumps(record), encoding="utf-8")
    refused(repository, "FT-UPDATE-02", "git")


def test_a_file_that_cannot_be_edited_is_left_alone_with_the_line_to_write(repository: Path) -> None:
    pyproject = repository / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    line = f"flow-ops = {library.VENDORED}"
    pyproject.write_text(text.replace(line, line.replace("flow-ops", '"flow-ops"')), encoding="utf-8")
    assert "flow-ops" in refused(repository, "FT-LIBRARY-04", "git")
    assert ": none (delete it)" in refused(repository, "FT-LIBRARY-04", "index")


def test_a_file_that_is_in_use_leaves_all_as_it_was(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands for Windows, where a folder with an open file cannot be moved.
    real = shutil.move

    def in_use(source: Path, target: Path) -> object:
        if source == repository / embedding.HASHES:
            raise PermissionError(13, "in use")
        return real(source, target)

    monkeypatch.setattr(shutil, "move", in_use)
    refused(repository, "FT-LIBRARY-06", "index")


@not_on_windows("it has no signals")
@pytest.mark.parametrize(
    ("sent", "point"),
    [
        ("SIGINT", "embedding.embed"),
        ("SIGTERM", "shutil.move"),
        pytest.param("SIGTERM", "embedding.embed", marks=pytest.mark.slow),
        pytest.param("SIGINT", "shutil.move", marks=pytest.mark.slow),
    ],
)
def test_a_move_that_is_stopped_is_done_or_not_begun(
    repository: Path, tmp_path: Path, sent: str, point: str
) -> None:
    assert move("index") == 0
    before = contents(repository)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = f"""
import os, shutil, signal, sys
from flow_ops import cli, embedding
real = {point}
def stopped(*arguments):
    os.kill(os.getpid(), signal.{sent})
    return real(*arguments)
{point} = stopped
sys.exit(cli.run(["source", "vendor"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []
    project.forget()
    if point == "shutil.move":
        assert done.returncode == 0, done.stderr
        assert (found(repository), updates.changed_files()) == ([], [])
    else:
        assert done.returncode in (130, 143)
        assert contents(repository) == before


@pytest.mark.parametrize(
    "broken", ["an index that is not there", "a token that may not read it", "a folder that is gone"]
)
def test_doctor_hears_from_uv_why_the_library_cannot_be_read(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    # As uv itself sets it, which others of these tests may have left out.
    monkeypatch.setenv("UV", find_uv_bin())
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with contextlib.ExitStack() as stack:
        if "index" in broken:
            assert move("index", "--index", "http://127.0.0.1:9/simple") == 0
            said = "127.0.0.1:9"
        elif "token" in broken:
            hosted = tmp_path / "hosted"
            git(tmp_path, "clone", "--quiet", "--bare", str(repository_of(repository)), f"{hosted}/t.git")
            address, certificate = stack.enter_context(private_git_host(hosted, "right", tmp_path))
            for name, value in source.credentials(GitSource(address), "a-wrong-one").items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
            assert move("git") == 0
            pyproject = repository / "pyproject.toml"
            text = pyproject.read_text(encoding="utf-8")
            text = text.replace(repository_of(repository).as_uri(), f"{address}/t.git")
            pyproject.write_text(text, encoding="utf-8")
            said = f"{address}/t.git"
        else:
            shutil.rmtree(repository / "vendor")
            said = str(Path("vendor", "flow_ops"))
        project.forget()
        problems = [*updates.problems(), *library.problems(repository, project.current().pyproject)]
    code = "FT-UPDATE-04" if "folder" in broken else "FT-LIBRARY-10"
    assert problems[0].code == code
    assert said in str(problems[0])
    assert "a-wrong-one" not in "".join(map(str, problems))


def repository_of(root: Path) -> Path:
    """Return the template's repository that `.cruft.json` names."""
    record = json.loads((root / ".cruft.json").read_text(encoding="utf-8"))
    return Path(url2pathname(urlsplit(record["template"]).path))


@pytest.mark.parametrize(
    ("to", "index"), [("index", "packages"), ("index", "https://me:x@host/simple"), ("git", INDEX)]
)
def test_an_address_that_is_none_is_refused_without_its_password(
    repository: Path, to: library.Kind, index: str
) -> None:
    assert "me:x" not in refused(repository, "FT-LIBRARY-08", to, index)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("git@host.example:team/flow-template.git", "ssh://git@host.example/team/flow-template.git"),
        ("https://host.example/team/flow-template", "https://host.example/team/flow-template"),
    ],
)
def test_the_templates_address_is_written_as_uv_reads_it(address: str, url: str) -> None:
    assert moving._as_url(address) == url


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (library.VENDORED, None),
        ('{ git = "https://host/t.git", tag = "v2.0.0" }', "FT-LIBRARY-01"),
        ('{ git = "https://host/t.git", branch = "main" }', "FT-LIBRARY-02"),
        ('{ git = "http://host/t.git", tag = "v2.0.0" }', "FT-LIBRARY-02"),
        ('{ git = "https://me:secret@host/t.git", tag = "v2.0.0" }', "FT-LIBRARY-02"),
    ],
)
def test_a_rule_plan_and_doctor_know_what_is_wrong_with_the_place(
    repository: Path, line: str, code: str | None
) -> None:
    pyproject = repository / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8").replace(library.VENDORED, line)
    pyproject.write_text(text, encoding="utf-8")
    project.forget()
    codes = found(repository)
    assert code in codes if code else codes == []
    assert "secret" not in "".join(map(str, library.problems(repository, tomllib.loads(text))))


def test_an_index_without_an_upper_bound_is_named(repository: Path) -> None:
    assert move("index") == 0
    pyproject = repository / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8").replace('"flow-ops>=2,<3"', '"flow-ops>=2"')
    pyproject.write_text(text, encoding="utf-8")
    assert found(repository) == ["FT-LIBRARY-03"]


def test_pyproject_without_the_folder_is_named(repository: Path) -> None:
    shutil.rmtree(repository / "vendor")
    assert found(repository) == ["FT-LIBRARY-01"]
