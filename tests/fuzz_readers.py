"""What reads each format that rtsched reads, and valid inputs of it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz_mutations import WORDS

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"

#: What an error may be: so many lines of so many characters.
LINES, LONGEST = 21, 2000


@dataclass(frozen=True)
class Format:
    """A kind of input: its seeds (valid inputs), how they may be mutated, and what reads them; None skips a seed."""

    seeds: Callable[[], list[bytes]]
    kind: str
    read: Callable[[Path, random.Random], Any]
    name: str = "input"


def refusals() -> type[Exception]:
    from rtsched.errors import RtschedError

    return RtschedError


def _bounded(text: str) -> None:
    lines = text.split("\n")
    assert len(lines) <= LINES, f"an error of {len(lines)} lines: {lines[0][:200]}"
    longest = max(lines, key=len)
    assert len(longest) <= LONGEST, f"an error of {len(longest)} characters: {longest[:200]}"
    odd = {char for line in lines for char in line if not char.isprintable()}
    assert not odd, f"an error with the characters {sorted(odd)!r}: {longest[:300]!r}"


def complain(error: Exception) -> None:
    """The text of a refusal must be one that a person can read."""
    assert str(error).strip(), f"an error without a text: {error!r}"
    _bounded(str(error))


# ---- what reads ------------------------------------------------------------------------------------------------------


def _run(source: Any, **options: Any) -> None:
    import rtsched

    rtsched.summary(rtsched.simulate(source, **options)).to_dict()


def _system(path: Path, _: random.Random) -> None:
    _run(str(path))


def _platform(path: Path, random_: random.Random) -> None:
    """On any processor, on each one by name, and a network's operators."""
    from rtsched.model import catalogue
    from rtsched.show.platform import describe_platform

    platform = catalogue.load_platform(str(path))
    describe_platform(str(path))
    task: dict[str, Any] = {"name": "a", "wcet": "2 ms", "period": "10 ms"}
    other = {"name": "b", "wcet": dict.fromkeys(platform.processors, "1 ms"), "period": "15 ms"}
    network = {"name": "c", "network": "mobilenet_v2", "period": "50 ms"}
    tasks = random_.choice(([task], [other], [task, other], [network, other]))
    _run({"platform": str(path), "simulate": {"until": "100 ms"}, "power": {}, "tasks": tasks})


def _onnx(path: Path, _: random.Random) -> None:
    from rtsched.dnn import cost, network_file, onnx

    network = onnx.load(path)
    cost.unknown(network)
    json.dumps(network_file.as_data(network))
    written = path.with_suffix(".csv")
    written.write_text(network_file.write(network), encoding="utf-8")
    network_file.read(written)


def _network(path: Path, random_: random.Random) -> None:
    from rtsched.dnn import cost, network_file

    cost.unknown(network_file.read(path))
    chosen: Any = random_.choice((str(path), {"network": str(path), "partition": 3}))
    _run({"platform": "snapdragon_8gen2", "tasks": [{"name": "a", "network": chosen, "period": "99 ms"}]})


def _table(name: str, path: Path) -> None:
    """Puts a table into the user's own folder, which RTSCHED_PATH names."""
    folder = Path(os.environ["RTSCHED_PATH"]) / "platforms"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    path.rename(folder / name)


def _latency(path: Path, _: random.Random) -> None:
    from rtsched.model import catalogue

    _table("latency.csv", path)
    table = Path(os.environ["RTSCHED_PATH"]) / "platforms" / "latency.csv"
    rows = list(catalogue._latencies(table, catalogue.read_text(table)))
    catalogue.latency_table = lambda: rows  # type: ignore[assignment]
    if not rows:
        return
    first = rows[0]
    network = {"network": first["network"], "input": first["input"] or None, "precision": first["precision"] or None}
    task = {"name": "a", "network": network, "period": "90 ms"}
    _run({"platform": first["platform"], "simulate": {"until": "200 ms"}, "tasks": [task]})


def _variants(path: Path, _: random.Random) -> None:
    from rtsched.dnn import families

    _table("variants.csv", path)
    for row in families.variant_rows()[:3]:
        task = {"name": "a", "period": "50 ms", "variants": {"family": row.family}}
        try:
            _run({"platform": "jetson_agx_orin_64", "simulate": {"until": "100 ms"}, "tasks": [task]})
        except refusals() as error:
            complain(error)


def _exits(path: Path, _: random.Random) -> None:
    from rtsched.dnn import exits

    _table("exits.csv", path)
    for name in list(exits.exit_rows())[:50]:
        try:
            exits.exit_family(name, "task 'a'")
        except refusals() as error:
            complain(error)


