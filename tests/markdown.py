"""Reads the documentation's Markdown: headings, tables, links, and code blocks with their marks.

A mark is an HTML comment on the line above a block; readers do not see it:

    <!-- not run: REASON -->   no test can run it, and why
    <!-- fails: ERROR -->      it is shown because it fails, with that error
    <!-- background -->        it goes on running while what follows is typed
    <!-- input: TEXT -->       what a person types when it asks
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[a-z ]+?)(?:: (?P<value>.+?))? -->\n)?```(?P<kind>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block, the mark above it, and the heading that it stands under."""

    kind: str
    code: str
    mark: str
    value: str
    heading: str

    @property
    def runs(self) -> bool:
        """Whether a test has to run it."""
        return self.kind in ("bash", "powershell", "python") and self.mark != "not run"


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks, in order."""
    found = []
    for match in FENCE.finditer(text):
        headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text[: match.start()]), re.MULTILINE)
        found.append(
            Block(
                match["kind"],
                match["code"],
                match["mark"] or "",
                match["value"] or "",
                headings[-1] if headings else "",
            )
        )
    return found


def outline(text: str) -> list[str]:
    """Return what must be alike in both languages: headings, tables, blocks, items and links."""
    lines: list[str] = []
    position = 0
    for match in FENCE.finditer(text):
        lines += _prose(text[position : match.start()])
        code = "\n".join(line for line in match["code"].splitlines() if not line.lstrip().startswith("#"))
        if match["kind"] == "mermaid":  # Its labels are prose.
            code = re.sub(r'"[^"]*"', '""', code)
        if match["kind"] == "text":  # What a program says, in its language.
            code = str(len(code.splitlines()))
        # The default names, as each language has them.
        code = code.replace("ventas-diarias", "daily-sales") if "demo/" not in code else code
        lines.append(f"{match['mark']}: {match['value']} ```{match['kind']}\n{code}")
        position = match.end()
    return lines + _prose(text[position:])


def _prose(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        if heading := re.match(r"#+ ", line):
            lines.append(heading[0])
        elif line.startswith("|"):
            lines.append("row of " + str(len(re.findall(r"(?<!\\)\|", line)) - 1))
        elif re.match(r"(-|\d+\.) ", line):
            lines.append("item")
        lines += [f"link to {neutral(target)}" for target in LINK.findall(line) if not target.startswith("#")]
    return lines


def neutral(target: str) -> str:
    """Return a link's target without what says its language: folder, name of a file, heading."""
    return re.sub(r"/(es|en)/", "/LANGUAGE/", "/" + target.partition("#")[0]).replace(
        "README.es.md", "README.md"
    )


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
