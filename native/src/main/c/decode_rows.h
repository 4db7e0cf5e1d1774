// The products of tiles of one type with 1, 2 and, where MOST_ROWS allows it, 4 rows of activations. Included once for
// each type, with
//   TYPE     its name in decode_types.h
//   MINIMUM  1 if it has minima, otherwise 0
// A tile of 16 rows of weights is read once; each result is summed in the same order whatever the
// number of rows of activations, so that it does not depend on what is computed beside it.
#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)
#define OF(what) CAT(TYPE, what)

// out[r * stride + 0..15] for r < count.
INLINE void OF(_tile)(const uint8_t *tile, int64_t blocks, const struct row *rows, const int count,
                      float *out, int64_t stride) {
  enum { LINES = OF(_BYTES) / LINE, GROUPS = OF(_LENGTH) / OF(_GROUP), QUADS = OF(_GROUP) / 4 };
  F totals[VECTORS][MOST_ROWS];
  EACH(v, VECTORS) {
    EACH(r, count) {
      totals[v][r] = ZERO;
    }
  }
  for (int64_t b = 0; b < blocks; b++, tile += OF(_BYTES)) {
    EACH(v, VECTORS) {
      const uint8_t *at = tile + 4 * LANES * v;
      struct OF(_HEAD) head = OF(_head)(at, tile + 2 * LANES * v);
#pragma GCC unroll 16
      for (int g = 0; g < GROUPS; g++) {
        int64_t column = b * OF(_LENGTH) + g * OF(_GROUP);
        int part = OF(_GROUP) == 16 ? g % 2 : 0;
        ACC sums[MOST_ROWS];
        EACH(r, count) {
          sums[r] = START(rows[r].groups[column / 32].start[part]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < QUADS; i++) {
          // Of each line, once, while the lines of a block are read in some order.
          int step = g * QUADS + i;
          if (v == 0 && (step + 1) * LINES / (GROUPS * QUADS) > step * LINES / (GROUPS * QUADS)) {
            PREFETCH(tile + AHEAD + step * LINES / (GROUPS * QUADS) * LINE);
          }
          V word = OF(_word)(at, g, i);
          EACH(r, count) {
            sums[r] = DOT(sums[r], word, rows[r].quads + column / 4 + i);
          }
        }
        F scale = OF(_scale)(&head, g);
#if MINIMUM
        F minimum = OF(_minimum)(&head, g);
#endif
        EACH(r, count) {
          const struct group *group = rows[r].groups + column / 32;
          totals[v][r] = FMA(MUL(FLOAT(SUM(sums[r])), BROADCAST(group->scale)), scale, totals[v][r]);
#if MINIMUM
          totals[v][r] = FMA(minimum, BROADCAST(group->sum[part]), totals[v][r]);
#endif
        }
      }
    }
  }
  EACH(r, count) {
    EACH(v, VECTORS) {
      STORE(out + r * stride + v * LANES, totals[v][r]);
    }
  }
}

#define ROWS_OF(count)                                                                              \
  static void OF(_##count)(const uint8_t *tile, int64_t blocks, const struct row *rows, float *out, \
                           int64_t stride) {                                                        \
    OF(_tile)(tile, blocks, rows, count, out, stride);                                              \
  }
ROWS_OF(1)
ROWS_OF(2)
#if MOST_ROWS == 4
ROWS_OF(4)
#endif
#undef ROWS_OF
#undef CAT2
#undef CAT
#undef OF
#undef TYPE
#undef MINIMUM