def _foreign(path: Path, _: random.Random) -> None:
    from rtsched.importers import import_file
    from rtsched.model.config import to_yaml

    found = import_file(str(path))
    for warning in found.warnings:
        _bounded(warning)
    to_yaml(found.system)
    _run(found.system)


def _arrivals(path: Path, random_: random.Random) -> None:
    task = random_.choice(
        (
            {"arrival": {"kind": "trace", "file": str(path)}},
            {"period": "5 ms", "execution": {"kind": "empirical", "file": str(path), "column": "execution"}},
        )
    )
    _run(
        {
            "platform": "uniprocessor",
            "simulate": {"until": "50 ms"},
            "tasks": [{"name": "a", "wcet": "3 ms", "deadline": "9 ms", **task}],
        }
    )


def _jobs(path: Path, _: random.Random) -> None:
    _run({"platform": "uniprocessor", "jobs": str(path)})


def _link(path: Path, _: random.Random) -> None:
    platform = {
        "processors": {"cpu": {}, "cloud": {"kind": "gpu"}},
        "links": {"wifi": {"between": ["cpu", "cloud"], "bandwidth": "1 MB/s", "trace": str(path)}},
    }
    nodes = {"x": {"wcet": {"cpu": "1 ms"}}, "y": {"wcet": {"cloud": "1 ms"}}}
    graph = {"nodes": nodes, "edges": [{"from": "x", "to": "y", "bytes": "20 kB"}]}
    _run({"platform": platform, "tasks": [{"name": "a", "period": "50 ms", "graph": graph}]})


def _job_set(path: Path, random_: random.Random) -> None:
    from rtsched.schedulability.theorems import job_sets

    folder = DATA / "corpus" / "np_jobsets"
    which = random_.randrange(3)
    given: list[Path | None] = [folder / "abort.jobs.csv", None, folder / "abort.actions.csv"]
    given = [folder / "fig1a.csv", folder / "fig1a.prec.csv", None] if which == 1 else given
    given[which] = path
    job_sets.read_csv(given[0], given[1], given[2])


def _set(path: Path, _: random.Random) -> None:
    import rtsched
    from tests.test_keys import world

    system = path.parent / "world.yaml"
    if not system.exists():
        system.write_text(world("graph"), encoding="utf-8")
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    _run(rtsched.load(system, overrides=text.split("\n")[:5]))


def _scheduler(path: Path, random_: random.Random) -> None:
    from rtsched import api

    text = path.read_bytes().decode("utf-8", "surrogateescape")
    api.policy(text, code=False)
    system = random_.choice(("graham", "burns_wellings", "drone_exits"))
    _run(system, scheduler=api.scheduler(text, code=False), until="100 ms")


def _replay(path: Path, _: random.Random) -> None:
    from rtsched.verify import fuzz

    found = fuzz.read(path)
    fuzz.broken(found, found.system, found.scheduler, effort=1)


def _profile(path: Path, random_: random.Random) -> None:
    """The table that a measurement is put into, and the shapes on the command line."""
    from rtsched.cli.profile import read_shape
    from rtsched.dnn import profiler
    from rtsched.model.document import read_text

    times = profiler.figures([1000.0, 2000.0])
    row = profiler.table_row(profiler.Profile("net", 1, "x=1x3", times, ()), "board", "cpu")
    profiler.merged(read_text(path), path, row)
    read_shape(random_.choice(WORDS) + random_.choice(("", "=", "=1x3", "=1x")) + random_.choice(WORDS))


# ---- seeds -----------------------------------------------------------------------------------------------------------


def _files(*patterns: str, most: int = 60_000) -> list[bytes]:
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.stat().st_size <= most)
    assert paths, patterns
    return [path.read_bytes() for path in paths]


def _rows(path: str, *words: str, most: int = 40) -> list[bytes]:
    """The header of a table, with rows that hold one of the words."""
    header, *rows = (ROOT / path).read_text(encoding="utf-8").splitlines()
    found = [row for row in rows if not words or any(word in row for word in words)][:most]
    return ["\n".join([header, *found, ""]).encode(), "\n".join([header, *found[:2], ""]).encode()]


def _key_settings() -> list[tuple[str, list[str]]]:
    """The settings that test every key of a system file, with the shape of the task that they want."""
    from tests.key_lines import BESIDE, KEYS, NODE, TASK

    lines = [*KEYS.values(), *NODE.values(), *BESIDE]
    lines += [line for by_shape in TASK.values() for line in by_shape.values()]
    found = [
        (
            "graph" if line in NODE.values() else line.shape,
            [each for each in f"{line.beside}; {line.change}".split("; ") if each],
        )
        for line in lines
    ]
    return [(shape, settings) for shape, settings in found if not any("FOLDER" in each for each in settings)]


