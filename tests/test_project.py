"""The generated repository knows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flow_ops import project

if TYPE_CHECKING:
    from pathlib import Path


def test_project_is_read_from_the_generated_pyproject(repository: Path) -> None:
    project.forget()
    current = project.current()
    assert (current.root, current.slug, current.package) == (repository, "ventas-diarias", "ventas_diarias")
    assert current.zone.key == "America/Argentina/Buenos_Aires"
