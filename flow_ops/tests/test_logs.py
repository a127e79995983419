"""The logger in plain processes, most of them without Prefect: terminal, file, settings, secrets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from flow_ops import logs
from flow_ops.hidden import MASK
from flow_ops.logging.settings import read_settings
from helpers.support import not_on_windows

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = Path(logs.__file__).parents[1]
ONE_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) \| (?P<level>\w+) +"
    r"\| (?P<flow_run>\S+) (?P<flow_run_id>\S+)"
    r" \| (?P<task_run>\S+) \| (?P<logger>\S+) \| (?P<message>.*)"
)


class Ran:
    """What a process left: its output and its log files."""

    def __init__(self, finished: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.status = finished.returncode
        self.output = finished.stdout
        self.terminal = finished.stderr
        self.folder = folder

    def file(self, name: str = "ventas-diarias.log") -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def run(repository: Path, tmp_path: Path) -> Callable[..., Ran]:
    """Return a function that runs a script in a process of its own, whose logs go to a folder of its own."""

    def run_(script: str, **settings: str) -> Ran:
        folder, work = tmp_path / "logs", tmp_path / "work"
        work.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "FLOW_PROJECT_ROOT": str(repository),
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "FLOW_LOG_DIR": str(folder),
            **settings,
        }
        finished = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=work,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=False,
        )
        return Ran(finished, Path(settings.get("FLOW_LOG_DIR", folder)))

    return run_


HELLO = """
from flow_ops.logs import get_logger
get_logger("tasks").info("hello %s", "world")
"""


# --- names and places


@pytest.mark.usefixtures("repository")
def test_loggers_are_standard_ones_below_the_package() -> None:
    assert logs.get_logger().name == "ventas_diarias"
    assert logs.get_logger("tasks").name == "ventas_diarias.tasks"
    assert logs.get_logger("ventas_diarias.tasks") is logs.get_logger("tasks")
    assert logs.get_logger("tasks").parent is logs.get_logger()


def test_importing_loads_neither_prefect_nor_the_rotation(run: Callable[..., Ran]) -> None:
    ran = run("""
import sys, flow_ops.logs
print({"prefect", "concurrent_log_handler"} & {name.partition(".")[0] for name in sys.modules})
flow_ops.logs.get_logger().info("x")
print({"prefect"} & {name.partition(".")[0] for name in sys.modules})
""")
    assert (ran.output, ran.status) == ("set()\nset()\n", 0)


def test_a_line_has_local_time_level_run_task_logger_and_message(run: Callable[..., Ran]) -> None:
    ran = run(HELLO)
    line = ONE_LINE.fullmatch(ran.file().removesuffix("\n"))
    assert line, ran.file()
    assert line["time"].endswith("-03:00")
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "ventas_diarias.tasks", "hello world")
    assert (line["flow_run"], line["flow_run_id"], line["task_run"]) == ("-", "-", "-")


def test_without_prefect_the_terminal_gets_one_line(run: Callable[..., Ran]) -> None:
    ran = run(HELLO)
    assert ran.terminal.count("hello world") == 1
    assert ran.output == ""


@pytest.mark.parametrize("team", ["level='INFO'", "filename='team.log'", "stream=__import__('sys').stdout"])
@pytest.mark.parametrize("first", ["team", "ours"])
def test_the_teams_own_configuration_is_kept_without_a_second_line(
    run: Callable[..., Ran], tmp_path: Path, team: str, first: str
) -> None:
    team = f"import logging\nlogging.basicConfig({team})\n"
    ran = run(team + HELLO if first == "team" else "import flow_ops.logs\n" + team + HELLO)
    assert (ran.terminal + ran.output).count("hello world") == 1
    assert ran.file().count("hello world") == 1
    if "filename" in team:
        assert (tmp_path / "work" / "team.log").read_text(encoding="utf-8").count("hello world") == 1


def test_importing_twice_reloading_and_a_second_copy_add_no_line(run: Callable[..., Ran]) -> None:
    ran = run("""
