"""Labels: the keys that change no run. They name, explain and give sources; every other key has an effect.

`tests/test_keys.py` holds that: a key is listed here, or changes a run, or is refused.
"""

from __future__ import annotations

#: By model the keys that are labels. What is `assumed` (or `chosen`, or a note) stands on every output, too.
LABELS: dict[str, tuple[str, ...]] = {
    "System": ("name", "id", "title", "why", "notes", "sources", "chosen", "assumed", "generated"),
    "Task": ("name", "id", "sources", "assumed"),
    "JobModel": ("name",),
    "Chain": ("name", "id"),
    "Choice": ("name",),
    "Platform": ("title", "notes", "sources", "assumed"),
    "Cluster": ("core", "model", "peak", "facts"),
}
