"""Every rule for every answer, as pure functions: in goes a value, out comes the broken rule's code."""

import difflib
import importlib.util
import itertools
import json
import keyword
import re
import sys
import unicodedata
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.cells import cell_len
from slugify import slugify

from flow_template import schedule

TEMPLATE = Path(__file__).resolve().parent.parent
Answers = Mapping[str, Any]
Taken = Callable[[str], bool]


class Problem(NamedTuple):
    """One answer that cannot be used: the rule it breaks, and a value that would pass in its place."""

    question: str
    value: str
    code: str
    suggestion: str

    @property
    def is_example(self) -> bool:
        """Whether nothing could be heard in a schedule: what is suggested is not what was meant."""
        return self.question == "schedule" and not _heard(self.value)


@cache
def definition() -> dict[str, Any]:
    """Return `cookiecutter.json` as it stands: questions, choices, labels and conventions."""
    content: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return content


def questions() -> list[str]:
    """Return the names of the questions, in the order they are asked."""
    return [name for name in definition() if not name.startswith("_")]


def choices(question: str) -> list[str]:
    """Return what may be chosen for `question`; empty where the answer is free."""
    asked = definition().get(question)
    return list(asked) if isinstance(asked, list) else []


def problems(answers: Answers, taken: Taken | None = None) -> list[Problem]:
    """Return what is wrong with each answer; `taken` tells whether a flow's folder is there already."""
    found = (problem_with(question, answers, taken) for question in questions())
    return [*filter(None, found)]


def problem_with(question: str, answers: Answers, taken: Taken | None = None) -> Problem | None:
    """Return what is wrong with one answer, with a suggestion that breaks no rule; None where it is right."""
    given = answers.get(question)
    value = given if isinstance(given, str) else json.dumps(given, default=str)
    if offered := choices(question):
        return None if value in offered else Problem(question, value, "FT-CHOICE-01", nearest(value, offered))
    place = "folder" if answers.get("code_source") == "local" else "url"
    rule, suggested = _RULES[place if question == "repo_url" else question]
    if code := rule(value):
        return Problem(question, value, code, suggested(value, answers))
    if question == "flow_slug" and taken and taken(value):
        numbered = (f"{value[:36].rstrip('-')}-{number}" for number in itertools.count(2))
        return Problem(question, value, "FT-SLUG-08", next(each for each in numbered if not taken(each)))
    return None


def doubt_about(question: str, answers: Answers) -> Problem | None:
    """Return what is odd about a good answer, with what was perhaps meant; the same again confirms it."""
    value = answers[question]
    if question == "schedule" and (meant := schedule.doubt(value)):
        return Problem(question, value, "FT-CRON-06", meant)
    if question == "repo_url" and value.startswith("http:"):
        return Problem(question, value, "FT-URL-04", value.replace("http", "https", 1))
    return None


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the one of `words` that looks most like `word`."""
    known = {each.casefold(): each for each in words}
    return known[difflib.get_close_matches(word.casefold(), known, n=1, cutoff=0)[0]]


def _heard(value: str) -> str | None:
    return schedule.heard(value, definition()["_usual_schedule"])


def _example(name: str, language: object) -> str:
    return str(definition()["_examples"]["en" if language == "en" else "es"].get(name, name))


# --- names: one rule serves Python, Prefect, git hosts, PyPI, Windows, systemd, containers and Kubernetes

_SHORTEST_SLUG, _LONGEST_SLUG = 3, 40
_SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
_RESERVED: dict[str, Iterable[str]] = {
    "FT-SLUG-03": {word.lower() for word in (*keyword.kwlist, *keyword.softkwlist)},
    "FT-SLUG-04": sys.stdlib_module_names,
    # What a generated repository imports, runs or already has at its root.
    "FT-SLUG-05": Path(__file__).with_name("taken_names.txt").read_text(encoding="ascii").split(),
    "FT-SLUG-06": _WINDOWS_DEVICES,
}


def slug_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as the name of a flow, its repository, package and deployments."""
    if not re.fullmatch(_SLUG, value):
        return "FT-SLUG-01"
    if not _SHORTEST_SLUG <= len(value) <= _LONGEST_SLUG:
        return "FT-SLUG-02"
    reserved = next((code for code, names in _RESERVED.items() if package_of(value) in names), None)
    return reserved or ("FT-SLUG-07" if value.startswith("prefect") else None)


