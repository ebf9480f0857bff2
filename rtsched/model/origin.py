"""What an execution time is: its kind, from the strongest to the weakest, and where it is from.

A proof is as good as its execution times. So each says whether it is a bound, a measurement or a guess, and a verdict
is worded by the weakest it rests on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from rtsched.model.base import Model, problem

#: What an execution time is: found by static analysis, enforced while it runs, declared by a person, the largest one
#: measured (with a margin), a probabilistic bound, a percentile, a typical value, or the answer of a model.
Basis = Literal["analysed", "budget", "declared", "high-water", "pwcet", "percentile", "typical", "modelled"]
#: The strongest first.
BASES: tuple[Basis, ...] = (
    "analysed", "budget", "declared", "high-water", "pwcet", "percentile", "typical", "modelled",
)  # fmt: skip
#: Those of which a proof is one, and those of which it is one on condition that no job exceeds what was measured.
PROVING: tuple[Basis, ...] = BASES[:3]
CONDITIONAL: tuple[Basis, ...] = BASES[3:5]

#: What a person says of a time.
Text = Annotated[str, Field(min_length=1, max_length=500)]

#: The key of a value that holds on every CPU, as in ``rtsched.model.work``.
_ANY = "any"


def weakest(bases: Iterable[Basis]) -> Basis:
    """The basis that a statement has which rests on all of these; without any it is ``declared``.

    >>> weakest(["high-water", "typical", "declared"])
    'typical'
    """
    return max(bases, key=BASES.index, default="declared")


def fewest_runs(quantile: float) -> int:
    """How many independent runs it takes for the largest of them to bound a quantile at 95 %: ⌈ln 0.05 / ln q⌉.

    >>> [fewest_runs(q) for q in (0.9, 0.99, 0.999)]
    [29, 299, 2995]
    """
    return math.ceil(math.log(0.05) / math.log(quantile))


class Provenance(Model):
    """Where an execution time is from: its kind, and what is known of how it was found.

    What is not stated is not known, and printed so. `margin` is the factor that the time already has over what was
    measured, and needs a `reason`.
    """

    kind: Basis = Field(description="the strongest first; what is weaker than declared is no proof")
    n: int | None = Field(default=None, ge=1, description="how many runs were measured")
    margin: Annotated[float, Field(ge=1, le=1000)] | None = Field(
        default=None, description="the factor over what was measured that the time already has"
    )
    reason: Text | None = Field(default=None, description="why the margin is enough")
    q: Annotated[float, Field(gt=0, lt=1)] | None = Field(default=None, description="of a percentile, e.g. 0.99")
    p: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="of a pwcet: how likely one run exceeds it"
    )
    enforced_by: Text | None = Field(default=None, description="of a budget: who stops what exceeds it")
    overrun: Text | None = Field(default=None, description="of a budget: what becomes of a job that exceeds it")
    date: Text | None = None
    board: Text | None = None
    clocks: Text | None = None
    power_mode: Text | None = None
    temperature: Text | None = None
    co_runners: Text | None = Field(default=None, description="what else ran: alone, or with whom")
    inputs: Text | None = Field(default=None, description="which inputs were run, and whether the worst is among them")
    driver: Text | None = None
    runtime: Text | None = None
    timer: Text | None = None
    file: Text | None = Field(default=None, description="of the raw measurements")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(default=None, description="of that file")
    author: Text | None = None
    document: Text | None = None
    tool: Text | None = Field(default=None, description="that measured, analysed or modelled it")
    version: Text | None = Field(default=None, description="of the tool")

    @model_validator(mode="after")
    def _carries_what_its_kind_needs(self) -> Provenance:
        if self.kind == "budget" and self.enforced_by is None:
            raise problem("a budget needs 'enforced_by': who stops a job that exceeds it", "kind")
        if self.kind == "percentile":
            if self.q is None or self.n is None:
                raise problem("a percentile needs 'q' (e.g. 0.99) and 'n', the number of runs", "kind")
            least = math.ceil(1 / (1 - Fraction(repr(self.q))))
            if self.n < least:
                raise problem(f"of {self.n} runs there is no percentile {self.q:g}; it takes {least} at least", "n")
        if self.kind == "pwcet" and self.p is None:
            raise problem("a pwcet needs 'p', how likely one run exceeds it (e.g. 1e-9)", "kind")
        for key, kinds in _ONLY.items():
            if getattr(self, key) is not None and self.kind not in kinds:
                raise problem(f"{key!r} goes with kind {' or '.join(kinds)}, not with {self.kind}; leave it out", key)
        if self.margin not in (None, 1) and self.reason is None:
            raise problem("a margin needs a 'reason': why it is enough", "margin")
        if self.reason is not None and self.margin is None:
            raise problem("'reason' says why a margin is enough, and there is none; add 'margin'", "reason")
        return self

    @property
    def too_few(self) -> int | None:
        """How many runs it would take for the largest to bound this quantile at 95 %, where there were fewer."""
        if self.kind != "percentile" or self.q is None or self.n is None:
            return None
        least = fewest_runs(self.q)
        return least if self.n < least else None

    @property
    def figure(self) -> str:
        """Which figure the time is, in words: ``the largest of 5000 runs × 1.2``."""
        runs = f"{self.n} runs" if self.n is not None else "the runs (how many is not stated)"
        margin = "" if self.margin in (None, 1) else f" × {self.margin:g}"
        few = f", too few runs ({self.too_few} bound it at 95 %)" if self.too_few else ""
        return {
            "analysed": "found by static analysis",
            "budget": f"enforced by {self.enforced_by}",
            "declared": "declared",
            "high-water": f"the largest of {runs}{margin}",
            "pwcet": f"exceeded by a run with a probability of at most {self.p or 0:g}",
            "percentile": f"the percentile {self.q} of {runs}{few}{margin}",
            "typical": f"a typical time{f' of {runs}' if self.n is not None else ''}{margin}",
            "modelled": f"estimated by a model{margin}",
        }[self.kind]

    @property
    def source(self) -> str:
        """Where that stands: document, file, tool or author, whichever are stated."""
        tool = None if self.tool is None else " ".join(filter(None, (self.tool, self.version)))
        return ", ".join(filter(None, (self.document, self.file, tool, self.author)))


#: Keys that only some kinds have.
_ONLY: dict[str, tuple[Basis, ...]] = {
    "q": ("percentile",),
    "p": ("pwcet",),
    "enforced_by": ("budget",),
    "overrun": ("budget",),
    "margin": ("high-water", "percentile", "typical", "modelled"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an execution time comes from: what it claims to be, and which figure it is, in words.

    `statistic` is the figure taken (``typical``, ``p99``, ``max``, ``max*1.2`` …), of `n` runs where that is stated,
    with a `margin` over what was measured; `source` is whose it is, `row` where in a table it stands, since `date`, and
    `about` what a file says of it.
    """

    basis: Basis
    text: str
    statistic: str = ""
    source: str = ""
    row: str = ""
    n: int | None = None
    margin: float = 1.0
    date: str = ""
    about: Provenance | None = None


