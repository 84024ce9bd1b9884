"""The choice of a surface on every page: from the folder, over data, from a table, or a formula that is typed."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from surfaces import SURFACES
from surfaces.data.from_data import surface_from_table
from surfaces.data.table import read_csv
from surfaces.formula.surface import FormulaError, FormulaSurface, preview, troubles
from surfaces.named import USUAL, formula_of, is_formula, name_of, over_data
from views.shared.component import speaking
from views.shared.messages import FormulaMessage
from views.shared.received import Change, refuse
from views.shared.sentences import say

FIRST = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2 + a x"

_FORMULA, _TABLE = "formula", "table"  # in the select box
_KINDS = {"grid": "Heights on a grid", "least_squares": "Least squares", "logistic": "Logistic loss"}
_NONE = "(intercept)"

_field = speaking("shared/formula_field", FormulaMessage)

Apply = Callable[[str], object]


def surface_choice(key: str, current: str, parameters: dict[str, float], apply: Apply) -> None:
    """A select box, and the field of a formula or of a table where one is chosen; ``apply(name)`` takes one over."""
    st.session_state[f"{key}:shown"] = SURFACES[current]  # in use, so that it stays, whatever others draw
    names = {name: surface.listed for name, surface in SURFACES.items()}
    names |= {name: f"{title} · data" for name, title in over_data().items()}
    names |= {_FORMULA: "Your own formula", _TABLE: "Your own table"}
    kind = _FORMULA if is_formula(current) else _TABLE if current.startswith("upload:") else current
    if st.session_state.get(f"{key}:giving") == current:  # a table is to come in its place
        kind = _TABLE
    st.session_state[key] = kind

    def chosen() -> None:
        value = st.session_state[key]
        st.session_state[f"{key}:giving"] = current if value == _TABLE else None
        if value == _FORMULA:
            st.session_state.pop(f"{key}:typed", None)
            apply(st.session_state.get(f"{key}:last", name_of(FIRST)))
        elif value != _TABLE:
            apply(value)

    st.selectbox("Surface", list(names), format_func=lambda name: names.get(name) or str(name), key=key,
        on_change=chosen, help=SURFACES[current].about)  # fmt: skip
    if kind == _TABLE:
        table_field(key, apply)
    elif kind == _FORMULA:
        st.session_state[f"{key}:last"] = current
        formula_field(key, current, parameters, apply)


# ---------------------------------------------------------------- a formula


@st.fragment
def formula_field(key: str, current: str, parameters: dict[str, float], apply: Apply) -> None:
    """The field of a formula, its window, and what is read from them, while it is typed."""
    text, window = formula_of(current)
    typed, wanted = st.session_state.get(f"{key}:typed", (text, list(window)))

    def changed(change: Change) -> None:
        text, window = change.set.get("text"), change.set.get("window")
        if not isinstance(text, str) or not isinstance(window, list) or len(window) != len(USUAL):
            refuse("a formula must be a text with the four numbers of its window")
            return
        st.session_state[f"{key}:typed"] = (text, window)
        try:
            name = name_of(text, _checked(window))
            SURFACES.checked(name)
        except ValueError:
            return
        if change.final and name != current:
            apply(name)
            st.session_state[f"{key}:applied"] = True

    if st.session_state.pop(f"{key}:applied", False):
        st.session_state.pop(f"{key}:typed", None)
        st.rerun()
    shown, error_at, said = "", None, {"error": "", "window_error": ""}
    try:
        shown = preview(typed)
    except FormulaError as error:
        said["error"], error_at = f"{error}.", error.position
    try:
        ends = _checked(wanted)
        if shown:
            SURFACES.checked(name_of(typed, ends))
    except ValueError as error:
        said["window_error"] = f"{error}."
    shown_field: FormulaMessage = {
        "text": typed, "window": wanted, "error": said["error"], "position": error_at,
        "window_error": said["window_error"],
    }  # fmt: skip
    _field(shown_field, key=f"{key}:field", on_change=changed)
    if shown:
        st.markdown(f"$f = {shown}$")  # in the line, so that it breaks
    found = SURFACES[current]
    if isinstance(found, FormulaSurface) and (typed, list(wanted)) == (text, list(window)):
        for sentence in troubles(found, found.Parameters(**parameters)):
            st.caption(sentence)


def _checked(window: Any) -> tuple[float, float, float, float]:
    """Four numbers; ValueError says that they are none."""
    if not isinstance(window, list) or len(window) != len(USUAL):
        raise ValueError("the window needs four numbers: x from, x to, y from, y to")
    try:
        x_low, x_high, y_low, y_high = map(float, window)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("the window needs four numbers: x from, x to, y from, y to") from None
    if not all(map(math.isfinite, (x_low, x_high, y_low, y_high))):
        raise ValueError("the window's numbers must be finite")
    return x_low, x_high, y_low, y_high


# ---------------------------------------------------------------- a table


def table_field(key: str, apply: Apply) -> None:
    """The field for a table, and what its numbers are: heights, or rows over which a loss is taken."""
    file = st.file_uploader("CSV, or heights as NPY", ["csv", "txt", "npy"], key=f"{key}:file", max_upload_size=4)
    if file is None:
        for part in ("names", "made"):
            st.session_state.pop(f"{key}:{part}", None)
        st.caption("Heights: a grid of numbers, the first row at the least y. Rows: a header, a line for each.")
        return
    from surfaces.data.from_table import grid_from_bytes, surface_from_grid  # SciPy comes with it, which few pages need

    is_array = file.name.lower().endswith(".npy")
    kind = st.selectbox("Its numbers are", ["grid"] if is_array else list(_KINDS), format_func=_KINDS.__getitem__,
        key=f"{key}:kind")  # fmt: skip
    title = file.name.rpartition(".")[0][:40] or "From a table"
    try:
        if kind == "grid":
            made = _once(f"{key}:made", (file.file_id, kind),
                lambda: surface_from_grid(grid_from_bytes(file.name, file.getvalue()), title=title))  # fmt: skip
        else:
            names = _once(f"{key}:names", file.file_id, lambda: read_csv(file.getvalue()).names)
            features, target = _columns(key, names)
            made = _once(f"{key}:made", (file.file_id, kind, *features, target),
                lambda: surface_from_table(read_csv(file.getvalue()), features, target, kind, title=title))  # fmt: skip
    except ValueError as error:
        say(f"{error}.")
        return
    name = SURFACES.remember(made)

    def draw() -> None:
        st.session_state[f"{key}:giving"] = None
        apply(name)

    st.button("Draw it", key=f"{key}:draw", type="primary", on_click=draw, width="stretch")


def _once(key: str, given: Any, make: Callable[[], Any]) -> Any:
    """What ``make`` returns, or its ValueError, made anew in this session only where ``given`` is not the last one."""
    if key not in st.session_state or st.session_state[key][0] != given:
        try:
            st.session_state[key] = given, make(), None
        except ValueError as error:
            st.session_state[key] = given, None, str(error)
    _, found, wrong = st.session_state[key]
    if wrong is not None:
        raise ValueError(wrong)
    return found


def _columns(key: str, names: Sequence[str]) -> tuple[list[str], str]:
    """The columns that are chosen: one or two features, and the target."""
    first = st.selectbox("Feature", names, key=f"{key}:feature")
    second = st.selectbox("Second feature", [_NONE, *names], key=f"{key}:second")
    target = st.selectbox("Target", names, index=len(names) - 1, key=f"{key}:target")
    return [first] if second == _NONE else [first, second], target
