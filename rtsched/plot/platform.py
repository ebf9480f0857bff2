"""A platform as a block diagram: the chip, its clusters and cores, memory, links, and what stands outside the chip.

One box per cluster, coloured and hatched by kind, with its cores as cells; frequency domains are dashed frames. The
memory bus joins the clusters with the DRAM below the chip; links are arrows in lanes of their own above the boxes, and
clusters that are no part of the chip stand to its right. A dagger marks what the platform's file assumes.

All coordinates are points (1/72 inch) from the top left corner; every text is measured and shortened to its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.files import picture_format, write_whole
from rtsched.model.memory import Contention, Memory, Pairwise, Pccs, PowerLaw
from rtsched.model.platform import Link, Platform
from rtsched.plot.cells import box_height, draw_box, has_domains, short_size
from rtsched.plot.gantt import render
from rtsched.plot.look import plain
from rtsched.plot.sheet import ASSUMED, GREY, INK, PAD, PAGE, Rect, Sheet
from rtsched.visible import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTSIDE = ("link", "cloud")

EDGE = 12.0
GAP = 14.0
OUTSIDE_WIDTH = 150.0
#: One link's lane above a row of boxes, and one link's track in the gutter on the right.
LANE = 14.0
TRACK = 9.0
WIDEST_BOX = 300.0


def block_diagram(platform: Platform, path: str | Path | None = None) -> Figure:
    """Draw `platform`; write to `path` (.png, .svg or .pdf) if given.

    Raises InputError when the format is unknown or the file cannot be written.
    """
    path = None if path is None else Path(path)
    kind = "png" if path is None else picture_format(path)
    with plain():
        figure = _draw(shown(platform))
    if path is not None:
        write_whole(path, render(figure, kind))
    return figure


def _draw(platform: Platform) -> Figure:
    plan = _plan(platform)
    sheet = Sheet(plan.height)
    _frame(sheet, platform, plan)
    _bus(sheet, platform, plan)
    for wire in plan.wires:
        _wire(sheet, platform, plan, wire)
    for name, box in plan.boxes.items():
        draw_box(sheet, name, platform.processors[name], box, name in plan.assumed)
    _footer(sheet, platform, plan)
    return sheet.figure


# ---- where everything goes -------------------------------------------------------------------------------------------


@dataclass
class Wire:
    """A link on its way: the lane it has above each row that it meets, and its track in the gutter if it needs one."""

    name: str
    link: Link
    lanes: dict[int, int] = field(default_factory=dict)
    track: int | None = None
    #: How far from the middle of its box each end leaves.
    ends: dict[str, float] = field(default_factory=dict)


@dataclass
class FloorPlan:
    """The places of a picture's parts."""

    assumed: set[str]
    rows: list[list[str]]
    row_of: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, Rect] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    tops: list[float] = field(default_factory=list)
    buses: list[float] = field(default_factory=list)
    chip: Rect = field(default_factory=lambda: Rect(0, 0, 0, 0))
    dram: Rect | None = None
    gutter: float = 0.0
    footer: float = 0.0
    height: float = 0.0


def _plan(platform: Platform) -> FloorPlan:
    inside = [name for name, cluster in platform.processors.items() if cluster.kind not in OUTSIDE]
    outside = [name for name in platform.processors if name not in inside]
    plan = FloorPlan(_assumed(platform), _grid(inside, 3 if outside else 4))
    plan.row_of = {name: index for index, row in enumerate(plan.rows) for name in row}
    lanes = _lay_wires(platform, plan)
    tracks = sum(wire.track is not None for wire in plan.wires)
    bus = platform.memory is not None and bool(inside)
    left = EDGE + PAD + 4 + (10 if bus and len(plan.rows) > 1 else 0)
    inner_gutter = tracks * TRACK + 6 if tracks and not outside else 0.0
    chip_right = PAGE - EDGE - (OUTSIDE_WIDTH + max(2, tracks + 1) * TRACK + 8 if outside else 0)
    plan.gutter = chip_right + 8 if outside else chip_right - PAD - inner_gutter + 8
    width = chip_right - PAD - 4 - inner_gutter - left
    top = y = EDGE
    y += 28 + 13 * len(_subtitles(platform))
    for index, row in enumerate(plan.rows):
        y += 4 + lanes[index] * LANE + (6 if lanes[index] else 0)
        plan.tops.append(y)
        each = min(WIDEST_BOX, (width - GAP * (len(row) - 1)) / len(row))
        start = left + (width - each * len(row) - GAP * (len(row) - 1)) / 2
        height = max(box_height(platform.processors[name], each) for name in row)
        for place, name in enumerate(row):
            plan.boxes[name] = Rect(start + place * (each + GAP), y, each, height)
        y += height + (16 if bus else 4)
        plan.buses.append(y)
        y += 8 if bus else 6
    if not inside:
        y += 20
    plan.chip = Rect(EDGE, top, chip_right - EDGE, y - top + 2)
    below = plan.chip.bottom
    side = top
    for name in outside:
        height = box_height(platform.processors[name], OUTSIDE_WIDTH)
        plan.boxes[name] = Rect(PAGE - EDGE - OUTSIDE_WIDTH, side, OUTSIDE_WIDTH, height)
        side += height + 8 + 13 * sum(_both_outside(platform, wire, name) for wire in plan.wires)
    _spread(plan)
    if platform.memory is not None:
        dram_width = min(plan.chip.width * 0.75, 420)
        plan.dram = Rect(plan.chip.middle - dram_width / 2, below + 20, dram_width, 42)
        below = plan.dram.bottom
    plan.footer = max(below, side) + 14
    plan.height = plan.footer + 11 * len(_footer_lines(platform)) - 2
    return plan


