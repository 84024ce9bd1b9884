"""A group of parameters with its hyperparameters, as torch's schedulers and other tools expect it."""

from typing import Any

NAMES = ("beta1", "beta2", "beta3", "beta4")


class Group(dict):
    """A dict in which ``betas``, where it stands beside beta1 and beta2, is the tuple of them: set one, set both.

    torch's schedulers cycle ``betas``; the rules name them one by one. Other keys are whatever the caller put there.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__()
        self.update(*given, **more)

    def __setitem__(self, key: Any, value: Any) -> None:
        names = [name for name in NAMES if name in self]
        if key == "betas" and len(names) > 1:
            if not isinstance(value, (tuple, list)) or len(value) != len(names):
                raise ValueError(f"betas = {value!r} is not allowed; give {len(names)} numbers: {', '.join(names)}")
            super().__setitem__(key, tuple(value))
            for name, one in zip(names, value, strict=True):
                super().__setitem__(name, one)
            return
        super().__setitem__(key, value)
        if key in NAMES and "betas" in self and NAMES.index(key) < len(self["betas"]):
            betas = list(self["betas"])
            betas[NAMES.index(key)] = value
            super().__setitem__("betas", tuple(betas))

    def update(self, *given: Any, **more: Any) -> None:
        """As of any dict."""
        for key, value in dict(*given, **more).items():
            self[key] = value

    def __ior__(self, other: Any) -> "Group":  # type: ignore[override, misc]
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of any dict."""
        if key not in self:
            self[key] = default
        return self[key]
