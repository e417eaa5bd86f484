"""Where an answer's tokens are predicted, by hand."""

import torch

from stillhouse.distill.batching import micro_batches
from stillhouse.distill.rollout import Rollout


def rollout(prompt: tuple[int, ...], answer: tuple[int, ...]) -> Rollout:
    return Rollout("p", prompt, answer, tuple(0.0 for _ in answer), "stop", "student")


def test_by_hand() -> None:
    """Width 4, the longest prompt and answer without its last token. Token j of an answer is predicted one place
    before it stands: place len(prompt) - 1 + j of its row, row b starting at 4 b.
    """
    given = [rollout((11, 12, 13), (14, 15)), rollout((21,), (22, 23, 24)), rollout((31, 32), (33,))]
    (batch,) = micro_batches(given, 8)
    assert batch.ids_BT.tolist() == [[31, 32, 0, 0], [21, 22, 23, 0], [11, 12, 13, 14]]  # 3, 4 and 5 tokens
    assert batch.shared == 0
    assert batch.token_N.tolist() == [33, 22, 23, 24, 14, 15]
    assert batch.position_N.tolist() == [1, 4, 5, 6, 10, 11]
    assert batch.row_N.tolist() == [2, 1, 1, 1, 0, 0]


def test_shared_beginning_by_hand() -> None:
    """Both prompts begin with 7, 8: for these two no hidden states come back, so places count from the third column
    and a row of width 5 has 3 of them.
    """
    given = [rollout((7, 8, 1), (2, 3, 4)), rollout((7, 8, 5, 6), (9,))]
    (batch,) = micro_batches(given, 8)
    assert batch.shared == 2
    assert batch.ids_BT.tolist() == [[7, 8, 5, 6, 0], [7, 8, 1, 2, 3]]
    assert batch.token_N.tolist() == [9, 2, 3, 4]
    assert batch.position_N.tolist() == [1, 3, 4, 5]
    assert batch.row_N.tolist() == [1, 0, 0, 0]


def test_every_token_comes_right_after_the_place_that_predicts_it() -> None:
    generator = torch.Generator().manual_seed(1)
    for shared in (0, 3):
        given = []
        for _ in range(17):
            prompt, answer = (int(torch.randint(1, 9, (1,), generator=generator)) for _ in range(2))
            ids = torch.randint(1, 99, (prompt + answer,), generator=generator).tolist()
            given.append(rollout((*range(100, 100 + shared), *ids[:prompt]), tuple(ids[prompt:])))
        for size in (1, 4, 17, 100):
            seen: dict[int, list[int]] = {}
            for batch in micro_batches(given, size):
                rows, width = batch.ids_BT.shape
                assert rows <= size and batch.shared in (0, shared)
                for place, token, owner in zip(
                    batch.position_N.tolist(), batch.token_N.tolist(), batch.row_N.tolist(), strict=True
                ):
                    b, t = divmod(place, width - batch.shared)
                    stands = t + batch.shared + 1
                    text = (*given[owner].prompt_tokens, *given[owner].tokens)
                    assert batch.ids_BT[b, :stands].tolist() == list(text[:stands])
                    assert text[stands] == token
                    seen.setdefault(owner, []).append(token)
            assert {i: tuple(tokens) for i, tokens in seen.items()} == {i: r.tokens for i, r in enumerate(given)}


def test_similar_lengths_together_and_ties_in_order() -> None:
    given = [rollout((1,) * n, (2, 3)) for n in (5, 1, 5, 1, 3)]
    owners = [batch.row_N.unique_consecutive().tolist() for batch in micro_batches(given, 2)]
    assert owners == [[1, 3], [4, 0], [2]]


def test_empty_answers_are_left_out() -> None:
    given = [rollout((1, 2), ()), rollout((3,), (4,)), rollout((5,), ())]
    (batch,) = micro_batches(given, 2)
    assert batch.row_N.tolist() == [1] and batch.ids_BT.tolist() == [[3]]
    assert micro_batches([given[0], given[2]], 2) == []
    assert micro_batches([], 2) == []
