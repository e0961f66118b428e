"""Several interests: a history in parts, each asked for on its own.

One vector for a broad taste lies between the interests and near none. As in PinnerSage (Pal et al.
2020) the history is clustered around medoids; here each cluster is folded in as if it were the
whole history, and what the clusters retrieve is merged by rank: the first of each, then the second
of each, the larger cluster first, an item where it comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shortlist.core.interactions import Interactions
from shortlist.core.medoids import cluster_medoids
from shortlist.server.retrieval.encoder import Encoded, directions, fold_in
from shortlist.server.retrieval.query import Origin
from shortlist.server.retrieval.search import Found
from shortlist.server.retrieval.serving_model import ServingModel


@dataclass(frozen=True, slots=True)
class Interest:
    """One cluster of a history."""

    medoid_row: int
    item_count: int  # items of the history that belong to it
    encoded: Encoded  # of these items, and of every dislike


def interests_of(model: ServingModel, encoded: Encoded, most: int) -> tuple[Interest, ...]:
    """Return up to `most` interests of an encoded history; none where it has only one.

    Dislikes make no interest of their own: they belong to each.
    """
    if most < 2 or model.space is None or encoded.seen_values is None:
        return ()
    rows, values = encoded.seen_rows, encoded.seen_values
    likes = np.flatnonzero(values >= 0)
    clusters = cluster_medoids(directions(model.space, rows[likes]), most)
    if len(clusters.medoids) < 2:
        return ()
    dislikes = np.flatnonzero(values < 0)
    parts = [np.sort(np.append(likes[members], dislikes)) for members in clusters.members]
    starts = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    places = np.concatenate(parts)
    history = Interactions(starts, rows[places], values[places], model.item_count)
    vectors = fold_in(model, model.space, history)
    return tuple(
        Interest(
            int(rows[likes[medoid]]),
            len(members),
            replace(
                encoded,
                vector=vector,
                origin=Origin.FOLDED_IN,
                seen_rows=rows[part],
                seen_values=values[part],
            ),
        )
        for medoid, members, part, vector in zip(
            clusters.medoids.tolist(), clusters.members, parts, vectors, strict=True
        )
    )


def interleave(founds: Sequence[Found], count: int) -> Found:
    """Merge rankings by rank into the first `count` rows, none twice; says whence each comes."""
    ranks = np.concatenate([np.arange(len(one.rows)) for one in founds])
    sources = np.repeat(np.arange(len(founds)), [len(one.rows) for one in founds])
    order = np.lexsort((sources, ranks))
    rows = np.concatenate([one.rows for one in founds])[order]
    _, first = np.unique(rows, return_index=True)
    kept = order[np.sort(first)[:count]]
    return Found(
        np.concatenate([one.rows for one in founds])[kept],
        np.concatenate([one.scores for one in founds])[kept],
        founds[0].report,
        sources[kept],
    )
