"""One log file under many processes, killed ones, and Windows as far as it can be simulated on Linux."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import types
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest
from concurrent_log_handler import ConcurrentRotatingFileHandler

from flow_ops import logs
from flow_ops.logging import masking, rotating_file
from helpers.support import not_on_windows, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(logs.__file__).parents[1]

WRITER = """
import sys
from flow_ops.logs import get_logger
logger = get_logger("writer")
name, count, filling = sys.argv[1], int(sys.argv[2]), "x" * int(sys.argv[3])
for number in range(count):
    logger.info("<%s %d %s>", name, number, filling)
"""


def writer(
    repository: Path, folder: Path, name: str, count: int, filling: int = 20, **settings: str
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FLOW_PROJECT_ROOT": str(repository),
        "FLOW_LOG_DIR": str(folder),
        "FLOW_LOG_FILES": "100",
        masking.VARIABLE: "",  # what other tests of this process have taken for a secret
        **settings,
    }
    with (folder / f"{name}.terminal").open("wb") as terminal:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, name, str(count), str(filling)], env=environment, stderr=terminal
        )


def lines(folder: Path) -> list[str]:
    return [line for file in folder.glob("ventas*") for line in file.read_text(encoding="utf-8").splitlines()]


def written(folder: Path) -> Counter[str]:
    """Count the whole messages; a torn or merged line is under its own text."""
    return Counter(line.rpartition(" | ")[2] for line in lines(folder))


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("processes", "count", "size"),
    [(2, 1_000, "0.03"), pytest.param(8, 20_000, "0.5", marks=pytest.mark.slow)],
)
def test_processes_on_one_rotating_file_lose_tear_and_double_no_line(
    repository: Path, tmp_path: Path, processes: int, count: int, size: str
) -> None:
    children = [writer(repository, tmp_path, f"p{n}", count, FLOW_LOG_MAX_MB=size) for n in range(processes)]
    assert [child.wait(240) for child in children] == [0] * processes
    expected = {f"<p{n} {number} {'x' * 20}>": 1 for n in range(processes) for number in range(count)}
    found = written(tmp_path)
    assert found == expected, (found - Counter(expected)).most_common(3)
    assert len(list(tmp_path.glob("ventas-diarias.log.*"))) > processes
    for terminal in tmp_path.glob("*.terminal"):
        assert b"Traceback" not in terminal.read_bytes()


@pytest.mark.e2e
@pytest.mark.parametrize("processes", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 8))])
def test_with_one_killed_and_the_file_held_open_to_be_read_the_others_lose_tear_and_double_no_line(
    repository: Path, tmp_path: Path, processes: int
) -> None:
    log = tmp_path / "ventas-diarias.log"
    # Its lines have an end: a process that could not be killed would fill the disk.
    victim = writer(repository, tmp_path, "victim", 50_000, FLOW_LOG_MAX_MB="0.05")
    wait_until(lambda: log.exists() and log.stat().st_size, seconds=240, what="its first line", every=0.01)
    children = [
        writer(repository, tmp_path, f"p{n}", 500, FLOW_LOG_MAX_MB="0.05") for n in range(processes - 1)
    ]
    try:
        wait_until(log.with_name(f"{log.name}.1").exists, seconds=240, what="a rotation", every=0.01)
        with opened(log):  # where Windows refuses to rotate
            alive = victim.poll() is None
            victim.kill()
            assert [child.wait(480) for child in children] == [0] * len(children)
    finally:
        for child in (victim, *children):
            child.kill()
            child.wait(10)
    assert alive
    assert writer(repository, tmp_path, "later", 10, FLOW_LOG_MAX_MB="0.05").wait(240) == 0
    found = written(tmp_path)
    for name, count in [*((f"p{n}", 500) for n in range(len(children))), ("later", 10)]:
        for number in range(count):
            assert found.pop(f"<{name} {number} {'x' * 20}>") == 1, (name, number)
    # Of the one that was killed: each line once, up to the one that it was writing.
    victims = [found.pop(f"<victim {number} {'x' * 20}>", 0) for number in range(50_000)]
    assert set(victims[: sum(victims)]) == {1}
    assert len(found) <= 1, found


def opened(file: Path) -> TextIO:
    """Open a file that others rotate: for a moment there is none."""
    for _ in range(100):
        with contextlib.suppress(FileNotFoundError):
            return file.open(encoding="utf-8")
        time.sleep(0.01)
    raise FileNotFoundError(file)


def test_a_process_killed_in_the_middle_of_a_long_line_stops_no_other_one(
    repository: Path, tmp_path: Path
) -> None:
    def size() -> int:
        return sum(file.stat().st_size for file in tmp_path.glob("ventas*"))

    # Long lines, so that the kill falls into a write if it can; 200 MB of them at most.
    victim = writer(repository, tmp_path, "victim", 1_000, 200_000, FLOW_LOG_MAX_MB="5")
    try:
        wait_until(lambda: size() > 3_000_000, seconds=30, what="the victim's lines", every=0.01)
        survivor = writer(repository, tmp_path, "survivor", 500, FLOW_LOG_MAX_MB="5")
    finally:
        victim.kill()
        victim.wait(10)
    assert survivor.wait(60) == 0
    assert writer(repository, tmp_path, "later", 10, FLOW_LOG_MAX_MB="5").wait(60) == 0
    found = written(tmp_path)
    for name, count in (("survivor", 500), ("later", 10)):
        assert all(found[f"<{name} {number} {'x' * 20}>"] == 1 for number in range(count))


# --- in this process


@pytest.fixture
def refused() -> list[str]:
    """The renames that the simulated Windows refused."""
    return []


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, refused: list[str]) -> None:
    """Let the library take this for Windows: no open file can be renamed, by whomever it was opened."""
    import concurrent_log_handler  # noqa: PLC0415

    if sys.platform == "win32":
        return

    def rename(source: str, target: str) -> None:
        for descriptor in Path("/proc/self/fd").iterdir():
            if descriptor.exists() and descriptor.samefile(source):
                refused.append(source)
                raise PermissionError(13, "The process cannot access the file", source, 32)
        Path(source).replace(target)

    simulated: Any = types.SimpleNamespace(**{**vars(os), "name": "nt", "rename": rename})
    monkeypatch.setattr(concurrent_log_handler, "os", simulated)


@pytest.fixture
def reports() -> list[BaseException]:
    return []


@pytest.fixture
def lost() -> list[int]:
    return []


@pytest.fixture
def handler(
    tmp_path: Path, reports: list[BaseException], lost: list[int]
) -> Iterator[rotating_file.RotatingFile]:
    """A handler with files of 1,000 bytes."""
    made = rotating_file.RotatingFile(
        tmp_path / "logs" / "ventas.log",
        1000,
        50,
        report=lambda error, _record: reports.append(error),
        report_lost=lambda count, _record: lost.append(count),
    )
    yield made
    made.close()


def write(handler: rotating_file.RotatingFile, *messages: str) -> None:
    import logging  # noqa: PLC0415

    for message in messages:
        handler.handle(logging.makeLogRecord({"msg": message}))


@pytest.mark.usefixtures("windows")
def test_on_windows_a_handle_open_elsewhere_puts_off_the_rotation_and_loses_nothing(
    handler: rotating_file.RotatingFile, tmp_path: Path, reports: list[BaseException], refused: list[str]
) -> None:
    file = tmp_path / "logs" / "ventas.log"
    messages = [f"line {number:04}" for number in range(1000)]
    write(handler, *messages[:300])
    rotated = len(list(file.parent.glob("ventas.log.*")))
    assert rotated > 1
    with file.open(encoding="utf-8"):
        write(handler, *messages[300:800])
        assert file.stat().st_size > 2 * 1000
        assert len(list(file.parent.glob("ventas.log.*"))) == rotated
    write(handler, *messages[800:])
    assert len(list(file.parent.glob("ventas.log.*"))) > rotated
    assert refused or sys.platform == "win32"
    assert reports == []
    assert sorted(lines(file.parent)) == messages


def test_half_a_line_that_somebody_left_is_ended_first(
    handler: rotating_file.RotatingFile, tmp_path: Path
) -> None:
    file = tmp_path / "logs" / "ventas.log"
    file.parent.mkdir()
    file.write_bytes("half a líne"[:9].encode())
    write(handler, "next", "and next")
    with file.open("ab") as stream:  # of another process, killed meanwhile
        stream.write(b"half another")
    write(handler, "last")
    said = ["half a lí", "next", "and next", "half another", "last"]
    assert file.read_text(encoding="utf-8").splitlines() == said


def test_of_one_file_alone_each_process_goes_on_to_append_after_its_rotation(
    tmp_path: Path, reports: list[BaseException]
) -> None:
    report, lost = (lambda error, _: reports.append(error)), (lambda _count, _record: None)
    one, other = (
        rotating_file.RotatingFile(tmp_path / "ventas.log", 1000, 1, report=report, report_lost=lost)
        for _ in "12"
    )
    write(one, *(f"before {number:03}" for number in range(95)))
    for number in range(3):
        write(other, f"other {number}")
        write(one, f"one {number}")
    expected = [f"{who} {number}" for number in range(3) for who in ("other", "one")]
    assert lines(tmp_path)[-6:] == expected
    assert reports == []


@not_on_windows("it has no fork")
@pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # of one beside threads, as those of a test session
def test_what_waits_in_a_process_is_not_written_by_its_fork_too(
    handler: rotating_file.RotatingFile, tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("in the way of the folder", encoding="utf-8")
    write(handler, "waits")
    (tmp_path / "logs").unlink()
    if not (child := os.fork()):
        write(handler, "of the fork")
        handler.close()
        os._exit(0)
    os.waitpid(child, 0)
    handler.close()
    assert sorted(lines(tmp_path / "logs")) == ["of the fork", "waits"]


def test_a_file_that_is_taken_away_is_made_anew(
    handler: rotating_file.RotatingFile, tmp_path: Path, reports: list[BaseException]
) -> None:
    write(handler, "first")
    (tmp_path / "logs" / "ventas.log").unlink()
    write(handler, "second")
    assert (tmp_path / "logs" / "ventas.log").read_text(encoding="utf-8") == "second\n"
    assert reports == []


def test_a_closed_file_is_opened_again_by_the_next_record(
    handler: rotating_file.RotatingFile, tmp_path: Path
) -> None:
    write(handler, "first")
    handler.close()
    write(handler, "second")
    assert (tmp_path / "logs" / "ventas.log").read_text(encoding="utf-8") == "first\nsecond\n"


class Lock:
    """The lock of the log file, that can be had or not."""

    broken = True


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Lock:
    """Stands in the place of the system's lock, which fails by itself in few folders."""
    import concurrent_log_handler  # noqa: PLC0415

    lock, had = Lock(), vars(concurrent_log_handler)["lock"]

    def take(*arguments: Any) -> None:
        if lock.broken:
            raise OSError(95, "Operation not supported")
        had(*arguments)

    monkeypatch.setattr(concurrent_log_handler, "lock", take)
    return lock


