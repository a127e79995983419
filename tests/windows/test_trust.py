"""Who may change what an administrator runs, as a Windows Python reads it: Wine makes access lists of permissions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flow_ops.worker import trust
from tests.windows.helpers import of_windows

if TYPE_CHECKING:
    from tests.windows.helpers import Windows

PROGRAM = """
import importlib.util, sys
from pathlib import Path
specification = importlib.util.spec_from_file_location("trust", sys.argv[1])
trust = importlib.util.module_from_spec(specification)
specification.loader.exec_module(trust)
for place in sys.argv[2:]:
    trust.running = lambda: [Path(place)]
    print(trust.writable_by_others())
"""


def test_a_folder_that_everybody_may_write_is_told_from_one_of_the_machine(
    windows: Windows, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "module.py").touch(mode=0o644)
    places = ("C:\\Python311\\python.exe", of_windows(tmp_path / "open" / "module.py"))
    done = windows.python("-c", PROGRAM, of_windows(Path(trust.__file__)), *places)
    assert done.stdout.splitlines()[-2:] == ["None", of_windows(tmp_path / "open")], done.stdout
