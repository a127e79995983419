"""What a person sees in Prefect's UI, asserted in a real browser."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.skipif(
    not (os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is missing: apt-get install chromium, or name it in CHROMIUM",
)
def test_the_ui_shows_the_run_its_logs_its_table_and_the_next_run_in_local_time(tmp_path: Path) -> None:
    from docs import pictures  # noqa: PLC0415 - playwright takes a second to import

    pictures.main(tmp_path)
    assert sorted(file.name for file in tmp_path.glob("*.png")) == ["fleet.png", "run.png"]
