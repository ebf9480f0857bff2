"""MAST models (mast.unican.es), text or XML: transactions of activities on servers of fixed priority, or under EDF.

What has the same meaning here is carried over, what only describes more is warned of, and what would change a verdict
is refused by name: networks, servers that poll or replenish, events in bursts, handlers that fork or join.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import groupby
from typing import Any, Final, NoReturn

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers import mastxml
from rtsched.importers.common import ImportResult, build, read_source, time
from rtsched.importers.importer import importer
from rtsched.importers.mastlocks import LockedSpans
from rtsched.importers.masttext import MastValue, parse
from rtsched.model.document import cut

#: The keys that are read, or that cannot matter to a worst case, by element; others are warned about.
KNOWN: Final[dict[str, set[str]]] = {
    "processing_resource": {"type", "name", "worst_context_switch", "speed_factor"},
    "scheduler": {"type", "name", "host", "policy"},
    "scheduling_server": {"type", "name", "server_sched_parameters", "server_processing_resource", "scheduler"},
    "shared_resource": {"type", "name"},
    "operation": {
        "type", "name", "worst_case_execution_time", "composite_operation_list", "shared_resources_list",
        "shared_resources_to_lock", "shared_resources_to_unlock", "average_case_execution_time",
    },
    "transaction": {"type", "name", "external_events", "internal_events", "event_handlers"},
}  # fmt: skip
#: What says how large, how early or how often in the middle: no worst case asks for it.
SILENT: Final = (
    "avg_", "best_", "max_priority", "min_priority", "max_interrupt_priority", "min_interrupt_priority",
    "preassigned", "ceiling", "worst_isr_switch",
)  # fmt: skip
PROCESSORS: Final = ("fixed_priority_processor", "regular_processor")
DEADLINES: Final = ("hard_global_deadline", "soft_global_deadline")
#: Policies of servers that are fixed priorities; those of interrupts lie above all others of their processor.
PRIORITIES: Final = ("fixed_priority_policy", "interrupt_fp_policy", "non_preemptible_fp_policy")
#: Handlers that are activities; without a timer's overhead, which is refused, the second is one, too.
ACTIVITIES: Final = ("activity", "system_timed_activity")
#: Context switches that an activity is charged, as in MAST's analyses: to it and back.
SWITCHES: Final = 2
#: Operations of all transactions with all that they contain written out.
MOST_STEPS: Final = 50_000


@importer(".mast", root="MAST_MODEL")
def read(path: str, text: str | None = None) -> ImportResult:
    """The system of a MAST model (`text`, if it has been read already). Raises InputError with file and line."""
    text = read_source(path) if text is None else text
    as_xml = text.lstrip("\ufeff \t\r\n").startswith("<")
    return _Reader(path, mastxml.parse(path, text) if as_xml else parse(path, text)).system()


class _Reader:
    """One file on its way to a system."""

    def __init__(self, path: str, elements: list[tuple[str, MastValue]]) -> None:
        self.path = path
        self.warnings = ["MAST's times have no unit: they are taken for milliseconds"]
        self.steps = 0
        self.priorities: dict[str, tuple[set[int], list[int], list[int]]] = {}
        self.found: dict[str, dict[str, MastValue]] = {kind: {} for kind in KNOWN}
        for kind, item in elements:
            if kind == "model":
                continue
            if kind not in KNOWN:
                self.fail(item, f"the element {cut(kind)} is not known here; remove it")
            name = item.text("name")
            if not name or name.lower() in self.found[kind]:
                self.fail(item, f"{kind}: {f'two are called {cut(name)}' if name else 'its name is missing'}")
            self.found[kind][name.lower()] = item
            self.unread(kind, item)

    def fail(self, item: MastValue, what: str) -> NoReturn:
        raise InputError(f"{self.path}:{item.line}: {what}")

    def unread(self, kind: str, item: MastValue) -> None:
        for key, _ in item.pairs:
            if key not in KNOWN[kind] and not key.startswith(SILENT):
                self.warnings.append(f"{kind} {item.text('name')}: {key!r} is not carried over")

    def one(self, kind: str, name: str, asker: MastValue) -> MastValue:
        """An element by its name."""
        found = self.found[kind].get(name.lower())
        if found is None:
            self.fail(asker, f"there is no {kind} called {cut(name)!r}; add it")
        return found

    def ms(self, item: MastValue, key: str, default: str | None = None) -> int:
        """A time of a key in ns."""
        word = item.text(key, default or "")
        if not word:
            self.fail(item, f"{key} is missing; add it")
        return time(word, "ms", f"{self.path}:{item.line}: {key}")

    # ---- the system ----------------------------------------------------------------------------------------------

    def system(self) -> ImportResult:
        """The whole system."""
        if not self.found["transaction"]:
            raise InputError(f"{self.path}: has no transaction, so nothing runs; add one")
        for item in self.found["processing_resource"].values():
            self.processor(item)
        tasks: list[dict[str, Any]] = []
        chains: list[dict[str, Any]] = []
        for item in self.found["transaction"].values():
            parts = self.transaction(item)
            tasks += parts
            if len(parts) > 1:
                names = [part["name"] for part in parts]
                chains.append({"name": item.text("name"), "tasks": names, "max_latency": parts[0]["deadline"]})
        orderings = {task.pop("ordering") for task in tasks}
        if len(orderings) > 1:
            raise InputError(f"{self.path}: some servers have fixed priorities and some EDF; split the file")
        used = {section["resource"] for task in tasks for section in task.get("sections", ())}
        names = [item.text("name") for item in self.found["processing_resource"].values()]
        data = {
            "platform": {"name": "mast", "processors": {name: {"kind": "cpu", "cores": 1} for name in names}},
            "scheduler": {"ordering": orderings.pop(), "placement": "pinned"},
            "resources": {
                item.text("name"): {"protocol": self.protocol(item)}
                for item in self.found["shared_resource"].values() if item.text("name") in used
            },
            "tasks": tasks,
            "chains": chains,
        }  # fmt: skip
        return build(self.path, data, self.warnings)

    def processor(self, item: MastValue) -> None:
        """Refuse processors that are none."""
        if item.type not in PROCESSORS:
            self.fail(item, f"processing resource of type {cut(item.type)}: networks are not carried over; remove it")
        if self.speed(item) != 1 and self.switch(item, None):
            self.fail(item, "its speed_factor is not 1, and it has context switches; divide the execution times by it")
        if item.get("system_timer") is not None:
            self.fail(item, "the overhead of its system_timer is not carried over; add it to the execution times")

    def protocol(self, item: MastValue) -> str:
        """The protocol of a shared resource."""
        kinds = {"immediate_ceiling_resource": "ceiling", "priority_inheritance_resource": "inheritance"}
        if item.type not in kinds:
            self.fail(item, f"shared resource of type {cut(item.type)}: it is not carried over; take a ceiling")
        return kinds[item.type]

    def speed(self, processor: MastValue) -> Fraction:
        """How fast a processor is: execution times are divided by it."""
        try:
            speed = Decimal(processor.text("speed_factor", "1"))
        except InvalidOperation:
            speed = Decimal(0)
        if not speed.is_finite() or not Decimal("1e-6") <= speed <= 10**6:
            self.fail(processor, "its speed_factor is no number from 0.000001 to 1000000; correct it")
        return Fraction(speed)

    def switch(self, processor: MastValue, server: MastValue | None) -> int:
        """What the context switches of an activity cost: those of the processor, its scheduler or its interrupts."""
        if server is not None and self.parameters(server).type == "interrupt_fp_policy":
            return SWITCHES * self.ms(processor, "worst_isr_switch", "0")
        longest = self.ms(processor, "worst_context_switch", "0")
        for scheduler in self.found["scheduler"].values():
            policy = scheduler.get("policy")
            if policy is not None and scheduler.text("host").lower() == processor.text("name").lower():
                longest = max(longest, self.ms(policy, "worst_context_switch", "0"))
        return SWITCHES * longest

    def transaction(self, item: MastValue) -> list[dict[str, Any]]:
        """A transaction as tasks, each released by the end of the one before: a task for each change of servers."""
        name = item.text("name")
        if item.type != "regular":
            self.fail(item, f"transaction {cut(name)} of type {cut(item.type)}: only regular ones are carried over")
        events = self.part(item, "external_events")
        if len(events) != 1:
            self.fail(item, f"transaction {cut(name)} has {len(events)} external events; split it")
        activities = self.activities(item, events[0].text("name"))
        deadline = self.deadline(item, activities, events[0])
        groups = [
            list(group) for _, group in groupby(activities, key=lambda each: each.text("activity_server").lower())
        ]
        arrivals = self.arrivals(events[0])
        parts: list[dict[str, Any]] = []
        for number, group in enumerate(groups, 1):
            part = self.task(item, group, deadline)
            part.update(arrivals if not parts else {"after": parts[-1]["name"]})
            if len(groups) > 1:
                part["name"] = f"{name}.{number}"
                if part["ordering"] == "edf":
                    self.fail(item, f"transaction {cut(name)} goes over several servers under EDF: not carried over")
            parts.append(part)
        return parts

    def task(self, item: MastValue, activities: list[MastValue], deadline: tuple[int, str]) -> dict[str, Any]:
        """Activities on one server as a task."""
        name = item.text("name")
        server = self.one("scheduling_server", activities[0].text("activity_server"), activities[0])
        processor = self.one("processing_resource", self.host(server), server)
        switch = self.switch(processor, server)
        if switch:
            self.warnings.append(
                "each activity is charged two context switches of the worst length, as MAST does: in its execution time"
            )
        total, held = 0, LockedSpans(self.fail)
        for activity in activities:
            total += switch // 2
            total = self.operation(activity.text("activity_operation"), activity, set(), total, held)
            total += switch - switch // 2
        if not total:
            self.fail(item, f"transaction {cut(name)} takes no time; give its operations some")
        if held.since:
            self.fail(
                item, f"transaction {cut(name)} never unlocks {cut(next(iter(held.since)))} on its server; let it"
            )
        speed = self.speed(processor)
        if speed != 1:
            self.warnings.append("execution times are divided by the speed_factor of the processor, and rounded up")
        end = -(-total // speed)
        sections = []
        for resource, locked, unlocked in held.sections:
            start = int(locked // speed)
            length = min(-(-unlocked // speed), end) - start
            if length:
                sections.append({
                    "resource": resource, "start": units.format_duration(start),
                    "length": units.format_duration(length),
                })  # fmt: skip
        return {
            "name": name,
            "wcet": {processor.text("name"): units.format_duration(end)},
            **self.policy(server, processor, deadline),
            "sections": sections,
        }

    def part(self, item: MastValue, key: str) -> list[MastValue]:
        found = item.get(key)
        if found is None or not found.members():
            self.fail(item, f"transaction {cut(item.text('name'))} has no {key}; add some")
        return found.members()

    def host(self, server: MastValue) -> str:
        """The processor of a server: its own, or that of its primary scheduler."""
        if server.get("scheduler") is None:
            return server.text("server_processing_resource")
        scheduler = self.one("scheduler", server.text("scheduler"), server)
        if scheduler.type != "primary_scheduler":
            self.fail(scheduler, f"scheduler of type {cut(scheduler.type)}: only primary ones are carried over")
        return scheduler.text("host")

    def activities(self, item: MastValue, event: str) -> list[MastValue]:
        """The activities from the external event on, one after the other."""
        left = self.part(item, "event_handlers")
        for handler in left:
            if handler.type not in ACTIVITIES:
                self.fail(
                    handler, f"event handler of type {cut(handler.type)}: it is not carried over; only activities are"
                )
        order: list[MastValue] = []
        while left:
            following = [each for each in left if each.text("input_event").lower() == event.lower()]
            if len(following) != 1:
                self.fail(
                    item,
                    f"transaction {cut(item.text('name'))}: {len(following)} activities follow {cut(event)!r}, not one",
                )
            order.append(following[0])
            left = [each for each in left if each is not following[0]]
            event = following[0].text("output_event")
        return order

    def operation(self, name: str, asker: MastValue, above: set[str], at: int, held: LockedSpans) -> int:
        """When an operation that begins at `at` ends; what it locks and unlocks goes to `held`."""
        item = self.one("operation", name, asker)
        if name.lower() in above or len(above) > 30:
            self.fail(item, f"operation {cut(name)} contains itself; correct it")
        self.steps += 1
        if self.steps > MOST_STEPS:
            self.fail(asker, f"the operations of all transactions come to more than {MOST_STEPS} steps; call less")
        if item.get("new_sched_parameters") is not None:
            self.fail(item, f"operation {cut(name)} overrides the priority of its server: not carried over")
        start = at
        held.lock(self.names(item, "shared_resources_to_lock"), item, at)
        within = self.names(item, "shared_resources_list")
        held.lock(within, item, at)
        inner = self.words(item, "composite_operation_list")
        if item.type not in ("simple", "enclosing") and (item.type != "composite" or not inner):
            self.fail(item, f"operation of type {cut(item.type)}: it is not carried over")
        for each in inner:
            at = self.operation(each, item, above | {name.lower()}, at, held)
        if item.type != "composite":
            end = start + self.ms(item, "worst_case_execution_time")
            if end < at:
                self.fail(item, f"operation {cut(name)} encloses more than its own time; correct it")
            at = end
        held.unlock(within, item, at)
        held.unlock(self.names(item, "shared_resources_to_unlock"), item, at)
        return at

    def words(self, item: MastValue, key: str) -> list[str]:
        """The words of a list."""
        listed = item.get(key)
        return [each.word for each in listed.values] if listed is not None else []

    def names(self, item: MastValue, key: str) -> list[str]:
        """The shared resources of a list, by the names that they have."""
        return [self.one("shared_resource", each, item).text("name") for each in self.words(item, key)]

    def arrivals(self, event: MastValue) -> dict[str, Any]:
        """When a transaction begins."""
        if event.type == "periodic":
            keys = {"period": "period", "max_jitter": "jitter", "phase": "offset"}
            found = {ours: self.ms(event, theirs, "0" if theirs != "period" else None) for theirs, ours in keys.items()}
            return {key: units.format_duration(value) for key, value in found.items() if value}
        if event.type == "sporadic":
            return {
                "period": units.format_duration(self.ms(event, "min_interarrival")), "arrival": {"kind": "sporadic"},
            }  # fmt: skip
        self.fail(event, f"external event of type {cut(event.type)}: only periodic and sporadic ones have a bound here")

    def deadline(self, item: MastValue, activities: list[MastValue], event: MastValue) -> tuple[int, str]:
        """The deadline and the criticality of the end of a transaction."""
        last = activities[-1].text("output_event").lower()
        found = None
        for internal in self.part(item, "internal_events"):
            required = internal.get("timing_requirements")
            if required is None:
                continue
            if internal.text("name").lower() != last or required.type not in DEADLINES:
                what = f"requirement {cut(required.type)} of {cut(internal.text('name'))}"
                self.fail(required, f"{what}: only global deadlines of the last event are carried over")
            if required.text("referenced_event").lower() != event.text("name").lower():
                self.fail(required, "its deadline counts from another event than the first: not carried over")
            found = self.ms(required, "deadline"), "hard" if required.type.startswith("hard") else "soft"
        if found is None:
            self.fail(item, f"transaction {cut(item.text('name'))} has no deadline; give its last event one")
        return found

    def parameters(self, server: MastValue) -> MastValue:
        """By which policy a server is scheduled."""
        parameters = server.get("server_sched_parameters")
        if parameters is None:
            self.fail(server, f"server {cut(server.text('name'))} has no server_sched_parameters; add them")
        return parameters

    def policy(self, server: MastValue, processor: MastValue, required: tuple[int, str]) -> dict[str, Any]:
        """The ordering, the priority (the largest is first there, the smallest here) and the deadline."""
        parameters = self.parameters(server)
        common = {"deadline": units.format_duration(required[0]), "criticality": required[1]}
        if parameters.type in PRIORITIES:
            word = parameters.text("the_priority")
            if not word.isascii() or not word.isdecimal() or len(word) > 9:
                self.fail(parameters, "the_priority is no whole number; assign priorities first")
            self.check_priority(parameters, processor.text("name"), int(word))
            apart = {"preemptive": False} if parameters.type.startswith("non") else {}
            return {**common, **apart, "priority": -int(word), "ordering": "fp"}
        if parameters.type == "edf_policy":
            if self.ms(parameters, "deadline") != required[0]:
                self.fail(parameters, "its scheduling deadline is not that of its transaction: not carried over")
            return {**common, "ordering": "edf"}
        self.fail(
            parameters, f"policy {cut(parameters.type)}: it is not carried over; only fixed priorities and EDF are"
        )

    def check_priority(self, parameters: MastValue, processor: str, priority: int) -> None:
        """Refuse equal priorities, served first come first there and in the file's order here, and interrupts below."""
        taken, tasks, interrupts = self.priorities.setdefault(processor, (set(), [], []))
        if priority in taken:
            self.fail(
                parameters,
                f"two servers of {cut(processor)} have the priority {priority}, or one serves twice, and are served "
                "first come first there; give each its own",
            )
        taken.add(priority)
        if parameters.type == "interrupt_fp_policy":
            interrupts[:] = [min([priority, *interrupts])]
        else:
            tasks[:] = [max([priority, *tasks])]
        if interrupts and tasks and interrupts[0] < tasks[0]:
            self.fail(
                parameters, f"an interrupt of {cut(processor)} is less urgent than a task; correct the priorities"
            )
