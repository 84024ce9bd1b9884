"""What is seen on the Trajectories page, saved: files that hold the same picture and need nothing else."""

import re
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from tests.browser.test_trajectories import DRAWN

PLOT = "document.querySelector('.rv-plot').ravine"

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def opened(page: Page, address: str, query: str = "") -> None:
    """Opens the page; Plotly may come some time after the rest."""
    page.goto(f"{address}/{query}")
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    page.wait_for_selector("[data-testid=overlay] path.rv-past", state="attached")


def saved(page: Page, kind: str) -> tuple[str, bytes]:
    """Name and content of what the menu hands over."""
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as started:
        page.get_by_role("button", name=kind, exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_attribute("aria-expanded", "false")
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def colours(page: Page) -> dict[str, str]:
    """The colour of each run by its name."""
    return dict(page.evaluate(f"{PLOT}.runs.map(r => [r.name, r.colour])"))


def in_css(colour: str) -> str:
    return f"rgb({','.join(str(part) for part in ImageColor.getrgb(colour)[:3])})"


def test_an_svg_needs_nothing_but_itself(page: Page, address: str) -> None:
    opened(page, address, "?steps=40&view.layout=contour&view.step=12&card.0=momentum&card.1=adam")
    name, file = saved(page, "SVG")
    assert name == "ravine-ravine-step-12.svg"
    text = file.decode("utf-8")
    root = ElementTree.fromstring(text)
    texts = [node.text or "" for node in root.iter(f"{SVG}text")]
    for run, colour in colours(page).items():
        lines = [node for node in root.iter(f"{SVG}path") if node.get("stroke") == in_css(colour)]
        assert len(lines) >= 3, run  # above the contour, in the two curves
        assert run in texts
    assert "Ravine, step 12 of 40" in texts
    caption = page.get_by_test_id("caption").inner_text()
    assert "".join(caption.split()) in "".join("".join(texts).split())
    assert page.url in "".join(texts)
    assert {"Loss", "Distance to the nearest minimum", "step"} <= set(texts)

    assert not list(root.iter(f"{SVG}image"))  # no third dimension in this layout
    assert not [node for node in root.iter() if node.get("class") or node.get("style")]
    names = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(names) == len(set(names))
    clips = re.findall(r"url\(#([^)]+)\)", text)
    assert clips
    assert set(clips) <= set(names)
    outside = re.sub(r"data:[^\"')]+", "", text)
    for known in (r'xmlns(:\w+)?="[^"]+"', r"<text[^>]*>[^<]*</text>"):
        outside = re.sub(known, "", outside)
    assert "http" not in outside


@pytest.mark.parametrize(("query", "scheme", "width"), [("", "light", 1280), ("?surface=rosenbrock", "dark", 390)])
def test_a_png_shows_what_is_seen(browser, address: str, query: str, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened(page, address, query)
    page.wait_for_function(f"{DRAWN}.drawn3d > 0")
    shown = page.evaluate("document.querySelector('[data-testid=live-plot]').clientWidth")
    background = ImageColor.getrgb(page.evaluate(f"{PLOT}.theme.background"))
    wanted = colours(page)
    _, drawing = saved(page, "SVG")
    name, file = saved(page, "PNG")
    root = ElementTree.fromstring(drawing)
    context.close()

    (third,) = root.iter(f"{SVG}image")
    assert third.get(LINK, "").startswith("data:image/png;base64,")
    assert re.fullmatch(r"ravine-(ravine|rosenbrock)-step-300\.png", name)
    picture = Image.open(BytesIO(file)).convert("RGB")
    assert picture.size == (2 * int(root.get("width", 0)), 2 * int(root.get("height", 0)))
    assert shown < picture.width / 2 < shown + 50
    found = {colour: count for count, colour in picture.getcolors(maxcolors=1 << 24) or []}
    assert len(found) > 500
    assert found[background] > 0.1 * picture.width * picture.height
    for run, colour in wanted.items():
        assert found.get(ImageColor.getrgb(colour), 0) > 200, run

    # The third dimension, where it stands: more than its ground.
    frames = [node for node in root.iter() if third in list(node)]
    assert len(frames) == 1
    outer = next(node for node in root.iter(f"{SVG}g") if frames[0] in list(node))
    left, top = (float(part) for part in re.findall(r"[\d.]+", outer.get("transform", "")))
    x, y, w, h = (2 * float(third.get(side, 0)) for side in ("x", "y", "width", "height"))
    left, top = 2 * left + x, 2 * top + y
    part = picture.crop((round(left), round(top), round(left + w), round(top + h)))
    assert len(part.getcolors(maxcolors=1 << 24) or []) > 200


def test_the_menu_opens_and_closes_on_a_small_screen(browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    opened(page, address)
    button = page.get_by_role("button", name="Save", exact=True)
    choice = page.get_by_role("button", name="PNG", exact=True)
    expect(choice).to_be_hidden()
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    box = choice.bounding_box()
    assert box
    assert box["x"] > 0
    assert box["x"] + box["width"] < 390
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('.rv-toolbar button')].every(b => b.getBoundingClientRect().right < 390)"
    )
    page.keyboard.press("Escape")
    expect(choice).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    page.get_by_test_id("caption").click()
    expect(choice).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
    context.close()


def test_what_is_open_inside_is_saved_too(page: Page, address: str) -> None:
    opened(page, address, "?steps=30&view.layout=contour&view.step=3&card.0=momentum&view.inside=0")
    page.wait_for_function("document.querySelector('[data-testid=equation]').checkVisibility()")
    root = ElementTree.fromstring(saved(page, "SVG")[1])
    texts = {node.text for node in root.iter(f"{SVG}text")}
    cells = page.get_by_test_id("equation").locator("td").all_inner_texts()
    assert {" ".join(cell.split()) for cell in cells if cell.strip()} <= texts


def test_panels_show_the_ground_of_the_first(page: Page, address: str) -> None:
    opened(page, address, "?steps=30&view.layout=panels&card.0=momentum&card.1=adam")
    root = ElementTree.fromstring(saved(page, "SVG")[1])
    grounds = [node.get(LINK, "") for node in root.iter(f"{SVG}use")]
    assert grounds
    for ground in grounds:
        (shown,) = (node for node in root.iter() if node.get("id") == ground.removeprefix("#"))
        assert len(list(shown)) > 0
    (swatch,) = {node.get("fill") for node in root.iter(f"{SVG}rect")} & {in_css(colours(page)["Momentum"])}
    assert swatch
