"""Where an answer's tokens are predicted, by hand."""

import torch

from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.rollout import Rollout


def rollout(prompt: tuple[int, ...], answer: tuple[int, ...]) -> Rollout:
    return Rollout("p", prompt, answer, tuple(0.0 for _ in answer), "stop", "student")


def texts(batch: MicroBatch) -> list[list[int]]:
    """Each text put together again: what is shared, then its own."""
    shared, row = batch.packing.shared, batch.ids_T.tolist()
    own = row[shared:]
    lengths = torch.bincount(batch.packing.place_O // batch.packing.own_BR.shape[1]).tolist()
    return [
        row[:shared] + [own[i] for i in places[:length]]
        for places, length in zip(batch.packing.own_BR.tolist(), lengths, strict=True)
    ]


def test_by_hand() -> None:
    """Texts of 2, 3 and 4 fed tokens (an answer's last is not fed), one after the other. Token j of an answer is
    predicted at place len(prompt) - 1 + j of its text.
    """
    given = [rollout((11, 12, 13), (14, 15)), rollout((21,), (22, 23, 24)), rollout((31, 32), (33,))]
    (batch,) = micro_batches(given, 8)
    assert batch.ids_T.tolist() == [31, 32, 21, 22, 23, 11, 12, 13, 14]
    assert batch.position_T.tolist() == [0, 1, 0, 1, 2, 0, 1, 2, 3]
    assert batch.packing.shared == 0
    assert batch.packing.own_BR.tolist() == [[0, 1, 0, 0], [2, 3, 4, 0], [5, 6, 7, 8]]
    assert batch.packing.place_O.tolist() == [0, 1, 4, 5, 6, 8, 9, 10, 11]
    assert batch.token_N.tolist() == [33, 22, 23, 24, 14, 15]
    assert batch.place_N.tolist() == [1, 2, 3, 4, 7, 8]
    assert batch.row_N.tolist() == [2, 1, 1, 1, 0, 0]


def test_shared_beginning_by_hand() -> None:
    """Both prompts begin with 7, 8, which stand once; places count from there."""
    given = [rollout((7, 8, 1), (2, 3, 4)), rollout((7, 8, 5, 6), (9,))]
    (batch,) = micro_batches(given, 8)
    assert batch.packing.shared == 2
    assert batch.ids_T.tolist() == [7, 8, 5, 6, 1, 2, 3]
    assert batch.position_T.tolist() == [0, 1, 2, 3, 2, 3, 4]
    assert batch.token_N.tolist() == [9, 2, 3, 4]
    assert batch.place_N.tolist() == [3, 4, 5, 6]
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
                assert batch.packing.shared in (0, shared) and len(batch.packing.own_BR) <= size
                owners = batch.row_N.unique_consecutive().tolist()
                whole = {i: [*given[i].prompt_tokens, *given[i].tokens] for i in owners}
                assert texts(batch) == [whole[i][:-1] for i in owners]
                for place, token, owner in zip(
                    batch.place_N.tolist(), batch.token_N.tolist(), batch.row_N.tolist(), strict=True
                ):
                    stands = int(batch.position_T[place])
                    assert whole[owner][stands] == batch.ids_T[place]
                    assert whole[owner][stands + 1] == token
                    seen.setdefault(owner, []).append(token)
            assert {i: tuple(tokens) for i, tokens in seen.items()} == {i: r.tokens for i, r in enumerate(given)}


def test_similar_lengths_together_and_ties_in_order() -> None:
    given = [rollout((1,) * n, (2, 3)) for n in (5, 1, 5, 1, 3)]
    owners = [batch.row_N.unique_consecutive().tolist() for batch in micro_batches(given, 2)]
    assert owners == [[1, 3], [4, 0], [2]]


def test_empty_answers_are_left_out() -> None:
    given = [rollout((1, 2), ()), rollout((3,), (4,)), rollout((5,), ())]
    (batch,) = micro_batches(given, 2)
    assert batch.row_N.tolist() == [1] and batch.ids_T.tolist() == [3]
    assert micro_batches([given[0], given[2]], 2) == []
    assert micro_batches([], 2) == []
