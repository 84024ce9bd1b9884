"""Runs as files: CSV and Parquet with a row a point, JSON with everything. And as the command that repeats one."""

import json
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from training.record import INSTALLED
from training.runs import Store
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("run", "name", "task", "optimizer", "hyper")
WHOLE = ("epochs", "batch_size", "seed")
COLUMNS = (*TEXTS, "lr", *WHOLE, "series", "step", "value")


def table(store: Store, ids: Sequence[str], cell: Callable[[str], str] = str) -> "pa.Table":
    """The points of runs in the order of ids, series, steps; the columns of COLUMNS. ValueError for an unknown run.

    hyper is JSON: all of the optimizer's hyperparameters. cell: what becomes of a text.
    """
    import pyarrow as pa

    def repeated(text: str, count: int) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()).take(pa.array([0] * count, pa.int32())), [text])

    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [(name, text) for name in TEXTS]
        + [
            ("lr", pa.float64()),
            *((name, pa.int64()) for name in WHOLE),
            ("series", text),
            ("step", pa.int64()),
            ("value", pa.float64()),
        ]
    )
    parts = []
    for run in ids:
        row = store.get(run)
        told, hyper = row.options, row.options.get("hyper", {})
        known = (row.id, row.name, told.get("task", ""), told.get("optimizer", ""), json.dumps(hyper))
        for name, (steps, values) in sorted(store.series(run).items()):
            columns = [repeated(cell(str(item)), len(steps)) for item in known]
            columns += [pa.array([hyper.get("lr")] * len(steps), pa.float64())]
            columns += [pa.array([told.get(each)] * len(steps), pa.int64()) for each in WHOLE]
            columns.append(repeated(cell(name), len(steps)))
            parts.append(pa.table([*columns, pa.array(steps), pa.array(values)], schema=schema))
    return pa.concat_tables(parts).unify_dictionaries() if parts else schema.empty_table()


_FORMULA = tuple("=+-@\t\r\n＝＋－＠'")


def formula_free(text: str) -> str:
    """A text that no spreadsheet takes for a formula: with an apostrophe before what begins like one, or with one.

    OWASP, "CSV Injection". `unformula` gives it back.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def unformula(cell: str) -> str:
    """The text that `formula_free` was given."""
    return cell.removeprefix("'")


def csv(store: Store, ids: Sequence[str]) -> bytes:
    """A row for each point, with a header; floats with all their digits, "nan" and "inf" where they are that.

    Texts are as `unformula` reads them.
    """
    import pyarrow as pa
    from pyarrow import csv as writer

    points = table(store, ids, formula_free)
    plain = [pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in points.schema]
    file = BytesIO()
    writer.write_csv(points.cast(pa.schema(plain)), file)
    return file.getvalue()


def parquet(store: Store, ids: Sequence[str]) -> bytes:
    """A row for each point."""
    from pyarrow import parquet as writer

    file = BytesIO()
    writer.write_table(table(store, ids), file)
    return file.getvalue()


def as_json(store: Store, ids: Sequence[str]) -> bytes:
    """A list of runs: settings, record, status, times, and for each series the lists of steps and values.

    JSON has no NaN and no infinity: they stand there as the strings "NaN", "Infinity" and "-Infinity".
    """
    found = []
    for run in ids:
        row = store.get(run)
        kept = ("id", "name", "grid", "status", "error", "created", "started", "ended", "step", "steps")
        series = {
            name: {"step": steps.tolist(), "value": values.tolist()}
            for name, (steps, values) in store.series(run).items()
        }
        run_facts = {key: getattr(row, key) for key in kept}
        found.append({**run_facts, "settings": dict(row.options), "record": dict(row.record), "series": series})
    return json.dumps({"runs": _finite(found)}, allow_nan=False, ensure_ascii=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


KINDS: Mapping[str, Callable[[Store, Sequence[str]], bytes]] = MappingProxyType(
    {"csv": csv, "parquet": parquet, "json": as_json}
)


def reproduce(settings: RunSettings) -> str:
    """The command line that makes a run with these settings: every hyperparameter, and what the recipe has not."""
    usual = asdict(recipe(TASKS[settings.task], Entry(settings.optimizer)))
    words = ["ravine", "launch"] if INSTALLED else ["python", "-m", "training", "launch"]
    for entry in fields(RunSettings):
        value = getattr(settings, entry.name)
        option = f"--{entry.name.replace('_', '-')}"
        if entry.name == "hyper":
            for name, number in value.items():
                words += [option, f"{name}={number!r}"]
        elif entry.name in ("task", "optimizer", "seed", "device", "precision") or value != usual[entry.name]:
            words += [option] if value is True else [option, str(value)]
    return shlex.join(words)
