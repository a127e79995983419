"""The command line: `uv run {{ cookiecutter.flow_slug }}` and `python -m {{ cookiecutter.__package }}`."""

from flow_ops.command_line import run_flow

from {{ cookiecutter.__package }}.flow import {{ cookiecutter.__package }}


def main() -> None:
    """Run the flow with the parameters of the command line; `--help` lists them."""
    raise SystemExit(run_flow({{ cookiecutter.__package }}))


if __name__ == "__main__":
    main()
