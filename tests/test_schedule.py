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
    "*/0 * * * *": "FT-CRON-04",
    "*/60 * * * *": "FT-CRON-04",
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
        ("12 am", "0 0 * * *"),
        ("12:30 p.m.", "30 12 * * *"),
        ("7:45 p. m.", "45 19 * * *"),
        ("6:15 de lunes a viernes", "15 6 * * mon-fri"),
        ("Monday to Friday at 6:15 pm", "15 18 * * mon-fri"),
        ("días hábiles a las 18", "0 18 * * mon-fri"),
        ("every weekday at 8:30", "30 8 * * mon-fri"),
        ("todos los días a las 7", "0 7 * * *"),
        ("viernes a las 6 y media de la tarde", "30 18 * * fri"),
        ("de lunes a viernes a las seis y media", "30 6 * * mon-fri"),
        ("a la una", "0 1 * * *"),
        ("monday to friday at six pm", "0 18 * * mon-fri"),
        ("cada 15 minutos", "*/15 * * * *"),
        ("cada hora", "0 * * * *"),
        ("every 2 hours", "0 */2 * * *"),
        ("cada 15min.", "*/15 * * * *"),
        ("cada 30 minutos de 8 a 18", USUAL),
        # What cron cannot say, and what only begins like an hour.
        ("cada 45 minutos", USUAL),
        ("cada 7 horas", USUAL),
        ("every holiday", USUAL),
        # Minutes in words, and hours after noon.
        ("a las ocho y treinta", "30 8 * * *"),
        ("a las ocho treinta", "30 8 * * *"),
        ("a las 20 y quince", "15 20 * * *"),
        ("a las ocho treinta y cinco", USUAL),
        ("ocho y cuarenta", USUAL),
        ("a las ocho y diez", USUAL),
        ("a las once y once", USUAL),
        ("a las ocho y a las veinte", USUAL),
        ("at eight forty-five", USUAL),
        ("at eight thirty", "30 8 * * *"),
        ("at eight oh five", USUAL),
        # Numbers in words that are no minutes of an hour.
        ("cada quince minutos", USUAL),
        ("los días quince", USUAL),
        ("every fifteen minutes", USUAL),
        ("12 y media de la noche", "30 0 * * *"),
        ("lunes a las 7 y cuarto", "15 7 * * mon"),
        ("7 menos cuarto", USUAL),
        ("half past 6", "30 6 * * *"),
        ("quarter past six", "15 6 * * *"),
        ("a quarter past six in the evening on Fridays", "15 18 * * fri"),
        ("at half past twelve", "30 12 * * *"),
        ("quarter past six and half past seven", USUAL),
        ("five past six", USUAL),
        ("at ten past six", USUAL),
        ("quarter past noon", USUAL),
        ("quarter to six", USUAL),
        ("Mondays at 6 thirty pm", "30 18 * * mon"),
        ("every day at 7", "0 7 * * *"),
        ("a las 7 de la tarde", "0 19 * * *"),
        ("todas las noches a las 10", "0 22 * * *"),
        ("12 de la noche", "0 0 * * *"),
        ("todas las noches a las 12:30", "30 0 * * *"),
        ("a las 11 y 12 de la noche", "0 23,0 * * *"),
        ("a las 3 de la noche", "0 3 * * *"),
        ("al mediodía y a las 6 de la tarde", "0 12,18 * * *"),
        ("mediodía y 10 de la noche", USUAL),
        ("medianoche y 6 de la tarde", USUAL),
        ("noon and 6 am", USUAL),
        ("8 de la mañana y 6 de la tarde", USUAL),
        ("8:00 y 20", "0 8,20 * * *"),
        ("12 at night", "0 0 * * *"),
        ("12 de la madrugada", "0 0 * * *"),
        ("6 de la madrugada", "0 6 * * *"),
        ("12 de la mañana", "0 12 * * *"),
        ("12 in the small hours", "0 0 * * *"),
        ("12 de la tarde", "0 12 * * *"),
        ("22 hs, de noche", "0 22 * * *"),
        ("a medianoche", "0 0 * * *"),
        ("viernes a las 12:00 de la medianoche", "0 0 * * fri"),
        ("midnight on Fridays", "0 0 * * fri"),
        ("12 midnight", "0 0 * * *"),
        ("al mediodía", "0 12 * * *"),
        ("a las 12 del mediodía", "0 12 * * *"),
        ("12 noon", "0 12 * * *"),
        ("12 pm", "0 12 * * *"),
        ("8 am y 6 pm", USUAL),
        ("a las 8 de la noche y a las 2 de la tarde", USUAL),
        ("lunes - viernes 8 hs", "0 8 * * mon-fri"),
        ("lunes y jueves 8:30", "30 8 * * mon,thu"),
        ("Lunes, miércoles y sábado a las 06:00", "0 6 * * mon,wed,sat"),
        ("de lunes a viernes a las 6:15 y 18:15", "15 6,18 * * mon-fri"),
        ("6:15 y 18:45", USUAL),
        ("lunes a viernes", "30 1,13,17 * * mon-fri"),
        ("cada día", USUAL),
        ("cada 30 min de lunes a viernes", USUAL),
        ("primer lunes del mes a las 8", USUAL),
        ("el día 1 a las 6", USUAL),
        ("1st of the month at 7", USUAL),
        ("0 8 * * lun-vie", "0 8 * * mon-fri"),
        ("(30 1,13,17 * * *)", USUAL),
        ("0 15 6 * * *", USUAL),
        ("0 6 31 2 *", USUAL),
        ("@daily", USUAL),
        # What is said beside an hour or a day, and is not understood, is not left out.
        ("todos los días menos domingo a las 10", USUAL),
        ("every day except sunday at 10", USUAL),
        ("de lunes a viernes de 8 a 18 cada hora", USUAL),
        ("8 a 18 cada hora", USUAL),
        ("mon to fri 8 to 18 every hour", USUAL),
        ("8 hs a 18 hs", USUAL),
        ("8-18", USUAL),
        ("lunes a viernes 6:15 y 18:45", USUAL),
        ("1 vez por día", USUAL),
        ("once a day", USUAL),
        ("los lunes a primera hora", USUAL),
        ("a las 20 hs y media", USUAL),
        ("al mediodía y media", USUAL),
        ("at noon and half past six", USUAL),
        ("at 6 and half past 7", USUAL),
        ("lunes y media", USUAL),
        ("the last one", USUAL),
        ("first one at six", USUAL),
        ("6:30 half past six", "30 6 * * *"),
        ("6:15 L a V", "15 6 * * mon-fri"),
        ("L-V 6:15", "15 6 * * mon-fri"),
        ("fines de semana a las 10", "0 10 * * sat,sun"),
        ("weekends at 10", "0 10 * * sat,sun"),
        ("lunes a viernes a las 8 y 20", USUAL),
        ("a las 7 y 10", USUAL),
        ("a las 8 y 18", "0 8,18 * * *"),
        ("8 y 20 hs", "0 8,20 * * *"),
        ("a las 8, 12 y 18", "0 8,12,18 * * *"),
        ("a las 9 en punto", "0 9 * * *"),
        ("lunes a sábado 22hs", "0 22 * * mon-sat"),
        ("diariamente a las 7", "0 7 * * *"),
        ("all weekdays, 6 am", "0 6 * * mon-fri"),
        ("7 o'clock in the evening", "0 19 * * *"),
        # Numbers beside an hour that no joint makes another hour: dates, ends, minutes, how many times.
        ("el 15 a las 8", USUAL),
        ("los 15 a las 8", USUAL),
        ("1 y 15 a las 8", USUAL),
        ("lunes 13 a las 8", USUAL),
        ("del 1 al 5 a las 8", USUAL),
        ("8 al 18", USUAL),
        ("de 8 a las 18", USUAL),
        ("from 8 on mondays", USUAL),
        ("6 15", USUAL),
        ("6 30 pm", USUAL),
        ("a las 8 y 20 de la noche", USUAL),
        ("a la 1 del mediodía", USUAL),
        ("2 hours", USUAL),
        ("8 al día", USUAL),
        ("8 o 9", USUAL),
        ("lunes o viernes a las 8", USUAL),
        # One cron has all its hours on all its days.
        ("lunes a las 8 y viernes a las 10", USUAL),
        ("mon 8, fri 10", USUAL),
        ("lunes a las 8 y viernes a las 8", "0 8 * * mon,fri"),
        ("los lunes y jueves a las 8, a las 12 y a las 18", "0 8,12,18 * * mon,thu"),
        # A half of the day says no hour, and an hour of the other half is none of it.
        ("lunes por la tarde", USUAL),
        ("mondays in the morning", USUAL),
        ("18 de la mañana", USUAL),
        ("mañana a las 8", USUAL),
        ("todas las mañanas a las 8", "0 8 * * *"),
        ("lunes a todas horas", USUAL),
        ("mondays, all day", USUAL),
        ("lav 8", USUAL),
        ("every day 8:30", "30 8 * * *"),
        ("at 18:00 hours", "0 18 * * *"),
        # Intervals in words, and of nothing.
        ("cada dos horas", "0 */2 * * *"),
        ("every two hours", "0 */2 * * *"),
        ("cada cinco minutos", "*/5 * * * *"),
        ("cada dos horas los lunes", USUAL),
        ("cada 0 horas", USUAL),
        ("every 0 minutes", USUAL),
        ("ninguno", "none"),
        ("by hand", "none"),
        ("25:00", USUAL),
        ("60 * * * *", USUAL),
        ("whenever", USUAL),
    ],
)
def test_the_suggestion_is_what_was_meant(typed: str, meant: str) -> None:
    assert schedule.rule(typed)
    assert schedule.suggested(typed, USUAL) == meant
    assert schedule.rule(meant) is None


