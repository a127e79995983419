"""The rules that keep this repository deployable, one test each: a failure says why, and how to fix it.

One is set aside with its reason, in pyproject.toml: `[tool.flow-ops.exceptions] name_of_the_rule = "reason"`.
"""

import pytest
from flow_ops.testing.rules import RULES, Rule


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(rule: Rule) -> None:
    rule.check()
