"""Schedules: what passes, what Prefect makes of it, how one says it, and what somebody meant by another."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from prefect.schedules import Cron
from prefect.server.schemas.schedules import CronSchedule

from flow_ops.deploy import schedules
from flow_template import schedule

ZONE = "America/Argentina/Buenos_Aires"
USUAL = "30 1,13,17 * * *"
SCHEDULES = {
    "30 1,13,17 * * *": None,
    "none": None,
    "*/5 * * * *": None,
    "0 8-18/2 * * mon-fri": None,
    "0 0 29 2 *": None,
    "0 0 31 1,2 *": None,
    "59 23 31 12 7": None,
    "0 0 1 JAN Mon": None,
    "0 8 * * mon#1": None,
    "0 8 * 2 5#5": None,
    "": "FT-CRON-01",
    "06:15": "FT-CRON-01",
    "6:15 de lunes a viernes": "FT-CRON-01",
    "every day at six sharp": "FT-CRON-01",
    "(30 1,13,17 * * *)": "FT-CRON-02",
    '"30 1 * * *"': "FT-CRON-02",
    "30  1 * * *": "FT-CRON-02",
    "30 1 * * *\n": "FT-CRON-02",
    "@daily": "FT-CRON-01",
    "30 1 ? * *": "FT-CRON-02",
    "30 1 L * *": "FT-CRON-02",
    "0 8 * * mon#6": "FT-CRON-02",
    "0 8 1 * mon#1": "FT-CRON-02",
    "0 8 * * mon#1,fri": "FT-CRON-02",
    "0 8 * * 1-5#1": "FT-CRON-02",
    "9" * 5000 + " * * * *": "FT-CRON-02",
    "5/15 * * * *": "FT-CRON-02",
    "1,,2 * * * *": "FT-CRON-02",
    "-5 * * * *": "FT-CRON-02",
    "30 1 * *": "FT-CRON-01",
    "0 30 1 * * *": "FT-CRON-01",
    "None": "FT-CRON-01",
    "60 * * * *": "FT-CRON-03",
    "0 24 * * *": "FT-CRON-03",
    "0 0 0 * *": "FT-CRON-03",
    "0 0 32 * *": "FT-CRON-03",
    "0 0 * 13 *": "FT-CRON-03",
    "0 0 * * 8": "FT-CRON-03",
    "0 17-9 * * *": "FT-CRON-03",
    "0 8 * jan2 *": "FT-CRON-02",
    "0 8 * 1jan *": "FT-CRON-02",
    "0 8 * * sun1": "FT-CRON-02",
    "0 8 * * sun1#2": "FT-CRON-02",
    "*/mon * * * *": "FT-CRON-02",
    "0 8 * * mon-fri/tue": "FT-CRON-02",
    "*/0 * * * *": "FT-CRON-03",
    "*/60 * * * *": "FT-CRON-03",
    "0 0 31 2 *": "FT-CRON-05",
    "0 0 31 2 1": "FT-CRON-05",
    "0 0 30 feb *": "FT-CRON-05",
    "0 0 31 4,6,9,11 *": "FT-CRON-05",
}
ACCEPTED = [value for value, code in SCHEDULES.items() if not code]


def random_schedule(generator: random.Random) -> str:
    """Return a schedule, valid more often than not."""
    fields = []
    for low, high in [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]:
        first, last = generator.randint(low, high), generator.randint(low, high)
        step = generator.randint(1, high)
        fields.append(generator.choice(["*", str(first), f"{first}-{last}", f"{first},{last}", f"*/{step}"]))
    if generator.random() < 0.1:
        fields[4] = f"{generator.randint(0, 7)}#{generator.randint(1, 5)}"
    return " ".join(fields)


def random_schedules() -> list[str]:
    generator = random.Random(20)  # noqa: S311 - no secret
    drawn = (random_schedule(generator) for _ in range(250))
    return [each for each in drawn if not schedule.rule(each)]


def test_prefect_takes_every_accepted_schedule_and_finds_its_next_run() -> None:
    accepted = [*random_schedules(), *(value for value in ACCEPTED if value != "none")]
    assert len(accepted) > 60
    for value in accepted:
        Cron(value, timezone=ZONE)
        # At once where a run exists; Prefect raises for a date that never comes.
        next(CronSchedule(cron=value, timezone=ZONE)._get_dates_generator(n=1))


def test_dates_that_never_come_are_those_that_the_calendar_lacks() -> None:
    for month in range(1, 13):
        for day in range(1, 32):
            try:
                dt.date(2024, month, day)
                exists = True
            except ValueError:
                exists = False
            assert (schedule.rule(f"0 0 {day} {month} *") is None) is exists


# --- what somebody meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("06:15", "15 6 * * *"),
        ("6.15", "15 6 * * *"),
        ("7h30", "30 7 * * *"),
        ("19 hs", "0 19 * * *"),
        ("7 am", "0 7 * * *"),
        ("7:45 pm", "45 19 * * *"),
        ("6:15 de lunes a viernes", "15 6 * * mon-fri"),
        ("Monday to Friday at 6:15 pm", "15 18 * * mon-fri"),
        ("días hábiles a las 18", "0 18 * * mon-fri"),
        ("every weekday at 8:30", "30 8 * * mon-fri"),
        ("from Monday through Friday at 8", "0 8 * * mon-fri"),
        ("todos los días a las 7", "0 7 * * *"),
        ("every day at 7", "0 7 * * *"),
        ("diariamente a las 7", "0 7 * * *"),
        ("viernes a las 6 y media de la tarde", "30 18 * * fri"),
        ("a las 7 de la mañana", "0 7 * * *"),
        ("at 7 in the evening on Fridays", "0 19 * * fri"),
        ("lunes - viernes 8 hs", "0 8 * * mon-fri"),
        ("lunes y jueves 8:30", "30 8 * * mon,thu"),
        ("cada lunes a las 8", "0 8 * * mon"),
        ("todos los lunes a las 8", "0 8 * * mon"),
        ("Lunes, miércoles y sábado a las 06:00", "0 6 * * mon,wed,sat"),
        ("lunes a viernes y domingo, a las 6", "0 6 * * mon-fri,sun"),
        ("a las 8 de lunes a viernes", "0 8 * * mon-fri"),
        ("lunes a sábado 22hs", "0 22 * * mon-sat"),
        ("all weekdays, 6 am", "0 6 * * mon-fri"),
        ("6:15 L a V", "15 6 * * mon-fri"),
        ("L-V 6:15", "15 6 * * mon-fri"),
        ("fines de semana a las 10", "0 10 * * sat,sun"),
        ("weekends at 10", "0 10 * * sat,sun"),
        ("lunes a viernes", "30 1,13,17 * * mon-fri"),
        ("a las 20 horas", "0 20 * * *"),
        ("Lunes a las 8.", "0 8 * * mon"),
        ("8 a.m.", "0 8 * * *"),
        ("lunes 8 p. m.", "0 20 * * mon"),
        ("todos  los\tdías a la 1", "0 1 * * *"),
        ("de lunes a domingo a las 8", "0 8 * * *"),
        ("Monday to Sunday at 8", "0 8 * * *"),
        ("cada 2h", "0 */2 * * *"),
        ("cada 15 minutos", "*/15 * * * *"),
        ("cada hora", "0 * * * *"),
        ("every 2 hours", "0 */2 * * *"),
        ("0 8 * * lun-vie", "0 8 * * mon-fri"),
        ('"0 8 * * 1"', "0 8 * * 1"),
        ("(30 1,13,17 * * *)", USUAL),
        ("ninguno", "none"),
        ("by hand", "none"),
        # Cron has no such interval, or no such schedule.
        ("cada 45 minutos", None),
        ("cada 7 horas", None),
        ("cada 0 horas", None),
        ("every holiday", None),
        ("25:00", None),
        ("60 * * * *", None),
        ("0 15 6 * * *", None),
        ("0 6 31 2 *", None),
        ("@daily", None),
        # What is said beside days and one hour, and is not understood, is not left out.
        ("whenever", None),
        ("todos los días menos domingo a las 10", None),
        ("every day except sunday at 10", None),
        ("cada 30 min de lunes a viernes", None),
        ("cada 30 minutos de 8 a 18", None),
        ("cada 7 días", None),
        ("8 a 18 cada hora", None),
        ("8-18", None),
        ("from 8 on mondays", None),
        ("primer lunes del mes a las 8", None),
        ("1st of the month at 7", None),
        ("el día 1 a las 6", None),
        ("el 15 a las 8", None),
        ("lunes 13 a las 8", None),
        ("el 15", None),
        ("friday the 13", None),
        ("lunes 8", None),
        ("el 15 hs", None),
        ("el 5.10", None),
        ("martes, lunes a domingo a las 8", None),
        ("todos los días a las 8 martes", None),
        ("8 horas", None),
        ("cada 5 minas", None),
        ("1 vez por día", None),
        ("los lunes a primera hora", None),
        ("lunes y media", None),
        ("lunes por la tarde", None),
        ("lunes o viernes a las 8", None),
        ("todos los días y domingo a las 10", None),
        # An hour is digits: other words of it have too many meanings.
        ("a las ocho", None),
        ("7 menos cuarto", None),
        ("a quarter past six", None),
        ("12 de la noche", None),
        ("a las 3 de la noche", None),
        ("al mediodía", None),
        ("12 de la mañana", None),
        ("12 am", None),
        ("18 de la mañana", None),
        ("mañana a las 8", None),
        ("6 15", None),
        # Two numbers are two hours for some, and an hour with its minutes for others.
        ("a las 8 y 20", None),
        ("a las 8 y 18", None),
        ("6:15 y 18:45", None),
        ("lunes a las 8 y viernes a las 10", None),
        ("lunes a viernes de 8 a 18", None),
    ],
)
def test_days_and_one_hour_in_words_are_heard_and_nothing_is_left_out(typed: str, meant: str | None) -> None:
    assert schedule.rule(typed)
    assert schedule.heard(typed, USUAL) == meant
    assert meant is None or schedule.rule(meant) is None


def test_days_alone_are_suggested_at_the_usual_hours_whatever_those_are() -> None:
    assert schedule.heard("lunes a viernes", "*/15 8-18 * * *") == "*/15 8-18 * * mon-fri"


# --- in words


@pytest.mark.parametrize(
    ("value", "spanish", "english"),
    [
        ("none", "sin horario: solo a mano", "no schedule: by hand only"),
        ("15 6 * * 1-5", "de lunes a viernes a las 06:15", "Monday to Friday at 06:15"),
        ("0 7 * * *", "todos los días a las 07:00", "every day at 07:00"),
        (
            USUAL,
            "todos los días a las 01:30, 13:30 y 17:30",
            "every day at 01:30, 13:30 and 17:30",
        ),
        ("30 8 * * 1,4", "cada lunes y jueves a las 08:30", "every Monday and Thursday at 08:30"),
        ("30 8 * * 0", "cada domingo a las 08:30", "every Sunday at 08:30"),
        (
            "0 8 * * mon#1",
            "el primer lunes de cada mes a las 08:00",
            "on the first Monday of every month at 08:00",
        ),
        ("0 6 1 * *", "el día 1 de cada mes a las 06:00", "on day 1 of every month at 06:00"),
        (
            "0 0 1-7,15 jan *",
            "los días 1 a 7 y 15 de enero a las 00:00",
            "on days 1 to 7 and 15 in January at 00:00",
        ),
        (
            "0 8 1-7 * 1",
            "los días 1 a 7 de cada mes y además cada lunes a las 08:00",
            "on days 1 to 7 of every month and also every Monday at 08:00",
        ),
        (
            "*/15 * * * *",
            "todos los días, 96 veces, de 00:00 a 23:45",
            "every day, 96 times, from 00:00 to 23:45",
        ),
        (
            "0 8-18 * jan,jul fri",
            "cada viernes de enero y julio, 11 veces, de 08:00 a 18:00",
            "every Friday in January and July, 11 times, from 08:00 to 18:00",
        ),
    ],
)
def test_a_schedule_is_said_in_words(value: str, spanish: str, english: str) -> None:
    assert schedule.in_words(value, "es") == spanish
    assert schedule.in_words(value, "en") == english


def test_every_accepted_schedule_can_be_said() -> None:
    said = {
        schedule.in_words(value, language)
        for value in [*ACCEPTED, *random_schedules()]
        for language in ("es", "en")
    }
    assert all(text and "{" not in text for text in said)


# --- what is odd


@pytest.mark.parametrize("cron", ["0 3 * * *", "30 1,13,17 * * *", "0 7 * * mon", "0 7,8 * * 1,3"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_plan_says_a_schedule_as_the_question_did(
    cron: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    assert schedules.in_words(cron) == schedule.in_words(cron, language)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 7 * * 1-5", "de lunes a viernes a las 07:00"),
        ("*/15 * * * *", "cada 15 minutos"),
        ("0 7 1 1 *", "a las 07:00, el día 1 del mes, sólo en enero"),
    ],
)
def test_what_a_plan_says_of_other_schedules_stays_a_sentence(
    cron: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "es")
    assert schedules.in_words(cron) == words


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("* * * * *", "0 8 * * *"),
        ("* 6 * * 1-5", "0 6 * * 1-5"),
        ("*/1 6 * * *", "0 6 * * *"),
    ],
)
def test_a_good_schedule_that_is_seldom_meant_is_doubted(value: str, meant: str) -> None:
    assert schedule.rule(value) is None
    assert schedule.doubt(value) == meant
    assert (schedule.rule(meant), schedule.doubt(meant)) == (None, None)


@pytest.mark.parametrize(
    "value", ["none", USUAL, "*/5 * * * *", "0 8 1-7 * 1", "0 8 * * 1-5", "0 8 * * mon#1"]
)
def test_a_usual_schedule_is_not_doubted(value: str) -> None:
    assert schedule.doubt(value) is None
