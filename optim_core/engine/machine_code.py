"""Machine code on the disk: kept under a key of all that it is made from, and compiled anew where a file is damaged.

Numba's own cache knows a function by its file and its byte code alone: it would go on with old code after a constant
of another file was edited, it misses in every new process where a function closes over another jitted one, it writes
an index without a lock, and a damaged file ends the program. Here one file holds one function for one signature on one
machine. Its name says which: the function, a fingerprint of the sources that are inlined into it, and a digest of the
versions, flags and processor. It begins with a checksum, without which LLVM could be handed half an object file.

It lies where Numba would put it: in ``NUMBA_CACHE_DIR``, or beside the code; where that cannot be written it is read
there all the same, and new code goes to the user's cache folder, or nowhere.
"""

import contextlib
import functools
import hashlib
import pickle
import re
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import njit
from numba.core import caching
from numba.core import config as numba_config
from numba.core.ccallback import CFunc
from numba.core.codegen import get_host_cpu_features
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature
from numba.misc.appdirs import AppDirs

config: Any = numba_config  # whose names type checkers do not know
# Settings of Numba that change no code: where things lie, how many threads there are, what is printed.
_NO_CODE = re.compile(
    r"CACHE_.*|CHROME_TRACE|COLOR_SCHEME|.*CUDA.*|DEBUG_CACHE|.*DUMP.*|FUNCTION_CACHE_SIZE|GDB_BINARY|HTML|"
    r"NUMBA_(DEFAULT_)?NUM_THREADS|SHOW_HELP|THREADING_LAYER.*"
)
_FLAGS = [name for name in dir(config) if name.isupper() and not _NO_CODE.fullmatch(name)]
_PLAIN = (bool, int, float, complex, str, bytes, np.generic, type(None))


# ---------------------------------------------------------------- the processor


def _use_widest_vectors() -> None:
    """Lets LLVM use vectors of 512 bits wherever the processor has them.

    On most of Intel's with AVX-512 it prefers 256, for fear of a lower clock. Measured on a Xeon of 2023, one thread:
    Adam on Ackley takes 20 % less time with 512, momentum on Rosenbrock's function 19 %, with the same results to the
    last bit. Whoever sets NUMBA_CPU_NAME or NUMBA_CPU_FEATURES gets what is set.
    """
    if config.CPU_NAME is None and config.CPU_FEATURES is None:
        features = get_host_cpu_features()
        if "+avx512f" in features.split(","):
            config.CPU_FEATURES = f"{features},-prefer-256-bit"


_use_widest_vectors()  # before anything is compiled


# ---------------------------------------------------------------- what code is made from


def _is_constant(value: Any) -> bool:
    return isinstance(value, (*_PLAIN, np.ndarray)) or (isinstance(value, tuple) and all(map(_is_constant, value)))


def _constant(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tobytes()!r}"
    return f"({','.join(map(_constant, value))})" if isinstance(value, tuple) else repr(value)


@functools.cache  # read once, as it is imported: what is on the disk later may not be what runs
def _text(module: ModuleType) -> bytes:
    try:
        return Path(module.__file__ or "").read_bytes()
    except OSError:  # made at run time, of no file
        return b""


def _home(value: Any) -> ModuleType | None:
    """The module that a function or a class, or that of an object, was defined in."""
    name = getattr(value, "__module__", None)
    return sys.modules.get(name) if isinstance(name, str) else None


def modules(module: ModuleType) -> list[ModuleType]:
    """The module and all that it has names from, and they in turn, in its own package and in this one."""
    ours, found, waiting = {module.__name__.partition(".")[0], "optim_core"}, {}, [module]
    while waiting:
        one = waiting.pop()
        if one.__name__ in found:
            continue
        found[one.__name__] = one
        named = {value if isinstance(value, ModuleType) else _home(value) for value in vars(one).values()}
        waiting += [other for other in named if other and other.__name__.partition(".")[0] in ours]
    return [found[name] for name in sorted(found)]


def sources(module: ModuleType) -> bytes:
    """A digest of all that functions of a module can inline: the files of ``modules``, and the values of constants."""
    digest = hashlib.sha256()
    for one in modules(module):
        digest.update(_text(one))
        for name, value in sorted(vars(one).items()):
            if not name.startswith("__") and _is_constant(value):
                digest.update(f"\0{name}={_constant(value)}".encode())
    return digest.digest()


