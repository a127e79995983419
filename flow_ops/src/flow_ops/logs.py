"""One logger: the terminal, Prefect's UI and a rotating file, from any place in the code.

    from flow_ops.logs import get_logger

    logger = get_logger("tasks")

That is a standard `logging` logger below the package's name. Importing this module, before or after
Prefect, attaches three handlers to the package's logger (file, UI, terminal), each of which stands back
where the team's own configuration does its work already, and the file handler to the loggers that
Prefect uses for runs. Nothing else of any logging configuration is touched.

Settings, all of them environment variables, read when this module is imported (a deployment sets them
in the environment of its job):

| variable          | default               | meaning                                                        |
|-------------------|-----------------------|----------------------------------------------------------------|
| `FLOW_LOG_LEVEL`  | `INFO`                | lowest level of this repository's records, by name or number   |
| `FLOW_LOG_DIR`    | `<Prefect home>/logs` | folder of the files; a relative one is below Prefect's home     |
| `FLOW_LOG_FORMAT` | `text`                | `text`, or `json` for one JSON object a line                   |
| `FLOW_LOG_MAX_MB` | `10`                  | size in MB (10^6 bytes) at which a file is rotated             |
| `FLOW_LOG_FILES`  | `5`                   | files kept of each log, the current one included               |

The lines of Prefect's own in the file follow `PREFECT_LOGGING_LEVEL`. All processes that write to one
file must use the same size and number of files.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from flow_ops import git, project
from flow_ops.logging import runs
from flow_ops.logging.formats import JsonFormatter, TextFormatter, VisibleFormatter
from flow_ops.logging.masking import add_environment, add_secret, guard_all_handlers, mask, mask_record
from flow_ops.logging.settings import read_settings
from flow_ops.messages import FlowOpsError, render

__all__ = ["add_secret", "get_logger", "log_file", "mask"]

add_environment()
_chosen_file: ContextVar[Path | None] = ContextVar("flow_ops_log_file", default=None)


def get_logger(name: str = "") -> logging.Logger:
    """Return the standard logger `<package>.<name>`, or the package's own without a name.

    Raises:
        FlowOpsError: FT-PROJECT-01 or FT-PROJECT-02 where the repository's pyproject.toml cannot be read.
    """
    package = project.current().package
    inside = name == package or name.startswith(f"{package}.")
    logger = logging.getLogger(name if inside else f"{package}.{name}" if name else package)
    if type(logger) is logging.Logger:
        logger.__class__ = _Logger
    logger.addFilter(_GUARD)
    _attach()
    return logger


class _Logger(logging.Logger):
    """A logger that finds its handlers in another process too.

    Dask and Ray pickle a task with what it uses; a standard logger would arrive there without handlers, and its
    lines would be lost.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return get_logger, (self.name,)


@contextlib.contextmanager
def log_file(path: str | Path) -> Iterator[Path]:
    """Send the records of this part of the work to another file, and only there; the path is given back.

    It holds for this task or flow run alone, also while others run at the same time, and for the tasks
    called or submitted inside the block, in threads and in asyncio. Work in other processes (Dask, Ray,
    a process pool) goes on to the usual file. A relative path is below the usual file's folder.
    """
    file = _folder() / path
    token = _chosen_file.set(file)
    with _files_lock:
        _blocks[file] += 1
    try:
        yield file
    finally:
        _chosen_file.reset(token)
        with _files_lock:
            _blocks[file] -= 1
            handler = None if _blocks[file] else _files.pop(file, None)
        if handler:
            handler.close()


_settings = read_settings(os.environ)


def _folder() -> Path:
    """Return the folder of the log files: never the working directory, which on a worker is temporary."""
    chosen = _settings.folder or Path("logs")
    return chosen if chosen.is_absolute() else _prefect_home() / chosen


def _prefect_home() -> Path:
    # Where the environment says it, nothing is imported: Prefect takes seconds.
    if home := os.environ.get("PREFECT_HOME"):
        return Path(home).expanduser().absolute()
    from prefect.settings import get_current_settings  # noqa: PLC0415 - the seconds that Prefect takes

    return get_current_settings().home.absolute()