def package_of(slug: str) -> str:
    """Return the name of the Python package, and of the flow's function, that go with a slug."""
    return slug.replace("-", "_")


def slug_from(text: str, language: object) -> str:
    """Return the slug of a flow called `text`, in Latin letters and whole words. Empty where it has none."""
    fit = partial(slugify, max_length=_LONGEST_SLUG, word_boundary=True, save_order=True)
    slug = fit(text)
    return fit(f"{_example('flow', language)} {slug}") if slug and slug_rule(slug) else slug


def _suggested_slug(value: str, answers: Answers) -> str:
    language = answers.get("language")
    example = _example("flow_name", language)
    return slug_from(without_credentials(value), language) or slug_from(example, language)


# --- free text: goes into TOML, YAML, Python and Markdown, on one line each

# The questions that take any text, with the longest that it may be.
_TEXTS = {"flow_name": 60, "description": 85}
# Controls, invisible formatting (it can reorder what a reader sees), line separators, surrogates, unassigned.
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def text_rule(value: str, longest: int) -> str | None:
    """Return the rule that `value` breaks as one line of free text."""
    if not value.strip():
        return "FT-TEXT-01"
    if value != value.strip() or any(map(_is_unfit, value)):
        return "FT-TEXT-02"
    return "FT-TEXT-05" if cell_len(in_quotes(value)) > longest else None


def _is_unfit(character: str) -> bool:
    # Not all consoles have emoji.
    return unicodedata.category(character) in _INVISIBLE or character > "\uffff"


def in_quotes(text: str) -> str:
    """Return `text` escaped for the inside of double quotes in TOML, YAML, JSON and Python, accents kept."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def as_python(text: str) -> str:
    """Return `text` as a Python string in the quotes that ruff's formatter would choose."""
    if text.count('"') <= text.count("'"):
        return f'"{in_quotes(text)}"'
    return "'" + in_quotes(text).replace('\\"', '"').replace("'", "\\'") + "'"


def _suggested_text(value: str, answers: Answers, *, question: str) -> str:
    """Return what can be kept of `value`, or else the example."""
    kept = " ".join("".join(" " if _is_unfit(each) else each for each in value).split())
    while cell_len(in_quotes(kept)) > _TEXTS[question]:
        kept = kept[:-1].rstrip()
    return kept or _example(question, answers.get("language"))


# --- time zones: those of zone.tab, the database's own list of the zones in use in each country

_NO_PLACE = (
    r"(?i)etc/.*|(utc|gmt|uct|zulu|universal|greenwich)([+-]?\d.*)?|[+-]?\d.*|[a-z]{3}\d[a-z]{3}"
    r"|est|mst|hst|cet|eet|met|wet|factory"
)


def zone_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as a name of the IANA time zone database."""
    zone = _zones().get(value)
    if zone == value:
        return None
    if re.fullmatch(_NO_PLACE, value):
        return "FT-TIMEZONE-03"
    return "FT-TIMEZONE-02" if zone else "FT-TIMEZONE-01"


def _suggested_zone(value: str, _: Answers) -> str:
    """Return the zone whose name, or the end of it, is most like `value`, accents aside, or else the usual one."""
    names = {
        name.casefold().split("/", cut)[-1]: zone for cut in (2, 1, 0) for name, zone in _zones().items()
    }
    # The database has no accents: "Argentina/Córdoba" is as near as without.
    plain = "".join(each for each in unicodedata.normalize("NFD", value) if not unicodedata.combining(each))
    near = difflib.get_close_matches(plain.strip().replace(" ", "_").casefold(), names, n=1, cutoff=0.8)
    return names[near[0]] if near else str(definition()["_usual_timezone"])


@cache
def _zones() -> dict[str, str]:
    """Return the zone that each name stands for: itself, or for an old name the one of today."""
    places = {row.split("\t")[2] for row in _database("zone.tab") if not row.startswith("#")}
    links = (row.split()[1:] for row in _database("tzdata.zi") if row.startswith("L "))
    return {old: zone for zone, old in links if zone in places} | {zone: zone for zone in places}


def _database(name: str) -> list[str]:
    """Read a file of the package tzdata, which a new cookiecutter brings, or else of the system's zones."""
    package = importlib.util.find_spec("tzdata")
    folders = [Path(str(package.origin)).with_name("zoneinfo")] if package else zoneinfo.TZPATH
    files = (Path(folder, name) for folder in folders)
    return next(filter(Path.is_file, files)).read_text(encoding="utf-8").splitlines()


