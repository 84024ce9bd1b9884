"""What the Catalogue page shows of each rule: lineage, state, thumbnail, badge, parameters."""

import hashlib
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim_core import RULES, trace
from optim_core.engine.blocks import evaluate
from surfaces import SURFACES
from views.catalogue.badge import badge
from views.catalogue.catalogue import MAX_SEARCH, View, children, families, lineage, paper, parameters, parents
from views.catalogue.state_kept import state, state_sentence, state_short
from views.catalogue.thumbnails import SIDE, contour, path_data, thumbnail

ADAM = RULES["adam"]


# ---------------------------------------------------------------- lineage


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_in_a_line_what_it_changes(name: str) -> None:
    rule = RULES[name]
    assert re.fullmatch(r"[A-Z0-9].{15,118}\.", rule.change), rule.change
    assert "".join(part if isinstance(part, str) else part[1] for part in lineage(rule)) == rule.change
    for parent in parents(rule):
        assert RULES[parent].year <= rule.year
        assert name in children(RULES[parent])
        assert parent != name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gradient_descent", []), ("momentum", ["gradient_descent"]), ("adam", ["rmsprop", "momentum"]),
     ("rmsprop", ["rprop", "adagrad"]), ("demon_adam_damped", ["demon_adam", "adam"]), ("adamw", ["adam"]),
     ("qhm", ["momentum_average", "gradient_descent", "nesterov"]), ("lion", ["signum"]),
     ("schedule_free_adamw", ["adamw", "schedule_free_sgd"])],
)  # fmt: skip
def test_parents_are_the_rules_that_the_line_names(name: str, expected: list[str]) -> None:
    assert parents(RULES[name]) == expected


def test_what_a_rule_lacks_is_no_parent() -> None:
    without = replace(ADAM, change="RMSProp without momentum, and with AdamX.")
    assert parents(without) == ["rmsprop"]


# ---------------------------------------------------------------- state


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gradient_descent", "none"), ("sign_descent", "none"), ("momentum", "1 number"), ("adam", "2 numbers"),
     ("amsgrad", "3 numbers"), ("aggmo", "3 numbers"), ("rprop", "1 number + 1 sign"), ("lion", "1 number")],
)  # fmt: skip
def test_the_state_per_parameter(name: str, expected: str) -> None:
    assert state_short(RULES[name]) == expected


def test_the_state_in_a_sentence() -> None:
    assert state_sentence(RULES["gradient_descent"]) == "Nothing is kept between steps."
    assert state_sentence(ADAM) == (
        "2 numbers per parameter (m, v) and 2 numbers per run (beta1_t, beta2_t). "
        "In float32 that is 8 bytes per parameter."
    )
    assert "1 sign per parameter (before: only −, 0 or + matters)" in state_sentence(RULES["rprop"])


@pytest.mark.parametrize("name", RULES)
def test_every_state_field_is_counted_once(name: str) -> None:
    counted = [field for kind in state(RULES[name]) for field in kind]
    assert sorted(counted) == sorted(RULES[name].state_slots)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if state(rule).signs])
def test_a_field_is_a_sign_where_its_size_changes_nothing(name: str) -> None:
    """A whole run with the field cut down to its sign after every step is the same run."""
    rule = RULES[name]
    h, size = rule.Hyper(), 5
    x = y = np.linspace(-2.0, 3.0, size)
    s = r = rule.init(x)
    for t in range(1, 40):
        x, s = rule.step(x, np.sin(3 * x) + x, s, h, t, 40)
        y, r = rule.step(y, np.sin(3 * y) + y, r, h, t, 40)
        r = r._replace(**{field: np.sign(getattr(r, field)) for field in state(rule).signs})
        np.testing.assert_array_equal(x, y)


# ---------------------------------------------------------------- thumbnails


def points(d: str) -> np.ndarray:
    return np.array([[float(part) for part in pair.split()] for pair in d.removeprefix("M").split("L")])


@pytest.mark.parametrize("name", ["gradient_descent", "momentum", "adam"])
def test_a_thumbnail_is_the_path_of_the_first_picture(name: str) -> None:
    surface = SURFACES["ravine"]
    path = trace(RULES[name], surface, surface.start, 300).path
    drawn = points(thumbnail(RULES[name]).path) / SIDE * 10 * (1, -1) + (-5, 5)
    np.testing.assert_allclose(drawn[0], surface.start, atol=0.006)
    np.testing.assert_allclose(drawn[-1], path[-1], atol=0.006)
    for point in path:  # none is further away from the line than what was left out
        assert np.abs(drawn - point).max(axis=1).min() < 0.06
    assert len(drawn) < len(path)


def test_a_path_that_leaves_all_bounds_is_cut() -> None:
    assert points(path_data(np.array([[0.0, 0.0], [1.0, 1.0], [1e12, 0.0], [0.0, 0.0]]))).max() < 2 * SIDE
    assert points(path_data(np.array([[0.0, 0.0], [np.nan, 1.0], [0.0, 3.0]]))).tolist() == [[500, 500]]


def test_a_rule_that_cannot_be_traced_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def step(*_: Any) -> None:
        raise RuntimeError("no such luck")

    broken = replace(RULES["muon"], step=step)
    drawn = thumbnail(broken)
    assert drawn.path == ""
    assert drawn.words.startswith("its path could not be drawn (")
    assert "muon" in caplog.text


def test_the_level_lines_are_the_ravine_s() -> None:
    surface = SURFACES["ravine"]
    for rx, ry in contour():
        t = np.linspace(0, 6, 9)
        z = evaluate(surface, rx / SIDE * 10 * np.cos(t), ry / SIDE * 10 * np.sin(t), surface.Parameters())
        np.testing.assert_allclose(z, z[0])


