"""Every rule for every answer, as pure functions: in goes a value, out comes the broken rule's code, or None.

Standard library only, and little of it: the hooks import this in a fresh process, and the user waits.
The texts of the codes, in both languages, are in `refusal.py`.
"""

from __future__ import annotations

import functools
import json
import keyword
import re
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEMPLATE = Path(__file__).resolve().parent.parent


class Problem(NamedTuple):
    """One answer that cannot be used: the rule it breaks, and a value that would pass in its place."""

    question: str
    value: str
    code: str
    suggestion: str


# --- the questions themselves


@functools.lru_cache(maxsize=1)
def definition() -> dict[str, Any]:
    """Return `cookiecutter.json` as it stands: questions, choices, labels and conventions."""
    content: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return content


def questions() -> list[str]:
    """Return the names of the questions, in the order they are asked."""
    return [name for name in definition() if not name.startswith("_")]


def choices(question: str) -> list[str]:
    """Return what may be chosen for `question`; empty where the answer is free."""
    asked = definition()[question]
    return list(asked) if isinstance(asked, list) else []


def problems(answers: Mapping[str, Any]) -> list[Problem]:
    """Return one problem for each answer that breaks a rule, in the order of the questions."""
    found = [problem_with(question, answers) for question in questions()]
    return [problem for problem in found if problem]


def problem_with(question: str, answers: Mapping[str, Any]) -> Problem | None:
    """Return what is wrong with one answer, with a suggestion that breaks no rule; None where it is right."""
    given = answers.get(question)
    value = given if isinstance(given, str) else json.dumps(given, default=str)
    code = broken_rule(question, value, answers)
    return Problem(question, value, code, suggestion_for(question, value, answers)) if code else None


def broken_rule(question: str, value: str, answers: Mapping[str, Any]) -> str | None:
    """Return the code of the rule that `value` breaks as the answer to `question`, if any."""
    if choices(question):
        return None if value in choices(question) else "FT-CHOICE-01"
    if question == "repo_url":
        return folder_rule(value) if answers.get("code_source") == "local" else url_rule(value)
    # A question of a later version: `cruft update` may ask it with this module still loaded.
    return _RULES[question](value) if question in _RULES else None


def suggestion_for(question: str, value: str, answers: Mapping[str, Any]) -> str:
    """Return an answer to `question` that passes, as near to `value` as can be had."""
    if choices(question):
        return nearest(value, choices(question))
    if question == "repo_url":
        return _suggested_source(value, answers)
    if question == "flow_slug":
        return slug_from(value, _language(answers)) or _EXAMPLES["flow_slug", _language(answers)]
    if question == "timezone":
        return _suggested_zone(value)
    if question == "schedule":
        return _suggested_schedule(value)
    return suggested_text(value, _LONGEST[question]) or _EXAMPLES[question, _language(answers)]


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the one of `words` that looks most like `word`."""
    import difflib  # noqa: PLC0415 - only where there is something to mend

    def likeness(each: str) -> float:
        return difflib.SequenceMatcher(None, word.casefold(), each.casefold()).ratio()

    return max(words, key=likeness)


def _language(answers: Mapping[str, Any]) -> str:
    return "en" if answers.get("language") == "en" else "es"


# --- names: one rule serves Python, Prefect, git hosts, PyPI, Windows, systemd, containers and Kubernetes

_SHORTEST_SLUG, _LONGEST_SLUG = 3, 40
_SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_KEYWORDS = {word.lower() for word in (*keyword.kwlist, *keyword.softkwlist)}
# What a generated repository imports, runs or already has at its root.
_TAKEN = {
    *("alembic", "anyio", "asyncpg", "click", "concurrent_log_handler", "conftest", "cookiecutter", "cruft"),
    *("dask", "data", "deploy", "docs", "fastapi", "flow_ops", "hooks", "httpx", "jinja2", "mypy"),
    *("numpy", "pandas", "pip", "pip_audit", "polars", "pre_commit", "pydantic", "pytest", "ray", "requests"),
    *("rich", "ruff", "setuptools", "sqlalchemy", "src", "starlette", "test", "tests", "tomli", "typer"),
    *("tzdata", "uv", "uv_build", "uvicorn", "wheel", "yaml"),
}
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}


def slug_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as the name of a flow, its repository, package and deployments."""
    if not re.fullmatch(_SLUG, value):
        return "FT-SLUG-01"
    if not _SHORTEST_SLUG <= len(value) <= _LONGEST_SLUG:
        return "FT-SLUG-02"
    return _reserved(value)


