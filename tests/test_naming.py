"""The rules for the answers, value by value, and the conventions of `cookiecutter.json`."""

from __future__ import annotations

import json
import zoneinfo

import pytest

from flow_template import messages, naming, schedule
from tests.test_schedule import SCHEDULES

SLUGS = {
    "ventas-diarias": None,
    "abd": None,
    "a1-b2": None,
    "a" * 40: None,
    "json-ventas": None,
    "com10": None,
    "": "FT-SLUG-01",
    "Ventas": "FT-SLUG-01",
    "ventas_diarias": "FT-SLUG-01",
    "ventas diarias": "FT-SLUG-01",
    "1-ventas": "FT-SLUG-01",
    "-ventas": "FT-SLUG-01",
    "ventas-": "FT-SLUG-01",
    "ventas--diarias": "FT-SLUG-01",
    "peña": "FT-SLUG-01",
    "ventas\n": "FT-SLUG-01",
    "../ventas": "FT-SLUG-01",
    "/abs/ventas": "FT-SLUG-01",
    "C:\\ventas": "FT-SLUG-01",
    "ventas.py": "FT-SLUG-01",
    "ventas٣": "FT-SLUG-01",
    "ab": "FT-SLUG-02",
    "a" * 41: "FT-SLUG-02",
    "class": "FT-SLUG-03",
    "match": "FT-SLUG-03",
    "none": "FT-SLUG-03",
    "json": "FT-SLUG-04",
    "concurrent": "FT-SLUG-04",
    "flow-ops": "FT-SLUG-05",
    "tests": "FT-SLUG-05",
    "src": "FT-SLUG-05",
    "deploy": "FT-SLUG-05",
    "sqlalchemy": "FT-SLUG-05",
    "con": "FT-SLUG-06",
    "com1": "FT-SLUG-06",
    "lpt9": "FT-SLUG-06",
    "prefect": "FT-SLUG-07",
    "prefect-ventas": "FT-SLUG-07",
}
TEXTS = {
    "Ventas diarias": None,
    "Ñandú «pingüino» — 50 % #1": None,
    "\"quotes\" 'and' \\back\\slashes": None,
    "{{ braces }} {% and %} {# more #}": None,
    "日本語": None,
    "": "FT-TEXT-01",
    "  \u00a0": "FT-TEXT-01",
    "two\nlines": "FT-TEXT-02",
    "tab\there": "FT-TEXT-02",
    "nul\x00": "FT-TEXT-02",
    "escape\x1b[31m": "FT-TEXT-02",
    "line\u2028separator": "FT-TEXT-02",
    "right\u202eleft": "FT-TEXT-02",
    "byte order\ufeff": "FT-TEXT-02",
    "surrogate\udc80": "FT-TEXT-02",
    "emoji 🎉": "FT-TEXT-02",
    " before": "FT-TEXT-02",
    "after ": "FT-TEXT-02",
    "x" * 61: "FT-TEXT-05",
    '"' * 31: "FT-TEXT-05",
    "日" * 31: "FT-TEXT-05",
}
ZONES = {
    "America/Argentina/Buenos_Aires": None,
    "America/Montevideo": None,
    "Europe/Madrid": None,
    "Antarctica/McMurdo": None,
    "America/Buenos_Aires": "FT-TIMEZONE-02",
    "US/Eastern": "FT-TIMEZONE-02",
    "Asia/Calcutta": "FT-TIMEZONE-02",
    "america/argentina/buenos_aires": "FT-TIMEZONE-01",
    "America / Buenos Aires": "FT-TIMEZONE-01",
    "America/Argentina/Buenos_Aires\n": "FT-TIMEZONE-01",
    "Buenos Aires": "FT-TIMEZONE-01",
    "Mars/Olympus": "FT-TIMEZONE-01",
    "../etc/passwd": "FT-TIMEZONE-01",
    "": "FT-TIMEZONE-01",
    "UTC": "FT-TIMEZONE-03",
    "utc": "FT-TIMEZONE-03",
    "GMT": "FT-TIMEZONE-03",
    "GMT+3": "FT-TIMEZONE-03",
    "Etc/GMT+3": "FT-TIMEZONE-03",
    "Etc/UTC": "FT-TIMEZONE-03",
    "-03:00": "FT-TIMEZONE-03",
    "UTC-3": "FT-TIMEZONE-03",
    "EST": "FT-TIMEZONE-03",
    "EST5EDT": "FT-TIMEZONE-03",
    "Factory": "FT-TIMEZONE-03",
}
ADDRESSES = {
    "https://github.com/your-org/ventas.git": None,
    "https://dev.azure.com/org/Mi%20Proyecto/_git/ventas": None,
    "http://git.local:3000/equipo/ventas.git": None,
    "ssh://git@host:2222/team/ventas.git": None,
    "git@github.com:your-org/ventas.git": None,
    "file:///srv/git/ventas.git": None,
    "": "FT-URL-01",
    "github.com/your-org/ventas": "FT-URL-01",
    "https://github.com": "FT-URL-01",
    "https://github.com/a b": "FT-URL-01",
    "https://github.com/../x": "FT-URL-01",
    "https://github.com/x.git\n": "FT-URL-01",
    "ftp://host/x.git": "FT-URL-01",
    "javascript:alert(1)": "FT-URL-01",
    "https://github.com/" + "x" * 200: "FT-URL-01",
    "https://user:secret@github.com/org/x.git": "FT-URL-02",
    "https://ghp_token@github.com/org/x.git": "FT-URL-02",
    "https://user:pa/ss@github.com/org/x.git": "FT-URL-02",
    "https://github.com/org/x.git?token=abc": "FT-URL-02",
    "ssh://git:secret@host/x.git": "FT-URL-02",
    "C:/flows/ventas": "FT-URL-03",
    "C:\\flows\\ventas": "FT-URL-03",
    "\\\\server\\share\\ventas": "FT-URL-03",
    "/srv/flows/ventas": "FT-URL-03",
}
FOLDERS = {
    "C:/flows/ventas": None,
    "C:\\flows\\ventas": None,
    "D:\\Flujos de datos\\añejos": None,
    "\\\\server\\share\\ventas": None,
    "//server/share/ventas": None,
    "/srv/flows/ventas": None,
    "/srv/it's": None,
    "": "FT-FOLDER-03",
    "ventas": "FT-FOLDER-01",
    "./ventas": "FT-FOLDER-01",
    "~/ventas": "FT-FOLDER-01",
    "C:ventas": "FT-FOLDER-01",
    "https://github.com/your-org/ventas.git": "FT-FOLDER-01",
    "C:/flows\\ventas": "FT-FOLDER-02",
    "/srv\\flows": "FT-FOLDER-02",
    "C:/flows/../windows": "FT-FOLDER-03",
    "/srv/../etc": "FT-FOLDER-03",
    "/srv/flows/": "FT-FOLDER-03",
    "C:/flows/con": "FT-FOLDER-03",
    "C:/flows/nul.txt": "FT-FOLDER-03",
    "C:/flows/ventas.": "FT-FOLDER-03",
    "C:/flo|ws": "FT-FOLDER-03",
    "C:/": "FT-FOLDER-03",
    "/srv/ventas\n": "FT-FOLDER-03",
    "https://user:secret@host/x": "FT-URL-02",
}
RULES = {
    "flow_slug": (naming.slug_rule, SLUGS),
    "flow_name": (lambda value: naming.text_rule(value, 60), TEXTS),
    "timezone": (naming.zone_rule, ZONES),
    "schedule": (schedule.rule, SCHEDULES),
    "git": (naming.url_rule, ADDRESSES),
    "local": (naming.folder_rule, FOLDERS),
}
CASES = [(title, value, code) for title, (_, table) in RULES.items() for value, code in table.items()]
GOOD = {
    "language": "es",
    "flow_name": "Ventas diarias",
    "flow_slug": "ventas-diarias",
    "description": "Resume los pedidos.",
    "area": "compras",
    "timezone": "America/Argentina/Buenos_Aires",
    "schedule": "30 1,13,17 * * *",
    "code_source": "git",
    "repo_url": "https://github.com/your-org/ventas-diarias.git",
}


