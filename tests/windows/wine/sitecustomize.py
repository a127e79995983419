"""Wine 8's `_locking` leaves errno at 0 where another process holds the lock; Windows sets EACCES."""

import sys
from errno import EACCES

if sys.platform == "win32":
    import msvcrt

    _locking = msvcrt.locking

    def _with_errno(fd: int, mode: int, nbytes: int, /) -> None:
        try:
            _locking(fd, mode, nbytes)
        except OSError as error:
            if error.errno == 0:
                raise PermissionError(EACCES, "Permission denied") from None
            raise

    msvcrt.locking = _with_errno
