"""Steps of Adam (see core/sgd/adam.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t

from shortlist.core.simd.sgd cimport SgdRows, SgdStep, sgd_functions


def move_rows(
    const int32_t[::1] rows,           # (m,) rows to move, none twice
    const int64_t[::1] starts,         # (m + 1,) where the entries of each begin
    const int32_t[::1] entries,        # gradients of each row, in the order they are summed
    const float[:, ::1] gradients,     # (entries, dim)
    float[:, ::1] vectors,             # (all rows, dim) moved
    float[:, ::1] first_moments,       # (all rows, dim)
    float[:, ::1] second_moments,      # (all rows, dim)
    int32_t[::1] steps,                # (all rows,) moves of each so far, counted up
    const float[::1] first_scales,     # (n,) of first moments by moves so far; the last for more
    const float[::1] second_scales,    # (n,) of the roots of the second moments
    float rate, float decay, float square_decay, float scale, float regularization,
    int64_t first, int64_t last,       # range of `rows`
    int level,
):
    """Take one step of Adam (Kingma and Ba 2015) for rows first..last-1."""
    cdef SgdStep step
    cdef SgdRows moved
    if first >= last:
        return
    step.rate, step.decay, step.square_decay = rate, decay, square_decay
    step.scale, step.regularization = scale, regularization
    moved.dim = vectors.shape[1]
    moved.rows, moved.starts, moved.entries = &rows[0], &starts[0], &entries[0]
    moved.gradients, moved.vectors = &gradients[0, 0], &vectors[0, 0]
    moved.first_moments, moved.second_moments = &first_moments[0, 0], &second_moments[0, 0]
    moved.steps, moved.scale_count = &steps[0], first_scales.shape[0]
    moved.first_scales, moved.second_scales = &first_scales[0], &second_scales[0]
    with nogil:
        sgd_functions[level].move(&step, &moved, first, last)