def test_days_alone_are_suggested_at_the_usual_hours_whatever_those_are() -> None:
    assert schedule.suggested("lunes a viernes", "*/15 8-18 * * *") == "*/15 8-18 * * mon-fri"


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
    ("value", "code", "meant"),
    [
        ("* * * * *", "FT-CRON-06", "0 8 * * *"),
        ("* 6 * * 1-5", "FT-CRON-06", "0 6 * * 1-5"),
        ("*/1 6 * * *", "FT-CRON-06", "0 6 * * *"),
        ("0 8 1-7 * 1", "FT-CRON-07", "0 8 * * mon#1"),
        ("30 8 8-14 3 fri", "FT-CRON-07", "30 8 * 3 fri#2"),
    ],
)
def test_a_good_schedule_that_is_seldom_meant_is_doubted(value: str, code: str, meant: str) -> None:
    assert schedule.rule(value) is None
    assert schedule.doubt(value) == (code, meant)
    assert (schedule.rule(meant), schedule.doubt(meant)) == (None, None)


@pytest.mark.parametrize(
    "value", ["none", USUAL, "*/5 * * * *", "0 8 1-7 * *", "0 8 * * 1-5", "0 8 * * mon#1"]
)
def test_a_usual_schedule_is_not_doubted(value: str) -> None:
    assert schedule.doubt(value) is None
