"""Loading a flow by its entrypoint, with a reason when it cannot be.

A flow of the repository is `src/<package>/<module>.py:<function>`; one of a library, wherever that is installed, is
`<package>.<module>:<function>`, such as `flow_ops.diagnose:diagnose`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefect import Flow

from flow_ops import git
from flow_ops.messages import FlowOpsError, nearest, text

_FORM = re.compile(r"src/(?P<module>\w+(?:/\w+)*)\.py:(?P<function>\w+)")
_LIBRARY_FORM = re.compile(r"(?P<module>\w+(?:\.\w+)+):(?P<function>\w+)")


@dataclass(frozen=True)
class LoadedFlow:
    """A flow and the entrypoint that it was loaded from, as Prefect writes it."""

    entrypoint: str
    flow: Flow[..., Any]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The parameters' JSON schema, as Prefect stores it on the server."""
        return self.flow.parameters.model_dump(exclude_unset=True)


def load(entrypoint: str, root: Path) -> LoadedFlow:
    """Import the module of `entrypoint`, below `root`, and return its flow.

    The module is imported by its real name, as tests and the command line do, so that its other imports and
    a second load find the same module.

    Raises:
        FlowOpsError: FT-FLOW-01 to FT-FLOW-04; FT-GIT-17 where a conflict stands in the code.
    """
    if match := _LIBRARY_FORM.fullmatch(entrypoint):
        # Prefect's form of an entrypoint that is a module and no file.
        stored = entrypoint.replace(":", ".")
    elif match := _FORM.fullmatch(entrypoint):
        stored = entrypoint
        file = root / entrypoint.partition(":")[0]
        if not file.is_file():
            raise FlowOpsError("FT-FLOW-02", entrypoint=entrypoint, file=file)
    else:
        raise FlowOpsError("FT-FLOW-01", entrypoint=entrypoint)
    module = _import(match["module"].replace("/", "."), root)
    function = match["function"]
    flow = getattr(module, function, None)
    if not isinstance(flow, Flow):
        flows = [name for name, value in inspect.getmembers(module) if isinstance(value, Flow)]
        known, near = ", ".join(flows) or "-", nearest(function, flows)
        place = entrypoint.rpartition(":")[0]
        raise FlowOpsError("FT-FLOW-04", function=function, place=place, flows=known, near=near)
    return LoadedFlow(stored, flow)


def _import(name: str, root: Path) -> Any:
    source = str(root / "src")
    if source not in sys.path:
        sys.path.insert(0, source)
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise git.conflict(error, root) or _not_imported(error, name, source) from error


def _not_imported(error: Exception, name: str, source: str) -> FlowOpsError:
    places = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    place = next(
        (f"{Path(file).name}:{line}" for file, line in reversed(places) if file.startswith(source)),
        f"{name}.py",
    )
    missing = text("flow.missing") if isinstance(error, ModuleNotFoundError) else "."
    reason = f"{type(error).__name__}: {error}".rstrip(".")
    return FlowOpsError("FT-FLOW-03", module=name, place=place, reason=reason, missing=missing)
