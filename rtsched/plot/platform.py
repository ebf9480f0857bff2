"""A platform as a block diagram: the chip, its clusters and cores, memory, links, and what stands outside the chip.

One box per cluster, coloured and hatched by kind, with its cores as cells; frequency domains are dashed frames. The
memory bus joins the clusters with the DRAM below the chip; links are arrows in lanes of their own above the boxes, and
clusters that are no part of the chip stand to its right. A dagger marks what the platform's file assumes.

All coordinates are points (1/72 inch) from the top left corner; every text is measured and shortened to its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.files import write_whole
from rtsched.model.memory import Contention, Memory, Pairwise, Pccs, PowerLaw
from rtsched.model.platform import Cluster, Link, Platform
from rtsched.plot.gantt import FORMATS, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colour (Okabe and Ito's) and hatch of each kind; the hatch repeats the colour for print in black and white.
LOOKS = {
    "cpu": ("#56B4E9", ""), "gpu": ("#009E73", "///"), "npu": ("#E69F00", "..."), "dsp": ("#CC79A7", "\\\\\\"),
    "dla": ("#D55E00", "xxx"), "mcu": ("#F0E442", "---"), "link": ("#BBBBBB", "|||"), "cloud": ("#0072B2", "+++"),
}  # fmt: skip
OUTSIDE = ("link", "cloud")
INK, GREY, LINE = "#111111", "#555555", "#777777"
ASSUMED = " †"

PAGE = 648.0
EDGE = 12.0
PAD = 9.0
GAP = 14.0
OUTSIDE_WIDTH = 150.0
#: One link's lane above a row of boxes, and one link's track in the gutter on the right.
LANE = 14.0
TRACK = 9.0
STRIPE = 7.0
FACT = 11.5
MOST_FACTS = 4
#: A cluster with more cores than this is summarised by its first three and its last.
MOST_CORES = 16
MOST_LANES = 8
MOST_SMS = 32
WIDEST_BOX = 300.0


def block_diagram(platform: Platform, path: Path | None = None) -> Figure:
    """Draw `platform`; write to `path` (.png, .svg or .pdf) if given.

    Raises InputError when the format is unknown or the file cannot be written.
    """
    kind = "png" if path is None else path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InputError(f"{path}: pictures are {', '.join('.' + known for known in FORMATS)}; rename it")
    figure = _draw(platform)
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
        _box(sheet, name, platform.processors[name], box, name in plan.assumed)
    _footer(sheet, platform, plan)
    return sheet.figure


# ---- paper and pen ---------------------------------------------------------------------------------------------------


@dataclass
class Rect:
    """A rectangle: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    def inner(self, pad: float) -> Rect:
        """The rectangle without a margin of `pad`."""
        return Rect(self.x + pad, self.y + pad, self.width - 2 * pad, self.height - 2 * pad)


class Sheet:
    """A white page to draw on in points, y downwards, that can measure text."""

    def __init__(self, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(PAGE / 72, height / 72), facecolor="white")
        # Hinting makes a text up to 4 % wider or narrower at another resolution: the widest counts.
        self.rulers: list[tuple[int, Any]] = []
        for dpi in (72, 100, 150):
            canvas: Any = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=dpi))
            self.rulers.append((dpi, canvas.get_renderer()))
        self.known: dict[tuple[str, float, bool], float] = {}
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, PAGE)
        self.axes.set_ylim(height, 0)

    def measure(self, text: str, size: float, bold: bool = False) -> float:
        """The width of a text in points."""
        from matplotlib.font_manager import FontProperties

        key = (text, size, bold)
        if key not in self.known:
            font = FontProperties(size=size, weight="bold" if bold else "normal")
            widths = (
                72 / dpi * ruler.get_text_width_height_descent(text, font, False)[0] for dpi, ruler in self.rulers
            )
            self.known[key] = max(map(float, widths))
        return self.known[key]

    def fit(self, texts: str | Sequence[str], width: float, size: float, bold: bool = False) -> str:
        """The first of the texts that is no wider than `width`, else the last of them with an ellipsis."""
        choices = [texts] if isinstance(texts, str) else [text for text in texts if text]
        for text in choices:
            if self.measure(text, size, bold) <= width:
                return text
        text = choices[-1] if choices else ""
        while text and self.measure(text.rstrip() + "…", size, bold) > width:
            text = text[:-1]
        return text.rstrip(" ,·(") + "…" if text else ""

    def text(
        self, x: float, y: float, texts: str | Sequence[str], width: float, size: float = 8, **style: Any
    ) -> float:
        """Write one line, vertically centred at `y`, in at most `width`; returns its width."""
        bold = style.get("weight") == "bold"
        text = self.fit(texts, width, size, bold)
        look: dict[str, Any] = {"ha": "left", "va": "center_baseline", "color": INK, "zorder": 6} | style
        if text:
            self.axes.text(x, y, text, fontsize=size, parse_math=False, **look)
        return self.measure(text, size, bold) if text else 0.0

    def rect(self, rect: Rect, *, rounded: float = 0.0, **style: Any) -> Any:
        """A rectangle, its corners rounded by so many points; returns the patch."""
        from matplotlib.patches import FancyBboxPatch, Rectangle

        look: dict[str, Any] = {"facecolor": "white", "edgecolor": LINE, "linewidth": 0.8, "zorder": 3} | style
        if rounded:
            shape = f"round,pad=0,rounding_size={rounded}"
            patch: Any = FancyBboxPatch((rect.x, rect.y), rect.width, rect.height, boxstyle=shape, **look)
        else:
            patch = Rectangle((rect.x, rect.y), rect.width, rect.height, **look)
        return self.axes.add_patch(patch)

    def line(self, points: Sequence[tuple[float, float]], **style: Any) -> None:
        """A line through points."""
        look: dict[str, Any] = {"color": LINE, "linewidth": 1.2, "zorder": 1, "solid_joinstyle": "miter"} | style
        self.axes.plot([x for x, _ in points], [y for _, y in points], **look)

    def head(self, tip: tuple[float, float], way: tuple[float, float]) -> None:
        """An arrow head at `tip` that points along `way`."""
        from matplotlib.patches import Polygon

        (x, y), (dx, dy) = tip, way
        foot = (x - 6 * dx, y - 6 * dy)
        corners = [tip, (foot[0] + 3 * dy, foot[1] + 3 * dx), (foot[0] - 3 * dy, foot[1] - 3 * dx)]
        self.axes.add_patch(Polygon(corners, facecolor=INK, edgecolor="none", zorder=2))


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
class Plan:
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


