"""A place to deploy in: a real server behind a password, work pools, a repository and its bare git remote."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prefect.client.base import PrefectHttpxSyncClient
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flow_ops import deployment, project
from flow_ops.deployment import Deployments, Environment, GitSource
from helpers import support
from helpers.repositories import SCHEDULE, TIMEZONE, lock, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prefect.client.schemas.responses import DeploymentResponse

    from flow_ops.messages import FlowOpsError

SLUG = "pedidos-web"
PACKAGE = "pedidos_web"
FLOW = f"src/{PACKAGE}/flow.py:{PACKAGE}"
FULL_NAME = f"{SLUG}/{SLUG}-prod"
PASSWORD = "admin:correct horse"  # noqa: S105  of a server that lives as long as the tests

# Flows beside the sample, each with something of its own.
MODULES = {
    "quick.py": """
        from datetime import date
        from flow_ops.logs import get_logger
        from prefect import flow

        get_logger()

        @flow(name="quick", timeout_seconds=60, log_prints=True)
        def quick(day: date, copies: int = 1, fail: bool = False, seconds: float = 0, address: str = ""):
            import time
            print(f"{copies} copies of {day}")
            time.sleep(seconds)
            if fail:
                raise ValueError("asked to fail")

        @flow(name="no-timeout")
        def no_timeout():
            pass

        def no_flow():
            pass
    """,
    "nested.py": """
        from prefect import flow, task

        @flow(name="nested", timeout_seconds=60, log_prints=True)
        async def nested():
            print("first, in the flow")
            await middle()
            print("fourth, in the flow")

        @flow(flow_run_name="middle-one", log_prints=True)
        async def middle():
            print("second, in its subflow")
            await inner()

        @flow(flow_run_name="inner-one", log_prints=True)
        async def inner():
            work()

        @task(task_run_name="work-one", log_prints=True)
        def work():
            print("third, in a task of the subflow's own")
    """,
    "broken.py": "import a_package_that_nobody_has\n",
}


@dataclass(frozen=True)
class Workshop:
    """Where tests deploy. `client` is the tests' own eyes and hands on the server."""

    server: support.Server
    root: Path
    remote: Path
    client: SyncPrefectClient

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point a process at the server and the repository."""
        return {
            **self.server.environment,
            "PREFECT_API_AUTH_STRING": PASSWORD,
            "PYTHONPATH": str(self.root / "src"),
            "FLOW_PROJECT_ROOT": str(self.root),
        }

    @property
    def pins(self) -> Deployments:
        """What deploy.py says in the repository."""
        environments = {
            "dev": Environment(work_pool="pool-dev"),
            "prod": Environment(work_pool="pool-prod", schedule=SCHEDULE),
        }
        source = GitSource(self.remote.as_posix())
        return Deployments(flows={FLOW: environments}, source=source, timezone=TIMEZONE)


@contextlib.contextmanager
def open_workshop(
    folder: Path, make: Callable[[Path, str], Path] = make_repository, /, **settings: str
) -> Iterator[Workshop]:
    """Start a server with these settings, make pools, a repository and its remote below `folder`."""
    with secured_server(folder, **settings) as (running, client):
        yield furnish(folder, running, client, make)


@contextlib.contextmanager
def secured_server(folder: Path, **settings: str) -> Iterator[tuple[support.Server, SyncPrefectClient]]:
    """Start a server as the page on security says, with these settings too, and three pools; and a client of it."""
    settings = {
        "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "https://prefect.example.com",
        "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "0.5",
        # Seconds after which a run that waits for its turn asks again; 30 by default.
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        **settings,
    }
    with (
        support.prefect_server(folder, port=None, **settings) as running,
        SyncPrefectClient(running.url, auth_string=PASSWORD) as client,
    ):
        for pool in ("pool-dev", "pool-prod", "spare-prod"):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        yield running, client


def furnish(
    folder: Path,
    running: support.Server,
    client: SyncPrefectClient,
    make: Callable[[Path, str], Path] = make_repository,
) -> Workshop:
    """Make a repository and its remote below `folder`, for a server."""
    remote = folder / "remote.git"
    root = make(folder, SLUG)
    pins = (root / "deploy.py").read_text(encoding="utf-8")
    pins = re.sub(r"GitSource\([^)]*\)", f'GitSource("{remote.as_posix()}", branch="main")', pins)
    (root / "deploy.py").write_text(pins, encoding="utf-8")
    for name, text in MODULES.items():
        lines = [line.removeprefix(" " * 8) for line in text.strip("\n").splitlines()]
        (root / "src" / PACKAGE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    lock(root)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    publish(root, remote)
    return Workshop(running, root, remote, client)


@contextlib.contextmanager
def container_pool(client: SyncPrefectClient, kind: str, image: str | None = None) -> Iterator[str]:
    """Make a work pool of containers, `<kind>-prod`, with an image of its own if it is given; yield its name.

    Its job template is that of the server's own list of workers, which needs no package and no internet.
    """
    listed = {
        name: each for package in client.read_worker_metadata().values() for name, each in package.items()
    }
    template = listed[kind]["default_base_job_configuration"]
    if image:
        template["variables"]["properties"]["image"]["default"] = image
    pool = WorkPoolCreate(name=f"{kind}-prod", type=kind, base_job_template=template)
    client.create_work_pool(pool)
    try:
        yield pool.name
    finally:
        client.delete_work_pool(pool.name)


@contextlib.contextmanager
def pointing_at(url: str, password: str = PASSWORD) -> Iterator[None]:
    """Set the address and the password that Prefect uses."""
    with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: password}):
        yield


@contextlib.contextmanager
def inside(root: Path) -> Iterator[None]:
    """Stand in a repository: `flow_ops` takes it for its own."""
    before = os.environ.get("FLOW_PROJECT_ROOT")
    os.environ["FLOW_PROJECT_ROOT"] = str(root)
    project.forget()
    try:
        yield
    finally:
        del os.environ["FLOW_PROJECT_ROOT"]
        if before is not None:
            os.environ["FLOW_PROJECT_ROOT"] = before
        project.forget()


def deploy(pins: Deployments, *arguments: str) -> int:
    """Run a command of deploy.py in this process."""
    return deployment.main(pins, list(arguments))


def with_prod(pins: Deployments, **changes: Any) -> Deployments:
    """Return the pins with another `prod` environment."""
    flows = {
        entrypoint: {**environments, "prod": dataclasses.replace(environments["prod"], **changes)}
        for entrypoint, environments in pins.flows.items()
    }
    return dataclasses.replace(pins, flows=flows)


def codes(problems: list[FlowOpsError]) -> list[str]:
    """Return the problems' codes."""
    return [problem.code for problem in problems]


