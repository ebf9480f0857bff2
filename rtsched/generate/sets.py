"""Random systems, one by one: set `index` of what is asked for, under a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.generate.parameters import Generate, parameters_of
from rtsched.generate.recipe import Recipe
from rtsched.model.base import whole_number
from rtsched.visible import as_found


def draw(parameters: Generate | Mapping[str, Any], *, seed: int = 0, index: int = 0) -> dict[str, Any]:
    """One random system as a mapping that `rtsched.load` takes; times are whole ns.

    It depends on the parameters, the seed and the index alone. Raises InputError where nothing can be drawn.
    """
    asked = parameters_of(parameters)
    return _recipe(asked.shown).draw(_number(seed, "seed"), _number(index, "index"))


def generate(
    parameters: Generate | Mapping[str, Any] | str | Path | None = None, *, count: int = 1, seed: int = 0, **keys: Any
) -> list[dict[str, Any]]:
    """Random systems: sets 0, 1, … of the parameters (a mapping, a file, a Generate), `keys` set anew.

    >>> system, = generate(tasks=3, utilisation=0.5, seed=7)
    >>> len(system["tasks"]), round(sum(t["wcet"] / t["period"] for t in system["tasks"]), 3)
    (3, 0.5)
    """
    asked = parameters_of(parameters, **keys)
    return [draw(asked, seed=seed, index=index) for index in range(_number(count, "count"))]


def key(parameters: Generate | Mapping[str, Any], *, seed: int = 0, index: int = 0) -> str:
    """What a set is known by: the same for the same parameters, seed and index, in any process."""
    content = parameters_of(parameters).content
    return hashlib.sha256(f"{seed}\0{index}\0{content}".encode()).hexdigest()


def text(document: Mapping[str, Any]) -> str:
    """A system as the YAML of a system file, with units as a person would write them."""
    from rtsched.model.config import to_yaml
    from rtsched.model.system import System

    return to_yaml(System.model_validate(document))


def _number(value: Any, what: str) -> int:
    number = whole_number(value)
    if number is None or not 0 <= number < 2**63:
        raise InputError(f"{what}: must be a whole number, zero or more (found {as_found(value)}); e.g. 1")
    return number


@lru_cache(maxsize=256)
def _recipe(shown: str) -> Recipe:
    return Recipe(Generate.model_validate(json.loads(shown)))
