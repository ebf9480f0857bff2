"""Regions and critical sections of a node: from the execution time that they are written for to what the node takes.

Both are measured like the time that stands beside them, at the reference speed (a looked-up network: in its own time),
and take as much longer or shorter as that does on a processor of another speed or with several threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.taskgraph import NodeSpec, SectionSpec
from rtsched.model.work import Section, Work


def lower_pieces(
    what: str, work: Work, written: Iterable[int], time: int, resources: Mapping[str, object]
) -> tuple[tuple[int, ...], tuple[SectionSpec, ...]]:
    """The regions and sections of a node that takes `time` ns, where the file gives it the times `written`."""
    if not (work.regions or work.sections):
        return (), ()
    references = set(written)
    if len(references) > 1:
        raise InputError(f"{what}: regions and sections need one execution time; pin it, or name one cluster")
    reference = references.pop()
    regions = work.regions or ()
    if regions and sum(regions) != reference:
        raise InputError(
            f"{what}: the regions sum to {_shown(sum(regions))}, its execution time is {_shown(reference)}; "
            "make them equal"
        )
    sections = _sections(what, work.sections, reference, resources)
    if time == reference:
        return regions, sections
    ends = [end * time // reference for end in accumulate(regions)]
    scaled = [
        replace(each, start=each.start * time // reference, end=each.end * time // reference) for each in sections
    ]
    return between(ends), tuple(each for each in scaled if each.start < each.end)


def _shown(time: int) -> str:
    return units.format_duration(time, digits=6)


def between(ends: Sequence[int]) -> tuple[int, ...]:
    """The lengths between successive ends; pieces that are shorter than a nanosecond are none."""
    return tuple(end - before for before, end in pairwise((0, *ends)) if end > before)


def _sections(
    what: str, given: Sequence[Section], length: int, resources: Mapping[str, object]
) -> tuple[SectionSpec, ...]:
    """The critical sections, inside the node and nested like brackets."""
    found: list[SectionSpec] = []
    for section in sorted(given, key=lambda section: (section.start, -section.length)):
        end = section.start + section.length
        if section.resource not in resources:
            raise InputError(
                f"{what}: section names the resource {section.resource!r}, which is not declared; "
                f"add 'resources: {{{section.resource}: {{protocol: inheritance}}}}'"
            )
        if end > length:
            raise InputError(
                f"{what}: the section of {section.resource!r} ends after the node does, at {_shown(end)} of "
                f"{_shown(length)}; shorten it"
            )
        for other in found:
            if section.start < other.end and (end > other.end or section.resource == other.resource):
                raise InputError(
                    f"{what}: the sections of {other.resource!r} and {section.resource!r} overlap; nest them"
                )
        found.append(SectionSpec(section.resource, section.start, end))
    return tuple(found)


def cut_pieces(what: str, node: NodeSpec, stages: Sequence[NodeSpec]) -> tuple[NodeSpec, ...]:
    """The `stages` of a node in a row, each with its part of the node's regions and sections.

    A stage begins with a region of its own. InputError for a section that goes over the end of a stage.
    """
    found = []
    begin = 0
    for stage in stages:
        end = begin + stage.fastest
        last = stage is stages[-1]
        ends = [at - begin for at in accumulate(node.regions) if begin < at < end]
        own = [each for each in node.sections if each.start < end or last]
        own = [each for each in own if each.end > begin]
        for each in own:
            if each.start < begin or (each.end > end and not last):
                raise InputError(
                    f"{what}: the section of {each.resource!r} goes from {_shown(each.start)} to {_shown(each.end)}, "
                    f"over an exit; a job may leave there, so let it end before"
                )
        sections = [replace(each, start=each.start - begin, end=min(each.end, end) - begin) for each in own]
        found.append(
            replace(
                stage,
                regions=between([*ends, end - begin]) if node.regions else (),
                sections=tuple(each for each in sections if each.start < each.end),
            )
        )
        begin = end
    return tuple(found)
