"""Many alike things at a time, each in a task: in threads, in processes, on Dask or on Ray, as one variable says.

    uv run --project demo/ventas-diarias docs/recipes/parallel_tasks.py
    FLOW_TASK_RUNNER=processes uv run --project demo/ventas-diarias docs/recipes/parallel_tasks.py

`FLOW_TASK_RUNNER` is `threads` (as good as none), `processes`, `dask` or `ray`, and may have a number of workers or a
cluster's address: `threads:16`, `dask:tcp://10.0.0.5:8786`. For a deployment, deploy.py says it:
`Environment(work_pool=..., task_runner="dask")`. All but threads need a server that stays; Dask and Ray need a
package, `uv add prefect-dask` or `uv add prefect-ray`.

A task has a price of its own, so a thousand branches are eight tasks with a share each, not a thousand tasks. What
goes in and comes out is small: names and sums. Tasks that run on other machines stand in a module of the package,
such as `tasks.py`, and not in the file that deploy.py names: the cluster's workers import them from there.

Prints:

    8 branches, 28 units

UI:

    8 branches, 28 units
"""

import os
import time

from prefect import flow, task

from flow_ops.logs import get_logger
from flow_ops.task_runners import task_runner

TASKS = 8


@task(retries=2, retry_delay_seconds=5)
def add_up(branches: list[str], seconds: float) -> dict[str, int]:
    """Return the units of each of these branches. It stands for work that takes `seconds` for each."""
    # Asked for here: a logger of the module reaches another machine without its handlers.
    logger = get_logger("recipe")
    units = {}
    for branch in branches:
        logger.info("process %d adds up %s", os.getpid(), branch)
        time.sleep(seconds)
        units[branch] = int(branch.removeprefix("branch-"))
    return units


@flow
def add_up_in_tasks(branches: list[str], seconds: float) -> dict[str, int]:
    """Share the branches out among the tasks, and put together what they return; one that fails raises here."""
    shares = [branches[first::TASKS] for first in range(min(TASKS, len(branches)))]
    results = add_up.map(shares, seconds).result()
    return {branch: units for result in results for branch, units in result.items()}


@flow
def add_up_everything(number: int = 8, seconds: float = 0.5) -> str:
    """Add up so many branches."""
    # The place is chosen here and not on import: whoever deploys the flow needs no cluster.
    add_up_somewhere = add_up_in_tasks.with_options(task_runner=task_runner())
    units = add_up_somewhere([f"branch-{n:02}" for n in range(number)], seconds)
    total = f"{len(units)} branches, {sum(units.values())} units"
    get_logger("recipe").info(total)
    return total


if __name__ == "__main__":
    print(add_up_everything())
