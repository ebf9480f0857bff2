"""A system on each board that can host it, in each power mode and under each policy: analysed, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rtsched import api
from rtsched.alternatives.answer import Alternative, Alternatives, Energy
from rtsched.dnn.hosting import carried, family
from rtsched.errors import InputError, RtschedError, SoundnessError
from rtsched.model import catalogue
from rtsched.model.overrides import Override
from rtsched.model.platform import Platform
from rtsched.model.taskgraph import weakest
from rtsched.verify.verification import Verification, verify

#: Every platform of the catalogue.
ALL = "all"
#: The policies that are tried beside the file's own, unless others are named.
POLICIES = (api.OWN, "edf", "dm", "edf+first-fit", "dm+first-fit")
#: More alternatives than this are too many for a table, or an evening.
MOST = 2000

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class _Board:
    """A board that can host the system, and the modes to look at."""

    loaded: api.Loaded
    name: str
    modes: tuple[str, ...]
    own: bool
    carried: tuple[str, ...]


def alternatives(
    source: api.Source,
    *,
    platforms: Sequence[str] | None = None,
    modes: Sequence[str] | None = None,
    schedulers: Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    wcet: str | None = None,
    runs: int = 0,
    seed: int = 0,
    energy: bool = False,
    until: int | str | None = None,
    progress: Progress | None = None,
    keep_partial: bool = False,
) -> Alternatives:
    """What would be proven of a system on other boards, in other power modes and under other policies.

    `platforms` are names or files of boards, ``all`` for the whole catalogue (None: the system's own, those of its
    family, and all others with measured times of everything). `modes` are power modes, ``file`` for that of the file
    (None: all of each board). `schedulers` are policies, ``file`` for the file's own (None: it and the usual ones).
    `wcet` says which of the times that were measured of each network all of them take (as in `rtsched.analyse`).
    `runs` random patterns are simulated beside each proof; with `energy` one run of each counts it, `until` as long as
    jobs are released. `progress` is told how many are done, of how many, and 0. With `keep_partial` a KeyboardInterrupt
    ends the work, and what was done stands. Raises InputError, and SoundnessError where a run beats a bound.
    """
    asked = [] if wcet is None else [Override("wcet", wcet, f"wcet={wcet}", "what-if")]
    loaded = api.load(source, overrides=[*overrides, *asked])
    wanted = _schedulers(loaded, POLICIES if schedulers is None else schedulers, named=schedulers is not None)
    boards, lacking, others = _boards(loaded, platforms, modes)
    points = [(board, mode, policy) for board in boards for mode in board.modes for policy in wanted]
    if len(points) > MOST:
        raise InputError(
            f"{len(points)} alternatives are more than {MOST}; name some boards (--platforms), modes (--modes) or "
            "policies (--schedulers)"
        )
    rows: list[Alternative] = []
    lengths: list[int] = []
    try:
        for number, point in enumerate(points):
            if progress is not None:
                progress(number, len(points), 0)
            rows.append(_row(*point, runs=runs, seed=seed, energy=energy, until=until, lengths=lengths))
    except KeyboardInterrupt:
        if not keep_partial:
            raise
    length = lengths[0] if lengths else None
    left, chosen = len(points) - len(rows), loaded.system.wcet
    return Alternatives(loaded.system.name, tuple(rows), lacking, others, left, length, chosen, loaded.system.id)


def _schedulers(loaded: api.Loaded, names: Iterable[str], *, named: bool) -> list[str]:
    """The policies to look at, each once; of the usual ones not that which is the file's own. Raises InputError."""
    own = str(api.policy(loaded.system.scheduler, code=False)) if not named else None
    found: dict[str, None] = {}
    for name in names:
        if name != api.OWN:
            same = str(api.policy(name, code=named)) == own
            if same:
                continue
        found[name] = None
    if not found:
        raise InputError("no policy is named; write e.g. --schedulers file,edf")
    return list(found)


def _boards(
    loaded: api.Loaded, names: Sequence[str] | None, modes: Sequence[str] | None
) -> tuple[list[_Board], dict[str, tuple[str, ...]], tuple[str, ...]]:
    """The boards that can host the system, its own first; what those lack that cannot; and who else lacks something."""
    own = loaded.platform
    known = {own.name, *own.aliases}
    asked = None if names is None or ALL in names else list(names)
    guessed = carried(loaded.system)
    boards: list[_Board] = []
    lacking: dict[str, tuple[str, ...]] = {}
    others: list[str] = []
    if names is None or ALL in names or known & set(asked or ()) or api.OWN in (asked or ()):
        boards.append(_board(loaded, own.name, own=True, guessed=()))
    for name in asked if asked is not None else catalogue.names("platforms"):
        if name in known or name == api.OWN:
            continue
        other = _platform(name, quietly=asked is None)
        if other is None or other.name in known:
            continue
        known.add(other.name)
        there = _in_a_mode_of(api.load(loaded, platform=other), other)
        near = asked is not None or names is not None or family(name) == family(own.name)
        missing = there.lacks()
        if missing and near:
            lacking[name] = missing
        elif missing:
            others.append(name)
        elif near or not guessed:
            boards.append(_board(there, name, own=False, guessed=guessed))
    return [board for board in (_with_modes(board, modes) for board in boards) if board.modes] or _no_mode(
        boards, modes
    ), lacking, tuple(others)  # fmt: skip


