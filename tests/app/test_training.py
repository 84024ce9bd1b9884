"""The Training page through Streamlit's AppTest: what it launches, what the board is sent, how it meets bad input."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.patience import SECONDS
from training import runner
from training.optimizers import OPTIMIZERS
from training.run import FAILED, FINISHED, QUEUED, STOPPED, Owner
from training.runs import Store
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry
from training.trouble import StoreError
from views.shared.packing import unpack
from views.training.plan import MAX_RUNS, Plan, controls, estimate, key
from views.training.race import Race, View, colours_of, launches

APP = str(Path(__file__).parents[2] / "app.py")
OWNER = Owner.here()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A fresh store in which no runner works."""
    monkeypatch.setenv("RAVINE_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("RAVINE_ALLOW_LAUNCH", "1")  # a page that no browser asked for is closed otherwise
    monkeypatch.setattr(runner, "ensure", lambda *_: None)
    alone = [{"device": "cpu", "name": "a processor", "memory_free": 2**33, "slots": 3}]
    monkeypatch.setattr(runner, "status", lambda _: runner.RunnerStatus(1, "here", 0.0, alone))
    streamlit.cache_resource.clear()
    opened = Store()
    yield opened
    opened.close()


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/training.py")
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def board(app: AppTest) -> dict:
    """The message of the board."""
    assert not app.exception
    (payload,) = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    return unpack(payload)


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label.startswith(label))


ADAM = replace(recipe(TASKS["digits"], Entry("adam")), epochs=2)


def filled(store: Store, settings: RunSettings, status: str = FINISHED) -> str:
    (run,) = store.add([settings])
    assert store.start(run, OWNER, "cpu")
    points = [("train/loss", step, 1 / step) for step in range(1, 47)]
    points += [("epoch/test_accuracy", step, 0.9) for step in (23, 46)] + [("clock/wall", 46, 4.0)]
    assert store.write_points(run, points, OWNER)
    store.beat(run, OWNER, 46, 46, "training")
    store.record(run, {"training_seconds": 2.0})
    if status != "running":
        assert store.transition(run, "running", status)
    return run


def test_a_newcomer_finds_three_optimizers_and_one_button(store: Store) -> None:
    app = opened()
    assert board(app)["runs"] == []
    assert any("3 optimizers; roughly" in text.value for text in app.markdown)
    app = button(app, "Launch 3 runs").click().run()  # type: ignore[attr-defined]
    found = [RunSettings.from_json(run.settings) for run in store.queue()]
    assert [run.optimizer for run in found] == ["gradient_descent", "adam", "adamax"]
    assert {(run.task, run.epochs, run.seed, run.device) for run in found} == {("digits", 100, 0, "cpu")}
    shown = board(app)
    assert [run["title"] for run in shown["runs"]] == ["SGD", "Adam", "AdaMax"]
    assert {run["status"] for run in shown["runs"]} == {"queued"}
    assert shown["summary"]["sentence"] == "3 queued"


def test_every_task_and_every_preset_can_be_chosen(store: Store) -> None:
    app = opened()
    for task in TASKS:
        app = app.selectbox(key="choose:task").set_value(task).run()
        assert not app.exception
        for preset in TASKS[task].presets:
            app = app.selectbox(key="choose:preset").set_value(preset).run()
            board(app)


def test_any_optimizer_can_be_added(store: Store) -> None:
    app = opened()
    for name in OPTIMIZERS:
        app = app.selectbox(key="add").set_value(name).run()
        board(app)
    plan = app.session_state.plan
    assert len(plan.cards) == 18
    assert "at most 18 are allowed" in plan.problems["card"]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1"])
def test_nothing_is_launched_where_others_listen(store: Store, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store, ADAM)
    monkeypatch.delenv("RAVINE_ALLOW_LAUNCH")
    original = streamlit.get_option
    monkeypatch.setattr(streamlit, "get_option", lambda name: address if name == "server.address" else original(name))
    app = opened()
    assert button(app, "Launch").disabled  # type: ignore[attr-defined]
    assert any("RAVINE_ALLOW_LAUNCH=1" in text.value for text in app.caption)
    assert not board(app)["runs"][0]["may_act"]
    monkeypatch.setenv("RAVINE_ALLOW_LAUNCH", "1")
    app = opened()
    assert not button(app, "Launch").disabled  # type: ignore[attr-defined]
    assert board(app)["runs"][0]["may_act"]


