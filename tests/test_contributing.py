"""CONTRIBUTING.md names the tests that prove each promise: they are there."""

from __future__ import annotations

import re

from tests.organisation import ROOT


def test_every_test_that_is_said_to_prove_a_promise_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.partition("## Which test proves which promise")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", table)
    assert len(named) > 20
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or f"def {test}" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []
