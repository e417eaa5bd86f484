"""How many different things an account's newest requests are about.

People stay with a subject for a while; whoever wants a model's whole ability asks about everything. So does a company
with a thousand users behind one key.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from stillhouse.guard.features.content import Content, matrix

__all__ = ["NEEDS", "coverage"]

NEEDS = ("request",)


def coverage(contents: Sequence[Content]) -> float | None:
    """The effective number of subjects, 1 to n: one over the mean cosine of all pairs, each with itself too (Leinster
    and Cobbold, Ecology 93, 2012, order 2, with cosines as similarities). None of none with words.
    """
    rows = matrix([one for one in contents if one])
    if not rows.shape[0]:
        return None
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    total = np.asarray((sp.diags(1.0 / lengths) @ rows).sum(axis=0)).ravel()
    return float(rows.shape[0] ** 2 / (total @ total))
