"""A log file that many processes write and rotate, and that never fails a run.

Imported at the first record only: its library is not needed before.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

# portalocker imports its Redis lock wherever a redis package is installed, and Prefect installs one: a third
# of a second that no flow has a use for. Halting that one import makes it go on without.
_HALTED = "portalocker" not in sys.modules
if _HALTED:
    sys.modules["portalocker.redis"] = None  # type: ignore[assignment]
try:
    from concurrent_log_handler import ConcurrentRotatingFileHandler
finally:
    if _HALTED:
        del sys.modules["portalocker.redis"]

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

RETRY_SECONDS = 60
"""How long a file that could not be written is left alone, so that a lost network drive slows nothing."""

CHECK_RECORDS = 50
CHECK_SECONDS = 0.1
"""How often, in records or seconds, it is looked up whether the file is full or has been rotated."""

HALF_LINE_SECONDS = 0.1
"""How long half a line may grow before it is taken for one that nobody will end."""


class LockedFile(ConcurrentRotatingFileHandler):
    """The library's handler, which takes a lock and, on Windows, opens the file for every record.

    A problem with the file is reported once, and the file left alone for a while; nothing is raised.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        files: int,
        *,
        report: Callable[[str, BaseException, logging.LogRecord], None],
    ) -> None:
        """Prepare `path`, which is opened at the first record.

        Args:
            path: The file; its folder is made.
            max_bytes: Size at which it is rotated. Passing it by some records is possible.
            files: How many files are kept, the current one included.
            report: Called with path, error and record at the first problem.
        """
        super().__init__(
            str(path),
            mode="a+",  # For reading too: see `ends_in_mid_line`.
            maxBytes=max_bytes,
            backupCount=files - 1,
            encoding="utf-8",
            newline="",
            unicode_error_policy="replace",
        )
        self._report = report
        self._reported = False
        self._wait_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless the file failed a short while ago."""
        if time.monotonic() >= self._wait_until:
            self.write(record)

    def write(self, record: logging.LogRecord) -> None:
        """Write the record as the library does."""
        try:
            if self.stream_lock is None:
                self.make_folder()
        except OSError:
            self.handleError(record)
        else:
            super().emit(record)

    def make_folder(self) -> None:
        """Make the folder of the file where it is missing."""
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)

    def do_write(self, msg: str) -> None:
        """Write under the library's lock; half a line that somebody left is ended first."""
        if self.stream is None or self.stream.closed:
            self.stream = self.do_open()
        if ends_in_mid_line(self.stream.fileno()):
            msg = self.terminator + msg
        super().do_write(msg)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Report the first problem with the file; leave mistakes in the record itself to `logging`."""
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, RuntimeError)):
            super().handleError(record)
            return
        self._wait_until = time.monotonic() + RETRY_SECONDS
        with contextlib.suppress(OSError, ValueError):
            self.close()
        self.stream = None
        if not self._reported:
            self._reported = True
            self._report(self.baseFilename, error, record)


class AppendingFile(LockedFile):
    """A handler for POSIX, where a single append to a file is whole, also among processes: no lock to write.

    The library's lock and its rotation serve where the file is full. A process that has not noticed yet that
    another one rotated appends to the rotated file, so nothing is lost. Above all it is one call of the system
    a record where the library makes nine: at each of them Prefect's sending thread may take the interpreter,
    which was measured to cost more than everything else about a record.
    """

    _descriptor = -1
    _records = 0
    _checked = 0.0

    def write(self, record: logging.LogRecord) -> None:
        """Append the record with one call of the system."""
        try:
            line = (self.format(record) + self.terminator).encode("utf-8", "replace")
            self._records += 1
            if self._records >= CHECK_RECORDS or time.monotonic() - self._checked >= CHECK_SECONDS:
                self._check()
            written = os.write(self._descriptor, line)
            if written < len(line):
                # The disk is full: this says so. Half a line is ended when the file is opened again.
                os.write(self._descriptor, line[written:])
        except Exception:  # noqa: BLE001
            self.handleError(record)

    def _check(self) -> None:
        """See that the descriptor is that of the current file, rotated if it is full."""
        if self._size() >= self.maxBytes:
            # Where the folder knows no locks the file grows, as the library has it too where it cannot rotate.
            with contextlib.suppress(OSError, RuntimeError):
                self._rotate()
            self._size()
        self._records, self._checked = 0, time.monotonic()

    def _rotate(self) -> None:
        self._do_lock()
        try:
            # Another process may have been faster.
            if self._size() >= self.maxBytes:
                self.doRollover()
        finally:
            self._do_unlock()

    def _size(self) -> int:
        """Return the size of the current file in bytes, opened anew where the name now is another file."""
        if self._descriptor >= 0:
            status = os.fstat(self._descriptor)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(status, os.stat(self.baseFilename)):  # noqa: PTH116
                    return status.st_size
            self._close_descriptor()
        self.make_folder()
        self._descriptor = os.open(self.baseFilename, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        if ends_in_mid_line(self._descriptor):
            os.write(self._descriptor, b"\n")
        return os.fstat(self._descriptor).st_size

    def _close_descriptor(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        """Close the file; a later record opens it again."""
        self.acquire()
        try:
            self._close_descriptor()
            self._checked = 0.0
        finally:
            self.release()
        super().close()


def ends_in_mid_line(descriptor: int) -> bool:
    """Tell whether the file's last line is not ended: a process was killed, or the disk was full.

    Looked at twice: a line that another process is writing shows by halves where it passes the end of a page.
    """
    size = _size_in_mid_line(descriptor)
    if not size:
        return False
    time.sleep(HALF_LINE_SECONDS)
    return _size_in_mid_line(descriptor) == size


def _size_in_mid_line(descriptor: int) -> int:
    """Return the file's size in bytes; 0 where its last line is ended."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size == 0:
        return 0
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return size if os.read(descriptor, 1) != b"\n" else 0


RotatingFile: type[LockedFile] = LockedFile if os.name == "nt" else AppendingFile
