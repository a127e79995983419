"""The Linux half of git.exe for Wine: paths to here, this machine's git, paths back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

request = Path(sys.argv[1])
DRIVES = {"c": os.path.realpath(f"{os.environ['WINEPREFIX']}/dosdevices/c:"), "z": ""}


def _here(text: str) -> str:
    return re.sub(
        r"(?<![A-Za-z])(?:(file://)/)?([CZcz]):([\\/][^\n]*)",
        lambda found: (found[1] or "") + DRIVES[found[2].lower()] + found[3].replace("\\", "/"),
        text,
    )


def _back(data: bytes) -> bytes:
    drive = DRIVES["c"].encode()
    return data.replace(b"file://" + drive, b"file:///C:").replace(drive, b"C:")


words, _, settings = request.read_text(encoding="utf-8").partition("\x01\0")
folder, *arguments = words.split("\0")[:-1]
environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
# What Git for Windows' installer sets: line ends of Windows in what it checks out.
environment["GIT_CONFIG_SYSTEM"] = str(Path(__file__).with_name("gitconfig"))
for setting in settings.split("\0")[:-1]:
    name, _, value = setting.partition("=")
    environment[name] = _here(value)
done = subprocess.run(
    ["/usr/bin/git", "-c", "safe.directory=*", *map(_here, arguments)],
    cwd=_here(folder),
    env=environment,
    stdin=subprocess.DEVNULL,
    capture_output=True,
    check=False,
)
Path(f"{request}.out").write_bytes(_back(done.stdout))
Path(f"{request}.err").write_bytes(_back(done.stderr))
sys.exit(done.returncode)
