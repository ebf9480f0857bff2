"""Tasks: sources of jobs, with their arrivals, execution times and what happens on a miss."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rtsched.model.base import Duration, Id, Model, PositiveDuration, RatePeriod, problem
from rtsched.model.graph import GraphModel
from rtsched.model.inputs import RecordedInput
from rtsched.model.misses import Misses
from rtsched.model.variants import Difficulty, Errors, ErrorsField, Exit, VariantsField
from rtsched.model.work import ANY, Accuracy, Work


class Periodic(Model):
    """One arrival every period, from the offset on; each release follows its arrival by at most the jitter."""

    kind: Literal["periodic"] = "periodic"


class Sporadic(Model):
    """Arrivals at least a period apart: the gap is the period plus an exponential extra of the given mean."""

    kind: Literal["sporadic"]
    mean_extra: Duration = 0
    max_gap: PositiveDuration | None = Field(
        default=None, description="no gap is longer; without it chains through the task have no bound"
    )


class Poisson(Model):
    """Arrivals with independent exponential gaps whose mean is the period."""

    kind: Literal["poisson"]


class BurstState(Model):
    """One state of a bursty source: exponential gaps of mean `gap` while it lasts, a time of mean `dwell`."""

    gap: PositiveDuration
    dwell: PositiveDuration


class Bursty(Model):
    """A Markov-modulated Poisson process: the states follow each other in turn, e.g. calm, burst, calm, …"""

    kind: Literal["bursty"]
    states: tuple[BurstState, ...] = Field(min_length=2, max_length=64)


class TraceArrivals(Model):
    """Recorded arrivals: `times`, or a CSV `file` with columns release and optionally deadline and execution.

    CSV times carry a unit in the cell ("3 ms") or in the header (``release_us``); deadline is relative.
    """

    kind: Literal["trace"]
    times: tuple[Duration, ...] | None = None
    file: str | None = None
    deadlines: tuple[PositiveDuration, ...] | None = Field(default=None, description="relative, one per arrival")
    execution: tuple[PositiveDuration, ...] | None = Field(default=None, description="one per arrival")

    @model_validator(mode="after")
    def _ordered(self) -> TraceArrivals:
        if (self.times is None) == (self.file is None):
            raise problem("a trace of arrivals has either 'times' or a 'file'")
        if self.times is not None:
            for number, (earlier, later) in enumerate(zip(self.times, self.times[1:], strict=False)):
                if later < earlier:
                    raise problem(f"arrival {number + 1} lies before arrival {number}; sort the trace by time")
            for name in ("deadlines", "execution"):
                column = getattr(self, name)
                if column is not None and len(column) != len(self.times):
                    raise problem(f"{len(column)} {name} for {len(self.times)} arrivals; give one each")
        return self


class Spawned(Model):
    """No arrivals of its own: the policy releases each job, by ``soc.spawn``."""

    kind: Literal["spawned"]


Arrival = Annotated[Periodic | Sporadic | Poisson | Bursty | TraceArrivals | Spawned, Field(discriminator="kind")]

Share = Annotated[float, Field(gt=0, le=1000)]


class Constant(Model):
    """Every job takes its whole execution time."""

    kind: Literal["constant"] = "constant"


class Uniform(Model):
    """A factor of the execution time, uniform between `low` and `high`."""

    kind: Literal["uniform"]
    low: Share
    high: Share = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise problem("'low' must not exceed 'high'")
        return self


class _Truncated(Model):
    mean: Share
    std: Annotated[float, Field(ge=0, le=1000)]
    low: Share = 1e-6
    high: Share = 1.0

    @model_validator(mode="after")
    def _inside(self) -> _Truncated:
        if not self.low <= self.mean <= self.high:
            raise problem("'mean' must lie between 'low' and 'high'")
        return self


class Normal(_Truncated):
    """A factor of the execution time, normal with `mean` and `std`, truncated (redrawn) to [low, high]."""

    kind: Literal["normal"]


class LogNormal(_Truncated):
    """A factor of the execution time, log-normal; `mean` and `std` are the factor's own; truncated to [low, high]."""

    kind: Literal["lognormal"]