def _systems() -> list[bytes]:
    from tests.test_keys import document

    return _files("workloads/*.yaml") + [document(shape, *settings)[0].encode() for shape, settings in _key_settings()]


def _settings() -> list[bytes]:
    from tests.test_keys import SHORT

    lines = [setting for _, settings in _key_settings() for setting in settings]
    found = []
    for line in dict.fromkeys(lines):
        first, dot, rest = line.partition(".")
        found.append((SHORT.get(first, first) + dot + rest).encode())
    return found


def _schedulers() -> list[bytes]:
    from rtsched.registry import PARTS, REGISTRY

    names = [name for kind in ("scheduler", *PARTS) for name in REGISTRY.names(kind)]
    more = [
        "rm+first-fit+nonpreemptive", "ordering=edf,placement=global", "{ordering: {name: rr, quantum: 4 ms}}",
        "{name: cbs}", "{ordering: edf, placement: clustered, preemption: limited, adaptation: fixed}",
        "edf+nonpreemptive+rtscale-style", "{name: edf+early-exit, adaptation: {name: early-exit}}",
    ]  # fmt: skip
    return [each.encode() for each in (*names, *more)]


def _replays() -> list[bytes]:
    from rtsched.verify.examine import Violation
    from rtsched.verify.fuzz import Found, case

    violation = Violation("np-fp-rta", "bound", "a", 1, 2, "pattern", "text")
    drawn = [(number, case(5, number)) for number in range(12)]
    found = [Found(number, 5, violation, each.system, each.scheduler, False, each.document) for number, each in drawn]
    return [json.dumps(each.to_dict()).encode() for each in found]


def _models() -> list[bytes]:
    return _files("tests/data/graphs_more/*.onnx", "tests/data/graphs/kws_ds_cnn_s.onnx", most=20_000)


_TRACES = (
    b"release_us,deadline_ms,execution_us\n0,9,3000\n9000,9,2000\n12000,4,1500\n",
    b"release,execution\n0 ms,1 ms\n3 ms,2 ms\n3.5 ms,700 us\n",
)
_JOBS = (b"name,release_ms,wcet_ms,deadline_ms,priority\nj,1,2,9,3\nk,2,1,4,1\n",)
_LINKS = (b"at_ms,bandwidth\n0,2 MB/s\n20,300 kB/s\n30,5 MB/s\n",)

FORMATS: dict[str, Format] = {
    "system": Format(_systems, "yaml", _system, "input.yaml"),
    "platform": Format(lambda: _files("platforms/*.yaml"), "yaml", _platform, "input.yaml"),
    "onnx": Format(_models, "onnx", _onnx, "input.onnx"),
    "network": Format(lambda: _files("networks/*.csv"), "csv", _network, "input.csv"),
    "latency": Format(
        lambda: [
            table
            for name in ("jetson_xavier_nx", "rk3588", "snapdragon_855")
            for table in _rows("platforms/latency.csv", name)
        ],
        "csv",
        _latency,
    ),
    "variants": Format(lambda: _rows("platforms/variants.csv", "fcn_resnet18_cityscapes", "lenet"), "csv", _variants),
    "exits": Format(lambda: _rows("platforms/exits.csv"), "csv", _exits),
    "amalthea": Format(lambda: _files("tests/data/import/*.amxmi"), "text", _foreign, "input.amxmi"),
    "mast": Format(lambda: _files("tests/data/import/*.mast"), "text", _foreign, "input.mast"),
    "mast-xml": Format(lambda: _files("tests/data/import/box.xml"), "text", _foreign, "input.xml"),
    "simso": Format(lambda: _files("tests/data/import/simso*.xml"), "text", _foreign, "input.xml"),
    "rtapp": Format(lambda: _files("tests/data/import/*.json"), "json", _foreign, "input.json"),
    "arrivals": Format(lambda: list(_TRACES), "csv", _arrivals, "input.csv"),
    "jobs": Format(lambda: list(_JOBS), "csv", _jobs, "input.csv"),
    "link": Format(lambda: list(_LINKS), "csv", _link, "input.csv"),
    "jobset": Format(lambda: _files("tests/data/corpus/np_jobsets/*.csv"), "csv", _job_set, "input.csv"),
    "set": Format(_settings, "text", _set),
    "scheduler": Format(_schedulers, "text", _scheduler),
    "replay": Format(_replays, "json", _replay, "input.json"),
    "profile": Format(lambda: _rows("platforms/latency.csv", "jetson_xavier_nx"), "csv", _profile, "input.csv"),
}
