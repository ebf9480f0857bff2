"""Measured execution times and what can be claimed of them: maxima, percentiles, tails; refused where a test fails."""

from __future__ import annotations

from rtsched.samples.reader import Series, read_series

__all__ = ["Series", "read_series"]
