// The products of tiles of one type with 1, 2 and, where MOST_ROWS allows it, 4 rows of activations. Included once for
// each type, with
//   TYPE     its name in decode_types.h
//   MINIMUM  1 if it has minima, otherwise 0
// A tile of 16 rows of weights is read once; each result is summed in the same order whatever the
// number of rows of activations, so that it does not depend on what is computed beside it.
#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)
#define OF(what) CAT(TYPE, what)

// The groups whose columns lie on the same lines are a span: they are summed together, as many as there are registers
// for, so that lines are read once and in their order.
#define GROUP(s, j) ((s) / OF(_STRIDE) * OF(_STRIDE) * OF(_SHARING) + (s) % OF(_STRIDE) + OF(_STRIDE) * (j))
#define COLUMN(g) (b * OF(_LENGTH) + (g) * OF(_GROUP))
#define INPUT(r, g) (rows[r].groups + COLUMN(g) / 32)
#define PART(g) (OF(_GROUP) == 16 ? (g) % 2 : 0)

// out[r * stride + 0..15] for r < count.
INLINE void OF(_tile)(const uint8_t *tile, int64_t blocks, const struct row *rows, const int count,
                      float *out, int64_t stride) {
  enum {
    LINES = OF(_BYTES) / LINE,
    SPANS = OF(_LENGTH) / OF(_GROUP) / OF(_SHARING),
    QUADS = OF(_GROUP) / 4
  };
  const int together = OF(_SHARING) * count <= MOST_SUMS ? OF(_SHARING) : MOST_SUMS / count;
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
#pragma GCC unroll 8
      for (int s = 0; s < SPANS; s++) {
#pragma GCC unroll 4
        for (int part = 0; part < OF(_SHARING); part += together) {
          ACC sums[OF(_SHARING)][MOST_ROWS];
          EACH(j, together) {
            int g = GROUP(s, part + j);
            EACH(r, count) {
              sums[j][r] = START(INPUT(r, g)->start[PART(g)]);
            }
          }
#pragma GCC unroll 8
          for (int i = 0; i < QUADS; i++) {
            if (v == 0 && part == 0) {
              fetch_ahead(tile, (s * QUADS + i) * LINES / (SPANS * QUADS), (s * QUADS + i + 1) * LINES / (SPANS * QUADS));
            }
            EACH(j, together) {
              int g = GROUP(s, part + j);
              V word = OF(_word)(at, g, i);
              EACH(r, count) {
                sums[j][r] = DOT(sums[j][r], word, rows[r].quads + COLUMN(g) / 4 + i);
              }
            }
          }
          EACH(j, together) {
            int g = GROUP(s, part + j);
            F scale = OF(_scale)(&head, g);
#if MINIMUM
            F minimum = OF(_minimum)(&head, g);
#endif
            EACH(r, count) {
              const struct group *group = INPUT(r, g);
              totals[v][r] = FMA(MUL(FLOAT(SUM(sums[j][r])), BROADCAST(group->scale)), scale, totals[v][r]);
#if MINIMUM
              totals[v][r] = FMA(minimum, BROADCAST(group->sum[PART(g)]), totals[v][r]);
#endif
            }
          }
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
#undef GROUP
#undef COLUMN
#undef INPUT
#undef PART
#undef CAT2
#undef CAT
#undef OF
#undef TYPE
#undef MINIMUM
