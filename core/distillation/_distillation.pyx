"""Gradients of distillation (see core/distillation/distillation.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t

from shortlist.core.simd.sgd cimport DistillBlock, SgdScratch, sgd_functions, sgd_line


def scratch_size(int64_t users, int64_t candidates, int64_t dim):
    """Return the floats of scratch that a block wants."""
    return users * (dim + 1) + candidates * (2 * dim + 1) + users * sgd_line(candidates)


def distilled_gradients(
    float temperature,
    const float[:, ::1] user_vectors,        # (b, dim), dim a multiple of 16
    const int64_t[::1] positive_starts,      # (b + 1,) what each user has
    const int32_t[::1] positives,            # ascending for a user
    const int32_t[::1] candidates,           # (n,) ascending, n a multiple of 16
    const float[::1] corrections,            # (n,) taken off the logits
    const float[:, ::1] item_vectors,        # (items, dim)
    const int64_t[::1] target_starts,        # (b + 1,)
    const int32_t[::1] targets,              # rows, each among the candidates
    const float[::1] weights,                # of the targets
    float[:, ::1] user_gradients,            # (b, dim) written
    float[:, ::1] candidate_gradients,       # (n, dim) written
    float[::1] scratch,                      # scratch_size(b, n, dim)
    int level,
):
    """Return the sum of the users' losses."""
    cdef DistillBlock block
    cdef SgdScratch room
    cdef int64_t users = user_vectors.shape[0], n = candidates.shape[0]
    cdef double total
    if not users or not n:
        return 0.0
    block.users, block.candidate_count, block.dim = users, n, user_vectors.shape[1]
    block.user_vectors, block.item_vectors = &user_vectors[0, 0], &item_vectors[0, 0]
    block.positive_starts, block.target_starts = &positive_starts[0], &target_starts[0]
    block.positives, block.targets, block.weights = NULL, NULL, NULL
    if positives.shape[0]:
        block.positives = &positives[0]
    if targets.shape[0]:
        block.targets, block.weights = &targets[0], &weights[0]
    block.candidates, block.corrections = &candidates[0], &corrections[0]
    block.user_gradients = &user_gradients[0, 0]
    block.candidate_gradients = &candidate_gradients[0, 0]
    room.users = &scratch[0]
    room.negatives = room.users + users * block.dim
    room.turned = room.negatives + n * block.dim
    room.scores = room.turned + n * block.dim
    room.user_lengths = room.scores + users * sgd_line(n)
    room.negative_lengths = room.user_lengths + users
    room.items = room.slopes = room.item_lengths = NULL
    with nogil:
        total = sgd_functions[level].distill(temperature, &block, &room)
    return total
