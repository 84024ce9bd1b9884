"""Writes static/maps/constants.js, the numbers, colours and words of maps, from where Python declares them.

Run `python -m scripts.map_constants` after a change there; a test says when that has been forgotten.
"""

import json
from pathlib import Path
from typing import Any

from optim_core.runs.outcome import Outcome
from optim_core.studies import map_colours

FILE = Path(__file__).parents[1] / "static" / "maps" / "constants.js"
HEAD = "// Written by `python -m scripts.map_constants` from Outcome and studies/map_colours.py; not by hand.\n"


def constants() -> dict[str, Any]:
    """Each constant by its name: those of ``map_colours``, all outcomes, and the number of each."""
    found = {name: value for name, value in vars(map_colours).items() if name.isupper()}
    table = [{"words": one.words, "colour": one.colour} for one in Outcome]
    return {**found, "OUTCOMES": table, **Outcome.__members__}


def literal(value: Any) -> str:
    """A number, a text, or a list or an object of such, as JavaScript writes it."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name}: {literal(one)}' for name, one in value.items())} }}"
    if not isinstance(value, (list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    items = list(map(literal, value))
    if any(isinstance(one, (dict, list, tuple)) for one in value):
        return "\n".join(["[", *(f"  {item}," for item in items), "]"])
    return f"[{', '.join(items)}]"


def text() -> str:
    """The whole file."""
    return "\n".join([HEAD, *(f"export const {name} = {literal(value)};" for name, value in constants().items()), ""])


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
