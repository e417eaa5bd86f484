"""Numbers in, evidence out: nothing here knows of models, text or files.

So a statistician can review it alone, and whatever claims a number anywhere in the package computes its
uncertainty in the same place.
"""

from stillhouse.stats.agreement import krippendorff_alpha
from stillhouse.stats.bootstrap import Interval, ratio_of_sums, wilson
from stillhouse.stats.exact import lower_share, upper_share
from stillhouse.stats.label_agreement import label_agreement
from stillhouse.stats.paired import PairedChange, holm, net_loss_bounds, paired_change
from stillhouse.stats.position import PositionEffect, position_effect
from stillhouse.stats.rank import spearman_within
from stillhouse.stats.share import mean_share, win_rate
from stillhouse.stats.sums import of_sums

__all__ = [
    "Interval",
    "PairedChange",
    "PositionEffect",
    "holm",
    "krippendorff_alpha",
    "label_agreement",
    "lower_share",
    "mean_share",
    "net_loss_bounds",
    "of_sums",
    "paired_change",
    "position_effect",
    "ratio_of_sums",
    "spearman_within",
    "upper_share",
    "wilson",
    "win_rate",
]
