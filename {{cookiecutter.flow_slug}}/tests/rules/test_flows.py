"""Every flow, subflows included, says what it does and ends in time; every deployment says whose it is."""

import re

from flow_ops.deploy import state
from flow_ops.deploy.targets import targets
from flow_ops.testing import deployments, rules


def test_every_flow_has_a_timeout() -> None:
    rules.require("FT-RULE-03", [place for place, flow in rules.flows().items() if not flow.timeout_seconds])


def test_every_flow_has_a_description() -> None:
    rules.require("FT-RULE-04", [place for place, flow in rules.flows().items() if not flow.description])


def test_every_deployment_has_an_owner_tag() -> None:
    rules.require(
        "FT-RULE-05",
        [
            target.full_name
            for target in targets(deployments())
            if not any(
                re.match(r"(area|owner):\S", tag) for tag in state.desired(target, [], paused=False)["tags"]
            )
        ],
    )