def fingerprint(*parts: bytes) -> str:
    """14 hexadecimal digits that stand for the parts."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:14]


# ---------------------------------------------------------------- files


def machine(codegen: Any) -> tuple[Any, ...]:
    """What else machine code depends on: versions, Numba's settings, and the processor that LLVM compiles for."""
    versions = (sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__)
    settings = [f"{name}={value!r}" for name in _FLAGS if _is_constant(value := getattr(config, name))]
    return (*versions, settings, codegen.magic_tuple())


@functools.cache
def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def folders(file: Path) -> list[Path]:
    """Where the code of a file's functions is looked for, and written to the first that takes it."""
    place = f"{file.parent.name}_{hashlib.sha256(str(file.parent).encode()).hexdigest()[:16]}"
    first = Path(config.CACHE_DIR, place) if config.CACHE_DIR else file.parent / "__pycache__"
    of_user = Path(AppDirs("numba", appauthor=False).user_cache_dir, place)
    return [first] if _writable(first) or not of_user.is_absolute() else [first, of_user]


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.rmdir() if path.is_dir() else path.unlink()


class Cache(caching._Cache):
    """The machine code of one function on the disk; called by Numba."""

    def __init__(self, function: Callable[..., Any], name: str, mark: str) -> None:
        file = Path(function.__code__.co_filename).resolve()
        self._stem, self._mark = f"{file.stem}.{name}", mark
        held = [cell.cell_contents for cell in function.__closure__ or ()]
        self._code = (function.__code__.co_code, [_constant(value) for value in held if _is_constant(value)])
        self._folders = folders(file)

    @property
    def cache_path(self) -> Any:
        """The folder it lies in."""
        return str(self._folders[0])

    def file_name(self, signature: Any, codegen: Any) -> str:
        """The name of the file for a signature on a machine."""
        key = fingerprint(repr((str(signature), self._code, machine(codegen))).encode())
        return f"{self._stem}_{self._mark}-{key}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None where there is none or it is damaged."""
        target_context.refresh()
        name = self.file_name(sig, target_context.codegen())
        for folder in self._folders:
            path = folder / name
            try:
                found = path.read_bytes()
                if found[:32] != hashlib.sha256(found[32:]).digest():
                    raise ValueError("cut or changed")
                return CompileResult._rebuild(target_context, *pickle.loads(found[32:]))
            except FileNotFoundError:
                continue
            except Exception:  # whatever is wrong with it, compiling anew mends it
                _remove(path)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Writes the compiled function, aside and then in place; that of older sources goes."""
        if data.lifted or data.library.has_dynamic_globals:
            return
        name, code = self.file_name(sig, data.library.codegen), dumps(data._reduce())
        for folder in self._folders:
            aside = folder / f"{name}.{uuid.uuid4().hex[:16]}.tmp"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                aside.write_bytes(hashlib.sha256(code).digest() + code)
                aside.replace(folder / name)
                self._sweep(folder)
                return
            except OSError:  # full, read-only, or something lies there that cannot be replaced
                _remove(aside)

    def _sweep(self, folder: Path) -> None:
        older = re.compile(rf"{re.escape(self._stem)}_(?!{self._mark})[0-9a-f]{{14}}-.*\.(nb[ic]|tmp)")
        for path in folder.iterdir():
            if older.fullmatch(path.name):
                _remove(path)

    def enable(self) -> None:
        """Numba's to call; it is always on."""

    def disable(self) -> None:
        """Numba's to call; it is always on."""

    def flush(self) -> None:
        """Numba's to call before it compiles anew, which replaces what is there."""


# ---------------------------------------------------------------- functions


def _named(function: Any, name: str, mark: str) -> Any:
    function.__qualname__ = f"{name}_{mark}"  # and so the symbols of its code
    return function


def compiled(**options: Any) -> Callable[[Any], Any]:
    """``njit`` with this cache, for functions of a module."""

    def wrap(function: Any) -> Any:
        name, mark = function.__name__, fingerprint(sources(sys.modules[function.__module__]))
        dispatcher: Any = njit(**options)(_named(function, name, mark))
        dispatcher._cache = Cache(function, name, mark)
        return dispatcher

    return wrap


def callback(signature: Any, function: Any, name: str, mark: str, kept: bool = True, **options: Any) -> Any:
    """``cfunc`` with this cache, or without where it is not kept; mark stands for all sources of the function."""
    kernel: Any = CFunc(_named(function, name, mark), normalize_signature(signature), locals={}, options=options)
    if kept:
        kernel._cache = Cache(function, name, mark)
    kernel.compile()
    return kernel
