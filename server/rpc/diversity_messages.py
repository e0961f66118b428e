"""Diversity: from the wire to the domain."""

from shortlist.server.domain.query import COUNT_MAX, DIVERSIFIED_MAX, Diversity
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import attribute_from_text, float_in, int_in
from shortlist.v1 import retrieval_service_pb2 as pb2


def diversity_from_proto(message: pb2.Diversity, count: int) -> Diversity:
    """Return how the `count` candidates of a request must differ."""
    path = "diversity"
    attribute = attribute_from_text(f"{path}.attribute", message.attribute)
    most = int_in(f"{path}.max_per_value", message.max_per_value, 0, COUNT_MAX)
    if bool(attribute) != bool(most):
        problem = "attribute and max_per_value need each other"
        raise FieldInvalid(f"{path}.max_per_value", problem, found=most)
    strength = float_in(f"{path}.mmr_strength", message.mmr_strength, 0, 1)
    if strength and count > DIVERSIFIED_MAX:
        problem = f"{count} candidates are too many for mmr_strength; at most {DIVERSIFIED_MAX}"
        raise FieldInvalid("count", problem, found=count, limit=DIVERSIFIED_MAX)
    return Diversity(attribute, most, strength)
