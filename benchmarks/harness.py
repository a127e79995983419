"""How the benchmarks measure and report: whole processes, in turns, the median of each side."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TEMPLATE = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("cookiecutter", "prefect", "prefect-dask", "prefect-ray", "pytest", "sqlalchemy", "uv")
# Small sizes, to see that the benchmarks work: the figures mean nothing and are not kept.
QUICK = bool(os.environ.get("BENCHMARKS_QUICK"))


@dataclass(frozen=True)
class Figure:
    """One measured number; with a goal it has a verdict, without one it is a statement."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `missed`, or nothing where no goal is set. Every goal is an upper bound."""
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else "missed"


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    peak_mb: float
    status: int


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> Run:
    """Run a command to its end and return its wall time and the peak memory of its largest process.

    Raises:
        RuntimeError: The command failed; the text is the end of its output. A failed run is no figure.
    """
    start = time.perf_counter()
    child = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = child.stdout.read() if child.stdout else b""
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = output.decode("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{command} ended with status {child.returncode}:\n{tail}")
    return Run(seconds, usage.ru_maxrss / 1024, child.returncode)


def in_turns(runs: int, **sides: Callable[[], float]) -> dict[str, float]:
    """Measure the sides in turn, `runs` times after one warm-up, and return the median of each."""
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(runs + 1):
        for name, measure in sides.items():
            value = measure()
            if number:
                seen[name].append(value)
    return {name: statistics.median(values) for name, values in seen.items()}


def fastest_in_turns(rounds: int, **sides: Callable[[], float]) -> dict[str, float]:
    """Measure the sides in turn and return the least of each: what else the machine does can only add."""
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            seen[name].append(measure())
    return {name: min(values) for name, values in seen.items()}


def of_a_user(folder: Path) -> dict[str, str]:
    """Return variables as on a user's machine: a home of its own below `folder`, uv's cache warm, bytecode kept.

    So is the folder for temporary files, in which other scaffolds leave some.
    """
    home, temporary = folder / "home", folder / "tmp"
    for each in (home, temporary):
        each.mkdir(parents=True, exist_ok=True)
    uv = subprocess.run(["uv", "cache", "dir"], check=True, capture_output=True, encoding="utf-8")
    return {
        **{name: str(home) for name in ("HOME", "USERPROFILE", "DAGSTER_HOME")},
        **{name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")},
        "XDG_CACHE_HOME": str(home / "cache"),
        "PREFECT_HOME": str(home / "prefect"),
        "UV_CACHE_DIR": uv.stdout.strip(),
        # Empty is as good as unset.
        "PYTHONDONTWRITEBYTECODE": "",
        "VIRTUAL_ENV": "",
        "DO_NOT_TRACK": "1",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def machine() -> dict[str, str]:
    """Describe the machine: what a reader needs to judge the figures, and nothing that names it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if "model name" in line]
        model = names[0].partition(":")[2].strip() if names else model
    found = {"system": platform.system(), "processor": model, "cores": str(os.cpu_count())}
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found["memory"] = f"{memory / 2**30:.0f} GiB"
    found["python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [("figure", "value", "goal", "verdict", "note"), ("---", "---:", "---:", "---", "---")]
    for figure in figures:
        goal = "" if figure.goal is None else f"<= {figure.goal:g}"
        value = f"{figure.value:.4g} {figure.unit}"
        rows.append((figure.name, value, goal, figure.verdict, figure.note))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def section(name: str, figures: Sequence[Figure], *, machine: Mapping[str, str] | None = None) -> str:
    """Return the figures of one benchmark as a section of Markdown."""
    where = ", ".join(f"{key}: {value}" for key, value in machine.items()) + "\n\n" if machine else ""
    return f"## {name}\n\n{where}{table(figures)}\n"


def keep(name: str, figures: Sequence[Figure]) -> None:
    """Keep the figures of one benchmark, with the machine's description, in `results/`."""
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