def _reserved(slug: str) -> str | None:
    package = package_of(slug)
    if package in _KEYWORDS:
        return "FT-SLUG-03"
    if package in sys.stdlib_module_names:
        return "FT-SLUG-04"
    if package in _TAKEN:
        return "FT-SLUG-05"
    if package in _WINDOWS_DEVICES:
        return "FT-SLUG-06"
    return "FT-SLUG-07" if slug.startswith("prefect") else None


def package_of(slug: str) -> str:
    """Return the name of the Python package, and of the flow's function, that go with a slug."""
    return slug.replace("-", "_")


def slug_from(text: str, language: str) -> str:
    """Return the slug of a flow called `text`: accents folded, ñ to n. Empty where nothing can be used."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    slug = _cut(slug)
    if slug and slug_rule(slug):
        slug = _cut(f"{'flow' if language == 'en' else 'flujo'}-{slug}")
    return slug


def _cut(slug: str) -> str:
    """Return the longest run of whole words that fits; a single word that does not fit is cut."""
    if len(slug) <= _LONGEST_SLUG:
        return slug
    whole, dash, _ = slug[: _LONGEST_SLUG + 1].rpartition("-")
    return whole if dash else slug[:_LONGEST_SLUG]


# --- free text: goes into TOML, YAML, Python and Markdown, on one line each

_LONGEST = {"flow_name": 60, "description": 85}
# Controls, invisible formatting (it can reorder what a reader sees), line separators, surrogates, unassigned.
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def flow_name_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as the name that people read."""
    return text_rule(value, _LONGEST["flow_name"])


def description_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as the description."""
    return text_rule(value, _LONGEST["description"])


def text_rule(value: str, longest: int) -> str | None:
    """Return the rule that `value` breaks as one line of free text."""
    if not value.strip():
        return "FT-TEXT-01"
    if any(unicodedata.category(character) in _INVISIBLE for character in value):
        return "FT-TEXT-02"
    if max(value) > "\uffff":
        return "FT-TEXT-03"
    if value != value.strip():
        return "FT-TEXT-04"
    return "FT-TEXT-05" if _width(value) > longest else None


def suggested_text(value: str, longest: int) -> str:
    """Return what can be kept of `value`; empty where that is nothing."""
    spaced = "".join(
        " " if unicodedata.category(each) in _INVISIBLE else each for each in value if each <= "\uffff"
    )
    kept = " ".join(spaced.split()) if spaced != value else spaced.strip()
    while _width(kept) > longest:
        kept = kept[:-1].rstrip()
    return kept


def in_quotes(text: str) -> str:
    """Return `text` escaped for the inside of double quotes in Python, TOML, YAML and JSON, accents kept."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _width(text: str) -> int:
    """Return the columns of `text` between quotes; Chinese, Japanese and Korean characters take two."""
    return sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in in_quotes(text))


# --- time zones: those of zone.tab, the database's own list of the zones in use in each country

_NO_PLACE = (
    r"(?i)etc/.*|(utc|gmt|uct|zulu|universal|greenwich)([+-]?\d.*)?|[+-]?\d.*|[a-z]{3}\d[a-z]{3}"
    r"|est|mst|hst|cet|eet|met|wet|factory"
)


