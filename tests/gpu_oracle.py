"""A GPU, tick by tick: the rules of tests/data/gpu/README.md written down as plainly as possible, without rtsched.

Every block is an object that counts ticks. Slow, and meant to be read beside the rules.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "": 1, "B": 1, "KiB": 1024, "kB": 1000}
Rows = list[tuple[str, int, int, int]]


def load(path: Path) -> dict[str, Any]:
    """A vector file."""
    return yaml.safe_load(path.read_text())


def number(text: str | int) -> int:
    """Nanoseconds or bytes."""
    if isinstance(text, int):
        return text
    value, unit = re.fullmatch(r"\s*([\d.]+)\s*(\w*)\s*", text).groups()
    return round(float(value) * UNITS[unit])


@dataclass(eq=False)
class Op:
    """A kernel or a copy. `order` is its place in the list: who was launched after whom."""

    name: str
    stream: Any
    order: int
    at: int
    time: int
    copy: str | None
    blocks: int
    threads: int
    shared: int
    registers: int
    dispatched: int = 0
    ended: int = 0
    queued: bool = False


@dataclass(eq=False)
class Stream:
    name: str
    context: Any
    level: int
    nonblocking: bool
    sms: list[int]
    ops: list[Op] = field(default_factory=list)
    undispatched: int = 0
    channel: bool = False


@dataclass(eq=False)
class Context:
    name: str
    share: int
    channels: float
    waiting: list[Stream] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)


@dataclass(eq=False)
class Block:
    op: Op
    sm: int
    left: int
    start: int
    serial: int


@dataclass
class Round:
    """Whose copies an engine serves, until when at most, and the begun ones of the others."""

    owner: Context | None = None
    last: Context | None = None
    until: int = 0
    stopped: dict[str, Block] = field(default_factory=dict)


class Machine:
    """The state of the GPU at a tick."""

    def __init__(self, vector: dict[str, Any]) -> None:
        gpu = vector["gpu"]
        self.gpu = gpu
        self.sms = gpu["sms"]
        self.levels = gpu.get("priorities", 2)
        self.mps = gpu.get("mps", False)
        self.slice = number(gpu["time_slice"]) if "time_slice" in gpu else None
        self.switch_cost = number(gpu.get("context_switch", 0))
        named = vector.get("contexts") or {"-": {}}
        self.contexts = [
            Context(
                name,
                math.ceil((about or {}).get("percentage", 100) * self.sms / 100) if self.mps else self.sms,
                gpu.get("channels", math.inf),
            )
            for name, about in named.items()
        ]
        by_name = {context.name: context for context in self.contexts}
        declared = vector.get("streams") or {}
        streams: dict[Any, Stream] = {}
        self.launches: list[Op] = []
        per_tpc = gpu.get("sms_per_tpc", 2)
        for order, item in enumerate(vector["operations"]):
            about = declared.get(item["stream"]) or {}
            context = by_name[item.get("context") or about.get("context") or self.contexts[0].name]
            key = (context.name, item["stream"])
            if key not in streams:
                mask = about.get("mask", 0)
                allowed = [sm for sm in range(self.sms) if not mask >> (sm // per_tpc) & 1]
                level = about.get("priority", 0) + self.levels - 1
                streams[key] = Stream(item["stream"], context, level, about.get("nonblocking", False), allowed)
                context.streams.append(streams[key])
            self.launches.append(
                Op(
                    item["name"], streams[key], order, number(item["at"]), number(item["time"]), item.get("copy"),
                    item.get("blocks", 0), item.get("threads", 0), number(item.get("shared_memory", 0)),
                    item.get("registers", 0) * item.get("threads", 0),
                )
            )  # fmt: skip
        self.streams = list(streams.values())
        self.kernels: list[Op] = []  # in an EE queue, in order of entry
        self.copies: list[list[Op]] = [[] for _ in range(gpu.get("copy_engines", 1))]
        self.copying: list[Block | None] = [None] * len(self.copies)
        self.running: list[Block] = []
        self.sliced = self.slice is not None and len(self.contexts) > 1 and not self.mps
        self.active: Context | None = None
        self.last: Context | None = None
        self.begins = self.ends = 0
        self.rounds: list[Round] = [Round() for _ in self.copies]
        self.serial = 0
        self.rows: Counter[tuple[str, int, int, bool]] = Counter()
        self.completed: list[Stream] = []

    # ---- one tick ----------------------------------------------------------------------------------------------

    def instant(self, now: int) -> None:
        """Everything that happens at one tick, in the order of the rules."""
        self.completed = []
        self.complete(now)
        for op in [op for op in self.launches if op.at == now]:
            self.launch(op)
        while True:
            moved = self.enqueue()
            self.turn(now)
            moved |= self.assign_copies(now)
            moved |= self.assign(now)
            if not moved:
                return

    def complete(self, now: int) -> None:
        over = [block for block in self.running if not block.left]
        over += [block for block in self.copying if block is not None and not block.left]
        for block in sorted(over, key=lambda block: block.serial):
            self.rows[block.op.name, block.start, now, block.op.copy is not None] += 1
            op = block.op
            if op.copy:
                self.copying[self.copying.index(block)] = None
            else:
                self.running.remove(block)
            op.ended += 1
            if op.copy or op.ended == op.blocks:
                op.stream.ops.pop(0)
                self.completed.append(op.stream)

    def launch(self, op: Op) -> None:
        stream = op.stream
        stream.ops.append(op)
        if op.copy is None:
            stream.undispatched += 1
            context = stream.context
            if not stream.channel and stream not in context.waiting:
                if context.channels and not context.waiting:
                    context.channels -= 1
                    stream.channel = True
                else:
                    context.waiting.append(stream)

    def enqueue(self) -> bool:
        heads = [stream for stream in self.streams if stream.ops and not stream.ops[0].queued]
        first = [stream for stream in dict.fromkeys(self.completed) if stream in heads]
        rest = sorted((s for s in heads if s not in first), key=lambda s: s.ops[0].order)
        moved = False
        for stream in first + rest:
            op = stream.ops[0]
            if op.copy is None and not stream.channel:
                continue
            if not stream.nonblocking:
                others = [s for s in stream.context.streams if s is not stream and not s.nonblocking and s.ops]
                if stream.name != "NULL":
                    others = [s for s in others if s.name == "NULL"]
                elif stream.name == "NULL":
                    pass
                if any(other.ops[0].order < op.order for other in others):
                    continue
            op.queued = moved = True
            if op.copy:
                self.copies[0 if op.copy == "in" else -1].append(op)
            else:
                self.kernels.append(op)
        return moved

    def has_work(self, context: Context) -> bool:
        return any(op.stream.context is context for op in self.kernels) or any(
            block.op.stream.context is context for block in self.running
        )

    def turn(self, now: int) -> None:
        """Whose time slice it is."""
        if not self.sliced:
            return
        if self.active is not None:
            if now < self.begins:
                return
            if self.has_work(self.active) and now < self.ends:
                return
        place = self.contexts.index(self.last) + 1 if self.last is not None else 0
        order = self.contexts[place:] + self.contexts[:place]
        others = [context for context in order if context is not self.active and self.has_work(context)]
        if not others:
            if self.active is not None and self.has_work(self.active):
                self.begins, self.ends = now, now + self.slice
            else:
                self.active = None
            return
        cost = self.switch_cost if self.last is not None and self.last is not others[0] else 0
        self.active = self.last = others[0]
        self.begins, self.ends = now + cost, now + cost + self.slice

    def served(self, context: Context, now: int) -> bool:
        return not self.sliced or (context is self.active and now >= self.begins)

    def assign_copies(self, now: int) -> bool:
        moved = False
        for engine, queue in enumerate(self.copies):
            if self.sliced:
                self.turn_copies(engine, now)
                owner = self.rounds[engine].owner
                ours = [op for op in queue if op.stream.context is owner]
            else:
                ours = queue
            if ours and self.copying[engine] is None:
                op = ours[0]
                queue.remove(op)
                self.copying[engine] = Block(op, -1, op.time, now, self.next_serial())
                moved = True
        return moved

    def turn_copies(self, engine: int, now: int) -> None:
        """Whose copies the engine serves: in turn, for a slice each; nobody waits for one with nothing to copy."""
        state, begun = self.rounds[engine], self.copying[engine]
        wants = {op.stream.context.name for op in self.copies[engine]} | set(state.stopped)
        if begun is not None:
            wants.add(begun.op.stream.context.name)
        if not wants:
            state.owner = None
            return
        if state.owner is None or state.owner.name not in wants or now >= state.until:
            place = self.contexts.index(state.last) + 1 if state.last is not None else 0
            chosen = next(c for c in self.contexts[place:] + self.contexts[:place] if c.name in wants)
            if begun is not None and begun.op.stream.context is not chosen:
                state.stopped[begun.op.stream.context.name] = begun
                self.copying[engine] = None
            state.owner = state.last = chosen
            state.until = now + (self.slice or 0)
        if self.copying[engine] is None:
            self.copying[engine] = state.stopped.pop(state.owner.name, None)

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    def assign(self, now: int) -> bool:
        """Blocks of the first kernel of the most urgent level, while one fits; then of the next when it is done."""
        moved = False
        while True:
            mine = [op for op in self.kernels if self.served(op.stream.context, now)]
            if not mine:
                return moved
            op = min(mine, key=lambda op: op.stream.level)  # the first of them in order of entry
            sm = self.choose(op)
            if sm is None:
                return moved
            self.running.append(Block(op, sm, op.time, now, self.next_serial()))
            op.dispatched += 1
            moved = True
            if op.dispatched == op.blocks:
                self.kernels.remove(op)
                self.dispatched(op.stream)

    def dispatched(self, stream: Stream) -> None:
        stream.undispatched -= 1
        context = stream.context
        if stream.undispatched == 0 and stream.channel:
            stream.channel = False
            if context.waiting:
                last = self.gpu.get("channel_order", "fifo") == "lifo"
                context.waiting.pop(-1 if last else 0).channel = True
            else:
                context.channels += 1

    def choose(self, op: Op) -> int | None:
        """The multiprocessor for one more block, or none."""
        context = op.stream.context
        mine = [b for b in self.running if not self.sliced or b.op.stream.context is context]
        own = {b.sm for b in self.running if b.op.stream.context is context}
        fits = []
        for sm in op.stream.sms:
            there = [b.op for b in mine if b.sm == sm]
            free = self.gpu["threads"] - sum(o.threads for o in there)
            if free < op.threads:
                continue
            if sum(o.shared for o in there) + op.shared > number(self.gpu.get("shared_memory", 1 << 40)):
                continue
            if sum(o.registers for o in there) + op.registers > self.gpu.get("registers", 1 << 40):
                continue
            if len(there) >= self.gpu.get("blocks", 1 << 40):
                continue
            if sm not in own and len(own) >= context.share:
                continue
            fits.append((free, sm))
        if not fits:
            return None
        if self.gpu.get("placement", "spread") == "pack":
            return fits[0][1]
        return min(fits, key=lambda pair: (-pair[0], pair[1]))[1]

    def pass_time(self, now: int, tick: int) -> None:
        for block in self.running:
            if self.served(block.op.stream.context, now):
                block.left -= tick
        for block in self.copying:
            if block is not None:
                block.left -= tick


def simulate(vector: dict[str, Any]) -> Rows:
    """Rows (operation, start, end, blocks) of all waves and copies (0 blocks), in ns."""
    machine = Machine(vector)
    times = [op.at for op in machine.launches] + [op.time for op in machine.launches]
    times += [machine.slice or 0, machine.switch_cost]
    tick = math.gcd(*times)
    now = 0
    while True:
        machine.instant(now)
        if not any(stream.ops for stream in machine.streams) and all(op.at <= now for op in machine.launches):
            return sorted((name, start, end, 0 if copy else n) for (name, start, end, copy), n in machine.rows.items())
        machine.pass_time(now, tick)
        now += tick
        assert now < 10**6 * tick, "it does not end"


def random_vector(draw: random.Random, features: set[str] | None = None) -> dict[str, Any]:
    """A small legal program; `features` (of null, nonblocking, copies, channels, masks, slices, mps) or any of them."""
    everything = ["null", "nonblocking", "copies", "channels", "masks", "slices", "mps", "limits"]
    use = features if features is not None else {name for name in everything if draw.random() < 0.4}
    if "channels" in use:
        use.discard("null")  # no rule says how a NULL stream meets a limit of channels
    sms = draw.choice([2, 4, 5])
    gpu: dict[str, Any] = {
        "sms": sms,
        "threads": 2048,
        "priorities": draw.randint(1, 4),
        "sms_per_tpc": draw.choice([1, 2]),
    }
    gpu["copy_engines"] = draw.choice([1, 2])
    gpu["placement"] = draw.choice(["spread", "pack"])
    if "limits" in use:
        gpu |= {"shared_memory": "64 KiB", "registers": 65536, "blocks": draw.choice([3, 8])}
    vector: dict[str, Any] = {"kind": "gpu_vector", "name": "random", "gpu": gpu}
    contexts = [""]
    if {"slices", "mps"} & use:
        contexts = ["A", "B", "C"][: draw.randint(2, 3)]
        vector["contexts"] = {name: {} for name in contexts}
        if "mps" in use:
            gpu["mps"] = True
            for name in contexts:
                if draw.random() < 0.7:
                    vector["contexts"][name] = {"percentage": draw.choice([20, 50, 70])}
        else:
            gpu["time_slice"] = f"{draw.randint(1, 4)} ms"
            if draw.random() < 0.5:
                gpu["context_switch"] = f"{draw.randint(1, 2)} ms"
    if "channels" in use:
        gpu["channels"] = draw.randint(1, 3)
        gpu["channel_order"] = draw.choice(["fifo", "lifo"])
    tpcs = -(-sms // gpu["sms_per_tpc"])
    streams: dict[str, Any] = {}
    names = [f"S{number}" for number in range(draw.randint(1, 5))]
    for name in names:
        about: dict[str, Any] = {"priority": -draw.randint(0, gpu["priorities"] - 1)}
        if contexts != [""]:
            about["context"] = draw.choice(contexts)
        if "nonblocking" in use and draw.random() < 0.4:
            about["nonblocking"] = True
        if "masks" in use and tpcs > 1:
            about["mask"] = draw.randint(0, (1 << tpcs) - 2)
        streams[name] = about
    vector["streams"] = streams
    operations = []
    at = 0
    for number_ in range(draw.randint(3, 12)):
        at += draw.choice([0, 0, 0, 1, 2, 3])
        name = "NULL" if "null" in use and draw.random() < 0.25 else draw.choice(names)
        operation: dict[str, Any] = {
            "name": f"K{number_}",
            "stream": name,
            "at": f"{at} ms",
            "time": f"{draw.randint(1, 5)} ms",
        }
        if name == "NULL" and contexts != [""]:
            operation["context"] = draw.choice(contexts)
        if "copies" in use and draw.random() < 0.3:
            operation["copy"] = draw.choice(["in", "out"])
        else:
            operation["threads"] = draw.choice([128, 256, 512, 768, 1024])
            operation["blocks"] = draw.randint(1, 14)
            if "limits" in use:
                operation["shared_memory"] = f"{draw.choice([0, 8, 24, 40])} KiB"
                operation["registers"] = draw.choice([0, 16, 32, 63])
        operations.append(operation)
    vector["operations"] = operations
    return vector
