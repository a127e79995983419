"""{{ cookiecutter.flow_slug }}: a Prefect flow. Start reading at `flow.py`."""
