"""Choosing from a ranking so that the chosen differ (see diversity.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t


def admit(
    const int64_t[::1] starts,  # (all rows + 1,) where each row's codes start
    const int32_t[::1] codes,   # values of the rows, none twice in a row
    const int32_t[::1] ranked,  # (rows,) best first
    int64_t most,               # rows a value
    int64_t wanted,
    int64_t[::1] admitted,      # (values,) zeros; how many rows of each value were taken
    int64_t[::1] kept,          # (at least wanted,) places in `ranked`, written
):
    """Take rows in order until `wanted` are kept; return how many were."""
    cdef int64_t count = 0
    cdef int64_t place, entry
    cdef int32_t row
    cdef bint free
    with nogil:
        for place in range(ranked.shape[0]):
            if count == wanted:
                break
            row = ranked[place]
            free = True
            for entry in range(starts[row], starts[row + 1]):
                if admitted[codes[entry]] >= most:
                    free = False
                    break
            if not free:
                continue
            for entry in range(starts[row], starts[row + 1]):
                admitted[codes[entry]] += 1
            kept[count] = place
            count += 1
    return count


def order_by_marginal_relevance(
    const double[::1] relevance,      # (n,) scaled by what strength leaves
    double strength,
    const double[:, ::1] directions,  # (n, dim) of length 1 or 0
    double[::1] nearest,              # (n,) -1; largest cosine with those chosen and looked at
    int64_t[::1] looked,              # (n,) zeros; how many of those chosen, -1 once chosen
    int64_t[::1] order,               # (at most n,) places, written
):
    """Choose one after another what is worth the most; equal worth in the order given.

    What a place was worth some choices ago is a bound: cosines are looked at only while the bound
    beats the best place found so far (lazy greedy, Minoux 1978).
    """
    cdef int64_t chosen, place, best
    cdef double worth, best_worth, cosine
    with nogil:
        for chosen in range(order.shape[0]):
            best = -1
            best_worth = 0
            for place in range(relevance.shape[0]):
                if looked[place] < 0:
                    continue
                worth = relevance[place] - strength * nearest[place]
                while looked[place] < chosen and (best < 0 or worth > best_worth):
                    cosine = inner_product(directions, place, order[looked[place]])
                    nearest[place] = max(nearest[place], cosine)
                    worth = relevance[place] - strength * nearest[place]
                    looked[place] += 1
                if best < 0 or worth > best_worth:
                    best = place
                    best_worth = worth
            order[chosen] = best
            looked[best] = -1


cdef double inner_product(const double[:, ::1] vectors, int64_t i, int64_t j) noexcept nogil:
    """Four sums side by side: one would wait for every addition."""
    cdef double a = 0, b = 0, c = 0, d = 0
    cdef int64_t at = 0, dim = vectors.shape[1]
    while at + 4 <= dim:
        a += vectors[i, at] * vectors[j, at]
        b += vectors[i, at + 1] * vectors[j, at + 1]
        c += vectors[i, at + 2] * vectors[j, at + 2]
        d += vectors[i, at + 3] * vectors[j, at + 3]
        at += 4
    while at < dim:
        a += vectors[i, at] * vectors[j, at]
        at += 1
    return (a + b) + (c + d)