def _by_place(value: Any) -> Any:
    """One origin is that of every time beside it; a mapping of places names clusters, processors or kinds."""
    if isinstance(value, Provenance) or (isinstance(value, dict) and value.keys() & Provenance.model_fields.keys()):
        return {_ANY: value}
    return value


class _OneOrByPlace:
    """The schema of one value, or one per place."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(core)
        return {"anyOf": [made["additionalProperties"], made]}


#: Where a time is from: of all that stand beside it (``any``), or by cluster, processor or kind.
Origins = Annotated[dict[str, Provenance], BeforeValidator(_by_place), Field(min_length=1), _OneOrByPlace()]


def check_origins(origin: dict[str, Provenance] | None, wcet: dict[str, int] | None) -> None:
    """Refuse an origin of a time that is not there. Raises a pydantic error."""
    if origin is None:
        return
    if wcet is None:
        raise problem(
            "'origin' says where a 'wcet' is from, and there is none beside it; give one, or leave it out", "origin"
        )
    for name in origin:
        if name != _ANY and name not in wcet:
            known = ", ".join(each for each in wcet if each != _ANY) or "one time for all"
            raise problem(f"'origin' names {name!r}, which has no wcet here; it has: {known}", "origin")


# ---- which figure of a table is taken --------------------------------------------------------------------------------

_FACTOR = re.compile(r"max\s*\*\s*([0-9]+(?:\.[0-9]+)?)")
#: What ``wcet:`` and ``--wcet`` may be, in words.
STATISTICS = "typical, p99, max, max*F (a factor of at least 1, e.g. max*1.2) or bound"


def statistic(value: Any) -> str:
    """The statistic that a text means, as it is written best. Raises a pydantic error."""
    text = value.strip() if isinstance(value, str) else value
    if text in ("typical", "p99", "max", "bound"):
        return str(text)
    scaled = _FACTOR.fullmatch(text) if isinstance(text, str) else None
    if scaled is None or not 1 <= Fraction(scaled[1]) <= 1000:
        raise problem(f"no such figure of measured times; write one of {STATISTICS}")
    factor = Fraction(scaled[1])
    return "max" if factor == 1 else f"max*{float(factor):g}"


#: Which of the measured times of a network is its execution time.
Statistic = Annotated[
    str,
    BeforeValidator(statistic),
    WithJsonSchema({"type": "string", "examples": ["typical", "p99", "max", "max*1.2", "bound"]}),
]


def factor_of(statistic: str) -> Fraction:
    """The factor of ``max*F``; 1 of every other statistic.

    >>> factor_of("max*1.2"), factor_of("max")
    (Fraction(6, 5), Fraction(1, 1))
    """
    return Fraction(statistic.partition("*")[2] or 1)
