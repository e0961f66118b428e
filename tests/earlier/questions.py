"""What every model is asked: each way to say who asks, and each thing that a request can want."""

from typing import Any

Json = dict[str, Any]
HISTORY = [
    {"itemId": "i00", "value": 4.5},
    {"itemId": "i03"},
    {"itemId": "i07", "value": -2.25},
    {"itemId": "never heard of"},
]
TWO_TASTES = [{"itemId": f"i{item:02d}", "value": 3} for item in (0, 3, 6, 9, 1, 4, 7)]
KNOWN: Json = {"user": {"userId": "u04"}}
FOLDED: Json = {"user": {"history": HISTORY}}
ROME = {"latitude": 41.0, "longitude": 9.0}


def retrievals(dim: int) -> dict[str, Json]:
    """Return RetrieveRequests by what they are about; a model of `dim` is asked by a vector too."""
    return {
        "stored": {"query": KNOWN},
        "stored, seen too": {"query": KNOWN, "includeSeen": True},
        "another user": {"query": {"user": {"userId": "u11"}}, "includeSeen": True},
        "without events": {"query": {"user": {"userId": "u23"}}},
        "history": {"query": FOLDED},
        "stranger's history": {"query": {"user": {"userId": "nobody", "history": HISTORY}}},
        "stored and history": {"query": {"user": {"userId": "u04", "history": HISTORY}}},
        "items": {"query": {"items": {"itemIds": ["i01", "i08"]}}},
        "items without others": {"query": _UNLIKE},
        "cold item": {"query": {"items": {"itemIds": ["i40"]}}},
        "items unknown": {"query": {"items": {"itemIds": ["never heard of"]}}},
        "vector": {"query": {"embedding": {"values": [0.3, -0.7, 0.5, 0.1, -0.4, 0.2][:dim]}}},
        "stranger": {"query": {"user": {"userId": "nobody"}}},
        "stranger refused": {"query": {"user": {"userId": "nobody"}}, "requirePersonalized": True},
        "segment": {"query": {"user": {"segment": "br"}}},
        "segment unknown": {"query": {"user": {"segment": "xx"}}},
        "club": {"query": {"user": {"features": {"club": {"text": "club 1"}}}}},
        "all features": {"query": {"user": {"features": _FEATURES}}},
        "features and history": {"query": {"user": {"features": _FEATURES, "history": HISTORY}}},
        "no such feature": {"query": {"user": {"features": {"shoe": {"number": 43}}}}},
        **{f"{name}, history": {"query": FOLDED, **asked} for name, asked in _WISHES.items()},
        **{f"{name}, stored": {"query": KNOWN, **asked} for name, asked in _WISHES.items()},
        "interests": {"query": {"user": {"history": TWO_TASTES}}, "interests": 3},
    }


def others(dim: int) -> dict[str, tuple[str, Json]]:
    """Return (method, request) of the other calls about one model, by what they are about."""
    asked = retrievals(dim)
    queries = [asked[name]["query"] for name in _EMBEDDED]
    alike = {"history": {"history": HISTORY}, "stored": KNOWN["user"], "club": _IN_CLUB}
    return {
        "model": ("ModelService.GetModel", {}),
        "embed": ("RetrievalService.Embed", {"queries": queries}),
        "embed features": ("RetrievalService.Embed", {"queries": [{"user": _IN_CLUB}]}),
        **{
            f"similar users, {name}": ("RetrievalService.SimilarUsers", {"user": user, "count": 4})
            for name, user in alike.items()
        },
        "evaluation": ("ModelService.EvaluateModel", {"testInteractions": _LATER, "cutoffs": [3]}),
    }


def everything(dim: int) -> list[tuple[str, Json]]:
    """Return (method, request) of calls whose replies say all that a training made.

    The vectors of users by Embed, those of items by what each direction of the space scores, and
    beside them popularity and what every item brings as the only one of a history.
    """
    users = [{"user": {"userId": f"u{user:02d}"}} for user in range(26)]
    directions = [[float(one == place) for one in range(dim)] for place in range(dim)]
    queries: list[Json] = [{"embedding": {"values": direction}} for direction in directions]
    queries += [{"user": {"segment": segment}} for segment in ("at", "br", "ch", "none")]
    queries += [{"user": {"history": [{"itemId": f"i{item:02d}"}]}} for item in range(15)]
    retrieved = [
        ("RetrievalService.Retrieve", {"query": query, "count": 100, "includeSeen": True})
        for query in queries
    ]
    return [("RetrievalService.Embed", {"queries": users}), *retrieved]


_LATER = {"source": {"uri": "FOLDER/later.parquet"}}
_EMBEDDED = ("stored", "history", "stored and history", "items", "items without others", "stranger")
_UNLIKE = {"items": {"itemIds": ["i02"], "negativeItemIds": ["i00", "never heard of"]}}
_FEATURES = {
    "club": {"text": "club 2"},
    "hobbies": {"texts": {"texts": ["h1", "never heard of"]}},
    "age": {"number": 24},
    "member": {"flag": True},
}
_IN_CLUB = {"features": {"club": {"text": "club 0"}}}
_WISHES: dict[str, Json] = {
    "exact": {"mode": "SEARCH_MODE_EXACT"},
    "approximate": {"mode": "SEARCH_MODE_APPROXIMATE", "includeSeen": True, "count": 6},
    "precomputed": {"mode": "SEARCH_MODE_PRECOMPUTED"},
    "exclude": {"excludeItemIds": ["i01", "i12", "never heard of"]},
    "candidates": {"candidateItemIds": ["i02", "i05", "i08", "i11", "never heard of"]},
    "least score": {"minScore": 0.1},
    "filter": {"filter": 'genre = "drama" OR themes:t1 AND price < 15'},
    "radius": {"within": {**ROME, "radiusM": 60_000}},
    "box": {"box": {"south": 40.2, "north": 41.1, "west": 8.0, "east": 9.7}},
    "window": {"window": {"attribute": "released", "before": "2000-01-01T00:00:00Z"}},
    "freshness": {"freshness": {"attribute": "released", "halfLife": "1s", "weight": 0.4}},
    "one a genre": {"diversity": {"attribute": "genre", "maxPerValue": 1}},
    "variety": {"diversity": {"mmrStrength": 0.5}, "includeSeen": True},
    "damping": {"popularityDamping": 0.6},
    "explain": {"explain": True, "contributionsMax": 2, "includeSeen": True},
}
