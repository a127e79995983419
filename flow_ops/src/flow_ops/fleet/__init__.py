"""Every repository that has deployments on a server, seen together: what is where, how it runs, who needs a person.

Read from tags and the API alone; `flow-ops fleet` shows it. A repository can publish it as an artifact, by a further
flow in its `deploy.py`:

    "flow_ops.fleet:report": {"prod": Environment(work_pool="example-prod", schedule="0 7 * * *")},
"""

from flow_ops.fleet.publish import report

__all__ = ["report"]
