"""The package: what its wheel holds and asks for, and that what is installed elsewhere runs there."""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from ravine import __version__
from ravine.__main__ import COMMANDS, EXTRAS, PLANE, TRAINING, main
from ravine.plane import parser as plane
from tests.browser.conftest import free_port, healthy
from tests.patience import until
from tests.socket_session import visitor
from training.__main__ import parser as training
from training.run import FINISHED
from training.runner import status
from training.runs import Store
from views.shared import assets

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOP = ("optim_core", "surfaces", "ravine")
APP = ("app.py", "pages", "views", "static", "training", ".streamlit")
AS_NOBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"] if os.getuid() == 0 else []
Made = dict[str, str]  # the environment of a process


# ---------------------------------------------------------------- what is made once


def ran(*command: object, **options: object) -> str:
    """What a process prints on its standard output; it must end well."""
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(place: Path, wheel: Path) -> Path:
    """The folder of commands of a new environment that holds a wheel, and nothing that it asks for."""
    venv.create(place, symlinks=True)
    pip = sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "--quiet"
    ran(*pip, "--no-index", "--no-deps", "--no-compile", wheel)
    return place / "bin"


def linked(place: Path, package: Path, extra: str = "") -> Path:
    """A folder with all that a wheel asks for, and they in turn, as links to where they are for this process."""
    place.mkdir(parents=True)
    (of_wheel,) = metadata.distributions(name="ravine", path=[str(package)])
    waiting, seen = [(of_wheel, extra)], set()
    while waiting:
        one, wanted = waiting.pop()
        for text in one.requires or ():
            need = Requirement(text)
            if need.marker and not need.marker.evaluate({"extra": wanted}):
                continue
            for name in (need.name, *(f"{need.name}[{each}]" for each in need.extras)):
                if name not in seen:
                    seen.add(name)
                    waiting.append((metadata.distribution(need.name), name.partition("[")[2].rstrip("]")))
        for top in {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"} if one is not of_wheel else ():
            if not (place / top).is_symlink():
                (place / top).symlink_to(str(one.locate_file(top)))
    return place


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"
    ran(*pip, "-w", folder, ROOT, cwd=folder)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it asks for, without extras; ``empty`` in it is an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    installed(folder, wheel)
    (folder / "empty").mkdir()
    (folder / "home").mkdir()
    (packages(folder) / "base.pth").write_text(str(linked(folder / "base" / "site-packages", packages(folder))))
    return folder


def packages(place: Path) -> Path:
    """Where an environment keeps its packages."""
    (found,) = place.glob("lib/python*/site-packages")
    return found


@pytest.fixture(scope="module")
def bare(place: Path) -> Made:
    """Of a process there, without extras; it inherits nothing that would say where things are."""
    ours = re.compile(r"(PYTHON|RAVINE|NUMBA|STREAMLIT|XDG)_?")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    return kept | {"HOME": str(place / "home"), "PATH": f"{place / 'bin'}{os.pathsep}{kept['PATH']}"}


@pytest.fixture(scope="module")
def whole(place: Path, bare: Made) -> Made:
    """Of a process there, with the app's extra."""
    return bare | {
        "PYTHONPATH": str(linked(place / "app" / "site-packages", packages(place), "app")),
        "RAVINE_CPU_RUNS": "1",
    }


# ---------------------------------------------------------------- what it holds and asks for


def test_the_wheel_holds_the_files_of_the_checkout_and_three_names_at_the_top(wheel: Path) -> None:
    listed = ran("git", "ls-files", "--cached", "--others", "--exclude-standard", *TOP, *APP, cwd=ROOT).splitlines()
    here = {name for name in listed if (ROOT / name).is_file()}
    expected = {name if name.startswith(TOP) else f"ravine/app/{name}": (ROOT / name).read_bytes() for name in here}
    data = {"optim_core/verification/verified.json", "ravine/app/static/icon.png", "ravine/app/.streamlit/config.toml"}
    assert data < set(expected)
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    about = {name: held.pop(name) for name in list(held) if name.startswith(f"ravine-{__version__}.dist-info/")}
    assert held.keys() == expected.keys()
    assert held == expected
    assert f"ravine-{__version__}.dist-info/licenses/LICENSE" in about


def test_what_it_asks_for_is_what_is_tested_and_each_once() -> None:
    """requirements.txt names the releases; each bound here is one of them, cut to its first numbers."""
    pins = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *extras["train"], *extras["app"][1:]]
    assert extras["app"][0] == "ravine[train]"
    assert sorted(line.partition("~=")[0] for line in asked) == sorted(pins)
    for line in asked:
        name, bound = line.split("~=")
        assert f"{pins[name]}.".startswith(f"{bound}."), line
    assert "3.11" in PROJECT["requires-python"]