class _Guard(logging.Filter):
    """Lets every record pass: masks its secrets, notes its run, and sees that the handlers are in place."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Prefect's set-up removes the handlers of its run loggers; filters stay.
        _attach()
        # Here too, for records that bring their run along: Prefect's first line is one.
        if begun := runs.note():
            _say_commit(*begun)
        _shorten(record)
        mask_record(record)
        if not hasattr(record, "flow_run_id"):
            record.__dict__.update(runs.current(_warn_of_lost_lines))
        return True


def _shorten(record: logging.LogRecord) -> None:
    """Show a problem of ours that ends a run as its message and the lines of the team's code, once.

    Prefect logs its way through the engine, 20 to 50 lines, and its text in one line, for each task and flow around it.
    What the team itself logs is as it wants, and a problem with a cause keeps its traceback.
    """
    if not record.name.startswith("prefect."):
        return
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, FlowOpsError) and not record.exc_text and not _cause(problem):
        with contextlib.suppress(FlowOpsError, OSError):  # Where no repository is, its code has no place.
            places = problem.places(project.current().root)
            record.exc_text = "\n".join(places if problem.logged else [*places, str(problem)])
            problem.logged = True
    elif isinstance(record.msg, str) and not record.args:
        record.msg = _FURTHER_LINES.sub(r"\1", record.msg)


# A message in the `repr` of a state: `Failed('... FT-RUN-06  ...\\n  Why: ...')`.
_FURTHER_LINES = re.compile(r"(FT-[A-Z]+-\d\d  .*?)\\n  .*(?=['\"]\)$)")


def _cause(problem: BaseException) -> BaseException | None:
    return problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)


def _attach() -> None:
    """Put each handler on its logger once; older copies of this module's own go, all else stays."""
    try:
        places = _places(project.current().package)
    except (FlowOpsError, OSError):
        return  # Nothing can be named yet; `get_logger` says why.
    package = places[0][0]
    if package.disabled:
        _enable(package.name)
    if package.level != _settings.level and (_settings.explicit_level or package.level == logging.NOTSET):
        package.setLevel(_settings.level)
    for logger, handlers in places:
        if not all(handler in logger.handlers for handler in handlers):
            _place(logger, handlers)


@lru_cache(maxsize=1)
def _places(package: str) -> list[tuple[logging.Logger, tuple[logging.Handler, ...]]]:
    """Return the handlers that belong on each logger, the package's first."""
    return [
        (logging.getLogger(package), (_TO_FILE, _TO_UI, _TO_TERMINAL)),
        # Prefect's own lines about runs.
        (logging.getLogger("prefect.flow_runs"), (_TO_FILE,)),
        (logging.getLogger("prefect.task_runs"), (_TO_FILE,)),
    ]


def _enable(package: str) -> None:
    """Undo `disable_existing_loggers`, which a team's logging file switches on by leaving it out."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and f"{name}.".startswith(f"{package}."):
            logger.disabled = False


def _place(logger: logging.Logger, handlers: tuple[logging.Handler, ...]) -> None:
    for stale_handler in [handler for handler in logger.handlers if _is_ours(handler)]:
        logger.removeHandler(stale_handler)
    for stale_filter in [filter_ for filter_ in logger.filters if _is_ours(filter_)]:
        logger.removeFilter(stale_filter)
    logger.addFilter(_GUARD)
    # First in line: the guard on them masks before any other handler sees the record.
    logger.handlers[:0] = handlers
    guard_all_handlers()


def _is_ours(thing: object) -> bool:
    # By name: after a reload the class is another one.
    return type(thing).__module__ == __name__


def _others(record: logging.LogRecord) -> Iterator[logging.Handler]:
    """Yield the handlers, not ours, that this record reaches on its way up."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger:
        for handler in logger.handlers:
            if record.levelno >= handler.level and not _is_ours(handler):
                yield handler
        logger = logger.parent if logger.propagate else None


class _ToFile(logging.Handler):
    """Writes to the file of the moment: the usual one, or that of `log_file`."""

    def handle(self, record: logging.LogRecord) -> bool:
        # Without this handler's lock, as each file has its own: finding the file may import Prefect,
        # whose set-up takes the lock of every handler.
        _GUARD.filter(record)
        while _settings.problems:
            _warn(render("FT-LOGS-01", **_settings.problems.pop()), record)
        try:
            usual = _usual_file(os.environ.get("PREFECT_HOME"), project.current().slug)
            _file(_chosen_file.get() or usual).handle(record)
        except Exception:  # noqa: BLE001 - as any handler of logging
            self.handleError(record)
        return True