import importlib, sys
import flow_ops.logs
before = flow_ops.logs.get_logger("before")
importlib.reload(flow_ops.logs)
del sys.modules["flow_ops.logs"]
import flow_ops.logs
after = flow_ops.logs.get_logger("after")
before.info("from before")
after.info("from after")
before.info("again before")
""")
    for message in ("from before", "from after", "again before"):
        assert ran.file().count(message) == 1
        assert ran.terminal.count(message) == 1


def test_a_configuration_that_disables_existing_loggers_does_not_silence_ours(
    run: Callable[..., Ran],
) -> None:
    ran = run("""
import logging.config
from flow_ops.logs import get_logger
logger = get_logger("tasks")
logging.config.dictConfig({"version": 1})
assert logger.disabled
get_logger("other")
logger.info("still here")
""")
    assert ran.file().count("still here") == ran.terminal.count("still here") == 1


@not_on_windows("no process makes a copy of itself")
def test_a_forked_process_writes_to_the_same_file(run: Callable[..., Ran]) -> None:
    ran = run("""
import os
from flow_ops.logs import get_logger
logger = get_logger()
logger.info("parent")
if os.fork() == 0:
    logger.info("child")
    os._exit(0)
os.wait()
logger.info("parent again")
""")
    assert [line.rpartition(" | ")[2] for line in ran.file().splitlines()] == [
        "parent",
        "child",
        "parent again",
    ]


# --- what a file holds


def test_tracebacks_and_further_lines_are_indented_so_that_no_message_forges_a_record(
    run: Callable[..., Ran],
) -> None:
    ran = run(r"""
from flow_ops.logs import get_logger
try:
    1 / 0
except ZeroDivisionError:
    get_logger().exception("first\n2026-01-01T00:00:00.000-03:00 | INFO     | forged\r\x85\u2028end")
""")
    lines = ran.file().split("\n")
    assert [bool(re.match(r"\d", line)) for line in lines if line] == [True] + [False] * (len(lines) - 2)
    assert all(line.startswith("    | ") for line in lines[1:] if line)
    assert lines[-2] == "    | ZeroDivisionError: division by zero"


PROBLEMS = """
import logging, os, pathlib, runpy
from flow_ops.logs import get_logger
os.environ["FLOW_LANGUAGE"] = "en"
root = pathlib.Path(os.environ["FLOW_PROJECT_ROOT"])
CODE = "from flow_ops.messages import FlowOpsError\\ndef fails():\\n    raise FlowOpsError('FT-SERVER-09')\\n"
exec(compile(CODE, root / "deploy.py", "exec"))
ours, engine, kept = get_logger("tasks"), logging.getLogger("prefect.flow_runs"), []

class Keeps(logging.Handler):
    def emit(self, record):
        if record.exc_info:
            kept.append(record.exc_info[0].__name__)

engine.addHandler(Keeps())
try:
    fails()
except FlowOpsError as error:
    ours.exception("caught")
    engine.exception("task failed")
    engine.exception("flow failed")
    engine.error("Finished in state Failed(" + repr(f"it raised {error}") + ")")
try:
    try:
        {}["lost"]
    except KeyError:
        fails()
except FlowOpsError:
    engine.exception("with a cause")
print(*kept)
"""


def test_a_problem_of_ours_that_ends_a_run_is_its_message_and_line_once_and_any_other_keeps_its_traceback(
    run: Callable[..., Ran],
) -> None:
    ran = run(PROBLEMS, PYTHONPATH=str(SOURCE))
    assert ran.status == 0, ran.terminal
    assert ran.output == "FlowOpsError FlowOpsError FlowOpsError\n", "for the team's own handlers"
    said = ran.file()
    of = {name: said.partition(f"| {name}")[2].partition("\n20")[0] for name in NAMED}
    assert "Traceback" in of["caught"]
    assert of["task failed"].split("\n")[1:3] == [
        "    | deploy.py:3, in fails",
        of["task failed"].split("\n")[2],
    ]
    assert "    | FT-SERVER-09  " in of["task failed"]
    assert "    |   Why: " in of["task failed"]
    assert of["flow failed"] == "\n    | deploy.py:3, in fails"
    assert re.search(r"FT-SERVER-09  [^\\]*['\"]\)$", of["Finished in state"])
    assert "KeyError: 'lost'" in of["with a cause"]


NAMED = ("caught", "task failed", "flow failed", "Finished in state", "with a cause")


def test_json_has_one_object_a_line_with_extra_and_traceback(run: Callable[..., Ran]) -> None:
    ran = run(
        """
