"""Runs of what `deploy.py` deployed: a real worker, `uv`, and a private repository behind a token."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flow_ops import planning
from flow_ops.deployment import Deployments, Environment, FolderSource, GitSource
from prefect.blocks.system import Secret
from pydantic import SecretStr

from tests.support import prefect_worker, wait_until
from tests.workshop import PACKAGE, PASSWORD, Workshop, deploy, git

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

QUICK = f"src/{PACKAGE}/quick.py:quick"
TOKEN = "ghp_0123456789abcdefghij"  # noqa: S105  opens nothing but the repository of these tests


@contextlib.contextmanager
def private_git(folder: Path) -> Iterator[str]:
    """Serve the repositories below `folder` over HTTP to whoever has the token; yield the address."""
    backend = Path(
        subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    )
    expected = f"Basic {base64.b64encode(f'oauth2:{TOKEN}'.encode()).decode()}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = subprocess.run(
                [str(backend / "git-http-backend")],
                input=body,
                env=environment,
                capture_output=True,
                check=True,
            ).stdout
            head, _, content = answer.partition(b"\r\n\r\n")
            self.send_response(200)
            for line in head.decode().splitlines():
                self.send_header(*line.split(": ", 1))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


@pytest.fixture(scope="module")
def pins(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    """The quick flow, deployed from the private repository, with a worker on its pool."""
    folder = tmp_path_factory.mktemp("private")
    shutil.copytree(workshop.remote, folder / "remote.git")
    Secret(value=SecretStr(TOKEN)).save("git-token")
    with private_git(folder) as address:
        url = f"{address}/remote.git"
        helper = f"!f() {{ echo username=oauth2; echo password={TOKEN}; }}; f"
        git(workshop.root, "remote", "add", "private", url)
        git(workshop.root, "config", "credential.helper", helper)
        source = GitSource(url, credentials_block="git-token")
        flows = {QUICK: {"prod": Environment(work_pool="pool-prod", parameters={"day": "2026-01-01"})}}
        made = dataclasses.replace(workshop.pins, source=source, flows=flows)
        settings = {"PREFECT_API_AUTH_STRING": PASSWORD}
        with prefect_worker(workshop.server, "pool-prod", folder / "worker", **settings):
            ready = lambda: planning.workers_online(workshop.client, "pool-prod")  # noqa: E731
            wait_until(ready, seconds=90, what="the worker")
            assert deploy(made, "apply", "prod") == 0
            yield made
            assert deploy(made, "retire", "prod", "--yes") == 0
        git(workshop.root, "remote", "remove", "private")
        git(workshop.root, "config", "--unset", "credential.helper")


class Watcher(threading.Thread):
    """Looks for a text in the command lines of all processes, again and again."""

    def __init__(self, text: str) -> None:
        super().__init__(daemon=True)
        self.text = text.encode()
        self.seen: set[bytes] = set()
        self.clones = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.005):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    line = file.read_bytes()
                    self.clones += b"remote-http" in line
                    if self.text in line:
                        self.seen.add(line)


def test_a_run_gets_its_code_with_a_token_that_no_process_list_record_or_log_shows(
    workshop: Workshop, pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    watcher = Watcher(TOKEN)
    watcher.start()
    status = deploy(pins, "run", "prod", "--copies", "2")
    watcher.ended.set()
    watcher.join()
    told = capsys.readouterr()
    assert status == 0, told
    assert "2 copies of 2026-01-01" in told.out
    assert told.out.rstrip().endswith("Completed")
    assert watcher.clones
    assert watcher.seen == set()
    assert TOKEN not in told.out + told.err
    record = workshop.client.read_deployment_by_name("quick/quick-prod").model_dump_json()
    assert "prefect.blocks.secret.git-token" in record
    assert TOKEN not in record
    assert TOKEN not in json.dumps([log.message for log in workshop.client.read_logs()])


def test_a_run_that_fails_ends_in_its_code_and_status_1(
    pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(pins, "run", "prod", "--fail", "true") == 1
    told = capsys.readouterr()
    assert "FT-RUN-01  " in told.err
    assert "asked to fail" in told.out


def test_two_runs_of_a_deployment_take_turns(workshop: Workshop, pins: Deployments) -> None:
    assert pins
    deployment = workshop.client.read_deployment_by_name("quick/quick-prod")
    created = [
        workshop.client.create_flow_run_from_deployment(deployment.id, parameters={"seconds": 4}).id
        for _ in range(2)
    ]
    end = time.monotonic() + 240

    def both_ended() -> bool:
        runs = [workshop.client.read_flow_run(one) for one in created]
        return all(run.state is not None and run.state.is_final() for run in runs)

    wait_until(both_ended, seconds=end - time.monotonic(), what="both runs", every=1)
    first, second = sorted(
        (workshop.client.read_flow_run(one) for one in created), key=lambda run: str(run.start_time)
    )
    assert (first.state_name, second.state_name) == ("Completed", "Completed")
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time


def test_a_run_takes_its_code_from_a_folder_of_the_worker(
    workshop: Workshop, pins: Deployments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # uv writes its lock file there, as it does on a worker's machine.
    folder = shutil.copytree(workshop.root, tmp_path / "flows" / "pedidos-web")
    from_folder = dataclasses.replace(pins, source=FolderSource(str(folder)))
    assert deploy(from_folder, "apply", "prod") == 0
    assert deploy(from_folder, "run", "prod", "--copies", "3") == 0
    assert "3 copies of 2026-01-01" in capsys.readouterr().out
    assert deploy(pins, "apply", "prod") == 0
