"""Take the pictures of the documentation, and check what they show: `uv run python -m docs.pictures`.

A real server, a generated repository deployed from its folder, a real worker and a run; then the pages of
Prefect's UI in headless Chromium (Debian's package `chromium`, or the one that `CHROMIUM` names).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect, sync_playwright
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate

# Where what the pictures share with the library's tests is.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow_ops" / "tests"))

from tests.conftest import bake_into

# isort: split
from helpers import fleet
from helpers.support import Server, prefect_server, prefect_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = Path(__file__).parent / "img"
TIMEZONE = "America/Argentina/Buenos_Aires"
POOL = "pool-prod"
# Without these, Chromium looks its makers' hosts up at every start.
QUIET = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
SECONDS = 60


def main(folder: Path = PICTURES) -> int:
    """Write the pictures to `folder`; an AssertionError says what a page did not show."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, deployed(Path(name)) as (server, link, deployment, artifact):
        site = server.url.removesuffix("/api")
        fleet_page(Path(name) / "fleet.html")
        with browser_page() as page:
            flow_run(page, link, site, artifact, folder)
            schedule(page, site, deployment)
            the_fleet(page, Path(name) / "fleet.html", folder)
    return 0


def flow_run(page: Page, link: str, site: str, artifact: Any, folder: Path) -> None:
    """Picture one run: its graph with a subflow for each branch, and the lines of our logger; look at its table."""
    page.goto(link)
    expect(page.get_by_text("Completed").first).to_be_visible()
    expect(page.get_by_text("pool-prod").first).to_be_visible()
    for tab in ("Logs", "Artifacts"):
        expect(page.get_by_role("tab", name=tab)).to_be_visible()
    expect(page.get_by_text("6 sucursales en orders.csv").first).to_be_attached()
    # The graph is drawn on a canvas and moves into its place, slowly where the machine is busy.
    page.wait_for_timeout(20_000)
    page.screenshot(path=folder / "run.png")
    page.goto(f"{site}/v2/artifacts/artifact/{artifact.id}")
    expect(page.get_by_text("Bahía Blanca").first).to_be_visible()


def schedule(page: Page, site: str, deployment: Any) -> None:
    """See the deployment's next run, in local time: 01:30, 13:30 or 17:30 there, whatever it is in UTC."""
    page.goto(f"{site}/v2/deployments/deployment/{deployment.id}")
    expect(page.get_by_text("ventas-diarias").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d{4}/\d\d/\d\d 0[15]:30:00 [AP]M")).first).to_be_visible()


def the_fleet(page: Page, file: Path, folder: Path) -> None:
    """Picture the page of a fleet in every state."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(file.as_uri())
    expect(page.get_by_role("rowheader", name="sin-pool-prod")).to_be_visible()
    page.screenshot(path=folder / "fleet.png")


def fleet_page(file: Path) -> None:
    """Write the page of a fleet in every state, of a server of its own."""
    with (
        prefect_server(file.parent / "fleet", port=None, **fleet.QUIET) as server,
        SyncPrefectClient(server.url) as client,
    ):
        fleet.make_all(client)
        environment = {**server.environment, "FLOW_LANGUAGE": "en"}
        command = [
            sys.executable,
            "-c",
            "from flow_ops.cli import main; main()",
            "fleet",
            "--html",
            str(file),
        ]
        subprocess.run(command, env=environment, check=True)


@contextmanager
def browser_page() -> Iterator[Page]:
    """Open a page whose clock, language and size are those of a team in Argentina."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        message = "no Chromium on the PATH: apt-get install chromium, or name it in CHROMIUM"
        raise SystemExit(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET, chromium_sandbox=False)
        context = browser.new_context(
            locale="es-AR",
            timezone_id=TIMEZONE,
            viewport={"width": 1280, "height": 800},
            color_scheme="dark",
        )
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        expect.set_options(timeout=1000 * SECONDS)
        yield page
        browser.close()


@contextmanager
def deployed(folder: Path) -> Iterator[tuple[Server, str, Any, Any]]:
    """Run a server and a worker, deploy a repository generated from its folder, and run it to Completed."""
    repository = folder / "ventas-diarias"
    bake_into(folder, code_source="local", repo_url=str(repository))
    with prefect_server(folder) as server:
        create_pool(server, POOL)
        environment = {**server.environment, "TZ": TIMEZONE, "FLOW_LOG_DIR": str(folder / "logs")}
        environment.pop("VIRTUAL_ENV", None)
        with prefect_worker(server, POOL, folder / "worker"):
            for command in ("apply", "run"):
                said = subprocess.run(
                    ["uv", "run", "deploy.py", command, "prod"],
                    cwd=repository,
                    env=environment,
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                ).stdout
            # Where `run` sends a person.
            link = re.findall(rf"{server.url.removesuffix('/api')}/v2/runs/flow-run/\S+", said)[0]
            yield server, link, *asyncio.run(latest(server))


def create_pool(server: Server, name: str) -> None:
    """Create a process pool."""

    async def create() -> None:
        async with PrefectClient(server.url) as client:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process"))

    asyncio.run(create())


async def latest(server: Server) -> tuple[Any, Any]:
    """Return the deployment of the run, and its table."""
    async with PrefectClient(server.url) as client:
        runs = [run for run in await client.read_flow_runs() if run.deployment_id and run.start_time]
        deployment = runs[0].deployment_id
        assert deployment, "the run is a deployment's"
        tables = [one for one in await client.read_artifacts() if one.type == "table"]
        return await client.read_deployment(deployment), tables[0]


if __name__ == "__main__":
    sys.exit(main())
