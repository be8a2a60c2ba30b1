"""Statistics: however rows are read, the numbers are the same, and they are right where products alone would not be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import identify_measures as measures
from identify_core import Evaluator, Representation
from identify_core.testing.grids import order_of_pairs
from identify_core.testing.representations import represent
from identify_measures.catalogue import CATALOGUE
from identify_measures.inputs import InputError
from identify_measures.linear import canonical, cka, correlation, regression, rotation
from identify_measures.linear.measuring import Formula, about_mean, evaluate
from identify_measures.samplewise.rows import rows_of_representation
from identify_measures.statistics.arrays import ArraysAtHand
from identify_measures.statistics.derived import Member, Statistics
from identify_measures.statistics.gathering import Memory, from_arrays, from_representations
from identify_measures.statistics.pairwise import PairwiseProducts
from identify_measures.statistics.resident import ResidentRows, gram_squares
from identify_measures.statistics.streamed import CrossProducts

Array = np.ndarray[Any, Any]
CPU = torch.device("cpu")
FORMULAS = [
    each
    for module in (cka, canonical, rotation, regression, correlation)
    for each in vars(module).values()
    if isinstance(each, Formula) and each is not correlation.WEAK_MCC_OF_RANKS
]


@pytest.fixture
def arrays() -> list[Array]:
    rng = np.random.default_rng(5)
    common = rng.normal(size=(3000, 5))
    drift = np.linspace(-1, 1, 3000)[:, None]  # so that no chunk has the mean of all rows
    return [common @ rng.normal(size=(5, d)) + 0.5 * rng.normal(size=(3000, d)) + 4.0 + drift for d in (3, 40, 9)]


@pytest.fixture(autouse=True)
def narrow_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles that cut through representations, as they do in wide ones."""
    monkeypatch.setattr("identify_measures.statistics.streamed.TILE", 16)


def every_way(arrays: list[Array]) -> list[Statistics]:
    representations = [represent(each, f"r{k}") for k, each in enumerate(arrays)]
    found = [
        from_representations(representations, CPU),
        from_representations(representations, CPU, memory=Memory(rows=0, span=2.0**19)),
        # Memory for rows that are narrow and wide alternately: pairs of 43 columns and of 12.
        from_representations(representations, CPU, memory=Memory(rows=0, products=1e4, span=2.0**16)),
    ]
    assert [type(each) for each in found] == [ResidentRows, CrossProducts, PairwiseProducts]
    return found


@pytest.mark.parametrize("steep", [False, True], ids=["even", "steep"])
@pytest.mark.parametrize("formula", FORMULAS, ids=lambda each: each.name)
def test_in_memory_in_one_pass_and_pair_by_pair_agree(formula: Formula, steep: bool, arrays: list[Array]) -> None:
    options = CATALOGUE[formula.name].options(interval="never")
    if steep:  # least squares and canonical correlations bring the columns to one scale
        arrays = [each * np.logspace(0, -4, each.shape[1]) for each in arrays]
    ways = every_way(arrays)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        values = [evaluate(formula, each, i, j, options).value for each in ways]
        assert values == pytest.approx([values[0]] * 3, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda each: each.name)
def test_leaving_out_a_block_is_the_measure_of_the_other_rows(formula: Formula, arrays: list[Array]) -> None:
    representations = [represent(each) for each in arrays[:2]]
    statistics = from_representations(representations, CPU, memory=Memory(rows=0, span=2.0**19))
    # Chunks of 256 rows go to the blocks in turn.
    kept = np.arange(3000) // 256 % statistics.blocks != 0
    assert kept.sum() == 3000 - statistics.counts[0]
    options = CATALOGUE[formula.name].options(interval="never")
    left_out = formula.value(statistics, 0, 1, statistics.without(0), options)
    alone = from_arrays(arrays[0][kept], arrays[1][kept])
    expected = formula.value(alone, 0, 1, None, options)
    assert left_out == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_groups_of_representations_are_read_once_with_each_other() -> None:
    """Sixteen of width 6, two groups of two at a time: 28 pairs of groups, and at most 8 groups alone."""
    rng = np.random.default_rng(1)
    common = rng.normal(size=(2000, 4))
    begun: list[int] = []

    def counted(k: int) -> Representation:
        values = common @ rng.normal(size=(4, 6)) + rng.normal(size=(2000, 6))

        def load(start: int, stop: int) -> Array:
            if start == 0 and stop > 1:
                begun.append(k)
            return values[start:stop]

        return represent(values, str(k), load_rows=load)

    representations = [counted(k) for k in range(16)]
    resident = from_representations(representations, CPU)
    begun.clear()
    grouped = from_representations(representations, CPU, memory=Memory(rows=0, products=6e4, span=2.0**18))
    assert isinstance(grouped, PairwiseProducts)
    component = Evaluator(name="x", summary="", target="x:x", arity="pair", larger_is="more similar")
    pairs = order_of_pairs(component, 16)
    options = CATALOGUE["cca"].options(interval="never")
    for i, j in pairs:
        expected = evaluate(canonical.CCA, resident, i, j, options)
        assert evaluate(canonical.CCA, grouped, i, j, options).value == pytest.approx(expected.value, rel=1e-9)
    assert len(begun) <= 28 * 4 + 8 * 2


