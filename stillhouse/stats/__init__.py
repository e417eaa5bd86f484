"""Numbers in, evidence out: nothing here knows of models, text or files.

So a statistician can review it alone, and whatever claims a number anywhere in the package computes its
uncertainty in the same place.
"""

from stillhouse.stats.agreement import agreement
from stillhouse.stats.bootstrap import Interval, ratio_of_sums, wilson
from stillhouse.stats.paired import PairedChange, holm, paired_change

__all__ = ["Interval", "PairedChange", "agreement", "holm", "paired_change", "ratio_of_sums", "wilson"]
