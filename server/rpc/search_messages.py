"""Early stopping, tuning and trials: from the wire to the domain and back."""

from shortlist.server.domain.tuning import EarlyStopping, Trial, Tuning
from shortlist.server.rpc.fields import check_finite, enum_name, enum_number, settings_at
from shortlist.v1 import model_service_pb2 as pb2

_SPLITS = {
    pb2.SPLIT_UNSPECIFIED: "auto",
    pb2.SPLIT_TEMPORAL: "temporal",
    pb2.SPLIT_RANDOM_PER_USER: "random_per_user",
    pb2.SPLIT_LEAVE_LAST_OUT: "leave_last_out",
}
_STOPPING, _TUNING = EarlyStopping(), Tuning()


def early_stopping_from_proto(message: pb2.EarlyStopping, path: str) -> EarlyStopping:
    """Return how the number of epochs is to be found."""
    share = _STOPPING.held_out_fraction
    if message.HasField("held_out_fraction"):
        share = check_finite(f"{path}.held_out_fraction", message.held_out_fraction)
    with settings_at(path):
        return EarlyStopping(
            metric=message.metric or _STOPPING.metric,
            cutoff=message.cutoff or _STOPPING.cutoff,
            patience=message.patience or _STOPPING.patience,
            held_out_fraction=share,
            split=enum_name(f"{path}.split", message.split, _SPLITS),
            seed=message.seed,
        )


def early_stopping_to_proto(stopping: EarlyStopping) -> pb2.EarlyStopping:
    """Return the message that asks for exactly this."""
    return pb2.EarlyStopping(
        metric=stopping.metric,
        cutoff=stopping.cutoff,
        patience=stopping.patience,
        held_out_fraction=stopping.held_out_fraction,
        split=enum_number(_SPLITS, stopping.split),
        seed=stopping.seed,
    )


def tuning_from_proto(message: pb2.Tuning, path: str) -> Tuning:
    """Return how settings are to be found."""
    with settings_at(path):
        return Tuning(message.trials or _TUNING.trials, tuple(message.dims), message.seed)


def tuning_to_proto(tuning: Tuning) -> pb2.Tuning:
    """Return the message that asks for exactly this."""
    return pb2.Tuning(trials=tuning.trials, dims=tuning.dims, seed=tuning.seed)


def trial_to_proto(trial: Trial) -> pb2.Trial:
    """Return a trial."""
    return pb2.Trial(
        settings=trial.settings,
        epochs=trial.epochs,
        quality=trial.quality,
        qualities=trial.qualities,
        seconds=trial.seconds,
        chosen=trial.chosen,
    )
