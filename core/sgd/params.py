"""Settings of matrix factorization by stochastic gradient descent."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from shortlist.core.errors import SettingInvalid
from shortlist.core.limits import DIM_MAX

LossKind: TypeAlias = Literal["squared", "logistic", "bpr", "softmax", "contrastive"]
BLOCK_PAIRS = 256  # that share their negatives; a block's scores stay in the second-level cache
OFFSETS = 2  # last coordinates of every vector: a user's (u, 1, b), an item's (v, c, 1)
LOSSES: tuple[LossKind, ...] = get_args(LossKind)  # in the order of the kernel's numbers


@dataclass(frozen=True, slots=True)
class SgdParams:
    """What to minimise (core/sgd/sgd.py) and how; out of range: SettingInvalid."""

    loss: LossKind = "softmax"
    dim: int = 64
    epochs: int = 20
    cosine: bool | None = None  # None: for softmax and contrastive
    temperature: float = 0.1  # of softmax
    margin: float = 0.8  # of contrastive: negatives below it are far enough
    negative_count: int = 256  # shared by a block of pairs; 0: none
    negative_power: float = 0.0  # negatives by popularity^power; 0: uniform
    uniform_share: float = 0.0  # of the negatives that come uniformly all the same
    in_batch: bool = False  # the items of a block's pairs are negatives too
    hard_count: int | None = None  # of a pair's negatives count, the best-scored; None: all
    negative_weight: float = 1.0  # of all negatives of a pair together; no meaning for softmax
    correct_sampling: bool = False  # logQ, of softmax: estimate the softmax over all items
    gravity: float = 0.0  # weight of the sum of all squared scores, negatives or not
    item_bias: bool = False
    user_bias: bool = False
    batch_size: int = 1024  # pairs between two steps
    learning_rate: float = 0.02
    regularization: float = 0.0
    init_stddev: float = 0.1  # of the first vectors, times sqrt(dim)
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every range."""
        for field, low, high in (
            ("dim", 1, DIM_MAX - OFFSETS),
            ("epochs", 1, 100_000),
            ("temperature", 1e-3, 1e3),
            ("margin", -1, 1),
            ("negative_count", 0, 65_536),
            ("negative_power", 0, 10),
            ("uniform_share", 0, 1),
            ("negative_weight", 0, 1e6),
            ("gravity", 0, 1e6),
            ("batch_size", 1, 1 << 20),
            ("learning_rate", 1e-9, 100),
            ("regularization", 0, 1e6),
            ("init_stddev", 1e-9, 100),
            ("seed", 0, 2**64 - 1),
        ):
            value = getattr(self, field)
            if not low <= value <= high:  # also refuses NaN
                raise SettingInvalid(field, value, f"{low:g} to {high:g}")
        if self.loss not in LOSSES:
            raise SettingInvalid("loss", self.loss, ", ".join(LOSSES))
        self._check_negatives()
        if self.unit and (self.item_bias or self.user_bias):
            field = "item_bias" if self.item_bias else "user_bias"
            raise SettingInvalid(field, True, "false where scores are cosines")
        if self.unit and self.gravity:
            raise SettingInvalid("gravity", self.gravity, "0 where scores are cosines")

    def _check_negatives(self) -> None:
        whole = self.negative_count + BLOCK_PAIRS * self.in_batch
        if self.loss in ("bpr", "softmax", "contrastive") and not whole:
            allowed = f"above 0 with the loss {self.loss}, or in_batch"
            raise SettingInvalid("negative_count", 0, allowed)
        if self.uniform_share and not (self.negative_power and self.negative_count):
            allowed = "0 where no negatives are drawn by popularity (negative_power)"
            raise SettingInvalid("uniform_share", self.uniform_share, allowed)
        if self.hard_count is None:
            return
        if not 1 <= self.hard_count <= whole:
            raise SettingInvalid("hard_count", self.hard_count, f"1 to {whole}, a pair's negatives")
        if self.correct_sampling:
            allowed = "unset with correct_sampling: what the scores choose has no log Q"
            raise SettingInvalid("hard_count", self.hard_count, allowed)

    @property
    def unit(self) -> bool:
        """Whether scores are cosines."""
        if self.cosine is None:
            return self.loss in ("softmax", "contrastive")
        return self.cosine
