"""The tables of tests/test_keys.py: for every key a system in which it must matter, or be refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: A chip, and tasks for every key to act on. The task under test, `t`, is added in some shape.
WORLD = """
platform:
  name: rk3588
  processors:
    big: {cores: 4, threads: {"1": 1, "4": 3}, power: {active: 2 W, idle: 100 mW}}
    little: {speed: 0.5, power: {active: 1 W, idle: 50 mW}}
    npu: {kind: npu, weights: {capacity: 8 MB, bandwidth: 1 GB/s}, checkpoint: {state: 1 MB, bandwidth: 1 GB/s}}
    gpu: {kind: gpu, block_level: {sms: 2, streams: 2}}
  memory: {bandwidth: 1 GB/s, contention: {model: proportional, usable: 0.5}}
scheduler: {ordering: fp}
simulate: {until: 45 ms}
power: {}
tasks:
  - {name: t, period: 30 ms}
  - {name: rival, wcet: {big: 9 ms}, period: 15 ms, offset: 1 ms, accuracy: 0.5, memory: {demand: 1 GB/s, bound: 0.5}}
  - {name: other, wcet: {little: 3 ms}, period: 15 ms, offset: 2 ms, accuracy: 0.5, memory: {demand: 1 GB/s, bound: 0.5}}
  - {name: shader, kernels: [{blocks: 40, time: 500 us}], period: 15 ms, context: shader}
