"""Whether others than administrators can change the code that one of them runs, or the folder of a service."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import tempfile
from ctypes import wintypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = 0
# Who may own what administrators run, by SID: Administrators, SYSTEM, TrustedInstaller.
ADMINISTRATORS = (
    "S-1-5-32-544",
    "S-1-5-18",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
)


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
    """Return the first folder or file on the way to what runs here that another account than root can change.

    On Windows nothing is looked at: who may write there is a matter of access lists, and the folder of a
    service has its own (`plan.py`).
    """
    if os.name != "posix":
        return None
    return next((place for file in running() if (place := _weak_place(file))), None)


def foreign(folder: Path) -> Path | None:
    """Return the first of `folder`, as far as it is there, and the folders above it, that is not an administrator's.

    On Windows everybody may make folders in `ProgramData`, and who made one can change it for good.
    """
    there = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if os.name == "posix":
        return _weak_place(there)
    # And who owns what this process makes: Administrators too, unless a policy says that it is the person.
    with tempfile.NamedTemporaryFile() as ours:
        owners = {*ADMINISTRATORS, windows_owner(Path(ours.name))}
    for each in (there, *there.parents):
        if each != Path(each.anchor) and (_is_reparse_point(each) or windows_owner(each) not in owners):
            return each
    return None


def _weak_place(file: Path) -> Path | None:
    # A link can be changed where it stands, and what it leads to where that is.
    for path in (file.absolute(), file.resolve()):
        for step in (path, *path.parents):
            if _others_can_write(step):
                return step
    return None


@cache
def _others_can_write(path: Path) -> bool:
    found = path.lstat()
    if found.st_uid != ROOT:
        return True
    if stat.S_ISLNK(found.st_mode):
        return False
    # In a folder such as /tmp others can add, and cannot touch what is root's.
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    return bool(found.st_mode & stat.S_IWOTH and not sticky) or bool(
        found.st_mode & stat.S_IWGRP and found.st_gid != ROOT and not sticky
    )


def _is_reparse_point(path: Path) -> bool:
    """Tell whether Windows would go elsewhere: a junction needs no rights to make."""
    return bool(getattr(path.lstat(), "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def windows_owner(path: Path) -> str:
    """Return the SID of the owner of a file or folder of Windows."""
    if sys.platform != "win32":
        raise NotImplementedError
    kind, owner_information = 1, 1  # SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION
    owner, descriptor, said = ctypes.c_void_p(), ctypes.c_void_p(), wintypes.LPWSTR()
    status = ctypes.windll.advapi32.GetNamedSecurityInfoW(
        str(path), kind, owner_information, ctypes.byref(owner), None, None, None, ctypes.byref(descriptor)
    )
    if status:
        raise ctypes.WinError(status)
    try:
        if not ctypes.windll.advapi32.ConvertSidToStringSidW(owner, ctypes.byref(said)):
            raise ctypes.WinError()
        try:
            return str(said.value)
        finally:
            ctypes.windll.kernel32.LocalFree(said)
    finally:
        ctypes.windll.kernel32.LocalFree(descriptor)
