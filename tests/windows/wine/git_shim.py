"""The Linux half of git.exe for Wine: paths to here, this machine's git, paths back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

request = Path(sys.argv[1])
prefix = (
    sys.argv[1].partition("/dosdevices/")[0] if "/dosdevices/" in sys.argv[1] else os.environ["WINEPREFIX"]
)
DRIVES = {"c": os.path.realpath(f"{prefix}/dosdevices/c:"), "z": ""}


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
for setting in settings.split("\0")[:-1]:
    name, _, value = setting.partition("=")
    environment[name] = _here(value)
configuration = Path(environment.get("GIT_CONFIG_GLOBAL", ""))
ours = request.with_suffix(".cfg")
if configuration.is_file():
    ours.write_text(_here(configuration.read_text(encoding="utf-8")), encoding="utf-8")
    environment["GIT_CONFIG_GLOBAL"] = str(ours)
done = subprocess.run(
    ["/usr/bin/git", "-c", "safe.directory=*", *map(_here, arguments)],
    cwd=_here(folder),
    env=environment,
    stdin=subprocess.DEVNULL,
    capture_output=True,
    check=False,
)
ours.unlink(missing_ok=True)
Path(f"{request}.out").write_bytes(_back(done.stdout))
Path(f"{request}.err").write_bytes(_back(done.stderr))
sys.exit(done.returncode)