"""

TIMES = "wcet: {big: 12 ms, little: 8 ms, npu: 5 ms, gpu: 9 ms}"
SMALL = "wcet: {big: 6 ms, little: 4 ms, npu: 2 ms, gpu: 4 ms}"

# fmt: off
#: The shapes of a task.
SHAPES = {
    "wcet": f"{{{TIMES}, accuracy: 0.9}}",
    "kernels": "{kernels: [{blocks: 32, time: 1 ms}, {blocks: 8, time: 2 ms}], wcet: {little: 10 ms}, accuracy: 0.9}",
    "network": "{network: mobilenet_v2, accuracy: 0.9}",
    "cut": "{network: {network: mobilenet_v2, partition: 3}, accuracy: 0.9}",
    "graph": f"{{graph: {{nodes: {{x: {{{SMALL}}}, y: {{{SMALL}}}}}, edges: [[x, y]]}}, accuracy: 0.9}}",
    "branches": f"{{graph: {{nodes: {{x: {{{SMALL}}}, y: {{{SMALL}}}, z: {{{TIMES}}}}}, edges: [[x, y], [x, z]], "
    "branches: {x: {to: {y: 0.5, z: 0.5}}}}, accuracy: 0.9}",
    "exits": f"{{graph: {{nodes: {{x: {{{SMALL}}}, y: {{{SMALL}}}}}, edges: [[x, y]]}}, "
    "exits: [{node: x, accuracy: 0.6}, {node: y, accuracy: 0.9}]}",
    "exit_family": f"{{{TIMES}, exit_family: branchynet_b_lenet_mnist}}",
    "variants": f"{{variants: [{{{TIMES}, accuracy: 0.9}}, {{{SMALL}, accuracy: 0.7}}]}}",
    "scaled": f"{{{TIMES}, variants: [{{accuracy: 0.9}}, {{scale: 0.5, accuracy: 0.7}}]}}",
    "versions": "{kernels: [{blocks: 32, time: 1 ms}, {blocks: 8, time: 2 ms}], wcet: {little: 10 ms}, "
    "variants: [{accuracy: 0.9}, {kernels: [{blocks: 8, time: 2 ms}], accuracy: 0.8}]}",
}
GRAPHS = "graph branches exits"


@dataclass(frozen=True)
class Line:
    """Settings, the first of which is that of the key, in a system with others `beside`: an effect, or an `error`.

    A setting is PATH=VALUE as with --set, where ``t.`` is ``tasks.t.`` and ``x.`` its node x.
    """

    change: str
    beside: str = ""
    error: str = ""
    shape: str = "wcet"
    place: str = ""


def matters(change: str, beside: str = "", shape: str = "wcet") -> Line:
    """With the change the run is another."""
    return Line(change, beside, shape=shape)


def refused(change: str, error: str, beside: str = "", place: str = "") -> Line:
    """The change is refused, at the place of its key (or at another `place` that it makes impossible)."""
    return Line(change, beside, error, place=place)


LITTLE = "t.pin=little"
SHARED = "t.processors=[little]; little.service=run-to-completion; little.contexts=2; scheduler={name: test-sharing}"
TOGETHER = f"{LITTLE}; t.instances=2; scheduler={{name: test-batching}}"
APART = "scheduler={name: test-splitting}"
GPU = "t.processors=[gpu]; gpu.block_level.time_slice=1 ms"
STORE = "platform.memory.load_bandwidth=1 GB/s; platform.memory.capacity=100 MB"
OWN_TIMES = "have times of their own"
ONE_TIME = "exactly one of"
NODES_OWN = "belong to its nodes"
TRIGGERED = "t.period=null; t.deadline=30 ms; t.after={task: rival}"
ONCE = "t.period=null; t.deadline=30 ms; t.release=0 ms"

EXITING = "scheduler.adaptation=early-exit; t.period=10 ms; simulate.until=300 ms"

#: The keys of a task: for some shapes (or all others, *) a line.
TASK: dict[str, dict[str, Line]] = {
    # what runs
    "wcet": {
        "wcet kernels exit_family scaled versions": matters("t.wcet.little=1 ms"),
        "variants": refused("t.wcet=5 ms", OWN_TIMES),
        "*": refused("t.wcet=5 ms", ONE_TIME),
    },
    "origin": {
        "wcet exit_family scaled": matters("t.origin={kind: high-water}", f"wcet=max*2; {LITTLE}"),
        "kernels versions": matters("t.origin={kind: high-water}", f"wcet=max*2; {LITTLE}"),
        "*": refused("t.origin={kind: high-water}", "there is none beside it"),
    },
    "network": {
        "network": matters("t.network=squeezenet"),
        "cut": matters("t.network.network=resnet18"),
        "variants": refused("t.network=squeezenet", OWN_TIMES),
        "*": refused("t.network=squeezenet", ONE_TIME),
    },
    "graph": {
        GRAPHS: matters("t.graph.nodes.x.wcet=1 ms"),
        "variants": refused("t.graph={nodes: {x: {wcet: 1 ms}}}", "a task with a graph has variants as shares"),
        "kernels versions": refused("t.graph={nodes: {x: {wcet: 1 ms}}}", NODES_OWN),
        "*": refused("t.graph={nodes: {x: {wcet: 1 ms}}}", ONE_TIME),
    },
    "kernels": {
        "cut": refused("t.kernels=[{blocks: 1, time: 1 ms}]", "kernels"),
        GRAPHS: refused("t.kernels=[{blocks: 1, time: 1 ms}]", NODES_OWN),
        "variants": refused("t.kernels=[{blocks: 1, time: 1 ms}]", "has variants as shares"),
        "*": matters("t.kernels=[{blocks: 1, time: 1 ms}]"),
    },
    "variants": {
        "exits": refused("t.variants=[{scale: 0.5}]", "either 'variants' or 'exits'"),
        "exit_family": refused("t.variants=[{scale: 0.5}]", "leave 'graph', 'exits' and 'variants' out"),
        "variants scaled versions": matters("t.variants.1.accuracy=0.95"),
        "*": matters("t.variants=[{scale: 0.5, accuracy: 0.9}]", "t.accuracy=null"),
    },
    "exits": {
        "graph branches": matters("t.exits=[{node: x, accuracy: 0.5}]", "t.accuracy=null"),
        "exits": matters("t.exits.1.accuracy=0.2"),
        "exit_family": refused("t.exits=[{node: t, accuracy: 0.5}]", "'exits' name nodes"),
        "variants scaled versions": refused("t.exits=[{node: t, accuracy: 0.5}]", "either 'variants' or 'exits'"),
        "*": refused("t.exits=[{node: t, accuracy: 0.5}]", "'exits' name nodes", "t.accuracy=null"),
    },
    "exit_family": {
        "wcet kernels network": matters("t.exit_family=branchynet_b_lenet_mnist", "t.accuracy=null"),
        "exit_family": matters("t.exit_family=null"),
        "cut": refused("t.exit_family=branchynet_b_lenet_mnist", "cut", "t.accuracy=null"),
        "*": refused("t.exit_family=branchynet_b_lenet_mnist", "makes the graph and its exits"),
    },
    # where, and in what pieces
    "pin": {"*": matters(LITTLE)},
    "processors": {"*": matters("t.processors=[little]")},
    "threads": {
        "kernels versions": matters("t.threads=1", "t.wcet={big: 9 ms}; t.pin=big"),
        "*": matters("t.threads=1", "t.pin=big"),
    },
    "regions": {
        "wcet exit_family": matters("t.regions=[4 ms, 4 ms]", f"{LITTLE}; t.wcet={{little: 8 ms}}; t.priority=9; t.accuracy=null; scheduler.preemption=limited"),
        "*": refused("t.regions=[5 ms, 5 ms]", "regions"),
    },
    "sections": {
        "wcet exit_family": matters("t.sections=[{resource: r, start: 1500 us, length: 4 ms}]", f"{LITTLE}; t.wcet={{little: 8 ms}}; t.priority=9; t.accuracy=null; resources={{r: {{protocol: ceiling}}}}; other.sections=[{{resource: r, start: 0 ms, length: 1 ms}}]"),
        "*": refused("t.sections=[{resource: r, start: 1 ms, length: 5 ms}]", "sections", "resources={r: {}}"),
    },
    "preemptive": {"*": matters("t.preemptive=false", f"{LITTLE}; t.priority=9")},
    # what it asks of the hardware
    "memory": {"*": matters("t.memory={bound: 0.9, demand: 1 GB/s}", LITTLE)},
    "energy": {"variants": refused("t.energy=3 mJ", OWN_TIMES), "*": matters("t.energy=3 mJ")},
    "state": {
        "*": matters("t.state=9 MB", "scheduler={name: test-checkpoint}; t.pin=little; little.service=run-to-completion; little.checkpoint={state: 1 MB, bandwidth: 1 GB/s}")
    },
    "weights": {"*": matters("t.weights=2 MB", STORE)},
    "batch": {"*": matters("t.batch={'2': 1.5}", TOGETHER)},
    "split": {
        "kernels versions": refused("t.split={join: 1 ms}", "it has no effect: it takes two processors", APART),
        "*": matters("t.split={join: 1 ms}", APART),
    },
    "speedup": {"*": matters("t.speedup={'1/2': 0.8}", f"{SHARED}; t.period=3 s")},
    "loss": {"*": matters("t.loss={cpu: 0.5, gpu: 0.5, npu: 0.5}")},
    "context": {"*": matters("t.context=shader", GPU)},
    # when
    "period": {"*": matters("t.period=25 ms")},
    "rate": {"*": matters("t.rate=50 Hz", "t.period=null; t.rate=30 Hz")},
    "release": {"*": matters("t.release=3 ms", ONCE)},
    "after": {"*": matters("t.after=other", TRIGGERED)},
    "arrival": {"*": matters("t.arrival={kind: poisson}")},
    "deadline": {"*": matters("t.deadline=4 ms")},
    "offset": {"*": matters("t.offset=3 ms")},
    "jitter": {"*": matters("t.jitter=3 ms")},
    "count": {"*": matters("t.count=1")},
    "instances": {"*": matters("t.instances=2")},
    "overlap": {
        "*": matters("t.overlap=true", "t.period=2 ms; t.deadline=20 ms; t.execution={kind: uniform, low: 0.2}")
    },
    "communication": {"*": matters("t.communication=let", "chains=[{name: c, tasks: [t, other]}]")},
    # what matters about it
    "priority": {"*": matters("t.priority=9", LITTLE)},
    "criticality": {"*": matters("t.criticality=hard")},
    "weight": {"*": matters("t.weight=5")},
    "on_miss": {"*": matters("t.on_miss=abort", f"t.deadline=2 ms; {LITTLE}")},
    "on_fault": {"*": matters("t.on_fault=resume", f"faults=[{{processor: little, at: 1 ms, lasts: 3 ms}}]; {LITTLE}")},
    "execution": {"*": matters("t.execution={kind: uniform, low: 0.2}")},
    "inputs": {"*": matters("t.inputs=[{'0': {time: 1 ms}}]", LITTLE)},
    "budget": {"*": matters("t.budget=1 ms", f"scheduler=cbs; {LITTLE}")},
    "server_period": {"*": matters("t.server_period=10 ms", f"scheduler=cbs; {LITTLE}; t.budget=1 ms")},
    "accuracy": {
        "exits exit_family variants scaled versions": refused("t.accuracy=0.5", "the accuracy stands with each variant"),
        "*": matters("t.accuracy=0.5"),
    },
    "measure": {"*": matters("t.measure=miou")},
    "difficulty": {"exit_family": matters("t.difficulty={reliability: 0.1}", EXITING), "*": matters("t.difficulty={correlation: -0.9}", "t.period=10 ms; simulate.until=600 ms")},
    "errors": {
        "exits exit_family variants scaled versions": matters("t.errors=independent", "t.period=10 ms; simulate.until=600 ms"),
        "*": refused("t.errors=independent", "have nothing to go together with"),
    },
    "decay": {"*": matters("t.decay=100 ms", "t.deadline=1 ms")},
}


BUSY = f"{LITTLE}; t.priority=9"
LOCKED = f"{BUSY}; t.wcet={{little: 8 ms}}; t.accuracy=null; other.accuracy=null; other.sections=[{{resource: r, start: 0 ms, length: 1 ms}}]"
INPUTS = "t.accuracy=0.5; t.period=5 ms; simulate.until=300 ms"

#: The keys of a node.
NODE: dict[str, Line] = {
    "wcet": matters("x.wcet=1 ms"),
    "network": matters("x.network=squeezenet", "x={network: mobilenet_v2}"),
    "pin": matters("x.pin=little"),
    "processors": matters("x.processors=[little]"),
    "regions": matters("x.regions=[2 ms, 2 ms]", f"{BUSY}; t.accuracy=null; x.wcet={{little: 4 ms}}; scheduler.preemption=limited"),
    "sections": matters("x.sections=[{resource: r, start: 1 ms, length: 3 ms}]", f"{LOCKED}; t.wcet=null; x.wcet={{little: 4 ms}}; resources={{r: {{protocol: ceiling}}}}"),
    "preemptive": matters("x.preemptive=false", BUSY),
    "threads": matters("x.threads=1", "t.pin=big"),
    "kernels": matters("x.kernels=[{blocks: 1, time: 1 ms}]"),
    "memory": matters("x.memory={bound: 0.9, demand: 1 GB/s}", LITTLE),
    "energy": matters("x.energy=3 mJ"),
    "state": matters("x.state=9 MB", TASK["state"]["*"].beside),
    "weights": matters("x.weights=2 MB", STORE),
    "batch": matters("x.batch={'2': 1.5}", TOGETHER),
    "origin": matters("x.origin={kind: high-water}", "wcet=max*2"),
    "split": matters("x.split={join: 1 ms}", APART),
    "speedup": matters("x.speedup={'1/2': 0.8}", SHARED),
    "loss": matters("x.loss={cpu: 0.5, gpu: 0.5, npu: 0.5}"),
}

POINTS = "big.operating_points=[{frequency: 1 GHz, microvolt: 600000}, {frequency: 2 GHz, microvolt: 800000}]"
BIG = f"t.pin=big; {POINTS}"
THERMAL = (
    "platform.thermal={node: {resistance: 20, capacitance: 0.001}, trips: [{temperature: 40, caps: {big: 1 GHz}}]}"
)
HOT = f"{BIG}; {THERMAL}"
NETWORK = "platform.thermal={network: {a: [[0.5]], b: [[9]], inputs: [big]}, period: 2 ms, trips: [{temperature: 40, caps: {big: 1 GHz}}]}"
SAMPLED = f"{BIG}; {NETWORK}"
CLOCK = f"{BIG}; power.governor"
ONDEMAND = f"{CLOCK}={{name: ondemand, period: 3 ms}}"
KERNELS = "t.kernels=[{blocks: 12, time: 1 ms, threads: 512}, {blocks: 8, time: 2 ms}]; t.wcet=null"
COMPUTED = "gpu.block_level.waves={lanes: 64, clock: 1 GHz, bandwidth: 1 GB/s}; t.kernels=[{blocks: 41, threads: 512, macs: 9000000, bytes: 1 kB}]; t.wcet=null"
COPIES = "t.kernels=[{copy: in, time: 1 ms}, {blocks: 4, time: 1 ms}, {copy: out, time: 2 ms}]; t.wcet=null"
MOVES = "shader.kernels=[{copy: in, time: 3 ms}, {blocks: 4, time: 500 us}, {copy: out, time: 1 ms}]; shader.period=5 ms"
SIDE = "shader.kernels=[{blocks: 40, time: 500 us, threads: 512}, {copy: in, time: 1 ms}]; shader.period=5 ms"
LINK = "t.graph.edges=[[x, y, 100 kB]]; x.pin=big; t.graph.nodes.y.pin=npu; platform.links={bus: {between: [big, npu], bandwidth: 10 MB/s}}"
SOON_EMPTY = "power.battery={capacity: 10 mJ, harvest: [{at: 0 s, power: 1 W}], restart: 0.3}"
LISTENS = "scheduler={name: test-listener}"
GUESSED = "scheduler={ordering: sjf, preemption: nonpreemptive}; t.processors=[big]; platform.processors.big.cores=1; platform.processors.big.threads={'1': 1}; t.period=15 ms; t.wcet={big: 3 ms}; t.offset=0 ms; rival.offset=0 ms"
FAILS = f"faults=[{{processor: little, at: 1 ms, lasts: 3 ms}}]; {LITTLE}"
ALTERNATES = f"faults=[{{processor: little, mean_up: 5 ms, mean_down: 5 ms}}]; {LITTLE}"
CONTENDED = f"{LITTLE}; t.memory={{bound: 0.9, demand: 1 GB/s, class: conv}}; platform.memory.contention"
PCCS = "{model: pccs, processors: {little: {minor_below: 0.1, intensive_from: 2, rate: 0.2, minor_loss: 0.1, balance: 2, knee: 0.5}, big: {minor_below: 0.1, intensive_from: 2, rate: 0.2, minor_loss: 0.1, balance: 2, knee: 0.5}}}"
PAIRS = "{model: pairwise, pairs: [{victim: little/conv, beside: big, slowdown: 2}]}"
MANY = "t.period=10 ms; simulate.until=600 ms"
RECORDED = "[{right: [x, y], share: 0.55}, {right: [y], share: 0.35}, {right: [x], share: 0.05}, {share: 0.05}]"
EVEN = f"{MANY}; t.exits.1.accuracy=0.6; t.errors={{recorded: [{{right: [x, y], share: 0.4}}, {{right: [x], share: 0.2}}, {{right: [y], share: 0.2}}, {{share: 0.2}}]}}"
GRAPH_OF_TWO = "t.variants={choices: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.5}]}; t.accuracy=null; t.period=12 ms"
CONTEXTS = "npu.contexts=2; rival.wcet={npu: 5 ms}; t.pin=npu.0"
CHECKPOINTED = TASK["state"]["*"].beside

#: All other keys.
KEYS: dict[str, Line] = {
    # a system
    "System.platform": matters("platform.processors.little.speed=2", f"{LITTLE}; t.wcet=8 ms"),
    "System.scheduler": matters("scheduler=edf", BUSY),
    "System.reservable": matters("reservable={kv_memory: 1 kB}", "scheduler=test-reserve"),
    "System.jobs": matters("jobs=FOLDER/jobs.csv"),
    "Simulate.until": matters("simulate.until=30 ms"),
    "Simulate.seed": matters("simulate.seed=1", "t.execution={kind: uniform, low: 0.2}"),
    "Simulate.warm_up": matters("simulate.warm_up=20 ms"),
    "Simulate.drain": matters("simulate.drain=all", f"{LITTLE}; t.wcet=40 ms"),
    "Batch.name": matters("t.batch.name=net", f"{TOGETHER}; t.instances=1; t.batch.times={{'2': 1.5}}; other={{name: other, wcet: {{little: 8 ms}}, pin: little, period: 30 ms, offset: 0 ms, batch: {{name: net, times: {{'2': 1.5}}}}}}"),
    "Split.join": matters("t.split.join=2 ms", f"{APART}; t.split={{join: 1 ms}}"),
    "Batch.times": matters("t.batch.times={'2': 1.2}", f"{TOGETHER}; t.batch.name=net; t.batch.times={{'2': 1.5}}"),
    "Overheads.context_switch": matters("overheads.context_switch=100 us"),
    "Overheads.migration": matters("overheads.migration=100 us", "t.processors=[big, little]; t.priority=9; rival.period=4 ms"),
    "Overheads.scheduling": matters("overheads.scheduling=10 us"),
    "Planner.core": matters("planner.core=little", "planner={core: big, cost: 1 ms}"),
    "Planner.cost": matters("planner.cost=1 ms", "planner={core: big, per_segment: 1 us}"),
    "Planner.per_segment": matters("planner.per_segment=1 ms", "planner={core: big, cost: 1 us}"),
    "Estimates.bias": matters("estimates.bias={rival: -0.9}", GUESSED),
    "Estimates.noise": matters("estimates.noise=5", GUESSED),
    "Estimates.learning": matters("estimates.learning=1", f"{GUESSED}; estimates={{bias: {{rival: -0.9}}}}"),
    "Estimates.staleness": matters("estimates.staleness=20 ms", f"{GUESSED}; estimates={{bias: {{rival: -0.9}}, learning: 1}}"),
    "Resource.protocol": matters("resources.r.protocol=ceiling", f"{LOCKED}; resources={{r: {{}}}}; t.sections=[{{resource: r, start: 1 ms, length: 5 ms}}]"),
    "JobModel.origin": matters("jobs.0.origin={kind: typical}", "wcet=max*2; jobs=[{wcet: {little: 1 ms}, deadline: 9 ms}]"),
    "System.wcet": matters("wcet=max", shape="network"),
    "Choice.origin": replace(matters("t.variants.0.origin={kind: typical}", f"wcet=max*2; {LITTLE}"), shape="variants"),
    "Provenance.kind": matters("t.origin.kind=typical", f"wcet=max*2; {LITTLE}; t.origin={{kind: declared}}"),
    "Provenance.margin": matters("t.origin.margin=2", f"wcet=max*2; {LITTLE}; t.origin={{kind: high-water, margin: 1, reason: x}}"),
    "JobModel.release": matters("jobs.0.release=1 ms", "jobs=[{wcet: {little: 1 ms}, deadline: 9 ms}]"),
    "JobModel.wcet": matters("jobs.0.wcet=2 ms", "jobs=[{wcet: {little: 1 ms}, deadline: 9 ms}]"),
    "JobModel.deadline": matters("jobs.0.deadline=5 ms", "jobs=[{wcet: {little: 1 ms}, deadline: 9 ms}]"),
    "JobModel.priority": matters("jobs.0.priority=-1", f"{LITTLE}; jobs=[{{wcet: {{little: 1 ms}}, deadline: 9 ms}}]"),
    "Chain.max_reaction": matters("chains.0.max_reaction=1 ms", "chains=[{name: c, tasks: [t, other]}]"),
    "Chain.max_age": matters("chains.0.max_age=1 ms", "chains=[{name: c, tasks: [t, other]}]"),
    "Chain.max_reduced_reaction": matters("chains.0.max_reduced_reaction=1 ms", "chains=[{name: c, tasks: [t, other]}]"),
    "Chain.max_reduced_age": matters("chains.0.max_reduced_age=1 ms", "chains=[{name: c, tasks: [t, other]}]"),
    "Chain.max_latency": matters("chains.0.max_latency=1 ms", f"{TRIGGERED}; chains=[{{name: c, tasks: [rival, t]}}]"),
    "Chain.tasks": matters("chains.0.tasks=[t, rival]", "chains=[{name: c, tasks: [t, other]}]"),
    "Fault.processor": matters("faults.0.processor=big", FAILS),
    "Fault.at": matters("faults.0.at=2 ms", FAILS),
    "Fault.lasts": matters("faults.0.lasts=8 ms", FAILS),
    "Fault.mean_up": matters("faults.0.mean_up=1 ms", ALTERNATES),
    "Fault.mean_down": matters("faults.0.mean_down=1 ms", ALTERNATES),
    "Fault.speed": matters("faults.0.speed=0.5", FAILS),
    "Change.at": matters("environment.0.at=3 ms", f"{LISTENS}; environment=[{{at: 1 ms, name: rain, value: 1}}]"),
    "Change.name": matters("environment.0.name=snow", f"{LISTENS}; environment=[{{at: 1 ms, name: rain, value: 1}}]"),
    "Change.value": matters("environment.0.value=2", f"{LISTENS}; environment=[{{at: 1 ms, name: rain, value: 1}}]"),
    "Change.link": matters("environment.0.link=bus", f"{LINK}; platform.links.wifi={{between: [little, npu], bandwidth: 1 MB/s}}; environment=[{{at: 1 ms, link: wifi, bandwidth: 1 MB/s}}]", "graph"),
    "Change.bandwidth": matters("environment.0.bandwidth=2 MB/s", f"{LINK}; environment=[{{at: 1 ms, link: bus, bandwidth: 1 MB/s}}]", "graph"),
    # when jobs come, and how long they take
    "RecordedNode.time": matters("t.inputs.0.t.time=2 ms", f"{LITTLE}; t.inputs=[{{t: {{time: 1 ms}}}}]"),
    "RecordedNode.values": matters("t.inputs.0.t.values={sparsity: 0.5}", f"{LITTLE}; scheduler=test-reader; t.inputs=[{{t: {{time: 1 ms}}}}]"),
    "After.task": matters("t.after.task=other", TRIGGERED),
    "After.probability": matters("t.after.probability=0.3", TRIGGERED),
    "Sporadic.mean_extra": matters("t.arrival.mean_extra=3 ms", "t.arrival={kind: sporadic}"),
    "Sporadic.max_gap": matters("t.arrival.max_gap=31 ms", "t.arrival={kind: sporadic, mean_extra: 9 ms}"),
    "BurstState.gap": matters("t.arrival.states.0.gap=2 ms", "t.arrival={kind: bursty, states: [{gap: 5 ms, dwell: 9 ms}, {gap: 20 ms, dwell: 9 ms}]}"),
    "BurstState.dwell": matters("t.arrival.states.0.dwell=2 ms", "t.arrival={kind: bursty, states: [{gap: 5 ms, dwell: 9 ms}, {gap: 20 ms, dwell: 9 ms}]}"),
    "TraceArrivals.times": matters("t.arrival.times=[0 ms, 9 ms]", "t.arrival={kind: trace, times: [0 ms, 5 ms]}"),
    "TraceArrivals.file": matters("t.arrival.file=FOLDER/more.csv", "t.arrival={kind: trace, file: FOLDER/arrivals.csv}"),
    "TraceArrivals.deadlines": matters("t.arrival.deadlines=[3 ms, 9 ms]", "t.arrival={kind: trace, times: [0 ms, 5 ms]}"),
    "TraceArrivals.execution": matters("t.arrival.execution=[1 ms, 2 ms]", "t.arrival={kind: trace, times: [0 ms, 5 ms]}"),
    "Uniform.low": matters("t.execution.low=0.1", "t.execution={kind: uniform, low: 0.5}"),
    "Uniform.high": matters("t.execution.high=0.6", "t.execution={kind: uniform, low: 0.5}"),
    **{
        f"{model}.{key}": matters(f"t.execution.{key}={value}", f"t.execution={{kind: {kind}, mean: 0.6, std: 0.2}}; simulate.seed=1")
        for model, kind in (("Normal", "normal"), ("LogNormal", "lognormal"))
        for key, value in (("mean", 0.5), ("std", 0.1), ("low", 0.59), ("high", 0.61))
    },
    "Empirical.samples": matters("t.execution.samples=[3 ms]", "t.execution={kind: empirical, samples: [2 ms]}"),
    "Empirical.file": matters("t.execution.file=FOLDER/arrivals.csv", "t.execution={kind: empirical, file: FOLDER/more.csv, column: execution_us}"),
    "Empirical.column": matters("t.execution.column=release_us", "t.execution={kind: empirical, file: FOLDER/more.csv, column: execution_us}"),
    "Autocorrelated.correlation": matters("t.execution.correlation=-0.9", "t.execution={kind: autocorrelated, correlation: 0.9, marginal: {kind: uniform, low: 0.1}}"),
    # networks, graphs and their variants
    "NetworkUse.network": matters("t.network.network=squeezenet", "t.network={network: mobilenet_v2}", "network"),
    "NetworkUse.operators": matters("t.network.operators=mobilenet_v1", "", "cut"),
    "NetworkUse.partition": matters("t.network.partition=units", "", "cut"),
    "NetworkUse.unsupported": matters("t.network.unsupported={big: [GlobalAveragePool]}", "", "cut"),
    "NetworkUse.smallest": matters("t.network.smallest=1", "t.network.partition=units; t.network.unsupported={gpu: [GlobalAveragePool]}; t.processors=[gpu, little]", "cut"),
    "NetworkUse.input": matters("t.network.input='320'", "platform.name=jetson_xavier_nx; t.network={network: yolov8n, input: '640'}", "network"),
    "NetworkUse.precision": matters("t.network.precision=int8", "platform.name=snapdragon_8gen2; t.network={network: mobilenet_v2, precision: fp16}; t.pin=npu", "network"),
    "NetworkUse.runtime": matters("t.network.runtime=onnx", "platform.name=snapdragon_8gen2; t.network={network: mobilenet_v2, runtime: tflite}; t.pin=npu", "network"),
    "NetworkUse.threads": matters("t.network.threads=1", "t.network={network: mobilenet_v2}; t.pin=big", "network"),
    "EdgeModel.source": matters("t.graph.edges.0.from=z", "t.graph.edges=[{from: x, to: y}]; t.graph.nodes.z={wcet: 1 ms}", "graph"),
    "EdgeModel.target": matters("t.graph.edges.0.to=z", "t.graph.edges=[{from: x, to: y}]; t.graph.nodes.z={wcet: 1 ms}", "graph"),
    "EdgeModel.bytes": matters("t.graph.edges=[[x, y, 200 kB]]", LINK, "graph"),
    "Branch.to": matters("t.graph.branches.x.to={y: 0.0, z: 1.0}", "t.graph.branches.x.to={y: 1.0, z: 0.0}", "branches"),
    "Branch.by": matters("t.graph.branches.x.by=difficulty", "simulate.until=300 ms", "branches"),
    "Section.resource": matters("t.sections.0.resource=q", f"{LOCKED}; resources={{r: {{}}, q: {{}}}}; t.sections=[{{resource: r, start: 1 ms, length: 5 ms}}]"),
    "Section.start": matters("t.sections.0.start=3 ms", f"{LOCKED}; resources={{r: {{}}, q: {{}}}}; t.sections=[{{resource: r, start: 1 ms, length: 5 ms}}]"),
    "Section.length": matters("t.sections.0.length=6 ms", f"{LOCKED}; resources={{r: {{}}, q: {{}}}}; t.sections=[{{resource: r, start: 1 ms, length: 5 ms}}]"),
    "Variants.family": matters("t.variants.family=aihub_levit", "platform.name=snapdragon_8gen2; t.variants={family: aihub_mobilenet_v2}; t.accuracy=null; t.wcet=null"),
    "Variants.values": matters("t.variants.values=[int8]", "platform.name=snapdragon_8gen2; t.variants={family: aihub_mobilenet_v2}; t.accuracy=null; t.wcet=null"),
    "Variants.between": matters("t.variants.between=monotone", "t.variants={family: subflow_lenet5_mnist, between: staircase, values: [0.15]}; t.accuracy=null"),
    "Variants.switch": matters("t.variants.switch=node", f"{GRAPH_OF_TWO}; {BUSY}; t.deadline=10 ms; scheduler.adaptation=subflow", "graph"),
    "Variants.shares": matters("t.variants.shares={x: 0.9, y: 0.1}", f"{GRAPH_OF_TWO}; {BUSY}; t.deadline=10 ms; scheduler.adaptation=subflow; t.variants.switch=node", "graph"),
    "Choice.accuracy": matters("t.variants.0.accuracy=0.95", "", "scaled"),
    "Choice.wcet": matters("t.variants.0.wcet=2 ms", "", "variants"),
    "Choice.network": matters("t.variants.1.network=squeezenet", "t.variants=[{network: mobilenet_v2}, {network: resnet18}]", "variants"),
    "Choice.energy": matters("t.variants.0.energy=4 mJ", "", "variants"),
    "Choice.scale": matters("t.variants.0.scale=0.7", "", "scaled"),
    "Choice.nodes": matters("t.variants.choices.0.nodes={x: 0.5}", GRAPH_OF_TWO, "graph"),
    "Choice.kernels": matters("t.variants.1.kernels=[{blocks: 3, time: 7 ms}]", "scheduler.adaptation={name: fixed, variant: 1}; t.pin=gpu.0", "versions"),
    "Choice.skip": matters("t.variants.choices.0.skip=[x]", GRAPH_OF_TWO, "graph"),
    "Exit.node": matters("t.exits.0.node=y", "t.exits=[{node: x, accuracy: 0.5}]", "exits"),
    "Exit.accuracy": matters("t.exits.1.accuracy=0.7", "", "exits"),
    "Errors.correlation": matters("t.errors.correlation=0.9", f"{MANY}; t.errors={{correlation: 0.1}}", "exits"),
    "Errors.recorded": matters("t.errors.recorded=[{share: 0.1}, {right: [x, y], share: 0.6}, {right: [y], share: 0.3}]", f"{MANY}; t.errors={{recorded: {RECORDED}}}", "exits"),
    "Errors.combine": matters("t.errors.combine=majority", f"{MANY}; t.exits.0.accuracy=0.9; t.exits.1.accuracy=0.6; t.errors={{correlation: 0}}", "exits"),
    "RightTogether.right": matters("t.errors.recorded.1.right=[y]; t.errors.recorded.2.right=[x]", EVEN, "exits"),
    "RightTogether.share": matters("t.errors.recorded.0.share=0.5; t.errors.recorded.1.share=0.1; t.errors.recorded.2.share=0.1; t.errors.recorded.3.share=0.3", EVEN, "exits"),
    "Difficulty.correlation": matters("t.difficulty.correlation=-0.9", INPUTS),
    "Difficulty.reliability": matters("t.difficulty.reliability=0.1", EXITING, "exits"),
    "Difficulty.predictor": matters("t.difficulty.predictor=0.9", LISTENS, "exits"),
    # what a node asks of the hardware
    "Kernel.blocks": matters("t.kernels.0.blocks=50", KERNELS),
    "Kernel.threads": matters("t.kernels.0.threads=1024", KERNELS),
    "Kernel.shared_memory": matters("t.kernels.0.shared_memory=48 kB", f"{KERNELS}; gpu.block_level.shared_memory=64 kB"),
    "Kernel.registers": matters("t.kernels.0.registers=64", f"{KERNELS}; gpu.block_level.registers=65536"),
    "Kernel.time": matters("t.kernels.0.time=3 ms", KERNELS),
    "ComputedKernel.blocks": matters("t.kernels.0.blocks=50", COMPUTED),
    "ComputedKernel.threads": matters("t.kernels.0.threads=768", COMPUTED),
    "ComputedKernel.shared_memory": matters("t.kernels.0.shared_memory=48 kB", f"{COMPUTED}; gpu.block_level.shared_memory=64 kB"),
    "ComputedKernel.registers": matters("t.kernels.0.registers=64", f"{COMPUTED}; gpu.block_level.registers=65536"),
    "ComputedKernel.macs": matters("t.kernels.0.macs=20000000", COMPUTED),
    "ComputedKernel.bytes": matters("t.kernels.0.bytes=1 MB", COMPUTED),
    "Copy.copy": matters("t.kernels.0.copy=out", f"{COPIES}; {MOVES}; gpu.block_level.copy_engines=2"),
    "Copy.time": matters("t.kernels.0.time=2 ms", COPIES),
    "Copy.size": matters("t.kernels.0.size=2 MB", "t.kernels=[{copy: in, size: 1 MB}]; t.wcet=null; gpu.block_level.copy_bandwidth=1 GB/s"),
    "MemoryUse.bound": matters("t.memory.bound=0.9", f"{LITTLE}; t.memory={{bound: 0.5, demand: 1 GB/s}}"),
    "MemoryUse.demand": matters("t.memory.demand=2 GB/s", f"{LITTLE}; t.memory={{bound: 0.5, demand: 1 GB/s}}"),
    "MemoryUse.traffic": matters("t.memory.traffic=9 MB", f"{LITTLE}; t.memory={{bound: 0.5, traffic: 1 MB}}"),
    "MemoryUse.class": matters("t.memory.class=fc", f"{CONTENDED}={PAIRS}"),
    # power, heat
    "PowerOptions.mode": matters("power.mode=low", f"{BIG}; platform.power_modes={{low: {{big: {{frequency_max: 1 GHz}}}}}}"),
    "PowerOptions.switch_latency": matters("power.switch_latency=100 us", ONDEMAND),
    "PowerOptions.stall": matters("power.stall=false", f"{ONDEMAND}; power.switch_latency=1 ms"),
    "PowerOptions.ambient": matters("power.ambient=39", HOT),
    "PowerOptions.bytes_energy": matters("power.bytes_energy=20", "t.memory={bound: 0.5, demand: 1 GB/s}"),
    "Governor.name": matters("power.governor.name=powersave", f"{CLOCK}={{name: performance}}"),
    "Governor.frequency": matters("power.governor.frequency=1 GHz", f"{CLOCK}={{name: fixed, frequency: 2 GHz}}"),
    "Governor.period": matters("power.governor.period=2 ms", ONDEMAND),
    "Governor.up": matters("power.governor.up=0.4", f"{ONDEMAND}; power.governor.down=0.3"),
    "Governor.down": matters("power.governor.down=0.75", ONDEMAND),
    "Battery.capacity": matters("power.battery.capacity=20 mJ", f"{LISTENS}; power.battery={{capacity: 10 mJ}}"),
    "Battery.charge": matters("power.battery.charge=0.6", f"{LISTENS}; power.battery={{capacity: 10 mJ}}"),
    "Battery.levels": matters("power.battery.levels=[0.7]", f"{LISTENS}; power.battery={{capacity: 10 mJ}}"),
    "Battery.restart": matters("power.battery.restart=0.5", SOON_EMPTY),
    "HarvestPoint.at": matters("power.battery.harvest.0.at=9 ms", SOON_EMPTY),
    "HarvestPoint.power": matters("power.battery.harvest.0.power=9 W", SOON_EMPTY),
    "Thermal.ambient": matters("platform.thermal.ambient=39", HOT),
    "Thermal.initial": matters("platform.thermal.initial=39", HOT),
    "Thermal.period": matters("platform.thermal.period=1 ms", SAMPLED),
    "Thermal.hysteresis": matters("platform.thermal.hysteresis=0.5", HOT),
    "ThermalNode.resistance": matters("platform.thermal.node.resistance=40", HOT),
    "ThermalNode.capacitance": matters("platform.thermal.node.capacitance=0.0005", HOT),
    "ThermalNetwork.a": matters("platform.thermal.network.a=[[0.9]]", SAMPLED),
    "ThermalNetwork.b": matters("platform.thermal.network.b=[[20]]", SAMPLED),
    "ThermalNetwork.inputs": matters("platform.thermal.network.inputs=[little]", SAMPLED),
    "Trip.temperature": matters("platform.thermal.trips.0.temperature=30", HOT),
    "Trip.caps": matters("platform.thermal.trips.0.caps={big: 2 GHz}", HOT),
    # the chip
    "Platform.name": matters("platform.name=snapdragon_8gen2", "t.processors=[gpu]", "network"),
    "Platform.aliases": matters("platform.aliases=[snapdragon_8gen2]", "platform.name=mine; platform.aliases=[rk3588]; t.processors=[gpu]", "network"),
    "Platform.base_power": matters("platform.base_power=1 W"),
    "ModeLimit.cores": matters("platform.power_modes.low.little.cores=1", "t.processors=[little]; little.cores=2; power.mode=low; platform.power_modes={low: {little: {cores: 2}}}"),
    "ModeLimit.frequency_max": matters("platform.power_modes.low.big.frequency_max=2 GHz", f"{BIG}; power.mode=low; platform.power_modes={{low: {{big: {{frequency_max: 1 GHz}}}}}}"),
    "Cluster.kind": matters("little.kind=npu", BUSY),
    "Cluster.cores": matters("little.cores=2", "t.processors=[little]"),
    "Cluster.speed": matters("little.speed=0.25", f"{LITTLE}; t.wcet=8 ms"),
    "Cluster.speeds": matters("little.speeds=[0.25]", f"{LITTLE}; t.wcet=8 ms"),
    "Cluster.service": matters("little.service=node", BUSY),
    "Cluster.context_switch": matters("little.context_switch=100 us", BUSY),
    "Cluster.migration": matters("little.migration=100 us", "t.processors=[big, little]; t.priority=9; rival.period=4 ms"),
    "Cluster.frequency_max": matters("big.frequency_max=4 GHz", BIG),
    "Cluster.frequency_domains": matters("little.frequency_domains=[[0], [1]]", "little.cores=2; little.operating_points=[{frequency: 1 GHz}, {frequency: 2 GHz}]; power.governor={name: ondemand, period: 3 ms}; t.processors=[little]"),
    "Cluster.switch_latency": matters("big.switch_latency=100 us", ONDEMAND),
    "Cluster.threads": matters("big.threads={'1': 1, '4': 2}"),
    "Cluster.reset": matters("npu.reset=1 ms", "t.pin=npu; t.deadline=2 ms; t.on_miss=abort; rival.wcet={npu: 5 ms}"),
    "Cluster.contexts": matters("npu.contexts=2", "rival.wcet={npu: 5 ms}; t.processors=[npu]"),
    "Cluster.sharing": matters("npu.sharing=none", CONTEXTS),
    "OperatingPoint.frequency": matters("big.operating_points.0.frequency=1.5 GHz", f"{CLOCK}=powersave"),
    "OperatingPoint.microvolt": matters("big.operating_points.0.microvolt=700000", f"{CLOCK}=powersave"),
    "OperatingPoint.milliwatt": matters("big.operating_points.0.milliwatt=700", f"{CLOCK}=powersave"),
    "OperatingPoint.busy_milliwatt": matters("big.operating_points.0.busy_milliwatt=[700, 900]", f"{CLOCK}=powersave"),
    "OperatingPoint.score": matters("big.operating_points.0.score=3", f"{BIG}; big.operating_points.0.score=1; big.operating_points.1.score=4; power.governor=powersave"),
    "PowerModel.active": matters("little.power.active=3 W"),
    "PowerModel.idle": matters("little.power.idle=3 W"),
    "PowerModel.coefficient": matters("big.power.coefficient=300", BIG),
    "Leakage.c1": matters("big.power.leakage.c1=0.002", f"{BIG}; big.power.leakage={{c1: 0.001, c2: 1000, gate: 0.1}}"),
    "Leakage.c2": matters("big.power.leakage.c2=900", f"{BIG}; big.power.leakage={{c1: 0.001, c2: 1000, gate: 0.1}}"),
    "Leakage.gate": matters("big.power.leakage.gate=0.2", f"{BIG}; big.power.leakage={{c1: 0.001, c2: 1000, gate: 0.1}}"),
    "Checkpoint.state": matters("little.checkpoint.state=2 MB", CHECKPOINTED),
    "Checkpoint.bandwidth": matters("little.checkpoint.bandwidth=2 GB/s", CHECKPOINTED),
    "Weights.capacity": matters("npu.weights.capacity=3 MB", "t.weights=2 MB; t.pin=npu; rival.wcet={npu: 1 ms}; rival.weights=2 MB"),
    "Weights.bandwidth": matters("npu.weights.bandwidth=2 GB/s", "t.weights=2 MB; t.pin=npu"),
    "Link.between": matters("platform.links.bus.between=[little, npu]", LINK, "graph"),
    "Link.latency": matters("platform.links.bus.latency=1 ms", LINK, "graph"),
    "Link.bandwidth": matters("platform.links.bus.bandwidth=5 MB/s", LINK, "graph"),
    "Link.trace": matters("platform.links.bus.trace=FOLDER/link.csv", LINK, "graph"),
    "BandwidthPoint.at": matters("platform.links.bus.trace.0.at=4 ms", f"{LINK}; platform.links.bus.trace=[{{at: 3 ms, bandwidth: 1 MB/s}}]", "graph"),
    "BandwidthPoint.bandwidth": matters("platform.links.bus.trace.0.bandwidth=2 MB/s", f"{LINK}; platform.links.bus.trace=[{{at: 3 ms, bandwidth: 1 MB/s}}]", "graph"),
    "Markov.to": matters("platform.links.bus.markov.to=[[0, 1, 0], [1, 0, 0], [1, 0, 0]]", f"{LINK}; platform.links.bus.markov={{states: [{{bandwidth: 1 MB/s, dwell: 3 ms}}, {{bandwidth: 9 MB/s, dwell: 3 ms}}, {{bandwidth: 5 MB/s, dwell: 3 ms}}]}}", "graph"),
    "BandwidthState.bandwidth": matters("platform.links.bus.markov.states.0.bandwidth=2 MB/s", f"{LINK}; platform.links.bus.markov={{states: [{{bandwidth: 1 MB/s, dwell: 3 ms}}, {{bandwidth: 9 MB/s, dwell: 3 ms}}]}}", "graph"),
    "BandwidthState.dwell": matters("platform.links.bus.markov.states.0.dwell=2 ms", f"{LINK}; platform.links.bus.markov={{states: [{{bandwidth: 1 MB/s, dwell: 3 ms}}, {{bandwidth: 9 MB/s, dwell: 3 ms}}]}}", "graph"),
    "Memory.bandwidth": matters("platform.memory.bandwidth=3 GB/s", f"{LITTLE}; t.memory={{bound: 0.5, demand: 1 GB/s}}"),
    "Memory.capacity": matters("platform.memory.capacity=3 MB", f"{STORE}; t.weights=2 MB; rival.weights=2 MB"),
    "Memory.load_bandwidth": matters("platform.memory.load_bandwidth=2 GB/s", f"{STORE}; t.weights=2 MB"),
    "Proportional.usable": matters("platform.memory.contention.usable=1", f"{LITTLE}; t.memory={{bound: 0.5, demand: 1 GB/s}}"),
    "PowerLaw.a": matters("platform.memory.contention.a=0.5", f"{CONTENDED}={{model: power-law, a: 0.2, b: 2}}"),
    "PowerLaw.b": matters("platform.memory.contention.b=1", f"{CONTENDED}={{model: power-law, a: 0.2, b: 2}}"),
    "Pair.victim": matters("platform.memory.contention.pairs.0.victim=big", f"{CONTENDED}={PAIRS}"),
    "Pair.beside": matters("platform.memory.contention.pairs.0.beside=npu", f"{CONTENDED}={PAIRS}"),
    "Pair.slowdown": matters("platform.memory.contention.pairs.0.slowdown=3", f"{CONTENDED}={PAIRS}"),
    "Pairwise.cap": matters("platform.memory.contention.cap=1.5", f"{CONTENDED}={PAIRS}"),
    "Pairwise.speedups": refused("platform.memory.contention.speedups=false", "allow it with 'speedups: true'", f"{CONTENDED}={PAIRS}; platform.memory.contention.speedups=true; platform.memory.contention.pairs.0.slowdown=0.5"),
    **{
        f"PccsProcessor.{key}": matters(f"platform.memory.contention.processors.little.{key}={value}", f"{CONTENDED}={PCCS}{more}")
        for key, value, more in (
            ("minor_below", 1.5, ""),
            ("intensive_from", 0.5, "; platform.memory.contention.processors.little.knee=1.5"),
            ("rate", 0.4, ""),
            ("balance", 0.2, ""),
            ("knee", 1.5, ""),
            ("minor_loss", 0.5, "; platform.memory.contention.processors.little.minor_below=1.5"),
        )
    },
    # a GPU, block by block
    "BlockLevel.sms": matters("gpu.block_level.sms=3", KERNELS),
    "BlockLevel.threads": matters("gpu.block_level.threads=1024", KERNELS),
    "BlockLevel.shared_memory": matters("gpu.block_level.shared_memory=64 kB", f"{KERNELS}; t.kernels.0.shared_memory=48 kB"),
    "BlockLevel.registers": matters("gpu.block_level.registers=65536", f"{KERNELS}; t.kernels.0.registers=64"),
    "BlockLevel.blocks": matters("gpu.block_level.blocks=2", KERNELS),
    "BlockLevel.max_threads": refused("gpu.block_level.max_threads=256", "can never run on an SM", KERNELS, "t"),
    "BlockLevel.max_shared_memory": refused("gpu.block_level.max_shared_memory=8 kB", "can never run on an SM", f"{KERNELS}; t.kernels.0.shared_memory=48 kB", "t"),
    "BlockLevel.max_registers": refused("gpu.block_level.max_registers=8", "can never run on an SM", f"{KERNELS}; t.kernels.0.registers=64", "t"),
    "BlockLevel.streams": matters("gpu.block_level.streams=1", f"{KERNELS}; {SIDE}"),
    "BlockLevel.null_stream": matters("gpu.block_level.null_stream=true", f"{KERNELS}; {SIDE}; t.context=shader"),
    "BlockLevel.priorities": matters("gpu.block_level.priorities=3", f"{KERNELS}; {SIDE}; t.context=shader; gpu.block_level.assign=criticality; gpu.block_level.streams=3; shader.criticality=hard; rival.wcet={{gpu: 2 ms}}; rival.criticality=firm; rival.context=shader"),
    "BlockLevel.assign": matters("gpu.block_level.assign=criticality", f"{KERNELS}; {SIDE}; t.context=shader; shader.criticality=hard"),
    "BlockLevel.copy_engines": matters("gpu.block_level.copy_engines=2", f"{COPIES}; {MOVES}"),
    "BlockLevel.copy_bandwidth": matters("gpu.block_level.copy_bandwidth=2 GB/s", "t.kernels=[{copy: in, size: 1 MB}]; t.wcet=null; gpu.block_level.copy_bandwidth=1 GB/s"),
    "BlockLevel.channels": matters("gpu.block_level.channels=1", f"{KERNELS}; {SIDE}; t.context=shader"),
    "BlockLevel.channel_order": matters("gpu.block_level.channel_order=lifo", f"{KERNELS}; {SIDE}; t.context=shader; gpu.block_level.channels=1; gpu.block_level.streams=4; t.instances=3"),
    "BlockLevel.launch": matters("gpu.block_level.launch=100 us", KERNELS),
    "BlockLevel.time_slice": matters("gpu.block_level.time_slice=1 ms", f"{KERNELS}; {SIDE}"),
    "BlockLevel.context_switch": matters("gpu.block_level.context_switch=100 us", f"{KERNELS}; {SIDE}; gpu.block_level.time_slice=1 ms"),
    "BlockLevel.mps": matters("gpu.block_level.mps={shader: 50}", f"{KERNELS}; {SIDE}"),
    "BlockLevel.sms_per_slice": matters("gpu.block_level.sms_per_slice=1", f"{KERNELS}; gpu.block_level.sms=14; gpu.block_level.mig=[3, 4]"),
    "BlockLevel.mig": matters("gpu.block_level.mig=[3, 4]", f"{KERNELS}; gpu.block_level.sms=14"),
    "BlockLevel.sms_per_tpc": matters("gpu.block_level.sms_per_tpc=1", f"{KERNELS}; gpu.block_level.sms=4; gpu.block_level.masks={{t: 1}}"),
    "BlockLevel.masks": matters("gpu.block_level.masks={t: 1}", f"{KERNELS}; gpu.block_level.sms=4"),
    "BlockLevel.placement": matters("gpu.block_level.placement=pack", f"{KERNELS}; gpu.block_level.shared_memory=64 kB; t.kernels=[{{blocks: 2, time: 1 ms, shared_memory: 32 kB}}]; shader.kernels=[{{blocks: 1, time: 1 ms, shared_memory: 48 kB}}]"),
    "BlockLevel.mode": matters("gpu.block_level.mode=fluid", f"{SIDE}; t.wcet=null; t.kernels=[{{blocks: 4, time: 1 ms, threads: 512}}]; shader.offset=300 us; t.context=shader"),
    "Waves.lanes": matters("gpu.block_level.waves.lanes=32", COMPUTED),
    "Waves.clock": matters("gpu.block_level.waves.clock=500 MHz", COMPUTED),
    "Waves.bandwidth": matters("gpu.block_level.waves.bandwidth=1 MB/s", COMPUTED),
    "AssumedKernels.length": matters("gpu.block_level.assumed_kernels.length=1 ms", f"t.pin=gpu.0; {SIDE}; t.context=shader"),
    "AssumedKernels.occupancy": matters("gpu.block_level.assumed_kernels.occupancy=0.3", f"t.pin=gpu.0; {SIDE}; t.context=shader"),
    "AssumedKernels.threads": matters("gpu.block_level.assumed_kernels.threads=1024", f"t.pin=gpu.0; {SIDE}; t.context=shader; gpu.block_level.assumed_kernels.occupancy=0.6"),
}

#: Keys of a network that hold where it is cut, and on a CPU cluster as one server, too.
CUT: list[Line] = [
    matters("t.network.runtime=ncnn-vulkan", "t.network={network: mobilenet_v2, runtime: ncnn}", "network"),
    matters("t.network.threads=1", "t.pin=big", "cut"),
    matters("t.network.runtime=ncnn-vulkan", "t.network.runtime=ncnn", "cut"),
    matters("t.network.precision=int8", "platform.name=snapdragon_8gen2; t.network.precision=fp16; t.pin=npu", "cut"),
]

PACKED = "scheduler={ordering: dm, placement: {name: first-fit, test: utilisation}}"

#: The parts of a scheduler, which its description names freely.
PARTS: list[Line] = [
    matters("scheduler.ordering=edf", BUSY),
    matters("scheduler.placement=earliest-finish", "t.processors=[big, little]; t.wcet={big: 6 ms, little: 9 ms}; t.period=9 ms; t.priority=9"),
    matters("scheduler.placement.test=response-times", f"{PACKED}; rival.wcet={{big: 27 ms}}; t.wcet={{big: 24 ms, little: 9 ms}}; t.period=20 ms"),
    matters("scheduler.preemption=nonpreemptive", f"{LITTLE}; t.priority=9"),
    matters("scheduler.adaptation=subflow", f"{GRAPH_OF_TWO}; {BUSY}; t.deadline=10 ms", "graph"),
    matters("scheduler.admission=drop-hopeless", f"{LITTLE}; t.deadline=7 ms"),
    matters("scheduler.speed=utilisation", f"{CLOCK}=userspace"),
    matters("scheduler.speed.period_ms=2", f"{CLOCK}=userspace; scheduler.speed={{name: utilisation, period_ms: 20}}"),
    matters("scheduler.speed.headroom=3", f"{CLOCK}=userspace; scheduler.speed={{name: utilisation, period_ms: 2}}"),
    matters("scheduler.speed=cycle-conserving", f"{CLOCK}=userspace; scheduler={{ordering: edf, placement: first-fit}}"),
    matters("scheduler.adaptation=subflow", f"{GRAPH_OF_TWO}; {BUSY}; t.deadline=10 ms; scheduler={{name: cbs}}", "graph"),
    matters("scheduler.admission=drop-hopeless", f"{LITTLE}; t.deadline=7 ms; scheduler={{name: cbs}}"),
    matters("scheduler.speed=utilisation", f"{CLOCK}=userspace; scheduler={{name: cbs}}"),
]

#: Keys that can have no effect beside others, and are refused.
BESIDE: list[Line] = [
    *(
        refused(f"t.{key}={value}", f"'{key}' has no effect on a task that another one triggers", TRIGGERED)
        for key, value in (("period", "9 ms"), ("rate", "9 Hz"), ("offset", "1 ms"), ("jitter", "1 ms"), ("count", "3"))
    ),
    *(
        refused(f"t.{key}={value}", f"'{key}' has no effect on a task with one 'release'", ONCE)
        for key, value in (("offset", "1 ms"), ("count", "3"), ("overlap", "true"))
    ),
    refused("t.server_period=9 ms", "without a 'budget'"),
    refused("t.budget=9 ms", "no effect under the file's own scheduler"),
    refused("reservable={kv_memory: 1 kB}", "no effect under the file's own scheduler, which reserves nothing"),
    refused("t.arrival={kind: spawned}", "no effect under the file's own scheduler, which spawns no jobs", "t.period=null; t.deadline=9 ms; t.arrival={kind: trace, times: [0 ms]}"),
    *(
        refused(f"t.{key}={value}", f"'{key}' has no effect on a task whose jobs the policy releases", "t.period=null; t.deadline=9 ms; t.arrival={kind: spawned}; scheduler=test-spawning")
        for key, value in (("period", "9 ms"), ("rate", "9 Hz"), ("offset", "1 ms"), ("jitter", "1 ms"))
    ),
    refused("t.batch={'2': 1.5}", "no effect under the file's own scheduler, which starts no batches"),
    refused("t.speedup={'1/2': 0.8}", "no effect under the file's own scheduler, which gives nobody a part", "t.processors=[npu]; npu.contexts=2"),
    Line("x.batch={'2': 1.5}", error="no effect under the file's own scheduler", shape="graph"),
    refused("t.inputs=[{t: {time: 1 ms, values: {sparsity: 0.5}}}]", "no effect under the file's own scheduler, which reads no values", place="t.inputs.0.t.values"),
    refused("t.inputs=[{t: {time: 1 ms}}]", "there is an 'execution', too", "t.execution={kind: uniform, low: 0.2}"),
    refused("t.inputs=[{t: {time: 1 ms}}]", "the 'arrival' has execution times, too", "t.arrival={kind: trace, times: [0 ms, 5 ms], execution: [1 ms, 2 ms]}"),
    refused("t.inputs=[{t: {time: 1 ms, values: {time: 0.5}}}]", "no side value can be called 'time'", place="t.inputs.0.t.values.time"),
    refused("t.inputs=[{u: {time: 1 ms}}]", "'u' is no node of it; known: t"),
    refused("t.inputs=[{t: {time: 1 ms}}, {t: {time: 1 ms, values: {sparsity: 0.5}}}]", "input 1 shows other values at 't'", "scheduler=test-reader"),
    Line("t.inputs=[{x: {time: 1 ms}}, {y: {time: 1 ms}}]", error="input 1 differs from the first in node 'x'", shape="graph"),
    Line("t.inputs=[{x: {time: 1 ms}, '0': {time: 1 ms}}]", error="a node is named and numbered", shape="graph"),
    refused("t.split={join: 1 ms}", "no effect under the file's own scheduler, which splits no nodes"),
    Line("x.split={join: 1 ms}", error="no effect under the file's own scheduler", shape="graph"),
    Line("x.split={join: 1 ms}", f"{APART}; x.pin=little", "it has no effect: it takes two processors", "graph"),
    refused("t.split={join: 1 ms}", "does not know how fast", f"{APART}; t.on_miss=drop_if_hopeless", "tasks.0.on_miss"),
    refused("t.split={join: 1 ms}", "is not split", "t.regions=[4 ms, 4 ms]; t.wcet={little: 8 ms}; scheduler.preemption=limited"),
    refused("t.batch={'2': 1.5}", "runs in no batch", "t.regions=[4 ms, 4 ms]; t.wcet={little: 8 ms}; scheduler.preemption=limited"),
    refused("t.execution={kind: uniform, low: 0.5}", "has execution times", "t.arrival={kind: trace, times: [0 ms], execution: [1 ms]}"),
    refused("t.execution={kind: uniform, low: 0.5}", "has execution times, too", "t.arrival={kind: trace, file: FOLDER/demands.csv}"),
    refused("t.decay=9 ms", "have no accuracy", "t.accuracy=null"),
    refused("t.difficulty={correlation: 0.5}", "have no accuracy", "t.accuracy=null"),
    refused("t.difficulty={reliability: 0.5}", "without exits"),
    Line("t.errors={}", error="either a 'correlation'", shape="exits"),
    Line("t.errors={correlation: 0, recorded: [{share: 1}]}", error="either a 'correlation'", shape="exits"),
    Line("t.errors={correlation: 0.99}", error="less than or equal to 0.95", shape="exits", place="tasks.0.errors.correlation"),
    Line("t.errors={recorded: [{share: 0.5}]}", error="the shares sum to 0.5, not to 1", shape="exits"),
    Line("t.errors.combine=average", f"t.errors={{recorded: {RECORDED}}}", "not by how much", "exits"),
    Line("t.errors={recorded: [{right: [z], share: 1}]}", error="names 'z', which is no member; known: x, y", shape="exits"),
    Line("t.errors={recorded: [{right: [x], share: 1}]}", error="'x' is right on 1 of the recorded inputs, and has an accuracy of 0.6", shape="exits"),
    Line("t.errors={correlation: 0, combine: majority}", error="of which a job runs one", shape="scaled"),
    Line("t.errors={correlation: 0, combine: majority}", "t.graph.edges=[]", "'y' does not wait for 'x'", "exits"),
    Line("t.errors=independent", "t.variants={choices: [{accuracy: 0.9}, {scale: 0.5, accuracy: 0.7}], switch: node}; t.accuracy=null", "write 'switch: start'", "graph"),
    Line("t.errors=independent", "t.variants={choices: [{}, {scale: 0.5}]}; t.accuracy=null", "how often each of its variants is right", "graph"),
    Line("t.errors=independent", "t.exits=[{node: y, accuracy: 0.9}]", "a single answer has nothing", "exits"),
    Line("t.errors=independent", "x.loss={npu: 0.1}", "which member a 'loss' makes err", "exits"),
    Line("t.errors=independent", "t.difficulty={predictor: 0.5}", "and these errors have nothing", "exits", "tasks.0.difficulty"),
    refused("t.loss={little: 0.1}", "needs the accuracy that it is lost from", "t.accuracy=null"),
    refused("t.variants=[{scale: 0.5, energy: 1 mJ}]", "goes with times of its own", "t.accuracy=null", "t.variants.0.energy"),
    refused("t.variants={choices: [{scale: 0.5}], shares: {t: 1}}", "where a job runs one variant", "t.accuracy=null", "t.variants.shares"),
    replace(refused("t.variants.1.kernels=[{blocks: 8, time: 1 ms}]", "no share of the full one's", "t.accuracy=null; t.variants=[{accuracy: 0.9}, {scale: 0.5}]", "t.variants.1.kernels"), shape="kernels"),
    replace(refused("t.variants.choices.1.kernels={x: [{blocks: 8, time: 1 ms}]}", "'x' has kernels of its own, and a share", f"{GRAPH_OF_TWO}; t.variants.choices.1={{nodes: {{x: 0.5}}}}", "t.variants.choices.1.kernels"), shape="graph"),
    replace(refused("t.kernels=[{blocks: 1, time: 1 ms}]", "all variants have kernels of their own", "t.variants.0.kernels=[{blocks: 1, time: 1 ms}]; t.wcet=null; t.kernels=null"), shape="versions"),
    replace(refused("t.energy=3 mJ", "all variants have an energy of their own", "t.variants.0.kernels=[{blocks: 1, time: 1 ms}]; t.wcet=null; t.kernels=null; t.variants.0.energy=1 mJ; t.variants.1.energy=2 mJ"), shape="versions"),
    refused("t.variants.switch=region", "needs nodes with 'regions'", "t.accuracy=null; t.variants={choices: [{scale: 1}, {scale: 0.5}]}"),
    refused("t.variants.choices.0.wcet={npu: 1 ms}", "as shares of one network", "t.accuracy=null; t.wcet={npu: 5 ms}; t.variants={choices: [{accuracy: 0.9}, {scale: 0.5}]}; t.regions=[2 ms, 3 ms]; t.variants.switch=region", "t.variants.switch"),
    refused("t.network.unsupported={gpu: [Conv]}", "that is not cut", "t.wcet=null; t.network={network: mobilenet_v2}"),
    refused("t.network.smallest=3", "without 'partition: units'", "t.wcet=null; t.network={network: mobilenet_v2}"),
    refused("t.threads=4", "stands with the network, too", "t.wcet=null; t.network={network: mobilenet_v2, threads: 4}"),
    refused("t.processors=[big]", "contradict each other", LITTLE),
    refused("t.pin=npu", "no processor of 'rk3588' that it may use", "t.wcet=null; t.graph={nodes: {y: {wcet: 1 ms}}}"),
    refused("t.weights=9 MB", "do not fit into 8 MB", f"t.wcet=null; t.graph={{nodes: {{x: {{{SMALL}}}, y: {{{SMALL}}}}}}}"),
    refused("power.governor={name: powersave, up: 0.5}", "no effect on the governor 'powersave'", "", "power.governor.up"),
    refused("scheduler.speed=utilisation", "clocks belong to the governor 'performance'", "", "power.governor"),
    refused("scheduler.speed=utilisation", "the system counts none", "power=null"),
    refused("scheduler={name: xrbench, speed: utilisation}", "takes no speed", "", "scheduler.speed"),
    refused("scheduler={name: xrbench, adaptation: subflow}", "takes no adaptation", "", "scheduler.adaptation"),
    refused("scheduler={name: xrbench, admission: drop-hopeless}", "takes no admission", "", "scheduler.admission"),
    refused("scheduler.placement.test=demand", "is of EDF, and the ordering is 'DeadlineMonotonic'", PACKED, "scheduler"),
    refused("gpu.block_level.context_switch=1 us", "without a 'time_slice'"),
    refused("gpu.block_level.channel_order=lifo", "without 'channels'"),
]
