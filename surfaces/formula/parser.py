"""Reads a formula of x and y as it is written on a board, and says at which character it is none.

A precedence parser of its own, so that ``x^2 + 1`` is what it looks like and no text is ever run:

    + - * /                  left to right;  -x^2 is -(x^2)
    ^ or **                  right to left, x^2^3 = x^(2^3);  x² and x³ too
    2x, x y, xy, 3(x+1)(y-2) products without a sign, which bind like *; after a division they could be read in two
                             ways and are refused: 1/2x is (1/2)*x or 1/(2*x). A number stands first in them.
    |x|                      abs(x)
    sin(x), max(x, y, 0)     functions (FUNCTIONS) take their arguments in parentheses
    where(x < 0, a, b)       a where the comparison holds, b elsewhere; -1 < x < 1 is one too;
                             piecewise(c1, a, c2, b, c) tries its comparisons in turn
    pi, e                    the constants; any other letter, with an index or without (a, k2), and each Greek
                             letter's name is a parameter

ln and log are the natural logarithm. 2e3 is 2000, as in every programming language; 2e and 2e x are products with the
constant e.
"""

import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Limits:
    """What a formula may be at most; all that is done with one takes time and memory bounded by these."""

    length: int = 600  # characters
    depth: int = 40  # parentheses, signs and exponents inside each other
    operations: int = 200  # as WEIGHTS counts them, by the time that they take
    digits: int = 25  # characters of a number
    exponent: int = 100  # the magnitude of an exponent that is a number
    parameters: int = 8


LIMITS = Limits()
_SMOOTH = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "ln", "log10", "log2")
# What an operation that is none of + - * / counts for; others count 1, and powers with a number as exponent.
WEIGHTS = dict.fromkeys(_SMOOTH, 4) | {"^": 6}

# Functions, and how many arguments they take: at least, at most.
FUNCTIONS: dict[str, tuple[int, int]] = {
    **dict.fromkeys((*_SMOOTH, "log", "sqrt", "abs", "sign", "floor", "ceil"), (1, 1)),
    "min": (2, 8), "max": (2, 8), "where": (3, 3), "piecewise": (3, 17),
}  # fmt: skip
ALIASES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "log": "ln", "piecewise": "where"}
CONSTANTS = ("pi", "e")
GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega",
)  # fmt: skip
_WORDS = (*FUNCTIONS, "arcsin", "arccos", "arctan", "pi", *GREEK)

# Characters that can mean one thing only.
_SAME = {
    "−": "-", "·": "*", "⋅": "*", "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "π": "pi", "α": "alpha", "β": "beta",
    "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "ξ": "xi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
# Characters that look like one that is meant, and are another one.
_LOOK_ALIKES = {
    "х": "x", "Х": "X", "χ": "x", "у": "y", "У": "Y", "а": "a", "А": "A", "с": "c", "С": "C", "е": "e",
    "Е": "E", "о": "o", "О": "O", "р": "p", "Р": "P", "і": "i", "ѕ": "s", "к": "k", "К": "K", "М": "M", "Т": "T",
    "В": "B", "Н": "H", "ο": "o", "ν": "v", "ι": "i", "υ": "u", "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H",
    "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N", "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X", "–": "-", "—": "-",
    "‐": "-", "‑": "-", "∗": "*", "⁎": "*", "•": "*", "∕": "/", "⁄": "/", "ˆ": "^", "’": "'", "‘": "'", "∣": "|",
    "¦": "|", "µ": "μ", "ʟ": "l", "ı": "i", "ɑ": "a", "ƒ": "f",
}  # fmt: skip
_HINTS = {
    "=": "a formula has no sides; comparisons are < <= > >=",
    "!": "there are no factorials",
    "[": "use parentheses ( )",
    "{": "use parentheses ( )",
    "'": "a derivative or a text cannot be typed here",
    '"': "a text cannot be typed here",
    "_": "it stands only between a letter and its index, as in a_1",
    ".": "a point stands only inside a number, as in 0.5",
}
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z]+")
_INDEX = re.compile(r"_?[0-9]+")
_OPERATOR = re.compile(r"\*\*|<=|>=|[-+*/^()<>|,]")
_COMPARISONS = ("<", "<=", ">", ">=")

