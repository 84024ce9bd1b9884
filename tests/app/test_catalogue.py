"""The Catalogue page through Streamlit's AppTest: what it sends to the browser, what it shows of one rule."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from optim_core import RULES
from tests.patience import SECONDS
from views.catalogue import catalogue, thumbnails
from views.shared.packing import unpack

APP = str(Path(__file__).parents[2] / "app.py")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/catalogue.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def sent(app: AppTest) -> dict:
    """The message of the timeline and the cards."""
    assert not app.exception
    payloads = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    assert len(payloads) == 1
    return unpack(payloads[0])


def test_every_rule_has_a_card() -> None:
    thumbnails.draw(120)
    shown = sent(opened())
    assert [rule["name"] for rule in shown["rules"]] == list(RULES)
    assert shown["complete"] is True
    assert shown["view"] == {"search": "", "families": [], "rule": None}
    known = {family["name"] for family in shown["families"]}
    for rule in shown["rules"]:
        assert rule["path"].startswith("M"), rule["words"]
        assert rule["words"]
        assert rule["change"]
        assert rule["state"]
        assert rule["family"] in known
        assert rule["badge"]["kind"] in ("held", "failed", "stale", "none")
        assert rule["trains"] or any(note.startswith("Trains no network: ") for note in rule["notes"])
    assert [rule["year"] for rule in shown["rules"]] == sorted(rule["year"] for rule in shown["rules"])


def test_the_list_is_not_sent_twice() -> None:
    thumbnails.draw(120)
    app = opened()
    key = sent(app)["key"]
    app.session_state["cards:have"] = frozenset({key})
    app.run()
    assert sent(app).keys() == {"view", "key", "complete", "seq", "stamp"}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_in_full(name: str) -> None:
    rule = RULES[name]
    app = opened(rule=name)
    assert sent(app)["view"]["rule"] == name
    assert len(app.latex) == 1
    assert rule.latex.split(r",\quad ")[0] in app.latex[0].value
    (code,) = app.code
    assert code.value.strip() == rule.source.strip()
    hyperparameters = app.table[0].value
    assert list(hyperparameters["Name"]) == [f"`{field}`" for field in rule.Hyper._fields]
    assert ("On networks" in hyperparameters) == (rule.network is not None)


def test_an_address_with_rubbish() -> None:
    app = opened(rule="<script>", families="sign,nonsense", search="x" * 1000, steps="3")
    assert sent(app)["view"] == {"search": "x" * 100, "families": ["sign"], "rule": None}
    said = " ".join(markdown.value for markdown in app.markdown)
    assert "There is no rule" in said
    assert "There is no family" in said
    assert "There is no setting" in said
    assert not app.code


def test_a_rule_whose_path_fails_stands_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    thumbnails.draw(120)

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.delitem(thumbnails.drawn, "adam")
    monkeypatch.setattr(thumbnails, "trace", refuse)
    catalogue._listing.cache_clear()
    shown = sent(opened())
    adam = next(rule for rule in shown["rules"] if rule["name"] == "adam")
    assert (adam["path"], len(shown["rules"])) == ("", len(RULES))
    assert "no such luck" in adam["words"]
    del thumbnails.drawn["adam"]
    catalogue._listing.cache_clear()


def test_without_a_record_nothing_is_verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalogue, "FILE", tmp_path / "none.json")
    assert {rule["badge"]["kind"] for rule in sent(opened())["rules"]} == {"none"}
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    monkeypatch.setattr(catalogue, "FILE", broken)
    assert {rule["badge"]["word"] for rule in sent(opened())["rules"]} == {"not verified"}
