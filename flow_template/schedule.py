"""A schedule: five cron fields, or `none`. Its rules, how one says it, and what somebody meant."""

import calendar
import re
from collections.abc import Collection, Sequence
from typing import Any

from flow_template.texts import LANGUAGES, texts

NONE = "none"
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Of each field, the least and the most, and the names that stand for its numbers.
_FIELDS = [(0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 7, _WEEKDAYS)]
_LEAP_YEAR = 2024
_EVERY_MINUTE, _EVERY_DAY = set(range(60)), set(range(1, 32))
_EVERY_MONTH, _EVERY_WEEKDAY = set(range(1, 13)), set(range(7))
_NTH = 10  # Among the weekdays mon#1, the first Monday of a month, is 11.


def rule(value: str) -> str | None:
    """Return the code of the rule that `value` breaks as a schedule, if any."""
    if value == NONE:
        return None
    try:
        _, _, days, months, _ = _read(value)
    except ValueError as broken:
        return str(broken)
    # Prefect finds no run at all then, even where a weekday would give some.
    longest = max(calendar.monthrange(_LEAP_YEAR, month)[1] for month in months)
    return "FT-CRON-05" if min(days) > longest else None


def doubt(value: str) -> str | None:
    """Return what was perhaps meant by a good schedule of a run in every minute; None for any other."""
    if value == NONE or _read(value)[0] != _EVERY_MINUTE:
        return None
    _, hour, rest = value.split(" ", 2)
    return f"0 {8 if hour == '*' else hour} {rest}"


def _read(value: str) -> list[set[int]]:
    """Return the values of each field.

    Raises:
        ValueError: a field cannot be; its text is the code of the rule.
    """
    texts = value.lower().split()
    if len(texts) != len(_FIELDS) or ":" in value or texts[0].isalpha():
        raise ValueError("FT-CRON-01")
    if not re.fullmatch(r"[0-9A-Za-z*/,# -]{,200}", value) or value.lower() != " ".join(texts):
        raise ValueError("FT-CRON-02")
    nth = re.fullmatch(r"(\w+)#([1-5])", texts[4])
    if nth and texts[2] != "*":  # Prefect would take only days that are both, or find none.
        raise ValueError("FT-CRON-02")
    texts[4] = nth[1] if nth else texts[4]
    fields = [_field(text, *each) for text, each in zip(texts, _FIELDS, strict=True)]
    return [*fields[:4], {day % 7 + _NTH * int(nth[2] if nth else 0) for day in fields[4]}]


def _field(text: str, least: int, most: int, names: Sequence[str]) -> set[int]:
    values: set[int] = set()
    numbers = {name: str(number) for number, name in enumerate(names)}
    for part in re.sub(r"(?<!/)\b[a-z]+\b", lambda name: numbers.get(name[0], "?"), text).split(","):
        item = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not item or (item[3] and item[1] and not item[2]):
            raise ValueError("FT-CRON-02")
        start, end = int(item[1] or least), int(item[2] or item[1] or most)
        step = int(item[3] or 1)
        if not (least <= start <= end <= most and 1 <= step <= most):
            raise ValueError("FT-CRON-03")
        values.update(range(start, end + 1, step))
    return values


# --- in words

_SOME, _FEW = 3, 6


def in_words(value: str, language: object) -> str:
    """Return a good schedule as one says it."""
    words = texts(language)["words"]
    if value == NONE:
        return str(words["none"])
    minutes, hours, days, months, weekdays = _read(value)
    of = "" if months == _EVERY_MONTH else words["of_months"].format(_runs(months, words["months"], words))
    on, dated = [], of or words["of_every_month"]
    if days != _EVERY_DAY:
        listed = _runs(days, range(32), words)
        on.append(words["date" if listed.isdigit() else "dates"].format(listed) + dated)
    if min(weekdays) >= _NTH:
        nth, day = divmod(min(weekdays), _NTH)
        on.append(words["nth"].format(words["ordinals"][nth], words["weekdays"][day or 7]) + dated)
    elif weekdays != _EVERY_WEEKDAY:
        listed = _runs({day or 7 for day in weekdays}, words["weekdays"], words)
        on.append(words["weekday_run" if words["to"] in listed else "weekday_list"].format(listed) + of)
    times = [f"{hour:02}:{minute:02}" for hour in sorted(hours) for minute in sorted(minutes)]
    at = words["at"].format(_joined(times, words))
    many = words["many"].format(len(times), times[0], times[-1])
    when = words["either"].join(on) or words["every_day"] + of
    return f"{when}{at if len(times) <= _FEW else many}"