def test_the_newest_launch_is_shown_with_all_its_points(store: Store) -> None:
    filled(store, ADAM)
    newest = filled(store, replace(ADAM, seed=1))
    shown = board(opened())
    assert [run["id"] for run in shown["runs"]] == [newest]
    assert shown["reset"]
    (loss,) = [one for one in shown["series"] if one["name"] == "train/loss"]
    assert loss["steps"].tolist() == list(range(1, 47))
    assert loss["values"][9] == 0.1
    assert shown["table"]["rows"][0]["cells"]["final"] == "90.00"


def test_a_link_says_what_is_shown_and_how(store: Store) -> None:
    first, second = filled(store, ADAM), filled(store, replace(ADAM, seed=1))
    grids = [store.get(run).grid for run in (first, second)]
    shown = board(opened(runs=",".join(grids), view__x="training", view__smoothing="0.5", view__group="0"))
    assert [run["id"] for run in shown["runs"]] == [first, second]
    assert (shown["view"]["x"], shown["view"]["smoothing"], shown["view"]["group"]) == ("training", 0.5, False)
    view = View()
    for name, value in (("x", "wall"), ("log_x", "1"), ("hidden", "a,b"), ("smoothing", 0.3)):
        view.apply(f"view.{name}", value)
    again = View.from_query(view.to_query())
    assert again == view


@pytest.mark.parametrize(
    "query", [{"view__x": "sideways"}, {"view__smoothing": "2"}, {"runs": "<b>"}, {"view__no": "1"}]
)
def test_a_wrong_link_shows_the_page_all_the_same(store: Store, query: dict[str, str]) -> None:
    board(opened(**query))


def test_a_store_of_another_version_is_a_sentence(store: Store) -> None:
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
        connection.commit()
    streamlit.cache_resource.clear()
    app = opened()
    assert not app.exception
    assert "another version of Ravine" in app.error[0].value


def test_only_what_is_new_is_sent_again(store: Store) -> None:
    run = filled(store, ADAM, status="running")
    race = Race()
    race.grids = (store.get(run).grid,)
    race.show(store.all())
    first = race.message(store, may_act=True, slots=1)
    assert first["reset"]
    last = first
    for _ in range(5):
        last = race.message(store, may_act=True, slots=1)
    assert not last["reset"]
    assert last["series"] == []
    assert store.write_points(run, [("train/loss", 47, 0.5)], OWNER)
    more = race.message(store, may_act=True, slots=1)
    assert [(one["name"], one["steps"].tolist()) for one in more["series"]] == [("train/loss", [47])]
    assert more["base"] <= last["cursor"] < more["cursor"]
    race.fresh = True
    assert len(race.message(store, may_act=True, slots=1)["series"]) == 3


def test_the_race_says_what_can_be_done_with_a_run(store: Store) -> None:
    running, stopped, finished = filled(store, ADAM, "running"), filled(store, ADAM, STOPPED), filled(store, ADAM)
    (unread, queued) = store.add([ADAM, ADAM])
    assert store.start(unread, OWNER, "cpu")  # and found no checkpoint that it could use
    assert store.transition(unread, "running", FAILED)
    race = Race()
    race.grids = tuple(run.grid for run in store.all())
    race.show(store.all())
    message = race.message(store, may_act=True, slots=1)
    actions = {run["id"]: run["actions"] for run in message["runs"]}
    assert actions[running] == actions[queued] == ["stop"]
    assert actions[stopped] == actions[unread] == ["resume", "anew", "rename", "delete"]
    assert actions[finished] == ["rename", "delete"]
    assert message["summary"]["sentence"] == "1 running, 1 stopped, 1 finished, 1 failed, 1 queued"
    store.request_stop(running)
    assert race.message(store, may_act=True, slots=1)["runs"][0]["stage"] == "stopping"


def test_settings_that_differ_have_colours_that_differ(store: Store) -> None:
    for seed in (0, 1):
        for optimizer in list(OPTIMIZERS)[:12]:
            for rate in (0.1, 0.01):
                store.add([recipe(TASKS["digits"], Entry(optimizer, {"lr": rate}), seed=seed)])
    found = colours_of(store.all())
    assert len(found) == len(set(found.values())) == 24
    assert len(launches(store.all())) == 48


