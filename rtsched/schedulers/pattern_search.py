"""A pattern search over two parameters while a policy runs: each point is tried, and told what it cost."""

from __future__ import annotations

Point = tuple[float, float]


class PatternSearch:
    """Try a point and its four neighbours at `radius`, step to the cheapest (the first of equals), halve the radius.

    Points lie in [0, `most`] x [0, `most`]. After so many `steps` the best of the last one stays.

    >>> search = PatternSearch((1.0, 1.0), radius=0.5, most=2.0, steps=2)
    >>> while search.left:
    ...     search.tell(abs(search.point[0] - 1.75) + abs(search.point[1] - 0.5))
    >>> search.point
    (1.75, 1.0)
    """

    def __init__(self, start: Point, radius: float, most: float, steps: int) -> None:
        self.best = start
        self.radius = radius
        self.most = most
        self.left = steps
        self._begin()

    @property
    def point(self) -> Point:
        """What to run with now."""
        return self.trials[len(self.costs)] if self.left else self.best

    def tell(self, cost: float) -> None:
        """What running with `point` has cost."""
        self.costs.append(cost)
        if len(self.costs) == len(self.trials):
            self.best = self.trials[self.costs.index(min(self.costs))]
            self.radius /= 2
            self.left -= 1
            self._begin()

    def _begin(self) -> None:
        (one, other), radius = self.best, self.radius
        moves = [
            (one, other),
            (one + radius, other),
            (one - radius, other),
            (one, other + radius),
            (one, other - radius),
        ]
        self.trials = list(dict.fromkeys((self._within(first), self._within(second)) for first, second in moves))
        self.costs: list[float] = []

    def _within(self, value: float) -> float:
        return min(self.most, max(0.0, value))