def test_products_of_blocks_about_the_common_mean_add_up(arrays: list[Array]) -> None:
    for statistics in every_way(arrays):
        parts = [about_mean(statistics, 0, 1, block) for block in range(statistics.blocks)]
        torch.testing.assert_close(torch.stack(parts).sum(dim=0), statistics.products(0, 1))
        alone = np.asarray(arrays[1]) - arrays[1].mean(axis=0)
        assert statistics.trace(1) == pytest.approx(np.square(alone).sum())


def test_memory_of_one_pass_does_not_grow_with_the_rows() -> None:
    sizes = []
    for n in (20_000, 80_000):
        data = np.random.default_rng(0).normal(size=(n, 30)).astype(np.float32)
        statistics = from_representations([represent(data)] * 2, CPU, memory=Memory(rows=0))
        assert isinstance(statistics, CrossProducts)
        sizes.append(sum(each.nelement() for each in vars(statistics)["_products"].values()))
    assert sizes[0] == sizes[1]


def test_rows_are_read_in_spans_and_never_twice() -> None:
    spans: list[tuple[int, int]] = []
    data = np.random.default_rng(0).normal(size=(5000, 4))

    def load(start: int, stop: int) -> Array:
        spans.append((start, stop))
        return data[start:stop]

    representation = represent(data, load_rows=load)
    from_representations([representation], CPU, memory=Memory(rows=0, span=64 * 1024.0))
    reads = spans[1:]  # the first looks at the type
    assert [start for start, _ in reads] == [0, *(stop for _, stop in reads[:-1])]
    assert reads[-1][1] == 5000
    assert len(reads) > 1


def test_float32_products_are_used_only_where_whitening_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    mild = rng.normal(size=(4000, 20)).astype(np.float32)
    steep = (rng.normal(size=(4000, 20)) * np.logspace(0, -3.5, 20)).astype(np.float32) + np.float32(0.01)
    for data, precise in ((mild, False), (steep, True)):
        rotation = np.linalg.qr(rng.normal(size=(20, 20)))[0].astype(np.float32)
        other = data @ rotation + data[:, ::-1] / 10
        memory = Memory(rows=0, span=2.0**18)
        streamed = from_representations([represent(data), represent(other)], CPU, memory=memory)
        assert isinstance(streamed, CrossProducts)
        assert streamed.precise == precise
        exact = measures.cca(data.astype(np.float64), other.astype(np.float64)).value
        assert canonical.CCA.value(streamed, 0, 1, None, None) == pytest.approx(exact, abs=2e-5)


def test_singular_values_below_the_square_root_of_rounding_still_count_in_float64() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(500, 3))
    scaled = latents * [1.0, 1e-5, 1e-9]
    score = measures.cca(scaled, latents)
    assert score.ranks == (3, 3)
    assert score.value == pytest.approx(1.0, abs=1e-6)


def test_rank_is_found_through_duplicated_and_dependent_columns(pair: tuple[Array, Array]) -> None:
    x, y = pair
    wide = np.hstack([x, x[:, :3], x[:, :1] - 2 * x[:, 1:2]])
    score = measures.cca(wide, y)
    assert score.ranks == (6, 4)
    assert score.value == pytest.approx(measures.cca(x, y).value, abs=1e-9)
    assert score.warnings[0].startswith("x has rank 6 with 10 columns that vary: ")
    assert len(score.warnings) == 1


