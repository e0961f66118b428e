/* Rows of floats in halves, so that who needs no more than their upper ones (bfloat16) reads half
 * the bytes.
 *
 * In each block of HALVES_ROWS rows (the last may have fewer) first come the upper halves of all
 * rows, dim / 2 words a row, then what they lack. Of the vectors 2 k and 2 k + 1 of a row, word
 * vector k of either part holds the even one in its lower bits and the odd one in its upper bits.
 * The upper half is the nearest, so that it rounds without a bias; both together are the same
 * float, bit for bit, in the same memory. dim is a multiple of 32.
 *
 * A block is a multiple of the second-level cache's way (64 kilobytes) from dim 128 on: the upper
 * halves alone use all of its sets.
 */
#ifndef SHORTLIST_HALVES_H
#define SHORTLIST_HALVES_H

enum { HALVES_ROWS = 256 };

/* Word vector k of a row of upper halves, as the two vectors of floats that it stands for (see
 * lanes.h). */
#define EVEN_HALVES(row, k) ((VEC)(WORDS(row, k) << 16))
#define ODD_HALVES(row, k) ((VEC)(WORDS(row, k) & 0xffff0000u))

#endif
