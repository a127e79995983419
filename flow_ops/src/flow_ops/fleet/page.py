"""The fleet as one page that needs nothing else: no network, no script; light and dark, on paper and on a telephone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from flow_ops.deploy import report
from flow_ops.fleet import cells
from flow_ops.fleet.day import HOURS, Day
from flow_ops.fleet.rows import Fleet, Row
from flow_ops.messages import language, text

# Pixels of a bar as high as the busiest hour.
_HIGHEST = 64
_SIGNS = {"+": "good", "x": "bad", ".": "note"}


def render(fleet: Fleet, shown: Sequence[Row], days: Sequence[Day]) -> str:
    style = (files("flow_ops.fleet") / "page.css").read_text(encoding="utf-8")
    title, at = text("fleet.title"), f"{report.local(fleet.at, fleet.zone)} ({fleet.zone.key})"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{language()}">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{style}</style></head>",
            "<body>",
            f"<header><h1>{escape(title)}</h1>",
            f"<p>{escape(cells.sums(fleet, shown))}</p><p>{escape(at)}</p></header>",
            "<main>",
            *_section(text("fleet.deployments"), _table(fleet, shown)),
            *_section(text("fleet.day", zone=fleet.zone.key), _day(days)),
            *_section(text("fleet.what"), _problems(fleet, shown)),
            "</main></body></html>\n",
        ]
    )


def _section(title: str, content: Iterator[str]) -> Iterator[str]:
    yield f"<section><h2>{escape(title)}</h2>"
    yield from content
    yield "</section>"


def _table(fleet: Fleet, shown: Sequence[Row]) -> Iterator[str]:
    """Yield the table; with its roles said, because on a telephone its rows are drawn as cards."""
    headings = cells.columns()
    yield f'<table role="table" aria-label="{escape(text("fleet.deployments"))}">'
    yield '<thead role="rowgroup"><tr role="row">'
    yield from (f'<th role="columnheader" scope="col">{escape(heading)}</th>' for heading in headings)
    yield '</tr></thead><tbody role="rowgroup">'
    for row in shown:
        yield f'<tr role="row" class="{cells.mark(row)}">'
        for number, (heading, said) in enumerate(zip(headings, cells.cells(row, fleet), strict=True)):
            content = (
                f"{row.completed}/{len(row.runs)} {_bar(row)}"
                if number == _BAR and row.runs
                else escape(said)
            )
            tag, role = ("th", 'rowheader" scope="row') if number == _NAME else ("td", "cell")
            yield f'<{tag} role="{role}" data-label="{escape(heading)}">{content}</{tag}>'
        yield "</tr>"
    yield "</tbody></table>"


_NAME, _BAR = 2, 9


def _bar(row: Row) -> str:
    label = text("fleet.bar", completed=row.completed, total=len(row.runs))
    signs = "".join(f'<i class="{_SIGNS[sign]}"></i>' for sign in cells.bar(row))
    return f'<span class="bar" role="img" aria-label="{escape(label)}">{signs}</span>'


def _day(days: Sequence[Day]) -> Iterator[str]:
    most = max((max(day.totals) for day in days), default=0) or 1
    yield f'<p class="key"><i class="began"></i> {escape(text("fleet.began"))}'
    yield f'<i class="coming"></i> {escape(text("fleet.coming"))}</p>'
    for day in days:
        total, hour = sum(day.totals), day.busiest
        label = text(
            "fleet.pool-day", pool=day.pool, total=total, hour=f"{hour:02}:00", most=day.totals[hour]
        )
        yield f"<figure><figcaption>{escape(label)}</figcaption>"
        yield f'<div class="hours" role="img" aria-label="{escape(label)}">'
        for each in range(HOURS):
            began, coming = day.began[each], day.coming[each]
            said = text("fleet.hour", hour=f"{each:02}:00", began=began, coming=coming)
            heights = [round(_HIGHEST * count / most) for count in (coming, began)]
            yield (
                f'<span title="{escape(said)}"><b>{began + coming or ""}</b>'
                f'<i class="coming" style="height:{heights[0]}px"></i>'
                f'<i class="began" style="height:{heights[1]}px"></i>'
                f"<small>{each:02}</small></span>"
            )
        yield "</div></figure>"


def _problems(fleet: Fleet, shown: Sequence[Row]) -> Iterator[str]:
    found = cells.grouped(shown)
    if not found and not fleet.notes:
        yield f"<p>{escape(text('fleet.nothing'))}</p>"
    for code, what, rest in found:
        yield f"<article><h3>{code}</h3><ul>"
        yield from (f"<li>{escape(said)}</li>" for said in what)
        yield "</ul>"
        yield from (f"<p>{escape(said)}</p>" for said in rest)
        yield "</article>"
    yield from (f"<p>{escape(str(note))}</p>" for note in fleet.notes)
