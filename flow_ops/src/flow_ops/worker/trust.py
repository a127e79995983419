"""Whether others than administrators can change the code that one of them runs, or the folder of a service."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from ctypes import wintypes
from functools import cache, reduce
from operator import or_
from pathlib import Path

ROOT = 0
# Who may own and change what administrators run on Windows, as its access lists call them: Administrators, SYSTEM, the
# first administrator, TrustedInstaller.
ADMINISTRATORS = ("BA", "SY", "LA", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464")
# https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format, and `ace-strings` beside it.
_OWNER = re.compile(r"O:(S-[\d-]+|[A-Z]{2})")
_GRANT = re.compile(r"\(X?A;(\w*);(\w*);[^;]*;[^;]*;([^;)]+)")
_RIGHTS = {
    "CC": 0x1,
    "DC": 0x2,
    "LC": 0x4,
    "DT": 0x40,
    "SD": 0x10000,
    "WD": 0x40000,
    "WO": 0x80000,
    "GA": 0x10000000,
    "FA": 0x10000000,
    "GW": 0x6,
    "FW": 0x6,
}
# To add something to a folder or a file; and to put something else in its place: delete, new permissions, new owner.
_ADDING, _REPLACING = 0x2 | 0x4, 0x40 | 0x10000 | 0x40000 | 0x80000 | 0x10000000


def running() -> Iterator[Path]:
    """Give the files that this process runs: Python, every module that is loaded, and uv, which it will run."""
    yield Path(sys.executable)
    yield Path(sys.base_prefix)
    yield from (Path(folder) for folder in sys.path if folder and Path(folder).exists())
    for module in list(sys.modules.values()):
        if (file := getattr(module, "__file__", None)) and Path(file).exists():
            yield Path(file)
    if uv := shutil.which("uv"):
        yield Path(uv)


def writable_by_others() -> Path | None:
    """Return the first folder or file on the way to what runs here that others than administrators can change."""
    return next((place for file in running() if (place := _weak_place(file))), None)


def foreign(folder: Path) -> Path | None:
    """Return the first of `folder`, as far as it is there, and the folders above it, that is not an administrator's.

    On Windows everybody may make folders in `ProgramData`, and who made one can change it for good.
    """
    there = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if os.name == "posix":
        return _weak_place(there)
    for each in (there, *there.parents):
        if each != Path(each.anchor) and (
            _is_reparse_point(each) or _owner(windows_access(each)) not in _trusted()
        ):
            return each
    return None


def _weak_place(file: Path) -> Path | None:
    # A link can be changed where it stands, and what it leads to where that is.
    for path in (file.absolute(), file.resolve()):
        for step in (path, *path.parents):
            if _others_can_write(step, is_above=step != path):
                return step
    return None


@cache
def _others_can_write(path: Path, *, is_above: bool) -> bool:
    if os.name != "posix":
        try:
            return others_may_change(windows_access(path), _trusted(), is_above=is_above)
        except OSError:  # What cannot be known.
            return True
    found = path.lstat()
    if found.st_uid != ROOT:
        return True
    if stat.S_ISLNK(found.st_mode):
        return False
    # In a folder such as /tmp others can add, and cannot touch what is root's.
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return False
    return bool(found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid != ROOT))


def _is_reparse_point(path: Path) -> bool:
    """Tell whether Windows would go elsewhere: a junction needs no rights to make."""
    return bool(getattr(path.lstat(), "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def others_may_change(access: str, trusted: Container[str], *, is_above: bool) -> bool:
    """Tell whether others than `trusted` may change a place of Windows, by the text of its owner and access list.

    In a folder above what runs, what is added changes nothing.
    """
    changes = _REPLACING if is_above else _REPLACING | _ADDING
    if _owner(access) not in trusted or "D:" not in access or "NO_ACCESS_CONTROL" in access:
        return True
    return any(
        who not in trusted
        and "IO" not in _pairs(flags)
        and _mask(rights) & changes  # IO: for what is below alone
        for flags, rights, who in _GRANT.findall(access)
    )


def _owner(access: str) -> str:
    found = _OWNER.match(access)
    return found[1] if found else ""


def _mask(rights: str) -> int:
    if rights.startswith("0x"):
        return int(rights, 16)
    return reduce(or_, (_RIGHTS.get(each, 0) for each in _pairs(rights)), 0)


def _pairs(letters: str) -> list[str]:
    return [letters[start : start + 2] for start in range(0, len(letters), 2)]


@cache
def _trusted() -> frozenset[str]:
    """Return the administrators of Windows: who runs this too, and who owns what this process makes."""
    program = Path(os.environ["SYSTEMROOT"], "System32", "whoami.exe")
    told = subprocess.run([program, "/user", "/fo", "csv", "/nh"], capture_output=True, check=True).stdout
    me = told.decode(errors="replace").rpartition(",")[2].strip().strip('"')
    # By a policy, the person or Administrators.
    with tempfile.NamedTemporaryFile() as ours:
        return frozenset({*ADMINISTRATORS, me, _owner(windows_access(Path(ours.name)))})


def windows_access(path: Path) -> str:
    """Return owner and access list of a file or folder of Windows, as text."""
    if sys.platform != "win32":
        raise NotImplementedError
    kind, wanted = 1, 1 | 4  # SE_FILE_OBJECT; OWNER_SECURITY_INFORMATION, DACL_SECURITY_INFORMATION
    descriptor, said = ctypes.c_void_p(), wintypes.LPWSTR()
    windows = ctypes.windll.advapi32
    status = windows.GetNamedSecurityInfoW(
        str(path), kind, wanted, None, None, None, None, ctypes.byref(descriptor)
    )
    if status:
        raise ctypes.WinError(status)
    try:
        if not windows.ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor, 1, wanted, ctypes.byref(said), None
        ):
            raise ctypes.WinError()
        return str(said.value)
    finally:
        for made in (said, descriptor):
            ctypes.windll.kernel32.LocalFree(made)
