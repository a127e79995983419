{% set es = cookiecutter.language == "es" -%}{# what people read in the UI and in the log; the rest is English -#}
"""The flow: what is done, in which order. `tasks.py` says how."""

import asyncio
from datetime import date
from pathlib import Path

from flow_ops.logs import get_logger
from prefect import flow
from prefect.artifacts import acreate_table_artifact

from {{ cookiecutter.__package }} import tasks

logger = get_logger("flow")
SAMPLE = Path(__file__).parent / "data" / "orders.csv"
# With more, a Prefect server on SQLite makes each of them wait. On PostgreSQL ten at a time are no problem.
SUBFLOWS_AT_A_TIME = 2


@flow(
    name="{{ cookiecutter.flow_slug }}",
    description={{ cookiecutter.description | as_python }},
    timeout_seconds=3600,
    log_prints=True,
)
async def {{ cookiecutter.__package }}(
    orders_file: Path | None = None,
    since: date | None = None,
) -> dict[str, int]:
    """Summarise the orders of each branch, load the summaries into a database and publish them as a table.

    Args:
        orders_file: {{ "Ruta absoluta de un CSV con los pedidos. Sin una, la muestra de este repositorio." if es else "Absolute path of a CSV with the orders. Without one, the sample of this repository." }}
        since: {{ "Deja afuera los pedidos de días anteriores." if es else "Leave out the orders of earlier days." }}
    """
    file = orders_file or SAMPLE
    turns = asyncio.Semaphore(SUBFLOWS_AT_A_TIME)

    async def in_turn(branch: str) -> tasks.Summary:
        async with turns:
            return await tasks.summarise_branch(file, branch, since)

    runs = [asyncio.create_task(in_turn(branch)) for branch in tasks.list_branches(file)]
    # Each goes on to its end, even where another fails. `result()` then raises, and nothing is loaded.
    await asyncio.gather(*runs, return_exceptions=True)
    summaries = [run.result() for run in runs]
    tasks.load_summaries(summaries)
    await acreate_table_artifact(summaries, key="{{ cookiecutter.flow_slug }}")
    total = {name: sum(each[name] for each in summaries) for name in ("orders", "units", "rejected")}
    if orders_file is None:
        logger.info("{{ "Tres pedidos de la muestra están mal a propósito: ver" if es else "Three orders of the sample are wrong on purpose: see" }} 'rejected': 3")
    elif total["rejected"]:
        logger.warning("{{ "Pedidos rechazados: %d; más arriba dice cuáles, y por qué" if es else "Orders rejected: %d; the lines above say which, and why" }}", total["rejected"])
    return total
