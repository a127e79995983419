"""A Prefect worker as a service: through nssm on Windows, as a systemd unit on Linux.

The service starts at boot, restarts after a crash, and drains when it is stopped (`drain.py`). It has a folder and an
environment of its own, made by uv with Prefect under this library's own bounds, so that neither breaks or locks the
other. What is to be done is a list of steps (`plan.py`), made first and without touching anything.

Credentials never stand on a command line, in the unit or in the registry: they are in `credentials.env` in the
service's folder, which only the service's account can read.
"""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import importlib.metadata
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from dataclasses import KW_ONLY, dataclass, field, replace
from importlib import import_module
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import ModuleType
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cyclopts import Parameter
from cyclopts.types import PositiveInt
from packaging.requirements import Requirement

from flow_ops import programs
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text
from flow_ops.worker import drain as worker_drain
from flow_ops.worker import trust
from flow_ops.worker.plan import (
    MARKER,
    SERVICES,
    STATES,
    Service,
    install_steps,
    uninstall_steps,
    users_folder,
)
from flow_ops.worker.steps import ELSEWHERE, Step, decoded

if sys.platform != "win32":
    import pwd

System = Literal["windows", "linux"]

# What the worker needs of the repository's dependencies; a flow brings the rest in an environment of its own.
WORKER_REQUIREMENTS = ("prefect", "tzdata")
UV_REQUIREMENT = "uv>=0.9,<1"
# Pool names go into unit names, service names, folders and command lines.
POOL_NAME = re.compile(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*")
# Not the one that runs this command: uv may have brought that for this command alone.
PYTHON = ">=3.11"
NOT_RUNNING = 3  # what systemctl says of a service that is not active


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What is asked for, on the command line."""

    _: KW_ONLY
    pool: Annotated[str, Parameter(help="@worker.pool")]
    scope: Annotated[Literal["system", "user"], Parameter(help="@worker.scope")] = "system"
    api_url: Annotated[str | None, Parameter(help="@worker.api-url")] = None
    account: Annotated[str | None, Parameter(help="@worker.account")] = None
    credentials: Annotated[Path | None, Parameter(help="@worker.credentials")] = None
    host: Annotated[str, Parameter(help="@worker.host", show_default=False)] = field(
        default_factory=lambda: socket.gethostname().split(".")[0]
    )
    limit: Annotated[PositiveInt, Parameter(help="@worker.limit")] = 5
    drain_seconds: Annotated[PositiveInt, Parameter(help="@worker.drain-seconds")] = 600
    health_port: Annotated[PositiveInt | None, Parameter(help="@worker.health-port")] = None
    home: Annotated[str | None, Parameter(help="@worker.home")] = None
    python: Annotated[str, Parameter(help="@worker.python")] = PYTHON
    nssm: Annotated[str, Parameter(help="@worker.nssm")] = "nssm"


def this_system() -> System:
    return "windows" if os.name == "nt" else "linux"


def describe(
    options: Options, *, system: Annotated[System | None, Parameter(help="@worker.system")] = None
) -> int:
    """Print every folder, file and command of an installation, in order, and change nothing."""
    system = system or this_system()
    service = replace(service_from(options, system), api_url=_api_url(options.api_url))
    if system == this_system() and shutil.which(service.uv):
        service = replace(service, python=find_python(service) or service.python)
    steps = install_steps(service, installed=system == this_system() and is_installed(service))
    print("\n".join(step.describe() for step in steps), flush=True)
    return 0


def install(options: Options) -> int:
    """Check everything first, then carry out the steps; where one fails, a new installation is taken back."""
    service = replace(service_from(options, this_system()), api_url=_api_url(options.api_url))
    check_machine(service)
    credentials = check_credentials(options.credentials)
    _asking().check_pool(service, credentials)
    service = replace(service, python=find_python(service))
    installed = is_installed(service)
    if not installed:
        check_port(service)
    try:
        _carry_out(install_steps(service, installed=installed), service)
    except FlowOpsError:
        for step in [] if installed else uninstall_steps(service, installed=True):
            with contextlib.suppress(OSError):
                step.apply()
        raise
    return 0


def uninstall(options: Options) -> int:
    """Stop the service, which drains, and remove it with its folder; nothing to remove is no error."""
    service = service_from(options, this_system())
    check_manager(service)
    check_rights(service)
    installed = is_installed(service)
    if not installed and not Path(service.home).exists():
        print(text("worker.not-installed", name=service.name))
        return 0
    check_ours(service)
    _carry_out(uninstall_steps(service, installed=installed), service)
    return 0


def _carry_out(steps: list[Step], service: Service) -> None:
    """Print each step and do it.

    Raises:
        FlowOpsError: FT-SERVICE-14 at the first that fails.
    """
    # The service's account reads what is made here, whatever this person's own files are like.
    mask = os.umask(0o022)
    try:
        for step in steps:
            said = step.describe()
            print(said)
            try:
                step.apply()
            except OSError as failure:
                raise FlowOpsError("FT-SERVICE-14", service=service.name, step=said, output=failure) from None
    finally:
        os.umask(mask)


def status(options: Options) -> int:
    """Print whether the service is installed, running, and taking runs; 0 if all three."""
    service = service_from(options, this_system())
    check_manager(service)
    if not is_installed(service):
        raise FlowOpsError("FT-SERVICE-15", service=service.name, pool=service.pool)
    installed = json.loads((Path(service.home) / MARKER).read_text(encoding="utf-8"))
    state = _service_state(service)
    health = _health(installed["health_port"])
    values = (
        f"{service.name}: {state}",
        text("worker.of-pool", name=installed["worker_name"], **installed),
        installed["api_url"],
        installed.get("python", "-"),
        f"http://127.0.0.1:{installed['health_port']}/health: {health}",
        service.home,
    )
    for name, value in zip(text("worker.rows").split(","), values, strict=True):
        print(f"{name:<8} {value}")
    return 0 if state in ("active", "SERVICE_RUNNING") and health == "OK" else NOT_RUNNING


# --- what is asked for


def service_from(options: Options, system: System) -> Service:
    """Return the service that the command line describes, for a system, without the server's address.

    Raises:
        FlowOpsError: FT-SERVICE-01 for the pool's name, -02 and -03 for the address, -11 for the account,
            -19 for the folder.
    """
    if not POOL_NAME.fullmatch(options.pool):
        raise FlowOpsError("FT-SERVICE-01", pool=options.pool)
    name = f"flow-worker-{options.pool}"
    windows = system == "windows"
    flavour = PureWindowsPath if windows else PurePosixPath
    service = Service(
        system=system,
        scope="system" if windows else options.scope,
        pool=options.pool,
        worker_name=f"{options.host}-{options.pool}",
        account=_account(options, system, name),
        api_url="",
        limit=options.limit,
        drain_seconds=options.drain_seconds,
        # Two pools on one machine get two ports without anybody choosing them.
        health_port=options.health_port or 8100 + zlib.crc32(options.pool.encode()) % 900,
        home=flavour(options.home) if options.home else default_home(name, system, options.scope),
        # Commands are run elsewhere (`Command`); a version is no path.
        python=str(Path(options.python).absolute()) if Path(options.python).exists() else options.python,
        requirements=worker_requirements(),
        credentials=options.credentials and options.credentials.absolute(),
        nssm=options.nssm,
        uv=shutil.which("uv") or "uv" if system == this_system() else "uv",
    )
    check_folder(service)
    return service


def default_home(name: str, system: str, scope: str) -> PurePath:
    """Return the folder of the service `name` where the system keeps such things."""
    if system == "windows":
        return PureWindowsPath(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), SERVICES, name)
    if scope == "system":
        return PurePosixPath(STATES, SERVICES, name)
    data = os.environ.get("XDG_DATA_HOME") or f"{users_folder()}/.local/share"
    return PurePosixPath(data, SERVICES, name)


def worker_requirements() -> tuple[str, ...]:
    """Return what the worker's environment holds: this library's own bounds, and uv."""
    dependencies = importlib.metadata.requires("flow-ops") or []
    needed = (one for one in dependencies if Requirement(one).name in WORKER_REQUIREMENTS)
    return (*needed, UV_REQUIREMENT)


def _account(options: Options, system: System, name: str) -> str:
    if system == "windows":
        account = options.account or rf"NT SERVICE\{name}"
        if not (account.upper().startswith(("NT SERVICE\\", "NT AUTHORITY\\")) or account.endswith("$")):
            raise FlowOpsError("FT-SERVICE-11", account=account, service=name)
        return str(account)
    if options.scope == "user":
        return getpass.getuser()
    return options.account or ""


def check_folder(service: Service) -> None:
    """Check that the service manager can hold the folder: systemd takes no quotes there, nssm expands %.

    What an account of systemd's making writes is below one folder, in which a colon is not a character like others.
    """
    home, refused = service.home, '"%' if service.system == "windows" else "\"'\\"
    if service.own_account and (STATES not in home.parents or ".." in home.parts or ":" in str(home)):
        raise FlowOpsError("FT-SERVICE-21", folder=home, below=STATES)
    if not home.is_absolute() or any(c in refused or not c.isprintable() for c in str(home)):
        raise FlowOpsError("FT-SERVICE-19", folder=home)


def _asking() -> ModuleType:
    """Return what asks Prefect, which takes seconds to load: `--help`, `status` and `uninstall` do without."""
    return import_module("flow_ops.worker.asking")


def _api_url(named: str | None) -> str:
    if not named:
        named = _asking().PREFECT_API_URL.value()
    url = (named or "").rstrip("/")
    if not url:
        raise FlowOpsError("FT-SERVICE-02")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise FlowOpsError("FT-SERVICE-03", url=without_credentials(url))
    return url


# --- what must be true before anything is touched


def check_machine(service: Service) -> None:
    """Check the service manager, the rights, the account, uv and the interpreter.

    Raises:
        FlowOpsError: FT-SERVICE-07 to -09, -12, -13 and -17; FT-MACHINE-01.
    """
    check_manager(service)
    check_rights(service)
    if not shutil.which(service.uv):
        raise FlowOpsError("FT-MACHINE-01")
    if service.system == "linux" and service.account and not _account_exists(service.account):
        raise FlowOpsError("FT-SERVICE-12", account=service.account)
    check_ours(service)
    check_programs(service)


def check_manager(service: Service) -> None:
    """Check that nssm, or a running systemd, is there."""
    if service.system == "windows" and not shutil.which(service.nssm):
        raise FlowOpsError("FT-SERVICE-07", nssm=service.nssm)
    if service.system == "linux" and not systemd_runs():
        raise FlowOpsError("FT-SERVICE-08", service=service.name)


def check_rights(service: Service) -> None:
    """Check that the user may change a service of the system, and that nobody else can change what does it.

    Raises:
        FlowOpsError: FT-SERVICE-09 and -20.
    """
    if service.scope != "system":
        return
    if not _is_administrator():
        raise FlowOpsError("FT-SERVICE-09", service=service.name)
    if place := trust.writable_by_others():
        raise FlowOpsError("FT-SERVICE-20", place=place, service=service.name)


def systemd_runs() -> bool:
    """Tell whether systemd runs this machine, as sd_booted(3) does."""
    return bool(shutil.which("systemctl")) and Path("/run/systemd/system").is_dir()


def check_ours(service: Service) -> None:
    """Check that the service's folder is an administrator's, and was made by an installation.

    What stands in it is run by an administrator when it is installed again, and uninstall removes it whole.

    Raises:
        FlowOpsError: FT-SERVICE-13 and -24.
    """
    home = Path(service.home)
    if service.scope == "system" and (place := trust.foreign(home)):
        raise FlowOpsError("FT-SERVICE-24", folder=place, service=service.name)
    if home.exists() and not (home / MARKER).is_file() and any(home.iterdir()):
        raise FlowOpsError("FT-SERVICE-13", folder=home)


def check_programs(service: Service) -> None:
    """Check that there is a Python, and that the service's account will be able to run it, and nssm.

    Raises:
        FlowOpsError: FT-SERVICE-17 and -23.
    """
    python = find_python(service)
    if not python:
        raise FlowOpsError("FT-SERVICE-23", python=service.python)
    if service.scope == "user":
        return
    for program in (python, shutil.which(service.nssm) if service.system == "windows" else None):
        if program and Path(program).resolve().is_relative_to(Path.home().resolve()):
            raise FlowOpsError("FT-SERVICE-17", program=program, account=service.account or service.name)


def find_python(service: Service) -> str:
    """Return the Python of this machine that the service is to use, or nothing: uv downloads none."""
    command = [service.uv, "python", "find", "--no-project", "--system", service.python]
    return programs.run(command, ELSEWHERE, environment={**os.environ, **service.uv_variables}).stdout.strip()


def check_credentials(file: Path | None) -> dict[str, str]:
    """Return what the file given with `--credentials` sets; check that it can be read and understood.

    Raises:
        FlowOpsError: FT-SERVICE-16 and -22.
    """
    if not file:
        return {}
    if not file.is_file():
        raise FlowOpsError("FT-SERVICE-16", file=file, problem=text("worker.no-file"))
    try:
        variables = worker_drain.read_credentials(file)
    except worker_drain.ReadByOthersError:
        problem = text("worker.read-by-others", file=file)
        raise FlowOpsError("FT-SERVICE-16", file=file, problem=problem) from None
    except worker_drain.BadLineError as error:
        problem = text("worker.bad-line", number=error.number)
        raise FlowOpsError("FT-SERVICE-16", file=file, problem=problem) from None
    except (ValueError, OSError) as error:
        raise FlowOpsError("FT-SERVICE-16", file=file, problem=error) from None
    if unknown := worker_drain.unknown(variables):
        raise FlowOpsError("FT-SERVICE-22", file=file, names=", ".join(unknown))
    return variables


def check_port(service: Service) -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", service.health_port))
        except OSError:
            raise FlowOpsError("FT-SERVICE-18", port=service.health_port) from None


def _is_administrator() -> bool:
    if sys.platform == "win32":
        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return os.geteuid() == 0


def _account_exists(account: str) -> bool:
    if sys.platform == "win32":
        return True
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


# --- what is there


def is_installed(service: Service) -> bool:
    if service.unit_file:
        return Path(service.unit_file).exists()
    if not shutil.which(service.nssm):
        return False
    command = [service.nssm, "status", service.name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _service_state(service: Service) -> str:
    nssm = (service.nssm, "status", service.name)
    command = service.systemctl("is-active", service.name) if service.unit_file else nssm
    return decoded(subprocess.run(command, capture_output=True, check=False).stdout) or text("worker.unknown")


def _health(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return str(json.load(answer)["message"])
    except (OSError, ValueError, KeyError) as problem:
        said = str(getattr(problem, "reason", problem)) or type(problem).__name__
        return text("worker.no-health", reason=said.splitlines()[0])
