"""Who imports whom in the template: no circle, in what the questions and the hooks are made of."""

from __future__ import annotations

from helpers.imports import circle, graph, modules
from tests.organisation import ROOT


def test_no_import_of_the_template_runs_in_a_circle() -> None:
    files = modules(ROOT / "flow_template", ROOT / "hooks", *ROOT.glob("needs_*.py"))
    imports = graph(files)
    assert imports["hooks.post_gen_project"]
    assert circle(imports) == []
