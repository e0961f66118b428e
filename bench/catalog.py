"""A generated world that looks like a real one: things to do in cities, and people with tastes.

Items have a title, genre, city, coordinates and publication time, and a popularity that falls off as
a power law; users have a home city and a few genres they love, and mostly do what both suggest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

DAY_MS = 86_400_000
CITIES = {
    "New York": (40.7128, -74.0060), "London": (51.5072, -0.1276), "Berlin": (52.5200, 13.4050),
    "Paris": (48.8566, 2.3522), "Tokyo": (35.6764, 139.6500), "Lisbon": (38.7223, -9.1393),
    "Sydney": (-33.8688, 151.2093), "Toronto": (43.6532, -79.3832),
}  # fmt: skip
# Genre: (what it is, where or with whom); a title is made of one of each.
GENRES = {
    "jazz": (["Bebop Night", "Swing Session", "Late Set", "Brass Quartet"], ["at the Cellar", "on the Roof", "with the Hall Trio"]),
    "climbing": (["Boulder Evening", "Top-Rope Class", "Crag Day", "Lead Workshop"], ["for Beginners", "at the Old Mill", "with Ines"]),
    "ramen": (["Shoyu Counter", "Tonkotsu Tasting", "Noodle Class", "Miso Night"], ["by the Station", "with Chef Oda", "for Two"]),
    "theatre": (["Hamlet", "Improvised Farce", "The Cherry Orchard", "One-Act Night"], ["in the Yard", "at the Playhouse", "by Students"]),
    "running": (["Five-Mile Loop", "Track Intervals", "Dawn Run", "Half Marathon"], ["along the River", "in the Park", "with Coffee"]),
    "film": (["Silent Classics", "Noir Double Bill", "Short Films", "Documentary Night"], ["at the Rialto", "under the Stars", "with Talk"]),
    "gardening": (["Compost Clinic", "Rose Pruning", "Seed Swap", "Balcony Herbs"], ["at the Allotment", "for Families", "with Tea"]),
    "chess": (["Blitz Cup", "Endgame School", "Simultaneous Display", "Casual Night"], ["at the Library", "for Juniors", "in the Bar"]),
    "pottery": (["Wheel Throwing", "Glaze Lab", "Hand-Built Bowls", "Raku Firing"], ["at Studio Nine", "for Beginners", "on Sunday"]),
    "salsa": (["Salsa Basics", "Rueda Circle", "Bachata Crossover", "Live Band Social"], ["at the Ballroom", "for Couples", "until Late"]),
    "hacking": (["Soldering Night", "Capture the Flag", "Rust Study Group", "Retro Computing"], ["at the Lab", "with Pizza", "for All"]),
    "wine": (["Natural Wine Flight", "Port and Cheese", "Blind Tasting", "Vineyard Day"], ["with Marta", "in the Cellar", "for Six"]),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """Everything that was generated; `events` and `items` are what a user would have on disk."""

    items: pa.Table  # item_id, title, genre, city, latitude, longitude, published
    events: pa.Table  # user_id, item_id, value, timestamp
    users: pa.Table  # user_id, city, genres


def generate_world(
    *, item_count: int, user_count: int, event_count: int, seed: int, now_ms: int
) -> World:
    """Generate a world; the same arguments give the same world."""
    rng = np.random.default_rng(seed)
    genres, cities = list(GENRES), list(CITIES)
    item_genre = rng.integers(len(genres), size=item_count)
    item_city = rng.integers(len(cities), size=item_count)
    user_city = rng.integers(len(cities), size=user_count)
    # Two or three loves a user: the first twice as strong as the second, and so on.
    loves = np.argsort(rng.random((user_count, len(genres))), axis=1)[:, :3]

    # Everybody does a little, some do a lot.
    activity = rng.lognormal(0.0, 0.9, user_count)
    event_user = rng.choice(user_count, size=event_count, p=activity / activity.sum())
    love = rng.choice(3, size=event_count, p=[0.55, 0.3, 0.15])
    event_genre = loves[event_user, love]
    event_city = user_city[event_user].copy()
    away, curious = rng.random(event_count) < 0.15, rng.random(event_count) < 0.10
    event_city[away] = rng.integers(len(cities), size=away.sum())
    event_genre[curious] = rng.integers(len(genres), size=curious.sum())
    event_item = _pick_items(
        event_genre * len(cities) + event_city, item_genre * len(cities) + item_city, rng
    )

    known = event_item >= 0
    age_days = rng.exponential(25.0, event_count).clip(max=120.0)
    events = pa.table(
        {
            "user_id": _ids("user", event_user[known]),
            "item_id": _ids("item", event_item[known]),
            "value": rng.integers(1, 4, event_count)[known].astype(np.float32),
            "timestamp": pa.array(
                now_ms - (age_days[known] * DAY_MS).astype(np.int64), pa.timestamp("ms", "UTC")
            ),
        }
    )
    return World(
        _item_table(item_genre, item_city, rng, now_ms), events, _user_table(user_city, loves)
    )


def _pick_items(
    event_bucket: npt.NDArray[np.int64],
    item_bucket: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Pick one item of each event's bucket, the r-th most popular with weight 1 / r; -1 where empty."""
    picked = np.full(len(event_bucket), -1, np.int64)
    for bucket in np.unique(event_bucket):
        members = np.flatnonzero(item_bucket == bucket)
        wanted = np.flatnonzero(event_bucket == bucket)
        if len(members):
            weights = 1.0 / np.arange(1, len(members) + 1)
            picked[wanted] = rng.choice(members, size=len(wanted), p=weights / weights.sum())
    return picked


def _ids(kind: str, rows: npt.NDArray[np.int64]) -> pa.Array:
    names = pa.array([f"{kind}-{row:06d}" for row in range(int(rows.max(initial=0)) + 1)])
    return names.take(pa.array(rows))


def _item_table(
    genre: npt.NDArray[np.int64], city: npt.NDArray[np.int64], rng: np.random.Generator, now_ms: int
) -> pa.Table:
    count = len(genre)
    genres, cities = list(GENRES), list(CITIES)
    first, second = rng.integers(4, size=count), rng.integers(3, size=count)
    titles = [
        f"{GENRES[genres[g]][0][a]} {GENRES[genres[g]][1][b]}"
        for g, a, b in zip(genre, first, second, strict=True)
    ]
    centre = np.array(list(CITIES.values()))[city]
    place = centre + rng.normal(0.0, 0.03, (count, 2))  # a few kilometres around the centre
    published = now_ms - (rng.exponential(40.0, count).clip(max=365.0) * DAY_MS).astype(np.int64)
    return pa.table(
        {
            "item_id": _ids("item", np.arange(count)),
            "title": titles,
            "genre": [genres[g] for g in genre],
            "city": [cities[c] for c in city],
            "latitude": place[:, 0],
            "longitude": place[:, 1],
            "published": pa.array(published, pa.timestamp("ms", "UTC")),
        }
    )


def _user_table(city: npt.NDArray[np.int64], loves: npt.NDArray[np.int64]) -> pa.Table:
    genres, cities = list(GENRES), list(CITIES)
    return pa.table(
        {
            "user_id": _ids("user", np.arange(len(city))),
            "city": [cities[c] for c in city],
            "genres": [[genres[g] for g in row] for row in loves],
        }
    )