class Empirical(Model):
    """Measured execution times, drawn with replacement: `samples`, or the column `column` of a CSV `file`."""

    kind: Literal["empirical"]
    samples: tuple[PositiveDuration, ...] | None = None
    file: str | None = None
    column: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Empirical:
        if (self.samples is None) == (self.file is None):
            raise problem("empirical execution times have either 'samples' or a 'file'")
        if self.samples is not None and not self.samples:
            raise problem("'samples' is empty")
        if self.file is not None and self.column is None:
            raise problem("name the 'column' of the file, e.g. 'latency_ms'")
        return self


class Autocorrelated(Model):
    """Successive jobs resemble each other: a Gaussian copula of lag-1 correlation `correlation` over a marginal."""

    kind: Literal["autocorrelated"]
    correlation: Annotated[float, Field(ge=-0.999, le=0.999)]
    marginal: Annotated[Uniform | Normal | LogNormal | Empirical, Field(discriminator="kind")]


Execution = Annotated[Constant | Uniform | Normal | LogNormal | Empirical | Autocorrelated, Field(discriminator="kind")]

OnFault = Literal["restart", "resume", "drop"]
OnMiss = Literal["continue", "abort", "drop_at_start", "drop_if_hopeless", "skip_next"]


class After(Model):
    """A trigger: each completed job of `task` releases a job here, with the given probability."""

    task: str
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0


#: The difficulty of inputs of which nothing is said.
PLAIN = Difficulty()


def _after(value: Any) -> Any:
    return {"task": value} if isinstance(value, str) else value


