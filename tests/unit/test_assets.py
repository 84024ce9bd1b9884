"""The browser's modules are served whole, one folder a version, and import each other by paths that exist."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from views.shared import assets

IMPORT = re.compile(r"""^(?:import|export)\b(?:[^"'`;]*?from)?\s*["']([^"']+)["'];""", re.MULTILINE)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_version_holds_every_module_style_sheet_and_plotly(tmp_path: Path) -> None:
    made = contents(assets.publish(tmp_path))
    plotly = made.pop("plotly.min.js")
    assert plotly == assets.plotly_script().read_bytes()
    assert made == {file.relative_to(assets.STATIC).as_posix(): file.read_bytes() for file in assets.sources()}
    assert {"ravine.css"} <= {Path(name).name for name in made}
    assert [file.name for file in tmp_path.iterdir()] == [assets.version()]


def test_modules_import_by_plain_paths_that_exist() -> None:
    for module in assets.sources():
        if module.suffix == ".js":
            text = module.read_text()
            assert "import(" not in text, f"{module.name} imports by expression, which no tool can follow"
            for path in IMPORT.findall(text):
                assert path.startswith("."), f"{module.name} imports {path}"
                assert (module.parent / path).is_file(), f"{module.name} imports {path}, which is not there"


def test_arrows_between_the_folders_go_down() -> None:
    """A page's folder knows what several pages share, never another page's."""
    below = {"shared": set(), "charts": {"shared"}, "plane": {"shared"}}
    for module in assets.sources():
        folder = module.parent.name
        for path in IMPORT.findall(module.read_text()):
            other = (module.parent / path).resolve().parent.name
            assert other in {folder} | below.get(folder, {"shared", "charts", "plane"}), f"{module.name}: {path}"


def test_a_version_is_made_once_by_whoever_comes_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: assets.publish(tmp_path), range(16)))
    assert made == {tmp_path / assets.version()}
    assert [file.name for file in tmp_path.iterdir()] == [assets.version()]
    stamp = (tmp_path / assets.version() / "plotly.min.js").stat().st_mtime_ns
    assets.publish(tmp_path)
    assert (tmp_path / assets.version() / "plotly.min.js").stat().st_mtime_ns == stamp


def test_the_version_follows_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = assets.publish(tmp_path / "static")
    seen = {assets.version()}
    copy = tmp_path / "sources"
    for name, data in contents(first).items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(data)
    monkeypatch.setattr(assets, "STATIC", copy)
    assets.version.cache_clear()
    assert assets.version() in seen
    for file in assets.sources():
        file.write_bytes(file.read_bytes() + b"\n")
        assets.version.cache_clear()
        seen.add(assets.version())
    assert len(seen) == 1 + len(assets.sources())
    assets.publish(tmp_path / "static")
    assert first.is_dir()  # pages opened before may still ask for it
    assets.sources()[0].write_bytes(b"")
    assets.version.cache_clear()
    assets.publish(tmp_path / "static")
    assert len(list((tmp_path / "static").iterdir())) == assets.KEPT
    monkeypatch.undo()
    assets.version.cache_clear()


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="the plotly package is not installed"):
        assets.publish(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "static").write_text("no folder")
    with pytest.raises(FileNotFoundError, match=f"{assets.version()} is missing, and cannot be made .*views.warm"):
        assets.publish(tmp_path / "static")


def test_an_old_version_that_goes_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / f"{assets.PREFIX}gone").symlink_to(tmp_path / "nowhere")
    assert (assets.publish(tmp_path) / assets.PLOTLY).is_file()
