"""The page of the fleet as a person sees it: in a real browser, on a desk, on a telephone, at night and on paper."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.orchestration import SyncPrefectClient

from flow_ops import cli
from helpers import fleet
from helpers.support import prefect_server
from helpers.workshop import pointing_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")),
        reason="Chromium is missing: apt-get install chromium, or name it in CHROMIUM",
    ),
]
HOSTILE = "<img src=x onerror=document.title='run'>"
DESK, TELEPHONE = 1440, 390
# The least contrast of each text with what is behind it, as WCAG computes it.
CONTRAST = """
() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const [r, g, b] = parts(colour).slice(0, 3).map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.body.querySelectorAll("*")].filter(
    each => [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map(each => {
    const [one, other] = [light(getComputedStyle(each).color), light(behind(each))].sort();
    return (other + 0.05) / (one + 0.05);
  }));
}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a fleet in every state, in each language."""
    folder = tmp_path_factory.mktemp("fleet")
    made = {}
    with (
        prefect_server(folder, port=None, **fleet.QUIET) as server,
        SyncPrefectClient(server.url) as client,
        pointing_at(server.url, ""),
    ):
        fleet.make_all(client)
        for language in ("es", "en"):
            made[language] = folder / f"{language}.html"
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("FLOW_LANGUAGE", language)
                assert cli.run(["fleet", "--html", str(made[language])]) == 0
        fleet.make(client, fleet.Made("malo", area=HOSTILE, runs=[], watched=False))
        made["hostile"] = folder / "hostile.html"
        assert cli.run(["fleet", "--html", str(made["hostile"])]) == 0
    return made


@pytest.fixture(scope="module")
def browser(pages: dict[str, Path]) -> Iterator[Page]:  # noqa: ARG001 - made before the browser's event loop runs
    from docs.pictures import browser_page  # noqa: PLC0415 - playwright takes a second to import

    with browser_page() as page:
        yield page


def opened(page: Page, file: Path, width: int = DESK) -> Page:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
def test_each_deployment_is_a_row_with_its_name_and_those_that_need_a_person_come_first(
    browser: Page, pages: dict[str, Path], width: int
) -> None:
    page = opened(browser, pages["es"], width)
    table = page.get_by_role("table", name="Despliegues")
    names = [each.split("\n")[-1] for each in table.get_by_role("rowheader").all_inner_texts()]
    assert names[:3] == ["sin-pool-prod", "sin-worker-prod", "caido-prod"]
    assert len(names) == len(fleet.FLEET)
    row = table.get_by_role("row").filter(has_text="roto-prod")
    assert row.get_by_role("cell", name="Failed").is_visible()
    assert row.get_by_role("img", name="terminaron bien 2 de las últimas 3").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
def test_the_day_of_each_pool_is_drawn_by_local_hour(
    browser: Page, pages: dict[str, Path], width: int
) -> None:
    page = opened(browser, pages["es"], width)
    assert page.get_by_role("heading", name=f"El día, hora por hora ({fleet.ZONE})").is_visible()
    drawn = page.get_by_role(
        "img", name=re.compile(r"^ventas-prod: \d+ ejecuciones hoy; más a las \d\d:00: \d+$")
    )
    assert drawn.is_visible()
    hours = drawn.locator("span").evaluate_all("all => all.map(each => [each.title, each.innerText])")
    assert len(hours) == 24
    [busiest] = [title for title, text in hours if re.match(r"[3-9]\d\n", text)]
    assert int(re.findall(r"empezaron: (\d+)", busiest)[0]) >= 30
    boxes = drawn.locator("span").evaluate_all("all => all.map(each => each.getBoundingClientRect().right)")
    assert max(boxes) <= width


def test_each_kind_of_problem_is_said_with_its_code_why_and_what_to_do(
    browser: Page, pages: dict[str, Path]
) -> None:
    page = opened(browser, pages["en"])
    said = page.locator("article").filter(has=page.get_by_role("heading", name="FT-FLEET-08"))
    assert "'universal/universal-prod' has a schedule in universal time" in said.inner_text()
    assert "Why: it does not run at that hour" in said.inner_text()
    assert "uv run deploy.py apply prod" in said.inner_text()
    assert page.locator("article").count() == 11


def test_each_language_is_its_own(browser: Page, pages: dict[str, Path]) -> None:
    for language, title in (("es", "La flota"), ("en", "The fleet")):
        page = opened(browser, pages[language])
        assert page.get_by_role("heading", level=1, name=title).is_visible()
        assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_readable(browser: Page, pages: dict[str, Path], width: int, scheme: Any) -> None:
    browser.emulate_media(color_scheme=scheme)
    page = opened(browser, pages["es"], width)
    assert page.evaluate(CONTRAST) >= 4.5
    backgrounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == backgrounds[scheme]


def test_it_prints_on_white_paper_whatever_the_screen(browser: Page, pages: dict[str, Path]) -> None:
    browser.emulate_media(color_scheme="dark", media="print")
    page = opened(browser, pages["es"])
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.pdf().startswith(b"%PDF")
    browser.emulate_media(media="screen")


def test_it_asks_nothing_of_the_network_and_runs_no_script(browser: Page, pages: dict[str, Path]) -> None:
    asked: list[str] = []
    browser.on("request", lambda request: asked.append(request.url))
    opened(browser, pages["es"])
    assert asked == [pages["es"].as_uri()]
    assert "<script" not in pages["es"].read_text(encoding="utf-8")


def test_what_a_name_says_is_shown_and_not_run(browser: Page, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["hostile"])
    assert page.get_by_role("cell", name=HOSTILE).is_visible()
    assert page.title() != "run"