_BINDING = {"+": 20, "-": 20, "*": 30, "/": 30, "^": 40} | dict.fromkeys(_COMPARISONS, 10)
_SIGN = 25  # of a leading minus: above + and below *
_START = "a number, x, y, a parameter, a function or '('"


class FormulaError(ValueError):
    """Why a text is no formula: a sentence, and the index of the character at which that shows."""

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(f"{sentence} (character {position + 1})")
        self.sentence = sentence
        self.position = position


@dataclass(frozen=True)
class Token:
    """A piece of the text. kind: number, name, function, operator or end; at: the index of its first character."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Node:
    """One operation of a formula, on earlier nodes.

    kind: number (name is its text), name, neg, + - * / ^, call, where (comparison, value, ..., value), a comparison of
    two, or and, a comparison of three (name is its two signs). at: the index of its sign or first character.
    """

    kind: str
    name: str
    arguments: tuple[int, ...]
    at: int


@dataclass(frozen=True)
class Tree:
    """A formula that was read: its nodes, each after its arguments, the last the whole; its parameters' names."""

    text: str
    nodes: tuple[Node, ...]
    parameters: tuple[str, ...]


def parse(text: str) -> Tree:
    """The formula that the text writes; FormulaError says where it writes none, and what was expected there."""
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a text, not {type(text).__name__}", 0)
    if len(text) > LIMITS.length:
        raise FormulaError(
            f"the formula has {len(text)} characters; at most {LIMITS.length} are allowed", LIMITS.length
        )
    return _Parser(text).tree()


# ---------------------------------------------------------------- from characters to tokens


def _shown(text: str) -> str:
    return f"'{text if len(text) <= 20 else text[:20] + '…'}'"


