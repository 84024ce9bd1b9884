"""Writes static/shared/messages.d.ts, the types of the browser's modules, from views/shared/messages.py.

Run `python -m scripts.message_types` after a change there; a test says when that has been forgotten.
"""

import json
import types
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from views.shared import messages

FILE = Path(__file__).parents[1] / "static" / "shared" / "messages.d.ts"
HEAD = "// Written by `python -m scripts.message_types` from views/shared/messages.py; not by hand.\n"
_PLAIN = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null", Any: "unknown"}


def typed(hint: Any) -> str:
    """A Python type as one of TypeScript. TypeError for one that no message may have."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return typed(parts[0])
    if origin is Annotated:
        inner, told = parts
        if isinstance(told, int):
            return f"[{', '.join([typed(*get_args(inner))] * told)}]"
        return told
    if origin is Literal:
        return " | ".join(map(json.dumps, parts))
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(typed, parts)))
    if origin is list:
        return f"Array<{typed(*parts)}>"
    if origin is tuple:
        return f"[{', '.join(map(typed, parts))}]"
    if origin is dict:
        return f"Record<{', '.join(map(typed, parts))}>"
    if is_typeddict(hint):
        return hint.__name__
    if hint in _PLAIN:
        return _PLAIN[hint]
    raise TypeError(f"{hint!r} has no type in a message")


def interface(declared: Any) -> str:
    """A message's shape."""
    lines = [
        f"  {name}{'?' if name in declared.__optional_keys__ else ''}: {typed(hint)};"
        for name, hint in get_type_hints(declared, include_extras=True).items()
    ]
    return "\n".join([f"export interface {declared.__name__} {{", *lines, "}"])


def declarations() -> str:
    """The whole file."""
    said = [HEAD]
    for name, one in vars(messages).items():
        if is_typeddict(one):
            said.append(f"{interface(one)}\n")
        elif get_origin(one) in (Annotated, dict, Union, types.UnionType):
            said.append(f"export type {name} = {typed(one)};\n")
    return "\n".join(said)


if __name__ == "__main__":
    FILE.write_text(declarations())
