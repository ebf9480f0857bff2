"""The inside of a cluster's box: its name, facts, cores, streams and weights."""

from __future__ import annotations

from rtsched import units
from rtsched.model.platform import Cluster
from rtsched.plot.sheet import ASSUMED, GREY, INK, LINE, LOOKS, PAD, Rect, Sheet

STRIPE = 7.0
FACT = 11.5
MOST_FACTS = 4
#: A cluster with more cores than this is summarised by its first three and its last.
MOST_CORES = 16
MOST_LANES = 8
MOST_SMS = 32


def draw_box(sheet: Sheet, name: str, cluster: Cluster, box: Rect, assumed: bool) -> None:
    """Draw a cluster: its kind as a stripe and a tag, its facts, its cores and what it can hold."""
    colour, hatch = LOOKS[cluster.kind]
    outline = sheet.rect(box, rounded=4, edgecolor="#333333", linewidth=1.2, gid=f"cluster-{name}")
    band = Rect(box.x, box.y, STRIPE, box.height)
    sheet.rect(band, facecolor=colour, hatch=hatch, edgecolor="#333333").set_clip_path(outline)
    sheet.rect(box, rounded=4, edgecolor="#333333", linewidth=1.2, facecolor="none")
    inner = Rect(box.x + STRIPE + PAD, box.y + PAD, box.width - STRIPE - 2 * PAD, box.height - 2 * PAD)
    tag = cluster.kind.upper()
    tag_width = sheet.measure(tag, 7, True) + 8
    sheet.rect(Rect(inner.right - tag_width, inner.y - 1, tag_width, 12), rounded=3, facecolor=colour, edgecolor="none")
    light = cluster.kind in ("cloud", "gpu", "dla")
    sheet.text(
        inner.right - tag_width / 2, inner.y + 5, tag, tag_width, 7, ha="center", weight="bold",
        color="white" if light else INK,
    )  # fmt: skip
    room = inner.width - tag_width - 6
    mark = ASSUMED if assumed else ""
    title = sheet.fit(name, room - (10 if mark else 0), 10, True)
    sheet.text(inner.x, inner.y + 5, title + mark, room, 10, weight="bold")
    y = inner.y + 20
    for fact in _facts(cluster)[:MOST_FACTS]:
        sheet.text(inner.x, y, fact, inner.width, 8)
        y += FACT
    weights = 17 if cluster.weights is not None else 0
    height = _cells_height(cluster, inner.width)
    _cells(sheet, cluster, Rect(inner.x, inner.bottom - weights - height, inner.width, height))
    if cluster.weights is not None:
        _weights(sheet, cluster, Rect(inner.x, inner.bottom - 13, inner.width, 13))


def _weights(sheet: Sheet, cluster: Cluster, bar: Rect) -> None:
    assert cluster.weights is not None
    size, width = short_size(cluster.weights.capacity), units.format_bandwidth(cluster.weights.bandwidth)
    sheet.rect(bar, rounded=3, facecolor="#E9E9E9", edgecolor=LINE)
    texts = [f"weights {size}, {width}", f"weights {size}", size]
    sheet.text(bar.middle, bar.y + bar.height / 2, texts, bar.width - 8, 7, ha="center")


def _facts(cluster: Cluster) -> list[list[str]]:
    """The lines of a box, most important first, each in forms from the fullest to the shortest."""
    lines = [_identity(cluster), _clock(cluster), _service(cluster), _rates(cluster)]
    if cluster.kind not in ("cpu", "mcu"):  # an accelerator's are its size; a CPU's are calibrations
        facts = [f"{key.replace('_', ' ')} {value}" for key, value in (cluster.facts or {}).items()]
        lines.append([", ".join(facts[:count]) for count in range(len(facts), 0, -1)])
    return [line for line in lines if any(line)]


def _identity(cluster: Cluster) -> list[str]:
    names = [part for part in (cluster.core, cluster.model) if part]
    count = f"{cluster.cores} × " if cluster.cores > 1 else ""
    if names:
        return [count + ", ".join(names), count + names[0]]
    if cluster.block_level is not None:
        return [f"{cluster.block_level.sms} multiprocessors", f"{cluster.block_level.sms} SMs"]
    return [f"{cluster.cores} cores"] if cluster.cores > 1 else []


def _clock(cluster: Cluster) -> list[str]:
    points = cluster.operating_points
    if points is None:
        return [] if cluster.frequency_max is None else [f"up to {_megahertz(cluster.frequency_max)} MHz"]
    low, high = _megahertz(points[0].frequency), _megahertz(points[-1].frequency)
    text = f"{high} MHz" if low == high else f"{low}–{high} MHz"
    known = [
        what
        for what, values in (
            ("voltage", [point.microvolt for point in points]),
            ("power", [point.milliwatt for point in points]),
        )
        if all(value is not None for value in values)
    ]
    count = f"{text}, {len(points)} points" if len(points) > 1 else text
    return [f"{count} with {' and '.join(known)}" if known else count, count, text]


