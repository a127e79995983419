"""Command lines made with cyclopts: help in the user's language, wrong usage as a coded message.

Help texts are given by their key in `messages/*.toml`, as `@plan.help`, because the language is known only when one
of them is shown.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

import cyclopts
from cyclopts import App, Group, Parameter
from rich.console import Console
from rich.text import Text

from flow_ops import repository, screen
from flow_ops.messages import FlowOpsError, language, nearest, text, texts
from flow_ops.network import spare_loopback

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import ConsoleOptions

# What the shell adds to 128 for a program that Ctrl-C ends.
INTERRUPTED = 130
# The headings of help. What is given by its place has its own, also where it may be given by its name.
ARGUMENTS = Group("@words.arguments", sort_key=1)
_OPTIONS = Group("@words.options", sort_key=2)
# Why a command line is refused that is wrong in this way; in any other, it may have a mistyped name.
_WHY = {
    **dict.fromkeys(("missing", "no-value", "flow-missing"), "nothing-guessed"),
    **dict.fromkeys(("repeated", "contradiction"), "nothing-chosen"),
}


def app(name: str, help_key: str = "") -> App:
    """Return an empty command line called `name`, as it is typed after `uv run`."""
    made = App(
        name=name,
        help=help_key,
        version_flags=(),
        help_formatter=cast("Any", _Help()),
        help_format="plaintext",
        group_commands=Group("@words.commands", sort_key=0),
        group_arguments=ARGUMENTS,
        group_parameters=_OPTIONS,
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    made["--help"].help = "@words.help"
    made["--help"].group = _OPTIONS
    return made


def execute(command_line: App, arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (`sys.argv`) name and return its exit status.

    It is 1 for a problem, whose message was printed, and 130 for Ctrl-C; help is 0.
    """
    use_any_character()
    spare_loopback()
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = command_line(tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()  # now, while a reader that is gone can still be told from other problems
    except cyclopts.CycloptsError as error:
        screen.problem(_wrong_usage(error, command_line, tokens))
        return 1
    except FlowOpsError as error:
        screen.problem(error)
        return 1
    except KeyboardInterrupt:
        print(text("words.interrupted"), file=sys.stderr)
        return INTERRUPTED
    except OSError as problem:
        if not _nobody_reads(problem):
            screen.problem(FlowOpsError("FT-MACHINE-03", problem=problem))
        return 1
    return int(status or 0)


def _nobody_reads(problem: OSError) -> bool:
    """Tell whether what was printed has no reader any more (`... | head`); then nothing more is printed.

    Windows says EINVAL, of anything that goes wrong with a pipe. Python's own flush at the end would say it again.
    """
    if not isinstance(problem, BrokenPipeError):
        if problem.errno != errno.EINVAL:
            return False
        try:
            sys.stdout.flush()
        except OSError:
            pass
        else:
            return False  # the problem is of something else
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def confirmed(question: str) -> bool:
    """Ask on the terminal, and say whether the answer means yes, in either language.

    Raises:
        FlowOpsError: FT-ARGS-03 where there is no terminal.
    """
    if not sys.stdin.isatty():
        raise FlowOpsError("FT-ARGS-03")
    return input(question).strip().lower() in ("sí", "si", "s", "yes", "y")


def use_any_character() -> None:
    """Let the terminal print any text: what its encoding lacks is replaced, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def wrong(kind: str, command: str, **values: Any) -> FlowOpsError:
    """Return FT-ARGS-01 for what is wrong with the command line of `command`, by the key of its text in `args`."""
    why = text(f"args.{_WHY.get(kind, 'mistyped')}")
    typed = f"uv run {command}" if repository.is_here() else command
    return FlowOpsError("FT-ARGS-01", problem=text(f"args.{kind}", **values), why=why, command=typed)


def _wrong_usage(error: cyclopts.CycloptsError, command_line: App, tokens: list[str]) -> FlowOpsError:
    command = " ".join([command_line.name[0], *(error.command_chain or ())])
    if isinstance(error, cyclopts.CoercionError | cyclopts.ValidationError) and error.argument is not None:
        token = getattr(error, "token", None) or next(iter(error.argument.tokens), None)
        name, value = _placeholder(error.argument.name), token.value if token else ""
        return FlowOpsError("FT-ARGS-02", option=name, value=value, problem=_kind(error))
    kind, values = _problem(error, command_line, tokens)
    return wrong(kind, command, **values)


def _problem(
    error: cyclopts.CycloptsError, command_line: App, tokens: list[str]
) -> tuple[str, dict[str, Any]]:
    """Return what is wrong, as `wrong` takes it."""
    if isinstance(error, cyclopts.UnknownOptionError):
        options = [name for argument in error.argument_collection for name in argument.names]
        name = error.token.keyword or error.token.value
        return "unknown-option", {"name": name, "near": nearest(name, options)}
    if isinstance(error, cyclopts.MissingArgumentError) and error.argument is not None:
        name = _placeholder(error.keyword or error.argument.name)
        given = name in tokens or any(token.startswith(f"{name}=") for token in tokens)
        return "no-value" if given else "missing", {"name": name}
    known = [name for name in error.app or command_line if not name.startswith("-")]
    # Where a group has a command by default, what is mistyped is one word too many for that.
    if isinstance(error, cyclopts.UnknownCommandError) or (known and error.unused_tokens):
        name = (error.unused_tokens or tokens)[0]
        return "unknown-command", {"name": name, "known": ", ".join(known), "near": nearest(name, known)}
    if isinstance(error, cyclopts.RepeatArgumentError):
        return "repeated", {"name": error.token.keyword}
    if error.unused_tokens:
        return "too-much", {"names": " ".join(error.unused_tokens)}
    return "other", {"said": " ".join(str(error).split())}


def _kind(error: cyclopts.CoercionError | cyclopts.ValidationError) -> str:
    if isinstance(error, cyclopts.ValidationError):  # `PositiveInt` is all that is validated.
        return text("args.not-positive")
    if get_origin(error.target_type) is Literal:
        return text("args.none-of", known=", ".join(map(str, get_args(error.target_type))))
    return text("args.not-a", kind=getattr(error.target_type, "__name__", "?"))


def known_text(written: str) -> str:
    """Return the text that a key such as `@plan.help` stands for; any other text is itself."""
    return text(written[1:]) if written.startswith("@") else written


class _Help:
    """Shows help as plain columns in the user's language."""

    def render_usage(self, console: Console, _options: ConsoleOptions, usage: Any) -> None:
        words = " ".join(map(_placeholder, str(usage).split()))
        console.print(Text(f"{text('words.usage')}: {words}", style="bold"))

    def render_description(self, console: Console, _options: ConsoleOptions, description: Any) -> None:
        with console.capture() as captured:
            console.print(description, end="")
        if said := captured.get().strip():
            console.print(Text(known_text(said)))
            console.print()

    def __call__(self, console: Console, _options: ConsoleOptions, panel: HelpPanel) -> None:
        rows = [self._row(console, entry) for entry in panel.entries]
        if not rows:
            return
        console.print(Text(known_text(str(panel.title)) + ":", style="bold"))
        width = min(max(len(name) for name, _ in rows), 28)
        for name, said in rows:
            beside = name
            if len(name) > width:
                console.print(Text(f"  {name}"))
                beside = ""
            for line in Text(said).wrap(console, max(20, console.width - width - 6)):
                console.print(Text(f"  {beside:<{width}}    ").append(line))
                beside = ""
        console.print()

    def _row(self, console: Console, entry: HelpEntry) -> tuple[str, str]:
        names = _placeholder(entry.positional_label or " ".join(entry.positive_names))
        with console.capture() as captured:
            console.print(entry.description or "", end="")
        said = known_text(" ".join(captured.get().split()))
        if entry.required:
            said = f"{said} ({text('words.required')})".strip()
        elif entry.default not in (None, str(False)):  # A switch is off until it is given.
            said = f"{said} ({text('words.default', value=entry.default)})".strip()
        return names, said


def _placeholder(word: str) -> str:
    """Return what help writes in capitals, such as `ENVIRONMENT`, in the user's language; another word is itself."""
    return texts(language()).get(f"usage.{word}", word)
