"""A worker's service as it is asked for, shown and refused, for both systems on any of them."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities import processutils

from flow_ops import arguments, cli, project
from flow_ops.deploy import state
from flow_ops.deployment import Environment, FolderSource, GitSource
from flow_ops.messages import FlowOpsError
from flow_ops.worker import asking, trust
from flow_ops.worker import drain as worker_drain
from flow_ops.worker import service as worker_service
from flow_ops.worker.plan import Service, install_steps, systemd_unit, uninstall_steps
from flow_ops.worker.steps import Command, Copy, File, Folder, Remove, decoded
from helpers.repositories import LIBRARY
from helpers.support import not_on_windows, of_powershell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = "http://prefect.example:4200/api"
COMMAND = "from flow_ops.cli import main; main()"
WINDOWS_HOME = r"C:\ProgramData\flow-workers\flow-worker-compras-prod"
LINUX_HOME = "/var/lib/flow-workers/flow-worker-compras-prod"


@pytest.fixture(autouse=True)
def english(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    assert repository
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    monkeypatch.setenv("PROGRAMDATA", r"C:\ProgramData")
    project.forget()
    yield
    project.forget()


def bound(action: str, *more: str, pool: str = "compras-prod") -> dict[str, Any]:
    """Return what the command line gives to an action."""
    tokens = ["worker", action, "--pool", pool, "--api-url", API, "--host", "srv1", *more]
    _, given, _ = cli._command_line().parse_args(tokens, exit_on_error=False)
    return given.arguments


def options(action: str = "print", *more: str) -> worker_service.Options:
    asked: worker_service.Options = bound(action, *more)["options"]
    return asked


def service(*more: str, pool: str = "compras-prod") -> Service:
    given = bound("print", *more, pool=pool)
    system = given.get("system") or worker_service.this_system()
    described: Service = worker_service.service_from(given["options"], system)
    return replace(described, api_url=API)


def service_from(asked: worker_service.Options) -> Service:
    return worker_service.service_from(asked, "linux")


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(FlowOpsError) as caught:
        call(*arguments)
    assert str(caught.value).startswith(caught.value.code)  # the text can be rendered from the values given
    return caught.value.code


def printed(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    arguments = ["print", "--pool", "compras-prod", "--api-url", API, "--host", "srv1", *more]
    assert cli.run(["worker", *arguments]) == 0
    return capsys.readouterr().out


# --- print


def test_print_shows_every_step_for_linux_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "--system", "linux").splitlines()
    steps = [re.sub(r"/\S*/(uv|worker_drain.py)", r"\1", line) for line in lines if not line.startswith(" ")]
    here = worker_service.this_system() == "linux"
    python = worker_service.find_python(service("--system", "linux")) if here else "'>=3.11'"
    uv = "command  UV_PYTHON_DOWNLOADS=never UV_PYTHON_INSTALL_DIR=HOME/python uv"
    install = f"{uv} pip install --quiet --upgrade --compile-bytecode"
    requirements = " ".join(f"'{requirement}'" for requirement in worker_service.worker_requirements())
    assert [step.replace(LINUX_HOME, "HOME") for step in steps] == [
        "folder   HOME",
        "file     HOME/service.json",
        f"{uv} venv --quiet --no-project --allow-existing --python {python} HOME/environment",
        f"{install} --python HOME/environment/bin/python {requirements}",
        "file     worker_drain.py",
        "file     HOME/credentials.env",
        "command  chown root: HOME/credentials.env",
        "file     /etc/systemd/system/flow-worker-compras-prod.service",
        "command  systemctl daemon-reload",
        "command  systemctl enable flow-worker-compras-prod",
        "command  systemctl start flow-worker-compras-prod",
    ]


def test_print_speaks_spanish_in_a_spanish_repository(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "es")
    lines = printed(capsys, "--system", "linux").splitlines()
    assert {line.split()[0] for line in lines if line[0] != " "} == {"carpeta", "archivo", "comando"}
    assert any(re.search(r"\| \(una copia de .*/drain\.py\)", line) for line in lines)
    assert "         | (si ya existe, queda como está)" in lines
    assert any("# Líneas NOMBRE=valor" in line for line in lines)
    [removed] = uninstall_steps(service("--system", "windows"), installed=False)
    assert removed.describe() == f"borrar   {WINDOWS_HOME}"


def test_print_shows_every_step_for_windows_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--system", "windows").replace(WINDOWS_HOME, "HOME")
    steps = [line for line in text.splitlines() if not line.startswith((" ", "command  nssm set"))]
    names = [" ".join(step.split()[:3]) if step.startswith("command") else step for step in steps]
    assert names == [
        r"folder   C:\ProgramData\flow-workers",
        r"command icacls.exe C:\ProgramData\flow-workers",
        r"command icacls.exe C:\ProgramData\flow-workers",
        r"command icacls.exe C:\ProgramData\flow-workers",
        "folder   HOME",
        "command nssm install",
        "command sc.exe config",
        "command icacls.exe HOME",
        "command icacls.exe HOME",
        "command icacls.exe HOME",
        r"file     HOME\service.json",
        "command $env:UV_PYTHON_DOWNLOADS =",
        "command $env:UV_PYTHON_DOWNLOADS =",
        r"folder   HOME\state",
        r"folder   HOME\state\logs",
        r"file     HOME\worker_drain.py",
        r"file     HOME\credentials.env",
        r"command icacls.exe HOME\state",
        r"command icacls.exe HOME\credentials.env",
        "command nssm start",
    ]
    assert r"obj= 'NT SERVICE\flow-worker-compras-prod'" in text
    assert "/" not in text.split("AppDirectory")[1].splitlines()[0]


def test_what_print_shows_for_windows_is_typed_in_powershell(capsys: pytest.CaptureFixture[str]) -> None:
    places = ("--home", r"C:\Archivos de ñandú (prod)\l'área", "--nssm", r"C:\Archivos de programa\nssm.exe")
    text = printed(capsys, "--system", "windows", *places)
    shown = [line.split("  ", 1)[1] for line in text.splitlines() if line.startswith("command")]
    described = service("--system", "windows", *places)
    if sys.platform == "win32":
        described = replace(described, python=worker_service.find_python(described))
    steps = install_steps(described, installed=False)
    for line, command in zip(shown, [step for step in steps if isinstance(step, Command)], strict=True):
        *given, words = line.split("; ")
        assert [of_powershell(each) for each in given] == [
            [f"$env:{name}", "=", value] for name, value in command.variables
        ]
        assert of_powershell(words.removeprefix("& ")) == [*command.words]
        # Without `&`, what is in quotes is a text and no program.
        assert words.startswith("& '") == ("'" in words.removeprefix("& ")[0])


def test_the_folders_of_windows_services_are_taken_from_whoever_made_them_before_anything_is_put_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps = [line for line in printed(capsys, "--system", "windows").splitlines() if not line.startswith(" ")]
    administrators, system = "'*S-1-5-32-544:(OI)(CI)F'", "'*S-1-5-18:(OI)(CI)F'"
    users, account = "'*S-1-5-32-545:RX'", r"'NT SERVICE\flow-worker-compras-prod:(OI)(CI)RX'"
    for folder, readers in ((str(PureWindowsPath(WINDOWS_HOME).parent), users), (WINDOWS_HOME, account)):
        commands = [
            step.split("  ", 1)[1] for step in steps if step.startswith(f"command  icacls.exe {folder} ")
        ]
        assert commands == [
            f"icacls.exe {folder} /setowner '*S-1-5-32-544'",
            f"icacls.exe {folder} /reset",
            f"icacls.exe {folder} /inheritance:r /grant:r {administrators} {system} {readers}",
        ]
    kept = [number for number, step in enumerate(steps) if step.startswith(("file", "command  $env:UV"))]
    assert max(n for n, step in enumerate(steps) if f"{WINDOWS_HOME} /inheritance:r" in step) < min(kept)


@pytest.mark.usefixtures("administrator")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_that_somebody_else_made_beforehand_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "made" / "worker"
    home.mkdir(parents=True)
    (home / "service.json").write_text("{}", encoding="utf-8")  # as if an installation had made it
    described = service("--system", "linux", "--account", "root", "--home", str(home))
    worker_service.check_ours(described)
    os.chown(home.parent, 65534, 65534)
    trust._others_can_write.cache_clear()
    assert refusal(worker_service.check_ours, described) == "FT-SERVICE-24"


@pytest.mark.parametrize(("owner", "link", "refused"), [
    ("BA", False, False), ("SY", False, False), ("S-1-5-21-1-2-3-1001", False, True), ("BA", True, True),
])  # fmt: skip
def test_on_windows_owner_and_junctions_decide(
    owner: str, link: bool, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands for what Windows says of a folder, which is not here.
    monkeypatch.setattr(trust, "os", SimpleNamespace(name="nt", path=os.path))
    monkeypatch.setattr(trust, "_trusted", lambda: trust.ADMINISTRATORS)
    monkeypatch.setattr(
        trust, "windows_access", lambda path: f"O:{owner if path == tmp_path else 'SY'}G:SYD:(A;;FA;;;BA)"
    )
    monkeypatch.setattr(trust, "_is_reparse_point", lambda path: link and path == tmp_path)
    found = trust.foreign(tmp_path / "worker")
    monkeypatch.undo()
    assert found == (tmp_path if refused else None)


def test_print_says_what_nssm_keeps(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--system", "windows", "--limit", "3", "--drain-seconds", "120")
    kept = dict(
        re.findall(r"nssm set flow-worker-compras-prod (\w+) (.*)", text.replace(WINDOWS_HOME, "HOME"))
    )
    environment = kept.pop("AppEnvironmentExtra")
    assert kept == {
        "Application": r"HOME\environment\Scripts\python.exe",
        "AppDirectory": "HOME",
        "AppParameters": r"'HOME\worker_drain.py --pool compras-prod --name srv1-compras-prod --limit 3 "
        r"--drain-seconds 120 --home HOME'",
        "DisplayName": "'Prefect worker compras-prod'",
        "Description": "'Prefect worker of the work pool compras-prod'",
        "Start": "SERVICE_AUTO_START",
        "AppStdout": r"HOME\state\logs\worker.log",
        "AppStderr": r"HOME\state\logs\worker.log",
        "AppRotateFiles": "1",
        "AppRotateOnline": "1",
        "AppRotateBytes": "10485760",
        "AppExit": "78 Exit",  # after "Default Restart"
        "AppRestartDelay": "10000",
        "AppStopMethodSkip": "6",
        "AppStopMethodConsole": "210000",  # 120 s to drain and 90 to cancel what is left
    }
    assert "AppExit Default Restart" in text
    assert r"PREFECT_HOME=HOME\state\prefect" in environment
    assert f"PREFECT_API_URL={API}" in environment


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_both_systems_get_the_same_settings_and_no_credentials(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "credentials.env"
    secret.write_text("PREFECT_API_KEY=pnu_do_not_show\n", encoding="utf-8")
    secret.chmod(0o600)
    text = printed(capsys, "--system", system, "--credentials", str(secret))
    for setting in (
        "PREFECT_WORKER_QUERY_SECONDS=1",
        "PREFECT_WORKER_WEBSERVER_HOST=127.0.0.1",
        "PYTHONUTF8=1",
        "UV_CACHE_DIR=",
    ):
        assert setting in text
    assert "pnu_do_not_show" not in text
    assert f"a copy of {secret}" in text


def test_print_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = ("--account", "root") if os.name == "posix" else ()
    printed(capsys, "--home", str(tmp_path / "home"), *account)
    assert list(tmp_path.iterdir()) == []


def test_print_ends_quietly_when_nobody_reads_on(repository: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "worker", "print", "--pool", "compras-prod"],
            cwd=repository,
            env={**os.environ, "PREFECT_API_URL": API},
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("flushes", "raised"), [(False, False), (True, True)], ids=["nobody reads", "something else"]
)
def test_what_windows_says_of_a_pipe_without_reader_is_told_from_other_problems(
    flushes: bool, raised: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Output(io.StringIO):
        def flush(self) -> None:
            if not flushes:
                raise OSError(errno.EINVAL, "Invalid argument")

        def fileno(self) -> int:
            return stream.fileno()

    with (tmp_path / "output").open("w") as stream:
        monkeypatch.setattr("sys.stdout", Output())
        problem = OSError(errno.EINVAL, "Invalid argument")
        assert arguments._nobody_reads(problem) is not raised
        assert not arguments._nobody_reads(OSError(errno.ENOSPC, "No space left"))


def test_each_pool_of_a_machine_has_its_own_name_folder_and_port() -> None:
    first, second = service("--system", "linux"), service("--system", "linux", pool="compras-dev")
    assert first.worker_name == "srv1-compras-prod"
    assert {first.name, first.home, first.health_port}.isdisjoint(
        {second.name, second.home, second.health_port}
    )


def test_the_workers_environment_is_bound_like_the_library_and_holds_uv() -> None:
    pyproject = (LIBRARY / "pyproject.toml").read_text(encoding="utf-8")
    *bounds, uv = worker_service.worker_requirements()
    assert [re.split("[<>=]", bound)[0] for bound in bounds] == ["prefect", "tzdata"]
    assert all(f'"{bound}"' in pyproject for bound in bounds)
    assert uv.startswith("uv>=")


def test_installing_again_stops_first_and_does_not_register_twice() -> None:
    for system, stop in (("linux", "systemctl stop"), ("windows", "Stop-Service")):
        described = service("--system", system)
        again = [step.describe() for step in install_steps(described, installed=True)]
        assert stop in again[0]
        assert not any("nssm install" in step for step in again)


# --- the unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize(
    "who", [("--account", "root"), (), ("--scope", "user")], ids=["account", "own", "user"]
)
def test_systemd_accepts_the_unit_whatever_its_folder_is_called(who: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "con espacios, 50% ñ $HOME"
    (home / "environment" / "bin").mkdir(parents=True)
    shutil.copy("/bin/true", home / "environment" / "bin" / "python")
    (home / "state").mkdir()
    described = replace(service("--system", "linux", *who), home=home)
    if described.own_account:
        described = replace(described, home=Path("/var/lib", home.name))
    unit = tmp_path / f"{described.name}.service"
    unit.write_text(systemd_unit(described), encoding="utf-8")
    manager = ["--user"] if described.scope == "user" else []
    # Sockets are made below it, whose paths have 107 characters at most.
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        done = subprocess.run(
            ["systemd-analyze", *manager, "--man=no", "verify", str(unit)],
            capture_output=True, text=True, env={**os.environ, "XDG_RUNTIME_DIR": short}, check=False,
        )  # fmt: skip
    said = done.stdout + done.stderr
    if described.own_account:  # Nothing may be put below /var/lib for a test.
        assert [line for line in said.splitlines() if "is not executable" not in line] == []
    else:
        assert (done.returncode, said) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("who", [(), ("--account", "compras")], ids=["own account", "named account"])
def test_the_unit_exposes_little(who: tuple[str, ...], tmp_path: Path) -> None:
    unit = tmp_path / "flow-worker-compras-prod.service"
    unit.write_text(systemd_unit(service("--system", "linux", *who)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    [exposure] = re.findall(r"Overall exposure level .*: ([\d.]+)", done.stdout)
    assert float(exposure) < 4


def test_each_line_of_the_hardening_has_its_reason() -> None:
    lines = systemd_unit(service("--system", "linux")).splitlines()
    hardening = lines[lines.index("UMask=0077") + 1 : lines.index("[Install]") - 1]
    assert hardening[0].startswith("#")
    reasons = [line for line in hardening if line.startswith("#")]
    assert 3 * len(reasons) >= len(hardening) - len(reasons)


def test_the_unit_drains_restarts_and_starts_at_boot() -> None:
    unit = systemd_unit(service("--system", "linux", "--drain-seconds", "120"))
    for line in (
        "DynamicUser=yes",
        "KillMode=mixed",  # with control-group, SIGTERM would end the flows at once
        "TimeoutStopSec=210",
        "Restart=always",
        "RestartSec=10",
        "UMask=0077",
        "WantedBy=multi-user.target",
    ):
        assert line in unit.splitlines()


def test_a_users_unit_starts_without_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    described = service("--system", "linux", "--scope", "user")
    steps = [step.describe() for step in install_steps(described, installed=False)]
    assert f"command  loginctl enable-linger {described.account}" in steps
    assert str(described.unit_file) == f"{tmp_path}/systemd/user/flow-worker-compras-prod.service"
    assert not any("chown" in step or "User=" in step for step in steps)


# --- refusals, each with a code of its own


@pytest.mark.parametrize("pool", ["", "con espacio", "../etc", "ñandú", 'a"b', "-x", "a;b", "%n"])
def test_a_pool_whose_name_cannot_name_a_service_is_refused(pool: str) -> None:
    asked = replace(options(), pool=pool)
    assert refusal(service_from, asked) == "FT-SERVICE-01"


def test_a_service_without_a_server_is_refused() -> None:
    asked = replace(options(), api_url=None)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert refusal(worker_service.describe, asked) == "FT-SERVICE-02"


@pytest.mark.parametrize(
    "url", ["server:4200/api", "ftp://x/api", "http://", "http://ana:clave@server:4200/api"]
)
def test_an_address_that_is_none_or_holds_a_password_is_refused_without_showing_it(url: str) -> None:
    asked = replace(options(), api_url=url)
    assert refusal(worker_service.describe, asked) == "FT-SERVICE-03"
    with pytest.raises(FlowOpsError) as caught:
        worker_service.describe(asked)
    assert "clave" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("print",),
        ("instal", "--pool", "compras-prod"),
        ("print", "--pool", "compras-prod", "--limit", "0"),
        ("print", "--pool", "compras-prod", "--limit", "five"),
        ("print", "--poool", "compras-prod"),
    ],
)
def test_a_wrong_command_line_is_a_coded_message(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["worker", *arguments]) == 1
    assert capsys.readouterr().err.startswith("FT-ARGS-0")


def test_a_missing_nssm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(worker_service.check_manager, service("--system", "windows")) == "FT-SERVICE-07"


@not_on_windows("a service there is nssm's")
def test_a_machine_without_systemd_is_refused_before_anything_is_touched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(worker_service, "systemd_runs", lambda: False)
    home = tmp_path / "home"
    arguments = [
        "install",
        "--pool",
        "compras-prod",
        "--api-url",
        API,
        "--home",
        str(home),
        "--scope",
        "user",
    ]
    assert cli.run(["worker", *arguments]) == 1
    assert capsys.readouterr().err.startswith("FT-SERVICE-08")
    assert not home.exists()


def test_a_system_service_asks_for_administrator_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_service, "systemd_runs", lambda: True)
    monkeypatch.setattr(worker_service, "_is_administrator", lambda: False)
    assert refusal(worker_service.check_machine, service("--system", "linux")) == "FT-SERVICE-09"


@pytest.fixture
def administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_service, "systemd_runs", lambda: True)
    monkeypatch.setattr(worker_service, "_is_administrator", lambda: True)
    monkeypatch.setattr(trust, "writable_by_others", lambda: None)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("how", ["owner", "group", "everybody", "folder above", "link"])
def test_root_installs_nothing_from_where_others_can_write(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_service, "_is_administrator", lambda: True)
    module = tmp_path / "repository" / ".venv" / "lib" / "module.py"
    module.parent.mkdir(parents=True)
    module.touch()
    monkeypatch.setattr(trust, "running", lambda: [module])
    monkeypatch.setattr(trust, "_others_can_write", trust._others_can_write.__wrapped__)  # without its memory
    worker_service.check_rights(
        service("--system", "linux")
    )  # root's, in pytest's folder below the sticky /tmp
    if how == "owner":
        os.chown(module, 65534, 0)
    elif how == "group":
        os.chown(module, 0, 65534)
        module.chmod(0o664)
    elif how == "everybody":
        module.chmod(0o666)
    elif how == "folder above":
        os.chown(tmp_path / "repository", 65534, 65534)
    else:
        link = tmp_path / "link"
        link.symlink_to(module)
        os.lchown(link, 65534, 65534)
        monkeypatch.setattr(trust, "running", lambda: [link])
    assert refusal(worker_service.check_rights, service("--system", "linux")) == "FT-SERVICE-20"
    worker_service.check_rights(service("--system", "linux", "--scope", "user"))


MODES = not_on_windows("who may read a file is in its access list")

ANA, SERVICE = "S-1-5-21-1-2-3-1001", "S-1-5-80-1-2-3-4-5"
INSTALLER = trust.ADMINISTRATORS[-1]
FULL = "(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)"
# As Windows writes them, with its usual grants; it is not here to be asked.
ACCESS_LISTS = {
    "Program Files": (
        f"O:{INSTALLER}G:{INSTALLER}D:PAI(A;;FA;;;{INSTALLER})(A;CIIO;GA;;;{INSTALLER})(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)"
        "(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)(A;;FRFX;;;AC)",
        "",
    ),
    "what an administrator has in a profile": (f"O:{ANA}G:{ANA}D:AI{FULL}(A;OICIID;FA;;;{ANA})", ""),
    "C:": (
        f"O:{INSTALLER}G:{INSTALLER}D:PAI{FULL}(A;OICI;0x1200a9;;;BU)(A;;LC;;;AU)(A;OICIIO;SDGXGWGR;;;AU)",
        "itself",
    ),
    "a folder made in C:": (f"O:BAG:BAD:AI{FULL}(A;OICIID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)", "below too"),
    "a repository that a service writes": (f"O:BAG:BAD:AI{FULL}(A;OICI;0x1301bf;;;{SERVICE})", "below too"),
    "somebody else's": (f"O:S-1-5-21-1-2-3-1002G:BAD:AI{FULL}", "below too"),
    "deleted by others": (f"O:BAG:BAD:AI{FULL}(A;;CCDTSD;;;WD)", "below too"),
    "without a list": ("O:BAG:BAD:NO_ACCESS_CONTROL", "below too"),
}


@pytest.mark.parametrize(("access", "weak"), ACCESS_LISTS.values(), ids=ACCESS_LISTS)
def test_on_windows_owner_and_grants_decide_who_may_change_a_place(access: str, weak: str) -> None:
    trusted = {*trust.ADMINISTRATORS, ANA}
    assert trust.others_may_change(access, trusted, is_above=False) == bool(weak)
    assert trust.others_may_change(access, trusted, is_above=True) == (weak == "below too")


def test_on_windows_an_administrator_installs_nothing_from_a_repository_that_a_service_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, repository = (ACCESS_LISTS[each][0] for each in ("C:", "a repository that a service writes"))
    module = tmp_path / "repository" / ".venv" / "module.py"
    monkeypatch.setattr(worker_service, "_is_administrator", lambda: True)
    monkeypatch.setattr(trust, "running", lambda: [module])
    monkeypatch.setattr(trust, "_others_can_write", trust._others_can_write.__wrapped__)  # without its memory
    # Stand for what Windows says, which is not here.
    monkeypatch.setattr(trust, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(trust, "_trusted", lambda: trust.ADMINISTRATORS)
    monkeypatch.setattr(
        trust, "windows_access", lambda place: repository if "repository" in place.parts else sound
    )
    assert trust.writable_by_others() == module
    described = service("--system", "windows")
    assert refusal(worker_service.check_rights, described) == "FT-SERVICE-20"
    monkeypatch.setattr(trust, "running", lambda: [tmp_path / "Program Files" / "module.py"])
    monkeypatch.setattr(trust, "windows_access", lambda _: ACCESS_LISTS["Program Files"][0])
    worker_service.check_rights(described)


def test_a_run_from_a_folder_has_an_environment_of_its_own_and_one_of_a_clone_uvs_usual_one() -> None:
    folders = (r"C:\flows\ventas", "C:/flows/ventas", "/srv/flows/ventas", "/srv/flows/compras")
    pins = Environment(work_pool="pool-prod", env={"REGION": "sur"})
    names = {
        state.job_variables(pins, FolderSource(each))["env"]["UV_PROJECT_ENVIRONMENT"] for each in folders
    }
    assert len(names) == len(folders)
    for name in names:  # A worker's service puts it elsewhere; any other worker beside `.venv`.
        assert name.startswith(".venv-worker-")
        assert PureWindowsPath(name).name == name
    clone = GitSource("https://git.example.com/ventas.git")
    assert "UV_PROJECT_ENVIRONMENT" not in state.job_variables(pins, clone)["env"]
    own = replace(pins, env={"UV_PROJECT_ENVIRONMENT": "/srv/environments/ventas"})
    there = state.job_variables(own, FolderSource("/srv/flows/ventas"))["env"]
    assert there == {**there, **own.env}


def test_a_service_keeps_the_environment_of_a_folders_runs_in_its_own_state(tmp_path: Path) -> None:
    # Prefect's worker is a stand-in here; tests/test_secured_server.py has a real one.
    given: list[dict[str, str]] = []

    async def run(_: Any, configuration: Any) -> None:
        given.append(configuration.env)

    worker: Any = SimpleNamespace(run=run, get_and_submit_flow_runs=None)
    drain = worker_drain.Drain(worker, worker_drain.Ledger(tmp_path / "runs"), tmp_path / "environments")
    own = str(tmp_path / "own")
    for variables in (
        {"UV_PROJECT_ENVIRONMENT": ".venv-worker-1"},
        {},
        {"UV_PROJECT_ENVIRONMENT": own},
    ):
        flow_run: Any = SimpleNamespace(id=uuid4(), run_count=0)
        configuration: Any = SimpleNamespace(env=dict(variables))
        asyncio.run(drain.run(flow_run, configuration))
    assert [each.get("UV_PROJECT_ENVIRONMENT") for each in given] == [
        str(tmp_path / "environments" / ".venv-worker-1"),
        None,
        own,
    ]
    assert (tmp_path / "environments").is_dir()


def test_what_runs_is_python_its_modules_and_uv() -> None:
    running = [*trust.running()]
    assert {Path(sys.executable), Path(trust.__file__)} <= {*running}
    assert Path(shutil.which("uv") or "") in running


def test_commands_take_no_settings_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Command(
        (sys.executable, "-c", "import os, sys; sys.exit(os.getcwd() != os.path.abspath(os.sep))")
    ).apply()


@pytest.mark.usefixtures("administrator")
def test_a_missing_uv_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(worker_service.check_machine, service("--system", "linux")) == "FT-MACHINE-01"


def test_a_windows_account_with_a_password_is_refused() -> None:
    asked = options("print", "--account", r"EMPRESA\ana")
    assert refusal(worker_service.service_from, asked, "windows") == "FT-SERVICE-11"
    assert service("--system", "windows", "--account", r"EMPRESA\flujos$").account == r"EMPRESA\flujos$"


@pytest.mark.usefixtures("administrator")
@not_on_windows("it does not know the accounts of Linux")
def test_a_linux_account_must_exist() -> None:
    described = service("--system", "linux", "--account", "nobody-of-that-name")
    assert refusal(worker_service.check_machine, described) == "FT-SERVICE-12"


@pytest.mark.usefixtures("administrator")
@not_on_windows("a service there is nssm's")
def test_a_folder_of_somebody_else_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years", encoding="utf-8")
    described = service("--system", "linux", "--account", "root", "--home", str(tmp_path))
    assert refusal(worker_service.check_machine, described) == "FT-SERVICE-13"
    asked = options("uninstall", "--account", "root", "--home", str(tmp_path))
    assert refusal(worker_service.uninstall, asked) == "FT-SERVICE-13"
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.usefixtures("administrator")
@not_on_windows("a service there is nssm's")
def test_a_service_that_is_not_installed_has_no_status_and_nothing_to_remove(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--account", "root", "--home", str(tmp_path / "home"))
    assert refusal(worker_service.status, options("status", *more)) == "FT-SERVICE-15"
    assert worker_service.uninstall(options("uninstall", *more)) == 0
    assert "nothing to remove" in capsys.readouterr().out


@not_on_windows("a service there is nssm's")
def test_the_status_of_a_service_is_told_in_the_language_of_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_service, "check_manager", lambda _: None)
    monkeypatch.setattr(worker_service, "is_installed", lambda _: True)
    monkeypatch.setattr(worker_service, "_service_state", lambda _: "inactive")
    asked = options("status", "--account", "root", "--home", str(tmp_path))
    described = service("--system", "linux", "--account", "root", "--home", str(tmp_path))
    [marker] = [step for step in install_steps(described, installed=False) if isinstance(step, File)][:1]
    marker.apply()
    told: dict[str, str] = {}
    for language in ("es", "en"):
        monkeypatch.setenv("FLOW_LANGUAGE", language)
        worker_service.status(asked)
        told[language] = capsys.readouterr().out
    assert [line.split()[0] for line in told["es"].splitlines()] == [
        *("servicio", "worker", "servidor", "python", "salud", "carpeta")
    ]
    assert "ejecuciones a la vez, como máximo: 5" in told["es"]
    assert "/health: no responde (" in told["es"]
    assert "maximum runs at the same time: 5" in told["en"]


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        pytest.param("PREFECT_API_KEY=pnu_x\n", 0o644, "chmod 600", marks=MODES),
        ("# one\nPREFECT_API_KEY pnu_x\n", 0o600, "line 2"),
        (None, 0o600, "no such file"),
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_credentials_file_that_others_read_or_that_is_wrong_is_refused_without_showing_it(
    text: str | None,
    mode: int,
    problem: str,
    language: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    file = tmp_path / "credentials.env"
    if text is not None:
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
    with pytest.raises(FlowOpsError) as caught:
        worker_service.check_credentials(file)
    assert caught.value.code == "FT-SERVICE-16"
    spanish = {
        "chmod 600": "lo pueden leer otros",
        "line 2": "la línea 2 no es",
        "no such file": ": no existe",
    }
    assert (problem if language == "en" else spanish[problem]) in str(caught.value)
    assert "pnu_x" not in str(caught.value)


@not_on_windows("what stands for uv is a script of its shell")
def test_an_interpreter_that_the_services_account_cannot_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    shutil.copy(Path(sys.executable).resolve(), python)
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\necho {python}\n", encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert refusal(worker_service.check_programs, service("--system", "linux")) == "FT-SERVICE-17"
    worker_service.check_programs(service("--system", "linux", "--scope", "user"))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("PREFECT_API_AUTH_STRING", True),
        ("UV_INDEX_EMPRESA_PASSWORD", True),
        ("https_proxy", True),
        ("PREFECT_API_URL", False),
        ("PREFECT_API_KEY_2", False),
        ("PREFECT_HOME", False),
        ("PYTHONPATH", False),
        ("LD_PRELOAD", False),
        ("UV_PYTHON", False),
        ("GIT_SSH_COMMAND", False),
        ("PATH", False),
    ],
)
def test_the_credentials_file_sets_keys_and_networks_and_nothing_that_the_worker_is(
    name: str,
    known: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "credentials.env"
    file.write_text(f"{name}=value-of-it\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv(name, "before")
    if known:
        worker_service.check_credentials(file)
    else:
        assert refusal(worker_service.check_credentials, file) == "FT-SERVICE-22"
    worker_drain._take_credentials(tmp_path)  # also what an earlier installation accepted
    assert os.environ[name] == ("value-of-it" if known else "before")
    said = capsys.readouterr().out
    assert "value-of-it" not in said
    assert (name in said) is not known


@pytest.mark.parametrize("home", ["/srv/worker", "/var/lib", "/var/lib/../etc/x", "/var/lib/a:b"])
def test_a_folder_that_systemd_cannot_give_to_an_account_of_its_own_is_refused(home: str) -> None:
    assert refusal(service_from, options("print", "--home", home)) == "FT-SERVICE-21"


@not_on_windows("what stands for uv is a script of its shell")
def test_a_machine_without_a_python_for_the_service_is_told_and_nothing_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    described = service("--python", "3.99", "--scope", "user")
    assert refusal(worker_service.check_programs, described) == "FT-SERVICE-23"
    assert described.variables["UV_PYTHON_DOWNLOADS"] == "never"
    # uv knows of a later Python than those here, and is not to bring it.
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\necho "$UV_PYTHON_DOWNLOADS"\n', encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert worker_service.find_python(service("--scope", "user")) == "never"


@pytest.mark.parametrize(
    ("system", "home"),
    [
        ("linux", "relative"),
        ("linux", '/srv/a"b'),
        ("linux", "/srv/a\nb"),
        ("windows", "/srv"),
        ("windows", r"C:\%x%"),
    ],
)
def test_a_folder_that_a_service_manager_cannot_hold_is_refused(system: str, home: str) -> None:
    asked = options("print", "--home", home, *(("--scope", "user") if system == "linux" else ()))
    assert refusal(worker_service.service_from, asked, system) == "FT-SERVICE-19"


def test_a_health_port_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        described = service("--health-port", str(taken.getsockname()[1]))
        assert refusal(worker_service.check_port, described) == "FT-SERVICE-18"


def test_a_server_that_does_not_answer_is_named() -> None:
    described = replace(service(), api_url="http://127.0.0.1:9/api")
    assert refusal(asking.check_pool, described, {}) == "FT-SERVER-03"


# --- the steps


@MODES
def test_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    secret, shared = tmp_path / "secret", tmp_path / "shared"
    secret.write_text("old", encoding="utf-8")
    secret.chmod(0o644)
    File(secret, "año\n", private=True).apply()
    File(shared, "x").apply()
    Folder(tmp_path / "state", private=True).apply()
    assert secret.read_bytes() == "año\n".encode()
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o077 for name in ("secret", "state")] == [0, 0]


def test_credentials_written_by_hand_survive_an_installation(tmp_path: Path) -> None:
    file = tmp_path / "credentials.env"
    File(file, "# header\n", private=True, kept=True).apply()
    assert os.name != "posix" or stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("A=1\n", encoding="utf-8")
    File(file, "# header\n", private=True, kept=True).apply()
    assert file.read_text(encoding="utf-8") == "A=1\n"
    source = tmp_path / "given"
    source.write_text("A=2\n", encoding="utf-8")
    Copy(source, file, private=True).apply()
    assert worker_drain.read_credentials(file) == {"A": "2"}


def test_a_failed_step_says_what_the_command_said(tmp_path: Path) -> None:
    for step, said in (
        (Command((sys.executable, "-c", "import sys; sys.exit('no se pudo')")), "no se pudo"),
        (Command((sys.executable, "-c", "raise SystemExit(5)")), "exit status 5"),
        (Command((str(tmp_path / "nowhere"),)), "No such file|WinError 2"),
    ):
        with pytest.raises(OSError, match=said):
            step.apply()
    assert decoded("servicio «ñ»\n".encode("utf-16-le")) == "servicio «ñ»"


def test_uninstalling_removes_the_service_its_unit_and_its_folder() -> None:
    linux = uninstall_steps(service("--system", "linux"), installed=True)
    assert [step.describe().split("  ", 1)[1].strip() for step in linux] == [
        "systemctl disable --now flow-worker-compras-prod",
        "/etc/systemd/system/flow-worker-compras-prod.service",
        "systemctl daemon-reload",
        LINUX_HOME.replace("/var/lib/", "/var/lib/private/"),
        LINUX_HOME,
    ]
    windows = uninstall_steps(service("--system", "windows"), installed=True)
    assert "nssm remove flow-worker-compras-prod confirm" in windows[1].describe()
    assert isinstance(windows[-1], Remove)


# --- the worker's own file


def test_credentials_are_variables_with_comments_quotes_and_the_mark_of_windows_editors(
    tmp_path: Path,
) -> None:
    file = tmp_path / "credentials.env"
    file.write_text("\ufeff# key\n\nPREFECT_API_KEY = pnu=x \nCLAVE='con # y ñ'\n", encoding="utf-8")
    file.chmod(0o600)
    read = worker_drain.read_credentials(file)
    assert read == {"PREFECT_API_KEY": "pnu=x", "CLAVE": "con # y ñ"}
    assert worker_drain.unknown(read) == ["CLAVE"]
    assert worker_drain.read_credentials(tmp_path / "none") == {}


@MODES
def test_a_worker_with_exposed_credentials_does_not_start_nor_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "credentials.env").write_text("A=1\n", encoding="utf-8")
    (tmp_path / "credentials.env").chmod(0o644)
    asked = ["--pool", "x", "--name", "x", "--limit", "1", "--drain-seconds", "1", "--home", str(tmp_path)]
    assert worker_drain.main(asked) == 78
    assert "chmod 600" in capsys.readouterr().out
    assert "RestartPreventExitStatus=78" in systemd_unit(service("--system", "linux"))


def test_rotated_output_is_kept_to_a_number_of_files(tmp_path: Path) -> None:
    for number in range(worker_drain.ROTATED_FILES + 5):
        file = tmp_path / f"worker-{number:02}.log"
        file.touch()
        os.utime(file, (number, number))
    (tmp_path / "worker.log").touch()
    worker_drain._prune(tmp_path)
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == [*(f"worker-{n:02}.log" for n in range(5, worker_drain.ROTATED_FILES + 5)), "worker.log"]


def test_the_workers_file_stands_alone(tmp_path: Path) -> None:
    shutil.copy(worker_drain.__file__, tmp_path / "worker_drain.py")
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "worker_drain.py"), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "--drain-seconds" in done.stdout) == (0, True)


def test_flows_of_a_windows_worker_are_not_found_by_the_console_handler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On Linux Prefect has no such handler: what is tested is what the handler goes through.
    monkeypatch.setattr("prefect.utilities.processutils._windows_process_group_pids", {1}, raising=False)
    worker_drain._keep_stops_from_flows()
    groups = processutils._windows_process_group_pids  # type: ignore[attr-defined]
    groups.add(2)
    assert list(groups) == []
    groups.remove(2)  # as Prefect does when the flow has ended: not a KeyError


def test_what_a_flow_leaves_in_the_ledger_is_set_aside_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "state" / "runs"
    ledger = worker_drain.Ledger(runs)
    good, odd, linked = (str(uuid4()) for _ in range(3))
    (runs / good).write_text("2", encoding="ascii")
    (runs / odd).write_text("many", encoding="ascii")
    (runs / str(uuid4())).mkdir()
    (runs / linked).symlink_to(runs / good)
    (runs / "notes.txt").write_bytes(b"\xff\x00" * 50)
    if os.name == "posix":
        os.mkfifo(runs / str(uuid4()))  # opening it would wait forever
    strange = {file.name for file in runs.iterdir()} - {good}
    assert len(strange) == 5 or os.name != "posix"  # Wine makes no link, and says nothing
    assert ledger.entries() == {good: 2}
    assert [file.name for file in runs.iterdir()] == [good]
    aside = tmp_path / "state" / "set-aside"
    assert {file.name.rpartition("-")[0] for file in aside.iterdir()} == strange
    said = capsys.readouterr().out
    assert "notes.txt was set aside" in said


@pytest.mark.parametrize("instead", ["file", "dangling link", "nothing", "everything"])
def test_a_ledger_whose_folder_is_spoilt_records_all_the_same(instead: str, tmp_path: Path) -> None:
    run = SimpleNamespace(id=uuid4(), run_count=1)
    runs = tmp_path / "state" / "runs"
    ledger = worker_drain.Ledger(runs)
    runs.rmdir()
    if instead == "file":
        runs.touch()
    elif instead == "dangling link":
        runs.symlink_to(tmp_path / "nowhere")
    elif instead == "everything":
        shutil.rmtree(tmp_path / "state")
    again = worker_drain.Ledger(runs)
    again.add(run)  # type: ignore[arg-type]
    again.add(run)  # type: ignore[arg-type]  # started again before it was forgotten
    assert again.entries() == {str(run.id): 1}
    again.remove(run.id)
    ledger.remove(run.id)
    assert again.entries() == {}


def test_a_ledger_that_cannot_be_written_is_told_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").touch()  # nor can anything be set aside
    (tmp_path / "state").rename(tmp_path / "file")
    ledger = worker_drain.Ledger(tmp_path / "file" / "runs")
    run = SimpleNamespace(id=uuid4(), run_count=1)
    ledger.add(run)  # type: ignore[arg-type]
    ledger.remove(run.id)
    assert ledger.entries() == {}
    assert f"run {run.id} cannot be recorded" in capsys.readouterr().out


def test_rotated_output_that_is_none_stops_nothing(tmp_path: Path) -> None:
    for number in range(worker_drain.ROTATED_FILES + 1):
        (tmp_path / f"worker-{number:02}.log").mkdir()
    (tmp_path / "worker-loop.log").symlink_to(tmp_path / "worker-loop.log")
    worker_drain._prune(tmp_path)
    worker_drain._prune(tmp_path / "none")
