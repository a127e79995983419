"""The pins of `deploy.py`, checked as `deploy.py plan` checks them, and without a server."""

import pytest
from flow_ops.deploy import checks
from flow_ops.deploy.targets import targets
from flow_ops.messages import FlowOpsError
from flow_ops.testing import deployments, rules


def problems(*prefixes: str) -> list[FlowOpsError]:
    pins = deployments()
    found = [
        *checks.repository(pins),
        *(problem for target in targets(pins) for problem in checks.pins(target)),
    ]
    return [problem for problem in found if problem.code.startswith(prefixes)]


def test_schedules_and_timezone_are_valid_and_not_utc() -> None:
    rules.require("FT-RULE-10", problems("FT-ZONE", "FT-SCHED"))


def test_a_prod_deployment_runs_in_a_prod_pool() -> None:
    rules.require("FT-RULE-11", problems("FT-POOL"))


def test_parameters_match_the_signature() -> None:
    rules.require("FT-RULE-12", problems("FT-PARAM"))


def test_source_environment_and_limits_are_sound() -> None:
    rules.require("FT-RULE-13", problems("FT-SOURCE", "FT-ENV", "FT-WATCHDOG"))


def test_deploy_py_does_nothing_when_it_is_imported(capfd: pytest.CaptureFixture[str]) -> None:
    deployments()
    rules.require("FT-RULE-14", "".join(capfd.readouterr()).splitlines())
