"""Names are told apart, and whatever does not load says so in one line."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from stillhouse.errors import ModelError
from stillhouse.models.bundled import BUNDLED
from stillhouse.models.local import licence_of, load_model, load_tokenizer, resolve, weights_digest
from tests.conftest import TinyLlama


@pytest.fixture
def folder(tmp_path: Path, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> Path:
    folder = tmp_path / "tiny"
    tiny_llama(layers=2).save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


def test_folder_comes_back_as_saved(folder: Path, tiny_llama: TinyLlama) -> None:
    model, tokenizer = load_model(str(folder)), load_tokenizer(str(folder))
    tokens = torch.tensor([tokenizer("A small bird sat on the wall.")["input_ids"]])
    with torch.inference_mode():
        assert torch.equal(model(tokens).logits, tiny_llama(layers=2)(tokens).logits)
    assert not model.training
    assert model.config._attn_implementation == "sdpa"
    assert load_model(str(folder), dtype=torch.bfloat16).dtype == torch.bfloat16


def test_bundled_and_paths_and_hub_names(bundled_folder: Path, folder: Path) -> None:
    assert resolve("bundled") == bundled_folder
    assert resolve(str(folder)) == folder
    assert resolve("some-owner/Some.Model-1b") == "some-owner/Some.Model-1b"


@pytest.mark.parametrize("name", ["/x/y", "./x/y", "~/nothing-here", "gpt2", "a/b/c", "../x", ""])
def test_missing_folder_is_no_hub_name(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve(name)
    assert "\n" not in str(caught.value)
    if name:
        assert str(caught.value).startswith(f"{name}: no such model folder; give `bundled`, a folder")


def test_mistyped_relative_path_is_not_sent_to_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve("runs/studnet") == "runs/studnet"
    (tmp_path / "runs").mkdir()
    with pytest.raises(ModelError, match=r"^runs/studnet: no such model folder"):
        resolve("runs/studnet")


def test_missing_gguf_file() -> None:
    with pytest.raises(ModelError, match=r"^owner/model\.gguf: no such file"):
        resolve("owner/model.gguf")


def test_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r": this folder holds no config\.json; give the folder of a Hugging Face model$"
    ):
        load_model(str(tmp_path))


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
def test_hub_out_of_reach(load: object) -> None:
    assert callable(load)
    with pytest.raises(ModelError) as caught:
        load("stillhouse-tests/no-such-model")
    message = str(caught.value)
    assert message.startswith("stillhouse-tests/no-such-model: cannot be fetched from the hub (")
    assert message.endswith("check the name and the network, or give a folder")
    assert "\n" not in message


def test_broken_folders(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:5000])
    with pytest.raises(ModelError, match=rf"^{folder}: does not load \(.*\); check or replace its files$"):
        load_model(str(folder))
    weights.unlink()
    with pytest.raises(ModelError, match=rf"^{folder}: does not load \(.*model\.safetensors.*\)"):
        load_model(str(folder))
    weights.write_bytes(whole)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=rf"^{folder}: does not load \(.*config\.json.*\)"):
        load_model(str(folder))


def test_weights_that_config_asks_for_are_never_made_up(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r": 9 weights are missing \(model\.layers\.2\.input_layernorm\.weight, "):
        load_model(str(folder))


def test_weights_of_another_shape(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["hidden_size"] = 64
    (folder / "config.json").write_text(json.dumps(config))
    capfd.readouterr()
    with pytest.raises(
        ModelError,
        match=r": 20 weights have another shape than in config.json \(.*: \(\d+, 32\), not \(\d+, 64\)\);",
    ):
        load_model(str(folder))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{}", "no 'added_tokens'"), ("[]", "integer"), ('{"model": 3, "added_tokens": []}', "did not match|model")],
)
def test_broken_tokenizer(folder: Path, content: str, reason: str) -> None:
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=rf"^{folder}: does not load \(.*({reason}).*\); check or replace its files$"):
        load_tokenizer(str(folder))


@pytest.mark.slow
def test_gguf_file_is_the_model_that_it_was_converted_to(bundled_folder: Path) -> None:
    import stillhouse.models.bundled as bundled

    file = bundled._packaged_file()
    converted, packed = load_model(str(bundled_folder)), load_model(str(file))
    assert weights_digest(packed) == weights_digest(converted)
    assert load_tokenizer(str(file)).get_vocab() == load_tokenizer(str(bundled_folder)).get_vocab()
    assert weights_digest(file) == BUNDLED.sha256


def test_digest_of_one_file_is_that_file_s(folder: Path) -> None:
    expected = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert weights_digest(folder) == expected


def test_digest_of_shards_is_that_of_their_list(folder: Path, tiny_llama: TinyLlama) -> None:
    sharded = folder / "sharded"
    tiny_llama(layers=2).save_pretrained(sharded, max_shard_size="40KB")
    shards = sorted(sharded.glob("*.safetensors"))
    assert len(shards) > 1
    lines = "".join(f"{hashlib.sha256(s.read_bytes()).hexdigest()}  {s.name}\n" for s in shards)
    assert weights_digest(sharded) == hashlib.sha256(lines.encode()).hexdigest()


def test_digest_in_memory_sees_one_weight(tiny_llama: TinyLlama) -> None:
    model, same = tiny_llama(layers=2), tiny_llama(layers=2)
    assert weights_digest(model) == weights_digest(same)
    with torch.no_grad():
        same.model.layers[1].mlp.up_proj.weight[3, 4] += 1e-3
    assert weights_digest(model) != weights_digest(same)


def test_digest_needs_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no safetensors"):
        weights_digest(tmp_path)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlicense: apache-2.0\nlanguage: en\n---\n# A model\n", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: gemma\n---\n", "gemma"),
        ("---\nlanguage: en\n---\nlicense: mit\n", None),
        ("# A model\nlicense: mit\n", None),
        ("---\nlicense: [\n---\n", None),
    ],
)
def test_licence_is_what_the_card_names(tmp_path: Path, card: str, expected: str | None) -> None:
    (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == expected


def test_licence_of_the_bundled_model(bundled_folder: Path, tmp_path: Path) -> None:
    assert licence_of(bundled_folder) == "apache-2.0"
    assert licence_of(tmp_path) is None
