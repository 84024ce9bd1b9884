"""A parsed formula as text again: in one way for all spellings, and in LaTeX."""

from surfaces.formula.parser import GREEK, Node, Tree

# How tightly what was written holds together.
_ATOM, _POWER, _FRACTION, _PRODUCT, _SIGN, _SUM, _COMPARISON = 50, 40, 35, 30, 25, 20, 10
_NAMED = {
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "log10": r"\log_{10}", "log2": r"\log_{2}",
    "sign": r"\operatorname{sgn}",
}  # fmt: skip
_AROUND = {
    "sqrt": (r"\sqrt{", "}"), "abs": (r"\left|", r"\right|"), "floor": (r"\left\lfloor ", r"\right\rfloor"),
    "ceil": (r"\left\lceil ", r"\right\rceil"),
}  # fmt: skip
_COMPARED = {"<": "<", ">": ">", "<=": r"\le", ">=": r"\ge"}

Written = tuple[str, int]


def canonical(tree: Tree) -> str:
    """The formula as its parser would write it: the same text for all that write the same operations."""
    found: list[Written] = []
    for node in tree.nodes:
        found.append(_plain(node, [found[k] for k in node.arguments]))
    return found[-1][0]


def latex(tree: Tree) -> str:
    """The formula in LaTeX."""
    found: list[Written] = []
    for node in tree.nodes:
        found.append(_set(node, [found[k] for k in node.arguments]))
    return found[-1][0]


def symbol(name: str) -> str:
    """A variable's, constant's or parameter's name in LaTeX."""
    letters = name.rstrip("0123456789")
    index = name[len(letters) :]
    shown = "\\" + letters if letters in (*GREEK, "pi") else letters
    return shown + (f"_{{{index}}}" if index else "")


def _held(written: Written, least: int, left: str = "(", right: str = ")") -> str:
    text, binding = written
    return text if binding >= least else f"{left}{text}{right}"


def _plain(node: Node, given: list[Written]) -> Written:
    texts = [text for text, _ in given]
    match node.kind:
        case "number":
            return repr(float(node.name)).removesuffix(".0"), _ATOM
        case "name":
            return node.name, _ATOM
        case "call":
            return f"{node.name}({', '.join(texts)})", _ATOM
        case "where":
            return f"{'where' if len(texts) == 3 else 'piecewise'}({', '.join(texts)})", _ATOM
        case "neg":
            return "-" + _held(given[0], _SIGN), _SIGN
        case "^":
            return f"{_held(given[0], _POWER + 1)}^{_held(given[1], _POWER)}", _POWER
        case "*" | "/":
            return f"{_held(given[0], _PRODUCT)}{node.kind}{_held(given[1], _PRODUCT + 1)}", _PRODUCT
        case "+" | "-":
            return f"{_held(given[0], _SUM)} {node.kind} {_held(given[1], _SUM + 1)}", _SUM
        case "and":
            signs = node.name.split()
            low, middle, high = (_held(one, _SUM) for one in given)
            return f"{low} {signs[0]} {middle} {signs[1]} {high}", _COMPARISON
    return f"{_held(given[0], _SUM)} {node.kind} {_held(given[1], _SUM)}", _COMPARISON


def _bracketed(written: Written, least: int) -> str:
    return _held(written, least, r"\left(", r"\right)")


def _set(node: Node, given: list[Written]) -> Written:
    texts = [text for text, _ in given]
    match node.kind:
        case "number":
            return _number(node.name)
        case "name":
            return symbol(node.name), _ATOM
        case "call":
            return _function(node.name, texts)
        case "where":
            cases = [rf"{value} & \text{{if }} {held}" for held, value in zip(texts[:-1:2], texts[1::2], strict=True)]
            rows = r" \\ ".join([*cases, rf"{texts[-1]} & \text{{otherwise}}"])
            return rf"\begin{{cases}} {rows} \end{{cases}}", _FRACTION
        case "neg":
            return "-" + _bracketed(given[0], _PRODUCT), _SIGN
        case "^":
            return f"{_bracketed(given[0], _POWER + 1)}^{{{texts[1]}}}", _POWER
        case "/":
            return rf"\frac{{{texts[0]}}}{{{texts[1]}}}", _FRACTION
        case "*":
            left, right = _bracketed(given[0], _PRODUCT), _bracketed(given[1], _PRODUCT + 1)
            sign = r" \cdot " if right[0].isdigit() or right.startswith(r"\frac") else r"\,"
            return f"{left}{sign}{right}", _PRODUCT
        case "+" | "-":
            return f"{_bracketed(given[0], _SUM)} {node.kind} {_bracketed(given[1], _SUM + 1)}", _SUM
        case "and":
            signs = [_COMPARED[sign] for sign in node.name.split()]
            return f"{texts[0]} {signs[0]} {texts[1]} {signs[1]} {texts[2]}", _COMPARISON
    return f"{texts[0]} {_COMPARED[node.kind]} {texts[1]}", _COMPARISON


def _number(text: str) -> Written:
    digits, _, exponent = text.lower().partition("e")
    if not exponent:
        return digits, _ATOM
    return rf"{digits} \cdot 10^{{{int(exponent)}}}", _PRODUCT


def _function(name: str, texts: list[str]) -> Written:
    if name == "exp":
        return f"e^{{{texts[0]}}}", _POWER
    if name in _AROUND:
        opening, closing = _AROUND[name]
        return f"{opening}{texts[0]}{closing}", _ATOM
    return rf"{_NAMED.get(name, chr(92) + name)}\left({', '.join(texts)}\right)", _ATOM