@contextlib.contextmanager
def written() -> Iterator[list[str]]:
    """Yield the requests of this process's clients that a server may write for: all but reads and searches."""
    requests: list[str] = []
    send = PrefectHttpxSyncClient.send

    def noted(
        self: PrefectHttpxSyncClient, request: httpx.Request, *given: Any, **more: Any
    ) -> httpx.Response:
        if request.method != "GET" and not request.url.path.endswith("/filter"):
            requests.append(f"{request.method} {request.url.path}")
        return send(self, request, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrefectHttpxSyncClient, "send", noted)
        yield requests


def snapshot(client: SyncPrefectClient) -> str:
    """Return all that a deployment could touch on the server, as text: equal texts, equal servers.

    What the server itself writes when a worker asks for work is left out.
    """
    alive = {"last_polled", "status", "updated", "estimated_start_time_delta", "active_slots"}
    found: dict[str, Any] = {}
    for kind in ("deployments", "flows", "automations", "work_pools", "block_documents", "variables"):
        rows = ask(client, f"/{kind}/filter")
        found[kind] = sorted(
            ({k: v for k, v in row.items() if k not in alive} for row in rows), key=lambda r: r["id"]
        )
    runs = ask(client, "/flow_runs/filter", sort="ID_DESC")
    found["runs"] = [(run["id"], run["state_name"], run["expected_start_time"]) for run in runs]
    return json.dumps(found, indent=1, sort_keys=True)


def apply(pins: Deployments, *arguments: str) -> None:
    """Deploy to prod, which must succeed."""
    assert deploy(pins, "apply", "prod", *arguments) == 0


def on_server(workshop: Workshop, name: str = FULL_NAME) -> DeploymentResponse:
    """Return a deployment that the server must have."""
    return workshop.client.read_deployment_by_name(name)


def clear(client: SyncPrefectClient) -> None:
    """Delete every deployment of a server, which takes its scheduled runs, every other run and every automation."""
    for deployed in client.read_deployments():
        client.delete_deployment(deployed.id)
    for run in client.read_flow_runs():
        client.delete_flow_run(run.id)
    for automation in client.read_automations():
        client.delete_automation(automation.id)


def ask(client: SyncPrefectClient, path: Any, **body: Any) -> list[dict[str, Any]]:
    """Return what the server answers, as it is on the wire."""
    answer: list[dict[str, Any]] = client.request("POST", path, json=body).json()
    return answer


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as a test's own user and return its output."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    answer = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return answer.stdout.strip()


def publish(root: Path, remote: Path) -> None:
    """Commit everything in `root` and push it to `remote` as main."""
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "First version")
    git(root, "branch", "--force", "--move", "main")
    git(root, "remote", "add", "origin", remote.as_posix())
    git(root, "push", "--quiet", "origin", "main")


@dataclass(frozen=True)
class Answer:
    """What a proxy says instead of the server."""

    status: int
    body: bytes
    kind: str = "application/json"


LOST = Answer(0, b"")


@contextlib.contextmanager
def proxy(target: str, rule: Callable[[str, str], Answer | None]) -> Iterator[tuple[str, list[str]]]:
    """Stand before a server: yield the address to use instead, and the list of requests that passes through.

    `rule` takes a method and a path and returns what to answer instead of asking the server, if anything. With `LOST`
    the server acts, and its answer is lost on the way.
    """
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            requests.append(f"{self.command} {self.path}")
            answer = rule(self.command, self.path) or self.ask(body)
            if answer is LOST:
                self.ask(body)
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def ask(self, body: bytes) -> Answer:
            passed = ("authorization", "content-type", "prefect-csrf-token", "prefect-csrf-client")
            kept = {k: v for k, v in self.headers.items() if k.lower() in passed}
            url = target.removesuffix("/api") + self.path
            answer = client.request(self.command, url, content=body, headers=kept)
            return Answer(answer.status_code, answer.content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with httpx.Client(timeout=30) as client, support.serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/api", requests
