"""Where this flow runs, and when. `uv run deploy.py plan prod` shows what would change, `--help` the rest."""

from datetime import timedelta

from flow_ops.deployment import Deployments, Environment, {% if cookiecutter.code_source == "git" %}GitSource{% else %}FolderSource{% endif %}, Limits, main

FLOW = "src/{{ cookiecutter.__package }}/flow.py:{{ cookiecutter.__package }}"
TIMEZONE = "{{ cookiecutter.timezone }}"
{% if cookiecutter.code_source == "git" -%}
SOURCE = GitSource(
    {{ cookiecutter.repo_url | as_python }},
    branch="main",
{%- if cookiecutter.repo_url.startswith("https:") %}
    credentials_block="{{ cookiecutter._git_token_block }}",
{%- endif %}
)
{%- else -%}
SOURCE = FolderSource(
    {{ cookiecutter.repo_url | as_python }},
)
{%- endif %}
ENVIRONMENTS = {
{%- for environment, work_pool in cookiecutter._work_pools[cookiecutter.area].items() %}
{%- set due = environment == "prod" and cookiecutter.schedule != "none" %}
{%- set wide = due and (work_pool ~ cookiecutter.schedule) | length > 59 %}{# more than a line of 110 columns #}
    "{{ environment }}": Environment({{ "\n        " if wide }}work_pool="{{ work_pool }}"{% if due %},{{ "\n        " if wide else " " }}schedule="{{ cookiecutter.schedule }}"{% endif %}{{ ",\n    " if wide }}),
{%- endfor %}
}
LIMITS = Limits(running=timedelta(hours=2), late=timedelta(hours=4))

# A second flow is a second line here, with environments of its own: `uv run flow-ops new-flow NAME` writes it.
FLOWS = {
    FLOW: ENVIRONMENTS,
}
DEPLOYMENTS = Deployments(flows=FLOWS, source=SOURCE, timezone=TIMEZONE, limits=LIMITS)

if __name__ == "__main__":
    raise SystemExit(main(DEPLOYMENTS))