def _plan(platform: Platform) -> Plan:
    inside = [name for name, cluster in platform.processors.items() if cluster.kind not in OUTSIDE]
    outside = [name for name in platform.processors if name not in inside]
    plan = Plan(_assumed(platform), _grid(inside, 3 if outside else 4))
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
        height = max(_box_height(platform.processors[name], each) for name in row)
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
        height = _box_height(platform.processors[name], OUTSIDE_WIDTH)
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


def _lay_wires(platform: Platform, plan: Plan) -> list[int]:
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


def _spread(plan: Plan) -> None:
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


def _box_height(cluster: Cluster, width: float) -> float:
    height = 2 * PAD + 15 + FACT * min(MOST_FACTS, len(_facts(cluster)))
    height += 5 + _cells_height(cluster, width - 2 * PAD - STRIPE)
    return height + (17 if cluster.weights is not None else 0)


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


def _frame(sheet: Sheet, platform: Platform, plan: Plan) -> None:
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


def _bus(sheet: Sheet, platform: Platform, plan: Plan) -> None:
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
        parts.append(_size(memory.capacity))
    load = [f"networks load at {units.format_bandwidth(memory.load_bandwidth)}"] if memory.load_bandwidth else []
    return [" · ".join(parts + load), " · ".join(parts)] if parts or load else ["bandwidth not known"]


def _size(size: int) -> str:
    """A size in decimal or binary units, whichever is shorter."""
    texts = [units.format_size(size)]
    texts += [
        f"{size >> bits} {unit}" for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)) if not size % (1 << bits)
    ]
    return min(texts, key=len)


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


def _wire(sheet: Sheet, platform: Platform, plan: Plan, wire: Wire) -> None:
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


def _wire_label(sheet: Sheet, plan: Plan, wire: Wire, row: int, span: tuple[float, float], mark: str) -> None:
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


def _footer(sheet: Sheet, platform: Platform, plan: Plan) -> None:
    for index, line in enumerate(_footer_lines(platform)):
        sheet.text(EDGE + 2, plan.footer + 11 * index, line, PAGE - 2 * EDGE - 4, 7, color=GREY)


def _footer_lines(platform: Platform) -> list[str]:
    lines = []
    legend = []
    if any(_framed(cluster) for cluster in platform.processors.values()):
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


# ---- one cluster -----------------------------------------------------------------------------------------------------


def _box(sheet: Sheet, name: str, cluster: Cluster, box: Rect, assumed: bool) -> None:
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
    size, width = _size(cluster.weights.capacity), units.format_bandwidth(cluster.weights.bandwidth)
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
        more.append(f"checkpoint {_size(cluster.checkpoint.state)}")
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


# ---- the cells of a cluster: cores, contexts, multiprocessors, streams -----------------------------------------------


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


def _framed(cluster: Cluster) -> bool:
    """Whether the frequency domains of a cluster are drawn."""
    domains = cluster.frequency_domains
    return domains is not None and len(domains) > 1 and cluster.cores <= MOST_CORES


def _lines(cluster: Cluster, width: float) -> list[list[tuple[float, str, int]]]:
    """Where the cells stand: lines of (x, label, domain), wrapped at `width`."""
    cell, _ = _cell_size(cluster, width)
    if cluster.cores > MOST_CORES:
        labels = ["0", "1", "2", "…", str(cluster.cores - 1)]
        return [[(index * (cell + 4), label, 0) for index, label in enumerate(labels)]]
    framed = _framed(cluster)
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
    return 4.0 + 6 * _framed(cluster) + 6 * bool(cluster.threads)


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
        for domain in sorted({domain for _, _, domain in line}) if _framed(cluster) else []:
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
