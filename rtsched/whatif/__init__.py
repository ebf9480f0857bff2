"""What would have met a deadline: a changed system, simulated again."""

from rtsched.whatif.ask import what_if

__all__ = ["what_if"]
