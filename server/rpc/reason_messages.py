"""Explanations: from the wire to the domain and back."""

from collections.abc import Sequence

from shortlist.server.domain.query import EXPLAINED_MAX, Reason
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import int_in
from shortlist.v1 import retrieval_service_pb2 as pb2

CONTRIBUTIONS_DEFAULT = 3
CONTRIBUTIONS_MAX = 20


def contributions_max_from_proto(request: pb2.RetrieveRequest, count: int) -> int:
    """Return how many contributions a candidate gets; 0: the request wants no explanation."""
    most = int_in("contributions_max", request.contributions_max, 0, CONTRIBUTIONS_MAX)
    if not request.explain:
        if most:
            raise FieldInvalid("contributions_max", f"{most} needs explain", found=most)
        return 0
    if count > EXPLAINED_MAX:
        problem = f"{count} candidates are too many to explain; at most {EXPLAINED_MAX} are allowed"
        raise FieldInvalid("count", problem, found=count, limit=EXPLAINED_MAX)
    return most or CONTRIBUTIONS_DEFAULT


def reasons_to_proto(reasons: Sequence[Reason]) -> list[pb2.Reason]:
    """Return one message a candidate."""
    return [
        pb2.Reason(
            contributions=[
                pb2.Contribution(item_id=item_id, amount=amount)
                for item_id, amount in zip(reason.item_ids, reason.amounts, strict=True)
            ],
            remainder=reason.remainder,
        )
        for reason in reasons
    ]