from flow_ops.logs import get_logger
try:
    1 / 0
except ZeroDivisionError:
    get_logger("tasks").exception("two\\nlines ñ", extra={"order": 7, "thing": object})
get_logger("tasks").info("next")
""",
        FLOW_LOG_FORMAT="json",
    )
    first, second = (json.loads(line) for line in ran.file().splitlines())
    assert (first["message"], first["order"], first["level"]) == ("two\nlines ñ", 7, "ERROR")
    assert first["traceback"].endswith("ZeroDivisionError: division by zero")
    assert first["time"].endswith("-03:00")
    assert second["flow_run_id"] is None
    assert "traceback" not in second
    assert "ñ" in ran.file()


def test_characters_that_utf8_cannot_hold_do_not_lose_the_line(run: Callable[..., Ran]) -> None:
    ran = run("from flow_ops.logs import get_logger; get_logger().info('a\\udce1b')")
    assert ran.file().endswith("a\\udce1b\n")


def test_a_cp1252_console_gets_its_line_and_the_file_the_whole(run: Callable[..., Ran]) -> None:
    ran = run(
        "from flow_ops.logs import get_logger; get_logger().info('ñandú → 😀')",
        PYTHONIOENCODING="cp1252",
        PYTHONUTF8="0",
    )
    assert ran.status == 0
    assert "Traceback" not in ran.terminal
    assert len(ran.terminal.splitlines()) == 1
    assert ran.file().endswith("ñandú → 😀\n")


def test_wrong_arguments_in_a_call_lose_that_record_only(run: Callable[..., Ran]) -> None:
    ran = run("from flow_ops.logs import get_logger; l = get_logger(); l.info('%d', 'x'); l.info('next')")
    assert ran.status == 0
    assert ran.file().endswith("| next\n")
    assert "FT-LOGS" not in ran.terminal


# --- settings


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [("", "prefect/logs"), ("relative", "prefect/relative"), ("{tmp}/absolute", "absolute")],
)
def test_the_file_is_never_in_the_working_directory(
    run: Callable[..., Ran], tmp_path: Path, chosen: str, expected: str
) -> None:
    run(HELLO, FLOW_LOG_DIR=chosen.format(tmp=tmp_path))
    assert "hello world" in (tmp_path / expected / "ventas-diarias.log").read_text(encoding="utf-8")
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("level", "seen"), [("", "info"), ("debug", "debug info"), ("WARNING", ""), ("10", "debug info")]
)
def test_the_level_is_set_by_the_environment(run: Callable[..., Ran], level: str, seen: str) -> None:
    ran = run(
        HELLO + "log = get_logger(); log.debug('debug'); log.info('info'); log.error('e')",
        FLOW_LOG_LEVEL=level,
    )
    found = [line.rpartition(" | ")[2] for line in ran.file().splitlines()]
    assert [message for message in found if message != "hello world"] == [*seen.split(), "e"]


def test_values_that_make_no_sense_are_reported_once_each_and_fail_nothing(run: Callable[..., Ran]) -> None:
    ran = run(
        HELLO + "get_logger().info('next')",
        FLOW_LOG_LEVEL="LOUD",
        FLOW_LOG_FORMAT="xml",
        FLOW_LOG_MAX_MB="-1",
        FLOW_LOG_FILES="many",
        FLOW_LANGUAGE="en",
    )
    assert ran.status == 0
    assert ran.terminal.count("FT-LOGS-01") == ran.file().count("FT-LOGS-01") == 4
    for value in ("'LOUD'", "'xml'", "'-1'", "'many'"):
        assert ran.terminal.count(value) == 1
    assert "hello world" in ran.file()


@pytest.mark.parametrize("name", ["FLOW_LOG_MAX_MB", "FLOW_LOG_FILES"])
@pytest.mark.parametrize("value", ["0", "nan", "inf", "1e400"])
def test_sizes_and_numbers_out_of_range_are_refused(name: str, value: str) -> None:
    settings = read_settings({name: value})
    assert [problem["variable"] for problem in settings.problems] == [name]
    assert (settings.max_bytes, settings.files) == (10_000_000, 5)


def test_rotation_keeps_a_bounded_number_of_files(run: Callable[..., Ran]) -> None:
    ran = run(
        "from flow_ops.logs import get_logger\nfor i in range(3000): get_logger().info('%05d', i)",
        FLOW_LOG_MAX_MB="0.02",
        FLOW_LOG_FILES="3",
    )
    files = sorted(file.name for file in ran.folder.glob("ventas*"))
    assert files == ["ventas-diarias.log", "ventas-diarias.log.1", "ventas-diarias.log.2"]
    assert ran.file().endswith("02999\n")
    # By at most the records between two looks at the size.
    assert all(file.stat().st_size < 20_000 + 50 * 100 for file in ran.folder.glob("ventas*"))


# --- a file that cannot be written


def test_an_unwritable_folder_warns_once_counts_what_is_lost_and_the_terminal_goes_on(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ran = run(
        "from flow_ops.logs import get_logger\nfor i in range(5): get_logger().info('line %d', i)",
        FLOW_LOG_DIR=str(tmp_path / "file" / "logs"),
    )
    assert ran.status == 0
    assert ran.terminal.count("FT-LOGS-02  ") == 1
    # The five lines, and the warning.
    assert re.findall(r"FT-LOGS-03  .*: (\d+)\.", ran.terminal) == ["6"]
    assert [ran.terminal.count(f"line {i}") for i in range(5)] == [1] * 5
    assert "Traceback" not in ran.terminal


def test_what_is_lost_when_a_run_ends_is_said_on_the_terminal_without_a_traceback(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    class Server(BaseHTTPRequestHandler):
        """In a server's place, for an end that comes after Prefect's own: it takes what it is sent."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "file").touch()
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        ran = run(
            "import uuid, prefect\nfrom flow_ops.logs import get_logger\n"
            "get_logger().info('in a run', extra={'flow_run_id': str(uuid.uuid4()), 'flow_run_name': 'one'})",
            FLOW_LOG_DIR=str(tmp_path / "file" / "logs"),
            PREFECT_API_URL=f"http://127.0.0.1:{server.server_port}/api",
        )
        server.shutdown()
    assert ran.status == 0
    assert re.findall(r"FT-LOGS-03  .*: (\d+)\.", ran.terminal) == ["2"]
    assert "Traceback" not in ran.terminal


