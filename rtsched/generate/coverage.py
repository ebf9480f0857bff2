"""Which kinds of operators the units of a chip support, at random: what Band calls fallback, at every degree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rtsched.dnn import network_file
from rtsched.dnn.graph import file_of, trimmed
from rtsched.errors import InputError


class Coverage:
    """By cluster the chance that it supports a kind of operator; the same kinds for all networks of a set.

    Each kind has a number of its own, whatever the chances: what is supported at 0.4 is so at 0.5, too.
    """

    def __init__(self, chances: Mapping[str, float], always: Sequence[str], names: Sequence[str]) -> None:
        self.chances = dict(sorted(chances.items()))
        self.kinds = {name: _kinds(name) for name in names}
        self.all = sorted(set().union(*self.kinds.values()))
        for kind in always:
            if kind not in self.all:
                raise InputError(f"networks: always: no network has a {kind!r}; they have {', '.join(self.all)}")
        self.always = frozenset(always)

    def draw(self, random: np.random.Generator) -> dict[str, dict[str, list[str]]]:
        """By network, and there by cluster, the kinds of operators that it does not support."""
        lacking = {}
        for cluster, chance in self.chances.items():
            drawn = random.random(len(self.all)).tolist()
            lacking[cluster] = {
                kind for kind, number in zip(self.all, drawn, strict=True) if number >= chance
            } - self.always
        return {
            name: {cluster: sorted(kinds & known) for cluster, kinds in lacking.items() if kinds & known}
            for name, known in self.kinds.items()
        }

    def cut(self, work: dict[str, Any], name: str, lacking: Mapping[str, dict[str, list[str]]]) -> dict[str, Any]:
        """A network as a task names it, cut into Band's units."""
        more = {"unsupported": lacking[name]} if lacking[name] else {}
        return {"network": {**work["network"], "partition": "units", **more}}


def _kinds(name: str) -> set[str]:
    return {operator.kind for operator in trimmed(network_file.load(file_of(name))).operators}
