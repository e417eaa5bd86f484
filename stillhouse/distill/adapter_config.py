"""What the config of a LoRA adapter says, read before peft reads it: peft takes a wrong value for what it is not.

Only what shapes the sum of base and adapter is kept. What was for training (dropout) or for finding the first weights
(`eva_config`) is passed over; what would make the sum something else is refused.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from peft import LoraConfig
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PositiveInt

from stillhouse.config import Settings, validate
from stillhouse.errors import ConfigError

__all__ = ["ADAPTER_CONFIG", "read_adapter_config"]

ADAPTER_CONFIG = "adapter_config.json"

T = TypeVar("T")

_STARTS = re.compile(r"gaussian|eva|olora|orthogonal|pissa(_niter_\d+)?")
# With one of these the adapter is more, or other, than W + scale B A.
_OTHER = (
    "alora_invocation_tokens",
    "arrow_config",
    "ensure_weight_tying",
    "kasa_config",
    "layer_replication",
    "megatron_config",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
    "velora_config",
)


def _compile(patterns: Iterable[str]) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression ({error}); mend it") from None


def _names(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("give a list of names, or one regular expression")
    _compile(names)
    return value


def _by_name(value: dict[str, T]) -> dict[str, T]:
    _compile(value)
    return value


def _known_start(value: object) -> object:
    if not isinstance(value, bool) and not (isinstance(value, str) and _STARTS.fullmatch(value)):
        raise ValueError("weights that start in this way are not merged here; use peft itself")
    return value


_Names = Annotated[list[str] | str, BeforeValidator(_names)]


class _Lora(Settings):
    """The keys of peft's LoraConfig that shape the sum, with peft's defaults."""

    model_config = ConfigDict(extra="ignore", strict=True)

    r: PositiveInt = Field(8, description="rank")
    lora_alpha: float = Field(8, description="scale, before it is divided by the rank")
    target_modules: _Names | None = Field(None, description="names of modules, or one pattern for them")
    exclude_modules: _Names | None = Field(None, description="modules left out again")
    modules_to_save: list[str] | None = Field(None, description="modules that are saved whole")
    rank_pattern: Annotated[dict[str, PositiveInt], AfterValidator(_by_name)] | None = Field(
        None, description="modules with a rank of their own"
    )
    alpha_pattern: Annotated[dict[str, float], AfterValidator(_by_name)] | None = Field(
        None, description="modules with a scale of their own"
    )
    layers_to_transform: list[int] | int | None = Field(None, description="layers that are adapted; unset: all")
    layers_pattern: _Names | None = Field(None, description="what the list of layers is called")
    fan_in_fan_out: bool = Field(False, description="whether weights are stored transposed")
    bias: Literal["none", "all", "lora_only"] = Field("none", description="which biases were trained")
    lora_bias: bool = Field(False, description="whether B has a bias")
    use_rslora: bool = Field(False, description="scale divided by the root of the rank")
    use_dora: bool = Field(False, description="a magnitude for each row")
    init_lora_weights: Annotated[bool | str, BeforeValidator(_known_start)] = Field(
        True, description="first weights; `olora` and `pissa` take them out of the base"
    )


def read_adapter_config(adapter: Path) -> LoraConfig:
    """The config in the folder `adapter`; ConfigError if it is not that of a LoRA adapter, or of another sum."""
    path = adapter / ADAPTER_CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(f"{adapter}: holds no readable {ADAPTER_CONFIG}; give the folder that peft saved") from None
    if kind != "LORA":
        raise ConfigError(f"{adapter}: is an adapter of kind {kind}; only LORA is merged, use peft itself")
    for option in _OTHER:
        if config.get(option):
            raise ConfigError(f"{adapter}: {option} is {config[option]}, which is not merged here; use peft itself")
    return LoraConfig(**validate(_Lora, config, place=str(path)).model_dump(exclude_none=True))
