"""Does a model do what it is told, where that can be seen without judging the content?

The instructions are those of IFEval (Zhou et al., arXiv 2311.07911): 25 kinds such as "no commas" or "at least three
bullets", each with a check in a few lines. The checks here are written anew from the paper's descriptions; where its
authors' program needs a sentence splitter or a language detector, ours is simpler, and says so at the check.
"""

from stillhouse.distill.following.checks import INSTRUCTIONS, followed
from stillhouse.distill.following.prompts import FollowingPrompt, following_prompts, read_following
from stillhouse.distill.following.score import following_scores

__all__ = [
    "INSTRUCTIONS",
    "FollowingPrompt",
    "followed",
    "following_prompts",
    "following_scores",
    "read_following",
]
