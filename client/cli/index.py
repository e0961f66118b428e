"""What the command line says about indexes: options of a training, and exports of graphs."""

from __future__ import annotations

import argparse

from shortlist.client.cli.options import Commands, OptionGroup, print_json
from shortlist.client.clients import Shortlist
from shortlist.client.training import Index


def add_index_options(group: OptionGroup) -> None:
    """Add which index a training builds."""
    kinds = ["auto", "usearch", "lists", "exact"]
    text = "for approximate search (default auto: what is measured to be better)"
    group.add_argument("--index", default="", choices=kinds, help=text)
    group.add_argument(
        "--index-connectivity", type=int, default=0, metavar="32", help="usearch: edges a node"
    )
    text = "usearch: candidates kept while building"
    group.add_argument("--index-expansion-add", type=int, default=0, metavar="128", help=text)
    text = "usearch: of the vectors in the graph (default f32)"
    group.add_argument("--index-dtype", default="", choices=["f32", "bf16", "i8"], help=text)
    text = "usearch: build by all threads; its bits then need not repeat"
    group.add_argument("--index-parallel-build", action="store_true", help=text)


def index_of(options: argparse.Namespace) -> Index | None:
    """Return the index that the options ask for."""
    wanted = Index(
        options.index,
        options.index_connectivity,
        options.index_expansion_add,
        options.index_dtype,
        options.index_parallel_build,
    )
    return None if wanted == Index() else wanted


def add_export_parser(verbs: Commands) -> None:
    """Add the command that exports a graph."""
    parser = verbs.add_parser("export-index", help="write a model's graph here, for use elsewhere")
    parser.add_argument("model", nargs="?", default="", help='id or alias (default "live")')
    text = "a folder, or a file that ends with .usearch; the ids come beside it"
    parser.add_argument("-o", "--output", default=".", metavar="DIR|FILE", help=text)
    parser.set_defaults(run=export_index)


def export_index(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Write the graph of a model, its ids and what it is."""
    try:
        found = shortlist.export_index(options.output, options.model)
    except OSError as problem:
        raise SystemExit(f"shortlist models export-index: {problem}") from problem
    if options.json:
        print_json(found)
        return
    header = found.header
    print(
        f"{found.path}: {header.item_count:,} items of model {header.model}, dim {header.dim}, "
        f"{header.metric}, {header.dtype}, {header.size_bytes / 1e6:,.1f} MB\n"
        f"{found.ids_path}: the item of key k in line k, from 0\n"
        f"ask it for a vector with a 0 appended, and keep {header.expansion_search} candidates "
        "(expansion_search)"
    )