def zone_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as a name of the IANA time zone database."""
    if value in _places():
        return None
    if re.fullmatch(_NO_PLACE, value):
        return "FT-ZONE-03"
    return "FT-ZONE-02" if _links().get(value) in _places() else "FT-ZONE-01"


def _suggested_zone(value: str) -> str:
    typed = re.sub(r"\s*/\s*", "/", value.strip()).replace(" ", "_").casefold()
    for name in (*_places(), *_links()):
        if name.casefold() == typed or (typed and name.casefold().endswith("/" + typed)):
            target = _links().get(name, name)
            return target if target in _places() else _usual("timezone")
    near = nearest(typed, _places())
    return near if near.casefold()[:4] == typed[:4] else _usual("timezone")


@functools.lru_cache(maxsize=1)
def _places() -> dict[str, None]:
    rows = _database("zone.tab").splitlines()
    return dict.fromkeys(row.split("\t")[2] for row in rows if row and not row.startswith("#"))


@functools.lru_cache(maxsize=1)
def _links() -> dict[str, str]:
    """Return each alias with what it stands for."""
    rows = (row.split() for row in _database("tzdata.zi").splitlines() if row.startswith("L "))
    return {alias: target for _, target, alias in rows}


def _database(name: str) -> str:
    """Read one file of the `tzdata` package, which cookiecutter brings: the same on every machine."""
    import tzdata  # noqa: PLC0415 - only where a zone is looked at

    return (Path(tzdata.__file__).parent / "zoneinfo" / name).read_text(encoding="utf-8")


# --- schedules: five cron fields, or none

NO_SCHEDULE = "none"
_MONTHS = [
    name.lower()
    for name in ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: list[tuple[int, int, list[str]]] = [
    (0, 59, []),
    (0, 23, []),
    (1, 31, []),
    (1, 12, _MONTHS),
    (0, 7, _WEEKDAYS),
]
_ITEM = r"(\*|(?P<first>[0-9a-z]+)(-(?P<last>[0-9a-z]+))?)(/(?P<step>[0-9]+))?"
_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class _CronError(ValueError):
    """A cron field that cannot be; its text is the code of the rule."""


def schedule_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as a schedule."""
    if value == NO_SCHEDULE:
        return None
    if not re.fullmatch(r"[0-9A-Za-z*/, -]+", value) or value != " ".join(value.split()):
        return "FT-CRON-02"
    fields = value.split(" ")
    if len(fields) != len(_FIELDS):
        return "FT-CRON-01"
    try:
        _, _, days, months, weekdays = (
            _cron_field(text, *limits) for text, limits in zip(fields, _FIELDS, strict=True)
        )
    except _CronError as broken:
        return str(broken)
    every_weekday = len({day % 7 for day in weekdays}) == len(_WEEKDAYS)
    # With a weekday restricted too, cron runs on either: then any date serves.
    if every_weekday and all(min(days) > _DAYS[month] for month in months):
        return "FT-CRON-05"
    return None


def _cron_field(text: str, low: int, high: int, names: list[str]) -> set[int]:
    values: set[int] = set()
    for part in text.lower().split(","):
        item = re.fullmatch(_ITEM, part)
        if not item:
            raise _CronError("FT-CRON-02")
        first, last, step = item["first"], item["last"], item["step"]
        if step and first and not last:
            raise _CronError("FT-CRON-02")
        start = _cron_number(first, names) if first else low
        end = _cron_number(last, names) if last else (start if first else high)
        if not low <= start <= end <= high:
            raise _CronError("FT-CRON-03")
        if step and not 1 <= int(step) <= high:
            raise _CronError("FT-CRON-04")
        values.update(range(start, end + 1, int(step or 1)))
    return values


def _cron_number(text: str, names: list[str]) -> int:
    if text.isdigit():
        return int(text)
    if text in names:
        return names.index(text)
    raise _CronError("FT-CRON-02")


def _suggested_schedule(value: str) -> str:
    bare = " ".join(re.sub(r"[()\[\]{}\"'`]", " ", value).replace("?", "*").split())
    if bare.casefold() in ("none", "no", "ninguno", "ninguna", "nunca", "never", "manual"):
        return NO_SCHEDULE
    fields = bare.split(" ")
    candidates = [bare, _SHORTHANDS.get(bare.casefold(), "")]
    if len(fields) > len(_FIELDS):  # seconds first, as in Quartz, or last
        candidates += [" ".join(fields[1:6]), " ".join(fields[:5])]
    if len(fields) == len(_FIELDS):
        candidates.append(" ".join([*fields[:2], "28", *fields[3:]]))
    return next((each for each in candidates if each and not schedule_rule(each)), _usual("schedule"))


# --- where the code lives: a git address, or a folder on the worker

_LONGEST_SOURCE = 200
_HOST = r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)"
_PATH = r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~%+-]+)+"
_GIT_ADDRESSES = [
    rf"https?://{_HOST}(:\d+)?{_PATH}",
    rf"ssh://([a-z_][a-z0-9_-]*@)?{_HOST}(:\d+)?{_PATH}",
    rf"[a-z_][a-z0-9_-]*@{_HOST}:[A-Za-z0-9_~]?[A-Za-z0-9._~%+-]*{_PATH}",
    rf"file://{_PATH}",
]
_CREDENTIALS = r"(?P<scheme>[A-Za-z]+://)(?P<who>[^/@\s]*|[^@\s]*:[^@\s]*)@"
_QUERY = r"(?s)[?&#].*"
_DRIVE = r"[A-Za-z]:[\\/]"
_SHARE = r"(\\\\|//)[^\\/]"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+:/"