def _grid(names: list[str], most: int) -> list[list[str]]:
    """The clusters in rows as equal as can be, the fuller ones first."""
    if not names:
        return []
    count = len(names)
    columns = count if count <= 3 else 2 if count == 4 else 3 if count in (5, 6, 9) else most
    rows = -(-count // columns)
    short, extra = divmod(count, rows)
    grid, start = [], 0
    for row in range(rows):
        size = short + (row < extra)
        grid.append(names[start : start + size])
        start += size
    return grid


def _lay_wires(platform: Platform, plan: FloorPlan) -> list[int]:
    """Give every link its lanes and its track; returns the number of lanes above each row."""
    lanes = [0] * len(plan.rows)
    tracks = 0
    for name, link in platform.links.items():
        wire = Wire(name, link)
        met = sorted({plan.row_of[end] for end in link.between if end in plan.row_of})
        for row in met:
            wire.lanes[row] = lanes[row]
            lanes[row] += 1
        if len(met) != 1 or any(end not in plan.row_of for end in link.between):
            wire.track, tracks = tracks, tracks + 1
        plan.wires.append(wire)
    return lanes


def _spread(plan: FloorPlan) -> None:
    """Where each link leaves its boxes: side by side, as far apart as there is room."""
    for name, box in plan.boxes.items():
        wires = [wire for wire in plan.wires if name in wire.link.between]
        room = box.width if name in plan.row_of else box.height
        step = min(14.0 if name in plan.row_of else 10.0, (room - 20) / max(1, len(wires)))
        for place, wire in enumerate(wires):
            wire.ends[name] = (place - (len(wires) - 1) / 2) * step


def _both_outside(platform: Platform, wire: Wire, name: str) -> bool:
    """Whether a link starts at `name` and both its ends are outside the chip: its label stands below the box."""
    return wire.link.between[0] == name and not wire.lanes


def _assumed(platform: Platform) -> set[str]:
    """What the notes of assumptions name: clusters, links, ``memory``, else the ``chip`` as a whole."""
    words = {name: [name] for name in (*platform.processors, *platform.links)}
    for name, cluster in platform.processors.items():
        if cluster.block_level is not None:
            words[name] += ["block_level", "block", "streams", "multiprocessor", "multiprocessors", "SM", "SMs"]
    words["memory"] = ["memory", "DRAM", "contention"]
    found: set[str] = set()
    for note in platform.assumed:
        named = {
            part
            for part, each in words.items()
            if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", note) for word in each)
        }
        found |= named or {"chip"}
    return found


# ---- the chip, its memory and its links ------------------------------------------------------------------------------


def _frame(sheet: Sheet, platform: Platform, plan: FloorPlan) -> None:
    chip = plan.chip
    sheet.rect(chip, rounded=10, facecolor="#F7F7F5", edgecolor="#333333", linewidth=1.6, zorder=0, gid="chip")
    title = platform.title or platform.name
    mark = ASSUMED if "chip" in plan.assumed else ""
    width = chip.width - 2 * PAD - 8
    size = next((size for size in (13, 12, 11, 10) if sheet.measure(title + mark, size, True) <= width), 10)
    title = sheet.fit(title, width - sheet.measure(mark, size, True), size, True) + mark
    sheet.text(chip.x + PAD + 4, chip.y + 16, title, width, size, weight="bold")
    for index, line in enumerate(_subtitles(platform)):
        sheet.text(chip.x + PAD + 4, chip.y + 32 + 13 * index, line, width, 8, color=GREY)


def _subtitles(platform: Platform) -> list[str]:
    clusters = platform.processors.values()
    cores = sum(cluster.cores for cluster in clusters)
    parts = [platform.name] if platform.title else []
    parts.append(f"{len(clusters)} cluster{'s' * (len(clusters) > 1)}, {cores} processor{'s' * (cores > 1)}")
    if platform.base_power:
        parts.append(f"base power {units.format_power(platform.base_power)}")
    lines = [" · ".join(parts)]
    more = []
    if platform.thermal is not None:
        trips = ", ".join(f"{trip.temperature:g}" for trip in platform.thermal.trips)
        model = "one node" if platform.thermal.node is not None else "network"
        more.append(f"thermal model: {model}" + (f", trips at {trips} °C" if trips else ", no trips"))
    if platform.power_modes:
        more.append(f"power modes: {', '.join(platform.power_modes)}")
    return lines + ([" · ".join(more)] if more else [])


def _bus(sheet: Sheet, platform: Platform, plan: FloorPlan) -> None:
    """A bus below each row, a trunk that joins them on the left, and the DRAM below the chip."""
    if plan.dram is None or platform.memory is None:
        return
    bar: dict[str, Any] = {"linewidth": 4.5, "color": "#8A8A8A", "solid_capstyle": "round"}
    trunk = plan.chip.x + PAD + 2
    for row, y in zip(plan.rows, plan.buses, strict=True):
        boxes = [plan.boxes[name] for name in row]
        first = trunk if len(plan.rows) > 1 else min(boxes[0].x, plan.dram.middle)
        last = boxes[-1].right
        if y == plan.buses[-1]:
            last = max(last, plan.dram.middle)
        sheet.line([(first, y), (last, y)], **bar)
        for box in boxes:
            sheet.line([(box.middle, box.bottom), (box.middle, y)], linewidth=2.0, color="#8A8A8A")
    if len(plan.rows) > 1:
        sheet.line([(trunk, plan.buses[0]), (trunk, plan.buses[-1])], **bar)
    if plan.buses:
        sheet.line([(plan.dram.middle, plan.buses[-1]), (plan.dram.middle, plan.dram.y)], **bar)
    _dram(sheet, platform.memory, plan.dram, ASSUMED if "memory" in plan.assumed else "")


def _dram(sheet: Sheet, memory: Memory, place: Rect, mark: str) -> None:
    """The memory's box, in the middle of its place and no wider than what it says."""
    name, most = "DRAM" + mark, place.width - 52
    beside = sheet.measure(name, 10, True) + 10
    facts = sheet.fit(_memory(memory), most - beside, 8)
    contention = sheet.fit(_contention(memory.contention), most, 8)
    width = max(beside + sheet.measure(facts, 8), sheet.measure(contention, 8))
    box = Rect(place.middle - (width + 52) / 2, place.y, width + 52, place.height)
    sheet.rect(box, rounded=4, facecolor="#E9E9E9", edgecolor="#333333", linewidth=1.2, gid="memory")
    for x in (box.x + 8 + 6 * chip for chip in range(5)):
        sheet.line([(x, box.y + 7), (x, box.bottom - 7)], color="#BBBBBB", zorder=4, linewidth=2.5)
    sheet.text(box.x + 42, box.y + 13, name, beside, 10, weight="bold")
    sheet.text(box.x + 42 + beside, box.y + 13, facts, width, 8)
    sheet.text(box.x + 42, box.y + 29, contention, width, 8)


def _memory(memory: Memory) -> list[str]:
    parts = []
    if memory.bandwidth is not None:
        parts.append(units.format_bandwidth(memory.bandwidth))
    if memory.capacity is not None:
        parts.append(short_size(memory.capacity))
    load = [f"networks load at {units.format_bandwidth(memory.load_bandwidth)}"] if memory.load_bandwidth else []
    return [" · ".join(parts + load), " · ".join(parts)] if parts or load else ["bandwidth not known"]


def _contention(model: Contention | None) -> list[str]:
    if model is None:
        return ["no contention model"]
    if isinstance(model, PowerLaw):
        return [f"contention: power law, a = {model.a:g}, b = {model.b:g}", "contention: power law"]
    if isinstance(model, Pairwise):
        return [f"contention: pairwise, {len(model.pairs)} measured slow-downs", "contention: pairwise"]
    if isinstance(model, Pccs):
        return [f"contention: three regions (PCCS) for {', '.join(model.processors)}", "contention: PCCS"]
    return [f"contention: proportional, {model.usable * 100:g} % usable", "contention: proportional"]


def _wire(sheet: Sheet, platform: Platform, plan: FloorPlan, wire: Wire) -> None:
    """A link: up from the boxes into its lane, through the gutter if the other end is elsewhere, with its label."""
    ends: list[tuple[float, float]] = []
    track = None if wire.track is None else plan.gutter + wire.track * TRACK
    for end in wire.link.between:
        box = plan.boxes[end]
        if end in plan.row_of:
            row = plan.row_of[end]
            x, y = box.middle + wire.ends[end], plan.tops[row] - 10 - wire.lanes[row] * LANE
            sheet.line([(x, box.y), (x, y)] + ([] if track is None else [(track, y)]), color=INK)
            sheet.head((x, box.y), (0, 1))
            ends.append((x if track is None else track, y))
        else:
            assert track is not None
            y = box.y + box.height / 2 + wire.ends[end]
            sheet.line([(box.x, y), (track, y)], color=INK)
            sheet.head((box.x, y), (1, 0))
            ends.append((track, y))
    sheet.line(ends, color=INK)
    mark = ASSUMED if wire.name in plan.assumed else ""
    if not wire.lanes:
        box = plan.boxes[wire.link.between[0]]
        label = [f"{wire.name}: {text}{mark}" for text in _link(wire.link)]
        sheet.text(box.middle, box.bottom + 8, label, box.width, 7, ha="center")
        return
    row = min(wire.lanes)
    reach = [plan.boxes[end].middle + wire.ends[end] for end in wire.link.between if plan.row_of.get(end) == row]
    _wire_label(
        sheet, plan, wire, row, (min(reach), max(reach) if track is None else min(track, plan.chip.right)), mark
    )


def _wire_label(sheet: Sheet, plan: FloorPlan, wire: Wire, row: int, span: tuple[float, float], mark: str) -> None:
    """The label of a link, on its lane where the fewest other links cross."""
    y = plan.tops[row] - 10 - wire.lanes[row] * LANE
    inner = plan.chip.inner(PAD)
    label = sheet.fit([f"{wire.name}: {text}{mark}" for text in _link(wire.link)], inner.width, 7)
    width = sheet.measure(label, 7) + 6
    crossing = [  # stubs from this lane or a higher one down to the boxes
        plan.boxes[end].middle + other.ends[end]
        for other in plan.wires
        if other.lanes.get(row, -1) >= wire.lanes[row]
        for end in other.link.between
        if plan.row_of.get(end) == row
    ]
    centre = (span[0] + span[1]) / 2
    room = max(0.0, (span[1] - span[0] - width) / 2 - 6)
    places = [centre + room * step / 10 for step in (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8, 10, -10)]
    places += [span[0] - width / 2 - 3, span[1] + width / 2 + 3]  # beside a lane that is too short
    places = [min(max(place, inner.x + width / 2), inner.right - width / 2) for place in places]
    best = min(places, key=lambda place: sum(abs(x - place) < width / 2 + 1 for x in crossing))
    sheet.rect(
        Rect(best - width / 2, y - 5.5, width, 11), facecolor="#F7F7F5", edgecolor="none", zorder=5,
        gid=f"link-{wire.name}",
    )  # fmt: skip
    sheet.text(best, y, label, width, 7, ha="center")


def _link(link: Link) -> list[str]:
    """Latency and bandwidth of a link, the fullest form first."""
    latency = units.format_duration(link.latency, digits=4)
    width = units.format_bandwidth(link.bandwidth) if link.bandwidth else "unlimited"
    varies = ", varies" if link.trace is not None or link.markov is not None else ""
    return [f"{latency}, {width}{varies}", width + varies]


def _footer(sheet: Sheet, platform: Platform, plan: FloorPlan) -> None:
    for index, line in enumerate(_footer_lines(platform)):
        sheet.text(EDGE + 2, plan.footer + 11 * index, line, PAGE - 2 * EDGE - 4, 7, color=GREY)


def _footer_lines(platform: Platform) -> list[str]:
    lines = []
    legend = []
    if any(has_domains(cluster) for cluster in platform.processors.values()):
        legend.append("dashed frame: frequency domain")
    if any(cluster.threads for cluster in platform.processors.values()):
        legend.append("solid frame: one server of several cores")
    if platform.assumed:
        count = len(platform.assumed)
        legend.append(f"† assumed ({count} note{'s' * (count > 1)}): {'; '.join(platform.assumed)}")
    if legend:
        lines.append(" · ".join(legend))
    keys: list[str] = []
    for source in platform.sources.values():
        parts = [part.strip() for part in source.split(",")]
        parts = parts if all(re.fullmatch(r"[\w.+-]+", part) for part in parts) else [source]
        keys += [part for part in parts if part not in keys]
    if keys:
        lines.append(f"sources: {', '.join(keys)}")
    return lines
