"""Admissions: which jobs are taken at all."""

from __future__ import annotations

from rtsched.schedulers.adaptations.base import Adaptation


class Admission(Adaptation):
    """A rule of which jobs are taken: told the same events as an adaptation, it drops those that it refuses.

    It acts by ``soc.drop``, in `settle` at the latest, and stands beside an ordering, a placement and an adaptation.
    """
