"""A config that peft would stumble over is one line that names the key."""

import json
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig

from stillhouse.distill.adapter_config import read_adapter_config
from stillhouse.errors import ConfigError


def written(folder: Path, **values: Any) -> Path:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, **values}))
    return folder


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"r": "x"}, r"'r' is 'x'; give a number, without quotes"),
        ({"r": 0}, r"'r' is 0; input should be greater than 0"),
        ({"lora_alpha": None}, r"'lora_alpha' is None; input should be a valid number"),
        ({"lora_alpha": "much"}, r"'lora_alpha' is 'much'; give a number, without quotes"),
        ({"lora_alpha": float("nan")}, r"'lora_alpha' is nan; input should be a finite number"),
        ({"target_modules": 5}, r"'target_modules' is 5; give a list of names, or one regular expression"),
        ({"target_modules": "("}, r"'target_modules' is '\('; '\(' is no regular expression \(missing \)"),
        ({"rank_pattern": {"q_proj": "x"}}, r"'rank_pattern.q_proj' is 'x'; give a number, without quotes"),
        ({"rank_pattern": {"(": 4}}, r"'rank_pattern' is .*; '\(' is no regular expression"),
        ({"alpha_pattern": {"q_proj": None}}, r"'alpha_pattern.q_proj' is None; input should be a valid number"),
        (
            {"init_lora_weights": "loftq"},
            r"'init_lora_weights' is 'loftq'; weights that start in this way are not merged",
        ),
        ({"megatron_config": {"a": 1}}, r"megatron_config is \{'a': 1\}, which is not merged here; use peft itself"),
        ({"alora_invocation_tokens": [3]}, r"alora_invocation_tokens is \[3\], which is not merged here"),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, Any], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=fault) as error:
        read_adapter_config(written(tmp_path, **values))
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


def test_what_was_for_training_is_passed_over(tmp_path: Path) -> None:
    config = read_adapter_config(written(tmp_path, eva_config=5, lora_dropout="x", newer_than_peft=1, lora_alpha=12))
    assert (config.r, config.lora_alpha, config.lora_dropout, config.eva_config) == (4, 12, 0.0, None)


@pytest.mark.parametrize(
    "options",
    [
        {
            "target_modules": ["q_proj", "v_proj"],
            "rank_pattern": {"q_proj": 2},
            "alpha_pattern": {"^model.*k_proj": 3.5},
        },
        {"target_modules": "all-linear", "exclude_modules": "lm_head", "use_rslora": True, "use_dora": True},
        {
            "layers_to_transform": [0, 1],
            "layers_pattern": "layers",
            "init_lora_weights": "pissa_niter_4",
            "bias": "all",
        },
        {"modules_to_save": ["lm_head"], "fan_in_fan_out": True, "init_lora_weights": False, "lora_bias": True},
    ],
)
def test_what_shapes_the_sum_is_kept(options: dict[str, Any], tmp_path: Path) -> None:
    saved: Any = LoraConfig(r=8, lora_alpha=24, **options)
    saved.save_pretrained(str(tmp_path))
    assert vars(read_adapter_config(tmp_path)) == vars(saved)
