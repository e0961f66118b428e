"""Steps of Adam (see core/adam.py, the only importer)."""

from libc.math cimport pow as power
from libc.stdint cimport int32_t, int64_t

cdef extern from "simd/sgd.h" nogil:
    ctypedef struct SgdStep:
        float rate, decay, square_decay, scale, regularization
    ctypedef struct SgdFunctions:
        void (*move)(
            const SgdStep *, const int32_t *, int64_t, const float *, int64_t, float *, float *,
            float *, float *, float, float
        ) noexcept nogil
    const SgdFunctions sgd_functions[4]


def move_rows(
    const int32_t[::1] rows,         # (m,) rows to move, none twice
    const int64_t[::1] starts,       # (m + 1,) where the entries of each begin
    const int32_t[::1] entries,      # gradients of each row, in the order they are summed
    const float[:, ::1] gradients,   # (entries, dim)
    float[:, ::1] vectors,           # (all rows, dim) moved
    float[:, ::1] first_moments,     # (all rows, dim)
    float[:, ::1] second_moments,    # (all rows, dim)
    int32_t[::1] steps,              # (all rows,) moves of each so far, counted up
    float rate, float decay, float square_decay, float scale, float regularization,
    int64_t first, int64_t last,     # range of `rows`
    float[::1] scratch,              # (dim,)
    int level,
):
    """Take one step of Adam (Kingma and Ba 2015) for rows first..last-1."""
    cdef SgdStep step
    cdef int64_t i, row
    cdef double left, square_left
    step.rate, step.decay, step.square_decay = rate, decay, square_decay
    step.scale, step.regularization = scale, regularization
    with nogil:
        for i in range(first, last):
            row = rows[i]
            steps[row] += 1
            left = 1 - power(decay, steps[row])
            square_left = 1 - power(square_decay, steps[row])
            sgd_functions[level].move(
                &step, &entries[starts[i]], starts[i + 1] - starts[i], &gradients[0, 0],
                vectors.shape[1], &scratch[0], &vectors[row, 0], &first_moments[row, 0],
                &second_moments[row, 0], <float>left, <float>square_left,
            )