def tokens(text: str) -> list[Token]:
    """The tokens of a text, the last of kind end; FormulaError where a character or a word has no meaning."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in " \t\r\n\u00a0\u2009\u202f":
            at += 1
            continue
        if letter in _SUPERSCRIPTS:
            end = at
            while end < len(text) and text[end] in _SUPERSCRIPTS:
                end += 1
            found += [Token("operator", "^", at), _number("".join(_SUPERSCRIPTS[c] for c in text[at:end]), at)]
            at = end
        elif letter in _SAME:
            same = _SAME[letter]
            if same.isalpha():
                at = _indexed(text, same, at, at + 1, found)
            else:
                found.append(Token("operator", same, at))
                at += 1
        elif match := _NUMBER.match(text, at):
            found.append(_number(match.group(), at))
            at = match.end()
            if text[at : at + 1] == ".":
                raise FormulaError(f"after {_shown(match.group())} comes a second '.'; a number has one", at)
        elif match := _WORD.match(text, at):
            at = _word(text, match.group(), at, found)
        elif match := _OPERATOR.match(text, at):
            found.append(Token("operator", "^" if match.group() == "**" else match.group(), at))
            at = match.end()
        else:
            raise _strange(letter, at)
    found.append(Token("end", "", len(text)))
    return found


def _number(digits: str, at: int) -> Token:
    if len(digits) > LIMITS.digits:
        raise FormulaError(
            f"the number {_shown(digits)} has {len(digits)} characters; at most {LIMITS.digits} are allowed", at
        )
    if float(digits) == float("inf"):
        raise FormulaError(f"the number {_shown(digits)} is too large", at)
    return Token("number", digits, at)


def _word(text: str, word: str, at: int, found: list[Token]) -> int:
    """Reads a run of letters: a word that has a meaning, a letter, or the product of a few letters."""
    end = at + len(word)
    if word in FUNCTIONS or word in ALIASES:
        if match := _INDEX.match(text, end):  # log10, log2
            longer = word + match.group()
            if longer not in FUNCTIONS:
                raise FormulaError(f"{_shown(longer)} is no function; expected '(' after {word}", end)
            word, end = longer, match.end()
        found.append(Token("function", word, at))
        return end
    if len(word) == 1 or word in GREEK or word == "pi":
        return _indexed(text, word, at, end, found)
    if len(word) <= 3 and set(word) & {"x", "y"} and not _hidden(word):
        if found and found[-1].text == "^":
            raise FormulaError(
                f"{_shown(word)} after '^' could be read in two ways; put the exponent in parentheses", at
            )
        for k, letter in enumerate(word[:-1]):
            found.append(_letter(letter, at + k))
        return _indexed(text, word[-1], end - 1, end, found)
    raise FormulaError(f"{_shown(word)} is no function, constant or parameter{_suggestion(word)}", at)


def _hidden(word: str) -> str:
    """The word with a meaning of its own with which a run of letters begins or ends."""
    return next((known for known in (*_WORDS, "log") if word.startswith(known) or word.endswith(known)), "")


def _suggestion(word: str) -> str:
    near = get_close_matches(word[:20].lower(), _WORDS, 1, 0.6)
    if len(word) <= 20 and (known := _hidden(word)):
        rest = word.removeprefix(known) if word.startswith(known) else ""
        if known in FUNCTIONS and rest in ("x", "y"):
            return f"; write {known}({rest})"
        if not near or len(near[0]) <= len(known):
            return f"; {known} needs {'parentheses' if known in FUNCTIONS else 'a product sign'} beside other letters"
    return f"; did you mean {near[0]}?" if near else "; a parameter is a single letter, and products of them need *"


def _indexed(text: str, name: str, at: int, end: int, found: list[Token]) -> int:
    """Reads a letter or a Greek letter's name with the index that may follow."""
    match = _INDEX.match(text, end)
    if match and name != "pi":
        index = match.group().removeprefix("_")
        if name in ("x", "y", "X", "Y"):
            raise FormulaError(
                f"{_shown(name + match.group())} is no variable: they are called x and y; expected an operator "
                f"after {name}, as in {name}^2", end,
            )  # fmt: skip
        if name == "e":
            raise FormulaError("e is a constant and has no index; expected an operator after it, as in e^2", end)
        if len(index) > 2:
            raise FormulaError(f"the index {_shown(index)} is too long; at most 2 digits are allowed", end)
        found.append(Token("name", name + index, at))
        return match.end()
    if match:
        raise FormulaError("expected an operator after pi", end)
    found.append(_letter(name, at))
    return end


def _letter(name: str, at: int) -> Token:
    if name in ("X", "Y"):
        raise FormulaError(f"'{name}' is neither a variable nor a parameter; did you mean {name.lower()}?", at)
    return Token("name", name, at)


def _strange(letter: str, at: int) -> FormulaError:
    if letter in _LOOK_ALIKES:
        meant = _LOOK_ALIKES[letter]
        alphabet = "Latin " if meant.isalpha() and meant.isascii() else ""
        return FormulaError(f"'{letter}' ({unicodedata.name(letter)}) is not the {alphabet}{meant}", at)
    if letter in _HINTS:
        return FormulaError(f"'{letter}' is not understood: {_HINTS[letter]}", at)
    shown = f"'{letter}'" if letter.isprintable() else f"U+{ord(letter):04X}"
    if not letter.isascii():
        plain = unicodedata.normalize("NFKC", letter)
        if len(plain) == 1 and plain.isascii() and plain.isprintable() and plain != letter:
            return FormulaError(f"{shown} ({unicodedata.name(letter, 'unnamed')}) is not {plain}", at)
        shown += f" ({unicodedata.name(letter, 'unnamed')})"
    return FormulaError(f"{shown} is not understood; expected letters, numbers, + - * / ^ ( ) , < > or |", at)