def test_torchs_optimizers_are_dashed_beside_rules(store: Store) -> None:
    for entry in TASKS["digits"].presets["From scratch, against PyTorch"]:
        store.add([recipe(TASKS["digits"], entry)])
    dashes = [dash for _, dash in colours_of(store.all()).values()]
    assert dashes == ["", "7 4", "", "10 3 2 3", "", "7 4", "", "7 4"]
    colours = [colour for colour, _ in colours_of(store.all()).values()]
    assert colours[1] == colours[3]  # two settings of one optimizer
    assert len(set(colours)) == 7


def test_bad_numbers_are_said_beside_their_field() -> None:
    plan = Plan.of("digits")
    for path, value, sentence in [
        ("epochs", "many", "epochs = 'many' is not a number"), ("seeds", 0, "seeds = 0 is not allowed"),
        ("card.1.lr", -1, "lr = -1 is not allowed"), ("card.1.speed", 1, "Adam has no 'speed'"),
        ("batch_size", 1.5, "batch size = 1.5 is not a whole number"), ("nothing", 1, "there is no setting 'nothing'"),
    ]:  # fmt: skip
        before = plan.runs()
        plan.apply(path, value)
        assert sentence in plan.problems[path]
        with pytest.raises(ValueError, match="first mend what is marked"):
            plan.runs()
        plan.problems = {}
        assert plan.runs() == before
    plan.apply("epochs", "many")
    assert "epochs = 'many'" in controls(plan)["problems"]["epochs"]
    plan.apply("epochs", 3)
    assert "epochs" not in plan.problems


def test_a_grid_has_the_same_rates_around_each_optimizers_own() -> None:
    plan = Plan.of("digits")
    for path, value in (("rates", 3), ("factor", 10), ("seeds", 2), ("seed", 5)):
        plan.apply(path, value)
    runs = plan.runs()
    assert len(runs) == 18
    adam = [(run.seed, run.hyper["lr"]) for run in runs if run.optimizer == "adam"]
    assert adam == [(seed, rate) for seed in (5, 6) for rate in (1e-4, 1e-3, 1e-2)]
    assert plan.sentence(runs) == "3 optimizers × 3 learning rates × 2 seeds = 18 runs"
    plan.apply("seeds", 100)
    plan.apply("rates", 9)
    with pytest.raises(ValueError, match=f"2700 runs are more than the {MAX_RUNS}"):
        plan.runs()
    plan.cards = {}
    with pytest.raises(ValueError, match="no optimizer is chosen"):
        plan.runs()


def test_the_estimate_rests_on_earlier_runs_where_there_are_some() -> None:
    plan = Plan.of("digits")
    runs = plan.runs()
    assert "a guess: no run of this kind" in estimate(plan, runs, 3, {})
    images = sum(run.epochs * run.training_images for run in runs)
    said = estimate(plan, runs, 3, {key(runs[0]): [30 / images * 3]})
    assert said == "about 30 s by 1 earlier run of this kind, and 5 s to start"


def test_queued_runs_of_a_deleted_launch_stay(store: Store) -> None:
    (queued,) = store.add([ADAM])
    app = opened()
    app = button(app, "Delete").click().run()  # type: ignore[attr-defined]
    assert store.get(queued).status == QUEUED
    store.request_stop(queued)
    app = button(app, "Delete").click().run()  # type: ignore[attr-defined]
    assert store.all() == []
    assert board(app)["runs"] == []


def test_two_launches_alike_are_told_apart(store: Store) -> None:
    first, second = filled(store, ADAM), filled(store, ADAM)
    names = launches(store.all())
    assert len(set(names.values())) == 2
    app = opened(runs=store.get(first).grid)
    assert [run["id"] for run in board(app)["runs"]] == [first]
    app = app.selectbox(key="choose:schedule").set_value("cosine").run()
    assert [run["id"] for run in board(app)["runs"]] == [first]
    button(app, "Delete").click().run()  # type: ignore[attr-defined]
    assert [run.id for run in store.all()] == [second]


def test_what_is_shown_survives_a_visit_elsewhere(store: Store) -> None:
    run = filled(store, ADAM)
    app = opened()
    assert [one["id"] for one in board(app)["runs"]] == [run]
    app = app.switch_page("pages/trajectories.py").run()
    app = app.switch_page("pages/training.py").run()
    assert [one["id"] for one in board(app)["runs"]] == [run]