class _ToUi(logging.Handler):
    """Sends records of a run to Prefect's API, unless `PREFECT_LOGGING_EXTRA_LOGGERS` or the like does."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "flow_run_id", None) or getattr(record, "task_run_id", None):
            api = _api_handler()
            if not any(isinstance(handler, type(api)) for handler in _others(record)):
                api.handle(record)


@lru_cache(maxsize=1)
def _api_handler() -> logging.Handler:
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - in a run, which has loaded Prefect

    return APILogHandler()


class _ToTerminal(logging.StreamHandler[Any]):
    """Writes to standard error while nothing else does: Prefect's console once it is set up, or the team's."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(
            VisibleFormatter("%(asctime)s.%(msecs)03d | %(levelname)-7s | %(name)s - %(message)s", "%H:%M:%S")
        )

    def emit(self, record: logging.LogRecord) -> None:
        if any(_is_terminal(handler) for handler in _others(record)):
            return
        # The stream of now: it may have been replaced since (pytest, a redirection). None under pythonw.
        if sys.stderr is not None:
            self.stream = sys.stderr
            super().emit(record)


def _is_terminal(handler: logging.Handler) -> bool:
    if hasattr(handler, "console"):  # Prefect's and Rich's.
        return True
    streams = (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    return isinstance(handler, logging.StreamHandler) and handler.stream in streams


def _warn_of_lost_lines(thread: str, under_way: Mapping[str, str]) -> None:
    """Say to each of several runs that lines of plain threads cannot be told apart."""
    for flow_run_id, name in under_way.items():
        extra = {**runs.NONE, "flow_run_id": flow_run_id, "flow_run_name": name}
        text = render("FT-LOGS-04", thread=thread, count=len(under_way))
        get_logger().warning("%s", text, extra=extra)


def _say_commit(flow_run_id: str, name: str) -> None:
    """Log which commit a run of a worker runs, whatever the level, once: `deploy.py rollback` goes back to it."""
    if os.environ.get("PREFECT__FLOW_RUN_ID") != flow_run_id or os.environ.get(_SAID) == flow_run_id:
        return
    # Also for the processes that its tasks run in.
    os.environ[_SAID] = flow_run_id
    try:
        commit = git.run(_code(), "rev-parse", "HEAD", seconds=5).strip()
    except (FlowOpsError, OSError, subprocess.SubprocessError):
        return  # Code from a folder or an image.
    logger, extra = get_logger(), {**runs.NONE, "flow_run_id": flow_run_id, "flow_run_name": name}
    message = f"{runs.COMMIT} {commit}"
    logger.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 0, message, (), None, extra=extra))


def _code() -> Path:
    """Return the folder of the code that runs: of the package as it was imported, of the repository without it."""
    about = project.current()
    file = getattr(sys.modules.get(about.package), "__file__", None)
    return Path(file).parent if file else about.root


_SAID = "FLOW_OPS_COMMIT_SAID"


def _warn(text: str, cause: logging.LogRecord) -> None:
    """Log a problem of the logging itself, in the run of the record that met it; as the process ends, say it only."""
    # Prefect sends nothing any more then, and says so with a traceback.
    if not threading.main_thread().is_alive():
        if sys.stderr is not None:
            sys.stderr.write(f"{text}\n")
        return
    get_logger().warning("%s", text, extra={name: getattr(cause, name, None) for name in runs.NONE})


_files: dict[Path, logging.Handler] = {}
_blocks: Counter[Path] = Counter()
"""How many blocks of `log_file` are open on each file: the last one closes it."""
_files_lock = threading.Lock()


@lru_cache
def _usual_file(_prefect_home: str | None, slug: str) -> Path:
    return _folder() / f"{slug}.log"


def _file(path: Path) -> logging.Handler:
    """Return the handler of `path`, the same for the whole process."""
    handler = _files.get(path)
    if handler is None:
        from flow_ops.logging.rotating_file import RotatingFile  # noqa: PLC0415 - 0.1 s, for those that log

        made = RotatingFile(
            path,
            _settings.max_bytes,
            _settings.files,
            report=lambda error, record: _warn(render("FT-LOGS-02", file=path, error=error), record),
            report_lost=lambda count, record: _warn(render("FT-LOGS-03", file=path, count=count), record),
        )
        made.setFormatter(JsonFormatter() if _settings.as_json else TextFormatter())
        with _files_lock:
            handler = _files.setdefault(path, made)
    return handler


_GUARD = _Guard()
_TO_FILE = _ToFile()
_TO_UI = _ToUi()
_TO_TERMINAL = _ToTerminal()
_attach()
