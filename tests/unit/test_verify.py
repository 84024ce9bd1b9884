"""Every rule held against an independent implementation, by what ``python -m optim_core verify`` runs and records."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from optim_core import RULES, Rule
from optim_core.__main__ import main
from optim_core.helpers.reference import torch_path
from optim_core.rule import Check
from optim_core.verification.verify import CASES, Held, fingerprint, recorded, text, verified, verify
from surfaces import SURFACES
from tests import rounding

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_passes_its_checks_and_the_file_says_so(name: str) -> None:
    """And says it of this source; ``python -m optim_core verify`` writes it anew.

    The difference within the bound is rounding, which depends on the processor; so does when a run comes to rest.
    """
    rule, held = RULES[name], list(verify(RULES[name], RULES, SURFACES))
    assert held
    assert [one for one in held if not one.passed] == []
    entry = verified()["rules"][name]
    assert entry["source"] == fingerprint(rule)
    varies = {"difference", "steps"} if rule.kind in ("closure", "recorded") else {"difference"}
    said, found = ([{key: check[key] for key in check if key not in varies} for check in checks]
                   for checks in (entry["checks"], [one.entry() for one in held]))  # fmt: skip
    assert said == found
    assert all(check["difference"] <= check["bound"] for check in entry["checks"])


@pytest.mark.parametrize("name", RULES)
def test_a_bound_follows_from_the_path(name: str) -> None:
    """It lets two right implementations part as far as rounding makes them, and not much further.

    1e-12 is what 1,000 steps add up to where nothing magnifies: a few units in the last place in each.
    """
    for check in RULES[name].checks:
        rule = RULES[f"{RULES[name].module_name}({check.base})"] if check.base else RULES[name]
        parted = [
            rounding.path_spread(
                rule, SURFACES[surface], start, check.steps, hyper=check.hyper, surface_parameters=q,
                difference="exact",
            )
            for surface, (q, start) in CASES.items()
        ]  # fmt: skip
        needed = rounding.MARGIN * max(parted)
        if check.bound == 0:  # the same numbers in the same order
            assert rule.kind == "recorded"
        else:
            assert needed <= check.bound <= max(1e-12, 1000 * needed), (check, parted)
        assert check.bound <= rounding.LARGEST, check


WIDE = [
    (name, k)
    for name, rule in RULES.items()
    if rule.kind != "recorded"
    for k, check in enumerate(rule.checks)
    if check.bound > 1e-12
]


@pytest.mark.parametrize(("name", "k"), WIDE)
def test_steps_that_are_a_little_too_long_pass_no_wide_bound(name: str, k: int) -> None:
    """By 1 in 10,000: less than any formula is wrong by."""
    rule, check = RULES[name], RULES[name].checks[k]

    def longer(x: Any, *others: Any) -> Any:
        y, state = rule.step(x, *others)
        return x + (y - x) * (1 + 1e-4), state

    found = []
    for surface, (q, start) in CASES.items():
        options = {"hyper": check.hyper, "surface_parameters": q, "difference": "exact"}
        right, wrong = (
            rounding.walk(one, SURFACES[surface], start, check.steps, noise=rounding.Noise(0, 0.0), **options)
            for one in (rule, dataclasses.replace(rule, step=longer))
        )
        found.append(np.abs(right - wrong).max() / np.abs(right).max())
    assert max(found) > 10 * check.bound, found


def test_the_file_holds_these_rules_and_no_other() -> None:
    assert set(verified()["rules"]) == set(RULES)


def test_a_wider_bound_or_fewer_steps_have_a_reason() -> None:
    for rule in RULES.values():
        for check in rule.checks:
            assert check.why or (check.bound <= 1e-12 and check.steps >= 1000), (rule.name, check)


def test_the_readme_has_no_count_that_a_new_rule_would_falsify() -> None:
    text = (ROOT / "README.md").read_text()
    assert not re.findall(r"\b\d+ (?:rules|checks|surfaces|stories)\b", text)


# ---------------------------------------------------------------- what fails


def changed(name: str, *checks: Check, **parts: Any) -> Rule:
    """A rule with other parts; ``expected`` among them is its module's."""
    module = SimpleNamespace(**vars(RULES[name].module) | {"expected": parts.pop("expected", None)})
    return dataclasses.replace(RULES[name], checks=checks or (Check(steps=50),), module=module, **parts)


