"""Which index a training builds: plain, checked, storable as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from shortlist.core.errors import check_setting

AUTO, GRAPH, LISTS, EXACT = "auto", "usearch", "lists", "exact"
KINDS = (AUTO, GRAPH, LISTS, EXACT)
DTYPES = ("f32", "bf16", "i8")
CONNECTIVITY, CONNECTIVITY_MIN, CONNECTIVITY_MAX = 32, 4, 256
EXPANSION_ADD, EXPANSION_ADD_MIN, EXPANSION_ADD_MAX = 128, 8, 8192


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """How a graph is built."""

    connectivity: int = CONNECTIVITY  # edges a node
    expansion_add: int = EXPANSION_ADD  # candidates kept; twice 128 is twice the time for 0.1 %
    dtype: str = "f32"  # one of DTYPES: of the vectors in the graph, not of the scores
    parallel_build: bool = False  # by all threads, so that its bits need not repeat

    def __post_init__(self) -> None:
        found, low, high = self.connectivity, CONNECTIVITY_MIN, CONNECTIVITY_MAX
        check_setting("connectivity", found, low <= found <= high, f"{low} to {high}")
        found, low, high = self.expansion_add, EXPANSION_ADD_MIN, EXPANSION_ADD_MAX
        check_setting("expansion_add", found, low <= found <= high, f"{low} to {high}")
        check_setting("dtype", self.dtype, self.dtype in DTYPES, f"one of {', '.join(DTYPES)}")


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """The index that was asked for."""

    kind: str = AUTO  # one of KINDS; auto: what is measured to be better
    graph: GraphOptions | None = None  # set with usearch, and only there

    def __post_init__(self) -> None:
        check_setting("kind", self.kind, self.kind in KINDS, f"one of {', '.join(KINDS)}")
        with_graph = self.graph is not None
        check_setting(
            "graph", self.kind, with_graph == (self.kind == GRAPH), f"with {GRAPH}, only there"
        )