def _no_mode(boards: list[_Board], modes: Sequence[str] | None) -> list[_Board]:
    """Nothing is left: for want of boards, or since no board has such a mode, which is a mistake."""
    if boards and modes is not None:
        known = dict.fromkeys(mode for board in boards for mode in board.loaded.platform.power_modes)
        raise InputError(
            f"--modes {','.join(modes)}: none of these boards has such a power mode; "
            f"known: {', '.join(known) or 'none'}"
        )
    return []


def _platform(name: str, *, quietly: bool) -> Platform | None:
    """A board by name; one of the catalogue that is broken is left out where nobody named it."""
    try:
        return catalogue.load_platform(name)
    except InputError:
        if quietly:
            return None
        raise


def _in_a_mode_of(loaded: api.Loaded, platform: Platform) -> api.Loaded:
    """The system without its own power mode, where the board has no such mode."""
    power = loaded.system.power
    if power is None or power.mode is None or power.mode in platform.power_modes:
        return loaded
    system = loaded.system.model_copy(update={"power": power.model_copy(update={"mode": None})})
    return replace(loaded, system=system, document=None)


def _board(loaded: api.Loaded, name: str, *, own: bool, guessed: tuple[str, ...]) -> _Board:
    return _Board(loaded, name, (), own, guessed)


def _with_modes(board: _Board, wanted: Sequence[str] | None) -> _Board:
    """The board with the modes to look at: the file's own first."""
    have = board.loaded.platform.power_modes
    power = board.loaded.system.power
    own = None if power is None else power.mode
    if wanted is None:
        modes = [api.OWN, *(mode for mode in have if mode != own)]
    else:
        modes = [mode for mode in wanted if mode in have or mode == api.OWN]
    return replace(board, modes=tuple(dict.fromkeys(modes)))


def _row(
    board: _Board,
    mode: str,
    scheduler: str,
    *,
    runs: int,
    seed: int,
    energy: bool,
    until: int | str | None,
    lengths: list[int],
) -> Alternative:
    """One alternative, analysed."""
    power = board.loaded.system.power
    told = mode if mode != api.OWN else None if power is None else power.mode
    first = board.own and mode == api.OWN and scheduler == api.OWN
    chosen = None if scheduler == api.OWN else scheduler
    policy = str(api.policy(board.loaded.system.scheduler, code=False)) if chosen is None else scheduler
    label = policy if chosen is None else scheduler
    empty = Alternative(
        board.name, told, label, policy, first, "refused", None, None, None, None, (), "", board.carried, None
    )
    try:
        loaded = board.loaded if mode == api.OWN else board.loaded.with_({"power.mode": mode})
        found = verify(loaded, scheduler=chosen, runs=runs, seed=seed)
        used = _energy(loaded, chosen, seed, until, lengths) if energy else None
    except SoundnessError:
        raise
    except RtschedError as error:
        return replace(empty, reason=str(error).splitlines()[0])
    known = [bound for bound in found.bounds if bound.slack is not None]
    least = min(known, key=lambda bound: (bound.slack or 0) / bound.deadline, default=None)
    still = tuple(task.name for task in found.system.tasks if found.task_verdict(task.index) != "schedulable")
    return replace(
        empty,
        policy=str(found.analysis.policy),
        verdict=found.verdict,
        basis=weakest([found.basis, *(["modelled"] if board.carried else [])]),  # type: ignore[list-item]
        breakdown=None if found.breakdown is None else float(found.breakdown),
        slack=None if least is None else (least.slack or 0) / least.deadline,
        tightest=None if least is None else least.task,
        open=still,
        reason=_reason(found),
        energy=used,
        violated=found.violated,
    )


def _reason(found: Verification) -> str:
    """Why not everything is proven: the first part that is not, a refuted one before an open one."""
    parts = [part for part in found.analysis.parts if found.part_verdict(part) != "schedulable"]
    for part in sorted(parts, key=lambda part: found.part_verdict(part) != "unschedulable"):
        failure = part.result.first_failure
        return f"{part.view.name}: {failure.why if failure is not None else part.result.reason or 'a run missed'}"
    chains = zip(found.system.chains, found.analysis.chains, strict=True)
    open_ones = (f"chain {chain.name}: {result.reason}" for chain, result in chains if result.verdict != "schedulable")
    return next(open_ones, "")


def _energy(
    loaded: api.Loaded, scheduler: str | None, seed: int, until: int | str | None, lengths: list[int]
) -> Energy:
    """Energy of the run that the file declares; one that counts none is run with every clock at its highest."""
    counting = loaded if loaded.system.power is not None else loaded.with_({"power": {}})
    if until is None and lengths:
        until = lengths[0]  # all of them as long as the first
    trace = api.simulate(counting, scheduler=scheduler, until=until, seed=seed, trace=False)
    lengths.append(trace.until)
    figures = api.summary(trace)
    found = None if figures.hardware is None else figures.hardware.energy
    if found is None or not found.total:
        return Energy(None, None)
    active = {unit.name: unit.active for unit in found.units}
    busy = [each.name for each in figures.processors if each.utilisation > 0]
    without = tuple(name for name in busy if not active.get(name.partition(".")[0], active.get(name, 0)))
    return Energy(found.total, found.mean_power, without)
