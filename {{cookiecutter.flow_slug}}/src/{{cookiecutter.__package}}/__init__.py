"""{{ cookiecutter.flow_slug }}: a Prefect flow. Start reading at `flow.py`."""

from flow_ops.importing import import_prefect

import_prefect()  # Before a module of this package does, which takes longer.