# --- where the code lives: a git address, or a folder on the worker

_LONGEST_SOURCE = 200
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_PATH = r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~%+-]+)+"
_GIT_ADDRESS = (
    rf"https?://{_HOST}(:\d+)?{_PATH}|ssh://([a-z_][a-z0-9_-]*@)?{_HOST}(:\d+)?{_PATH}|file://{_PATH}"
    rf"|[a-z_][a-z0-9_-]*@{_HOST}:[A-Za-z0-9_~]?[A-Za-z0-9._~%+-]*{_PATH}"
)
# The user of ssh://git@host is none, unless a password follows.
_CREDENTIALS = r"\b(?!ssh://[^:@]*@)([A-Za-z]+://)([^/@\s]*|[^@\s]*:[^@\s]*)@"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+:/"
_ILLEGAL_ON_WINDOWS = rf"""|.*[<>:"|?*].*|.*[ .]|(?i:{"|".join(_WINDOWS_DEVICES)}) *(\..*)?"""
_WINDOWS = r"[A-Za-z]:[\\/]|(\\\\|//)(?=[^\\/])"


def url_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as the address of a git repository."""
    if value != without_credentials(value):
        return "FT-URL-02"
    if re.match(_WINDOWS, value) or value.startswith(("/", "~", "\\")):
        return "FT-URL-03"
    return None if len(value) <= _LONGEST_SOURCE and re.fullmatch(_GIT_ADDRESS, value) else "FT-URL-01"


def folder_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as an absolute folder of a Windows or POSIX worker."""
    if value != without_credentials(value):
        return "FT-URL-02"
    if text_rule(value, _LONGEST_SOURCE):
        return "FT-FOLDER-03"
    windows = re.match(_WINDOWS, value)
    if not windows and not value.startswith("/"):
        return "FT-FOLDER-01"
    if "\\" in value and "/" in value:
        return "FT-FOLDER-02"
    parts = re.split(r"[\\/]", value[windows.end() if windows else 1 :])
    illegal = r"|\.\.?" + (_ILLEGAL_ON_WINDOWS if windows else "")
    return "FT-FOLDER-03" if any(re.fullmatch(illegal, part) for part in parts) else None


def without_credentials(value: str, mask: str = "") -> str:
    """Return the address `value` with `mask` in the place of what stands before `@` and after `?` or `#`."""
    bare = re.sub(_CREDENTIALS, rf"\1{mask and mask + '@'}", value)
    return re.sub(r"(?s)[?&#].*", mask and f"?{mask}", bare) if re.match(_SCHEME, bare) else bare


def _suggested_source(value: str, answers: Answers) -> str:
    slug = str(answers.get("flow_slug", ""))
    slug = _suggested_slug(slug, answers) if slug_rule(slug) else slug
    if answers.get("code_source") == "local":
        folder = value.strip().replace("\\", "/").rstrip("/")
        return f"{definition()['_local_base_folder']}/{slug}" if folder_rule(folder) else folder
    url = without_credentials(value.strip()).rstrip("/")
    if "." in url.partition("/")[0] and not url_rule(f"https://{url}"):  # as a browser shows it
        return f"https://{url}"
    return f"{definition()['_git_base_url']}/{slug}.git" if url_rule(url) else url


# Of each question with a free answer, the rule, and what to suggest where it is broken: a value that always passes.
# Those of `repo_url` depend on the answer to `code_source`.
_RULES: dict[str, tuple[Callable[[str], str | None], Callable[[str, Answers], str]]] = {
    **{
        question: (partial(text_rule, longest=longest), partial(_suggested_text, question=question))
        for question, longest in _TEXTS.items()
    },
    "flow_slug": (slug_rule, _suggested_slug),
    "timezone": (zone_rule, _suggested_zone),
    "schedule": (schedule.rule, lambda value, _: _heard(value) or definition()["_usual_schedule"]),
    "url": (url_rule, _suggested_source),
    "folder": (folder_rule, _suggested_source),
}
