"""A tiny flow that reports from inside a worker what most often differs from the machine of who deploys.

Deploy it to a pool as a further flow of `deploy.py`, run it, and read its log or its artifact in the UI:

    "flow_ops.diagnose:diagnose": {"prod": Environment(work_pool="example-prod")},
"""

from __future__ import annotations

import getpass
import locale
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.version import Version
from prefect import flow, get_client
from prefect.artifacts import create_markdown_artifact
from prefect.settings import get_current_settings
from pydantic_core import to_jsonable_python

from flow_ops import git, project
from flow_ops.deploy import source
from flow_ops.hidden import without_credentials
from flow_ops.logs import get_logger, mask
from flow_ops.messages import FlowOpsError, text

# Half of what the watchdog allows between two heartbeats, whose times are the worker's.
CLOCK_TOLERANCE = timedelta(minutes=2)


# With the repository's name: every repository on a server may have its own.
@flow(name=f"{project.current().slug}-diagnose", timeout_seconds=120)
def diagnose() -> dict[str, Any]:
    """Report the interpreter, user, folders, encoding, versions, tools and clock of this worker.

    Raises:
        FlowOpsError: FT-DIAGNOSE-01 with what would break flows here, after the report was published.
    """
    logger = get_logger("diagnose")
    diagnosis = inspect_process()
    said = to_jsonable_python(diagnosis)
    for name, value in said.items():
        logger.info("%s: %s", name, value)
    rows = "\n".join(f"| {name} | {value} |" for name, value in said.items())
    table = mask(f"| | |\n|---|---|\n{rows}\n")
    create_markdown_artifact(key="diagnose", markdown=table, description=diagnosis["host"])
    if problems := diagnosis["problems"]:
        raise FlowOpsError("FT-DIAGNOSE-01", host=diagnosis["host"], problems="; ".join(problems))
    return diagnosis


def inspect_process() -> dict[str, Any]:
    """Return what this process sees, and what of it would break flows."""
    settings = get_current_settings()
    with get_client(sync_client=True) as client:
        answer = client.request("GET", "/admin/version")
        ahead = datetime.now(UTC) - parsedate_to_datetime(answer.headers["date"])
    diagnosis = dict[str, Any](
        host=platform.node(),
        system=platform.platform(),
        user=_user(),
        python=platform.python_version(),
        interpreter=sys.executable,
        working_folder=str(Path.cwd()),
        repository=str(project.current().root),
        prefect_home=str(settings.home),
        temporary_folder=tempfile.gettempdir(),
        # As flow_ops.logs has it: a relative folder is below Prefect's home.
        log_folder=str(settings.home / os.environ.get("FLOW_LOG_DIR", "logs")),
        encoding=locale.getpreferredencoding(False),
        utf8_mode=bool(sys.flags.utf8_mode),
        versions=dict(_versions()),
        server=without_credentials(str(client.api_url)),
        server_version=str(answer.json()),
        clock_ahead_of_server=timedelta(seconds=round(ahead.total_seconds())),
        uv=shutil.which("uv"),
        git=git.version(),
    )
    return {**diagnosis, "problems": list(_problems(diagnosis))}


def _user() -> str:
    # Asks the password database, where the account of a service or of a container may be missing.
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "?"


def _versions() -> Iterator[tuple[str, str]]:
    yield project.current().slug, project.current().version
    yield "flow-template", project.current().template_version
    for name in ("prefect", "fastapi", "sqlalchemy", "concurrent-log-handler"):
        yield name, version(name)


def _problems(diagnosis: Mapping[str, Any]) -> Iterator[str]:
    if diagnosis["uv"] is None:
        yield text("diagnose.no-uv")
    if diagnosis["git"] is None:
        yield text("diagnose.no-git")
    elif Version(diagnosis["git"]).release < source.OLDEST_GIT:
        yield text("diagnose.old-git", version=diagnosis["git"], oldest=".".join(map(str, source.OLDEST_GIT)))
    if diagnosis["encoding"].lower().replace("-", "") != "utf8":
        yield text("diagnose.encoding", encoding=diagnosis["encoding"])
    if reason := _not_writable(Path(diagnosis["log_folder"])):
        yield text("diagnose.no-log", folder=diagnosis["log_folder"], reason=reason)
    if abs(diagnosis["clock_ahead_of_server"]) > CLOCK_TOLERANCE:
        yield text("diagnose.clock", difference=abs(diagnosis["clock_ahead_of_server"]))


def _not_writable(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return type(error).__name__