# ---------------------------------------------------------------- from tokens to nodes


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._nodes: list[Node] = []
        self._parameters: list[str] = []
        self._operations = 0
        self._depth = 0
        self._bars = 0  # open | since the last open parenthesis

    def tree(self) -> Tree:
        root = self._value(self._expression(0))
        token = self._peek()
        if token.kind != "end":
            raise FormulaError(
                f"found {_shown(token.text)} where the formula could end; {self._after(token)}", token.at
            )
        assert root == len(self._nodes) - 1
        return Tree(self._text, tuple(self._nodes), tuple(sorted(self._parameters)))

    def _after(self, token: Token) -> str:
        if token.text == ")":
            return "no '(' is open"
        if token.text == ",":
            return "a comma stands only between the arguments of a function, and decimals are written with a point"
        return "expected an operator or the end"

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _node(self, kind: str, name: str, arguments: tuple[int, ...], at: int) -> int:
        if arguments:
            plain = kind == "^" and self._nodes[arguments[1]].kind == "number"
            self._operations += 1 if plain else WEIGHTS.get(name or kind, 1)
            if self._operations > LIMITS.operations:
                raise FormulaError(
                    f"the formula is too long: it has more than {LIMITS.operations} operations, where a function "
                    f"counts for {WEIGHTS['sin']}", at,
                )  # fmt: skip
        self._nodes.append(Node(kind, name, arguments, at))
        return len(self._nodes) - 1

    def _value(self, node: int) -> int:
        """The node, which must be a number."""
        if self._nodes[node].kind in (*_COMPARISONS, "and"):
            raise FormulaError(
                "a comparison is no number; it stands only as an argument of where or piecewise", self._nodes[node].at
            )
        return node

    def _expression(self, binding: int) -> int:
        """Reads on while operators bind more tightly than ``binding``."""
        self._depth += 1
        if self._depth > LIMITS.depth:
            raise FormulaError(
                f"more than {LIMITS.depth} parentheses, signs or exponents stand inside each other", self._peek().at
            )
        left = self._operand(binding)
        divided = False
        while True:
            token = self._peek()
            power = _BINDING.get(token.text, 0) if token.kind == "operator" else 0
            implicit = token.kind in ("name", "function") or token.text == "(" or (token.text == "|" and not self._bars)
            if token.kind == "number":
                raise FormulaError(
                    f"found the number {_shown(token.text)}; expected an operator before it, or it first in a product",
                    token.at,
                )
            power = _BINDING["*"] if implicit else power
            if power <= binding:
                break
            if implicit and divided:
                raise FormulaError(
                    f"a product without a sign after a division could be read in two ways; expected '*' or "
                    f"parentheses before {_shown(token.text)}", token.at,
                )  # fmt: skip
            if token.text in _COMPARISONS:
                left = self._comparison(left)
                continue
            if not implicit:
                self._take()
            right = self._value(self._expression(power - 1 if token.text == "^" else power))
            kind = "*" if implicit else token.text
            left = self._node(kind, "", (self._value(left), right), token.at)
            divided = kind == "/"
        self._depth -= 1
        return left

    def _comparison(self, left: int) -> int:
        """Reads a < b, or a < b < c, which is both."""
        first = self._take()
        middle = self._value(self._expression(_BINDING[first.text]))
        pair = (self._value(left), middle)
        if self._peek().text not in _COMPARISONS:
            return self._node(first.text, "", pair, first.at)
        second = self._take()
        right = self._value(self._expression(_BINDING[second.text]))
        if self._peek().text in _COMPARISONS:
            raise FormulaError("found a third comparison in a row; expected at most two", self._peek().at)
        return self._node("and", f"{first.text} {second.text}", (*pair, right), first.at)

    def _operand(self, binding: int) -> int:
        token = self._take()
        if token.kind == "number":
            return self._node("number", token.text, (), token.at)
        if token.kind == "name":
            return self._name(token)
        if token.kind == "function":
            return self._call(token)
        if token.text in ("-", "+"):
            inner = self._value(self._expression(max(_SIGN, binding)))
            return self._node("neg", "", (inner,), token.at) if token.text == "-" else inner
        if token.text == "(":
            bars, self._bars = self._bars, 0
            inner = self._expression(0)
            self._expect(")", token)
            self._bars = bars
            return inner
        if token.text == "|":
            self._bars += 1
            inner = self._value(self._expression(0))
            self._expect("|", token)
            self._bars -= 1
            return self._node("call", "abs", (inner,), token.at)
        what = "the end of the formula" if token.kind == "end" else _shown(token.text)
        raise FormulaError(f"found {what}; expected {_START}", token.at)

    def _expect(self, closing: str, opening: Token) -> None:
        token = self._take()
        if token.text != closing or token.kind != "operator":
            what = "the end of the formula" if token.kind == "end" else _shown(token.text)
            raise FormulaError(
                f"found {what}; expected an operator or '{closing}' for the '{opening.text}' at character "
                f"{opening.at + 1}", token.at,
            )  # fmt: skip

    def _name(self, token: Token) -> int:
        name = token.text
        if name not in ("x", "y", *CONSTANTS) and name not in self._parameters:
            if len(self._parameters) == LIMITS.parameters:
                raise FormulaError(
                    f"{_shown(name)} would be parameter number {LIMITS.parameters + 1}; at most "
                    f"{LIMITS.parameters} are allowed", token.at,
                )  # fmt: skip
            self._parameters.append(name)
        return self._node("name", name, (), token.at)

    def _call(self, token: Token) -> int:
        name = token.text
        opening = self._take()
        if opening.text != "(":
            hint = f", as in {name}(x)^2" if opening.text == "^" else f", as in {name}(x)"
            what = "the end of the formula" if opening.kind == "end" else _shown(opening.text)
            raise FormulaError(f"found {what}; expected '(' after {name}{hint}", opening.at)
        bars, self._bars = self._bars, 0
        given, places = [], []
        while True:
            places.append(self._peek().at)
            given.append(self._expression(0))
            if self._peek().text != ",":
                break
            comma = self._take()
            if len(given) == FUNCTIONS.get(name, (1, 1))[1]:
                raise FormulaError(f"{name} takes {_count(name)}; expected ')'", comma.at)
        self._expect(")", opening)
        self._bars = bars
        if len(given) < FUNCTIONS.get(name, (1, 1))[0] or (name == "piecewise" and len(given) % 2 == 0):
            raise FormulaError(f"{name} takes {_count(name)}, not {len(given)}", token.at)
        plain = ALIASES.get(name, name)
        if plain == "where":
            for k, (node, at) in enumerate(zip(given, places, strict=True)):
                compared = self._nodes[node].kind in (*_COMPARISONS, "and")
                if k % 2 == 0 and k < len(given) - 1 and not compared:
                    raise FormulaError(f"expected a comparison in this argument of {name}, as in x < 0", at)
                if compared and (k % 2 or k == len(given) - 1):
                    raise FormulaError(f"expected a number in this argument of {name}, not a comparison", at)
            return self._node("where", "", tuple(given), token.at)
        return self._node("call", plain, tuple(self._value(one) for one in given), token.at)


def _count(name: str) -> str:
    if name == "where":
        return "a comparison and two values"
    if name == "piecewise":
        return f"pairs of a comparison and a value, at most {FUNCTIONS[name][1] // 2}, and a value for elsewhere"
    least, most = FUNCTIONS.get(name, (1, 1))
    return "one argument" if most == 1 else f"{least} to {most} arguments"
