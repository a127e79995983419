"""A log file that many processes write and rotate, and that never fails a run.

Imported at the first record only: its library is not needed before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from concurrent_log_handler import ConcurrentRotatingFileHandler
from typing_extensions import override

RETRY_SECONDS = 1.0
"""How long a file that could not be written is left alone."""

SHARE_OF_TIME = 0.05
"""What trying may take of the time while a file cannot be written: a lost network drive blocks for half a minute."""

KEPT_RECORDS = 10_000
"""How many records wait in memory for a file that cannot be written; the oldest go, and are counted."""

APPENDS_WHOLE = os.name == "posix"
"""Whether a line is appended in one step, whoever else does; Windows looks for the end first, and then writes."""


class RotatingFile(ConcurrentRotatingFileHandler):
    """The library's handler; what cannot be written waits, and nothing is raised.

    The first problem with the file is reported, and so is what was lost of it when the file is back.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        files: int,
        *,
        report: Callable[[BaseException, logging.LogRecord], None],
        report_lost: Callable[[int, logging.LogRecord], None],
    ) -> None:
        """Prepare `path`, which is opened at the first record.

        Args:
            path: The file; its folder is made.
            max_bytes: Size at which it is rotated. Passing it by some records is possible.
            files: How many files are kept, the current one included.
            report: Called with error and record when the file cannot be written, once until it can be again.
            report_lost: Called with the number of records that were lost meanwhile, and the latest record.
        """
        super().__init__(
            str(path),
            maxBytes=max_bytes,
            backupCount=files - 1,
            encoding="utf-8",
            newline="",
            unicode_error_policy="replace",
        )
        self._report, self._report_lost = report, report_lost
        self._waiting: deque[logging.LogRecord] = deque()
        self._process = os.getpid()
        self._lost = 0
        self._retry_at = 0.0
        self._problem: BaseException | None = None
        # Of the file: as it is found, and after what was written last here.
        self._size, self._expected_size = 0, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, after those that wait for the file; or let it wait too."""
        if self._process != os.getpid():  # A fork: what waited is its parent's to write.
            self._process = os.getpid()
            self._waiting.clear()
        self._waiting.append(record)
        if len(self._waiting) > KEPT_RECORDS:
            self._waiting.popleft()
            self._lost += 1
        if time.monotonic() >= self._retry_at:
            self._write_waiting()

    def _write_waiting(self) -> None:
        newest = self._waiting[-1] if self._waiting else None
        failed_before = self._problem is not None
        began = time.monotonic()
        while self._waiting:
            record = self._waiting[0]
            self._write(record)
            if self._problem:
                spent = time.monotonic() - began
                self._retry_at = time.monotonic() + max(RETRY_SECONDS, spent / SHARE_OF_TIME)
                if not failed_before:
                    self._report(self._problem, record)
                return
            self._waiting.popleft()
        if self._lost and newest:
            lost, self._lost = self._lost, 0
            self._report_lost(lost, newest)

    def _write(self, record: logging.LogRecord) -> None:
        """Write the record as the library does; `handleError` says in `_problem` that the file would not have it."""
        self._problem = None
        super().emit(record)
        if isinstance(self._problem, FileNotFoundError):  # The folder is not there yet, or no more.
            self._problem = None
            with contextlib.suppress(OSError):
                Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            super().emit(record)
        if isinstance(self._problem, RuntimeError) and APPENDS_WHOLE:  # No lock: some folders know none.
            self._append(record)

    def _append(self, record: logging.LogRecord) -> None:
        """Write the record without the lock and without rotation, in one call of the system."""
        line = (self.format(record) + self.terminator).encode("utf-8", "replace")
        try:
            with Path(self.baseFilename).open("ab", buffering=0) as file:
                file.write(line)
            self._problem = None
        except OSError as error:
            self._problem = error

    @override
    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Ask the system for the size; the library moves through the file for it, a fifth of a record's time."""
        self._size = 0
        with contextlib.suppress(OSError):  # Not there yet.
            self._size = Path(self.baseFilename).stat().st_size
        return self._size >= self.maxBytes

    @override
    def doRollover(self) -> None:
        """Rotate as the library does; and open what is new by itself: of one file alone, it would not be to append."""
        super().doRollover()
        if self.stream:
            self.stream.close()
        self.stream = None

    def do_write(self, msg: str) -> None:
        """Write under the library's lock; half a line that a killed process or a full disk left is ended first."""
        if self._size not in (0, self._expected_size) and _ends_in_mid_line(Path(self.baseFilename)):
            msg = self.terminator + msg
        super().do_write(msg)
        self._expected_size = self._size + len(f"{msg}{self.terminator}".encode(errors="replace"))

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Note a problem with the file, and let go of it; leave mistakes in the record itself to `logging`."""
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, RuntimeError)):
            super().handleError(record)
            return
        self._problem = error
        with contextlib.suppress(OSError, ValueError):
            super().close()
        self.stream = None

    def close(self) -> None:
        """Write what waits, a last time, and close the file; a later record opens it again."""
        self._write_waiting()
        if isinstance(self._problem, RuntimeError):  # No lock.
            self._append_waiting()
        if self._waiting:
            lost, newest = self._lost + len(self._waiting), self._waiting[-1]
            self._waiting.clear()
            self._lost = 0
            self._report_lost(lost, newest)
        super().close()

    def _append_waiting(self) -> None:
        """Write what waits without a lock: with others at the same time that loses a line at most, and not all."""
        while self._waiting:
            self._append(self._waiting[0])
            if self._problem:
                return
            self._waiting.popleft()


def _ends_in_mid_line(file: Path) -> bool:
    with contextlib.suppress(OSError), file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b"\n"
    return False  # Nothing is in it, since it was rotated.