def answers(title: str, value: str, **others: str) -> dict[str, str]:
    """Return good answers but for one."""
    if title in ("git", "local"):
        return {**GOOD, "code_source": title, "repo_url": value, **others}
    return {**GOOD, title: value, **others}


@pytest.mark.parametrize(("title", "value", "code"), CASES)
def test_a_value_passes_or_breaks_the_rule_of_its_code(title: str, value: str, code: str | None) -> None:
    rule, _ = RULES[title]
    assert rule(value) == code


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize(("title", "value", "code"), [case for case in CASES if case[2]])
def test_each_suggestion_passes_every_rule(title: str, value: str, code: str, language: str) -> None:
    given = answers(title, value, language=language)
    (problem,) = naming.problems(given)
    assert problem.code == code
    assert naming.problems({**given, problem.question: problem.suggestion}) == []


@pytest.mark.parametrize(
    ("title", "value", "suggestion"),
    [
        ("flow_slug", "Ventas Diarias", "ventas-diarias"),
        ("flow_slug", "Año Ñandú", "ano-nandu"),
        ("flow_slug", "2024-ventas", "flujo-2024-ventas"),
        ("flow_slug", "json", "flujo-json"),
        ("flow_slug", "../x", "flujo-x"),
        (
            "flow_slug",
            "actualizacion-de-los-precios-de-todas-las-sucursales",
            "actualizacion-de-los-precios-de-todas",
        ),
        ("flow_name", "dos\nlíneas", "dos líneas"),
        ("flow_name", "fiesta 🎉", "fiesta"),
        ("timezone", "America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("timezone", "America / Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("timezone", "america/montevideo", "America/Montevideo"),
        ("timezone", "Europe/Madird", "Europe/Madrid"),
        ("timezone", "Argentina/Córdoba", "America/Argentina/Cordoba"),
        ("flow_slug", "https://ana:hidden@github.com/acme/stock", "https-github-com-acme-stock"),
        ("timezone", "córdoba", "America/Argentina/Cordoba"),
        ("timezone", "Tucumán", "America/Argentina/Tucuman"),
        ("timezone", "US/Eastern", "America/New_York"),
        ("timezone", "UTC", "America/Argentina/Buenos_Aires"),
        ("git", "https://user:secret@github.com/org/x.git", "https://github.com/org/x.git"),
        ("git", "https://github.com/org/x.git?token=abc", "https://github.com/org/x.git"),
        ("git", "C:/flows/x", "https://github.com/your-org/ventas-diarias.git"),
        ("git", "github.com/acme/stock.git", "https://github.com/acme/stock.git"),
        ("git", "github.com/acme/stock", "https://github.com/acme/stock"),
        ("git", "github.com/acme/stock/", "https://github.com/acme/stock"),
        ("git", "dev.azure.com/acme/shop/_git/stock", "https://dev.azure.com/acme/shop/_git/stock"),
        ("local", "C:\\flows/x", "C:/flows/x"),
        ("local", "ventas", "C:/flows/ventas-diarias"),
        ("area", "compra", "compras"),
    ],
)
def test_the_suggestion_keeps_what_it_can_of_the_value(title: str, value: str, suggestion: str) -> None:
    (problem,) = naming.problems(answers(title, value))
    assert problem.suggestion == suggestion


def test_good_answers_have_no_problem() -> None:
    assert naming.problems(GOOD) == []


def test_all_problems_come_at_once_in_the_order_of_the_questions() -> None:
    bad = {**GOOD, "schedule": "x", "flow_slug": "X", "repo_url": "x", "area": "x"}
    assert [problem.question for problem in naming.problems(bad)] == [
        "flow_slug",
        "area",
        "schedule",
        "repo_url",
    ]


def test_an_answer_of_another_type_is_refused_not_raised() -> None:
    assert [
        problem.question for problem in naming.problems({**GOOD, "flow_slug": ["x"], "timezone": None})
    ] == [
        "flow_slug",
        "timezone",
    ]


@pytest.mark.parametrize("zone", ["America/Argentina/Buenos_Aires", "Europe/Kyiv", "Pacific/Auckland"])
def test_accepted_zones_exist_where_flows_run(zone: str) -> None:
    assert naming.zone_rule(zone) is None
    assert zoneinfo.ZoneInfo(zone).key == zone


def test_every_accepted_zone_is_one_that_python_knows() -> None:
    accepted = {zone for zone in zoneinfo.available_timezones() if naming.zone_rule(zone) is None}
    assert len(accepted) > 400
    assert set(naming._zones()) <= zoneinfo.available_timezones()


def test_every_refused_zone_that_python_knows_gets_an_accepted_suggestion() -> None:
    for zone in zoneinfo.available_timezones():
        if problem := naming.problem_with("timezone", {"timezone": zone}):
            assert naming.zone_rule(problem.suggestion) is None


@pytest.mark.parametrize("text", [text for text, code in TEXTS.items() if not code])
def test_escaped_text_reads_back_the_same_in_python_and_json(text: str) -> None:
    quoted = f'"{naming.in_quotes(text)}"'
    assert json.loads(quoted) == text
    assert eval(quoted) == text  # noqa: S307 - the test's own literal


def test_every_choice_of_area_has_its_work_pools_in_every_environment() -> None:
    pools = naming.definition()["_work_pools"]
    assert sorted(pools) == sorted(naming.choices("area"))
    assert {tuple(environments) for environments in pools.values()} == {("dev", "prod")}


def test_work_pools_follow_the_area_and_no_two_share_one() -> None:
    pools = naming.definition()["_work_pools"]
    names = [(area, environment, pool) for area, each in pools.items() for environment, pool in each.items()]
    for area, environment, pool in names:
        assert pool == f"{'pool' if area == 'general' else area}-{environment}"
        assert naming.slug_rule(pool) is None  # the server refuses the rest, or keeps them for itself
    assert len({pool for _, _, pool in names}) == len(names)


def test_conventions_pass_the_rules_they_are_suggested_by() -> None:
    definition = naming.definition()
    assert naming.zone_rule(definition["_usual_timezone"]) is None
    assert schedule.rule(definition["_usual_schedule"]) is None
    assert naming.url_rule(f"{definition['_git_base_url']}/x.git") is None
    assert naming.folder_rule(f"{definition['_local_base_folder']}/x") is None
    # https://docs.prefect.io/v3/concepts/blocks: a block document's name is lower-case, with hyphens
    assert naming.slug_rule(definition["_git_token_block"]) is None


def test_what_is_heard_is_a_suggestion_also_where_it_is_the_usual_schedule() -> None:
    usual = naming.definition()["_usual_schedule"]
    for value, is_example in (
        (f"({usual})", False),
        ("1:30, 13:30 y 17:30", True),
        ("whenever", True),
        ("0 25 * * *", True),
    ):
        problem = naming.problem_with("schedule", {"schedule": value})
        assert problem
        assert (problem.suggestion, problem.is_example) == (usual, is_example), value


def test_every_question_and_every_choice_has_a_label_in_both_languages() -> None:
    labels = naming.definition()["__prompts__"]
    assert list(labels) == naming.questions()
    for question in naming.questions():
        label = labels[question]
        assert (
            set(naming.choices(question)) == set(label) - {"__prompt__"} if naming.choices(question) else True
        )
        assert " / " in (label["__prompt__"] if isinstance(label, dict) else label)


def test_no_label_is_lost_as_markup_of_the_terminal() -> None:
    from rich.text import Text  # noqa: PLC0415

    for label in naming.definition()["__prompts__"].values():
        for text in label.values() if isinstance(label, dict) else [label]:
            assert Text.from_markup(text).plain == text


def test_every_label_fits_a_terminal_of_80_columns_beside_its_number() -> None:
    for label in naming.definition()["__prompts__"].values():
        assert len("  [1/9] " + (label["__prompt__"] if isinstance(label, dict) else label)) < 80


def test_the_nine_questions_are_asked_in_the_agreed_order() -> None:
    assert naming.questions() == list(GOOD)


def test_every_free_answer_is_checked_right_after_its_question() -> None:
    names = list(naming.definition())
    for question in naming.questions():
        if not naming.choices(question) or question == "language":
            assert names[names.index(question) + 1] == f"__{question}_checked"


def test_quoting_for_powershell_keeps_each_word_whole() -> None:
    """Windows PowerShell itself is not here: its documented rules are held, the round trip is not seen."""
    assert messages._quoted_for_powershell("flow_slug=ventas-diarias") == "flow_slug=ventas-diarias"
    assert messages._quoted_for_powershell("schedule=30 1,13 * * *") == "'schedule=30 1,13 * * *'"
    assert messages._quoted_for_powershell("description=it's $HOME `x`") == "'description=it''s $HOME `x`'"
    assert messages._quoted_for_powershell('description=say "hi"') == "'description=say \\\"hi\\\"'"
