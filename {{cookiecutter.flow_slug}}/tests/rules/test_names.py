"""One name, everywhere: the repository, its package, its command and its flow."""

from flow_ops import project
from flow_ops.deploy import entrypoints
from flow_ops.testing import deployments, rules


def test_names_agree_everywhere() -> None:
    about = project.current()
    written = rules.pyproject(about.root)
    first = next(iter(deployments().flows))
    flow = entrypoints.load(first, about.root).flow.name
    agree = {
        "[tool.flow-ops] package": (about.package, about.slug.replace("-", "_")),
        "src/": ((about.root / "src" / about.package / "__init__.py").is_file(), True),
        "[project.scripts]": (
            written["project"].get("scripts", {}).get(about.slug),
            f"{about.package}.__main__:main",
        ),
        "[tool.uv.build-backend] module-name": (
            written["tool"].get("uv", {}).get("build-backend", {}).get("module-name"),
            about.package,
        ),
        "deploy.py": (first.startswith(f"src/{about.package}/"), True),
        "@flow(name=)": (flow, about.slug),
    }
    rules.require(
        "FT-RULE-01",
        [f"{place}: {found!r} != {wanted!r}" for place, (found, wanted) in agree.items() if found != wanted],
    )
