"""Optimizers written once: each rule moves a dot on a surface, fills a map and trains a network."""

from typing import TYPE_CHECKING, Any

from optim_core.registry import RULES
from optim_core.rule import Rule
from optim_core.runs.outcome import Outcome
from optim_core.runs.sweep import Sweep, sweep
from optim_core.runs.trace import Trace, Traces, trace, traces

if TYPE_CHECKING:
    from optim_core.network.torch_optimizer import RuleOptimizer

__all__ = ["RULES", "Outcome", "Rule", "RuleOptimizer", "Sweep", "Trace", "Traces", "sweep", "trace", "traces"]


def __getattr__(name: str) -> Any:
    # RuleOptimizer imports torch, which the app's process does without.
    if name == "RuleOptimizer":
        try:
            from optim_core.network.torch_optimizer import RuleOptimizer
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            sentence = "RuleOptimizer needs torch, which is not installed: pip install 'ravine[train]'"
            raise ModuleNotFoundError(sentence, name="torch") from None
        return RuleOptimizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
