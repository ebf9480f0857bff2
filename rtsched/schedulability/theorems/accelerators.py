"""Response times of tasks that wait for a shared accelerator: FIFO driver, priority server, GCAPS and time slices.

A job computes for C on its core (preemptive fixed priority, no migration) and in between uses the accelerator for the
segments G_1 .. G_η, one after the other, while it is suspended. The order in which it computes and asks is free. The
jobs of a task do not overlap, so each task has at most one request outstanding. All four tests are sufficient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rtsched.model.policy import Sharing
from rtsched.schedulability import needs
from rtsched.schedulability.result import Assumption, Bound, Contribution, ContributionKind, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import least_fixpoint

#: What the terms with ε of `gcaps` rest on.
UPDATES = Assumption(
    "a task updates the runlist unpreempted, and as soon as a segment ends the accelerator takes the next context",
    "declared",
    id="updates",
)

#: Who is served next: the oldest request, the most urgent request (whole segments), the most urgent task (at once,
#: by preemption), or one process after the other for a time slice each.
Policy = Sharing


@dataclass(frozen=True, slots=True)
class GpuTask:
    """A sporadic task on `core`: C ticks there in all, and `segments` on the accelerator, one after the other.

    `process` is the process (address space, context) it belongs to; empty: one of its own. Where there are several
    accelerators `device` says which one it uses.
    """

    name: str
    core: str
    C: int
    T: int
    D: int
    segments: tuple[int, ...] = ()
    process: str = ""
    device: str = ""

    @property
    def G(self) -> int:
        """All its segments together."""
        return sum(self.segments)

    @property
    def eta(self) -> int:
        """η, the number of its segments."""
        return len(self.segments)


@dataclass(frozen=True)
class SharedAccelerator:
    """Tasks, most urgent first, on cores of their own or shared ones, and the accelerator `name` that they share.

    Several accelerators are shared alike, each by the tasks of its `device`.

    `epsilon` is ε: what a request costs the driver (`fifo`: it occupies the accelerator so much longer), the server
    (`server`: before and after each segment) or an update of the runlist (`gcaps`). `Lts` is the time slice and
    `theta` what the turn of another process costs besides its slice: the switch to it and the one away from it.
    `server_core` is the core on which the server runs, more urgent than everybody; empty: a core of its own. `server`
    is its name, and `server_deadline` within what it has to compute each time, where both are known. Where it `stops` a
    late job, the segment that runs of it goes on, beside the next job of its task.
    """

    tasks: tuple[GpuTask, ...]
    policy: Policy
    epsilon: int = 0
    theta: int = 0
    Lts: int = 0
    server_core: str = ""
    server: str = ""
    server_deadline: int = 0
    stops: bool = False
    name: str = "accelerator"

    def above(self, index: int) -> tuple[GpuTask, ...]:
        """The more urgent tasks on the same core."""
        return tuple(task for task in self.tasks[:index] if task.core == self.tasks[index].core)

    def queue(self, device: str = "") -> FifoAccelerator:
        """One accelerator alone: its clients and what they ask for."""
        users = (task for task in self.tasks if task.segments and task.device == device)
        clients = tuple(Client(task.name, task.segments, task.D) for task in users)
        return FifoAccelerator(clients, self.epsilon, device or self.name)

    def share(self, one: GpuTask, other: GpuTask) -> bool:
        """Whether two tasks wait for the same accelerator."""
        return bool(one.segments and other.segments) and one.device == other.device


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody with at most one request outstanding, each for one of `segments`, wanted within D of the request."""

    name: str
    segments: tuple[int, ...]
    D: int


@dataclass(frozen=True)
class FifoAccelerator:
    """An accelerator (an NPU driver, a DMA engine) that serves requests in the order in which they come."""

    clients: tuple[Client, ...]
    epsilon: int = 0
    name: str = "accelerator"


def _policy(wanted: Policy) -> Callable[[SharedAccelerator], str | None]:
    """The accelerator is scheduled so."""

    def check(model: SharedAccelerator) -> str | None:
        if model.policy == wanted:
            return None
        return f"it is about {wanted} accelerators, {model.name!r} is scheduled by {model.policy}"

    return check


