"""Admissions: which jobs are taken at all.

An admission is told the events of a scheduler before everybody else, and acts by ``soc.drop``: on release, or in
`settle` once all jobs of an instant are there, or later, when it finds that a job is in vain. What may also choose
variants is an adaptation; one that refuses jobs may stand in the place of an admission, too.
"""

from __future__ import annotations

from rtsched.schedulers.part import Part


class Admission(Part):
    """A rule of which jobs run. Override the events it needs, and drop there what is not taken.

    A dropped job is a miss; proofs know nothing of any admission.
    """

    kind = "admission"
