"""The tests on a compiled build (`RTSCHED_COMPILE=1 pip install .`): what they test, and what it cannot be asked.

`RTSCHED_TESTED=compiled PYTHONSAFEPATH=1 python -m pytest --import-mode=append` tests what is installed: without the
two, the checkout stands before it on Python's path.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

import rtsched
from rtsched.build import build

WANTED = "RTSCHED_TESTED"

#: A test that derives classes from those of the engine, as nobody can where they are compiled.
interpreted = pytest.mark.skipif(rtsched.is_compiled(), reason="derives from classes of the interpreted engine")


def refuse_another_build() -> None:
    """The tests were to be run on one build, and find the other."""
    wanted = os.environ.get(WANTED)
    if wanted and wanted not in build():
        raise pytest.UsageError(f"{WANTED}={wanted}, but {rtsched.__file__} is {build()}; see tests/compiled.py")


def is_compiled(target: object) -> bool:
    """Whether `target` (a module, a class, or the name of something in a module) is compiled."""
    name = target.rpartition(".")[0] if isinstance(target, str) else getattr(target, "__module__", None)
    module = sys.modules.get(name) if isinstance(name, str) else target
    file = getattr(module, "__file__", None)
    return file is not None and getattr(module, "__name__", "").startswith("rtsched.") and not file.endswith(".py")


def skip_what_patches_it() -> None:
    """Compiled code calls itself directly: a patch of it would have no effect, and the test no sense from there on."""
    patch = pytest.MonkeyPatch.setattr

    def setattr(self: pytest.MonkeyPatch, target: Any, *rest: Any, **named: Any) -> None:
        if is_compiled(target):
            pytest.skip("patches the interpreted engine")
        patch(self, target, *rest, **named)

    pytest.MonkeyPatch.setattr = setattr  # type: ignore[method-assign]
