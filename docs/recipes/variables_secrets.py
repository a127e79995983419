"""Variables and Secret blocks, read inside the run that uses them.

    uv run --project demo/ventas-diarias docs/recipes/variables_secrets.py

Read at import, as many examples do, they need a server in every test and every deployment. A Variable's name
has a-z, 0-9, `-` and `_`; a block's only a-z, 0-9 and `-`. A value read with `secret` is masked in the logs.

Prints:

    server sql.example.com, 30 days, default kept: True

UI:

    Connecting to sql.example.com with ********
"""

from prefect import flow, task
from prefect.blocks.system import Secret
from prefect.variables import Variable

from flow_ops.logs import get_logger
from flow_ops.secrets import secret, variable

logger = get_logger("recipe")


@task
def connect() -> str:
    """Read what the task needs, typed."""
    server = variable("sql_server", str)
    days = variable("days_to_keep", int, default=30)
    dry_run = variable("dry_run", bool, default=True)
    logger.info("Connecting to %s with %s", server, secret("sql-password"))
    return f"server {server}, {days} days, default kept: {dry_run}"


@flow
def hello_secrets() -> str:
    """Use the task."""
    return connect()


def create() -> None:
    """What a person does in the UI, once: Variables > +, and Blocks > + > Secret."""
    Variable.set("sql_server", "sql.example.com", overwrite=True)
    Secret(value="not-a-real-password").save("sql-password", overwrite=True)


if __name__ == "__main__":
    create()
    print(hello_secrets())
