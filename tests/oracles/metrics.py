"""Ranking metrics of one query, written out place by place from the definitions."""

import math


def metrics_of_query(ranked: list[int], relevant: set[int], k: int) -> dict[str, float]:
    """Return every per-query metric at cut-off k."""
    hits = [1 if row in relevant else 0 for row in ranked[:k]]
    precision = sum(hits) / k
    recall = sum(hits) / len(relevant)
    average_precision = 0.0
    gain = 0.0
    reciprocal = 0.0
    for place, hit in enumerate(hits, start=1):
        if hit:
            average_precision += sum(hits[:place]) / place
            gain += 1 / math.log2(place + 1)
            reciprocal = reciprocal or 1 / place
    reachable = min(len(relevant), k)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, reachable + 1))
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "map": average_precision / reachable,
        "ndcg": gain / ideal,
        "mrr": reciprocal,
        "hit_rate": 1.0 if any(hits) else 0.0,
    }
