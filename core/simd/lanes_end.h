/* Takes back what lanes.h defined, for the next level. */
#undef VEC
#undef EIGHT
#undef MASK
#undef WORD
#undef AT
#undef SET
#undef WORDS
#undef INLINE