@not_on_windows("it has no /dev/full")
def test_a_full_disk_warns_once_and_the_file_goes_on_once_there_is_room(run: Callable[..., Ran]) -> None:
    ran = run("""
import os, pathlib
from flow_ops.logging import rotating_file
from flow_ops.logs import get_logger
file = pathlib.Path(os.environ["FLOW_LOG_DIR"]) / "ventas-diarias.log"
file.parent.mkdir()
file.symlink_to("/dev/full")
rotating_file.RETRY_SECONDS = 0
get_logger().info("full")
get_logger().info("full still")
file.unlink()
get_logger().info("room")
""")
    assert ran.status == 0
    assert ran.terminal.count("FT-LOGS-02") == 1
    assert ran.file().endswith("| room\n")
    assert ran.terminal.count("full still") == 1


def test_after_a_failure_the_file_is_left_alone_for_a_while(run: Callable[..., Ran]) -> None:
    ran = run("""
import os, pathlib
from flow_ops.logs import get_logger
folder = pathlib.Path(os.environ["FLOW_LOG_DIR"])
folder.touch()
get_logger().info("first")
folder.unlink()
get_logger().info("second")
print(folder.exists())
""")
    assert ran.output == "False\n"


# --- another file for a part of the work


def test_another_file_for_a_part_of_the_work_affects_that_part_only(run: Callable[..., Ran]) -> None:
    ran = run("""
import asyncio
from flow_ops.logs import get_logger, log_file
logger = get_logger()

async def part(name):
    with log_file(f"parts/{name}.log"):
        for step in range(3):
            logger.info("%s %d", name, step)
            await asyncio.sleep(0)

async def main():
    await asyncio.gather(part("a"), part("b"))

logger.info("before")
asyncio.run(main())
try:
    with log_file("c.log") as file:
        logger.info("c")
        with log_file("d.log"):
            logger.info("d")
        logger.info("c again")
        raise KeyError
except KeyError:
    logger.info("after")
print(file)
import flow_ops.logs
print(len(flow_ops.logs._files))
""")

    def messages(file: str) -> list[str]:
        return [line.rpartition(" | ")[2] for line in ran.file(file).splitlines()]

    assert messages("ventas-diarias.log") == ["before", "after"]
    assert messages("parts/a.log") == ["a 0", "a 1", "a 2"]
    assert messages("parts/b.log") == ["b 0", "b 1", "b 2"]
    assert messages("c.log") == ["c", "c again"]
    assert messages("d.log") == ["d"]
    assert ran.output == f"{ran.folder / 'c.log'}\n1\n"
    assert all(ran.terminal.count(f"a {step}") == 1 for step in range(3))


