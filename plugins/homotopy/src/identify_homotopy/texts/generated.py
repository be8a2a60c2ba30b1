"""Generated sentences with labels, balanced, each different from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from identify_core import Context, OptionsError, Samples
from identify_homotopy.texts.table import make_samples

if TYPE_CHECKING:
    from identify_homotopy.options.texts import GeneratedOptions

_SUBJECTS = ("film", "novel", "meal", "concert", "journey", "lecture", "game", "painting", "garden", "hotel")
_OWNERS = ("the old", "the new", "my first", "their last", "our long", "her small", "his quiet", "this famous")
_GOOD = ("delightful", "moving", "brilliant", "charming", "superb", "graceful", "witty", "warm")
_BAD = ("dull", "tedious", "awful", "clumsy", "dreary", "hollow", "bland", "painful")
_ADVERBS = ("truly", "rather", "often", "almost", "surely", "quietly", "strangely", "utterly")
_PLACES = ("in spring", "at night", "by the sea", "last year", "in the city", "on monday", "again", "so far")
_SAME = {"film": "movie", "novel": "book", "meal": "dinner", "journey": "trip", "lecture": "talk", "hotel": "inn"}


def make_generated(options: GeneratedOptions, context: Context) -> Samples:
    """Sentences, or pairs of them, with a label of two values.

    Raises:
        OptionsError: more rows are asked for than there are different sentences.
    """
    generator = context.streams.numpy("sentences")
    most = len(_SUBJECTS) * len(_OWNERS) * len(_ADVERBS) * len(_PLACES)
    if options.rows > most:
        raise OptionsError(f"{options.rows} generated sentences are too many", hint=f"there are {most} different ones")
    chosen = generator.permutation(most)[: options.rows]
    texts, pairs, labels = [], [], []
    for row, code in enumerate(chosen.tolist()):
        label = row % 2
        text, other = _sentence(options.task, code, label, generator)
        texts.append(text)
        pairs.append(other)
        labels.append(label)
    return make_samples(
        [f"row-{code}" for code in chosen.tolist()],
        texts,
        pairs if any(pairs) else None,
        labels,
        test_share=options.test_share,
        generator=generator,
    )


def _sentence(task: str, code: int, label: int, generator: np.random.Generator) -> tuple[str, str]:
    places, rest = len(_PLACES), code // len(_PLACES)
    place, adverb = _PLACES[code % places], _ADVERBS[rest % len(_ADVERBS)]
    rest //= len(_ADVERBS)
    owner, subject = _OWNERS[rest % len(_OWNERS)], _SUBJECTS[rest // len(_OWNERS)]
    kind = label if task == "sentiment" else int(generator.integers(2))
    quality = str(generator.choice(_GOOD if kind else _BAD))
    words = f"{owner} {subject} was {adverb} {quality} {place}".split()
    text = " ".join(words)
    if task == "sentiment":
        return text, ""
    if task == "acceptability":
        return (text if label else " ".join(generator.permutation(words).tolist())), ""
    if task == "paraphrase":
        other = str(generator.choice(_BAD if kind else _GOOD))
        return text, f"{place} {owner} {_SAME.get(subject, subject)} was {adverb} {quality if label else other}"
    return text, f"{owner} {subject} was {'' if label else 'never '}{quality}"
