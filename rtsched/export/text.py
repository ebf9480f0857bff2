"""The figures of a run as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rtsched import units
from rtsched.columns import aligned
from rtsched.metrics.figures import Summary
from rtsched.metrics.hardware import BatteryFigures, HardwareFigures
from rtsched.metrics.metric import Values, of_value
from rtsched.visible import shown, visible


def render_table(figures: Summary) -> str:
    """The figures as text for a terminal."""
    figures = shown(figures)
    span = units.format_duration(figures.until, digits=4)
    if figures.planned is not None:
        span += f" of {units.format_duration(figures.planned, digits=4)} (PARTIAL: interrupted)"
    who = f"{figures.id} {figures.system}" if figures.id else figures.system
    head = f"{who} under {figures.scheduler}: jobs released for {span}, seed {figures.seed}"
    if figures.warm_up:
        head += f", the first {units.format_duration(figures.warm_up, digits=4)} not counted"
    parts = [head, _tasks(figures), _processors(figures)]
    if figures.chains:
        parts.append(_chains(figures))
    required = _requirements(figures)
    if required:
        parts.append(required)
    if figures.hardware is not None:
        parts += _hardware(figures.hardware, {machine.name for machine in figures.processors if machine.starts})
    parts += _ways(figures)
    if figures.deadlocks:
        parts.append(_deadlocks(figures))
    if figures.stranded:
        parts.append(_stranded(figures))
    parts.append(figures.headline)
    return "\n\n".join(parts)


def render_metrics(values: Values) -> str:
    """Metrics as text for a terminal, a row each."""
    rows = [["metric", "value"]]
    several = {key.removesuffix(f".{of_value(key)[1]}") for key in values if of_value(key)[1]}
    for key, value in values.items():
        if key in several:  # it has values of several things only
            continue
        of, thing = of_value(key)
        shown_value = "–" if value is None else of.show(value)
        rows.append([visible(of.heading + (f" ({thing})" if thing else "")), shown_value])
    return aligned(rows)


def _tasks(figures: Summary) -> str:
    """A row per task; and whose response times leave jobs out, since they never finished."""
    ids = any(task.id for task in figures.tasks)
    rows = [
        [
            "task",
            *["id"] * ids,
            "jobs",
            "misses",
            "miss %",
            "mean",
            "p95",
            "max",
            "deadline",
            "dropped",
            "accuracy",
            "effective",
        ]
    ]
    for task in figures.tasks:
        response = task.response
        rows.append(
            [
                task.name + (" !" if task.misses and task.criticality == "hard" else ""),
                *[task.id or ""] * ids,
                str(task.jobs),
                str(task.misses),
                "–" if task.miss_ratio is None else f"{100 * task.miss_ratio:.1f}",
                _time(response.mean),
                _time(response.p95),
                _time(response.max),
                _time(task.deadline),
                str(task.dropped + task.aborted),
                _percent(task.accuracy),
                _percent(task.effective_accuracy),
            ]
        )
    if not figures.measures:
        rows = [row[:-1] for row in rows]
    lost = [f"{task.finished} of {task.jobs} of {task.name}" for task in figures.tasks if task.finished < task.jobs]
    note = f"\nmean, p95 and max are those of the jobs that finished: {_some(lost)}" if lost else ""
    return aligned(rows) + note


def _processors(figures: Summary) -> str:
    """A row per processor that was used; where there are streams, with the time that they only waited."""
    waiting = any(processor.waiting for processor in figures.processors)
    rows = [["processor", "running %" if waiting else "busy %", "waiting %", "preemptions", "migrations"]]
    idle = [processor.name for processor in figures.processors if not processor.starts]
    for processor in figures.processors:
        if not processor.starts and len(idle) > 1:
            continue
        rows.append(
            [
                processor.name,
                f"{100 * processor.utilisation:.1f}",
                f"{100 * processor.waiting:.1f}",
                str(processor.preemptions),
                str(processor.migrations),
            ]
        )
    if not waiting:
        rows = [row[:2] + row[3:] for row in rows]
    return aligned(rows) + (f"\nnever used: {', '.join(idle)}" if len(idle) > 1 else "")


def _chains(figures: Summary) -> str:
    """A row per chain: the longest that were seen, how many samples no output knows of, how many outputs repeat."""
    ids = any(chain.id for chain in figures.chains)
    triggered = any(each.quantity == "triggered" for chain in figures.chains for each in chain.ends)
    sampled = any(chain.samples is not None for chain in figures.chains)
    head = ["chain", *["id"] * ids, "reaction max", "data age max", *["latency max"] * triggered]
    rows = [head + ["samples lost", "outputs repeated"] * sampled]
    for chain in figures.chains:
        latency = next((each.max for each in chain.ends if each.quantity == "triggered"), None)
        row = [chain.name, *[chain.id or ""] * ids, _time(chain.reaction_time_max), _time(chain.data_age_max)]
        row += [_time(latency)] * triggered
        row += [_of(chain.samples_lost, chain.samples), _of(chain.outputs_repeated, chain.outputs)] * sampled
        rows.append(row)
    return aligned(rows, names=(0, *[1] * ids))


def _of(count: int | None, all_of: int | None) -> str:
    return "–" if count is None else f"{count} of {all_of}"


def _requirements(figures: Summary) -> str:
    """What is required of tasks with an id (deadlines), of misses and of chains, a row each; or nothing."""
    rows = [
        [
            task.id, task.name, "response", _time(task.deadline), _time(task.response.max), str(task.finished),
            _time(None if task.response.max is None else task.deadline - task.response.max),
            "–" if not task.jobs else f"BROKEN ({task.misses} of {task.jobs})" if task.misses else "kept",
        ]
        for task in figures.tasks
        if task.id is not None
    ]  # fmt: skip
    for task in figures.tasks:
        row = task.misses_in_a_row
        if row is not None:
            rows.append(
                [task.id or "", task.name, f"misses of any {row.of} jobs", str(row.most), str(row.seen), str(task.jobs),
                 str(row.most - row.seen), "–" if not task.jobs else "kept" if row.kept else "BROKEN"]
            )  # fmt: skip
    for chain in figures.chains:
        for each in chain.ends:
            if each.limit is None:
                continue
            lost = f" ({chain.lost} lost)" if chain.lost and each.quantity == "triggered" else ""
            answer = {None: "–", True: "kept", False: f"BROKEN{lost}"}[each.kept]
            what = f"{each.name} ({each.quantity})" if each.quantity != "triggered" else "latency (triggered)"
            rows.append(
                [chain.id or "", chain.name, what, _time(each.limit), _time(each.max), str(each.count),
                 _time(each.slack), answer]
            )  # fmt: skip
    header = ["required", "task or chain", "quantity", "limit", "longest seen", "n", "slack", "answer"]
    if not rows:
        return ""
    unseen = [chain.name for chain in figures.chains if any(each.limit and each.kept is None for each in chain.ends)]
    note = f"\nnothing went from end to end of {_some(unseen)} in this run: a longer one may show it" if unseen else ""
    return aligned([header, *rows], names=(0, 1, 2, -1)) + note


def _deadlocks(figures: Summary) -> str:
    """The first deadlocks, a line each, and how many more there were."""
    lines = [each.text for each in figures.deadlocks[:3]]
    if figures.deadlock_count > len(lines):
        lines.append(f"and {figures.deadlock_count - len(lines)} more deadlocks")
    return "\n".join(lines)


def _stranded(figures: Summary) -> str:
    """The jobs that can never finish."""
    more = figures.stranded_count - len(figures.stranded)
    line = f"can never finish: {', '.join(figures.stranded)}" + (f" and {more} more" if more else "")
    if figures.standstill is not None:
        since = units.format_duration(figures.standstill, digits=4)
        line += f"; from {since} on nothing but timers happened, and the run was ended"
    return line


def _ways(figures: Summary) -> list[str]:
    """Which variants and exits gave the answers, a line a task; and what they were worth in all."""
    lines = []
    for task in figures.tasks:
        used = {name: count for name, count in (task.variants or {}).items() if count}
        if used:
            most = sorted(used.items(), key=lambda item: -item[1])
            shown = ", ".join(f"{name} {count}" for name, count in most[:8])
            lines.append(f"{task.name} answered as {shown}" + (", …" if len(most) > 8 else ""))
    several = len(figures.measures) > 1
    for measure in figures.measures:
        of = f" ({measure.name}: {_some(measure.tasks)})" if several else ""
        lines.append(
            f"accuracy{of} {_percent(measure.accuracy)} % of the answers given; effective "
            f"{_percent(measure.effective_accuracy)} % (late or missing is wrong)"
        )
    if several:
        lines.append("accuracies that count different things have no common mean")
    return ["\n".join(lines)] if lines else []


def _some(names: Sequence[str]) -> str:
    """At most eight of them."""
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _battery(about: BatteryFigures) -> str:
    """From the first charge to the last, what came in and what was missing."""
    parts = [f"battery: {_percent(about.start)} % at the start, {_percent(about.end)} % at the end"]
    if about.least < min(about.start, about.end):
        parts.append(f"{_percent(about.least)} % at least")
    if about.harvested:
        lost = f" ({_energy(about.lost)} of it lost on a full one)" if about.lost else ""
        parts.append(f"{_energy(about.harvested)} harvested{lost}")
    if about.short:
        parts.append(f"{_energy(about.short)} drawn from an empty one")
    if about.stops:
        times = "once" if about.stops == 1 else f"{about.stops} times"
        parts.append(f"the chip off {times}, {_percent(about.off)} % of the time")
    return ", ".join(parts)


def _hardware(about: HardwareFigures, used: set[str]) -> list[str]:
    """Energy as a table; clocks, heat, failures, links and loads a line each; what was not `used` is left out."""
    parts = []
    if about.energy is not None and about.energy.total:
        rows = [["energy", "active", "idle"]]
        rows += [
            [unit.name, _energy(unit.active), _energy(unit.idle)]
            for unit in about.energy.units
            if unit.active or unit.idle
        ]
        rows += [
            [name, _energy(value), "–"]
            for name, value in (("platform", about.energy.base), ("memory", about.energy.memory))
            if value
        ]
        jobs = [
            f"{task.name} {_energy(task.per_job)}"
            for task in about.energy.tasks
            if task.per_job and len(task.name) < 40
        ]
        total = f"in all {_energy(about.energy.total)}, {about.energy.mean_power:.4g} mW on average"
        parts.append(aligned(rows) + f"\n{total}" + (f"; a job of {', of '.join(jobs)}" if jobs else ""))
    lines = [
        f"clock of {clock.name}: {units.format_rate(round(clock.mean / 10**6) * 10**6)} on average, "
        f"{clock.changes} changes"
        for clock in about.clocks
        if clock.changes or clock.name in used
    ]
    if about.battery is not None:
        lines.append(_battery(about.battery))
    if about.heat is not None:
        lines.append(
            f"heat: up to {about.heat.highest:.1f} °C, throttled {100 * about.heat.throttled:.1f} % of the time, "
            f"{about.heat.trips} trips"
        )
    lines += [
        f"{each.name} failed {each.failures} times, was down {100 * each.down:.1f} %, hit {each.hit} segments"
        for each in about.failures
    ]
    lines += [f"{link.name}: {link.mean / 10**6:.4g} MB/s on average" for link in about.links]
    if about.loads:
        size = units.format_size(about.loaded_bytes)
        lines.append(f"weights loaded {about.loads} times ({size}), evicted {about.evictions} times")
    if about.checkpoints:
        lines.append(f"segments put aside {about.checkpoints} times")
    return parts + (["\n".join(lines)] if lines else [])


def _energy(nanojoules: float) -> str:
    for unit, scale in (("J", 10**9), ("mJ", 10**6), ("uJ", 10**3)):
        if nanojoules >= scale:
            return f"{nanojoules / scale:.4g} {unit}"
    return f"{nanojoules:.4g} nJ"


def _time(nanoseconds: float | None) -> str:
    return "–" if nanoseconds is None else units.format_duration(round(nanoseconds), digits=4)
