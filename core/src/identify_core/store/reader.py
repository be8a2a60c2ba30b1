"""StoredRun: reads a run, staged or committed; nothing is loaded before it is asked for, and nothing is executed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identify_core.errors import StoreError
from identify_core.store.arrays import Array, read_array
from identify_core.store.documents import LatentsDocument, structure_record
from identify_core.store.files import from_plain
from identify_core.store.findings import StoredFinding, read_finding
from identify_core.store.latents import StoredLatents
from identify_core.store.layout import ARRAYS, NODE_FILE, STAGING, decode_name
from identify_core.store.nodes import Node, child_names, read_node
from identify_core.store.summary import RunSummary, changed_meanwhile, read_summary

if TYPE_CHECKING:
    from xarray import DataTree

    from identify_core.data import Factor


class StoredRun:
    """A run in a store.

    Args:
        summary: from `Store.find` or `Store.runs`.

    Raises:
        StoreError: the run is damaged.
    """

    def __init__(self, summary: RunSummary) -> None:
        if summary.status == "damaged":
            raise StoreError(f"the run {summary.id} cannot be read: {summary.problem}")
        self.summary = summary
        self._root = summary.folder / ARRAYS

    @classmethod
    def open(cls, folder: Path) -> StoredRun:
        """Read the run in `folder`, which may be staged."""
        staged = folder.parent.name == STAGING
        return cls(read_summary(folder, lock=folder.with_name(f"{folder.name}.lock") if staged else None))

    @property
    def id(self) -> str:
        """The id, which is the folder's name."""
        return self.summary.id

    @property
    def folder(self) -> Path:
        """Where the run is."""
        return self.summary.folder

    @property
    def status(self) -> str:
        """Running, finished, failed or interrupted."""
        return self.summary.status

    @property
    def document(self) -> Mapping[str, Any]:
        """What run.json holds."""
        return self.summary.document

    @property
    def spec_text(self) -> str:
        """The resolved spec as TOML."""
        return self.summary.read_spec()

    @cached_property
    def ids(self) -> Array:
        """The ids of all samples, (n,)."""
        return read_array(self._root, "samples/ids")

    @cached_property
    def row_fingerprints(self) -> Array | None:
        """A hash of each sample's inputs, uint64 (n,); None where the inputs are not known."""
        if "fingerprints" not in self._children("samples"):
            return None
        return read_array(self._root, "samples/fingerprints")

    @cached_property
    def splits(self) -> dict[str, Array]:
        """Split name to row numbers."""
        names = self._children("samples/splits")
        return {decode_name(name): read_array(self._root, f"samples/splits/{name}") for name in names}

    @cached_property
    def factors(self) -> dict[str, Factor]:
        """Factor name to ground truth."""
        from identify_core.data import Factor

        found = {}
        for name in self._children("samples/factors"):
            notes = self._node(f"samples/factors/{name}").attributes
            values = read_array(self._root, f"samples/factors/{name}")
            found[decode_name(name)] = Factor(
                values=values,
                kind=notes.get("kind"),  # type: ignore[arg-type]
                guessed=notes.get("guessed") is True,
            )
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that the dataset gave."""
        facts: dict[str, Any] = from_plain(self._node("samples").attributes.get("facts", {}))
        return facts

    @property
    def fingerprint(self) -> str:
        """The samples' fingerprint."""
        return str(self._node("samples").attributes.get("fingerprint", ""))

    @cached_property
    def latents(self) -> Mapping[str, StoredLatents]:
        """Name to latents, sorted by name; only metadata is read."""
        return {decode_name(name): self._latents(name) for name in self._children("latents")}

    def weights(self) -> dict[str, Array]:
        """What `Replicates.state()` gave: `parameters/<name>` and `buffers/<name>` to (R, ...), in its order."""
        nodes = [self._node(f"weights/{name}") for name in self._children("weights")]
        nodes.sort(key=lambda node: node.attributes.get("order", 0))
        found = {}
        for node in nodes:
            kind, name = node.attributes.get("kind", ""), decode_name(node.path.removeprefix("weights/"))
            found[f"{kind}/{name}" if kind else name] = read_array(self._root, node.path)
        return found

    @property
    def parameters(self) -> int:
        """How many parameters all replicates have together; 0 without weights. Only metadata is read."""
        nodes = [self._node(f"weights/{name}") for name in self._children("weights")]
        return sum(math.prod(node.shape) for node in nodes if node.attributes.get("kind") == "parameters")

    def history(self) -> dict[str, tuple[Array, Array]]:
        """Name to steps (S,) and values (S,) or (S, R)."""
        return {
            decode_name(name): (
                read_array(self._root, f"history/{name}/steps"),
                read_array(self._root, f"history/{name}/values"),
            )
            for name in self._children("history")
        }

    @property
    def findings(self) -> Mapping[str, StoredFinding]:
        """Label to finding, in the order in which they were made; each is read when it is asked for."""
        return _Findings(self.summary)

    def to_xarray(self) -> DataTree:
        """The run as one tree of xarray: samples, latents, weights, history and findings, read when they are asked for.

        Raises:
            UsageError: xarray is not installed.
        """
        from identify_core.store.trees import tree_of

        return tree_of(self)

    def outlined_findings(self) -> dict[str, StoredFinding]:
        """Label to finding without its arrays, of which `outlines` says what they are; only metadata is read."""
        return dict(_Findings(self.summary, with_arrays=False))

    def _children(self, path: str) -> list[str]:
        """The file names of what a group holds; none where the run has no such group."""
        names = child_names(self._root, path)
        if not names and not self._root.is_dir():
            raise StoreError(f"the run {self.id} is not there any more: it was removed or moved while it was read")
        return names

    def _latents(self, encoded: str) -> StoredLatents:
        node = self._node(f"latents/{encoded}")
        try:
            return self._described(
                decode_name(encoded), node, structure_record(from_plain(node.attributes), LatentsDocument)
            )
        except ValueError as error:
            raise StoreError(
                f"{node.path} of the run {self.id} cannot be read: its {NODE_FILE} is damaged: {error}",
                hint=f"`identify runs verify {self.id}` lists all that is wrong with it",
            ) from error

    def _described(self, name: str, node: Node, notes: LatentsDocument) -> StoredLatents:
        if node.is_array:
            if len(node.shape) != 3:
                raise ValueError(f"latents have three axes, not {len(node.shape)}")
            count, n, d = node.shape
            sizes, dtype = ((n, d),) * count, node.dtype
        else:
            members = [self._node(f"{node.path}/{r}") for r in range(notes.replicates)]
            if any(len(member.shape) != 2 for member in members):
                raise ValueError("latents of one replicate have two axes")
            sizes = tuple((member.shape[0], member.shape[1]) for member in members)
            dtype = members[0].dtype if members else "float32"
        if notes.names and len(notes.names) != len(sizes):
            raise ValueError(f"{len(sizes)} replicates have {len(notes.names)} names")
        return StoredLatents(
            name=name,
            split=notes.split,
            identified_up_to=notes.identified_up_to,
            summary=notes.summary,
            dtype=dtype,
            sizes=sizes,
            names=tuple(notes.names),
            kind=notes.kind,
            root=self._root,
            path=node.path,
            ragged=not node.is_array,
            ids=notes.ids,
            rows=notes.rows,
        )

    def _node(self, path: str) -> Node:
        try:
            return read_node(self._root, path)
        except (OSError, ValueError) as error:
            reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
            raise StoreError(
                f"{path} of the run {self.id} cannot be read: {reason}",
                hint=f"`identify runs verify {self.id}` lists all that is wrong with it",
            ) from error


class _Findings(Mapping[str, StoredFinding]):
    def __init__(self, summary: RunSummary, *, with_arrays: bool = True) -> None:
        self._summary = summary
        self._with_arrays = with_arrays

    def __getitem__(self, label: str) -> StoredFinding:
        while True:
            group = self._groups()[label]
            try:
                return read_finding(self._summary.folder / ARRAYS, group, label, with_arrays=self._with_arrays)
            except StoreError:
                # It may have been replaced while it was read; then there is another, which is whole.
                again = changed_meanwhile(self._summary)
                if again is None or again.problem:
                    raise
                self._summary = again

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups())

    def __len__(self) -> int:
        return len(self._groups())

    def __repr__(self) -> str:
        said = self._summary.document.get("findings", {})
        return "\n".join(f"{label}: {said[label].get('summary', '')}" for label in self) or "no findings"

    def _groups(self) -> dict[str, str]:
        return {label: str(entry["group"]) for label, entry in self._summary.document.get("findings", {}).items()}
