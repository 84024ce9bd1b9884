"""Every surface by its name: those of the folder, and those that are made from a formula, from data or from a table.

ravine                          a file of the folder
formula:x^2 + a y^2             a formula on the usual window
formula[-2,2,-1,1]:x^2 + a y^2  and on another: x from, x to, y from, y to
data:diabetes                   the loss of two parameters over a data set that comes with scikit-learn
upload:0123456789ab             a table that somebody has given, while this server remembers it
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256

from surfaces.core.kept import Kept
from surfaces.core.surface import Surface, discover
from surfaces.data.from_data import surface_from_data
from surfaces.data.sets import DATA_SETS, data_set
from surfaces.formula.surface import surface_from_formula

USUAL = (-5.0, 5.0, -5.0, 5.0)
REMEMBERED = 32  # uploads, beside those in use

Window = tuple[float, float, float, float]  # x from, x to, y from, y to

_FORMULA = re.compile(r"formula(?:\[([^\]:]*)\])?:", re.ASCII)


class Surfaces(Mapping[str, Surface]):
    """All surfaces by name; only those of the folder are counted and listed.

    ValueError says what is wrong in a formula, or that a table is not remembered; KeyError where a name is none.
    """

    def __init__(self) -> None:
        self._known = discover()
        self._uploads = Kept(REMEMBERED)

    def __getitem__(self, name: str) -> Surface:
        if name in self._known:
            return self._known[name]
        kind, colon, rest = name.partition(":")
        if colon and kind == "data" and rest in DATA_SETS:
            return _over(rest)
        if colon and kind == "upload":
            found = self._uploads.get(rest)
            if found is None:
                raise ValueError(f"the table {rest[:20]!r} is not here any more; upload it again")
            return found
        if is_formula(name):
            text, (x_low, x_high, y_low, y_high) = formula_of(name)
            return surface_from_formula(text, ((x_low, x_high), (y_low, y_high)))
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, surface: Surface) -> str:
        """Keeps a surface made from somebody's table while it is in use or among the last ones; its name."""
        key = sha256(surface.fingerprint + surface.title.encode()).hexdigest()[:12]
        self._uploads.put(key, surface)
        return f"upload:{key}"

    def checked(self, name: object) -> Surface:
        """The surface of this name; ValueError says which there are, or what is wrong with it."""
        if isinstance(name, str):
            with suppress(KeyError):
                return self[name]
        listed = ", ".join((*self, *over_data()))
        raise ValueError(f"surface = {str(name)[:40]!r} is not one of: {listed}; or formula: and a formula of x and y")


def over_data() -> dict[str, str]:
    """The losses over bundled data: their names, and their titles."""
    return {f"data:{name}": data_set(name).title for name in DATA_SETS}


@lru_cache
def _over(name: str) -> Surface:
    found = data_set(name)
    return surface_from_data(
        found.loss.columns, found.loss.targets, "logistic" if found.loss.is_logistic else "least_squares",
        title=found.title, names=found.parameters, story=found.story, domain=found.domain, start=found.start,
    )  # fmt: skip


def is_formula(name: str) -> bool:
    """Whether a name is that of a formula."""
    return _FORMULA.match(name) is not None


def name_of(text: str, window: Window = USUAL) -> str:
    """The name of a formula on a window."""
    return f"formula:{text}" if window == USUAL else f"formula[{','.join(f'{end:.12g}' for end in window)}]:{text}"


def formula_of(name: str) -> tuple[str, Window]:
    """The formula and the window of a name; ValueError where they are none."""
    found = _FORMULA.match(name)
    if found is None:
        raise ValueError(f"surface = {name[:40]!r} is not the name of a formula, formula:... or formula[...]:...")
    if found[1] is None:
        return name[found.end() :], USUAL
    try:
        x_low, x_high, y_low, y_high = map(float, found[1].split(","))
    except ValueError:
        raise ValueError(
            f"formula[{found[1][:40]}] is not allowed; between the brackets stand x from, x to, y from, y to"
        ) from None
    return name[found.end() :], (x_low, x_high, y_low, y_high)
