"""The versions that are known to break each other stay out."""

from flow_ops import project
from flow_ops.testing import rules
from packaging.requirements import Requirement

# A version of each that must not get in; flow-ops keeps out the others that are known to break it.
KEPT_OUT = {"prefect": "4.0"}
NEEDED = {"flow-ops"}


def test_dependency_bounds_are_still_in_place() -> None:
    written = map(Requirement, rules.pyproject(project.current().root)["project"]["dependencies"])
    bounds = {requirement.name.lower(): requirement.specifier for requirement in written}
    let_in = [
        f"{name} {bad}" for name, bad in KEPT_OUT.items() if name not in bounds or bounds[name].contains(bad)
    ]
    rules.require("FT-RULE-15", [*let_in, *sorted(NEEDED - bounds.keys())])
