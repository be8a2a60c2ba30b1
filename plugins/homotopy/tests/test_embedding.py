"""Embedding: what is kept of encoders, known relations of copies, and what is said when an encoder is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from identify_core import IdentifyError, Latents, Samples
from identify_core.testing.contexts import make_context
from identify_homotopy.encoders.tokens import batches, hashed_tokens, pool
from identify_homotopy.objectives.embedding import embed
from identify_homotopy.options.embedding import EmbedOptions
from identify_homotopy.options.texts import GeneratedOptions
from identify_homotopy.texts.generated import make_generated
from identify_measures.deformation import LinearSource, minimax, precision_rank


def sentences(folder: Path, task: Any = "sentiment", rows: int = 60) -> Samples:
    return make_generated(GeneratedOptions(task=task, rows=rows), make_context(folder))


def kept(folder: Path, samples: Samples, *encoders: str, **options: Any) -> list[Latents]:
    context = make_context(folder, count=len(encoders))
    return list(embed(EmbedOptions(encoders=encoders, width=16, **options), None, samples, context))


def test_copies_stand_in_the_relation_that_they_are_named_after(tmp_path: Path) -> None:
    names = ("bert#0", "bert#0@rotation", "bert#0@affine", "bert#0@noise", "bert#0@rank-3", "bert#0@int8")
    (latents,) = kept(tmp_path, sentences(tmp_path), *names)
    original, rotated, affine, noisy, low, rounded = latents.values
    assert latents.names == names
    assert minimax("isometry", original, rotated).upper < 1e-5
    assert minimax("affine", original, affine).upper < 1e-4
    assert minimax("isometry", original, affine).lower > 0.1
    assert minimax("affine", original, noisy).lower > 1e-3
    assert precision_rank(low - low.mean(dim=0)) == 3
    assert 0 < float((rounded - original).abs().max()) <= float(original.abs().max()) / 254 * 1.001


def test_an_encoder_gives_the_same_alone_and_in_other_batches(tmp_path: Path) -> None:
    samples = sentences(tmp_path, "entailment")
    (one,) = kept(tmp_path / "a", samples, "roberta#1")
    (other,) = kept(tmp_path / "b", samples, "electra#0", "roberta#1", batch_size=7)
    torch.testing.assert_close(one.values[0], other.values[1], rtol=1e-5, atol=1e-5)


def test_all_layers_come_from_one_pass(tmp_path: Path) -> None:
    found = kept(tmp_path, sentences(tmp_path), "bert#0", "bert#1", layers=(0, 1, -1))
    assert [each.name for each in found] == ["layer-0", "layer-1", "layer-last"]
    assert not torch.allclose(found[0].values[0], found[1].values[0])


@pytest.mark.parametrize("how", ["mean", "cls", "last", "max"])
def test_padding_takes_no_part(how: str) -> None:
    states = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0))
    padded = torch.cat([states, torch.full((1, 3, 4), 9.0)], dim=1)
    mask = torch.tensor([[1] * 5 + [0] * 3])
    torch.testing.assert_close(pool(padded, mask, how), pool(states, mask[:, :5], how))
    expected = {"mean": states.mean(1), "cls": states[:, 0], "last": states[:, 4], "max": states.amax(1)}
    torch.testing.assert_close(pool(padded, mask, how), expected[how])


def test_batches_hold_every_sentence_once_and_like_lengths() -> None:
    tokens = hashed_tokens(["a", "a b c d", "a b", "a b c d e f"], None, 6)
    found = list(batches(tokens, 2, 0))
    assert sorted(row for rows, _ in found for row in rows.tolist()) == [0, 1, 2, 3]
    assert [inputs["input_ids"].shape[1] for _, inputs in found] == [4, 6]


def test_counted_words_know_which_sentences_share_them(tmp_path: Path) -> None:
    (latents,) = kept(tmp_path, sentences(tmp_path), "tfidf", "ngrams")
    for values in latents.values:
        assert values.shape[1] <= 16
        assert bool(torch.isfinite(values).all())
        assert LinearSource.of(values).rank == values.shape[1]


def test_a_saved_encoder_is_read_from_its_folder_and_agrees_with_a_plain_pass(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, BertTokenizer

    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "was"]))
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    torch.manual_seed(0)
    config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    model = BertModel(config).eval()
    model.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    samples = sentences(tmp_path, rows=8)
    (latents,) = kept(tmp_path, samples, f"path:{tmp_path / 'encoder'}")
    text = samples.columns["x"][0]
    with torch.no_grad():
        plain = model(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(dim=1)
    torch.testing.assert_close(latents.values[0][:1], plain, rtol=1e-5, atol=1e-5)


def test_a_resumed_run_goes_on_with_the_next_encoder(tmp_path: Path) -> None:
    samples = sentences(tmp_path)
    context = make_context(tmp_path / "run", count=2)
    context.checkpoint({"bert#0": [torch.full((60, 16), 3.0)]})
    again = make_context(tmp_path / "run", count=2)
    (latents,) = embed(EmbedOptions(encoders=("bert#0", "bert#1"), width=16), None, samples, again)
    assert float(latents.values[0][0, 0]) == 3.0
    assert float(latents.values[1].std()) > 0


@pytest.mark.parametrize(
    ("encoders", "options", "message"),
    [
        (("path:missing",), {}, "there is no folder 'missing' of an encoder"),
        (("package:no_such_package",), {}, "there is no package 'no_such_package'"),
        (("hub:nobody/nothing",), {}, "the encoder 'hub:nobody/nothing' cannot be read"),
        (("brt#0",), {}, "there is no encoder 'brt#0'"),
        (("bert#0", "bert#0"), {}, "an encoder is named twice"),
        (("bert#0@rotated",), {}, "there is no perturbation 'rotated'"),
        (("bert#0",), {"layers": (5,)}, "layer 5 does not exist: the encoder has 3 hidden states"),
    ],
)
def test_what_is_missing_is_said_before_or_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoders: tuple[str, ...], options: Any, message: str
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with pytest.raises(IdentifyError) as raised:
        kept(tmp_path, sentences(tmp_path, rows=8), *encoders, **options)
    assert message in str(raised.value)
    assert raised.value.hint


def test_more_replicates_than_encoders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentifyError, match="replicates is 3, and there are 1 encoders"):
        list(embed(EmbedOptions(encoders=("tfidf",)), None, sentences(tmp_path), make_context(tmp_path, count=3)))
