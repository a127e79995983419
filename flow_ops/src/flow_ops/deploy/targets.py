"""What deploys where: each flow of the file in each of its environments, under its name on the server."""

from __future__ import annotations

from dataclasses import dataclass

from flow_ops import project
from flow_ops.deploy import entrypoints
from flow_ops.deploy.entrypoints import LoadedFlow
from flow_ops.deploy.pins import Deployments, Environment, Source
from flow_ops.messages import FlowOpsError, nearest


@dataclass(frozen=True)
class Target:
    """One deployment: a flow in an environment."""

    deployments: Deployments
    loaded: LoadedFlow
    environment_name: str
    environment: Environment

    @property
    def name(self) -> str:
        """The deployment's name, which says the environment: `ventas-diarias-prod`."""
        return f"{self.loaded.flow.name}-{self.environment_name}"

    @property
    def full_name(self) -> str:
        """The name by which Prefect finds it: `ventas-diarias/ventas-diarias-prod`."""
        return f"{self.loaded.flow.name}/{self.name}"

    @property
    def words(self) -> str:
        """What names it alone on the command line: its environment, and its flow where the file has several."""
        several = len(self.deployments.flows) > 1
        return f"{self.environment_name} --flow {self.loaded.flow.name}" if several else self.environment_name

    @property
    def source(self) -> Source:
        return self.environment.source or self.deployments.source

    @property
    def active(self) -> bool:
        """Whether the file wants its schedule to run."""
        if self.environment.active is None:
            return self.environment_name == "prod"
        return self.environment.active


def targets(
    deployments: Deployments, environment: str | None = None, flow: str | None = None
) -> list[Target]:
    """Return the deployments of `environment` (of all) and of the flow named `flow` (of all).

    Raises:
        FlowOpsError: FT-DEPLOY-01 or FT-DEPLOY-02 for a name that the file does not have, or an environment that
            this flow does not have; those of `entrypoints.load` for a flow that cannot be loaded.
    """
    names = environment_names(deployments)
    if environment is not None and environment not in names:
        raise FlowOpsError(
            "FT-DEPLOY-01", name=environment, known=", ".join(names) or "-", near=nearest(environment, names)
        )
    root = project.current().root
    loaded = {entrypoint: entrypoints.load(entrypoint, root) for entrypoint in deployments.flows}
    flow_names = [one.flow.name for one in loaded.values()]
    if flow is not None and flow not in flow_names:
        raise FlowOpsError(
            "FT-DEPLOY-02", name=flow, known=", ".join(flow_names) or "-", near=nearest(flow, flow_names)
        )
    found = [
        Target(deployments, loaded[entrypoint], name, pins)
        for entrypoint, environments in deployments.flows.items()
        for name, pins in environments.items()
        if environment in (None, name) and flow in (None, loaded[entrypoint].flow.name)
    ]
    if environment is not None and not found:
        known = ", ".join(target.environment_name for target in targets(deployments, flow=flow)) or "-"
        raise FlowOpsError("FT-DEPLOY-01", name=f"{environment} --flow {flow}", known=known, near="-")
    return found


def environment_names(deployments: Deployments) -> list[str]:
    """Return the names of all environments, in the order of the file."""
    return list(dict.fromkeys(name for environments in deployments.flows.values() for name in environments))
