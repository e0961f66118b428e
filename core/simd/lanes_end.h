/* Takes back what lanes.h defined, for the next level. */
#undef VEC
#undef EIGHT
#undef MASK
#undef AT
#undef SET
#undef INLINE
