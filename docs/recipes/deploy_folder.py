"""Deploy a flow that stands in a folder of the worker's machine, from Python.

    uv run docs/recipes/deploy_folder.py

What it corrects in the usual snippet: `Cron`, not `CronSchedule`; the canonical name of the zone (without one
the schedule is in UTC); an absolute folder. Running it again updates the same deployment. In a generated
repository `deploy.py` does this and checks it: see `uv run deploy.py plan dev`.

Prints:

    hello/from-folder in pool-dev
    55 23 * * * in America/Argentina/Buenos_Aires
    parameters: {'name': 'folder'}
    tags: ['dev']
"""

from pathlib import Path

from prefect import flow, get_client
from prefect.schedules import Cron

FOLDER = Path(__file__).resolve().parent


def deploy() -> None:
    """Create or update the deployment `hello/from-folder`. The pool must exist."""
    flow.from_source(source=FOLDER, entrypoint="hello.py:hello").deploy(
        name="from-folder",
        work_pool_name="pool-dev",
        schedules=[Cron("55 23 * * *", timezone="America/Argentina/Buenos_Aires")],
        parameters={"name": "folder"},
        tags=["dev"],
        ignore_warnings=True,
        print_next_steps=False,
    )


def show(name: str) -> None:
    """Print what the server keeps."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(name)
    print(f"{name} in {deployment.work_pool_name}")
    for each in deployment.schedules:
        print(f"{each.schedule.cron} in {each.schedule.timezone}")
    print("parameters:", deployment.parameters)
    print("tags:", deployment.tags)


if __name__ == "__main__":
    deploy()
    show("hello/from-folder")