def _positive(model: SharedAccelerator | FifoAccelerator) -> str | None:
    """No negative time, and segments of at least one tick."""
    if model.epsilon < 0 or (isinstance(model, SharedAccelerator) and (model.theta < 0 or model.Lts < 0)):
        return "overheads and time slices cannot be negative"
    for each in model.clients if isinstance(model, FifoAccelerator) else model.tasks:
        if any(segment < 1 for segment in each.segments):
            return f"a segment of {each.name!r} is shorter than one tick"
        if isinstance(each, GpuTask) and (each.C < 0 or each.T < 1):
            return f"task {each.name!r} needs C >= 0 and T >= 1"
    return None


def _sliced(model: SharedAccelerator) -> str | None:
    """There is a time slice, and the tasks of a process do not share its turn."""
    if model.Lts < 1:
        return "the length of a time slice, Lts, is not given"
    users = [task.process or task.name for task in model.tasks if task.segments]
    shared = next((name for name in users if users.count(name) > 1), None)
    return None if shared is None else f"several tasks of process {shared!r} use the accelerator"


@dataclass(frozen=True, slots=True)
class _Recurring:
    """Something that delays a task again and again: `amounts` (what, how much) for each job of `source`."""

    source: str
    amounts: tuple[tuple[ContributionKind, int], ...]
    T: int
    J: int = 0

    def jobs(self, length: int) -> int:
        """How many of its jobs can fall into a window of `length`."""
        return -(-(length + self.J) // self.T)

    @property
    def amount(self) -> int:
        return sum(amount for _, amount in self.amounts)


def _response(task: GpuTask, once: Sequence[Contribution], others: Sequence[_Recurring]) -> Bound:
    """What happens `once` in a job, and what recurs while it waits; no bound beyond T, where jobs would pile up."""
    base = sum(part.amount for part in once)
    R = least_fixpoint(lambda R: base + sum(each.jobs(R) * each.amount for each in others), base, limit=task.T)
    if R is None:
        return _unbounded(task)
    recurring = [
        Contribution(kind, each.source, each.jobs(R) * amount) for each in others for kind, amount in each.amounts
    ]  # fmt: skip
    return Bound(task.name, R, task.D, tuple(part for part in (*once, *recurring) if part.amount))


def _unbounded(task: GpuTask) -> Bound:
    return Bound(task.name, None, task.D, converged=False)


def _own(model: SharedAccelerator, task: GpuTask) -> list[Contribution]:
    """A job alone: on its core, and suspended while its own segments run."""
    where = f"{task.name} on {task.device or model.name}"
    return [Contribution("own", task.name, task.C), Contribution("suspension", where, task.G)]


def _late(task: GpuTask, R: int, C: int) -> int:
    """The jitter that stands for suspension, R - C; none for a task that never suspends itself."""
    return R - C if task.segments else 0


def _on_core(model: SharedAccelerator, index: int, known: Sequence[Bound]) -> list[_Recurring] | None:
    """The more urgent tasks on the same core, suspension as jitter; None if one of them has no bound."""
    others = []
    for h, bound in zip(model.tasks[:index], known, strict=True):
        if h.core == model.tasks[index].core:
            if bound.wcrt is None:
                return None
            others.append(_Recurring(h.name, (("interference", h.C),), h.T, _late(h, bound.wcrt, h.C)))
    return others


def _access(model: FifoAccelerator, index: int, segment: int) -> tuple[Contribution, ...]:
    """One request: its own segment, and the largest one of each other client, which may just have come before it."""
    client, e = model.clients[index], model.epsilon
    others = [each for place, each in enumerate(model.clients) if place != index and each.segments]
    parts = [Contribution("own", client.name, segment)]
    parts += [Contribution("blocking", f"{each.name} on {model.name}", max(each.segments)) for each in others]
    parts.append(Contribution("overhead", f"requests to {model.name}", e * (len(others) + 1)))
    return tuple(part for part in parts if part.amount)


@theorem(
    "fifo-accelerator",
    title="Requests to a FIFO accelerator",
    strength="sufficient",
    citation="folklore: when a request comes, each other client has at most one request queued or in service",
    model=FifoAccelerator,
    needs=(_positive,),
    sustainable="CG",
)
def fifo_accelerator(model: FifoAccelerator) -> Result:
    """From a request to its completion: Σ_{j≠i} (max_k G_{j,k} + ε) + G_{i,k} + ε; later requests queue behind.

    A bound per request, named after its client (and its place, if the client has several): of the access, not of a job.

    >>> camera, lidar = Client("camera", (4, 2), D=20), Client("lidar", (7,), D=10)
    >>> result = fifo_accelerator(FifoAccelerator((camera, lidar), epsilon=1))
    >>> [(bound.task, bound.wcrt) for bound in result.bounds]      # lidar waits for the longer one, 4
    [('camera request 1', 13), ('camera request 2', 11), ('lidar', 13)]
    >>> result.verdict, str(result.first_failure)
    ('unknown', "'lidar' may need 13 ns and has 10 ns, 3 ns too little; largest contributor: blocking by camera on accelerator, 4 ns")
    """  # noqa: E501 - what a report says is one line
    bounds = []
    for index, client in enumerate(model.clients):
        for place, segment in enumerate(client.segments, 1):
            parts = _access(model, index, segment)
            name = client.name if len(client.segments) == 1 else f"{client.name} request {place}"
            bounds.append(Bound(name, sum(part.amount for part in parts), client.D, parts))
    return from_bounds(bounds, exact=False)


@theorem(
    "fifo-accelerator-tasks",
    title="Tasks that suspend themselves on a FIFO accelerator, suspension as execution",
    strength="sufficient",
    citation="Chen et al., Real-Time Systems 55, 2019 (suspension-oblivious), on top of the bound of each request",
    model=SharedAccelerator,
    needs=(_policy("fifo"), needs.constrained_deadlines, _positive),
    sustainable="CG",
)
def fifo_accelerator_tasks(model: SharedAccelerator) -> Result:
    """R = C + S + Σ_{hp on the core} ceil(R/T_h)(C_h + S_h), S = what all requests of a job may take.

    S depends on no response, so each bound stands alone: no task needs the others to be in time (but where late jobs
    are stopped, all do: what runs of one stays in the way beside its successor). It is as good for tasks that wait by
    spinning.

    >>> urgent = GpuTask("a", "cpu0", C=2, T=30, D=30, segments=(3,))
    >>> remote = GpuTask("b", "cpu1", C=4, T=30, D=30, segments=(5,))
    >>> last = GpuTask("c", "cpu0", C=6, T=60, D=40)
    >>> fifo_accelerator_tasks(SharedAccelerator((urgent, remote, last), "fifo")).responses  # 2+3+5, 4+5+3, 6+2+8
    [10, 12, 16]
    """
    parts: dict[str, list[Contribution]] = {task.name: [Contribution("own", task.name, task.C)] for task in model.tasks}
    for device in dict.fromkeys(task.device for task in model.tasks):
        queue = model.queue(device)
        for index, client in enumerate(queue.clients):
            requests = [part for segment in client.segments for part in _access(queue, index, segment)]
            parts[client.name] += _merged(client.name, queue.name, requests)
    load = {name: sum(part.amount for part in each) for name, each in parts.items()}
    bounds = []
    for index, task in enumerate(model.tasks):
        others = [_Recurring(h.name, (("interference", load[h.name]),), h.T) for h in model.above(index)]
        bounds.append(_response(task, parts[task.name], others))
    if model.stops and any(bound.wcrt is None or bound.wcrt > bound.deadline for bound in bounds):
        bounds = [_unbounded(task) for task in model.tasks]
    return from_bounds(bounds, exact=False)


def _merged(name: str, accelerator: str, requests: Sequence[Contribution]) -> list[Contribution]:
    """The parts of all requests of a job, those of one cause together; its own segments are suspension to a core."""
    sums: dict[tuple[ContributionKind, str], int] = {}
    for part in requests:
        mine: tuple[ContributionKind, str] = ("suspension", f"{name} on {accelerator}")
        key = mine if part.kind == "own" else (part.kind, part.source)
        sums[key] = sums.get(key, 0) + part.amount
    return [Contribution(kind, source, amount) for (kind, source), amount in sums.items()]


@theorem(
    "gpu-server",
    title="GPU server: requests in the order of priority, whole segments",
    strength="sufficient",
    citation="Kim, Patel, Wang, Rajkumar, Journal of Systems Architecture 88, 2018 (arXiv 1709.06613)",
    model=SharedAccelerator,
    needs=(_policy("server"), needs.constrained_deadlines, _positive),
    sustainable="CG",
    interlocked=True,
)
def gpu_server(model: SharedAccelerator) -> Result:
    """Each request waits at most B, the least B = max_lp (G + 2ε) + Σ_hp (ceil(B/T_h) + 1) Σ_k (G_{h,k} + 2ε).

    R = C + Σ_k (B + G_k + 2ε) + Σ_{hp on the core} ceil((R + J_h)/T_h) C_h, with J_h = R_h - C_h for tasks that use
    the accelerator; on the core of the server also Σ_{j≠i} ceil((R + D_j)/T_j) 2ε η_j. The paper lets a waiting
    request pay for one ε where requests follow each other; here every request keeps the server for G + 2ε, which is
    never less. All tasks must be accepted, or none is: the last sum needs that nobody is late.

    >>> net = GpuTask("net", "cpu0", C=1, T=20, D=20, segments=(3,))
    >>> map_ = GpuTask("map", "cpu1", C=2, T=50, D=50, segments=(5,))
    >>> result = gpu_server(SharedAccelerator((net, map_), "server", epsilon=1))
    >>> result.responses    # 1 + (7 + 3 + 2), 2 + ((1 + 1) 5 + 5 + 2)
    [13, 19]
    """
    bounds: list[Bound] = []
    for index, task in enumerate(model.tasks):
        wait, others = _server_wait(model, index, bounds), _on_core(model, index, bounds)
        if wait is None or others is None:
            bounds.append(_unbounded(task))
            continue
        once = [
            *_own(model, task),
            *wait,
            Contribution("overhead", f"server of {task.device or model.name}", 2 * model.epsilon * task.eta),
        ]
        if model.server_core == task.core:
            for place, j in enumerate(model.tasks):
                cost = 2 * model.epsilon * j.eta
                if place != index and cost:
                    others.append(_Recurring(f"server for {j.name}", (("overhead", cost),), j.T, j.D))
        bounds.append(_response(task, once, others))
    if model.server:
        own = Contribution("own", model.server, model.epsilon)
        bounds.append(Bound(model.server, model.epsilon, model.server_deadline, (own,)))
    return from_bounds(bounds, exact=False)


def _server_wait(model: SharedAccelerator, index: int, known: Sequence[Bound]) -> list[Contribution] | None:
    """What all requests of a job wait for; None where there is no bound, or a more urgent client has none.

    A client that is done within its period has one job under way when a request comes, and ceil(B/T) that come later.
    """
    task = model.tasks[index]
    if not task.segments:
        return []
    above = [(h, bound) for h, bound in zip(model.tasks[:index], known, strict=True) if model.share(h, task)]
    if any(bound.wcrt is None for _, bound in above):
        return None
    both = 2 * model.epsilon
    lower = (low for low in model.tasks[index + 1 :] if model.share(low, task))
    below = max(lower, key=lambda low: max(low.segments), default=None)
    first = max(below.segments) + both if below else 0
    load = [(h.T, h.G + both * h.eta) for h, _ in above]
    B = least_fixpoint(
        lambda B: first + sum((-(-B // T) + 1) * amount for T, amount in load),
        first + sum(amount for _, amount in load),
        limit=task.T,
    )
    if B is None:
        return None
    name = task.device or model.name
    parts = [Contribution("blocking", f"{below.name} on {name}", first * task.eta)] if below else []
    for (h, _), (T, amount) in zip(above, load, strict=True):
        parts.append(Contribution("interference", f"{h.name} on {name}", (-(-B // T) + 1) * amount * task.eta))
    return parts


@theorem(
    "gcaps",
    title="GCAPS: preemptive priorities of GPU contexts",
    strength="sufficient",
    citation="Wang, Liu, Wong, Kim, ECRTS 2024, LIPIcs 298, 14 (arXiv 2406.05221)",
    model=SharedAccelerator,
    needs=(_policy("gcaps"), needs.constrained_deadlines, _positive),
    sustainable="CG",
    interlocked=True,
)
def gcaps(model: SharedAccelerator) -> Result:
    """The driver takes the accelerator away from less urgent contexts; an update of its runlist takes ε.

    R = C + G + ε(1 + 3η) + Σ_{hp on the core} ceil((R + R_h - C_h)/T_h) (C_h + 2ε η_h)
        + Σ_{hp with segments} ceil((R + R_h - G_h)/T_h) G_h,

    in which a task on another core brings its 2ε η_h along with G_h, a task without segments has no jitter, and the
    second sum is for tasks with segments only. Formulas as the paper's analysis for self-suspending tasks states them.
    Exhaustive search over small systems agrees, updates being computed by the task, unpreempted, and the accelerator
    going on with the next context as soon as a segment ends. Where it stands until the task has computed its last
    update, and a more urgent task of its core delays that, the terms with ε are too small: a test shows it. What is
    proven of a system file takes ε = 0, and has what a switch costs inside the segments.

    >>> pose = GpuTask("pose", "cpu0", C=2, T=20, D=20, segments=(4,))
    >>> segment = GpuTask("segment", "cpu1", C=3, T=50, D=50, segments=(10,))
    >>> gcaps(SharedAccelerator((pose, segment), "gcaps")).responses            # 2 + 4; 3 + 10 + 4
    [6, 17]
    >>> gcaps(SharedAccelerator((pose, segment), "gcaps", epsilon=1)).responses  # 6 + 4; 13 + 4 + 2 (4 + 2)
    [10, 29]
    """
    bounds: list[Bound] = []
    for index, task in enumerate(model.tasks):
        runlist = f"runlist of {task.device or model.name}"
        update = Contribution("overhead", runlist, model.epsilon * (1 + 3 * task.eta))
        others = _more_urgent_contexts(model, index, bounds)
        bounds.append(_unbounded(task) if others is None else _response(task, [*_own(model, task), update], others))
    found = from_bounds(bounds, exact=False)
    return replace(found, assumptions=(UPDATES,)) if model.epsilon else found


def _more_urgent_contexts(model: SharedAccelerator, index: int, known: Sequence[Bound]) -> list[_Recurring] | None:
    """What a task meets under GCAPS: more urgent tasks on its core, and on the accelerator if it uses that."""
    task, others = model.tasks[index], []
    for h, bound in zip(model.tasks[:index], known, strict=True):
        near, shared = h.core == task.core, model.share(h, task)
        if not near and not shared:
            continue
        if bound.wcrt is None:
            return None
        updates: tuple[ContributionKind, int] = ("overhead", 2 * model.epsilon * h.eta)
        if near:
            cpu: list[tuple[ContributionKind, int]] = [("interference", h.C), updates]
            others.append(_Recurring(h.name, tuple(cpu), h.T, _late(h, bound.wcrt, h.C)))
        if shared:
            gpu: list[tuple[ContributionKind, int]] = (
                [("interference", h.G)] if near else [("interference", h.G), updates]
            )
            where = f"{h.name} on {task.device or model.name}"
            others.append(_Recurring(where, tuple(gpu), h.T, bound.wcrt - h.G))
    return others


@theorem(
    "gpu-time-slicing",
    title="Time slices of several processes on a GPU",
    strength="sufficient",
    citation="Wang, Liu, Wong, Kim, ECRTS 2024 (arXiv 2406.05221), Eq. 3, self-suspending tasks",
    model=SharedAccelerator,
    needs=(_policy("time-slicing"), needs.constrained_deadlines, _positive, _sliced),
    sustainable="CG",
    interlocked=True,
)
def gpu_time_slicing(model: SharedAccelerator) -> Result:
    """The default of GPU drivers: round-robin over the processes that have work, Lts each.

    A segment takes G + (Lts + θ) ν ceil(G/Lts), ν = other processes that use the GPU; then, with S the sum of that
    over the segments, R = C + S + Σ_{hp on the core} ceil((R + J_h)/T_h) C_h with J_h = R_h - C_h for tasks that use
    the GPU. θ counts once for each turn of another process: it must hold the switch to it and the one away from it.

    >>> one = GpuTask("one", "cpu0", C=1, T=40, D=40, segments=(5,))
    >>> two = GpuTask("two", "cpu0", C=2, T=60, D=60, segments=(3, 1))
    >>> gpu_time_slicing(SharedAccelerator((one, two), "time-slicing", Lts=4, theta=1)).responses  # 1+5+2(4+1); ...
    [16, 17]
    """
    bounds: list[Bound] = []
    for index, task in enumerate(model.tasks):
        others = _on_core(model, index, bounds)
        if others is None:
            bounds.append(_unbounded(task))
            continue
        users = {each.process or each.name for each in model.tasks if model.share(each, task)}
        turns = (len(users) - 1) * sum(-(-segment // model.Lts) for segment in task.segments) if task.segments else 0
        name = task.device or model.name
        once = [
            *_own(model, task),
            Contribution("blocking", f"other processes on {name}", turns * model.Lts),
            Contribution("overhead", f"switches of {name}", turns * model.theta),
        ]
        bounds.append(_response(task, once, others))
    return from_bounds(bounds, exact=False)
