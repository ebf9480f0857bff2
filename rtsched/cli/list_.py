"""``rtsched list``: what is known by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtsched.cli import options
from rtsched.cli.console import echo, echo_json, fitted
from rtsched.columns import listed
from rtsched.errors import InputError
from rtsched.visible import visible

if TYPE_CHECKING:
    from rtsched.schedulability.theorem import Theorem

KINDS = (
    "workloads",
    "platforms",
    "networks",
    "schedulers",
    "orderings",
    "placements",
    "adaptations",
    "admissions",
    "speeds",
    "protocols",
    "families",
    "theorems",
    "metrics",
    "exporters",
    "importers",
    "sections",
)


@click.command(name="list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@options.as_json()
def list_(kind: str | None, as_json: bool) -> None:
    """List what is known: workloads, platforms, networks, variant families, schedulers and their parts.

    Also locking protocols, theorems, metrics, and what else a package may bring: exporters, importers, sections of
    reports.
    """
    answer: dict[str, dict[str, str]] = {}
    for each in [kind] if kind else KINDS:
        try:
            answer[each] = _known(each)
        except InputError as error:  # one broken file or package hides nothing else
            _warn(error)
            answer[each] = {}
    if as_json:
        echo_json({"format": 1, **answer})
        return
    for each, rows in answer.items():
        echo(each)
        if rows:
            echo(fitted(_columns, rows))


def _columns(rows: dict[str, str]) -> str:
    return "\n".join(listed([(visible(name), visible(line)) for name, line in rows.items()], indent="  "))


def _warn(error: InputError) -> None:
    echo(str(error), err=True)


def _known(kind: str) -> dict[str, str]:
    """Names and one line each; what cannot be read is told on standard error."""
    from rtsched.model import catalogue

    if kind in ("workloads", "platforms"):
        return _lines(catalogue.names(kind), lambda name: catalogue.title(kind, name))
    if kind == "families":
        return _families()
    if kind == "protocols":
        from rtsched.show.protocols import PROTOCOLS

        return {name: about.title for name, about in PROTOCOLS.items()}
    if kind == "theorems":
        from rtsched.schedulability.theorem import theorems

        return {name: _theorem(theorem) for name, theorem in theorems().items()}
    if kind == "networks":
        found: dict[str, set[str]] = {}
        for row in catalogue.latency_table(_warn):
            found.setdefault(row["network"], set()).add(row["platform"])
        for name in catalogue.network_names():
            found.setdefault(name, set()).add("its operators")
        return {name: ", ".join(sorted(found[name])) for name in sorted(found)}
    from rtsched.registry import REGISTRY

    if kind == "metrics":
        from rtsched.metrics.metric import find

        return _lines(REGISTRY.names("metric"), lambda name: find(name).line)
    single = kind.removesuffix("s")
    return _lines(REGISTRY.names(single), lambda name: _about(single, name))


def _families() -> dict[str, str]:
    """What varies in each family, and where it runs or what it lacks."""
    from rtsched.dnn.families import load_families, variant_rows
    from rtsched.dnn.usable import standing, timed_platforms

    families = load_families(variant_rows(_warn))
    known = timed_platforms(families, _warn)
    return {name: f"{family.title}; {standing(family, known).text}" for name, family in sorted(families.items())}


def _theorem(theorem: Theorem) -> str:
    whose = f" (claimed by package {theorem.package})" if theorem.package else ""
    return f"{theorem.strength}: {theorem.title}{whose}"


def _lines(names: Iterable[str], line: Callable[[str], str]) -> dict[str, str]:
    """The line of every name; those that have none, since they are broken, are told on standard error."""
    found = {}
    for name in names:
        try:
            found[name] = line(name)
        except InputError as error:
            _warn(error)
    return found


def _about(kind: str, name: str) -> str:
    """The first line of what something says of itself; of rtsched's own as it is written, without importing it."""
    from rtsched.registry import REGISTRY

    place = REGISTRY.own_place(kind, name)
    written = None if place is None else _written(*place)
    return _first_line(REGISTRY.find(kind, name)) if written is None else written


def _written(module: str, name: str) -> str | None:
    """The first line of the docstring of a class or function in its source; None where only an import can tell."""
    path = Path(__file__).parents[2].joinpath(*module.split(".")).with_suffix(".py")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(rf'^(?:class|def) {re.escape(name)}\b[^"\']*:\n    """([^"\\\n]+)', text, re.MULTILINE)
    return None if found is None else found[1].strip()


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]
