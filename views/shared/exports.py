"""The files that pages offer: one entry each, from which its button follows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st


@dataclass(frozen=True)
class Export:
    """A file: its button and what that says, its media type, and what makes it from what the page gives.

    missing: of the same, why there is no such file; an empty text where there is one.
    """

    label: str
    help: str
    kind: str
    make: Callable[..., str | bytes]
    missing: Callable[..., str] = lambda *_: ""


def offer(
    where: str,
    exports: Mapping[str, Export],
    *given: Any,
    width: Literal["stretch", "content"] = "stretch",
    **fields: str,
) -> None:
    """A button for each file, made when it is pressed; names of files may have ``fields`` in braces."""
    for name, export in exports.items():
        key = f"{where}:{name}"
        if missing := export.missing(*given):
            st.button(export.label, key=key, help=missing, disabled=True, width=width)
            continue
        st.download_button(
            export.label, partial(export.make, *given), name.format(**fields), export.kind, key=key,
            help=export.help, on_click="ignore", width=width,
        )  # fmt: skip