def test_a_run_that_this_version_does_not_know_is_no_traceback(store: Store) -> None:
    run = filled(store, ADAM)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET settings = '{}' WHERE id = ?", (run,))
    app = opened()
    assert board(app)["runs"] == []
    assert any("does not know" in label for label in app.multiselect[0].options)
    button(app, "Delete").click().run()  # type: ignore[attr-defined]
    assert store.all() == []


def test_a_gpu_that_is_reported_is_where_it_begins_and_is_missed_when_it_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        {"device": "cpu", "name": "a processor", "slots": 3},
        {"device": "cuda:0", "name": "a GPU", "memory_free": 2**36, "bfloat16": True, "slots": 1},
    ]
    monkeypatch.setattr(runner, "status", lambda _: runner.RunnerStatus(1, "here", 0.0, both))
    app = opened()
    plan = app.session_state.plan
    assert (plan.task, plan.device, plan.precision) == ("cifar10_fast", "cuda:0", "bfloat16")
    monkeypatch.setattr(runner, "status", lambda _: None)
    app = app.run()
    assert app.session_state.plan.device == "cuda:0"
    monkeypatch.setattr(
        runner, "status", lambda _: runner.RunnerStatus(1, "here", 0.0, both[:1], ["the driver sleeps"])
    )
    app = app.run()
    assert app.session_state.plan.device == "cuda:0"
    assert button(app, "Launch").disabled  # type: ignore[attr-defined]
    assert any("choose another device" in text.value for text in app.markdown)
    assert "the driver sleeps" in app.warning[0].value


def test_a_link_to_a_launch_that_is_gone_says_so(store: Store) -> None:
    filled(store, ADAM)
    assert "not here" in opened(runs="deadbeef").toast[0].value


def test_a_plan_survives_its_link(store: Store) -> None:
    plan = Plan()
    for task in TASKS:
        plan = Plan.of(task)
        assert Plan.from_query(plan.to_query()) == plan
        assert list(plan.to_query()) == ["task"]
        for path, value in (
            ("epochs", 7),
            ("l2", 0.25),
            ("schedule", "linear"),
            ("card.1.lr", 0.5),
            ("card.0.on", False),
        ):
            plan.apply(path, value)
        plan.add("torch.RAdam", {"beta1": 0.5})
        again = Plan.from_query(plan.to_query())
        assert again is not None
        assert (again.runs(), again.cards) == (plan.runs(), plan.cards)
    plan.cards = {}
    assert (empty := Plan.from_query(plan.to_query())) is not None
    assert empty.cards == {}
    app = opened(task="digits", epochs="9", card__3="adam,lr=0.25")
    assert [(run.optimizer, run.hyper["lr"], run.epochs) for run in app.session_state.plan.runs()] == [
        ("adam", 0.25, 9)
    ]


def test_what_is_wrong_in_a_link_is_said(store: Store) -> None:
    app = opened(task="digits", card__0="cma_es", card__1="adam,lr=-4")
    (said,) = app.toast
    text = said.value.replace("\\", "")
    assert "'cma_es' is no optimizer that trains networks" in text
    assert "lr = -4 is not allowed" in text
    assert [run.hyper["lr"] for run in app.session_state.plan.runs()] == [0.001]


def test_a_preset_with_another_optimizer_is_ones_own_choice() -> None:
    plan = Plan.of("digits")
    assert plan.preset is not None
    plan.add("muon")
    assert plan.preset is None


@given_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is slow
@given(
    st.dictionaries(
        st.sampled_from(["task", "epochs", "device", "card.0", "card.x", "card", "seed", "synthetic"]),
        st.sampled_from(["digits", "adam,lr=nan", "adam,lr", "", "none", "-1", "cuda:0", "True", "1e999"]),
    )
)
def test_no_link_makes_a_plan_that_raises(query: dict[str, str]) -> None:
    plan = Plan.from_query({"task": "digits", **query})
    if plan is not None:
        controls(plan)
        again = Plan.from_query(plan.to_query())
        assert again is not None
        assert again.to_query() == plan.to_query()


# ---------------------------------------------------------------- a store in trouble


def sentence_of(app: AppTest) -> str:
    """The one error that the page shows."""
    assert not app.exception
    (shown,) = app.error
    return shown.value.replace("\\", "")


