"""The flow: a sequence of subflows and tasks, read from top to bottom. No logic here."""

from datetime import date
from pathlib import Path

from prefect import flow

from {{ cookiecutter.__package }} import tasks
from {{ cookiecutter.__package }}.subflows import summarise_in_parallel

SAMPLE = Path(__file__).parent / "data" / "orders.csv"


@flow(
    name="{{ cookiecutter.flow_slug }}",
    description={{ cookiecutter.description | as_python }},
    timeout_seconds=3600,
    log_prints=True,
)
async def {{ cookiecutter.__function }}(
    orders_file: Path | None = None,
    since: date | None = None,
) -> tasks.Summary:
    """Summarise the orders of each branch, load the summaries into a database and publish a report.

    Args:
        orders_file: Absolute path of a CSV with the orders. Without one, the sample of this repository.
        since: Leave out the orders of earlier days.
    """
    file = orders_file or SAMPLE
    branches = await tasks.list_branches(file)
    summaries = await summarise_in_parallel(file, branches, since)
    await tasks.load_summaries(summaries)
    return await tasks.publish_report(summaries)
