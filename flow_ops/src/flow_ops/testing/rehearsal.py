"""The deployments of `deploy.py` as the end-to-end test deploys them: an environment's shape, a test's values.

    python -m flow_ops.testing.rehearsal VALUES.json apply prod

What an environment says of the world (its variables, parameters, job variables, image, cluster, notification and
sources) would let a test act on a database or a server of production. So none of it is used: the pool, the schedule
and the limits are those of the file, all else comes from the test.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from flow_ops import project, screen
from flow_ops.deploy import entrypoints
from flow_ops.deploy.pins import Deployments, Environment, FolderSource, GitSource, Source
from flow_ops.deployment import main
from flow_ops.messages import FlowOpsError
from flow_ops.testing import deployments


@dataclass(frozen=True)
class Rehearsal:
    """What the test gives, in the place of what `environment` says.

    Attributes:
        environment: Name of the environment whose pool, schedule and limits are used.
        folder: The copy of the repository that sources in a folder become.
        remote: Address of the bare repository that sources in git become.
        env: Environment variables of the runs.
        parameters: Values for the parameters of these names, of any flow.
    """

    environment: str
    folder: str
    remote: str
    env: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def pins(self, deployments: Deployments) -> Deployments:
        """Return `deployments` with this environment alone, and with the test's values in it.

        Raises:
            FlowOpsError: FT-TEST-07 where a flow has parameters without a value.
        """
        flows = {
            entrypoint: {self.environment: self._environment(entrypoint, environments[self.environment])}
            for entrypoint, environments in deployments.flows.items()
            if self.environment in environments
        }
        return replace(deployments, flows=flows, source=self._source(deployments.source), notification=None)

    def _environment(self, entrypoint: str, pins: Environment) -> Environment:
        loaded = entrypoints.load(entrypoint, project.current().root)
        known = loaded.schema.get("properties", {})
        given = {name: value for name, value in self.parameters.items() if name in known}
        missing = [name for name in loaded.schema.get("required", []) if name not in given]
        if missing:
            raise FlowOpsError("FT-TEST-07", flow=loaded.flow.name, parameters=", ".join(missing))
        return replace(
            pins,
            env=self.env,
            parameters=given,
            job_variables={},
            image=None,
            task_runner="threads",
            source=self._source(pins.source) if pins.source else None,
        )

    def _source(self, source: Source) -> Source:
        if isinstance(source, GitSource):
            return GitSource(self.remote, branch=source.branch)
        return FolderSource(self.folder)

    def write(self, file: Path) -> None:
        file.write_bytes(to_json(self))


def _main(file: str, arguments: list[str]) -> int:
    rehearsal = Rehearsal(**json.loads(Path(file).read_text(encoding="utf-8")))
    try:
        return main(rehearsal.pins(deployments()), arguments)
    except FlowOpsError as problem:
        screen.problem(problem)
        return 1


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1], sys.argv[2:]))
