"""How a record looks in a file: as text or as JSON, in local time, and never as more than one record."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from flow_ops import project
from flow_ops.logging.masking import mask
from flow_ops.messages import FlowOpsError


@lru_cache(maxsize=1)
def _zone() -> tzinfo:
    try:
        return project.current().zone
    except (FlowOpsError, OSError, ValueError, KeyError):
        return UTC


def visible(text: object) -> str:
    """Return `text` with its control characters shown, not sent: no name can begin a line, no terminal obeys it."""
    said = str(text)
    if said.isprintable():
        return said
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in said)


def indented(text: str) -> str:
    """Return `text` with its further lines indented and its control characters shown: it passes for one record."""
    return "\n    | ".join(visible(line) for line in text.splitlines())


class VisibleFormatter(logging.Formatter):
    """Further lines, of a traceback or of a message that has several, are indented; other controls are shown."""

    def format(self, record: logging.LogRecord) -> str:
        return indented(super().format(record))


class TextFormatter(VisibleFormatter):
    """One line a record, with its local time, level, run, task and logger."""

    def format(self, record: logging.LogRecord) -> str:
        field = record.__dict__.get
        names = ("flow_run_name", "flow_run_id", "task_run_name")
        run, run_id, task = (visible(field(name) or "-") for name in names)
        return mask(
            f"{_local_time(record)} | {record.levelname:<8} | {run} {run_id} | {task} | {visible(record.name)}"
            f" | {super().format(record)}"
        )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: the same fields, the ids and names of the runs, and what `extra` brought."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": _local_time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            "thread": record.threadName,
        }
        if traceback := record.exc_text or (record.exc_info and self.formatException(record.exc_info)):
            document["traceback"] = traceback
        if record.stack_info:
            document["stack"] = record.stack_info
        extra = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        return mask(json.dumps(document | extra, ensure_ascii=False, default=str))


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _local_time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, _zone()).isoformat(timespec="milliseconds")
