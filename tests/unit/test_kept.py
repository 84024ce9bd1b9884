"""What is kept of what visitors have made or sent: so much, and no more."""

import numpy as np
import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from optim_core.parameters import Interval, Range
from views.maps import made as maps
from views.maps.large import Files, kept, large_file
from views.shared import received
from views.shared.kept import EACH, Kept
from views.trajectories.drawing import _lacks, written


def test_the_last_results_are_kept() -> None:
    results: Kept[str] = Kept(10 * (EACH + 100))
    for number in range(50):
        results.put(number, f"result {number}", 90)
        assert results.get(0) == "result 0"  # asked for again and again
    found = [number for number in range(50) if results.get(number)]
    assert found[0] == 0
    assert found[1:] == list(range(50 - len(found) + 1, 50))
    assert len(found) == 10


def test_results_without_bytes_are_counted_too() -> None:
    """Coarse maps of ever new formulas: the keys are what grows."""
    results: Kept[None] = Kept(2**20)
    for number in range(3000):
        results.put(f"{number}" + "x" * 10_000, None, 0)
    assert len(results._found) < 2**20 / 10_000


def test_the_speeds_of_ever_new_formulas_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "_speeds", {})
    for number in range(3 * maps.SPEEDS):
        maps._took(("adam", f"formula:{number}", "basins"), 1e-3)
    assert len(maps._speeds) == maps.SPEEDS
    assert ("adam", f"formula:{3 * maps.SPEEDS - 1}", "basins") in maps._speeds


def test_caches_that_texts_of_visitors_reach_have_an_end() -> None:
    for number in range(1100):
        Interval.parse(Range(-float(number), number + 1.0, "x").valid)
        written(chr(0x4E00 + number))
    for cached in (Interval.parse, _lacks):
        assert cached.cache_info().currsize <= 1024


def test_a_large_map_that_is_gone_is_said_to_be() -> None:
    kept.put("one", Files(b"png", b"npz", "told"), 6)
    assert large_file("one", "npz") == b"npz"
    with pytest.raises(LookupError, match="make it again"):
        large_file("two", "png")


def uploaded(manager: MemoryUploadedFileManager, session: str) -> list[str]:
    return list(manager.file_storage.get(session, {}))


def test_uploads_have_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a session the last files stay; of all together the largest gives way, not the one with a small file."""
    monkeypatch.setattr(received, "UPLOADS", 1000)
    monkeypatch.setattr(received, "ALL_UPLOADS", 2500)
    received.forgive()
    manager = MemoryUploadedFileManager("/upload")
    manager.add_file("small", UploadedFileRec("first", "a.csv", "text/csv", b"x" * 10))
    for number in range(20):
        manager.add_file("much", UploadedFileRec(f"{number}", "a.csv", "text/csv", b"x" * 300))
    assert uploaded(manager, "much") == ["17", "18", "19"]
    for session in range(10):
        manager.add_file(f"{session}", UploadedFileRec("1", "a.csv", "text/csv", b"x" * 400))
        manager.add_file(f"{session}", UploadedFileRec("2", "a.csv", "text/csv", b"x" * 400))
    sizes = [sum(len(file.data) for file in held.values()) for held in manager.file_storage.values()]
    assert sum(sizes) <= 2500
    assert max(sizes) <= 1000
    assert uploaded(manager, "small") == ["first"]
    assert "2" in uploaded(manager, "9")


def test_arrays_count_as_what_they_are() -> None:
    results: Kept[np.ndarray] = Kept(10_000)
    for number in range(5):
        results.put(number, np.zeros(1000), 8000)
    assert [number for number in range(5) if results.get(number) is not None] == [4]
