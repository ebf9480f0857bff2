"""`rtsched list`: every name, also beside broken files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from rtsched.cli import list_
from rtsched.registry import POLICIES, REGISTRY
from tests.cli.command import answer, ended

MINE = b"title: My own\nplatform: uniprocessor\ntasks:\n  - {name: a, wcet: 1 ms, period: 5 ms}\n"


def test_list_names_every_kind() -> None:
    known = answer("list")
    assert {"drone_xavier_nx", "adas_agx_orin", "dhall"} <= set(known["workloads"])
    assert {"rk3588", "snapdragon_865", "jetson_xavier_nx"} <= set(known["platforms"])
    registered = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["entry-points"]
    for kind in ("schedulers", "orderings", "placements", "adaptations", "admissions", "speeds", "metrics", "theorems"):
        assert set(known[kind]) >= set(registered[f"rtsched.{kind}"])
        assert all(line for line in known[kind].values())


def test_list_survives_broken_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name, content in (
        ("workloads", "broken.yaml", b"a: [1"),
        ("workloads", "mine.yaml", MINE),
        ("platforms", "folded.yaml", bytes(10)),
        ("platforms", "latency.csv", b"a,b\n1,2\n"),
        ("platforms", "variants.csv", b"\xff"),
        ("networks", "odd.csv", b"\xff"),
    ):
        (here / folder).mkdir(exist_ok=True)
        (here / folder / name).write_bytes(content)
    monkeypatch.setenv("RTSCHED_PATH", str(here))
    result = ended("list", "--json")
    assert result.exit_code == 0, result.stderr
    known = json.loads(result.stdout)
    assert known["workloads"]["mine"] == "My own"
    assert "broken" not in known["workloads"]
    assert {"drone_xavier_nx", "dhall"} <= set(known["workloads"])
    assert "rk3588" in known["platforms"]
    assert "yolov8n" in known["networks"]
    assert known["families"]
    for name in ("broken.yaml", "folded.yaml", "latency.csv", "variants.csv"):
        assert name in result.stderr


def test_what_is_read_from_a_source_is_what_an_import_says() -> None:
    """Of rtsched's own; what another brings, and what stands in no source as expected, is imported."""
    for kind in (*POLICIES, "exporter", "importer", "section"):
        for name in REGISTRY.names(kind):
            place = REGISTRY.own_place(kind, name)
            assert place is not None
            assert list_._written(*place), name
            if kind not in ("exporter", "section"):  # whose modules are many
                assert list_._written(*place) == list_._first_line(REGISTRY.find(kind, name))
    assert list_._written("rtsched.cli.list_", "missing") is None
    assert list_._written("rtsched.missing", "missing") is None


def test_what_a_process_registers_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine:
        """Mine.

        More.
        """

    monkeypatch.setitem(REGISTRY.own, ("ordering", "mine"), Mine)
    assert REGISTRY.own_place("ordering", "mine") is None
    assert list_._about("ordering", "mine") == "Mine."