@pytest.mark.usefixtures("lock")
def test_where_the_lock_cannot_be_had_the_file_grows_and_nothing_is_lost(
    handler: rotating_file.RotatingFile,
    tmp_path: Path,
    reports: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rotating_file, "APPENDS_WHOLE", True)
    write(handler, *[f"{number:04}" for number in range(250)])
    assert lines(tmp_path / "logs") == [f"{number:04}" for number in range(250)]
    assert [file.name for file in (tmp_path / "logs").glob("ventas.log*")] == ["ventas.log"]
    assert reports == []


@pytest.mark.parametrize("free_again", [True, False])
def test_on_windows_a_record_that_gets_no_lock_waits_for_the_next_ones_and_for_the_end_and_is_not_lost(
    handler: rotating_file.RotatingFile,
    lock: Lock,
    free_again: bool,
    tmp_path: Path,
    reports: list[BaseException],
    lost: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rotating_file, "APPENDS_WHOLE", False)
    write(handler, "one", "two")
    assert lines(tmp_path / "logs") == []
    assert len(reports) == 1
    if free_again:
        lock.broken = False
        # On a slow machine, where the attempt took long, it waits longer; and the clock of Windows has coarse steps.
        time.sleep(max(rotating_file.RETRY_SECONDS, handler._retry_at - time.monotonic()) + 0.05)
        write(handler, "three")
        assert lines(tmp_path / "logs") == ["one", "two", "three"]
    handler.close()
    assert lines(tmp_path / "logs") == ["one", "two", *(["three"] if free_again else [])]
    assert lost == []


