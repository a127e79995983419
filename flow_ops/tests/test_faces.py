"""What a team may import and rely on: each face's `__all__`, for as long as the major version is the same."""

from __future__ import annotations

import importlib

import pytest

FACES = {
    "logs": ["add_secret", "get_logger", "log_file", "mask"],
    "secrets": ["asecret", "avariable", "secret", "variable"],
    "deployment": [
        "Deployments",
        "Environment",
        "FolderSource",
        "GitSource",
        "Limits",
        "Notification",
        "main",
    ],
    "task_runners": ["task_runner"],
    "testing": ["EndToEndValues", "deployments", "next_local_runs"],
    "command_line": ["run_flow"],
}


@pytest.mark.parametrize("face", FACES)
def test_a_face_offers_what_it_promised(face: str) -> None:
    module = importlib.import_module(f"flow_ops.{face}")
    assert sorted(module.__all__) == sorted(FACES[face])
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
