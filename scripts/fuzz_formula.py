"""Throws a million texts at the formula field: nothing but a FormulaError may come out, and nothing but arithmetic run.

    make fuzz                                    with atheris, which looks for inputs that reach new branches
    python -m scripts.fuzz_formula --runs 20000  without it, by random mutations of formulas

It prints how many texts were read, how many were formulas, and the memory after the first tenth and then.
"""

import argparse
import dis
import random
import re
import resource
import sys
import time
from pathlib import Path
from types import CodeType
from typing import Any

atheris: Any
try:
    import atheris  # pyright: ignore

    with atheris.instrument_imports(
        include=["surfaces.formula.parser", "surfaces.formula.graph", "surfaces.core.graph"]
    ):
        from surfaces.core.graph import VERBS, function
        from surfaces.formula import graph as formula_graph
        from surfaces.formula import parser as formula_parser
        from surfaces.formula import text as formula_text
except ImportError:
    atheris = None
    from surfaces.core.graph import VERBS, function
    from surfaces.formula import graph as formula_graph
    from surfaces.formula import parser as formula_parser
    from surfaces.formula import text as formula_text

SEEDS = (
    "(x^2 + y - 11)^2 + sin(3*x)", "2x(y+1)(x-2)/3", "-x^2^-1.5e-3", "where(-1 < x <= 1, |y|, max(x, y, 1))",
    "piecewise(x<0, a, y>=k2, λ·x², theta_1)", "log10(x)+ln(y)-atan(x/y)**2", "||x|-1|+floor(3.5y)", "9**9**9**9",
    "__import__('os').system('x')", "().__class__", "[x for x in y]", "lambda x: x", "f'{x}'", "х²+у", "1e999", "x=y;",
)  # fmt: skip
ALPHABET = [
    *"xyabeqXY0123456789.,+-*/^()|<>=_ \n\t'\"[]{}:;!@#$%&\\~`?", "**", "<=", ">=", "sin(", "max(", "where(", "sqrt(",
    "piecewise(", "pi", "lambda", "exp", "log10(", "__class__", "import ", "eval(", "²", "³", "⁹", "−", "·", "×", "х",
    "у", "е", "α", "λ", "–", "ª", "½", "\u200b", "\x00", "\ud800", "😀", "١", "1e", "e5", "9" * 30, "((((", "))))",
    "----", "^^", "x^", "2x", "xy",
]  # fmt: skip
# What a formula's function may be made of: operations on numbers, its own names, and calls of xp's verbs. Each Python
# has its own: PRECALL and LOAD_METHOD are 3.11's, RETURN_CONST 3.12's, LOAD_SMALL_INT 3.14's; from 3.13 on two
# neighbours may be one (LOAD_FAST_LOAD_FAST), and from 3.14 on be borrowed (LOAD_FAST_BORROW).
OPERATIONS = re.compile(
    "RESUME|CACHE|NOP|EXTENDED_ARG|LOAD_CONST|LOAD_SMALL_INT|BINARY_OP|UNARY_NEGATIVE|COMPARE_OP|LOAD_GLOBAL|LOAD_ATTR|"
    "LOAD_METHOD|PUSH_NULL|PRECALL|CALL|BUILD_TUPLE|RETURN_VALUE|RETURN_CONST|"
    "(LOAD|STORE)_FAST(_BORROW)?(_(LOAD|STORE)_FAST(_BORROW)?)?"
)
NAMES = {"xp", *VERBS.values()}


def examine(text: str) -> bool:
    """Reads a text as the app would, and checks what came of it; whether it is a formula."""
    try:
        tree = formula_parser.parse(text)
        graph, root = formula_graph.graph_of(tree)
    except formula_parser.FormulaError as error:
        refused = error
    else:
        wanted = [root, *(graph.derivative(root, variable) for variable in "xy")]
        fields = [formula_graph.field_name(name) for name in tree.parameters]
        f, _ = function(graph, wanted, fields, "fuzz")
        check_code(f.__code__, {*fields})
        assert set(f.__globals__) == {"xp", "__name__", "__builtins__"}
        assert f.__globals__["__builtins__"] == {}
        assert formula_text.latex(tree)
        check_plain(formula_text.canonical(tree))
        return True
    assert 0 <= refused.position <= len(text)
    assert refused.sentence
    return False


def check_plain(plain: str) -> None:
    """AssertionError where the plain text is read as another formula; its parentheses may be more than are allowed."""
    try:
        again = formula_text.canonical(formula_parser.parse(plain))
    except formula_parser.FormulaError as error:
        again = plain if "more than" in error.sentence or "at most" in error.sentence else str(error)
    assert again == plain


def check_code(code: CodeType, parameters: set[str]) -> None:
    """AssertionError where the byte code does anything but arithmetic."""
    assert not code.co_freevars
    assert not code.co_cellvars
    assert set(code.co_names) <= NAMES | parameters
    assert all(constant is None or type(constant) is float for constant in code.co_consts)
    for step in dis.get_instructions(code):
        assert OPERATIONS.fullmatch(step.opname), step.opname
        assert step.opname != "LOAD_GLOBAL" or step.argval == "xp"


def mutated(rng: random.Random) -> str:
    """A seed in which pieces were put in, left out, doubled or exchanged."""
    text = rng.choice(SEEDS)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, to = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + text[min(to, at + 3) :]
        elif kind == 1:
            text = text[:to] + text[at:]
        else:
            text = text[:at] + rng.choice(ALPHABET) + text[at + (kind == 2) :]
    return text[:700]


class Tally:
    """Counts what was read, and prints a row after each tenth."""

    def __init__(self, runs: int) -> None:
        self.runs, self.read, self.formulas, self.early = runs, 0, 0, 0.0
        self.began = time.perf_counter()

    def one(self, text: str) -> None:
        """Examines one more text."""
        self.formulas += examine(text)
        self.read += 1
        if self.read == self.runs // 10:
            self.early = _megabytes()
        if self.read % max(1, self.runs // 10) == 0:
            took = time.perf_counter() - self.began
            print(
                f"{self.read:,} texts in {took:.0f} s ({self.read / took:,.0f} a second), {self.formulas:,} of them "
                f"formulas; memory {self.early:.1f} MB after a tenth, {_megabytes():.1f} MB now",
                flush=True,
            )


def _megabytes() -> float:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Reads the number of texts from the command line, and runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    runs = parser.parse_args().runs
    tally = Tally(runs)
    if atheris is None:
        print("atheris is not installed: random mutations only")
        rng = random.Random(0)
        while tally.read < runs:
            tally.one(mutated(rng))
        return
    for seed in SEEDS:
        examine(seed)

    def guided(data: bytes, most: int, seed: int) -> bytes:
        choice = random.Random(seed)
        if choice.random() < 0.3:
            return atheris.Mutate(data, most)
        text = data.decode("utf-8", "ignore") or choice.choice(SEEDS)
        at = choice.randint(0, len(text))
        text = text[:at] + choice.choice(ALPHABET) + text[at + choice.randrange(3) :]
        return text.encode("utf-8", "ignore")[:most]

    atheris.Setup(
        [sys.argv[0], f"-runs={runs}", "-max_len=700", "-print_final_stats=0", "-verbosity=0"],
        lambda data: tally.one(data.decode("utf-8", "replace")),
        custom_mutator=guided,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
