"""Numbers in, evidence out: nothing here knows of models, text or files.

So a statistician can review it alone, and whatever claims a number anywhere in the package computes its
uncertainty in the same place.
"""

from stillhouse.stats.bootstrap import Interval, ratio_of_sums, wilson

__all__ = ["Interval", "ratio_of_sums", "wilson"]