def test_the_command_knows_the_extras() -> None:
    names = {
        extra: tuple(line.partition("~=")[0] for line in PROJECT["optional-dependencies"][extra]) for extra in EXTRAS
    }
    assert {"train": names["train"], "app": (*names["train"], *names["app"][1:])} == EXTRAS


def test_the_release_is_in_the_list_of_changes() -> None:
    assert re.search(rf"^## {re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


# ---------------------------------------------------------------- the command


def commands(parser) -> set[str]:
    return set(next(action.choices for action in parser._actions if action.dest == "command"))


def test_the_table_has_every_command_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands(plane()) == set(PLANE)
    assert commands(training()) == {*TRAINING, "list", "run"}  # the old name of runs, and what a runner starts
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert re.findall(r"^  ([a-z]+) +(.+)$", shown.partition("commands, of which")[2], re.MULTILINE) == list(
        COMMANDS.items()
    )
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lunch"], "ravine: command = 'lunch' is not known; near it are: launch"),
        (["xyz"], "ravine: command = 'xyz' is not known; there are: delete, devices, export, launch,"),
        (["--port", "0"], "ravine: port = 0 is not allowed; it must lie in [1, 65535]"),
        (["--port", "many"], "ravine: argument --port: invalid int value: 'many'"),
        (["--address", "192.0.2.1"], "ravine: address = '192.0.2.1' is not allowed: the app cannot listen there ("),
        (["--address="], "ravine: address = '' is not allowed: the app cannot listen there (it is empty)"),
        (["--plot"], "ravine: unrecognized arguments: --plot"),
        (["sweep", "adm"], "ravine sweep: the following arguments are required: SURFACE, --out"),
        (["verify", "adm"], "ravine: rule = 'adm' is not known; near it are: adam, radam, nadam"),
        (["launch", "--task", "digits"], "ravine launch: --optimizer is missing"),
        (["runs", "--all"], "ravine: unrecognized arguments: --all"),
    ],
)
def test_what_is_wrong_is_a_sentence_of_the_command(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAVINE_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    try:
        status = main(words)
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr().err
    assert status == 2
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--address", "127.0.0.1", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"ravine: address = '127.0.0.1', port = {port} is not allowed: the app cannot listen there ("
    )


# ---------------------------------------------------------------- installed, without extras

EVERY_MODULE = """
import importlib, importlib.util, pkgutil, sys
import optim_core, surfaces
assert all("{place}" in package.__file__ for package in (optim_core, surfaces))
assert not [name for name in ("torch", "streamlit", "views", "training") if importlib.util.find_spec(name)]
for package in (optim_core, surfaces):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            print(module.name, error.name)
"""

FROM_ANY_FOLDER = """
from optim_core import RULES, sweep, trace
from surfaces import SURFACES, surface_from_formula
bowl = SURFACES["sphere"]
print(*trace(RULES["gradient_descent"], bowl, start=(3.0, -1.0), steps=20, hyper={"lr": 0.1}).path[-1])
starts = [(3.0, -1.0), (0.5, 2.0)]
for end in sweep(RULES["gradient_descent"], bowl, starts, steps=20, hyper={"lr": 0.1}).end:
    print(*end)
assert len(trace(RULES["cma_es"], bowl, start=(3.0, -1.0), steps=5).path) == 6
assert SURFACES["data:diabetes"] and surface_from_formula("x^2 + a y^2").latex
try:
    from optim_core import RuleOptimizer
except ImportError as error:
    print(error)
"""


def test_only_networks_need_torch_and_nothing_needs_streamlit(place: Path, bare: Made) -> None:
    """Every module of the library but those about networks is imported where the wheel has only what it asks for."""
    found = dict(
        line.split()
        for line in ran(
            "python", "-c", EVERY_MODULE.replace("{place}", str(place)), cwd=place / "empty", env=bare
        ).splitlines()
    )
    assert set(found.values()) == {"torch"}
    for name in found:  # and these do say so themselves
        text = (ROOT / f"{name.replace('.', '/')}.py").read_text()
        assert re.search(r"^(import|from) (torch|optim_core\.\w+)", text, re.MULTILINE), name


def test_a_rule_runs_from_any_folder_without_torch(place: Path, bare: Made) -> None:
    one, first, second, sentence = ran("python", "-c", FROM_ANY_FOLDER, cwd=place / "empty", env=bare).splitlines()
    ends = np.array([line.split() for line in (one, first, second)], float)
    starts = np.array([(3.0, -1.0), (3.0, -1.0), (0.5, 2.0)])
    np.testing.assert_allclose(ends, starts * (1 - 2 * 0.1) ** 20, rtol=1e-6)  # x^2 + y^2 has the gradient 2x
    assert sentence == "RuleOptimizer needs torch, which is not installed: pip install 'ravine[train]'"


def test_a_map_is_made_without_extras(place: Path, bare: Made, tmp_path: Path) -> None:
    words = ["sweep", "gradient_descent", "sphere", "--resolution", "4", "--steps", "9", "--out", tmp_path / "map.png"]
    assert ran("ravine", *words, cwd=place / "empty", env=bare).startswith(f"{tmp_path / 'map.png'}: 4 x 4, ")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "extra"), [([], "app"), (["launch"], "train"), (["verify"], "train"), (["runs"], "train")]
)
def test_a_command_whose_extra_is_missing_names_it(place: Path, bare: Made, words: list[str], extra: str) -> None:
    done = subprocess.run(["ravine", *words], cwd=place / "empty", env=bare, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        rf"ravine: .* needs what is not installed here \(torch, .*\): pip install 'ravine\[{extra}\]'\n", done.stderr
    )


