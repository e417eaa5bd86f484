"""How much an account asks beside what honest accounts of its plan ask.

A plan says what somebody pays for, and a private plan that works like a factory is odd where a company's would not be.
What is compared is a day of an account's own with the busiest days of honest accounts of the same plan.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEEDS", "ratio"]

NEEDS = ("time", "registration.plan")


def ratio(requests: int, honest: NDArray[np.floating[Any]]) -> float | None:
    """Requests of a day over the median of `honest`; None where no honest account of the plan had such a day."""
    return requests / float(np.median(honest)) if len(honest) else None
