"""The states of all pages: from a state to a link and back, and what is made of links that say something else."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from views.catalogue.catalogue import View as Catalogue
from views.gradients.gradients import Place
from views.maps.state import MapState
from views.shared.settings import Settings
from views.shared.state import MAX_LINK, Fields
from views.study.minibatch_state import Study
from views.study.momenta import Momenta
from views.training.plan import Plan
from views.training.race import View as Board
from views.tuning.tuning import TuningState

PAGES: list[Any] = [Place, Study, Momenta, TuningState, Settings, MapState]
STATES = [*PAGES, Plan, Board, Catalogue]  # Plan and Board share an address, and the catalogue has its own sentences
TEXTS = (
    st.text(max_size=20)
    | st.floats().map(repr)
    | st.integers().map(str)
    | st.sampled_from(["", "0", "1", "-1", "nan", "1,2", "1e-3,2", "rosenbrock", "formula:x^2+y^2", "adam", "grid"])
    | st.sampled_from(["adam,lr=0.5,off", "torch.Adam,lr=0.5", "none", "cosine", "sign,momentum", "cuda:0", "True"])
)


def paths(kind: Any) -> list[str]:
    """What may be set of a state, and what may stand in its link."""
    if kind is Catalogue:
        return ["search", "families", "rule"]
    fields = [f"{path}.{name}" for path, one in kind.SETTINGS.items() if isinstance(one, Fields) for name in one.fields]
    return list(dict.fromkeys([*kind.SETTINGS, *fields, *kind().to_query(), *kind().values()]))


@pytest.mark.parametrize("kind", STATES)
def test_the_first_state_is_its_own_link(kind: Any) -> None:
    state = kind()
    again = kind.from_query(state.to_query())
    assert again == state
    assert not again.problems


@pytest.mark.parametrize("kind", STATES)
@settings(max_examples=80, deadline=None)
@given(st.data())
@example(None)
def test_changes_that_are_allowed_come_back_from_the_link(kind: Any, data: Any) -> None:
    """Whatever is tried: what was taken is in the link, what was not has a sentence and changed nothing."""
    state = kind()
    if data is not None:
        for path in data.draw(st.lists(st.sampled_from(paths(kind)), max_size=6)):
            before, text = state.to_query(), data.draw(TEXTS)
            state.apply(path, text)
            if path in state.problems:
                assert state.problems[path].endswith(".")
                assert state.to_query() == before
    again = kind.from_query(state.to_query())
    assert again.to_query() == state.to_query()
    assert not again.problems


@pytest.mark.parametrize("kind", STATES)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_link_gives_a_state_and_a_sentence_for_what_is_wrong(kind: Any, data: Any) -> None:
    usual = kind().to_query()
    names = st.sampled_from(paths(kind)) | st.text(max_size=20)
    query = usual | data.draw(st.dictionaries(names, TEXTS, max_size=5))
    for name in data.draw(st.lists(st.sampled_from(paths(kind)), max_size=3)):
        query.pop(name, None)
    state = kind.from_query(query)
    assert all(sentence.endswith(".") for sentence in state.problems.values())
    assert kind.from_query(state.to_query()).to_query() == state.to_query()


def test_a_point_that_is_set_takes_back_what_was_said_of_its_parts() -> None:
    state = Place()
    state.apply("point.x", "x")
    state.apply("point", [1, "y"])
    assert set(state.problems) == {"point.x", "point"}
    state.apply("point", [1, 2])
    assert not state.problems
    state.apply("point", [1])
    state.apply("point.x", 3)
    assert not state.problems
    assert state.point == (3.0, 2.0)


@pytest.mark.parametrize("value", [None, 5, [["adam"]], {"adam": 1}, "adam,zzz", []])
def test_what_are_no_names_of_optimizers_gets_a_sentence(value: Any) -> None:
    state = TuningState()
    state.apply("rules", value)
    assert state.problems["rules"].endswith(".")
    assert state.rules == TuningState().rules


@pytest.mark.parametrize("kind", [Settings, Plan])
def test_what_a_link_says_of_cards_is_taken_or_said(kind: Any) -> None:
    wrong = {"card.0": "nothing", "card.x": "adam", "card.18": "adam"}
    state = kind.from_query(wrong)
    assert state.cards == kind.from_query({}).cards
    assert "'nothing'" in state.problems["link"]
    assert "card = 'x' is not a number" in state.problems["link"]
    assert "card = 18 is not allowed; it must lie in [0, 17]" in state.problems["link"]
    state = kind.from_query(wrong | {"card.3": "adam,lr=0.25,off,speed=1", "card.03": "adam", "card.2": "momentum"})
    assert [(number, card.rule, card.on) for number, card in state.cards.items()] == [
        (2, "momentum", True), (3, "adam", False),
    ]  # fmt: skip
    assert state.cards[3].hyper["lr"] == 0.25
    assert "Adam has no 'speed'; card 3 stands there twice" in state.problems["link"]
    assert kind.from_query({"card": "none", **wrong}).cards == {}


@pytest.mark.parametrize("kind", PAGES)
def test_fields_that_mean_nothing_and_links_that_are_too_long_are_said(kind: Any) -> None:
    (sentence,) = kind.from_query(kind().to_query() | {f"map.x{k}": "1" for k in range(7)}).problems.values()
    assert sentence == (
        "In the link: fields that mean nothing here: 'map.x0', 'map.x1', 'map.x2', 'map.x3', 'map.x4' and 2 more."
    )
    state = kind.from_query(kind().to_query() | {"x": "1" * MAX_LINK})
    assert state.problems == {"link": f"The link is longer than {MAX_LINK} characters; it was not read."}
    assert state.to_query() == kind().to_query()