@not_on_windows("nobody takes away a folder with an open file")
def test_a_folder_that_is_taken_away_is_made_anew_and_no_record_is_lost(
    handler: rotating_file.RotatingFile, tmp_path: Path, reports: list[BaseException]
) -> None:
    write(handler, "first")
    shutil.rmtree(tmp_path / "logs")
    write(handler, "second", "third")
    assert lines(tmp_path / "logs") == ["second", "third"]
    assert reports == []


class Disk:
    """A disk that is full or not."""

    full = False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Stands in the place of the library's writing to the disk: a real one cannot be filled here."""
    disk = Disk()
    write = ConcurrentRotatingFileHandler.do_write

    def do_write(self: ConcurrentRotatingFileHandler, message: str) -> None:
        if disk.full:
            raise OSError(28, "No space left on device")
        write(self, message)

    monkeypatch.setattr(ConcurrentRotatingFileHandler, "do_write", do_write)
    return disk


def test_records_wait_while_the_disk_is_full_and_are_written_within_a_second_or_two_of_its_being_freed(
    handler: rotating_file.RotatingFile,
    disk: Disk,
    tmp_path: Path,
    reports: list[BaseException],
    lost: list[int],
) -> None:
    write(handler, "before")
    disk.full = True
    write(handler, *[f"{number}" for number in range(100)])
    disk.full = False
    time.sleep(rotating_file.RETRY_SECONDS)
    write(handler, "after")
    assert sorted(lines(tmp_path / "logs")) == sorted(["before", *map(str, range(100)), "after"])
    assert [error.args[0] for error in reports] == [28]
    assert lost == []


