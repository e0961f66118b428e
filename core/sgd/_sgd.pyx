"""Gradients of stochastic matrix factorization (see core/sgd/sgd.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t

from shortlist.core.simd.sgd cimport SgdBlock, SgdLoss, SgdScratch, sgd_functions, sgd_line


def scratch_size(int64_t pairs, int64_t negatives, int64_t dim):
    """Return the floats of scratch that a block wants."""
    return pairs * (2 * dim + 3) + negatives * (2 * dim + 1) + pairs * sgd_line(negatives)


def block_gradients(
    int kind, bint unit, float negative_weight, float temperature, float margin,
    int64_t hard_count,                # of a pair's negatives count, the best-scored; 0: all
    const int32_t[::1] users,          # (pairs,)
    const int32_t[::1] items,          # (pairs,)
    const float[::1] labels,           # (pairs,)
    const int32_t[::1] negatives,      # (n,) ascending, n a multiple of 16 or 0
    const float[::1] corrections,      # (n,)
    const float[:, ::1] user_vectors,  # (users, dim), dim a multiple of 16
    const float[:, ::1] item_vectors,  # (items, dim)
    const int64_t[::1] row_starts,     # (users + 1,) positives of each user
    const int32_t[::1] columns,        # ascending in a row
    float[:, ::1] user_gradients,      # (pairs, dim) written
    float[:, ::1] item_gradients,      # (pairs, dim) written
    float[:, ::1] negative_gradients,  # (n, dim) written
    float[::1] scratch,                # scratch_size
    int level,
):
    """Return the sum of the pairs' losses."""
    cdef SgdLoss loss
    cdef SgdBlock block
    cdef SgdScratch room
    cdef int64_t pairs = users.shape[0], n = negatives.shape[0], dim = user_vectors.shape[1]
    cdef double total
    if not pairs:
        return 0.0
    loss.kind, loss.unit, loss.negative_weight = kind, unit, negative_weight
    loss.temperature, loss.margin, loss.hard_count = temperature, margin, hard_count
    block.pairs, block.negative_count, block.dim = pairs, n, dim
    block.users, block.items, block.labels = &users[0], &items[0], &labels[0]
    block.user_vectors, block.item_vectors = &user_vectors[0, 0], &item_vectors[0, 0]
    block.row_starts = &row_starts[0]
    block.columns = &columns[0]
    block.user_gradients, block.item_gradients = &user_gradients[0, 0], &item_gradients[0, 0]
    block.negatives, block.corrections, block.negative_gradients = NULL, NULL, NULL
    if n:
        block.negatives, block.corrections = &negatives[0], &corrections[0]
        block.negative_gradients = &negative_gradients[0, 0]
    room.users = &scratch[0]
    room.items = room.users + pairs * dim
    room.negatives = room.items + pairs * dim
    room.turned = room.negatives + n * dim
    room.scores = room.turned + n * dim
    room.slopes = room.scores + pairs * sgd_line(n)
    room.user_lengths = room.slopes + pairs
    room.item_lengths = room.user_lengths + pairs
    room.negative_lengths = room.item_lengths + pairs
    with nogil:
        total = sgd_functions[level].block(&loss, &block, &room)
    return total
