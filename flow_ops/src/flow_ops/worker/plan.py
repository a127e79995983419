"""The steps that install and remove a worker's service, for systemd and for nssm.

A list of steps is made without touching anything and without being on the system that it is for.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath, PurePosixPath

from jinja2 import Environment, PackageLoader, select_autoescape

from flow_ops.messages import text
from flow_ops.worker import drain as worker_drain
from flow_ops.worker.steps import Command, Copy, File, Folder, Remove, Step, WindowsCommand

# Written last into a service's folder: what is installed there, and that the folder may be removed.
MARKER = "service.json"
# Where systemd keeps what a service writes, and what one with an account of its own (`DynamicUser=`) does.
STATES, PRIVATE_STATES = PurePosixPath("/var/lib"), PurePosixPath("/var/lib/private")
RESTART_SECONDS = 10
ROTATE_BYTES = 10 * 1024 * 1024
# What a stop may take on top of the drain: Prefect's cancellation, then the worker's own end.
STOP_MARGIN_SECONDS = worker_drain.CANCEL_SECONDS + worker_drain.SETTLE_SECONDS + 15
# Well-known SIDs, because the names are translated: Administrators (Administradores) and SYSTEM.
# And everybody who may log in: Users (Usuarios).
ADMINISTRATORS, LOCAL_SYSTEM, USERS = "*S-1-5-32-544", "*S-1-5-18", "*S-1-5-32-545"
# The folder of all services.
SERVICES = "flow-workers"


@dataclass(frozen=True)
class Service:
    """A worker's service: everything that its installation depends on."""

    system: str
    scope: str
    pool: str
    worker_name: str
    account: str
    api_url: str
    limit: int
    drain_seconds: int
    health_port: int
    home: PurePath
    python: str
    requirements: tuple[str, ...]
    credentials: Path | None = None
    nssm: str = "nssm"
    uv: str = "uv"

    @property
    def name(self) -> str:
        return f"flow-worker-{self.pool}"

    @property
    def own_account(self) -> bool:
        """Whether systemd makes an account for this service alone, for as long as it runs."""
        return self.system == "linux" and self.scope == "system" and not self.account

    @property
    def interpreter(self) -> PurePath:
        program = "Scripts/python.exe" if self.system == "windows" else "bin/python"
        return self.home / "environment" / program

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            str(self.home / "worker_drain.py"),
            *("--pool", self.pool),
            *("--name", self.worker_name),
            *("--limit", str(self.limit)),
            *("--drain-seconds", str(self.drain_seconds)),
            *("--home", str(self.home)),
        )

    @property
    def state(self) -> PurePath:
        """The part of the folder that the service's account may write to; the rest it can only read."""
        return self.home / worker_drain.STATE

    @property
    def uv_variables(self) -> dict[str, str]:
        """Which Pythons uv may use: those of the machine, and what an administrator put where the account can read it."""
        return {"UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON_INSTALL_DIR": str(self.home / "python")}

    @property
    def variables(self) -> dict[str, str]:
        """The service's environment, without credentials; `worker_drain` adds the PATH to uv."""
        # The account has none of its own, and git, uv and the libraries of flows want one.
        needs_home = self.system == "linux" and self.scope == "system"
        home = {"HOME": str(self.state / "home")} if needs_home else {}
        return {
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self.state / "prefect"),
            # In the part that flows cannot write to: a profile there would change what the worker is.
            "PREFECT_PROFILES_PATH": str(self.home / "profiles.toml"),
            # Prefect's 10 seconds between polls cost a run 5 on average.
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            # Prefect's default is every address of the machine.
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(self.health_port),
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            # For the flows' own environments.
            "UV_CACHE_DIR": str(self.state / "uv-cache"),
            **self.uv_variables,
            **home,
        }

    @property
    def unit_file(self) -> PurePosixPath | None:
        """The systemd unit; None on Windows."""
        if self.system == "windows":
            return None
        if self.scope == "system":
            return PurePosixPath("/etc/systemd/system", f"{self.name}.service")
        configuration = os.environ.get("XDG_CONFIG_HOME") or f"{users_folder()}/.config"
        return PurePosixPath(configuration, "systemd/user", f"{self.name}.service")

    def systemctl(self, *words: str) -> tuple[str, ...]:
        return ("systemctl", *(("--user",) if self.scope == "user" else ()), *words)


