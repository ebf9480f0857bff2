"""Variants, exits and branches of a network, and the accuracy that each of them has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from rtsched.model.accelerator import GpuOperation
from rtsched.model.base import Model, problem
from rtsched.model.origin import Origins, check_origins
from rtsched.model.work import ANY, Accuracy, Energies, NetworkUse, Times

Share = Annotated[float, Field(gt=0, le=1)]

#: The most variants that one task may have.
MOST_VARIANTS = 1000

#: Why variants with times of their own do not change inside a node.
OWN_TIMES = (
    "'switch: region' needs variants as shares of one network ('scale', 'nodes'), which divide its regions alike; "
    "those with times of their own share nothing inside; write 'switch: node'"
)


class Difficulty(Model):
    """How hard the inputs are.

    The difficulty of an input is uniform on [0, 1), and an answer of accuracy a is right on the inputs below a; so all
    policies meet the same inputs. `correlation` is that of successive inputs (lag 1, Gaussian copula). `reliability`
    says how well a confidence knows the difficulty: 1 exactly, 0 not at all. `predictor`, if any, is the reliability of
    one that looks at the input on its release.
    """

    correlation: Annotated[float, Field(ge=-0.999, le=0.999)] = 0.0
    reliability: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="default 0.9, shown as assumed where confidences are used"
    )
    predictor: Annotated[float, Field(ge=0, le=1)] | None = None


def _launched(value: Any) -> Any:
    """Kernels alone are those of a task without a graph; a mapping names nodes."""
    return {ANY: value} if isinstance(value, list | tuple) else value


#: What the nodes of a variant launch; a plain list is that of a task without a graph.
Launched = Annotated[
    dict[str, Annotated[tuple[GpuOperation, ...], Field(min_length=1)]],
    BeforeValidator(_launched),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "object"}, "examples": [[{"blocks": 8, "time": "1 ms"}]]},
                {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "object"}}},
            ]
        }
    ),
]


class Choice(Model):
    """One variant: its accuracy, and either times of its own or a share of the full network's.

    `scale` multiplies every node's time, `nodes` those of single nodes; `skip` names the nodes it leaves out. With
    `kernels` it launches others than the full one on a GPU served block by block; elsewhere it takes as long.
    """

    name: str | None = None
    accuracy: Accuracy | None = None
    wcet: Times | None = Field(default=None, description="of a task without a graph")
    origin: Origins | None = Field(default=None, description="where the wcet is from: its kind, for all or per cluster")
    network: str | NetworkUse | None = Field(default=None, description="of a task without a graph")
    energy: Energies | None = Field(default=None, description="with 'wcet' or 'network', where the task has an energy")
    scale: Share | None = None
    nodes: dict[str, Share] = {}
    skip: tuple[str, ...] = ()
    kernels: Launched = Field(default={}, description="its own on a GPU served block by block; in a graph by node")

    @property
    def own_times(self) -> bool:
        """Whether it has times of its own everywhere."""
        return self.wcet is not None or self.network is not None

    @model_validator(mode="after")
    def _one_time(self) -> Choice:
        check_origins(self.origin, self.wcet)
        scaled = self.scale is not None or bool(self.nodes) or bool(self.skip)
        if (self.wcet is not None) + (self.network is not None) + scaled > 1:
            raise problem(
                "a variant has one of 'wcet', 'network', and shares of the full one ('scale', 'nodes', 'skip')"
            )
        if self.energy is not None and not self.own_times and ANY not in self.kernels:
            raise problem("'energy' goes with times of its own; a share of the network has its share of that", "energy")
        if ANY in self.kernels and scaled:
            raise problem("kernels of its own are no share of the full one's; leave one of them out", "kernels")
        both = sorted(self.kernels.keys() & {*self.nodes, *self.skip})
        if both:
            raise problem(f"{both[0]!r} has kernels of its own, and a share of the full one's; give one", "kernels")
        return self


def _variants(value: Any) -> Any:
    if isinstance(value, str):
        return {"family": value}
    return {"choices": value} if isinstance(value, list | tuple) else value


class Variants(Model):
    """The variants of a task, listed in `choices` or taken from a `family` of the catalogue.

    A job runs one of them; which, is chosen before it starts or, with ``switch: node``, anew before each node; with
    ``switch: region`` also at the end of each of a node's `regions`, which every variant divides alike. A job whose
    nodes ran under different variants loses what each of them loses, in proportion to the nodes' `shares` (default:
    their shares of the full time); a node that went through several counts as the least of them.
    """

    choices: tuple[Choice, ...] = Field(default=(), max_length=MOST_VARIANTS)
    family: str | None = None
    values: tuple[str | float, ...] | None = Field(default=None, description="which of the family, default: all")
    between: Literal["none", "staircase", "monotone"] = Field(
        default="none",
        description="values that the family was not measured at: refused, on the safe side, or on a curve",
    )
    switch: Literal["start", "node", "region"] = "start"
    shares: dict[str, Annotated[float, Field(ge=0)]] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Variants:
        if bool(self.choices) == (self.family is not None):
            raise problem("variants have either 'choices' or a 'family'")
        if self.family is None and (self.values is not None or self.between != "none"):
            raise problem("'values' and 'between' select from a 'family'; leave them out")
        if self.between != "none" and self.values is None:
            raise problem("'between' has no effect without the 'values' that may lie between; give them", "between")
        if self.shares is not None and self.switch == "start":
            raise problem("'shares' have no effect where a job runs one variant; add 'switch: node'", "shares")
        if self.switch == "region" and any(choice.own_times or choice.kernels for choice in self.choices):
            raise problem(OWN_TIMES, "switch")
        names = [choice.name for choice in self.choices if choice.name is not None]
        if len(set(names)) < len(names):
            raise problem("two variants have the same name; rename one")
        return self


VariantsField = Annotated[Variants, BeforeValidator(_variants)]


class RightTogether(Model):
    """On this share of inputs these members (exits, by their nodes, or variants) are right, and no others."""

    right: tuple[str, ...] = ()
    share: Share


#: How far the shares of patterns, and the accuracies that follow from them, may be off.
ROUNDING = 0.0005


class Errors(Model):
    """How the errors of a task's exits or variants go together, where a better one is not right wherever a worse is.

    Each is right on as many inputs as its `accuracy` says. Either the standard scores of any two on an input have this
    `correlation` (a Gaussian copula; 0: their errors are independent), or it was `recorded` who is right together.
    With `combine` the answer of an exit is that of all members up to it: a `majority` of them (of an even number the
    most accurate one decides a tie), or the sign of the `average` of how far each is from erring.
    """

    correlation: Annotated[float, Field(ge=0, le=0.95)] | None = None
    recorded: Annotated[tuple[RightTogether, ...], Field(min_length=1, max_length=1000)] | None = None
    combine: Literal["majority", "average"] | None = None

    @model_validator(mode="after")
    def _one_model(self) -> Errors:
        if (self.correlation is None) == (self.recorded is None):
            raise problem("errors have either a 'correlation' (0: independent) or were 'recorded'; give one")
        if self.recorded is None:
            return self
        if self.combine == "average":
            raise problem("'recorded' says who is right, not by how much; write 'combine: majority'", "combine")
        total = sum(pattern.share for pattern in self.recorded)
        if abs(total - 1) > ROUNDING:
            raise problem(
                f"the shares sum to {total:g}, not to 1; add the inputs on which nobody is right, too", "recorded"
            )
        return self


def _errors(value: Any) -> Any:
    if value == "nested":
        return None
    return {"correlation": 0.0} if value == "independent" else value


ErrorsField = Annotated[Errors | None, BeforeValidator(_errors)]


class Exit(Model):
    """An early exit: once `node` is done there is an answer of this accuracy."""

    node: str
    accuracy: Accuracy