def only(rule: Rule) -> Held:
    """What comes of a rule's one check on Rosenbrock."""
    return next(verify(rule, RULES, SURFACES))


def none(params: Any, h: Any) -> None:
    return None


def test_a_small_difference_is_measured() -> None:
    """A rate greater by a millionth, in the path's largest coordinate: 50 steps of 1e-3 from -1.2."""

    def reference(params: Any, h: Any) -> Any:
        return RULES["signum"].reference(params, h._replace(lr=h.lr * (1 + 1e-6)))

    held = only(changed("signum", Check({"lr": 1e-3}, steps=50), reference=reference))
    assert held.against == "pytorch_optimizer.SignSGD"
    assert not held.passed
    assert held.difference == pytest.approx(50 * 1e-9 / 1.2, rel=0.1)


def test_another_rule_that_is_not_the_same_is_found() -> None:
    held = only(changed("qhm", Check({"lr": 1e-3, "nu": 0.9}, same=("momentum_average", {"lr": 1e-3}))))
    assert (held.against, held.passed) == ("rule momentum_average", False)
    assert held.difference > 1e-3


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"reference": none}, "neither a reference, nor expected, nor same"),
        ({"reference": none, "expected": lambda f, x, h, n: np.tile(x, (n + 1, 1))}, "does not leave its start"),
        ({"reference": none, "expected": lambda f, x, h, n: np.ones((n, 2))}, "49 steps there"),
        ({"reference": none, "expected": lambda f, x, h, n: np.full((n + 1, 2), np.nan)}, "does not stay finite"),
        ({"reference": none, "expected": lambda f, x, h, n: f.nothing(x)}, "AttributeError"),
    ],
)
def test_a_check_that_says_nothing_fails(parts: dict[str, Any], said: str) -> None:
    held = only(changed("adam", **parts))
    assert not held.passed
    assert said in held.failure
    assert held.entry()["difference"] is None


def test_a_rule_that_diverges_fails() -> None:
    held = only(changed("gradient_descent", Check({"lr": 1.0}, steps=100)))
    assert held.failure == "a path does not stay finite"


def test_a_missing_library_is_said_and_keeps_what_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reference(params: Any, h: Any) -> Any:
        import no_such_library  # type: ignore[import-not-found]

        return no_such_library

    rule, file = changed("lion", reference=reference), tmp_path / "verified.json"
    assert not only(rule).passed
    assert recorded(RULES, [only(rule)], {"versions": {}, "rules": {}})["rules"] == {}
    monkeypatch.setattr("ravine.plane.RULES", {**RULES, "lion": rule})
    file.write_text(text(verified()))
    assert main(["verify", "lion", "--file", str(file)]) == 0
    assert verified(file) == verified()
    *_, row, made, said = capsys.readouterr().out.splitlines()
    assert "no_such_library is not installed" in row
    assert made == "0 checks of 0 rules; 0 rules failed"
    assert said == "Not checked, since no_such_library is not installed: lion. What was recorded of them stays."


# ---------------------------------------------------------------- references


def test_an_optimizer_is_given_a_closure() -> None:
    """L-BFGS asks for one and evaluates it several times a step; on a quadratic it is there after a few."""
    f = SimpleNamespace(value=lambda x: float(x @ x), gradient=lambda x: 2 * x)
    path = torch_path(
        lambda params: torch.optim.LBFGS(params, line_search_fn="strong_wolfe"), f, np.array([3.0, -4.0]), 2
    )
    assert path.shape == (3, 2)
    assert np.abs(path[-1]).max() < 1e-9


def test_a_parameter_can_be_a_column() -> None:
    shapes = []

    def build(params: list[torch.Tensor]) -> torch.optim.Optimizer:
        shapes.append(params[0].shape)
        return torch.optim.SGD(params, lr=0.25)

    f = SimpleNamespace(value=lambda x: float(x @ x), gradient=lambda x: 2 * x)
    path = torch_path(build, f, np.array([3.0, -4.0]), 2, shape=(2, 1))
    assert shapes == [(2, 1)]
    np.testing.assert_array_equal(path, [[3.0, -4.0], [1.5, -2.0], [0.75, -1.0]])