def _megahertz(hertz: int) -> str:
    return f"{hertz / 10**6:.6g}"


_SERVICE = {
    "preemptive": "preemptive",
    "node": "preemptible between nodes",
    "run-to-completion": "runs to completion",
}


def _service(cluster: Cluster) -> list[str]:
    served = _SERVICE[cluster.serves] if cluster.block_level is None else "served block by block"
    more: list[str] = []
    short = ""
    if cluster.threads:
        most = max(cluster.threads)
        more.append(f"one server, × {cluster.threads[most]:g} with {most} threads")
        short = f"{most} threads: × {cluster.threads[most]:g}"
    if cluster.speeds:
        more.append(f"speeds {', '.join(map(str, cluster.speeds))}")
    elif cluster.speed != 1:
        more.append(f"speed {cluster.speed}")
    if cluster.contexts > 1:
        more.append(f"{cluster.contexts} contexts" + (" each" if cluster.cores > 1 else ""))
    if cluster.checkpoint is not None:
        more.append(f"checkpoint {short_size(cluster.checkpoint.state)}")
    texts = [", ".join([served, *more[:count]]) for count in range(len(more), 0, -1)]
    if not more:
        return [served, served.removeprefix("preemptible ")]
    return [*texts[:1], ", ".join(more), *texts[1:], *more[:1], short]


def _rates(cluster: Cluster) -> list[str]:
    """Peak rates and powers."""
    peaks = [f"{rate} {precision}" for precision, rate in (cluster.peak or {}).items()]
    powers = []
    if cluster.power is not None:
        powers += [f"{units.format_power(cluster.power.active)} active"] if cluster.power.active is not None else []
        powers += [f"{units.format_power(cluster.power.idle)} idle"] if cluster.power.idle else []
    return [" · ".join([*peaks, *powers]), " · ".join([*peaks[:1], *powers]), " · ".join([*peaks[:1], *powers[:1]]),
            " · ".join((peaks or powers)[:1])]  # fmt: skip


def _cell_size(cluster: Cluster, width: float) -> tuple[float, float]:
    """Width and height of one core's cell: as large as lets all stand side by side, within limits."""
    side = min(22.0, max(13.0, width / (_in_line(cluster) * 1.4)))
    if cluster.contexts > 1:
        return max(34.0 if cluster.cores <= MOST_CORES else width / 5 - 4, side), 13 + 5.0 * min(
            cluster.contexts, MOST_LANES
        )
    return side, side


