"""What a policy may claim of itself, beyond what every policy must keep: ``rtsched check-scheduler`` holds it to that.

A class says so by `claims`; a composed policy claims what all of its parts claim. Whoever says nothing claims nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from rtsched.errors import InputError

#: Every claim, and what it means; docs/conformance.md says in which systems each is asked for.
CLAIMS = {
    "work-conserving": "no processor idles beside a ready segment that has its place there",
    "bounded-inversion": "nothing less urgent begins, or keeps a processor it can be taken off, beside something more "
    "urgent that waits for that processor; `key(segment)` says how urgent, smaller first",
    "sustainable-execution": "an execution that is shorter than planned makes no job later",
    "sustainable-release": "a release that is later makes no other job later",
    "sustainable-processors": "one processor more makes no job later",
    "monotone": "a job alone with a longer deadline never has a worse answer in time",
    "symmetric": "names, and the order in which tasks are declared, decide only between equals",
}

#: Of an order that is served wherever it can be: nobody idles or goes first without need, and only equals are told
#: apart by their place.
GREEDY = frozenset(("work-conserving", "bounded-inversion", "monotone", "symmetric"))
#: Of one in which the rank of a job never changes, the preemptive schedule of independent jobs is predictable: Ha and
#: Liu, "Validating timing constraints in multiprocessor and distributed real-time systems", ICDCS 1994.
PREDICTABLE = GREEDY | {"sustainable-execution", "sustainable-processors"}


def claims_of(policy: Any) -> frozenset[str]:
    """What one class of policies, or of parts, says of itself; a stranger's has to say it in its own class.

    Raises InputError for what is no claim.
    """
    kind = type(policy)
    told = kind.__module__.startswith("rtsched.") or "claims" in vars(kind)
    claims = policy.claims if told else frozenset()
    if isinstance(claims, str) or not isinstance(claims, Iterable):
        raise InputError(f"{kind.__name__}: claims is a set of names (found {claims!r}); e.g. {{'work-conserving'}}")
    for claim in claims:
        if claim not in CLAIMS:
            close = difflib.get_close_matches(str(claim), CLAIMS, n=1, cutoff=0.0)[0]
            raise InputError(f"{kind.__name__}: claims {claim!r}, which nobody can check; did you mean {close!r}?")
    return frozenset(claims)