# ---------------------------------------------------------------- installed, with all


def test_digits_are_learned_by_processes_of_the_installed_package(place: Path, whole: Made, tmp_path: Path) -> None:
    """A run of one epoch, by a runner and its worker, which knows the sources that it is made by."""
    environment = whole | {"RAVINE_STORE": str(tmp_path / "runs.db")}
    settings = {"task": "digits", "optimizer": "adam", "hyper": "lr=0.001", "epochs": 1, "device": "cpu"}
    launch = [f"--{name}={value}" for name, value in settings.items()]
    (run,) = ran("ravine", "launch", "--detach", *launch, cwd=place / "empty", env=environment).split()
    with closing(Store(str(tmp_path / "runs.db"))) as store:
        try:
            until(lambda: store.get(run).ended, lambda: f"the end of {store.get(run)}")
        finally:
            if runner := status(store):
                os.kill(runner.pid, signal.SIGTERM)
        assert store.get(run).status == FINISHED, store.get(run).error
        accuracy = store.series(run)["epoch/test_accuracy"][1][-1]
    assert accuracy > 0.5
    shown = ran("ravine", "show", run, cwd=place / "empty", env=environment)
    digest = hashlib.sha256()
    for folder in ("optim_core", "training"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    assert re.search(rf"^record.revision +sources {digest.hexdigest()[:12]}$", shown, re.MULTILINE)
    assert re.search(
        r"^again +ravine launch --task digits --optimizer adam --hyper lr=0\.001 .*--epochs 1", shown, re.MULTILINE
    )
    assert f"{accuracy:.4f}" in ran("ravine", "report", run, cwd=place / "empty", env=environment)


@contextmanager
def served(place: Path, environment: Made, log: Path, *before: str) -> Iterator[str]:
    """The address of the installed app, started in a folder of somebody else's app."""
    theirs = log.parent / "theirs"
    (theirs / ".streamlit").mkdir(parents=True, exist_ok=True)
    (theirs / ".streamlit" / "config.toml").write_text(
        "[server]\nenableStaticServing = false\n[browser]\ngatherUsageStats = true\n"
    )
    (theirs / "views.py").write_text("raise ImportError('these are not the views of Ravine')\n")
    port = free_port()
    with log.open("w") as out:
        server = subprocess.Popen(
            [*before, "ravine", "--port", str(port)],
            cwd=theirs,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        healthy(f"http://localhost:{port}", server, log)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)


def check_first_picture(address: str) -> None:
    """Gradient descent on half of x^2 + 30 y^2, which is known, and all that a browser loads to draw it."""
    with visitor(address) as session:
        assert session.errors == []
        run = session.shown["runs"][0]
    assert run["name"] == "Gradient descent"
    steps = np.arange(301)[:, None]
    path = np.array(run["path"], float).reshape(-1, 2)
    np.testing.assert_allclose(path, np.array([-4.0, 2.0]) * (1 - 0.01 * np.array([1.0, 30.0])) ** steps, atol=1e-5)
    for file in assets.sources():
        name = f"{address}/app/static/{assets.version()}/{file.relative_to(assets.STATIC).as_posix()}"
        with urllib.request.urlopen(name) as answer:
            assert answer.read() == file.read_bytes()
    with urllib.request.urlopen(f"{address}/app/static/{assets.version()}/{assets.PLOTLY}") as answer:
        assert answer.read() == assets.plotly_script().read_bytes()


def test_the_app_shows_its_first_picture_from_any_folder(place: Path, whole: Made, tmp_path: Path) -> None:
    with served(place, whole, tmp_path / "log") as address:
        check_first_picture(address)
    assert (packages(place) / "ravine" / "app" / "static" / assets.version()).is_dir()
    assert not list((place / "home").rglob("app-*"))


AT_ITS_MINIMUM = """
from optim_core.engine.blocks import evaluate
from surfaces import SURFACES
print(float(evaluate(SURFACES["booth"], 1.0, 3.0, SURFACES["booth"].Parameters())))
"""
WHERE = "import sys; from ravine.serve import APP, writable; sys.path.insert(0, str(APP)); print(writable())"


def writable(folder: Path, yes: bool) -> None:
    """Lets all in a folder be written to, or not."""
    for path, _, files in os.walk(folder):
        for one in (Path(path), *(Path(path) / name for name in files)):
            one.chmod(one.stat().st_mode | 0o200 if yes else one.stat().st_mode & ~0o222)


@pytest.mark.skipif(os.getuid() == 0 and shutil.which("setpriv") is None, reason="root writes everywhere")
def test_it_all_runs_where_nothing_can_be_written_to_the_package(place: Path, whole: Made, tmp_path: Path) -> None:
    """As where somebody else has installed it: the app, once, and code go to the user's cache folder."""
    home = tmp_path / "home"
    home.mkdir()
    environment = whole | {"HOME": str(home)}
    shutil.rmtree(packages(place) / "ravine" / "app" / "static" / assets.version(), ignore_errors=True)
    writable(packages(place), False)
    try:
        before = sorted(packages(place).rglob("*"))
        assert ran(*AS_NOBODY, "python", "-c", AT_ITS_MINIMUM, cwd=place / "empty", env=environment) == "0.0\n"
        assert list((home / ".cache" / "numba").rglob("*.nbc"))
        with served(place, environment, tmp_path / "log", *AS_NOBODY) as address:
            check_first_picture(address)
        again = ran(*AS_NOBODY, "python", "-c", WHERE, cwd=place / "empty", env=environment).strip()
        assert sorted(packages(place).rglob("*")) == before
        assert list((home / ".cache" / "ravine").iterdir()) == [Path(again)]
        shutil.rmtree(home)
        home.touch()
        done = subprocess.run(
            [*AS_NOBODY, "ravine"], cwd=place / "empty", env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert re.search(
            r"can write neither to .*/app/static nor to .*/home/\.cache/ravine: Not a directory", done.stderr
        )
    finally:
        writable(packages(place), True)


def test_an_editable_installation_runs_the_checkout(place: Path, bare: Made, tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    made = ran(sys.executable, "-c", build, tmp_path, cwd=ROOT).split()[-1]
    programs = installed(tmp_path / "editable", tmp_path / made)
    environment = bare | {"PYTHONPATH": str(place / "base" / "site-packages")}
    code = "import optim_core, ravine.serve; print(ravine.serve.APP, optim_core.__path__[0], sep='\\n')"
    where = ran(programs / "python", "-c", code, cwd=tmp_path, env=environment).splitlines()
    assert where == [str(ROOT), str(ROOT / "optim_core")]
    assert ran(programs / "ravine", "--version", cwd=tmp_path, env=environment) == f"ravine {__version__}\n"
