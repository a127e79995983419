"""The pins: what `deploy.py` says of each deployment, as data, and whether each value is of its field's kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from flow_ops import hidden, project
from flow_ops.messages import FlowOpsError, text
from flow_ops.watchdog import Limits, Notification

Schedule = str | timedelta


@dataclass(frozen=True)
class GitSource:
    """Code that each run clones from a git repository.

    Attributes:
        url: Address of the repository, without user or token.
        branch: Branch whose newest commit each run takes.
        commit: Full SHA of the commit to run instead, whatever happens to the branch.
        credentials_block: Prefect Secret block with a token that may read the repository; None where it is public
            or where the workers have a key of their own. The worker reads it; it is written nowhere.
    """

    url: str
    branch: str = "main"
    commit: str | None = None
    credentials_block: str | None = None


@dataclass(frozen=True)
class FolderSource:
    """Code that stands in a folder of the worker's machine.

    Attributes:
        path: Absolute path there, Windows or POSIX; kept as written, whatever machine deploys.
    """

    path: str


Source = GitSource | FolderSource


@dataclass(frozen=True)
class Environment:
    """Where, when and how a flow runs.

    Attributes:
        work_pool: Name of the pool; its suffix is the environment's name (`example-prod`).
        schedule: A cron expression, an interval, or a tuple of them, in the pinned timezone. None: by hand only.
        active: Whether the schedule runs. None: in `prod` only. One paused in Prefect's UI stays paused.
        parameters: Values for the flow's parameters; those left out keep the flow's own defaults.
        concurrency_limit: Runs of this deployment at a time; None for any number.
        collision: What a run does that finds the limit reached: wait for its turn, or end as Cancelled.
        task_runner: Where the tasks of `.submit()` and `.map()` run: `threads`, `processes`, `dask`, `ray`, or one of
            them with a number of workers or an address, as the table in `flow_ops.task_runners` says.
        env: Environment variables of the run, as text. Secrets as `{{ prefect.blocks.secret.NAME }}`.
        image: Container image of the runs, `host/name:tag`, on a pool of type docker, kubernetes and the like.
        job_variables: Further job variables of the pool's type (`working_dir`, `cpu_limit`, ...).
        tags: Further tags of the deployment and its runs.
        source: Where the code comes from, if not from the source of all.
    """

    work_pool: str
    schedule: Schedule | tuple[Schedule, ...] | None = None
    active: bool | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    concurrency_limit: Annotated[int, Field(ge=1)] | None = 1
    collision: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    task_runner: str = "threads"
    env: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    source: Source | None = None

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """The schedules as a tuple, however they were written."""
        if self.schedule is None:
            return ()
        return self.schedule if isinstance(self.schedule, tuple) else (self.schedule,)


@dataclass(frozen=True)
class Deployments:
    """Every deployment of this repository.

    Attributes:
        flows: For each flow, by its entrypoint `src/<package>/<module>.py:<function>`, its environments by name.
        source: Where the code comes from.
        timezone: IANA name of the zone of every schedule.
        limits: When the watchdog ends runs that are stuck or late.
        notification: Who is notified of them, and of failures.
    """

    flows: Mapping[str, Mapping[str, Environment]]
    source: Source
    timezone: str
    limits: Limits = field(default_factory=Limits)
    notification: Notification | None = None


def read() -> Deployments:
    """Return the `DEPLOYMENTS` of this repository's `deploy.py`; raise as `project.deployments` and `checked`."""
    return checked(project.deployments())


def checked(written: Any) -> Deployments:
    """Return the `DEPLOYMENTS` of a `deploy.py` if each value in it is of the kind that its field declares.

    Python checks none of them: without this one, a later line would fail on the value, and say nothing of the file.

    Raises:
        FlowOpsError: FT-DEPLOY-10, with all values that are not.
    """
    wrong = [
        text("deploy.wrong-kind", place=place, kind=_in_words(kind))
        for place, kind in _wrong(Deployments, written, "DEPLOYMENTS")
    ]
    if wrong:
        raise FlowOpsError("FT-DEPLOY-10", places="".join(f"\n    {each}" for each in wrong))
    pins: Deployments = written
    return pins


def _wrong(kind: Any, value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield each value in this one that is not of its kind, the way deploy.py writes it, and that kind."""
    if get_origin(kind) is Mapping and isinstance(value, Mapping):
        of_keys, of_values = get_args(kind)
        for key, each in value.items():
            yield from ((f"{{{place}: ...}}", wanted) for place, wanted in _wrong(of_keys, key, name))
            for place, wanted in _wrong(of_values, each, str(key)):
                yield f"{{{key!r}: {place}}}", wanted
    elif not _is(kind, value):
        yield _shown(kind, value, name), kind
    elif is_dataclass(value) and kind is not Any:
        for part, hint in get_type_hints(type(value), include_extras=True).items():
            for place, wanted in _wrong(hint, getattr(value, part), part):
                yield f"{type(value).__name__}({part}={place})", wanted


_adapter = cache(TypeAdapter)


def _is(kind: Any, value: Any) -> bool:
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _shown(kind: Any, value: Any, name: str) -> str:
    """Return a value as deploy.py writes it, without what may be a secret: of what should have names, its class alone."""
    if value is not None and (get_origin(kind) is Mapping or is_dataclass(kind)):
        return f"{type(value).__name__}(...)"
    shown = hidden.without_credentials(repr(hidden.hide(name, value))).replace("datetime.", "")
    return str(hidden.hide(name, shown))


def _in_words(kind: Any, many: str = "") -> str:
    """Return what a kind is called in the user's language: a text, or texts with `many`."""
    parts = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        *others, last = (
            _in_words(part, many) for part in sorted(parts, key=lambda part: part is not NoneType)
        )
        return text("kinds.or", others=", ".join(others), last=last)
    if get_origin(kind) is Literal:
        return text("kinds.or", others=", ".join(map(repr, parts[:-1])), last=repr(parts[-1]))
    if get_origin(kind) is Annotated:
        return text("kinds.least", kind=_in_words(parts[0]), least=parts[1].metadata[0].ge)
    if get_origin(kind) is tuple:
        return text("kinds.tuple", kind=_in_words(parts[0], "s"))
    if get_origin(kind) is Mapping:
        return text("kinds.dict")
    name = kind.__name__
    return f"{name}(...)" if is_dataclass(kind) else text(f"kinds.{name}{many}")