def users_folder() -> str:
    """Return this user's folder on Linux; shown elsewhere, the one that such a user would have there."""
    return str(Path.home()) if os.name == "posix" else f"/home/{getpass.getuser()}"


def install_steps(service: Service, *, installed: bool) -> list[Step]:
    steps = _windows_install if service.system == "windows" else _linux_install
    return list(steps(service, installed=installed))


def uninstall_steps(service: Service, *, installed: bool) -> list[Step]:
    steps: list[Step] = []
    if service.unit_file:
        if installed:
            steps += [Command(service.systemctl("disable", "--now", service.name))]
        steps += [Remove(service.unit_file), Command(service.systemctl("daemon-reload"))]
        if service.own_account:
            steps += [Remove(PRIVATE_STATES / service.home.relative_to(STATES))]
    elif installed:
        remove = WindowsCommand((service.nssm, "remove", service.name, "confirm"))
        steps += [_stop_on_windows(service), remove]
    return [*steps, Remove(service.home)]


def _environment(service: Service) -> Iterator[Step]:
    """Yield what both systems share: the worker's own environment, its program and its credentials."""
    command = WindowsCommand if service.system == "windows" else Command
    variables = tuple(service.uv_variables.items())
    environment = str(service.home / "environment")
    made = ("venv", "--quiet", "--no-project", "--allow-existing", "--python", service.python, environment)
    yield command((service.uv, *made), variables)
    # Each run starts a process of this environment, whose account cannot keep what it compiles here: not compiled,
    # importing Prefect takes 2 seconds more, every time.
    options = ("--quiet", "--upgrade", "--compile-bytecode", "--python", str(service.interpreter))
    yield command((service.uv, "pip", "install", *options, *service.requirements), variables)
    if not service.own_account:
        for folder in (service.state, service.state / "logs"):
            yield Folder(folder, private=True)
    yield Copy(Path(worker_drain.__file__), service.home / "worker_drain.py")
    credentials = service.home / "credentials.env"
    if service.credentials:
        yield Copy(service.credentials, credentials, private=True)
    else:
        yield File(credentials, text("worker.credentials-header"), private=True, kept=True)


def _marker(service: Service) -> Step:
    told = ("pool", "worker_name", "api_url", "limit", "drain_seconds", "health_port", "account", "python")
    facts = {name: getattr(service, name) for name in told}
    return File(service.home / MARKER, json.dumps(facts, indent=2) + "\n")


# --- Linux


def _linux_install(service: Service, *, installed: bool) -> Iterator[Step]:
    if installed:
        yield Command(service.systemctl("stop", service.name))
    yield Folder(service.home)
    yield _marker(service)
    yield from _environment(service)
    if service.scope == "system":
        # The environment stays root's: what flows could change must not be run by the next installation. And the
        # credentials: systemd hands a copy to the service. Earlier releases gave them to the account.
        yield Command(("chown", "root:", str(service.home / "credentials.env")))
        if not service.own_account:
            yield Command(("chown", "-R", f"{service.account}:", str(service.state)))
    if service.unit_file:
        yield File(service.unit_file, systemd_unit(service))
    yield Command(service.systemctl("daemon-reload"))
    yield Command(service.systemctl("enable", service.name))
    if service.scope == "user":
        # Without it a user's services start at log-in and end at log-out.
        yield Command(("loginctl", "enable-linger", service.account))
    yield Command(service.systemctl("start", service.name))


