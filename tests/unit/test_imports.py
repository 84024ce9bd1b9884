"""Which file imports which: no circles, arrows down between folders, inside functions only what is slow to import."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("optim_core", "surfaces", "training", "views", "ravine")
# A folder may import from itself, from those before it in its package, and from files of the package's top.
FOLDERS = {
    "optim_core": ("engine", "helpers", "rules", "runs", "studies", "network", "verification"),
    "surfaces": ("core", "formula", "data"),
    "views": ("shared",),  # and then the pages, none of which may import from another
}
SLOW = {
    "torch", "sqlalchemy", "pyarrow", "plotly", "scipy", "sklearn", "sympy", "pooch", "requests", "cma", "PIL",
    "streamlit",
}  # fmt: skip


@cache
def modules() -> dict[str, Path]:
    """All modules of the packages by their names."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _imports(node: ast.AST, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """What is imported, and whether inside a function; what is for type checkers alone is left out."""
    for child in ast.iter_child_nodes(node):
        if _typing_only(child):
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            for name in child.names:
                whole = f"{child.module}.{name.name}"
                yield whole if whole in modules() else child.module, inside
        elif isinstance(child, ast.Import):
            yield from ((name.name, inside) for name in child.names)
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _imports(child, inside or function)


@cache
def imports(module: str) -> tuple[tuple[str, bool], ...]:
    return tuple(_imports(ast.parse(modules()[module].read_text())))


@cache
def loads(module: str) -> frozenset[str]:
    """The slow libraries that importing a module, of ours or not, imports."""
    found, waiting, seen = set[str](), [module], set[str]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one not in modules():
            found |= {one.partition(".")[0]} & SLOW
            continue
        waiting += [other for other, inside in imports(one) if not inside]
    return frozenset(found)


def folder(module: str) -> tuple[str, str]:
    """Package and folder; "" for the files of the package's top."""
    parts = modules()[module].relative_to(ROOT).parts
    return parts[0], parts[1] if len(parts) > 2 else ""


def test_no_two_files_need_each_other() -> None:
    graph = {one: {other for other, _ in imports(one) if other in modules()} - {one} for one in modules()}
    door = "optim_core.__main__"  # Python runs it, nothing imports it
    graph[door] = set()
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", FOLDERS)
def test_folders_import_from_those_below_them(package: str) -> None:
    order = FOLDERS[package]
    for module in modules():
        own, here = folder(module)
        if own != package or not here:
            continue
        below = order[: order.index(here) + 1] if here in order else (*order, here)
        for other, _ in imports(module):
            if other in modules() and folder(other)[0] == package:
                assert folder(other)[1] in ("", *below), f"{module} imports {other}"


def test_inside_functions_only_what_is_slow_to_import_is_imported() -> None:
    for module in modules():
        if folder(module)[0] == "ravine":
            continue  # which finds the others' place first
        for other, inside in imports(module):
            if other == "optim_core":
                continue  # for RuleOptimizer, with which torch comes
            ours = other.partition(".")[0] in PACKAGES
            if inside and (ours or other.partition(".")[0] in SLOW):
                assert loads(other) - loads(module), f"{module} imports {other} inside a function; it could at its top"
