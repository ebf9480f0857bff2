"""How far a cost model is off on a network: within the range of what it was fitted to, and outside it.

A fit to five networks looks better on these than it is. So the errors that are stated come from networks that no model
is fitted to, by the kind of processor, measured on every cluster that has both (`analysis/cost/README.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rtsched.dnn.cost import FREE, CostModel
from rtsched.dnn.network import Network

#: Convolutions, in all their types.
CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "QLinearConv"})

#: Sizes may leave the range of the fitted networks by this factor, and shares by so much, to count as within.
FACTOR, SHARE = 1.25, 0.05


@dataclass(frozen=True)
class Stated:
    """Relative errors to reckon with. `typical`: half of the networks are closer at least; `most`: nine in ten."""

    typical: float
    most: float
    worst: float
    outside: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """The error in words."""
        text = f"reckon with an error of {100 * self.typical:.0f} % (nine networks in ten are within "
        text += f"{100 * self.most:.0f} %, the worst was off by {100 * self.worst:.0f} %)"
        return f"outside the calibrated range ({'; '.join(self.outside)}): {text}" if self.outside else text


#: By kind of processor: measured on networks within the range of the fitted ones, and on networks outside it. `typical`
#: is what three in four keep, and half of them on every single cluster. NPUs are two sister chips: of these the worst.
WITHIN = {"cpu": Stated(0.50, 0.50, 0.50), "gpu": Stated(0.30, 0.40, 0.40), "npu": Stated(0.65, 0.75, 0.75)}
OUTSIDE = {"cpu": Stated(0.65, 0.75, 1.80), "gpu": Stated(1.40, 2.40, 5.20), "npu": Stated(0.80, 1.40, 1.40)}


@dataclass(frozen=True)
class Features:
    """What tells networks apart for a roofline: how much, how often, and of what."""

    macs: float
    operators: float
    intensity: float
    depthwise: float
    others: float
    weights: float


#: Each feature in words, what it is multiplied with for them, and whether it is a share.
WORDS = {
    "macs": ("million multiply-accumulates", 1e-6, False),
    "operators": ("operators", 1.0, False),
    "intensity": ("multiply-accumulates a byte", 1.0, False),
    "depthwise": ("% depthwise multiply-accumulates", 100.0, True),
    "others": ("% multiply-accumulates outside convolutions", 100.0, True),
    "weights": ("% weights among the bytes", 100.0, True),
}


def features(network: Network, width: float = 1.0) -> Features:
    """The features of a network at a precision."""
    costly = [operator for operator in network.operators if operator.kind not in FREE]
    macs = sum(operator.macs or 0 for operator in costly) or 1
    moved = sum(operator.moved(width) for operator in costly) or 1.0
    weights = sum(each.weight_bytes * (width if each.weight_bytes >= 4 * each.weights else 1.0) for each in costly)
    return Features(
        macs=macs,
        operators=sum(operator.launches for operator in costly),
        intensity=macs / moved,
        depthwise=sum(operator.macs or 0 for operator in costly if operator.depthwise) / macs,
        others=sum(operator.macs or 0 for operator in costly if operator.kind not in CONVOLUTIONS) / macs,
        weights=weights / moved,
    )


@lru_cache(maxsize=64)
def _features(name: str, width: float) -> Features:
    from rtsched.dnn.graph import trimmed
    from rtsched.dnn.network_file import load

    return features(trimmed(load(name)), width)


def outside(model: CostModel, network: Network) -> tuple[str, ...]:
    """In what a network leaves the range of those that a model was fitted to, in words; nothing if it does not."""
    here = features(network, model.width)
    fitted = [_features(name, model.width) for name in model.fitted]
    found = []
    for name, (words, scale, share) in WORDS.items():
        value = getattr(here, name)
        known = [getattr(each, name) for each in fitted]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        if not _within(value, low, high, share):
            found.append(f"{value * scale:,.4g} {words} instead of {low * scale:,.4g} to {high * scale:,.4g}")
    return tuple(found)


def _within(value: float, low: float, high: float, share: bool) -> bool:
    if share:
        return low - SHARE <= value <= high + SHARE
    return low / FACTOR <= value <= high * FACTOR


def stated(model: CostModel, network: Network | None) -> Stated:
    """The error to reckon with on a network (None: one within the range), never less than on networks held back."""
    why = () if network is None else outside(model, network)
    known = OUTSIDE if why else WITHIN
    pooled = known.get(model.kind) or max(known.values(), key=lambda each: each.typical)
    own = max((abs(error) for error in model.errors), default=0.0)
    return Stated(max(pooled.typical, model.error), max(pooled.most, own), max(pooled.worst, own), why)
