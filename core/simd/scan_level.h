/* Everything of the scan for the SIMD level that scan.h has just described. */
#include "simd/scan_vectors.h"
#include "simd/scan_select.h"
#include "simd/scan_float.h"
#include "simd/scan_int8.h"

#undef LEVEL
#undef LANES
#undef PANELS
#undef QUERIES_WIDE
#undef PANELS8
#undef PANELS8_LONE
#undef QUERIES_WIDE8
#undef FMA
#undef VF
#undef PAIR
#undef PAIR_TAIL
#undef GROUP
#undef ABOVE
#undef LESSER
#undef LARGER
#undef SPLAT
#undef MIX
#undef JOIN
#undef HALVES
#undef ROW_LOW
#undef ROW_HIGH
#undef HALF
