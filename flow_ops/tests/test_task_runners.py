"""The environment chooses where mapped tasks run; the flow's code stays as it is."""

from __future__ import annotations

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from flow_ops import task_runners
from flow_ops.messages import FlowOpsError

WITH_SERVER = {PREFECT_API_URL: "http://127.0.0.1:9/api"}


@pytest.mark.parametrize("chosen", [None, "", "threads"])
def test_threads_are_the_default(monkeypatch: pytest.MonkeyPatch, chosen: str | None) -> None:
    if chosen is not None:
        monkeypatch.setenv("FLOW_TASK_RUNNER", chosen)
    assert isinstance(task_runners.task_runner(), ThreadPoolTaskRunner)


def test_a_number_of_workers_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_TASK_RUNNER", "processes:3")
    with temporary_settings(WITH_SERVER):
        runner = task_runners.task_runner()
    assert isinstance(runner, ProcessPoolTaskRunner)
    assert runner._max_workers == 3


@pytest.mark.parametrize(
    "chosen",
    [
        "spark",
        "threads:",
        "threads:0",
        "threads:many",
        "processes:-1",
        "dask:10.0.0.5",
        "dask:tcp://10.0.0.5",
        "ray:http://10.0.0.5:10001",
        "ray:ray://:10001/x",
    ],
)
def test_a_mistyped_task_runner_is_a_coded_message(chosen: str) -> None:
    with pytest.raises(FlowOpsError) as caught:
        task_runners.parse(chosen)
    assert caught.value.code == "FT-RUNNER-01"


@pytest.mark.parametrize(
    ("chosen", "detail"),
    [
        ("dask", ""),
        ("dask:tcp://10.0.0.5:8786", "tcp://10.0.0.5:8786"),
        ("ray:ray://10.0.0.5:10001", "ray://10.0.0.5:10001"),
    ],
)
def test_an_address_is_kept_whole(chosen: str, detail: str) -> None:
    assert task_runners.parse(chosen)[1] == detail


@pytest.mark.parametrize(("chosen", "package"), [("dask", "prefect-dask"), ("ray", "prefect-ray")])
def test_a_missing_package_is_named_with_the_command_that_adds_it(
    monkeypatch: pytest.MonkeyPatch, chosen: str, package: str
) -> None:
    monkeypatch.setattr(task_runners, "find_spec", lambda _: None)
    with pytest.raises(FlowOpsError, match=f"uv add {package}") as caught:
        task_runners.check(chosen)
    assert caught.value.code == "FT-RUNNER-02"


def test_other_processes_without_a_server_are_a_coded_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_TASK_RUNNER", "processes")
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(FlowOpsError) as caught:
        task_runners.task_runner()
    assert caught.value.code == "FT-RUNNER-03"


@pytest.mark.parametrize("port", ["9", "99999"], ids=["nothing listens", "no port at all"])
@pytest.mark.parametrize("chosen", ["dask:tcp://127.0.0.1", "ray:ray://127.0.0.1"])
def test_a_cluster_that_does_not_answer_is_named_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, chosen: str, port: str
) -> None:
    monkeypatch.setattr(task_runners, "find_spec", lambda _: "installed")
    monkeypatch.setenv("FLOW_TASK_RUNNER", f"{chosen}:{port}")
    address = f"{chosen.partition(':')[2]}:{port}"
    with temporary_settings(WITH_SERVER), pytest.raises(FlowOpsError, match=address) as caught:
        task_runners.ready()
    assert caught.value.code == "FT-RUNNER-04"
