"""The Maps page in Chromium: the maps follow the hand, coarse and then fine, and answer it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from optim_core import RULES
from optim_core.studies.maps import basins
from surfaces import SURFACES

from .conftest import PICTURES

PLOT = "document.querySelector('.rv-plot').ravine"

MAPS = "document.querySelector('[data-testid=maps]')"
FINE = f"{MAPS}?.dataset.drawn > 0 && {MAPS}.dataset.coarse === 'false'"
MAP = "document.querySelector('.rv-maps').ravine.maps.get({})"
TWO = "?map.resolution=64&card.0=gradient_descent&card.1=adam"
PLANE = "?map.kind=plane&surface=ravine&map.resolution=64&stop=none&card.0=momentum,lr=0.001,momentum=0.5"


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/maps{query}")
    page.wait_for_function(FINE)


def after(page: Page, act: Callable[[], object]) -> None:
    """Does something and waits until the fine maps that it leads to are drawn."""
    before = int(page.evaluate(f"{MAPS}.dataset.seq"))
    act()
    page.wait_for_function(f"{MAPS}.dataset.seq > {before} && {FINE}")


def slider(page: Page, path: str) -> Locator:
    return page.locator(f'input[type=range][data-path="{path}"]')


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def labels(page: Page, number: int) -> np.ndarray:
    return np.array(page.evaluate(f"[...{MAP.format(number)}.shown.arrays.label]"))


def at(page: Page, number: int, x: float, y: float) -> tuple[float, float]:
    """Where a point stands on the screen, in one of the maps."""
    left, top = page.evaluate(
        f"""([x, y]) => {{ const map = {MAP.format(number)}, box = map.canvas.getBoundingClientRect();
                          return [box.left + map.scales.px(x), box.top + map.scales.py(y)]; }}""",
        [x, y],
    )
    return left, top


def colour(page: Page, number: int, x: float, y: float) -> list[int]:
    """The colour that the canvas shows at a point."""
    return page.evaluate(
        f"""([x, y]) => {{ const map = {MAP.format(number)};
                          const place = [map.scales.px(x), map.scales.py(y)];
                          const [px, py] = place.map(v => Math.floor(v * map.ratio));
                          return [...map.canvas.getContext('2d').getImageData(px, py, 1, 1).data]; }}""",
        [x, y],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_first_maps(browser, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened(page, address)
    expect(page.get_by_test_id("map")).to_have_count(3)
    sizes = page.evaluate(
        "[...document.querySelectorAll('[data-testid=map-canvas]')].map(c => [c.clientWidth, c.clientHeight])"
    )
    assert sizes == [sizes[0]] * 3
    columns = page.evaluate(
        f"getComputedStyle({MAPS}.querySelector('.rv-maps-grid')).gridTemplateColumns.split(' ').length"
    )
    assert columns == (3 if width == 1280 else 1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"maps-{width}-{scheme}.png")
    context.close()


def test_pixels_have_the_colours_of_their_minima(page: Page, address: str) -> None:
    """Hue and lightness of sampled cells follow what the core says of their starts."""
    opened(page, address, TWO)
    direct = basins(RULES["gradient_descent"], SURFACES["himmelblau"], resolution=64, steps=500)
    np.testing.assert_array_equal(
        labels(page, 0).reshape(64, 64)[direct.minimum >= 0], direct.minimum[direct.minimum >= 0]
    )
    seen: dict[int, list[tuple[int, list[int]]]] = {}
    for row, column in ((50, 55), (61, 40), (50, 10), (60, 3), (5, 10), (20, 3), (10, 60), (28, 50)):
        found = colour(page, 0, direct.x[column], direct.y[row])
        assert found[3] == 255
        seen.setdefault(int(direct.minimum[row, column]), []).append((int(direct.steps[row, column]), found[:3]))
    assert set(seen) == {0, 1, 2, 3}
    strongest = {index: int(np.argmax(cells[0][1])) for index, cells in seen.items()}
    assert strongest[0] == 2  # the first minimum is blue, the second red, the third green
    assert (strongest[1], strongest[2]) == (0, 1)
    for cells in seen.values():
        (few, light), (many, dark) = min(cells), max(cells)
        assert few == many or sum(light) > sum(dark)
        assert all(np.argmax(rgb) == np.argmax(light) for _, rgb in cells)
    swatches = page.evaluate(
        "[...document.querySelectorAll('[data-testid=legend] .rv-legend-item')].map(n => n.innerText.trim())"
    )
    assert swatches[:4] == ["(3, 2)", "(−2.805, 3.131)", "(−3.779, −3.283)", "(3.584, −1.848)"]


def test_the_maps_follow_while_a_slider_is_dragged(page: Page, address: str) -> None:
    """The mouse button stays down: coarse or fine, something new is drawn at every step; then all is fine."""
    opened(page, address, TWO)
    before, other = labels(page, 0), page.evaluate(f"{MAP.format(1)}.shown.entry.key")
    box = slider(page, "card.0.lr").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] / 2)
    page.mouse.down()
    keys = set()
    for share in (0.3, 0.4, 0.7):
        seq = int(page.evaluate(f"{MAPS}.dataset.seq"))
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        page.wait_for_function(f"{MAPS}.dataset.seq > {seq}")
        keys.add(page.evaluate(f"{MAP.format(0)}.shown.entry.key"))
    assert len(keys) == 3
    page.mouse.up()
    page.wait_for_function(f"{FINE} && new URL(location).searchParams.get('card.0') !== 'gradient_descent,lr=0.01'")
    expect(page.get_by_test_id("map").first).to_have_attribute("data-every", "1")
    lr = float(query(page)["card.0"].partition("lr=")[2])
    direct = basins(RULES["gradient_descent"], SURFACES["himmelblau"], resolution=64, steps=500, hyper={"lr": lr})
    now = labels(page, 0)
    assert (now != before).any()
    np.testing.assert_array_equal(now < 200, (direct.minimum >= 0).ravel())
    assert page.evaluate(f"{MAP.format(1)}.shown.entry.key") == other


def test_slow_maps_are_coarse_first_and_give_way(page: Page, address: str) -> None:
    """Fine maps of 10,000 steps that never stop take seconds; a slider moved meanwhile is answered before."""
    rules = "&".join(f"card.{k}={rule}" for k, rule in enumerate(("adam", "nadam", "rmsprop")))
    page.goto(f"{address}/maps?map.resolution=512&steps=10000&stop=none&{rules}")
    page.wait_for_function(f"{MAPS}?.dataset.drawn > 0")
    seen = []
    for _ in range(3):
        seq = int(page.evaluate(f"{MAPS}.dataset.seq"))
        slider(page, "card.2.lr").press("ArrowRight")
        page.wait_for_function(f"{MAPS}.dataset.seq > {seq}")
        seen.append(page.evaluate(f"{MAP.format(2)}.shown.entry.every"))
    assert max(seen) > 1
    assert query(page)["card.2"] != "rmsprop"


def test_hovering_says_what_became_of_a_start_in_every_map(page: Page, address: str) -> None:
    opened(page, address, TWO)
    said = page.get_by_test_id("map-said")
    counts = said.nth(1).inner_text()
    assert "of the starts reach one of the 4 lowest minima" in counts
    page.mouse.move(*at(page, 0, 3.2, 2.3))
    for number, rule in enumerate(("gradient_descent", "adam")):
        direct = basins(RULES[rule], SURFACES["himmelblau"], resolution=64, steps=500)
        column, row = (int(np.argmin(np.abs(axis - value))) for axis, value in ((direct.x, 3.2), (direct.y, 2.3)))
        expect(said.nth(number)).to_contain_text(f"reaches (3, 2) in {direct.steps[row, column]} steps")
    page.mouse.move(5, 5)
    expect(said.nth(1)).to_have_text(counts)


def test_a_click_opens_the_path_on_trajectories(page: Page, address: str) -> None:
    opened(page, address, TWO)
    page.mouse.click(*at(page, 1, -2.0, 3.5))
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    start = page.evaluate(f"{PLOT}.latest.start")
    assert np.allclose(start, (-2.0, 3.5), atol=10 / 64)
    direct = basins(RULES["adam"], SURFACES["himmelblau"], resolution=64, steps=500)
    row, column = np.argmin(np.abs(direct.y - start[1])), np.argmin(np.abs(direct.x - start[0]))
    assert start == pytest.approx([direct.x[column], direct.y[row]])
    table = page.get_by_test_id("live-plot").get_by_test_id("table")
    expect(table.locator("tbody tr").nth(1).locator("td").nth(1)).to_have_text(str(direct.steps[row, column]))


def test_the_wheel_zooms_all_maps_and_a_double_click_shows_everything(page: Page, address: str) -> None:
    opened(page, address, TWO)
    page.mouse.move(*at(page, 1, 3, 2))
    page.mouse.wheel(0, -400)
    page.wait_for_function(f"{MAPS}.ravine.latest.window[1] < 4.9 && {FINE}")
    x0, x1, y0, y1 = page.evaluate(f"{MAPS}.ravine.latest.window")
    assert (3 - x0) / (x1 - x0) == pytest.approx(0.8, abs=0.02)  # what lies under the pointer stays there
    assert x1 - x0 == pytest.approx(y1 - y0)
    for number in (0, 1):
        assert page.evaluate(f"{MAP.format(number)}.shown.entry.x.high") == x1
    page.wait_for_function("new URL(location).searchParams.has('window')")
    page.mouse.dblclick(*at(page, 0, 3, 2))
    page.wait_for_function(f"JSON.stringify({MAPS}.ravine.latest.window) === '[-5,5,-5,5]'")
    assert page.get_by_test_id("maps").is_visible()  # a double click opens nothing


def test_a_drag_moves_the_window(page: Page, address: str) -> None:
    opened(page, address, TWO)
    page.mouse.move(*at(page, 0, 0, 0))
    page.mouse.down()
    page.mouse.move(*at(page, 0, 1, -1), steps=4)
    page.mouse.up()
    page.wait_for_function(f"{MAPS}.ravine.latest.window[0] < -0.5 && !{MAPS}.ravine.view && {FINE}")
    assert page.evaluate(f"{MAPS}.ravine.latest.window") == pytest.approx([-6, 4, -4, 6], abs=0.2)


def test_a_click_in_a_plane_loads_the_cell(page: Page, address: str) -> None:
    opened(page, address, PLANE)
    key = page.evaluate(f"{MAP.format(0)}.shown.entry.key")
    after(page, lambda: page.mouse.click(*at(page, 0, 0.05, 0.7)))
    lr, momentum = (page.evaluate(f"{MAPS}.ravine.latest.values['card.0.{name}']") for name in ("lr", "momentum"))
    assert lr == pytest.approx(0.05, rel=0.11)  # 64 cells over 5 decades
    assert momentum == pytest.approx(0.7, abs=0.01)
    assert page.evaluate(f"{MAP.format(0)}.shown.entry.present") == [lr, momentum]
    assert page.evaluate(f"{MAP.format(0)}.shown.entry.key") == key  # the plane itself is the same
    page.wait_for_function("new URL(location).searchParams.get('card.0') !== 'momentum,lr=0.001,momentum=0.5'")
    page.mouse.move(*at(page, 0, 0.05, 0.7))
    expect(page.get_by_test_id("map-said")).to_contain_text("lr η 0.0")
    expect(page.get_by_test_id("legend")).to_contain_text("beyond it no run settles")


def test_what_is_seen_is_saved(page: Page, address: str, tmp_path: Path) -> None:
    opened(page, address, TWO)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    file = tmp_path / "maps.png"
    download.value.save_as(file)
    assert download.value.suggested_filename == "ravine-basins-himmelblau.png"
    shown = np.asarray(Image.open(file).convert("RGB"))
    wanted = colour(page, 0, 3.2, 2.4)[:3]
    assert (shown == wanted).all(axis=2).sum() > 100
    assert shown.shape[1] >= 2 * page.evaluate(f"{MAPS}.ravine.width")


def test_a_large_map_is_made_and_can_be_stopped(page: Page, address: str) -> None:
    opened(page, address, "?map.resolution=64&card.0=gradient_descent&steps=10000&stop=none")
    page.get_by_text("A large map", exact=True).click()
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    expect(page.get_by_role("button", name="NPZ")).to_be_hidden()
    after(page, lambda: slider(page, "card.0.lr").press("ArrowRight"))  # the page goes on
