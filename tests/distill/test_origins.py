"""Where models come from: names, licences and layers, of a student however it was cut."""

import json
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.cut import cut
from stillhouse.distill.encode import encode_prompts
from stillhouse.distill.network import Network
from stillhouse.distill.origins import full_name, licence_at, student_record
from stillhouse.distill.phase import Writers
from stillhouse.distill.prompts.files import read_prompts
from stillhouse.models.bundled import BUNDLED
from stillhouse.models.local import load_model, weights_digest
from tests.conftest import TinyLlama
from tests.tiny import Pair, run_settings


def settings(pair: Pair, student: dict[str, object]) -> DistillSettings:
    return DistillSettings.model_validate(run_settings(pair, student=student))


def test_student_cut_out_of_the_bundled_model(
    bundled_folder: Path, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, pair: Pair, tmp_path: Path
) -> None:
    """The tiny model stands for the bundled one: who is named is what the settings say."""
    network = Network(tiny_llama(layers=3), len(tiny_tokenizer))
    network.model.name_or_path = str(bundled_folder)
    whole = Writers(network, network, tiny_tokenizer, frozenset({2}))
    prompts = encode_prompts(tiny_tokenizer, list(read_prompts(pair.prompts))[:2], longest=200)
    prune, folder = settings(pair, {"prune": "bundled", "layers": 2}), tmp_path / "cut"
    cut(whole, prompts, 2, folder, prune)
    assert [p for p in folder.iterdir() if p.suffix == ".json" and str(bundled_folder) in p.read_text()] == []
    pruning = json.loads((folder / "pruning.json").read_text())
    assert (pruning["source"], pruning["licence"]) == ("bundled", "apache-2.0")

    student, digest = load_model(str(folder)), weights_digest(folder)
    in_the_run = student_record(prune, student, None, folder)
    before_it = student_record(settings(pair, {"model": str(folder)}), student, digest, tmp_path / "none")
    assert in_the_run == before_it
    assert (in_the_run.id, in_the_run.revision, in_the_run.note) == (BUNDLED.name, BUNDLED.requirement, BUNDLED.note)
    assert in_the_run.licence == "apache-2.0" and in_the_run.layers_kept == tuple(pruning["kept"])
    assert licence_at(folder) == "apache-2.0"


def test_ready_student_is_named_by_its_folder(pair: Pair, tmp_path: Path) -> None:
    student = load_model(str(pair.student))
    record = student_record(settings(pair, {"model": str(pair.student)}), student, "ab", tmp_path / "none")
    assert (record.id, record.licence, record.layers_kept) == (str(pair.student), None, None)


def test_a_card_says_more_than_the_source(tmp_path: Path) -> None:
    pruning = {"source": "bundled", "revision": None, "licence": "apache-2.0", "kept": [0]}
    (tmp_path / "pruning.json").write_text(json.dumps(pruning))
    assert licence_at(tmp_path) == "apache-2.0"
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    assert licence_at(tmp_path) == "mit"
    assert licence_at("owner/name") is licence_at(tmp_path / "model.gguf") is None


def test_folders_are_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "bundled").mkdir()
    monkeypatch.chdir(tmp_path)
    assert full_name("models/mine") == str(tmp_path / "models" / "mine")
    assert (full_name("owner/name"), full_name("bundled")) == ("owner/name", "bundled")