# ---------------------------------------------------------------- the command and its file


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "verified.json"
    file.write_text('{"versions": {"jax": "1"}, "rules": {"adam": {"source": "old", "checks": []},'
                    ' "gone": {"source": "", "checks": []}}}')  # fmt: skip
    assert main(["verify", "sign_descent", "--file", str(file)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split()[:3] == ["rule", "held", "against"]
    assert printed[1].split()[:2] == ["sign_descent", "pytorch_optimizer.SignSGD"]
    assert printed[1].endswith("yes")
    assert printed[-1] == "2 checks of 1 rules; 0 rules failed"
    found = json.loads(file.read_text())
    assert list(found["rules"]) == ["adam", "sign_descent"]
    assert found["rules"]["adam"] == {"source": "old", "checks": []}
    assert found["rules"]["sign_descent"] == verified()["rules"]["sign_descent"]
    assert set(found["versions"]) == {"jax", "pytorch_optimizer"}
    assert list(tmp_path.iterdir()) == [file]


def test_the_command_can_print_json_and_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "verified.json"
    assert main(["verify", "sign_descent", "--json", "--no-write", "--file", str(file)]) == 0
    assert set(json.loads(capsys.readouterr().out)["rules"]) == {"sign_descent"}
    assert not file.exists()


def test_the_file_has_a_check_a_line() -> None:
    found = verified()
    written = text(found)
    assert json.loads(written) == found
    checks = sum(len(entry["checks"]) for entry in found["rules"].values())
    assert len(re.findall(r'^  \{"against": .*\},?$', written, re.MULTILINE)) == checks
    assert written == (ROOT / "optim_core" / "verification" / "verified.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "adm"], "rule = 'adm' is not known; near it are: adam"),
        (["verify", "Adam W"], "near it are: adamw"),
        (["verify", "12345"], "there are: adabelief, "),
    ],
)
def test_an_unknown_rule_is_named_with_those_near_it(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


# ---------------------------------------------------------------- adding one is one file

# Begins as every process does, but that the package of rules has a second folder.
IN_TWO_FOLDERS = """
import importlib.util, json, sys
from pathlib import Path
home, other, file = sys.argv[1:]
spec = importlib.util.spec_from_file_location(
    "optim_core.rules", f"{home}/optim_core/rules/__init__.py",
    submodule_search_locations=[f"{home}/optim_core/rules", other])
sys.modules["optim_core.rules"] = importlib.util.module_from_spec(spec)

from optim_core import RULES
from optim_core.verification import verify
verify.FILE = Path(file)
from optim_core.__main__ import main
from training.optimizers import OPTIMIZERS
from views.catalogue import catalogue

right, wrong = main(["verify", "adam_again"]), main(["verify", "adam_wrong"])
page = {rule["name"]: rule for rule in catalogue.message(catalogue.View(), budget=0.0)["rules"]}
assert list(page) == list(RULES)
print(json.dumps({
    "rules": len(RULES), "title": RULES["adam_again"].title, "right": right, "wrong": wrong,
    "training": OPTIMIZERS["adam_again"].defaults, "cards": [page["adam_again"], page["adam_wrong"]],
}))
sys.exit(wrong)
"""


def test_adding_a_rule_is_one_file_and_a_wrong_one_is_found(tmp_path: Path) -> None:
    """The wrong one is Adam as a public demo had it: bias correction multiplied in where it must divide."""
    adam, file, folder = RULES["adam"].source, tmp_path / "verified.json", tmp_path / "rules"
    folder.mkdir()
    wrong = adam.replace("v_hat = v / xp.where(", "v_hat = v * xp.where(")
    assert wrong != adam
    (folder / "adam_again.py").write_text(adam.replace('NAME = "Adam"', 'NAME = "Adam, again"'))
    (folder / "adam_wrong.py").write_text(wrong)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IN_TWO_FOLDERS, str(ROOT), str(folder), str(file)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    *tables, last = done.stdout.splitlines()
    found = json.loads(last)

    assert found["rules"] == len(RULES) + 2
    assert found["title"] == found["cards"][0]["title"] == "Adam, again"
    assert found["training"]["lr"] == 1e-3
    assert (found["right"], found["wrong"]) == (0, 1)
    assert tables[-1].endswith("1 rules failed: adam_wrong")
    assert [line.split()[-1] for line in tables if line.startswith("adam_wrong")][:2] == ["NO", "NO"]
    assert [card["badge"]["kind"] for card in found["cards"]] == ["held", "failed"]
    entries = json.loads(file.read_text())["rules"]
    assert all(check["passed"] for check in entries["adam_again"]["checks"])
    assert "torch.optim.Adam" in {check["against"] for check in entries["adam_again"]["checks"]}
