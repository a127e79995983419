"""A deployment whose stuck and late runs end by themselves, through Prefect's automations.

    uv run --project demo/ventas-diarias docs/recipes/watchdog.py

In a generated repository `deploy.py apply` keeps them, and `retire` removes them.

Prints:

    hello/watched watchdog: heartbeat
    hello/watched watchdog: late
    hello/watched watchdog: pending
    hello/watched watchdog: running
    to change when applied again: []
"""

from datetime import timedelta
from pathlib import Path

from prefect import flow, get_client

from flow_ops import watchdog

LIMITS = watchdog.Limits(running=timedelta(hours=2), late=timedelta(hours=4))


if __name__ == "__main__":
    deployment_id = flow.from_source(source=Path(__file__).parent, entrypoint="hello.py:hello").deploy(
        name="watched", work_pool_name="pool-dev", ignore_warnings=True, print_next_steps=False
    )
    with get_client(sync_client=True) as client:
        watchdog.apply(client, deployment_id, "hello/watched", LIMITS)
        names = sorted(automation.name for automation in client.read_automations())
        print(*(name for name in names if name.startswith("hello/watched ")), sep="\n")
        print(
            "to change when applied again:",
            watchdog.differences(client, deployment_id, "hello/watched", LIMITS),
        )
