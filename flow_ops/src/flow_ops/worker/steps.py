"""Steps that can be shown, as a user would do them by hand, and carried out: folders, files, commands and removals.

Their paths are pure, so that a step for Windows can be shown on Linux and the other way round.
"""

from __future__ import annotations

import contextlib
import locale
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath

from flow_ops import shell
from flow_ops.messages import text

# Where commands are run: uv takes settings from the folder where one stands, and an administrator may stand in one
# of somebody else.
ELSEWHERE = Path(sys.prefix).anchor


def _described(kind: str, what: object, *lines: str) -> str:
    """Return a step as it is shown: its kind in the user's language, what it is about, and lines below."""
    return "\n         | ".join([f"{text(f'steps.{kind}'):<8} {what}", *lines])


@dataclass(frozen=True)
class Folder:
    """A folder; a private one can be entered by its owner alone."""

    path: PurePath
    private: bool = False

    def describe(self) -> str:
        return _described("folder", self.path)

    def apply(self) -> None:
        Path(self.path).mkdir(mode=0o700 if self.private else 0o755, parents=True, exist_ok=True)


@dataclass(frozen=True)
class File:
    """A file with this text, in UTF-8; a private one can be read by its owner alone, a kept one stays where it exists."""

    path: PurePath
    text: str = field(repr=False)
    private: bool = False
    kept: bool = False

    def describe(self) -> str:
        return _described("file", self.path, *self.text.splitlines(), *[text("steps.kept")] * self.kept)

    def apply(self) -> None:
        file, mode = Path(self.path), 0o600 if self.private else 0o644
        if self.kept and file.exists():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        # The permissions come with the file, not after it.
        opener = partial(os.open, mode=mode)
        with open(file, "w", encoding="utf-8", newline="\n", opener=opener) as stream:
            stream.write(self.text)
        if self.private:
            file.chmod(mode)


@dataclass(frozen=True)
class Copy:
    """A copy of a file of this repository or of the user, whose text is not shown."""

    source: Path
    path: PurePath
    private: bool = False

    def describe(self) -> str:
        return _described("file", self.path, text("steps.copy", source=self.source))

    def apply(self) -> None:
        File(self.path, self.source.read_text(encoding="utf-8"), private=self.private).apply()


@dataclass(frozen=True)
class Command:
    """A command; its variables are added to the environment. Where it fails, `apply` raises what it said as OSError."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()

    def describe(self) -> str:
        return _described("command", shell.in_bash(self.words, self.variables))

    def apply(self) -> None:
        # Windows looks for programs where one stands first, unless told not to.
        os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"
        done = subprocess.run(
            self.words,
            cwd=ELSEWHERE,
            env={**os.environ, **dict(self.variables)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            raise OSError(decoded(done.stdout) or text("steps.failed", status=done.returncode))


@dataclass(frozen=True)
class WindowsCommand(Command):
    """A command of Windows, shown as it is typed there."""

    def describe(self) -> str:
        return _described("command", shell.in_powershell(self.words, self.variables))


@dataclass(frozen=True)
class Remove:
    """A file or a whole folder that goes."""

    path: PurePath

    def describe(self) -> str:
        return _described("remove", self.path)

    def apply(self) -> None:
        target = Path(self.path)
        if not target.is_dir():
            target.unlink(missing_ok=True)
            return
        # Windows keeps the files of a process that has just ended locked for a moment.
        for _ in range(20):
            with contextlib.suppress(OSError):
                shutil.rmtree(target)
            if not target.exists():
                return
            time.sleep(0.25)
        shutil.rmtree(target)


Step = Folder | File | Copy | Command | Remove


def decoded(output: bytes) -> str:
    """Return what a command wrote, without the ends; nssm writes UTF-16, others what Python expects."""
    if b"\0" in output:
        return output.decode("utf-16-le", "replace").strip()
    return output.decode(locale.getpreferredencoding(do_setlocale=False), "replace").strip()