# ---------------------------------------------------------------- badges


def recorded(**changes: Any) -> dict[str, Any]:
    check = {"against": "torch.optim.Adam", "version": "torch 2.13.0", "surface": "rosenbrock", "hyper": {"lr": 0.01},
             "steps": 1000, "difference": 3.1e-15, "bound": 1e-12, "why": "", "passed": True} | changes  # fmt: skip
    other = {
        **check,
        "against": "rule rmsprop_corrected",
        "version": "",
        "steps": 50,
        "difference": 0.0,
        "passed": True,
    }
    source = hashlib.sha256(ADAM.source.encode()).hexdigest()
    return {"versions": {}, "rules": {"adam": {"source": source, "checks": [other, check]}}}


def test_a_badge_is_earned_by_checks_that_have_passed() -> None:
    held = badge(ADAM, recorded())
    assert (held.kind, held.word) == ("held", "torch.optim.Adam")
    assert held.against == ["torch.optim.Adam (torch 2.13.0)", "identity with RMSProp (bias-corrected)"]
    assert held.sentence == (
        "2 checks of 50 to 1,000 steps; the differences are at most 1e−12 of the path’s size "
        "(3.1e−15 where it was recorded)."
    )
    assert [row["Held"] for row in held.rows] == ["yes", "yes"]
    assert held.rows[1]["Settings"] == "lr = 0.01"
    assert badge(ADAM, recorded(why="it ends soon", steps=50)).reasons == ["it ends soon"]
    assert held.rows[1]["Difference where recorded"] == "3.1e−15"


def test_no_badge_where_a_check_has_failed() -> None:
    failed = badge(ADAM, recorded(passed=False, difference=0.3))
    assert (failed.kind, failed.word) == ("failed", "1 of 2 checks failed")
    nothing = badge(ADAM, recorded(passed=False, difference=None))
    assert (nothing.kind, nothing.rows[1]["Difference where recorded"]) == ("failed", "–")
    assert "not all came to an end" in nothing.sentence


def test_no_badge_where_the_source_has_changed_since() -> None:
    changed = badge(replace(ADAM, source=ADAM.source + "\n"), recorded())
    assert (changed.kind, changed.word) == ("stale", "to be verified again")


@pytest.mark.parametrize(
    "found",
    [{}, {"rules": {}}, {"rules": {"adam": {}}}, {"rules": {"adam": {"source": "", "checks": []}}}, {"rules": None},
     {"rules": {"adam": {"source": "", "checks": [{"against": "x"}]}}},
     {"rules": {"adam": {"source": "", "checks": 3}}}],
)  # fmt: skip
def test_no_badge_where_nothing_is_recorded(found: dict) -> None:
    assert badge(ADAM, found).kind == "none"


def test_passed_must_be_true_and_nothing_like_it() -> None:
    assert badge(ADAM, recorded(passed="yes")).kind == "failed"


# ---------------------------------------------------------------- one rule, in full


def test_the_table_of_hyperparameters() -> None:
    rows = parameters(RULES["adam"])
    assert rows[0] == {
        "Symbol": r"$\eta$", "Name": "`lr`", "On surfaces": "0.1", "On networks": "0.001", "Allowed": r"\(0, 1e6\]",
    }  # fmt: skip
    assert rows[-1]["On surfaces"] == "on"
    assert "On networks" not in parameters(replace(ADAM, network=None))[0]


@pytest.mark.parametrize("name", RULES)
def test_the_paper_keeps_its_words(name: str) -> None:
    said = paper(RULES[name])
    assert "``" not in said
    without_links = re.sub(r"\]\(https://arxiv\.org/abs/[\d.]+\)", "", said)
    letters = re.compile(r"[\W_]+")
    assert letters.sub("", without_links) == letters.sub("", RULES[name].paper)


def test_arxiv_is_linked() -> None:
    assert "[arXiv:1412.6980](https://arxiv.org/abs/1412.6980)" in paper(ADAM)


# ---------------------------------------------------------------- the address


def test_the_address_holds_what_is_looked_at() -> None:
    view = View.from_query({"search": "decay", "families": "sign,momentum", "rule": "adam"})
    assert (view.search, view.families, view.rule) == ("decay", ("momentum", "sign"), "adam")
    assert View.from_query(view.to_query()) == view
    assert View().to_query() == {}


def test_what_is_wrong_in_an_address_gets_a_sentence() -> None:
    view = View.from_query({"rule": "adamm", "families": "sign,zzz", "colour": "red"})
    assert (view.rule, view.families) == (None, ("sign",))
    assert "adam" in view.problems["rule"].partition("near it: ")[2]
    assert view.problems["families"].startswith("There is no family 'zzz'; there are: ")
    assert view.problems["link"] == "There is no setting 'colour' here."


@given(st.dictionaries(st.sampled_from(["search", "families", "rule", "x", ""]), st.text(max_size=300)))
def test_any_address_can_be_read(query: dict[str, str]) -> None:
    view = View.from_query(query)
    assert view.rule is None or view.rule in RULES
    assert set(view.families) <= set(families())
    assert len(view.search) <= MAX_SEARCH
    assert all(sentence.endswith(".") for sentence in view.problems.values())
    again = View.from_query(view.to_query())
    assert (again.search, again.families, again.rule) == (view.search, view.families, view.rule)


def test_families_can_be_told_apart() -> None:
    assert set(families()) == {rule.family for rule in RULES.values()}
    assert len(set(families().values())) == len(families())
