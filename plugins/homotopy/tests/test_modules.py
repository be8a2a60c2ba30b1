"""Any module as an encoder: a small network of images by its factory and its state, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import identify_core as ic
from identify_core.testing.contexts import make_context
from identify_homotopy.objectives.embedding import embed
from identify_homotopy.options.embedding import EmbedOptions

_SOURCE = """
import torch
from torch import nn

def network():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4), nn.BatchNorm1d(4)
    )

class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(64, 5)

    def forward(self, x):
        return 2 * self.body(x.flatten(1))

def number():
    return 3

def broken():
    raise RuntimeError("no such device")
"""


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ic.Samples:
    (tmp_path / "own_vision.py").write_text(_SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    x = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return ic.Samples(columns={"x": x}, ids=np.arange(30), splits={"all": np.arange(30)})


def kept(folder: Path, samples: ic.Samples, *encoders: str, **options: Any) -> list[ic.Latents]:
    return list(
        embed(EmbedOptions(encoders=encoders, **options), None, samples, make_context(folder, count=len(encoders)))
    )


def test_a_checkpoint_of_images_is_read_and_its_layers_are_those_of_a_plain_pass(
    tmp_path: Path, images: ic.Samples
) -> None:
    import own_vision  # type: ignore[import-not-found]

    torch.manual_seed(1)
    network = own_vision.network()
    network(images.columns["x"])  # statistics of the normalisation, which the state holds
    torch.save(network.state_dict(), tmp_path / "state.pt")
    named = f"module:own_vision:network+{tmp_path / 'state.pt'}"
    found = kept(tmp_path, images, named, f"{named}@rotation", layers=(0, -1), batch_size=7)
    network.eval()
    with torch.no_grad():
        torch.testing.assert_close(found[0].values[0], network[0](images.columns["x"]).mean(dim=(2, 3)))
        torch.testing.assert_close(found[1].values[0], network(images.columns["x"]))
    distances = [torch.pdist(each) for each in found[1].values]
    torch.testing.assert_close(distances[0], distances[1], rtol=1e-4, atol=1e-5)


def test_what_a_module_gives_itself_is_its_last_state(tmp_path: Path, images: ic.Samples) -> None:
    first, last = kept(tmp_path, images, "module:own_vision:Twice", layers=(0, 1))
    torch.testing.assert_close(last.values[0], 2 * first.values[0])


def test_images_of_a_file_are_read_in_blocks_and_give_the_same(tmp_path: Path, images: ic.Samples) -> None:
    x = images.columns["x"]
    assert isinstance(x, torch.Tensor)
    np.save(tmp_path / "x.npy", x.numpy())
    mapped = ic.Samples(
        columns={"x": ic.MappedColumn.of_npy(tmp_path / "x.npy")}, ids=np.arange(30), splits={"all": np.arange(30)}
    )
    first, second = (
        kept(tmp_path / name, each, "module:own_vision:network", batch_size=7)[0].values[0]
        for name, each in (("a", images), ("b", mapped))
    )
    torch.testing.assert_close(first, second)


def test_safetensors_are_read_too(tmp_path: Path, images: ic.Samples) -> None:
    import own_vision
    from safetensors.torch import save_file

    torch.manual_seed(2)
    network = own_vision.network()
    save_file(network.state_dict(), tmp_path / "state.safetensors")
    (latents,) = kept(tmp_path, images, f"module:own_vision:network+{tmp_path / 'state.safetensors'}")
    with torch.no_grad():
        torch.testing.assert_close(latents.values[0], network.eval()(images.columns["x"]))


@pytest.mark.parametrize(
    ("encoder", "options", "message"),
    [
        ("module:own_vision", {}, "is not an import path"),
        ("module:own_vision:missing", {}, "cannot be imported"),
        ("module:own_vision:number", {}, "returned an object of type int, not an nn.Module"),
        ("module:own_vision:broken", {}, "failed: RuntimeError: no such device"),
        ("module:own_vision:network+missing.pt", {}, "the state 'missing.pt' does not fit"),
        ("module:own_vision:network", {"layers": (6,)}, "layer 6 does not exist"),
        ("module:torch.nn:Identity", {"layers": (1,)}, "layer 1 does not exist"),
        ("module:torch.nn:Bilinear", {}, "failed: TypeError"),
        ("bert#0", {}, "the column x holds numbers, and the encoder 'bert#0' takes sentences"),
    ],
)
def test_what_is_wrong_with_a_module_is_said(
    tmp_path: Path, images: ic.Samples, encoder: str, options: Any, message: str
) -> None:
    with pytest.raises(ic.IdentifyError) as raised:
        kept(tmp_path, images, encoder, **options)
    assert message in str(raised.value)


def test_rows_of_another_shape_and_sentences_are_refused(tmp_path: Path, images: ic.Samples) -> None:
    flat = ic.Samples(columns={"x": torch.zeros(8, 5)}, ids=np.arange(8), splits={"all": np.arange(8)})
    with pytest.raises(ic.IdentifyError, match=r"cannot take rows of shape \(5,\)"):
        kept(tmp_path / "a", flat, "module:own_vision:network")
    words = ic.Samples(columns={"x": ("a", "b")}, ids=np.arange(2), splits={"all": np.arange(2)})
    with pytest.raises(ic.IdentifyError, match="the column x holds sentences, and the encoder"):
        kept(tmp_path / "b", words, "module:own_vision:network")


def test_folders_of_ones_own_models_run_from_the_preset(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, BertTokenizer

    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "was"]))
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    folders = [tmp_path / name for name in ("bert-a", "bert-b")]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    run = ic.run(
        "homotopy",
        preset="my-models",
        store=tmp_path / "store",
        overrides={"objective.encoders": [f"path:{each}" for each in folders], "dataset.rows": 60},
    )
    assert "of 2 ordered pairs of encoders" in run.findings["deformable"].summary