class Task(Work):
    """A source of jobs.

    Arrivals come from `period` or `rate` (with `offset` and `jitter`), from `arrival`, from `after` another task, or
    there is a single one (`release`). The relative `deadline` is counted from the arrival and defaults to the period.

    With a graph (or a network that is cut) it says here what holds for its nodes; a node's own key goes before the
    task's. `pin`, `processors`, `threads`, `preemptive`, `memory` and `state` hold for each node. `energy`, `loss` and
    the `traffic` of `memory` are those of all such nodes together, shared out in proportion to their fastest times.
    Their `weights` are loaded as one.
    """

    name: str = Field(min_length=1, max_length=200)
    id: Id | None = Field(default=None, description="what a requirement on it is called elsewhere, e.g. REQ-017")
    graph: GraphModel | None = None
    period: PositiveDuration | None = None
    rate: RatePeriod | None = None
    release: Duration | None = Field(default=None, description="the only arrival of a task that has one job")
    after: Annotated[After, BeforeValidator(_after)] | None = None
    arrival: Arrival = Periodic()
    deadline: PositiveDuration | None = None
    offset: Duration = 0
    jitter: Duration = 0
    priority: int | None = Field(default=None, description="smaller is more urgent; default: the place in the file")
    criticality: Literal["hard", "firm", "soft"] = "soft"
    weight: Annotated[float, Field(gt=0)] = 1.0
    on_miss: OnMiss = "continue"
    on_fault: OnFault = Field(
        default="restart",
        description="what becomes of a segment whose processor fails (the blocks of a GPU cannot resume)",
    )
    context: str | None = Field(default=None, description="its address space on a GPU served block by block")
    execution: Execution = Constant()
    inputs: Annotated[tuple[RecordedInput, ...], Field(min_length=1)] | str | None = Field(
        default=None,
        description="recorded inputs, of which each job has one: by node its time and side values; or a CSV file",
    )
    count: int | None = Field(
        default=None, ge=1, description="how many jobs there are at most; default: as many as fit"
    )
    instances: int = Field(default=1, ge=1, le=10_000)
    overlap: bool = Field(default=False, description="whether jobs of this task may run at the same time")
    communication: Literal["implicit", "let"] = Field(
        default="implicit",
        description="when its jobs read and write in chains: at start and end, or (logical execution time) at the "
        "arrival and the deadline",
    )
    clock: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="what its releases are timed by: tasks of one clock keep the phases that their offsets say",
    )
    misses: Misses | None = Field(
        default=None, description="how many of any so many consecutive jobs may miss ((m,k)-firm): a requirement"
    )
    budget: PositiveDuration | None = Field(
        default=None, description="of the server that serves its jobs: per server period"
    )
    server_period: PositiveDuration | None = None
    accuracy: Accuracy | None = Field(default=None, description="of its full network: the share of right answers")
    measure: str | None = Field(
        default=None,
        min_length=1,
        description="what its accuracies count, e.g. miou; default: the family's, else top1 (right answers)",
    )
    variants: VariantsField | None = Field(default=None, description="ways of running it: a family, or choices")
    exits: tuple[Exit, ...] = Field(default=(), description="early exits, in the order in which they are met")
    exit_family: str | None = Field(
        default=None, description="exits out of the catalogue, as shares of the task's own wcet or network"
    )
    difficulty: Difficulty = PLAIN
    errors: ErrorsField = Field(
        default=None,
        description="how the errors of its exits or variants go together; default: nested (a better one is right "
        "wherever a worse one is)",
    )
    decay: PositiveDuration | None = Field(
        default=None, description="a late answer loses its worth linearly over this time; default: late is wrong"
    )
    #: made anew for each, which costs less than a copy; the published schema says that it is empty
    sources: dict[str, str] = Field(default_factory=dict, json_schema_extra={"default": {}})
    assumed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Task:
        if self.graph is not None:
            for key in ("regions", "sections", "kernels"):
                if getattr(self, key):
                    raise problem(f"{key!r} of a task with a 'graph' belong to its nodes", key)
        given = self.sources_of_time + (self.graph is not None)
        own_times = self.variants is not None and (
            self.variants.family is not None or all(c.own_times or ANY in c.kernels for c in self.variants.choices)
        )
        if given != 1 and not (own_times and not given):
            twice = next((key for key in ("wcet", "network") if given and getattr(self, key) is not None), None)
            raise problem("a task has exactly one of 'wcet', 'network' and 'graph'", twice)
        self._check_quality()
        self._check_arrivals()
        self._check_without_effect()
        if self.deadline is None and self.gap is None:
            raise problem("the deadline is missing, and there is no period to take it from; add 'deadline: 10 ms'")
        return self

    @model_validator(mode="after")
    def _measures_something(self) -> Task:
        if self.measure is None:
            return self
        if self.variants is not None and self.variants.family is not None:
            raise problem("the family says what its accuracies measure; leave 'measure' out")
        choices = () if self.variants is None else self.variants.choices
        known = [self.accuracy, *(choice.accuracy for choice in choices), *(exit_.accuracy for exit_ in self.exits)]
        if self.exit_family is None and all(accuracy is None for accuracy in known):
            raise problem("'measure' says what accuracies count, and there is none; add 'accuracy', or leave it out")
        return self

    def _check_quality(self) -> None:
        if self.variants is not None and self.exits:
            raise problem("a task has either 'variants' or 'exits'; write the depths as exits", "variants")
        if self.variants is not None and self.variants.choices:
            choices = self.variants.choices
            for key in ("wcet", "network", "energy"):
                if getattr(self, key) is not None and all(c.own_times for c in choices):
                    raise problem(f"all variants have times of their own, so {key!r} has no effect; leave it out", key)
            if self.kernels is not None and all(ANY in c.kernels for c in choices):
                raise problem(
                    "all variants have kernels of their own, so these have no effect; leave them out", "kernels"
                )
            if self.energy is not None and all(c.energy is not None for c in choices):
                raise problem("all variants have an energy of their own, so this has no effect; leave it out", "energy")
        if self.exits and self.graph is None:
            raise problem("'exits' name nodes; give the task a 'graph'", "exits")
        if self.errors is not None:
            self._check_errors(self.errors)
        for exit_ in self.exits:
            if self.graph is not None and exit_.node not in self.graph.nodes:
                raise problem(f"an exit names {exit_.node!r}, which is no node; known: {', '.join(self.graph.nodes)}")
        if self.exit_family is not None and (self.exits or self.variants is not None or self.graph is not None):
            raise problem(
                "an 'exit_family' makes the graph and its exits; leave 'graph', 'exits' and 'variants' out",
                "exit_family",
            )
        if self.accuracy is not None and (self.exits or self.variants is not None or self.exit_family is not None):
            raise problem(
                "the accuracy stands with each variant or exit; leave the task's own out ('accuracy')", "accuracy"
            )

    def _check_errors(self, errors: Errors) -> None:
        """Refuse errors that nobody has, or that would change nothing."""
        exits = bool(self.exits) or self.exit_family is not None
        if not exits and self.variants is None:
            raise problem(
                "'errors' of one answer have nothing to go together with; add 'exits' or 'variants'", "errors"
            )
        if errors.combine is not None and not exits:
            raise problem(
                "'combine' has no effect on variants, of which a job runs one; write the members as exits", "errors"
            )
        if self.variants is not None and self.variants.switch != "start":
            raise problem(
                "a job whose nodes ran as several variants has no errors of its own; write 'switch: start'", "errors"
            )
        if self.difficulty.predictor is not None and not errors.correlation:
            raise problem(
                "a 'predictor' sees what an input has for all members, and these errors have nothing; leave it out",
                "difficulty",
            )

    def _check_arrivals(self) -> None:
        if self.period is not None and self.rate is not None:
            raise problem("'period' and 'rate' say the same thing twice; give one")
        self._check_clock()
        needs_period = self.arrival.kind in ("periodic", "sporadic", "poisson")
        single = (self.release is not None) + (self.after is not None)
        if single > 1 or (single and self.arrival.kind != "periodic"):
            raise problem("'release', 'after' and 'arrival' exclude each other")
        if self.release is not None and self.gap is not None:
            raise problem("a task with one 'release' has no period")
        if needs_period and not single and self.gap is None:
            raise problem("the period is missing; add 'period: 10 ms', 'rate: 100 Hz', 'after: TASK' or an 'arrival'")

    def _check_clock(self) -> None:
        """What a clock times is periodic; a longest gap is no shorter than the least."""
        if self.clock is not None and (
            self.arrival.kind != "periodic" or self.release is not None or self.after is not None
        ):
            raise problem("'clock' holds the phases of a periodic task, and this is none; leave it out", "clock")
        if self.communication == "let" and self.after is not None:
            raise problem(
                "a task that another one triggers reads what that one has just written, so it has no logical "
                "execution time; leave 'communication' out, or give it a period instead of 'after'",
                "communication",
            )
        most = self.arrival.max_gap if isinstance(self.arrival, Sporadic) else None
        if most is not None and self.gap is not None and most < self.gap:
            raise problem("'max_gap' is shorter than the period, which is the least gap; make it longer", "arrival")

    def _check_without_effect(self) -> None:
        """Refuse what could never change anything beside what else is said."""
        if isinstance(self.arrival, Spawned):
            for key in ("period", "rate", "offset", "jitter"):
                if getattr(self, key):
                    raise problem(
                        f"{key!r} has no effect on a task whose jobs the policy releases (arrival: spawned); leave it "
                        "out, or leave out 'arrival'",
                        key,
                    )
        if self.after is not None:
            for key in ("period", "rate", "offset", "jitter", "count"):
                if getattr(self, key):
                    raise problem(
                        f"{key!r} has no effect on a task that another one triggers: its jobs are released when those "
                        f"of {self.after.task!r} are done; leave it out, or leave out 'after'",
                        key,
                    )
        if self.release is not None:
            for key in ("offset", "count", "overlap"):
                if getattr(self, key):
                    raise problem(f"{key!r} has no effect on a task with one 'release'; leave it out", key)
        if isinstance(self.arrival, TraceArrivals) and self.arrival.execution is not None:
            if not isinstance(self.execution, Constant):
                raise problem(
                    "'execution' has no effect where the 'arrival' has execution times; leave one out", "execution"
                )
            self._check_inputs("the 'arrival' has execution times")
        if not isinstance(self.execution, Constant):
            self._check_inputs("there is an 'execution'")
        answers = self.accuracy is not None or self.variants is not None or bool(self.exits) or bool(self.exit_family)
        difficult = self.difficulty is not PLAIN and self.difficulty != PLAIN
        for key, given in (("decay", self.decay), ("difficulty", difficult)):
            if given and not answers:
                raise problem(f"{key!r} has no effect where answers have no accuracy; add 'accuracy: 0.9'", key)
        if self.difficulty.reliability is not None and not (self.exits or self.exit_family):
            raise problem("the 'reliability' of confidences has no effect without exits to see them", "difficulty")
        if self.server_period is not None and self.budget is None:
            raise problem(
                "'server_period' has no effect without a 'budget' for it; give one, or leave it out", "server_period"
            )

    def _check_inputs(self, beside: str) -> None:
        if self.inputs is not None:
            raise problem(f"'inputs' say what jobs take, and {beside}, too; leave one out", "inputs")

    @property
    def gap(self) -> int | None:
        """The period in nanoseconds, however it was written."""
        return self.period if self.period is not None else self.rate
