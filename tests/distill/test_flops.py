"""FLOPs by hand, in giga, for a 135M teacher and a 10-layer student at 64 prompt and 128 completion tokens."""

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from stillhouse.distill.flops import ModelShape, model_shape, rollout_flops, student_flops, teacher_flops

TEACHER = ModelShape(backbone=106_200_000, hidden=576, vocab=49_152)
STUDENT = ModelShape(backbone=35_400_000, hidden=576, vocab=49_152)
HEAD = 28_311_552


def test_head_is_hidden_times_vocabulary() -> None:
    assert TEACHER.head == HEAD


def test_rollout_per_completion_token() -> None:
    # 2 (N + HV) for the token itself and 2 N r for its share of the prompt, r = 64 / 128
    by_hand = 2 * (35_400_000 + HEAD) + 35_400_000
    assert rollout_flops(STUDENT, prompt_tokens=64, completion_tokens=128) == 128 * by_hand
    assert by_hand / 1e6 == pytest.approx(162.8, abs=0.05)


def test_teacher_per_completion_token() -> None:
    by_hand = 3 * 106_200_000 + 2 * HEAD  # 2 N (1 + r) + 2 HV
    assert teacher_flops(TEACHER, prompt_tokens=64, completion_tokens=128) == 128 * by_hand
    assert by_hand / 1e6 == pytest.approx(375.2, abs=0.05)


def test_student_per_completion_token() -> None:
    by_hand = 9 * 35_400_000 + 6 * HEAD  # 6 N (1 + r) + 6 HV
    assert student_flops(STUDENT, prompt_tokens=64, completion_tokens=128) == 128 * by_hand
    assert by_hand / 1e6 == pytest.approx(488.5, abs=0.05)


def test_checkpointing_adds_one_forward_pass_of_the_backbone() -> None:
    plain = student_flops(STUDENT, prompt_tokens=64, completion_tokens=128)
    saving = student_flops(STUDENT, prompt_tokens=64, completion_tokens=128, activation_checkpointing=True)
    assert saving - plain == 2 * 35_400_000 * 192


@pytest.mark.parametrize("tied", [True, False])
def test_shape_of_a_model_leaves_embeddings_out_once(tied: bool) -> None:
    config = LlamaConfig(
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        vocab_size=50,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config)
    # a layer: q 8x8, k 8x4, v 8x4, o 8x8; gate, up, down 8x12; two norms of 8; and one last norm
    backbone = 2 * (64 + 32 + 32 + 64 + 3 * 96 + 16) + 8
    assert model_shape(model) == ModelShape(backbone=backbone, hidden=8, vocab=50)
