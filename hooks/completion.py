"""What is done once the files are written: names checked, origin recorded, and what is next, as a text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from hooks import agreement, embed, origin, overwrite, welcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Outcome(NamedTuple):
    """How generation ended: the exit status of the hook, and what it says."""

    status: int
    text: str


def complete(root: Path, answers: Mapping[str, Any]) -> Outcome:
    """Check the names in `root`; and record where it came from; status 1 where they disagree."""
    found = agreement.disagreements(root, answers)
    if found:
        overwrite.restore(root, answers["__package"])
        return Outcome(1, agreement.report(found, answers["language"]))
    overwrite.forget(root)
    embed.embed(root)
    if "_commit" in answers:  # cruft generates: it keeps its own record, and compares folders without .git
        return Outcome(0, "")
    with ThreadPoolExecutor() as pool:  # git takes its time
        versioned = pool.submit(origin.git_init, root)
        recorded = pool.submit(origin.record, root, answers)
    return Outcome(
        0, welcome.next_steps(root, answers, recorded=recorded.result(), versioned=versioned.result())
    )
