"""The command `flow-ops fleet`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flow_ops.deploy import report, server
from flow_ops.fleet import cells, day, page, problems, table
from flow_ops.fleet.gather import gather, runs_since
from flow_ops.fleet.rows import Fleet, Row
from flow_ops.messages import FlowOpsError, nearest, text

# The exit status of `--check` where a person is needed.
NEEDED = 2


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Which deployments are shown: all, or those that pass each of these."""

    area: Annotated[str | None, Parameter(help="@fleet.area")] = None
    environment: Annotated[str | None, Parameter(help="@fleet.environment")] = None
    outdated: Annotated[bool, Parameter(help="@fleet.outdated")] = False
    failing: Annotated[bool, Parameter(help="@fleet.failing")] = False

    def chosen(self, fleet: Fleet) -> list[Row]:
        """Return the rows that pass.

        Raises:
            FlowOpsError: FT-FLEET-14 for an area or an environment that no deployment has.
        """
        for option, given in (("area", self.area), ("environment", self.environment)):
            known = sorted({getattr(row, option) for row in fleet.rows})
            if given is not None and given not in known:
                near = nearest(given, known)
                raise FlowOpsError(
                    "FT-FLEET-14", option=f"--{option}", value=given, near=near, known=", ".join(known)
                )
        return [
            row
            for row in fleet.rows
            if self.area in (None, row.area)
            and self.environment in (None, row.environment)
            and (not self.outdated or cells.is_outdated(row, fleet))
            and (not self.failing or cells.is_failing(row))
        ]


ALL = Filters()


def fleet(
    *,
    filters: Filters = ALL,
    json: Annotated[bool, Parameter(help="@deploy.json")] = False,
    html: Annotated[Path | None, Parameter(help="@fleet.html")] = None,
    check: Annotated[bool, Parameter(help="@fleet.check")] = False,
) -> int:
    """Show every deployment of the server; return 2 where `check` is asked for and a person is needed."""
    with server.connect() as client:
        found = gather(client)
        shown = filters.chosen(found)
        began = runs_since(client, shown, day.midnight(found)) if html and shown else {}
    if html:
        try:
            html.write_text(page.render(found, shown, day.of(found, shown, began)), encoding="utf-8")
        except OSError as error:
            raise FlowOpsError("FT-FLEET-15", file=html, reason=error.strerror or error) from None
        # Standard output is the document's, where one is asked for.
        report.line(text("fleet.written", file=html), sys.stderr if json else None)
    if json:
        report.as_json(table.document(found, shown))
    elif not html:
        table.show(found, shown)
    return NEEDED if check and any(problems.needs_a_person(row) for row in shown) else 0
