"""What no browser of ours sends: every message of another shape is left out with a sentence, and the page goes on."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError

from tests.socket_session import Session, served, visitor
from views.catalogue.catalogue import View
from views.gradients.gradients import Place
from views.maps.state import MapState
from views.shared.problems import MOST
from views.shared.received import LARGEST, PARTS, TEXT, Change
from views.shared.settings import Settings
from views.study.minibatch_state import Study
from views.study.momenta import Momenta
from views.training.plan import Plan
from views.tuning.tuning import TuningState

FORMULA = "surface=formula:x^2%2By^2"
SPEAKING = ("", "maps", "gradients", "minibatch", "momenta", "training", "catalogue")
ACTIONS = ("remove", "duplicate", "help", "show", "story", "open", "refine", "stop", "resume", "delete", "rename")
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 1e308, -0.0, LARGEST])
SCALARS = (
    st.none() | st.booleans() | NUMBERS | st.text(max_size=30) | st.sampled_from(["\ud800", "x" * (TEXT + 1), "\0"])
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
TEXTS = st.sampled_from(
    ["", "{", "null", "[]", '"x"', "5", "NaN", '{"change": null}', '{"change": NaN}', "[" * 5000 + "]" * 5000,
     '{"change": ' + '{"set": ' * 2000 + "1" + "}" * 2001, '{"change": {"seq": ' + "1" * 5000 + "}}"]
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("server")) as found:
        yield found


def changes(paths: list[str]) -> st.SearchStrategy:
    """Changes of which any part may be anything; most have the shape of one, so that what is wrong lies deeper."""
    path = st.sampled_from(
        [*paths, "view.hidden", "view.smoothing", "text", "window", "map.x.name", "families", "rule"]
    )
    action = st.fixed_dictionaries({"seq": st.just(LARGEST)}) | JUNK
    pressed = st.builds(lambda name, value, seq: {name: value, "seq": seq}, st.sampled_from(ACTIONS), JUNK, NUMBERS)
    shaped = st.fixed_dictionaries(
        {
            "seq": st.integers(1, 1000) | JUNK,
            "set": st.dictionaries(path | st.text(max_size=120), SCALARS | st.lists(SCALARS, max_size=4), max_size=3)
            | JUNK,
            "actions": st.lists(pressed | action, max_size=3) | JUNK,
            "final": st.booleans() | JUNK,
        },
        optional={"have": JUNK, "need": JUNK, "zzz": JUNK},
    )
    return shaped | JUNK


def dumped(value: object) -> str:
    return json.dumps({"change": value})


@given(changes(["steps", "start"]))
@example(
    {"seq": 1, "set": {"steps": 10**400, "start": [-(10**400), 2**1023, -(2**1023)]}, "actions": [], "final": True}
)
@example({"seq": 1, "set": {"start": [1] * (PARTS + 1)}, "actions": [], "final": True})
def test_what_is_read_is_plain_and_bounded(value: object) -> None:
    try:
        change, said = Change.read(value), ""
    except ValueError as error:
        change, said = None, str(error)
    if change is None:
        assert 10 < len(said) < 300
        return
    assert 0 <= change.seq <= LARGEST
    assert isinstance(change.final, bool)
    assert all(isinstance(key, str) for key in change.have)
    parts = list(change.set.values()) + [part for action in change.actions for part in action.values()]
    for part in (one for value in parts for one in (value if isinstance(value, list) else [value])):
        assert part is None or isinstance(part, (bool, int, float, str))
        if isinstance(part, str):
            assert len(part.encode()) <= 4 * TEXT
        elif part is not None:
            float(part)


def test_a_change_of_the_pages_scripts_is_read_as_it_is() -> None:
    sent = {"seq": 5, "set": {"steps": 7, "window": [1, 2.5, "3", None]}, "final": False, "have": ["a", "b"],
            "actions": [{"seq": 4, "remove": 1}, {"seq": 5, "rename": ["run", "name"]}]}  # fmt: skip
    change = Change.read(sent)
    assert (change.seq, change.set, change.final, change.need) == (5, sent["set"], False, False)
    assert change.have == {"a", "b"}
    assert change.after(4) == [{"rename": ["run", "name"]}]
    assert change.after(0) == [{"remove": 1}, {"rename": ["run", "name"]}]
    assert Change.read({"seq": 1, "set": {}, "have": "key"}).have == {"key"}


@pytest.mark.parametrize("text", ["{", "[" * 5000 + "]" * 5000, dumped([1]), dumped({"seq": 1, "set": {"steps": {}}})])
def test_it_is_left_out_with_a_sentence(address: str, text: str) -> None:
    with visitor(address) as session:
        before = session.shown["values"]
        session.send(text)
        assert session.errors == []
        assert len(session.toasts) == 1
        assert session.toasts[0].startswith("A message of this page was left out")
        session.run()
        assert session.toasts == []
        assert session.shown["values"] == before


def test_a_message_that_is_too_large_is_not_read(address: str) -> None:
    with visitor(address) as session, pytest.raises(ConnectionClosedError, match="1009"):
        session.send(" " * 1_000_001)
    with visitor(address) as session:
        assert session.errors == []


def again(session: Session) -> None:
    """The page does what it is told, after whatever has been sent to it."""
    session.run()
    assert session.errors == []
    if "steps" in session.shown.get("values", {}):
        for steps in (23, 31):
            session.change({"set": {"steps": steps}})
            assert session.errors == []
            assert session.shown["values"]["steps"] == steps


@pytest.mark.parametrize("page", SPEAKING)
def test_no_message_ends_a_page(address: str, page: str) -> None:
    with visitor(address, page) as session:
        assert session.speaker

        @settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
        @given(changes(sorted(session.shown.get("values", {}))).map(dumped) | TEXTS)
        def send(text: str) -> None:
            session.send(text)
            assert session.errors == []

        send()
        again(session)


def test_no_message_ends_the_field_of_a_formula(address: str) -> None:
    with visitor(address, query=FORMULA) as session:
        (field,) = (widget for widget in session.widgets if widget.endswith("surface:field"))

        @settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
        @given(changes(["text", "window"]).map(dumped) | TEXTS)
        @example(dumped({"seq": 1, "set": {"text": "x", "window": None}, "final": True}))
        @example(dumped({"seq": 1, "set": {"text": ["x"], "window": [10**400, 1, 2, 3]}, "final": True}))
        @example(dumped({"seq": 1, "set": {"text": "x", "window": [10**400, "y", None, 3]}, "final": True}))
        def send(text: str) -> None:
            session.run(session.state({field: {"json_value": text}}))
            assert session.errors == []

        send()
        again(session)


WRONG = (
    {"int_value": -(2**63)}, {"double_value": float("nan")}, {"double_value": 1e300}, {"string_value": "zzz"},
    {"bool_value": True}, {"json_value": "{"}, {"bytes_value": b"\xff"}, {"string_array_value": ["zzz", "b"]},
    {"double_array_value": [1e300, 2.0]}, {"int_array_value": [99]}, {"json_trigger_value": "["},
    {"trigger_value": True},
)  # fmt: skip


@pytest.mark.parametrize("page", [*SPEAKING, "tuning"])
def test_no_value_ends_a_page_whatever_widget_it_is_for(address: str, page: str) -> None:
    """The wrong kind of value, and wrong ones of the right kind, for everything on the page."""
    with visitor(address, page) as session:
        for value in WRONG:
            session.run(session.state(dict.fromkeys(session.widgets, value)))
            assert session.errors == [], value
            session.run()
            assert session.errors == [], value
        again(session)


def test_what_a_browser_has_is_left_out_until_it_asks_for_all(address: str) -> None:
    with visitor(address) as session:
        names = [session.shown["grid"]["content"], *(run["content"] for run in session.shown["runs"])]
        session.change({"set": {"card.1.lr": 0.0123}, "have": names, "final": False})
        assert [run.get("less", False) for run in session.shown["runs"]] == [True, False, True]
        assert "z" not in session.shown["grid"]
        assert session.shown["runs"][1]["content"] not in names
        session.change({"need": True, "have": [], "final": False})
        assert len(session.shown["grid"]["z"]) == 200 * 200
        assert all("path" in run and "less" not in run for run in session.shown["runs"])
        # Whoever asks moves nothing: the address says what is seen.
        assert "lr%3D0.0123" in session.query


def test_a_whole_number_is_taken_as_a_browser_sends_it(address: str) -> None:
    """A field of numbers is declared to hold a double, and a browser sends an int from it where it is whole."""
    with visitor(address, "tuning", "trials=60&evaluations=60&starts=4") as session:
        numbers = {"trials": 61, "evaluations": 80, "starts": 3}
        fields = {name: next(one for one in session.widgets if one.endswith(f"tuning:{name}")) for name in numbers}
        session.run(session.state({fields[name]: {"int_value": value} for name, value in numbers.items()}))
        assert session.errors == []
        assert {f"{name}={value}" for name, value in numbers.items()} <= set(session.query.split("&"))


STATES = (Settings, MapState, Place, Study, Momenta, TuningState, Plan, View)


@pytest.mark.parametrize("state", [state() for state in STATES], ids=lambda state: type(state).__name__)
def test_what_is_said_of_wrong_settings_stays_bounded(state: Settings) -> None:
    for number in range(3 * MOST):
        state.apply(f"{number}." + "x" * 100_000, "y" * 100_000)
        state.apply(f"map.{number}", "y" * 1000)
    state.apply("epochs" if isinstance(state, Plan) else "steps", "many")
    said = state.problems
    assert len(said) <= 2 * MOST
    assert sum(len(path) + len(text) for path, text in said.items()) < 2 * MOST * 1200
    assert next(reversed(said.values())).endswith(".")
