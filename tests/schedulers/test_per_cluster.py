"""Clusters with orderings and modes of their own: what serves which queue, what is refused, and how it is told."""

from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.description import clusters_of, parts_of
from rtsched.errors import InputError, SchedulerError
from rtsched.schedulers.orderings.base import Ordering
from rtsched.schedulers.orderings.fixed_priority import FixedPriority
from rtsched.schedulers.per_cluster import ClusterRule, PerCluster

#: Two cores that can be preempted at any time, and an NPU that cannot.
CHIP = {
    "name": "chip",
    "processors": {"cpu": {"kind": "cpu"}, "dsp": {"kind": "cpu"}, "npu": {"kind": "npu"}},
}


def system(scheduler: Any, tasks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    platform = more.pop("platform", CHIP)
    return {"platform": platform, "scheduler": scheduler, "simulate": {"until": "20 ms"}, "tasks": tasks, **more}


def late_and_urgent(*clusters: str) -> list[dict[str, Any]]:
    """On each cluster a long task that is there first, and an urgent one that comes a millisecond later."""
    tasks = []
    for cluster in clusters:
        tasks += [
            {"name": f"long {cluster}", "priority": 5, "wcet": {cluster: "5 ms"}, "period": "20 ms", "offset": "1 ms"},
            {"name": f"short {cluster}", "priority": 1, "wcet": {cluster: "2 ms"}, "period": "20 ms", "offset": "2 ms"},
            {"name": f"first {cluster}", "priority": 9, "wcet": {cluster: "3 ms"}, "period": "20 ms"},
        ]
    return tasks


def ends(trace: Any) -> dict[str, int]:
    """When the first job of each task ended, in ms."""
    names = [task.name for task in trace.system.tasks]
    found: dict[str, int] = {}
    for task, finish in zip(trace.jobs["task"], trace.jobs["finish"], strict=True):
        found.setdefault(names[int(task)], int(finish) // 10**6)
    return found


def test_each_cluster_serves_its_queue_by_its_own_ordering_and_mode() -> None:
    scheduler = {
        "ordering": "fp",
        "dsp": {"ordering": "fifo"},
        "npu": {"ordering": "fp"},
    }
    found = ends(rtsched.simulate(system(scheduler, late_and_urgent("cpu", "dsp", "npu"))))
    assert [found[f"{name} cpu"] for name in ("first", "long", "short")] == [10, 8, 4]  # the urgent displaces both
    assert [found[f"{name} dsp"] for name in ("first", "long", "short")] == [
        3,
        8,
        10,
    ]  # in the order in which they came
    assert [found[f"{name} npu"] for name in ("first", "long", "short")] == [3, 10, 5]  # by urgency, never interrupted


def test_a_mode_of_a_cluster_stands_beside_that_of_the_others() -> None:
    tasks = late_and_urgent("cpu", "dsp")
    found = ends(rtsched.simulate(system({"ordering": "fp", "dsp": {"preemption": "nonpreemptive"}}, tasks)))
    assert [found[f"{name} cpu"] for name in ("first", "long", "short")] == [10, 8, 4]
    assert [found[f"{name} dsp"] for name in ("first", "long", "short")] == [3, 10, 5]
    found = ends(rtsched.simulate(system({"name": "fp+nonpreemptive", "dsp": {"preemption": "preemptive"}}, tasks)))
    assert [found[f"{name} cpu"] for name in ("first", "long", "short")] == [3, 10, 5]
    assert [found[f"{name} dsp"] for name in ("first", "long", "short")] == [10, 8, 4]


def test_regions_end_where_the_cluster_says_so() -> None:
    tasks = [
        {"name": f"low {cluster}", "priority": 2, "period": "20 ms",
         "graph": {"nodes": {"n": {"wcet": {cluster: "4 ms"}, "regions": ["2 ms", "2 ms"]}}}}
        for cluster in ("cpu", "dsp")
    ]  # fmt: skip
    tasks += [
        {"name": f"high {cluster}", "priority": 1, "wcet": {cluster: "1 ms"}, "period": "20 ms", "offset": "1 ms"}
        for cluster in ("cpu", "dsp")
    ]
    found = ends(rtsched.simulate(system({"name": "fp+nonpreemptive", "dsp": {"preemption": "limited"}}, tasks)))
    assert (found["high cpu"], found["low cpu"]) == (5, 4)
    assert (found["high dsp"], found["low dsp"]) == (3, 5)


def test_all_ways_of_writing_it_are_one() -> None:
    one = {"npu": {"ordering": "fifo", "preemption": "nonpreemptive"}}
    for text in ("fp+npu=fifo+npu.preemption=nonpreemptive", "fp+npu.ordering=fifo+npu.preemption=nonpreemptive"):
        assert clusters_of(parts_of(text)) == one
    assert clusters_of({"ordering": "fp", "npu": "fifo+nonpreemptive"}) == one
    assert clusters_of({"ordering": "fp", "npu": {"name": "fifo", "preemption": "nonpreemptive"}}) == one
    assert str(api.policy("fp+npu=fifo")) == "npu: fifo · others: fp + global, preemptive"
    told = api.policy({"cpu": {"ordering": "fp"}, "npu": {"ordering": "fifo", "preemption": "limited"}})
    assert str(told).startswith("cpu: fp · npu: fifo, limited · others: edf + global, preemptive")
    tasks = late_and_urgent("cpu", "dsp", "npu")
    traces = [rtsched.simulate(system(text, tasks)) for text in ("fp", "fp+npu=fp+dsp=fp")]
    assert traces[0].slices.tobytes() == traces[1].slices.tobytes()


def test_clusters_of_one_rule_share_a_queue_and_those_of_two_do_not() -> None:
    tasks = [{"name": "free", "wcet": {"cpu": "1 ms", "dsp": "1 ms"}, "period": "5 ms"}]
    rtsched.simulate(system("edf+cpu=fp+dsp=fp", tasks))
    with pytest.raises(SchedulerError, match="task 'free' may run on 'cpu' and on 'dsp', whose queues are served by"):
        rtsched.simulate(system("fp+dsp=fifo", tasks))
    rtsched.simulate(system("fp+dsp=fifo+first-fit", tasks))
    trace = rtsched.simulate(system("fp+dsp=fifo+earliest-finish", tasks))  # chooses the queue, and so the rule
    assert not trace.check()


@pytest.mark.parametrize(
    ("scheduler", "why"),
    [
        ({"ordering": "fp", "gpu": "fifo"}, r"'gpu' is no part of a scheduler \(ordering.*no cluster of this platform \(cpu, dsp, npu\)"),
        ({"ordering": "fp", "npu": {"placement": "global"}}, "an ordering and a preemption of its own, no placement"),
        ({"ordering": "fp", "npu": 3}, "as a cluster it has an ordering"),
        ({"ordering": "fp", "npu": "fifi"}, "nothing is called 'fifi'; did you mean 'fifo'"),
        ({"ordering": "fp", "npu": "first-fit"}, "no placement"),
        ({"ordering": "fp", "npu": {"preemption": "sometimes"}}, "npu: preemption 'sometimes' is not one of"),
        ({"name": "cbs", "npu": "fifo"}, "scheduler 'cbs' has no parameter 'npu'"),
        ({"ordering": "fp", "speed": "fifo"}, "no speed is called 'fifo'"),  # a part's name is the part
        ({"ordering": "edf", "npu": "fifo", "speed": "cycle-conserving"}, "preemptive EDF only"),
        ({"ordering": "fp", "npu": "fifo", "placement": {"name": "first-fit", "test": "fp-rta"}}, "fp-rta"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(scheduler: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        rtsched.simulate(system(scheduler, late_and_urgent("npu")))


def test_a_file_names_no_code_for_a_cluster(tmp_path: Any) -> None:
    path = tmp_path / "a.yaml"
    text = "platform: uniprocessor\nscheduler: {{cpu: {}}}\ntasks: [{{name: a, wcet: 1 ms, period: 2 ms}}]\n"
    for value in ("'os:system'", "{ordering: 'os:system'}", "{ordering: {name: 'os:system'}}"):
        path.write_text(text.format(value), encoding="utf-8")
        with pytest.raises(InputError, match="names code, which a file may not"):
            rtsched.load(path)


def locked(protocol: str, *clusters: str) -> dict[str, Any]:
    section = [{"resource": "bus", "start": "0 ms", "length": "1 ms"}]
    tasks = [
        {"name": f"t{index}", "priority": index, "period": "10 ms",
         "graph": {"nodes": {"n": {"wcet": {cluster: "2 ms"}, "sections": section}}}}
        for index, cluster in enumerate(clusters)
    ]  # fmt: skip
    return system("fp+dsp=fifo", tasks, resources={"bus": {"protocol": protocol}})


@pytest.mark.parametrize("protocol", ["inheritance", "ceiling"])
def test_what_a_lock_lends_has_to_mean_something(protocol: str) -> None:
    rtsched.simulate(locked(protocol, "cpu", "cpu"))
    with pytest.raises(SchedulerError, match="resource 'bus' is used on clusters whose queues have other orderings"):
        rtsched.simulate(locked(protocol, "cpu", "dsp"))
    rtsched.simulate(locked("none", "cpu", "dsp"))


def test_ceilings_need_fixed_priorities_where_the_lock_is() -> None:
    with pytest.raises(SchedulerError, match="has no fixed priorities"):
        rtsched.simulate(locked("ceiling", "dsp", "dsp"))


def test_an_explanation_goes_by_the_rule_of_the_queue() -> None:
    trace = rtsched.simulate(system("fp+dsp=fifo", late_and_urgent("cpu", "dsp")), reasons=True)
    text = str(trace.explain("short dsp", 0))
    assert "behind long dsp[0] on dsp, ahead of it in the FIFO queue (ready time at 1 ms, before 2 ms)" in text
    text = str(trace.explain("long cpu", 0))
    assert "behind short cpu[0] on cpu, more urgent (priority 1, before 5)" in text


def test_levels_that_do_not_compare_never_meet() -> None:
    """Ranks of one cluster may be of another kind than those of the next."""
    trace = rtsched.simulate(system("edf+dsp=fp+npu=fifo", late_and_urgent("cpu", "dsp", "npu")), reasons=True)
    from rtsched.page.queues import _rows

    assert len(_rows(trace)) >= 9


def test_tasks_stand_by_cluster_and_by_priority_where_it_has_any() -> None:
    tasks = late_and_urgent("npu", "cpu", "dsp")
    names = [each["name"] for each in tasks]

    def ranked(scheduler: str) -> list[str]:
        return [names[index] for index in rtsched.simulate(system(scheduler, tasks)).ranking]

    assert ranked("edf") == ranked("edf+npu=fifo") == []  # as in the file
    assert ranked("edf+dsp=fp+npu=fifo") == [
        "long cpu", "short cpu", "first cpu", "short dsp", "long dsp", "first dsp", "long npu", "short npu", "first npu"
    ]  # fmt: skip


class LastComeFirst(Ordering):
    """Somebody else's: last come, first served; it counts what it hears of."""

    heard_of = 0

    def key(self, segment: Any) -> tuple[Any, ...]:
        return (-segment.since,)

    def on_release(self, job: Any) -> None:
        type(self).heard_of += 1


LastComeFirst.__module__ = "somebody"


def test_an_ordering_of_somebody_elses_serves_one_cluster() -> None:
    made = PerCluster({"dsp": ClusterRule(LastComeFirst(), "nonpreemptive")}, ordering=FixedPriority())
    found = ends(rtsched.simulate(system("edf", late_and_urgent("cpu", "dsp")), scheduler=made))
    assert [found[f"{name} dsp"] for name in ("first", "long", "short")] == [3, 10, 5]
    assert [found[f"{name} cpu"] for name in ("first", "long", "short")] == [10, 8, 4]
    assert LastComeFirst.heard_of == 6
    assert made.policy({}).clusters[0].acts == "LastComeFirst"


def test_beside_an_adaptation_a_planner_and_what_waits_for_expected_times() -> None:
    scheduler = {
        "ordering": "fp",
        "dsp": {"ordering": "sjf"},
        "npu": "lst",
        "adaptation": "anytime",
        "placement": "clustered",
    }
    decided = {"core": "cpu", "cost": "10 us"}
    trace = rtsched.simulate(system(scheduler, late_and_urgent("cpu", "dsp", "npu"), planner=decided))
    assert not trace.check()
    assert ends(trace)["long dsp"] == ends(rtsched.simulate(system("sjf", late_and_urgent("dsp"))))["long dsp"]
