"""The statistics of experiments: intervals, paired tests, effect sizes; docs/statistics.md says which where and why.

Everything takes plain numbers. Independent units are runs or task sets, never the jobs of one run.
"""

from rtsched.experiment.statistics.acceptance import (
    Discordance,
    OddsRatio,
    Shares,
    mcnemar,
    odds_ratio,
    weighted_schedulability,
)
from rtsched.experiment.statistics.intervals import (
    Band,
    band,
    interval,
    is_bounded,
    proportion,
    ratio,
    rule_of_three,
    wilson,
)
from rtsched.experiment.statistics.paired import cohens_d, differences, fewest_pairs, holm, sign_flip, superiority
from rtsched.experiment.statistics.resampling import bootstrap, paired_bootstrap

__all__ = [
    "Band",
    "Discordance",
    "OddsRatio",
    "Shares",
    "band",
    "bootstrap",
    "cohens_d",
    "differences",
    "fewest_pairs",
    "holm",
    "interval",
    "is_bounded",
    "mcnemar",
    "odds_ratio",
    "paired_bootstrap",
    "proportion",
    "ratio",
    "rule_of_three",
    "sign_flip",
    "superiority",
    "weighted_schedulability",
    "wilson",
]
