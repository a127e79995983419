"""The token of a private repository: both forms work, it goes to its own host alone, and one that cannot read is named."""

from __future__ import annotations

import base64
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from flow_ops import git
from flow_ops.deploy import source
from flow_ops.deployment import GitSource
from helpers.https_git import https_host, private_git_host
from helpers.workshop import git as run_git

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "f3a9c0d2e1b4"  # noqa: S105 - of a host that lives as long as a test


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A folder with a bare repository."""
    run_git(tmp_path, "init", "--quiet", "--initial-branch=main", "work")
    run_git(tmp_path / "work", "commit", "--quiet", "--allow-empty", "--message", "one")
    run_git(tmp_path, "clone", "--quiet", "--bare", "work", "hosted/code.git")
    return tmp_path / "hosted"


@pytest.mark.parametrize(
    ("stored", "user"), [(TOKEN, None), (f"deploy-7:{TOKEN}", "deploy-7")], ids=["token", "user and token"]
)
def test_both_forms_of_a_token_read_the_repository(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str, user: str | None
) -> None:
    with private_git_host(remote, TOKEN, tmp_path, user) as (address, certificate):
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        code = GitSource(f"{address}/code.git", credentials_block="git-token")
        assert list(source.unreadable(code, stored, tmp_path)) == []
        heads = git.run(
            tmp_path, "ls-remote", "--heads", code.url, variables=source.credentials(code, stored)
        )
    assert heads.split()[1::2] == ["refs/heads/main"]


def test_a_token_that_cannot_read_is_named_by_its_block_and_not_shown(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_git_host(remote, TOKEN, tmp_path) as (address, certificate):
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        code = GitSource(f"{address}/code.git", credentials_block="git-token")
        (problem,) = source.unreadable(code, "another-one", tmp_path)
    assert problem.code == "FT-GIT-13"
    assert "git-token" in str(problem)
    assert "another-one" not in str(problem)


def test_a_host_that_cannot_be_reached_from_here_is_no_problem_of_the_token(tmp_path: Path) -> None:
    code = GitSource("https://127.0.0.1:9/code.git", credentials_block="git-token")
    assert list(source.unreadable(code, TOKEN, tmp_path)) == []


def test_a_host_that_redirects_elsewhere_does_not_pass_the_token_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class Thief(BaseHTTPRequestHandler):
        """Asks for a password and notes what comes."""

        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with https_host(Thief, tmp_path) as (elsewhere, certificate):

        class Redirecting(Thief):
            """Sends whoever comes to the other host."""

            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{elsewhere}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()

        with https_host(Redirecting, tmp_path) as (address, _):
            monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
            code = GitSource(f"{address}/code.git", credentials_block="git-token")
            (problem,) = source.unreadable(code, TOKEN, tmp_path)
    assert problem.code == "FT-GIT-13"
    assert seen
    assert [each for each in seen if TOKEN in base64.b64decode(each.rpartition(" ")[2]).decode()] == []


def test_a_token_over_plain_http_is_refused() -> None:
    code = GitSource("http://git.example.com/code.git", credentials_block="git-token")
    assert [problem.code for problem in source.written(code)] == ["FT-SOURCE-06"]


def test_an_old_git_is_refused_by_the_name_of_what_it_lacks(tmp_path: Path) -> None:
    # Stands for a git before 2.31, which does not read these variables; none can be had here.
    code = GitSource("https://git.example.com/code.git", credentials_block="git-token")
    (step, _) = source.pull_steps(code)
    first, clone = step["prefect.deployments.steps.run_shell_script"]["script"].splitlines()
    assert first == "git config --get needs.git-2-31-or-later"
    assert clone.startswith("git clone")
    with pytest.raises(Exception, match=r"needs\.git-2-31-or-later"):
        git.run(tmp_path, *first.split()[1:])
    assert git.run(tmp_path, *first.split()[1:], variables=source.credentials(code, TOKEN)).strip() == "yes"
