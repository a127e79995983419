"""The command `flow-ops`: workers, updates, another flow, the fleet."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

from cyclopts import App, Parameter

from flow_ops import arguments, embedding, library, moving, new_flow, project, signals, updates
from flow_ops.messages import text
from flow_ops.new_flow import sample
from flow_ops.screen import line

# The exit status of `update check` where there is a newer release.
NEWER = 2

Release = Annotated[str | None, Parameter(help="@update.release")]
Yes = Annotated[bool, Parameter(help="@deploy.yes")]
ReplaceSample = Annotated[bool, Parameter(help="@new-flow.replace", negative=())]
SourceKind = Annotated[library.Kind | None, Parameter(help="@source.kind")]
IndexAddress = Annotated[str | None, Parameter(help="@source.index")]
NewName = Annotated[str, Parameter(help="@new-flow.name")]


def main() -> None:
    sys.exit(run())


def run(tokens: list[str] | None = None) -> int:
    with signals.sigterm_ends_in_order():
        return arguments.execute(_command_line(), tokens)


def _command_line() -> App:
    made = arguments.app("flow-ops", "@flow-ops.help")
    made.command(_worker())
    made.command(_update())
    made.command(_source, name="source", help="@source.help")
    made.command(_new_flow, name="new-flow", help="@new-flow.help")
    made.command("flow_ops.fleet.command:fleet", name="fleet", help="@fleet.help")
    return made


def _worker() -> App:
    made = arguments.app("worker", "@worker.help")
    made.command("flow_ops.worker.service:install", name="install", help="@worker.install")
    made.command("flow_ops.worker.service:uninstall", name="uninstall", help="@worker.uninstall")
    made.command("flow_ops.worker.service:status", name="status", help="@worker.status")
    made.command("flow_ops.worker.service:describe", name="print", help="@worker.print")
    return made


def _update() -> App:
    made = arguments.app("update", "@update.help")
    made.default(_check)
    made.command(_check, name="check", help="@update.check")
    made.command(_apply, name="apply", help="@update.apply")
    made.command(_library, name="library", help="@update.library-help")
    made.command(_restore, name="restore", help="@update.restore")
    return made


def _check() -> int:
    made, newer = updates.versions()
    line(text("update.versions" if newer else "update.newest", made=made, latest=newer))
    library_is_old = _say_library()
    changes = [*updates.wanted_changes()] if newer else []
    if newer:
        _say_changes(changes)
    updates.check_vendored()
    vendored = library.kind(project.current().pyproject) == "vendor"
    return NEWER if library_is_old or changes or (newer and vendored) else 0


def _say_library() -> bool:
    """Say which library is newer, where it comes from elsewhere, and return whether one is."""
    if latest := updates.newer_library():
        command = library.update_command(project.current().pyproject, latest)
        line(text("update.library", here=metadata.version("flow-ops"), latest=latest, command=command))
    return latest is not None


def _say_changes(changes: list[updates.Change]) -> None:
    """Say which files of the team's are otherwise in the newer template, those that have to follow first."""
    for key, is_needed in (("update.needed", True), ("update.optional", False)):
        chosen = [change for change in changes if change.is_needed == is_needed]
        line(text(key if chosen else f"{key}-none"))
        for change in chosen:
            line(f"  {change.name}: {change.why}" if change.why else f"  {change.name}")


def _library() -> None:
    if library.kind(project.current().pyproject) == "vendor":
        line(text("update.library-vendored"))
    elif command := updates.update_library():
        line(text("update.library-done", command=command))
    else:
        line(text("update.library-newest", here=metadata.version("flow-ops")))


def _apply(release: Release = None, /, *, yes: Yes = False) -> int:
    def confirm(name: str, changes: list[str]) -> bool:
        line(text("update.changes", release=name))
        for change in changes:
            # The library is replaced whole: its files say nothing to a team.
            if f"\t{embedding.FOLDER}/" not in change:
                line(f"  {change}")
        return yes or arguments.confirmed(text("update.ask", release=name))

    done = updates.apply(release, confirm=confirm)
    line(text({None: "update.already", True: "update.done", False: "update.nothing"}[done]))
    return 1 if done is False else 0


def _restore() -> None:
    names = ", ".join(updates.restore())
    line(text("update.restored", names=names) if names else text("update.nothing"))


def _source(kind: SourceKind = None, /, *, index: IndexAddress = None) -> None:
    now = [text("source.now", where=library.described(project.current().pyproject))]
    for said in moving.move(kind, index) if kind else now:
        line(said)


def _new_flow(name: NewName, /, *, replace_sample: ReplaceSample = False) -> None:
    line(sample.replace(name) if replace_sample else new_flow.add(name))
