"""What if it ran elsewhere: a system on other boards, in other power modes, under other policies, each analysed."""

from rtsched.alternatives.search import alternatives

__all__ = ["alternatives"]
