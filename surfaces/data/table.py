"""Tables that people bring: CSV files read within limits, with a sentence for whatever is wrong in them."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

MOST_BYTES = 4_000_000
MOST_ROWS = 50_000
MOST_LINES = 100_000  # with empty ones
MOST_COLUMNS = 500


@dataclass(frozen=True)
class Table:
    """A CSV file as texts: the columns' names, and rows of as many cells each; ``first_line`` is that of rows[0]."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first_line: int
    decimal_comma: bool

    def texts(self, name: str) -> list[str]:
        """The cells of a column; ValueError names the columns there are."""
        if name not in self.names:
            near = ", ".join(self.names[:12]) + (" …" if len(self.names) > 12 else "")
            raise ValueError(f"there is no column {name[:40]!r}; there are: {near}")
        at = self.names.index(name)
        return [row[at] for row in self.rows]

    def numbers(self, name: str) -> np.ndarray:
        """The cells of a column as float64 (n,); ValueError names the first line that holds no finite number."""
        return np.array(
            [
                number(cell, f"line {self.first_line + k}, column {name[:40]!r}", self.decimal_comma)
                for k, cell in enumerate(self.texts(name))
            ]
        )


def number(cell: str, where: str, decimal_comma: bool = False) -> float:
    """A cell as a finite number; ValueError says where there is none."""
    text = cell.replace(",", ".") if decimal_comma else cell
    if not text:
        raise ValueError(f"{where} is empty; a number is needed there")
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        raise ValueError(f"{where} holds {cell[:40]!r}, which is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{where} holds {cell[:40]!r}, which is not a finite number")
    return value


def _is_number(cell: str, decimal_comma: bool) -> bool:
    try:
        number(cell, "", decimal_comma)
    except ValueError:
        return False
    return True


def read_cells(data: bytes) -> tuple[list[list[str]], list[int], bool]:
    """The rows of a CSV file, the line each ends on, and whether its numbers have decimal commas.

    Cells are separated by tabs, semicolons or commas, whichever the first line has, in this order; empty lines do not
    count. ValueError where the file is too large, no text in UTF-8, empty, or not rectangular.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"the file has {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is not text in UTF-8 (byte {error.start + 1:,}); save it as CSV UTF-8") from None
    if "\0" in text:
        raise ValueError("the file holds zero bytes; it is no CSV file")
    first = next((line for line in islice(io.StringIO(text, newline=""), MOST_LINES) if line.strip()), "")
    delimiter = next((sign for sign in "\t;," if sign in first), ",")
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if reader.line_num > MOST_LINES:
                raise ValueError(f"the file has more than {MOST_LINES:,} lines")
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            if rows and len(row) != len(rows[0]):
                raise ValueError(f"line {reader.line_num} has {len(row)} cells, where the first has {len(rows[0])}")
            rows.append(row)
            lines.append(reader.line_num)
            if len(rows) > MOST_ROWS + 1:
                raise ValueError(f"the file has more than {MOST_ROWS:,} rows")
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is not CSV: {error}") from None
    if not rows:
        raise ValueError("the file is empty")
    if len(rows[0]) > MOST_COLUMNS:
        raise ValueError(f"the file has {len(rows[0]):,} columns; at most {MOST_COLUMNS} are read")
    return rows, lines, delimiter == ";"


def read_csv(data: bytes) -> Table:
    """A CSV file as a Table. A first line with a cell that is no number names the columns; else they are numbered."""
    rows, lines, decimal_comma = read_cells(data)
    headed = not all(_is_number(cell, decimal_comma) for cell in rows[0])
    names = rows[0] if headed else [f"column {k}" for k in range(1, len(rows[0]) + 1)]
    names = [name or f"column {k}" for k, name in enumerate(names, 1)]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two columns are called {double[0][:40]!r}; every name must be its own")
    body = rows[1:] if headed else rows
    if not body:
        raise ValueError("the file has a line of names and no rows beneath it")
    return Table(tuple(names), tuple(map(tuple, body)), lines[1 if headed else 0], decimal_comma)


def read_grid(data: bytes, most: int) -> np.ndarray:
    """A CSV file of numbers alone as a matrix (rows, columns), at most so many of both; ValueError where it is larger,
    or names the first cell that is no number."""
    rows, lines, decimal_comma = read_cells(data)
    if max(len(rows), len(rows[0])) > most:
        raise ValueError(f"the file has {len(rows):,} rows of {len(rows[0])} cells; a grid has at most {most} of both")
    return np.array(
        [
            [number(cell, f"line {line}, cell {k}", decimal_comma) for k, cell in enumerate(row, 1)]
            for row, line in zip(rows, lines, strict=True)
        ]
    )


def two_classes(texts: Sequence[str], name: str) -> tuple[np.ndarray, tuple[str, str]]:
    """A column of two different texts as 0 and 1 (n,), in the order of the alphabet or of numbers, and the texts."""
    found = sorted(set(texts))
    if all(_is_number(text, False) for text in found):
        found.sort(key=float)
    if len(found) != 2 or "" in found:
        shown = ", ".join(repr(text[:20]) for text in found[:4]) + (" …" if len(found) > 4 else "")
        raise ValueError(f"column {name[:40]!r} must hold two classes for a logistic loss, not {len(found)}: {shown}")
    return np.array([float(text == found[1]) for text in texts]), (found[0], found[1])