def _in_line(cluster: Cluster) -> int:
    """How many cells stand side by side if there is room: all of them up to six, else in two lines."""
    if cluster.cores > MOST_CORES:
        return 5
    return cluster.cores if cluster.cores <= 6 else -(-cluster.cores // 2)


def has_domains(cluster: Cluster) -> bool:
    """Whether the frequency domains of a cluster are drawn."""
    domains = cluster.frequency_domains
    return domains is not None and len(domains) > 1 and cluster.cores <= MOST_CORES


def _lines(cluster: Cluster, width: float) -> list[list[tuple[float, str, int]]]:
    """Where the cells stand: lines of (x, label, domain), wrapped at `width`."""
    cell, _ = _cell_size(cluster, width)
    if cluster.cores > MOST_CORES:
        labels = ["0", "1", "2", "…", str(cluster.cores - 1)]
        return [[(index * (cell + 4), label, 0) for index, label in enumerate(labels)]]
    framed = has_domains(cluster)
    domains = cluster.frequency_domains if framed and cluster.frequency_domains else (tuple(range(cluster.cores)),)
    start = _margin(cluster) / 2 - 1 if framed or cluster.threads else 0.0
    most = max(1, min(_in_line(cluster), int((width + 4 - 2 * start) // (cell + 4))))
    most = -(-cluster.cores // -(-cluster.cores // most))  # lines of equal length
    lines: list[list[tuple[float, str, int]]] = [[]]
    x = start
    for index, domain in enumerate(domains):
        if lines[-1] and x + len(domain) * (cell + 4) > width >= start + len(domain) * (cell + 4):
            lines.append([])
            x = start
        for core in domain:
            if lines[-1] and (x + cell > width - start or (not framed and len(lines[-1]) == most)):
                lines.append([])
                x = start
            lines[-1].append((x, str(core), index))
            x += cell + 4
        x += 10
    return [line for line in lines if line]


def _margin(cluster: Cluster) -> float:
    """The room between lines of cells: frames of domains and of one server need theirs."""
    return 4.0 + 6 * has_domains(cluster) + 6 * bool(cluster.threads)


def _cells_height(cluster: Cluster, width: float) -> float:
    if cluster.block_level is not None:
        return 20 + 6.0 * min(cluster.block_level.streams, MOST_LANES)
    _, height = _cell_size(cluster, width)
    margin = _margin(cluster)
    return len(_lines(cluster, width)) * (height + margin)


def _cells(sheet: Sheet, cluster: Cluster, place: Rect) -> None:
    if cluster.block_level is not None:
        _multiprocessors(sheet, cluster, place)
        return
    cell, height = _cell_size(cluster, place.width)
    margin = _margin(cluster)
    lines = _lines(cluster, place.width)
    for number, line in enumerate(lines):
        y = place.y + number * (height + margin) + margin / 2
        for x, label, _ in line:
            _core(sheet, cluster, Rect(place.x + x, y, cell, height), label)
        for domain in sorted({domain for _, _, domain in line}) if has_domains(cluster) else []:
            mine = [x for x, _, each in line if each == domain]
            frame = Rect(place.x + mine[0] - 3, y - 3, mine[-1] + cell - mine[0] + 6, height + 6)
            sheet.rect(frame, rounded=3, facecolor="none", edgecolor=INK, linestyle=(0, (3, 2)), linewidth=0.9)
    if cluster.threads:
        widest = max(line[-1][0] for line in lines) + cell
        frame = Rect(place.x, place.y, widest + margin / 2 - 1, place.height)
        sheet.rect(frame, rounded=4, facecolor="none", edgecolor=INK, linewidth=1.0)
    if cluster.cores > MOST_CORES:
        end = lines[0][-1][0] + cell + 8
        y = place.y + margin / 2 + height / 2
        count = len(cluster.frequency_domains or ())
        texts = [f"{count} frequency domains", f"{count} domains"] if count > 1 else []
        if texts:
            sheet.text(place.x + end, y, texts, place.width - end, 7, color=GREY)


def _core(sheet: Sheet, cluster: Cluster, cell: Rect, label: str) -> None:
    """One core: a cell with its number, and a lane for each of its contexts."""
    if label == "…":
        sheet.text(cell.middle, cell.y + cell.height / 2, label, cell.width, 9, ha="center")
        return
    colour, hatch = LOOKS[cluster.kind]
    sheet.rect(cell, facecolor=colour, hatch=hatch, edgecolor="#333333", linewidth=0.7, zorder=4)
    width = min(cell.width - 3, sheet.measure(label, 7) + 4)
    top = 7.5 if cluster.contexts > 1 else cell.height / 2
    if hatch:
        back = Rect(cell.middle - width / 2, cell.y + top - 4.5, width, 9)
        sheet.rect(back, rounded=1.5, edgecolor="none", zorder=5)
    sheet.text(cell.middle, cell.y + top, label, cell.width - 1, 7 if len(label) < 3 else 5, ha="center")
    if cluster.contexts > 1:
        for lane in range(min(cluster.contexts, MOST_LANES)):
            sheet.rect(
                Rect(cell.x + 3, cell.y + 13.5 + 5 * lane, cell.width - 6, 3.4), edgecolor="#333333", linewidth=0.5,
                zorder=5,
            )  # fmt: skip


def _multiprocessors(sheet: Sheet, cluster: Cluster, place: Rect) -> None:
    """A GPU block by block: its multiprocessors (or MIG instances) in a row, its streams as lanes below."""
    gpu = cluster.block_level
    assert gpu is not None
    colour, hatch = LOOKS[cluster.kind]
    streams = [f"{gpu.streams} streams, {gpu.priorities} priorities", f"{gpu.streams} streams"]
    label = min(place.width * 0.5, max(sheet.measure(text, 7) for text in streams) + 8)
    bar = Rect(place.x + label, place.y + 2, place.width - label, 13)
    parts = list(gpu.mig) if gpu.mig else [1] * gpu.sms if gpu.sms <= MOST_SMS else [1]
    whole = 7 if gpu.mig else len(parts)
    sms = f"{gpu.sms} SMs" + (f", {len(gpu.mig)} MIG" if gpu.mig else f", {len(gpu.mps)} MPS" if gpu.mps else "")
    sheet.text(place.x, bar.y + 6.5, [sms, f"{gpu.sms} SMs"], label - 6, 7)
    x = bar.x
    for part in parts:
        width = bar.width * part / whole
        gap = min(1.5, width * 0.2)
        cell = Rect(x, bar.y, width - gap, bar.height)
        sheet.rect(cell, facecolor=colour, hatch=hatch, edgecolor="#333333", linewidth=0.6, zorder=4)
        x += width
    lanes = min(gpu.streams, MOST_LANES)
    y = bar.bottom + 4
    for lane in range(lanes):
        sheet.rect(Rect(bar.x, y + 6 * lane, bar.width, 4), edgecolor="#333333", linewidth=0.5, zorder=4)
    sheet.text(place.x, y + 3 * lanes, streams, label - 6, 7)


def box_height(cluster: Cluster, width: float) -> float:
    """Points that a cluster's box needs at this width."""
    height = 2 * PAD + 15 + FACT * min(MOST_FACTS, len(_facts(cluster)))
    height += 5 + _cells_height(cluster, width - 2 * PAD - STRIPE)
    return height + (17 if cluster.weights is not None else 0)


def short_size(size: int) -> str:
    """A size in decimal or binary units, whichever is shorter."""
    texts = [units.format_size(size)]
    texts += [
        f"{size >> bits} {unit}" for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)) if not size % (1 << bits)
    ]
    return min(texts, key=len)
