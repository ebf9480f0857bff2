"""Labels: the keys that change no run. They name, explain and give sources; every other key has an effect.

`tests/test_keys.py` holds that: a key is listed here, or changes a run, or is refused.
"""

from __future__ import annotations

from rtsched.model.origin import Provenance

#: By model the keys that are labels. What is `assumed` (or `chosen`, or a note) stands on every output, too; what an
#: `origin` says words the verdict, and to what a `clock` holds only proofs and the runs beside them are bound.
LABELS: dict[str, tuple[str, ...]] = {
    "System": (
        "name",
        "id",
        "title",
        "why",
        "notes",
        "sources",
        "chosen",
        "assumed",
        "assumptions",
        "generated",
        "limits",
    ),
    "Task": ("name", "id", "clock", "misses", "sources", "assumed"),
    "JobModel": ("name",),
    "Chain": ("name", "id"),
    "Limit": ("of", "id", "max_utilisation"),
    "Misses": ("most", "of"),
    "Choice": ("name",),
    "Provenance": tuple(key for key in Provenance.model_fields if key not in ("kind", "margin")),
    "Platform": ("title", "notes", "sources", "assumed"),
    "Cluster": ("core", "model", "driver", "peak", "facts"),
    "Driver": ("name", "version", "order", "interrupts", "evidence"),
    "Validation": ("state", "owner", "how", "date"),
}
