"""The fleet as one page that needs nothing else: no network, no script; light and dark, on paper and on a telephone."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader

from flow_ops.deploy import report
from flow_ops.fleet import cells
from flow_ops.fleet.day import Day
from flow_ops.fleet.rows import Fleet, Row
from flow_ops.messages import language, text

# Pixels of a bar as high as the busiest hour.
_HIGHEST = 64


def render(fleet: Fleet, shown: Sequence[Row], days: Sequence[Day]) -> str:
    """Return `page.html` with these rows and days; whatever others have written is escaped."""
    most = max((max(day.totals) for day in days), default=0) or 1
    here = PackageLoader("flow_ops.fleet", ".")
    files = Environment(loader=here, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return files.get_template("page.html").render(
        fleet=fleet,
        rows=shown,
        days=days,
        headings=cells.columns(),
        name_column=2,
        bar_column=9,
        signs={"+": "good", "x": "bad", ".": "note"},
        problems=cells.grouped(shown),
        height=lambda count: round(_HIGHEST * count / most),
        cells=cells,
        language=language(),
        local=report.local,
        text=text,
    )
