"""Baselines that count: TF-IDF of words, and hashed character n-grams, both cut to their leading singular vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def counted_states(kind: str, width: int, texts: Sequence[str], pairs: Sequence[str] | None) -> torch.Tensor:
    """The leading components of counted words or letters, shape (n, at most width); signs are fixed.

    Args:
        kind: `tfidf` or `ngrams`.
        width: components at most.
        texts: the sentences.
        pairs: second sentences, which are appended.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

    whole = [f"{a} {b}" for a, b in zip(texts, pairs, strict=True)] if pairs else list(texts)
    if kind == "tfidf":
        counts = TfidfVectorizer().fit_transform(whole)
    else:
        counts = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**12).transform(whole)
    u, s, _ = np.linalg.svd(counts.toarray(), full_matrices=False)
    rank = int(min(width, (s > 1e-10 * s[0]).sum()))
    scores = u[:, :rank] * s[:rank]
    largest = np.abs(scores).argmax(axis=0)
    return torch.from_numpy(scores * np.sign(scores[largest, np.arange(rank)])).float()