def systemd_unit(service: Service) -> str:
    """Return the unit, `unit.service` with what is this service's own."""
    files = Environment(
        loader=PackageLoader("flow_ops.worker", "."),
        autoescape=select_autoescape(),  # a unit is no HTML: nothing is
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # systemd expands variables in arguments only, not in the program's path.
    files.filters |= {"as_argument": _in_unit, "as_word": partial(_in_unit, dollar="$"), "as_path": _in_path}
    return files.get_template("unit.service").render(
        service=service,
        system=service.scope == "system",
        state=service.state.relative_to(STATES) if service.own_account else None,
        restart_seconds=RESTART_SECONDS,
        exit_configuration=worker_drain.EXIT_CONFIGURATION,
        stop_seconds=service.drain_seconds + STOP_MARGIN_SECONDS,
    )


def _in_unit(value: object, *, dollar: str = "$$") -> str:
    """Return a value as one word of a unit, nothing in it expanded (systemd.service, "Command lines")."""
    word = str(value)
    if re.fullmatch(r"[A-Za-z0-9_@:=,./+-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", dollar)
    return f'"{escaped}"'


def _in_path(path: PurePath) -> str:
    """Return a path for a setting that takes the rest of the line as it is, but for specifiers."""
    return str(path).replace("%", "%%")


# --- Windows


def _windows_install(service: Service, *, installed: bool) -> Iterator[Step]:
    nssm, name = service.nssm, service.name
    if installed:
        yield _stop_on_windows(service)
    if service.home.parent.name == SERVICES:
        # Everybody may make folders in ProgramData, and so in what is made there, until this.
        yield Folder(service.home.parent)
        yield from _administrators_alone(service.home.parent, f"{USERS}:RX")
    yield Folder(service.home)
    if not installed:
        yield WindowsCommand((nssm, "install", name, str(service.interpreter)))
    # An account that exists through the service alone and has no password.
    yield WindowsCommand(("sc.exe", "config", name, "obj=", service.account))
    # Before anything is in the folder: who is not named here cannot read it.
    yield from _administrators_alone(service.home, f"{service.account}:(OI)(CI)RX")
    yield _marker(service)
    yield from _environment(service)
    yield WindowsCommand(("icacls.exe", str(service.state), "/grant", f"{service.account}:(OI)(CI)M"))
    yield _access(
        service.home / "credentials.env",
        (f"{ADMINISTRATORS}:F", f"{LOCAL_SYSTEM}:F", f"{service.account}:R"),
    )
    for setting, values in nssm_settings(service).items():
        yield WindowsCommand((nssm, "set", name, setting, *values))
    yield WindowsCommand((nssm, "set", name, "AppExit", str(worker_drain.EXIT_CONFIGURATION), "Exit"))
    yield WindowsCommand((nssm, "start", name))


def nssm_settings(service: Service) -> dict[str, tuple[str, ...]]:
    """Return nssm's parameters and their values (https://nssm.cc/usage)."""
    output = str(service.state / "logs" / "worker.log")
    return {
        "Application": (str(service.interpreter),),
        # Not where flows can write: Prefect takes settings from the folder that it starts in.
        "AppDirectory": (str(service.home),),
        # nssm keeps one string and drops the quotes of separate words.
        "AppParameters": (subprocess.list2cmdline(service.arguments),),
        "DisplayName": (f"Prefect worker {service.pool}",),
        "Description": (f"Prefect worker of the work pool {service.pool}",),
        "Start": ("SERVICE_AUTO_START",),
        "AppEnvironmentExtra": tuple(f"{name}={value}" for name, value in service.variables.items()),
        "AppStdout": (output,),
        "AppStderr": (output,),
        "AppRotateFiles": ("1",),
        "AppRotateOnline": ("1",),
        "AppRotateBytes": (str(ROTATE_BYTES),),
        "AppExit": ("Default", "Restart"),
        "AppRestartDelay": (str(RESTART_SECONDS * 1000),),
        # A stop is Ctrl-C and time to drain; no messages to windows (2) or threads (4).
        "AppStopMethodSkip": ("6",),
        "AppStopMethodConsole": (str((service.drain_seconds + STOP_MARGIN_SECONDS) * 1000),),
    }


def _stop_on_windows(service: Service) -> Step:
    # nssm's own stop returns before a long drain is over; this one waits for the service to be gone.
    seconds = service.drain_seconds + STOP_MARGIN_SECONDS
    script = (
        f"Stop-Service -Name '{service.name}' -NoWait; "
        f"(Get-Service -Name '{service.name}').WaitForStatus('Stopped', [TimeSpan]::FromSeconds({seconds}))"
    )
    return WindowsCommand(("powershell.exe", "-NoProfile", "-Command", script))


def _administrators_alone(folder: PurePath, *readers: str) -> Iterator[Step]:
    """Yield what leaves a folder to administrators, and to be read by `readers`, whoever made it and granted what."""
    yield WindowsCommand(("icacls.exe", str(folder), "/setowner", ADMINISTRATORS))
    yield WindowsCommand(("icacls.exe", str(folder), "/reset"))
    yield _access(folder, (f"{ADMINISTRATORS}:(OI)(CI)F", f"{LOCAL_SYSTEM}:(OI)(CI)F", *readers))


def _access(path: PurePath, grants: tuple[str, ...]) -> Step:
    return WindowsCommand(("icacls.exe", str(path), "/inheritance:r", "/grant:r", *grants))