def test_records_that_wait_are_written_when_the_process_ends(
    handler: rotating_file.RotatingFile, disk: Disk, tmp_path: Path
) -> None:
    disk.full = True
    write(handler, "one", "two")
    disk.full = False
    handler.close()
    assert lines(tmp_path / "logs") == ["one", "two"]


def test_what_cannot_be_written_before_the_process_ends_is_counted_and_said(
    handler: rotating_file.RotatingFile, disk: Disk, lost: list[int]
) -> None:
    disk.full = True
    write(handler, "one", "two")
    handler.close()
    assert lost == [2]


def test_a_file_that_is_away_for_too_long_loses_the_oldest_records_and_says_how_many(
    handler: rotating_file.RotatingFile,
    disk: Disk,
    tmp_path: Path,
    lost: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rotating_file, "KEPT_RECORDS", 10)
    disk.full = True
    write(handler, *map(str, range(25)))
    disk.full = False
    time.sleep(rotating_file.RETRY_SECONDS)
    write(handler, "after")
    assert lines(tmp_path / "logs") == [*map(str, range(16, 25)), "after"]
    assert lost == [16]


def test_a_file_that_blocks_takes_a_twentieth_of_the_time_at_most(
    handler: rotating_file.RotatingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def hang(_self: ConcurrentRotatingFileHandler, message: str) -> None:
        tries.append(message)
        time.sleep(0.2)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ConcurrentRotatingFileHandler, "do_write", hang)
    monkeypatch.setattr(rotating_file, "RETRY_SECONDS", 0.1)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        write(handler, "x")
        time.sleep(0.01)
    assert len(tries) == 1


@not_on_windows("it has no setrlimit")
def test_a_file_that_reached_the_limit_of_the_system_has_every_line_once_when_the_limit_is_lifted(
    repository: Path, tmp_path: Path
) -> None:
    program = """
import resource, signal, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from flow_ops.logs import get_logger
logger = get_logger("writer")
logger.info("<all is imported>")
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
for number in range(300):
    logger.info("<%d>", number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
time.sleep(1.1)
logger.info("<end>")
"""
    environment = {**os.environ, "FLOW_PROJECT_ROOT": str(repository), "FLOW_LOG_DIR": str(tmp_path)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # The limit holds for compiled files too.
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    assert "FT-LOGS-02" in done.stderr
    found = written(tmp_path)
    assert all(found[f"<{number}>"] == 1 for number in [*range(300), "end"])