def _runs(values: Collection[int], names: Sequence[object], words: dict[str, Any]) -> str:
    """Return the names of `values`; of three or more in a row, the first and the last."""
    parts, left = [], sorted(values)
    while left:
        run = [str(names[value]) for number, value in enumerate(left) if value == left[0] + number]
        parts += [f"{run[0]}{words['to']}{run[-1]}"] if len(run) >= _SOME else run
        left = left[len(run) :]
    return _joined(parts, words)


def _joined(parts: list[str], words: dict[str, Any]) -> str:
    return str(words["and"]).join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


# --- what somebody meant: days and one hour as people say them, in either language

_DAY = f"(?:{'|'.join(_WEEKDAYS)})"
_ON = rf"(?:(?:every|on) )*({_DAY}(?:(?: to | ?- ?|,? and |, ?){_DAY})*|daily)"
_HOUR = r"(?=at |\d\d?(?:[:.h]\d| ?hs?\b| ?[ap]m))"  # A number alone may be a date.
_AT = _HOUR + r"(?:at )?(\d\d?)(?:[:.h](\d\d))?(?: ?(?:hs?|horas|hours))?(?: ?(am|pm))?"
_INTERVAL = r"every (?:(\d\d?) ?)?(?:(min(?:s|ut[eo]s?)?)|h(?:oras?|ours?|rs?|s)?)"
_NOON = 12


def heard(value: str, usual: str) -> str | None:
    """Return the schedule that `value` says, at the usual hours where it says days alone.

    None where it says none, or anything that is not understood: a suggestion leaves nothing out.
    """
    said = " ".join(re.sub(r"[()\[\]\"'`]|(?<=[a-z])\.|\.$", " ", value.casefold()).split())
    for language in LANGUAGES:
        for meant, forms in texts(language)["heard"].items():
            said = re.sub(rf"\b(?:{forms})\b", meant, said)
    said = " ".join(said.split())
    readings = (said, _interval(said), _days_and_hour(said, usual))
    return next((each for each in readings if each and not rule(each)), None)


def _interval(said: str) -> str | None:
    every = re.fullmatch(_INTERVAL, said)
    number = int(every[1] or 1) if every else 0
    # Cron counts anew at each hour and each day: every 45 minutes is none of its.
    if not every or not number or (60 if every[2] else 24) % number:
        return None
    step = f"*/{number}" if every[1] else "*"
    return f"{step} * * * *" if every[2] else f"0 {step} * * *"


def _days_and_hour(said: str, usual: str) -> str | None:
    if alone := re.fullmatch(_ON, said):
        return f"{' '.join(usual.split()[:2])} * * {_listed(alone[1])}"
    found = re.fullmatch(rf"(?:{_ON},? )?{_AT}(?:,? {_ON})?", said)
    if not found:
        return None
    before, hour, minute, half, after = found.groups()
    # 18 in the morning; and 12 a.m. is noon for some.
    if (before and after) or (half and not 0 < int(hour) < _NOON):
        return None
    time = f"{int(minute or 0)} {int(hour) + _NOON * (half == 'pm')}"
    return f"{time} * * {_listed(before or after or 'daily')}"


def _listed(days: str) -> str:
    """Return days as cron lists them."""
    return re.sub(",? and |, ", ",", re.sub(" to | ?- ?", "-", days)).replace("daily", "*")
