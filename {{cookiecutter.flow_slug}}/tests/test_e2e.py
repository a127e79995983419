"""From deployment to retirement, with a server, a git remote and a worker of their own: `uv run pytest -m e2e`.

None of production's values is used: those that the flow needs are the fixture `e2e_values`, in conftest.py.
"""

import pytest
from flow_ops.testing.e2e import CHECKS, Check, Story

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_deployments(check: Check, story: Story) -> None:
    check.holds(story)
