"""Colours of runs: the same run has the same colour in every picture, on the light theme and on the dark."""

# Found by a numerical search: the smallest difference of any two, seen with normal, protan, deutan or tritan
# vision, was made as large as possible while each keeps a contrast of 2.15 against the pages of both themes.
# tests/unit/test_colours.py measures both.
COLOURS = ("#787afd", "#b07904", "#e53ca2", "#35b9fc", "#b6050a", "#aeb700", "#1944d7", "#ee8da4", "#892f8c")

# Dash patterns of SVG strokes, in pixels: the first nine runs are solid, the next nine dashed, and so on.
DASHES = ("", "7 4", "10 3 2 3", "2 4")


def style(index: int) -> tuple[str, str]:
    """Colour and dash of the run with this index, from 0; they repeat after 36."""
    return COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]
