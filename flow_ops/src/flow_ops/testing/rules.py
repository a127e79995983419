"""The rules that keep a repository deployable: each says what breaks it, why that matters, and how to fix it.

`tests/test_rules.py` of a repository runs them, a test for each by its name. One is set aside, with its reason, in
`pyproject.toml`:

    [tool.flow-ops.exceptions]
    every_flow_has_a_timeout = "The migration runs for days, watched by hand until March."
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pkgutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow

from flow_ops import programs, project, updates
from flow_ops.deploy import checks, entrypoints
from flow_ops.deploy.targets import targets
from flow_ops.messages import FlowOpsError, render
from flow_ops.testing import deployments, sources
from flow_ops.testing.tracked import copy_tracked_files

# No placeholder, which Prefect makes of a flow whose imports fail.
_LOAD = """
import sys
from prefect.flows import load_flow_from_entrypoint
for entrypoint in sys.argv[1:]:
    load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
"""


@dataclass(frozen=True)
class Rule:
    """One rule: its name, the code of its message, and the search for the places that break it."""

    name: str
    code: str
    broken: Callable[[], Iterable[object]]

    def __str__(self) -> str:
        return self.name

    def check(self) -> None:
        """Fail the test that calls this where the rule is broken, naming the places; skip it where it is set aside."""
        __tracebackhide__ = True
        try:
            if self.name in (set_aside := _set_aside()):
                pytest.skip(str(set_aside[self.name]))
            found = textwrap.indent("".join(f"\n{place}" for place in self.broken()), " " * 4)
            said = render(self.code, places=found) if found else ""
        except FlowOpsError as problem:
            said = str(problem)
        if said:
            pytest.fail(said, pytrace=False)


def _set_aside() -> dict[str, object]:
    """Return the rules that `pyproject.toml` sets aside, and why."""
    return dict(project.current().pyproject["tool"]["flow-ops"].get("exceptions", {}))


def _exceptions() -> Iterable[str]:
    """Raise FT-TEST-06 for a name that no rule has, or a reason that says nothing."""
    known = [rule.name for rule in RULES]
    for name, reason in _set_aside().items():
        if name not in known or not isinstance(reason, str) or not reason.strip():
            raise FlowOpsError("FT-TEST-06", rule=name, known=", ".join(known))
    return []


def _names() -> Iterable[str]:
    about = project.current()
    first = next(iter(deployments().flows))
    flow = entrypoints.load(first, about.root).flow.name
    packages = [file.parent.name for file in sorted(about.root.glob("src/*/__init__.py"))]
    agree = {
        "[tool.flow-ops] package": (about.package, about.slug.replace("-", "_")),
        "src/": (about.package if about.package in packages else ", ".join(packages), about.package),
        f"[project.scripts] {flow}": (
            about.pyproject["project"].get("scripts", {}).get(flow),
            f"{about.package}.__main__:main",
        ),
        "[tool.uv.build-backend] module-name": (
            about.pyproject["tool"].get("uv", {}).get("build-backend", {}).get("module-name"),
            about.package,
        ),
        "deploy.py": ("/".join(first.split("/")[:2]), f"src/{about.package}"),
    }
    return [
        f"{place}: {found!r} != {wanted!r}" for place, (found, wanted) in agree.items() if found != wanted
    ]


def _entrypoints() -> Iterable[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy_tracked_files(project.current().root, Path(folder))
        environment = {**os.environ, "PYTHONPATH": str(Path(folder, "src")), "PYTHONUTF8": "1"}
        command = [sys.executable, "-c", _LOAD, *deployments().flows]
        answer = programs.run(command, folder, environment=environment)
    return answer.stderr.splitlines()[-1:] if answer.returncode else []


def _lock() -> Iterable[str]:
    for problem in checks.lock(project.current().root):
        raise problem
    return []


def _vendored() -> Iterable[str]:
    updates.check_vendored()
    return []


def flows() -> dict[str, Flow[..., Any]]:
    """Return every flow of the team's package by the place of its definition, subflows included."""
    package = importlib.import_module(project.current().package)
    names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    modules = [package, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Flow)]
    own = [flow for flow in found if flow.fn.__module__.partition(".")[0] == package.__name__]
    return {f"{flow.fn.__module__}:{flow.fn.__name__}": flow for flow in own}


def _flows_without(attribute: str) -> Callable[[], Iterable[str]]:
    return lambda: [place for place, flow in flows().items() if not getattr(flow, attribute)]


def _search(name: str, code: str, search: sources.Search) -> Rule:
    return Rule(name, code, lambda: sources.places(search, code))


def _pins() -> Iterable[FlowOpsError]:
    pins = deployments()
    found = [
        *checks.repository(pins),
        *(problem for target in targets(pins) for problem in checks.pins(target)),
    ]
    # What two environments share is said once.
    return {str(problem): problem for problem in found if checks.stops(problem)}.values()


def _output_of_deploy_py() -> Iterable[str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        deployments()
    return said.getvalue().splitlines()


RULES = (
    Rule("names_agree_everywhere", "FT-RULE-01", _names),
    Rule("entrypoints_load_from_the_tracked_files_alone", "FT-RULE-02", _entrypoints),
    Rule("every_flow_has_a_timeout", "FT-RULE-03", _flows_without("timeout_seconds")),
    Rule("every_flow_has_a_description", "FT-RULE-04", _flows_without("description")),
    _search("no_future_is_left_unresolved", "FT-RULE-06", sources.unresolved_futures),
    _search("no_block_or_variable_is_read_at_import", "FT-RULE-07", sources.reads_at_import),
    _search("no_file_path_is_relative", "FT-RULE-09", sources.relative_paths),
    Rule("nothing_in_deploy_py_would_be_refused", "FT-RULE-10", _pins),
    Rule("deploy_py_does_nothing_when_it_is_imported", "FT-RULE-14", _output_of_deploy_py),
    Rule("the_lock_file_is_committed", "FT-LOCK-01", _lock),
    Rule(
        "no_secret_is_passed_as_a_parameter",
        "FT-RULE-17",
        lambda: sources.places(
            partial(sources.secrets_as_parameters, runs=sources.names_of_runs()), "FT-RULE-17"
        ),
    ),
    Rule("exceptions_give_a_reason", "FT-TEST-06", _exceptions),
    Rule("nobody_changed_the_vendored_library", "FT-UPDATE-01", _vendored),
)