def test_many_files_for_parts_of_the_work_are_not_left_open(run: Callable[..., Ran]) -> None:
    ran = run("""
import os
from flow_ops.logs import get_logger, log_file
def one(number):
    with log_file(f"{number}.log"):
        get_logger().info("x")
one(0)
before = len(os.listdir("/proc/self/fd"))
for number in range(1, 20):
    one(number)
print(len(os.listdir("/proc/self/fd")) - before)
""")
    assert ran.output == "0\n"


# --- secrets


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_masked_in_terminal_and_file(run: Callable[..., Ran], form: str) -> None:
    ran = run(
        r"""
import json, logging, urllib.parse
from flow_ops.logs import add_secret, get_logger
secret = 'pa"ss\'w/ñ\n1'
add_secret(secret)
logger = get_logger()
logger.info("message " + secret)
logger.info("argument %s", secret)
logger.info("repr %r", {"password": secret})
logger.info("json %s", json.dumps({"password": secret}))
logger.info("url %s %s", urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret))
logging.getLogger("ventas_diarias.other.module").info("child " + secret)
logger.info("extra", extra={"password": secret})
try:
    raise ValueError(secret)
except ValueError:
    logger.exception("exception")
""",
        FLOW_LOG_FORMAT=form,
    )
    for place in (ran.terminal, ran.file()):
        assert "ss" not in place.replace("message", "").replace("password", "").replace("process", "")
        assert place.count(MASK) >= 7
        assert "ValueError: ********" in place


def test_secrets_are_masked_before_a_handler_that_the_team_attached_first(run: Callable[..., Ran]) -> None:
    ran = run("""
import logging, sys
logging.getLogger("ventas_diarias").addHandler(logging.StreamHandler(sys.stdout))
from flow_ops.logs import add_secret
add_secret("hunter22")
logging.getLogger("ventas_diarias.child").info("password hunter22")
""")
    assert ran.output == f"password {MASK}\n"


def test_values_under_four_characters_are_not_masked(run: Callable[..., Ran]) -> None:
    ran = run("""
from flow_ops.logs import add_secret, get_logger, mask
add_secret("abc"); add_secret(""); add_secret("abcd"); add_secret("abcdef")
get_logger().info("abc xabcdx abcdef")
print(mask("abcd"))
""")
    assert ran.file().endswith("| abc x********x ********\n")
    assert ran.output == "********\n"


def test_a_logger_that_is_sent_to_another_process_finds_its_handlers_there(run: Callable[..., Ran]) -> None:
    sent = run("""
import pickle, sys
from flow_ops.logs import get_logger
print(pickle.dumps(get_logger("sent")).hex())
""").output
    # As Dask does it: flow_ops was never imported in that process.
    arrived = run(f"import pickle; pickle.loads(bytes.fromhex({sent.strip()!r})).info('hello from there')")
    assert "hello from there" in arrived.file()
