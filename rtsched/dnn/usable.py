"""Where the families of the catalogue run as they are, and what the others lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rtsched.dnn.families import Family
from rtsched.dnn.shares import can_be_shared
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.platform import Cluster, Platform


@dataclass(frozen=True)
class Standing:
    """What becomes of a family: the `platforms` on which a task may name it as it is, and else what is missing.

    `own`: a task that brings its own time may name it on any platform, with measured or estimated shares of that.
    """

    platforms: tuple[str, ...]
    own: str
    missing: str

    @property
    def text(self) -> str:
        """In words, for a list."""
        runs = f"runs on {', '.join(self.platforms)}" if self.platforms else self.missing
        own = f"{'elsewhere ' if self.platforms else ''}{self.own}" if self.own else ""
        return "; ".join(filter(None, (runs, own)))


def timed_platforms(
    families: Mapping[str, Family], tell: Callable[[InputError], None] | None = None
) -> dict[str, Platform]:
    """The platforms of the catalogue that some of these families have times for; a broken file raises, or is told."""
    timed = {name for family in families.values() for name in family.platforms}
    found: dict[str, Platform] = {}
    for name in catalogue.names("platforms"):
        try:
            platform = catalogue.load_platform(name)
        except InputError as error:
            if tell is None:
                raise
            tell(error)
            continue
        if timed & {platform.name, *platform.aliases}:
            found[name] = platform
    return found


def standing(family: Family, known: Mapping[str, Platform]) -> Standing:
    """Where a family runs among the platforms of the catalogue by name; their aliases count."""
    runs, whys = [], {}
    for name, platform in sorted(known.items()):
        places = (platform.name, *platform.aliases)
        if not set(places) & set(family.platforms):
            continue
        why = _lacks(family, places, platform.processors)
        if why:
            whys[name] = why
        else:
            runs.append(name)
    return Standing(tuple(runs), _own(family), "" if runs else _missing(family, whys, known))


def _own(family: Family) -> str:
    if family.relative:
        return "shares of a task's own time, measured"
    return "shares of a task's own time, estimated" if can_be_shared(family) else ""


def _missing(family: Family, whys: Mapping[str, str], known: Mapping[str, Platform]) -> str:
    """Why it runs nowhere as it is."""
    if not family.platforms:
        return "no times on any platform"
    foreign = [name for name in family.platforms if name not in known]
    lines = [f"refused on {name}: {why}" for name, why in whys.items()]
    if foreign:
        lines.append(f"{'' if whys else 'only '}has times on {', '.join(foreign)}, which the catalogue does not have")
    return "; ".join(lines)


def _lacks(family: Family, places: tuple[str, ...], clusters: Mapping[str, Cluster]) -> str:
    """What keeps its variants from a platform: no cluster on which all of them have a time that is one of it."""
    shared: set[str] | None = None
    why = ""
    for variant in family.variants(places):
        fits = set()
        for processor, threads in variant.threads.items():
            cluster = _cluster(processor, clusters)
            if cluster is None:
                why = why or f"times on {processor}, and it is not known on which cluster"
            elif threads > 1 and threads not in (clusters[cluster].threads or {}):
                why = why or f"times of {threads} threads on {processor}, which is no server"
            else:
                fits.add(cluster)
        shared = fits if shared is None else shared & fits
    return "" if shared else why or "no cluster has times of all its variants"


def _cluster(processor: str, clusters: Mapping[str, Cluster]) -> str | None:
    """The cluster of a row: itself, or the only one of its kind."""
    if processor in clusters:
        return processor
    alike = [name for name, cluster in clusters.items() if cluster.kind == processor]
    return alike[0] if len(alike) == 1 else None