def url_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as the address of a git repository."""
    if _has_credentials(value):
        return "FT-URL-02"
    if re.match(_DRIVE, value) or re.match(_SHARE, value) or value.startswith(("/", "~", "\\")):
        return "FT-URL-03"
    good = len(value) <= _LONGEST_SOURCE and any(re.fullmatch(address, value) for address in _GIT_ADDRESSES)
    return None if good else "FT-URL-01"


def folder_rule(value: str) -> str | None:
    """Return the rule that `value` breaks as an absolute folder of a Windows or POSIX worker."""
    if _has_credentials(value):
        return "FT-URL-02"
    if text_rule(value, _LONGEST_SOURCE):
        return "FT-FOLDER-03"
    windows = bool(re.match(_DRIVE, value) or re.match(_SHARE, value))
    if (re.match(_SCHEME, value) and not windows) or not (windows or value.startswith("/")):
        return "FT-FOLDER-01"
    if "\\" in value and "/" in value:
        return "FT-FOLDER-02"
    parts = re.split(r"[\\/]", value[3:] if re.match(_DRIVE, value) else value.lstrip("\\/"))
    illegal = _illegal_on_windows if windows else _illegal_on_posix
    return "FT-FOLDER-03" if any(illegal(part) for part in parts) else None


def without_credentials(value: str) -> str:
    """Return the address `value` without what stands before `@`, and after `?` or `#`."""
    bare = re.sub(_CREDENTIALS, r"\g<scheme>", value)
    return re.sub(_QUERY, "", bare) if re.match(_SCHEME, bare) else bare


def masked(value: str) -> str:
    """Return `value` with `***` in the place of credentials, to be shown."""
    return (
        re.sub(_QUERY, "?***", re.sub(_CREDENTIALS, r"\g<scheme>***@", value))
        if _has_credentials(value)
        else value
    )


def _has_credentials(value: str) -> bool:
    found = re.match(_CREDENTIALS, value)
    who = found["who"] if found else ""
    harmless = value.startswith("ssh://") and ":" not in who
    in_query = bool(re.match(_SCHEME, value)) and "=" in value.partition("?")[2]
    return bool(found and not harmless) or in_query


def _illegal_on_posix(part: str) -> bool:
    return part in ("", ".", "..")


def _illegal_on_windows(part: str) -> bool:
    device = part.partition(".")[0].rstrip().lower() in _WINDOWS_DEVICES
    return _illegal_on_posix(part) or device or part[-1] in " ." or any(each in '<>:"|?*' for each in part)


def _suggested_source(value: str, answers: Mapping[str, Any]) -> str:
    slug = answers.get("flow_slug", "")
    if not isinstance(slug, str) or slug_rule(slug):
        slug = suggestion_for("flow_slug", str(slug), answers)
    if answers.get("code_source") == "local":
        candidate = value.strip().replace("\\", "/").rstrip("/")
        return candidate if not folder_rule(candidate) else f"{_convention('_local_base_folder')}/{slug}"
    candidate = without_credentials(value.strip()).rstrip("/")
    return candidate if not url_rule(candidate) else f"{_convention('_git_base_url')}/{slug}.git"


# --- what the rules fall back on


def _convention(name: str) -> str:
    return str(definition()[name])


def _usual(question: str) -> str:
    return _convention(f"_usual_{question}")


_RULES = {
    "flow_name": flow_name_rule,
    "flow_slug": slug_rule,
    "description": description_rule,
    "timezone": zone_rule,
    "schedule": schedule_rule,
}
_EXAMPLES = {
    ("flow_name", "es"): "Ventas diarias",
    ("flow_name", "en"): "Daily sales",
    ("flow_slug", "es"): "ventas-diarias",
    ("flow_slug", "en"): "daily-sales",
    ("description", "es"): "Resume los pedidos de cada sucursal.",
    ("description", "en"): "Summarises the orders of each branch.",
}