def test_a_store_that_is_deleted_under_the_page_is_made_anew_and_takes_runs(store: Store) -> None:
    filled(store, ADAM)
    app = opened()
    for end in ("", "-wal", "-shm"):
        Path(f"{store.path}{end}").unlink(missing_ok=True)
    app = button(app, "Launch 3 runs").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    app = app.run()
    assert board(app)["runs"] == []
    app = button(app, "Launch 3 runs").click().run()  # type: ignore[attr-defined]
    assert len(store.queue()) == 3
    assert {run["status"] for run in board(app)["runs"]} == {"queued"}


@pytest.mark.parametrize("kind", ["text", "folder", "cut", "tables"])
def test_a_store_that_cannot_be_read_is_a_sentence_and_is_waited_for(store: Store, kind: str) -> None:
    filled(store, ADAM)
    app = opened()
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    whole = store.path.read_bytes()
    for end in ("-wal", "-shm"):
        Path(f"{store.path}{end}").unlink(missing_ok=True)
    streamlit.cache_resource.clear()
    store.path.unlink()
    if kind == "text":
        store.path.write_text("no database\n" * 400)
    elif kind == "folder":
        store.path.mkdir()
    else:
        store.path.write_bytes(whole[:6000] if kind == "cut" else whole[:4096] + b"\xff" * (len(whole) - 4096))
    said = {"text": "file is not a database", "folder": "it is no file"}
    assert said.get(kind, "malformed") in sentence_of(app.run())
    if kind == "folder":
        store.path.rmdir()
    store.path.write_bytes(whole)
    app = app.run()
    assert [error.value for error in app.error] == []
    assert len(board(app)["runs"]) == 1


def test_trouble_that_comes_while_the_board_is_drawn_is_a_sentence(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store, ADAM)
    app = opened()

    def locked(*_: object, **__: object) -> None:
        raise StoreError("the store does not answer: database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "tail", locked)
        app = app.run()
        assert not app.exception
        assert {error.value.replace("\\", "") for error in app.error} == {
            "the store does not answer: database is locked."
        }
    app = app.run()
    assert [error.value for error in app.error] == []
    assert board(app)["reset"], "the board begins again with every point"


def test_a_launch_that_the_store_does_not_take_is_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened()

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the store does not answer: database or disk is full")

    monkeypatch.setattr(Store, "add", refuse)
    app = button(app, "Launch 3 runs").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    assert any("database or disk is full" in text.value for text in app.markdown)


def test_a_runner_that_cannot_be_started_is_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("no runner can be started beside it: Read-only file system")

    filled(store, ADAM, "running")
    monkeypatch.setattr(runner, "ensure", refuse)
    app = opened()
    assert not app.exception
    assert any("no runner can be started" in error.value for error in app.error)


def test_a_store_that_cannot_be_written_can_be_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = filled(store, ADAM)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != store.path)
    monkeypatch.setattr(Store, "_write", lambda _: pytest.fail("it was written to"))
    app = opened()
    assert [one["id"] for one in board(app)["runs"]] == [run]
    assert not board(app)["runs"][0]["may_act"]
    assert button(app, "Launch").disabled  # type: ignore[attr-defined]
    assert "cannot be written" in app.warning[0].value


def test_what_has_died_or_fallen_silent_is_shown_as_that(store: Store) -> None:
    dead, silent = filled(store, ADAM, "running"), filled(store, ADAM, "running")
    store.transition(dead, "running", "running", process="an earlier one")
    store.transition(silent, "running", "running", heartbeat=0.0)
    race = Race()
    race.grids = tuple(run.grid for run in store.all())
    race.show(store.all())
    shown = {run["id"]: run for run in race.message(store, may_act=True, slots=1)["runs"]}
    assert shown[dead]["status"] == "interrupted"
    assert "resume" in shown[dead]["actions"]
    assert shown[silent]["status"] == "running"
    assert "the store takes nothing from it" in shown[silent]["sentence"]


def test_a_checkpoint_s_fate_is_said_until_one_is_written(store: Store) -> None:
    run = filled(store, ADAM)
    race = Race(grids=(store.get(run).grid,))
    for told, said in (
        (
            "could not be written: No space left on device",
            "the checkpoint could not be written: No space left on device",
        ),
        ("", ""),
    ):
        store.record(run, {"checkpoint": told})
        race.show(store.all())
        assert race.message(store, may_act=True, slots=1)["runs"][0]["sentence"] == said
