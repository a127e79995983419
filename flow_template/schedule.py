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
_EVERY_MINUTE, _EVERY_HOUR, _EVERY_DAY = set(range(60)), set(range(24)), set(range(1, 32))
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


def doubt(value: str) -> tuple[str, str] | None:
    """Return the code of what is odd about a good schedule, if anything, and what was perhaps meant."""
    if value == NONE:
        return None
    minutes, hours, days, _, weekdays = _read(value)
    minute, hour, day, month, weekday = value.split(" ")
    if minutes == _EVERY_MINUTE:
        return "FT-CRON-06", f"0 {'8' if hours == _EVERY_HOUR else hour} {day} {month} {weekday}"
    if days != _EVERY_DAY and weekdays != _EVERY_WEEKDAY:
        nth = min((min(days) + 6) // 7, 5)
        return "FT-CRON-07", f"{minute} {hour} * {month} {_WEEKDAYS[min(weekdays)]}#{nth}"
    return None


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
    for part in text.split(","):
        item = re.fullmatch(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]+))?", part)
        first, last, step = item.groups() if item else ("?", None, None)
        if step and first and not last:
            raise ValueError("FT-CRON-02")
        start = _number(first, names) if first else least
        end = _number(last, names) if last else start if first else most
        if not least <= start <= end <= most:
            raise ValueError("FT-CRON-03")
        if step and not 1 <= int(step) <= most:
            raise ValueError("FT-CRON-04")
        values.update(range(start, end + 1, int(step or 1)))
    return values


def _number(text: str, names: Sequence[str]) -> int:
    if not text.isdigit() and text not in names:
        raise ValueError("FT-CRON-02")
    return int(text) if text.isdigit() else names.index(text)


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


# --- what somebody meant: hours and weekdays as people say them, in either language

_DAY = rf"\b(?:{'|'.join(_WEEKDAYS)})\b"
_DAYS = rf"{_DAY}(?:-{_DAY})?"
_TIME = r"\b(\d\d?)(?:[:.h](\d\d))?(?![\d:])"
_HALF = r"(?<![a-z])(?:[ap]\.? ?m|night)\b"
_AFTER_NOON = {"a": 12, "p": 0, "n": 6}  # from which of its twelve hours on: a.m., p.m. and at night
_NOON = 12
# "A las 8 y 20" is 8:20 for most people, and two hours for some.
_MINUTES_OR_HOUR = r"(?<![:.h\d])\d\d? (?:y|and) (?:5|10|15|20)(?![:.h\d]| ?h)"


def suggested(value: str, usual: str) -> str:
    """Return a schedule that breaks no rule: what can be heard in `value`, or `usual`."""
    return heard(value, usual) or usual


def heard(value: str, usual: str) -> str | None:
    """Return the schedule that `value` says, at the usual hours where it says days alone.

    None where it says none, or anything that is not understood: a suggestion leaves nothing out.
    """
    said = re.sub(r"[()\[\]\"'` ]+", " ", value.casefold()).strip()
    for language in LANGUAGES:
        for meant, forms in texts(language)["heard"].items():
            said = re.sub(rf"\b(?:{forms})\b", meant, said)
    return next((each for each in (said, _of_sentence(said, usual)) if each and not rule(each)), None)


def _of_sentence(said: str, usual: str) -> str | None:
    if every := re.fullmatch(
        r"every (?:0?([1-9]\d?) ?)?(?:(min(?:s|ut[eo]s?)?)|h(?:s|rs?|oras?|ours?)?)\.?", said
    ):
        step = f"*/{every[1]}" if every[1] else "*"
        # Cron counts anew at each hour and each day: every 45 minutes is none of its.
        if (60 if every[2] else 24) % int(every[1] or 1):
            return None
        return f"{step} * * * *" if every[2] else f"0 {step} * * *"
    shape, days = _shape(said), re.findall(_DAYS, said)
    alone = re.fullmatch("J*D[DJ]*", shape)
    at = " ".join(usual.split()[:2]) if alone else _hours(said, shape)
    return f"{at} * * {','.join(days) or '*'}" if at else None


def _shape(said: str) -> str:
    """Return D, T, H and J for each day, time, half of a day and joint of `said`, and any word that is unknown."""
    words = [texts(language)["words"] for language in LANGUAGES]
    beside, joint = ("|".join(each[name].strip() for each in words) for name in ("beside", "and"))
    known = (
        rf"(?P<D>{_DAYS})|(?P<T>{_TIME}(?:hr?s?\b)?)|(?P<H>{_HALF})|(?P<J>,|\b(?:{joint})\b)"
        rf"|\b(?:{beside})\b|[ .]"
    )
    return re.sub(known, lambda found: found.lastgroup or "", said)


def _hours(said: str, shape: str) -> str | None:
    """Return the minute and the hours of a sentence; None where it says none, or anything beside them."""
    times = [(int(hour), int(minute or 0)) for hour, minute in re.findall(_TIME, said)]
    hours, minutes = list(dict.fromkeys(hour for hour, _ in times)), {minute for _, minute in times}
    halves = {half[0] for half in re.findall(_HALF, said)}
    # Several hours are one list: not 8 to 18, not the 15th at 8, not Monday at 8 and Friday at 10.
    several = "[DJ]*T(J+T)*[DJ]*" if len(hours) > 1 else "[DTJ]*"
    # One cron has the same minutes in all its hours; of two halves of the day, which hour is whose?
    if not re.fullmatch(several, shape.replace("H", "")) or len(minutes) != 1 or len(halves) > 1:
        return None
    if re.search(_MINUTES_OR_HOUR, said):
        return None
    for half in halves:
        halved = [hour % 12 + 12 * (hour % 12 >= _AFTER_NOON[half]) for hour in hours]
        if max(hours) > _NOON and halved != hours:  # 18 in the morning; 6 and 30 p.m.
            return None
        hours = halved
    return f"{minutes.pop()} {','.join(map(str, hours))}"
