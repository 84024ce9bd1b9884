"""Numbers and fields as people read them, for every page."""

import re
from typing import Any

from optim_core.parameters import Range
from views.shared.messages import Field

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ",
    "nu": "ν", "rho": "ρ", "sigma": "σ", "tau": "τ", "varepsilon": "ε", "epsilon": "ε", "varphi": "φ", "phi": "φ",
    "Delta": "Δ", "psi": "ψ",
}  # fmt: skip
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def plain(symbol: str) -> str:
    """A short LaTeX symbol as plain text: ``\\beta_1`` as β₁, other indices as they stand: ``q_v``, ``Δ_{max}``."""
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", symbol)
    text = re.sub(r"\\hat\\([a-z]+)", "\\\\\\1\u0302", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda match: _GREEK.get(match[1], match[1]), text)
    return re.sub(r"_(\d)", lambda match: match[1].translate(_SUBSCRIPTS), text).replace("^t", "ᵗ").replace("-", "−")


def short(value: float) -> str:
    """A number for people: at most four digits."""
    if value == 0:
        return "0"
    text = f"{value:.4g}" if 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"
    return re.sub(r"e([+-])0*", lambda match: "e" + match[1].replace("+", ""), text).replace("-", "−")


def field(path: str, label: str, limits: Range, value: float, title: str = "", whole: bool = False) -> Field:
    """A slider with its number, or a switch, as `live_controls` draws it; its changes arrive under the path."""
    return {
        "path": path,
        "label": label.replace("_", " "),
        "symbol": plain(limits.symbol),
        "kind": "switch" if limits.switch else "integer" if whole else "slider",
        "low": limits.low,
        "high": limits.high,
        "log": limits.log,
        "value": value,
        "title": title or f"allowed: {limits.valid}",
    }


def parsed(value: Any) -> Any:
    """A number that came as text, as a float; anything else as it is."""
    if isinstance(value, str):
        try:
            return float(value[:100])
        except ValueError:
            return value[:100]
    return value