def test_more_columns_than_rows_are_right_and_warned_of() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 200)), rng.normal(size=(30, 50))
    a, b = x - x.mean(0), y - y.mean(0)
    nuclear = np.linalg.svd(a.T @ b, compute_uv=False).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert measures.procrustes_similarity(x, y).value == pytest.approx(nuclear, abs=1e-10)
    gram = np.square(a.T @ b).sum() / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    assert measures.linear_cka(x, y).value == pytest.approx(gram, abs=1e-10)
    score = measures.cca(x, y)
    assert score.value == pytest.approx(1.0)
    assert any("30 rows are too few" in each for each in score.warnings)
    corr = np.abs(np.corrcoef(x.T, y.T)[:200, 200:])
    assert 0 < measures.pearson_mcc(x, y).value <= corr.max()


def test_gram_tiles_give_the_squares_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    rows = [torch.from_numpy(rng.normal(size=(700, d))) for d in (3, 900, 40)]
    rows = [each - each.mean(dim=0) for each in rows]
    expected = torch.tensor([[float((a.T @ b).square().sum()) for b in rows] for a in rows], dtype=torch.float64)
    torch.testing.assert_close(gram_squares(rows), expected)


def test_what_cannot_be_read_is_said_with_its_label_and_place() -> None:
    broken = np.ones((3000, 2))
    broken[2500, 1] = np.nan
    with pytest.raises(InputError, match=r"^first has NaN or infinite values in 1 row of 256 \(rows 2304 to 2559\)$"):
        from_representations([represent(broken, "first")], CPU, memory=Memory(rows=0, span=2.0**12))
    broken[:25] = np.nan
    with pytest.raises(InputError, match=r"^first has NaN or infinite values in 26 rows of 3000$"):
        from_representations([represent(broken, "first")], CPU)
    with pytest.raises(InputError, match=r"^first has NaN or infinite values in 26 rows of 3000$"):
        rows_of_representation(represent(broken, "first"), CPU)
    with pytest.raises(InputError, match=r"^alone has 1 row; at least 2 are needed$"):
        from_representations([represent(np.ones((1, 2)), "alone")], CPU)
    with pytest.raises(InputError, match=r"(?m)^c holds complex numbers, not real numbers$"):
        from_representations([represent(np.ones((4, 2), dtype=complex), "c")], CPU)


def test_rows_to_fit_on_are_checked(pair: tuple[Array, Array]) -> None:
    with pytest.raises(InputError, match=r"(?m)^fit takes 399 of 400 rows and leaves 1 to judge on$"):
        measures.pearson_mcc(*pair, fit=399)
    with pytest.raises(InputError, match=r"(?m)^fit holds float64 values in the shape \(3,\)$"):
        measures.linear_r2(*pair, fit=np.ones(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numpy_says_of_two_arrays_what_torch_says(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(200, 5, generator=generator) * torch.tensor([1e-3, 1, 1, 30, 1]) + 100
    x[:, 2] = 1e6 / 7  # its mean is rounded, so that something is left of it
    both = [x.to(dtype), torch.randn(200, 4, generator=generator).to(dtype) * 1e-6]
    members = tuple(
        Member(label=label, width=each.shape[1], dtype="", tolerance=1e-5)
        for label, each in zip("xy", both, strict=True)
    )
    given: dict[str, Any] = {"owners": (object(), object()), "members": members, "blocks": 1, "budget": 1e6}
    fast, slow = ArraysAtHand(both, **given), ResidentRows(both, **given)
    pairs = [(fast, slow), (fast.equilibrated([0]), slow.equilibrated([0]))]
    assert pairs[1][0] is not fast
    assert isinstance(pairs[1][0], ArraysAtHand)
    for ours, theirs in pairs:
        assert ours.units == theirs.units
        assert ours.constant(0) == theirs.constant(0) == 1
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            torch.testing.assert_close(ours.products(i, j), theirs.products(i, j), rtol=1e-6, atol=1e-9)
            assert ours.square(i, j) == pytest.approx(theirs.square(i, j), rel=1e-6)
            assert ours.norm_sums(i, j) == pytest.approx(theirs.norm_sums(i, j), rel=1e-6)
        for i in (0, 1):
            torch.testing.assert_close(ours.variances(i), theirs.variances(i), rtol=1e-6, atol=0)
            assert ours.trace(i) == pytest.approx(theirs.trace(i), rel=1e-6)
            assert ours.heavy_rows(i) == pytest.approx(theirs.heavy_rows(i), rel=1e-6)
