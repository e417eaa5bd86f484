"""Settings that people's programs do not set."""

from typing import Any

import pytest

from stillhouse.guard.features.sampling import Oddity, oddities


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({"temperature": 0.7, "max_tokens": 512, "stream": True}, 0),
        ({"seed": 0}, Oddity.SEED),
        ({"seed": None, "n": 1, "logprobs": False, "logit_bias": {}}, 0),
        # An API would refuse these values; what is set is odd, whatever becomes of it.
        ({"seed": True, "logit_bias": "x"}, Oddity.SEED | Oddity.BIAS),
        ({"logprobs": "maybe"}, Oddity.PROBABILITIES),
        ({"seed": "7", "n": "4", "max_tokens": "1"}, 0),
        ({"n": 4}, Oddity.SEVERAL),
        ({"best_of": 2, "n": "4"}, Oddity.SEVERAL),
        ({"logprobs": True, "top_logprobs": 20}, Oddity.PROBABILITIES),
        ({"logprobs": 5}, Oddity.PROBABILITIES),
        (
            {"max_tokens": 1, "top_logprobs": 5, "logit_bias": {"17": -100}},
            Oddity.SINGLE | Oddity.PROBABILITIES | Oddity.BIAS,
        ),
    ],
)
def test_oddities(request_: dict[str, Any], found: int) -> None:
    assert oddities(request_) == found
