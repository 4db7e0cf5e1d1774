// The products of tiles of F32, F16 and BF16 with rows of float32, as PackedNumbers.java keeps them:
// a line holds a column of the 16 rows, or two columns, the first in the lower halves of 32-bit
// words. Tiles are padded with zeros to whole groups of four lines. Each result is the sum of four
// or eight, whatever the number of rows of activations.

// out[r * stride + 0..15] for r < count.
INLINE void f32_tile(const uint8_t *tile, int64_t columns, const float *const *x, const int count,
                     float *out, int64_t stride) {
  for (int v = 0; v < VECTORS; v++) {
    F sums[MOST_FLOAT_ROWS][4];
    EACH(r, count) {
      sums[r][0] = sums[r][1] = sums[r][2] = sums[r][3] = ZERO;
    }
    const uint8_t *at = tile + 4 * LANES * v;
    for (int64_t k = 0; k < columns; k += 4, at += 4 * LINE) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        PREFETCH(at + AHEAD + i * LINE);
        F w = AS_FLOAT(LOAD(at + i * LINE));
        EACH(r, count) {
          sums[r][i] = FMA(w, BROADCAST(x[r][k + i]), sums[r][i]);
        }
      }
    }
    EACH(r, count) {
      STORE(out + r * stride + v * LANES, ADD(ADD(sums[r][0], sums[r][1]), ADD(sums[r][2], sums[r][3])));
    }
  }
}

INLINE void bf16_tile(const uint8_t *tile, int64_t columns, const float *const *x, const int count,
                      float *out, int64_t stride) {
  for (int v = 0; v < VECTORS; v++) {
    F sums[MOST_FLOAT_ROWS][4];
    EACH(r, count) {
      sums[r][0] = sums[r][1] = sums[r][2] = sums[r][3] = ZERO;
    }
    const uint8_t *at = tile + 4 * LANES * v;
    for (int64_t k = 0; k < columns; k += 4, at += 2 * LINE) {
#pragma GCC unroll 2
      for (int i = 0; i < 2; i++) {
        PREFETCH(at + AHEAD + i * LINE);
        V pair = LOAD(at + i * LINE);
        F first = AS_FLOAT(SLL(pair, 16)), second = AS_FLOAT(AND(pair, 0xffff0000));
        EACH(r, count) {
          sums[r][2 * i] = FMA(first, BROADCAST(x[r][k + 2 * i]), sums[r][2 * i]);
          sums[r][2 * i + 1] = FMA(second, BROADCAST(x[r][k + 2 * i + 1]), sums[r][2 * i + 1]);
        }
      }
    }
    EACH(r, count) {
      STORE(out + r * stride + v * LANES, ADD(ADD(sums[r][0], sums[r][1]), ADD(sums[r][2], sums[r][3])));
    }
  }
}

// LANES halves next to each other are two columns of LANES / 2 rows, converted at once: lanes hold
// the columns by turns.
INLINE void f16_tile(const uint8_t *tile, int64_t columns, const float *const *x, const int count,
                     float *out, int64_t stride) {
  for (int v = 0; v < 2 * VECTORS; v++) {
    F sums[MOST_FLOAT_ROWS][2];
    EACH(r, count) {
      sums[r][0] = sums[r][1] = ZERO;
    }
    const uint8_t *at = tile + 2 * LANES * v;
    for (int64_t k = 0; k < columns; k += 8, at += 4 * LINE) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        if (v == 0) {
          PREFETCH(at + AHEAD + i * LINE);
        }
        F w = HALVES(at + i * LINE);
        EACH(r, count) {
          sums[r][i % 2] = FMA(w, BROADCAST_PAIR(x[r] + k + 2 * i), sums[r][i % 2]);
        }
      }
    }
    EACH(r, count) {
      STORE_PAIR_SUMS(out + r * stride + v * LANES / 2, ADD(sums[r][0], sums[r][1]));
    }
  }
}

#define FLOAT_ROWS(type, count)                                                                   \
  static void type##_##count(const uint8_t *tile, int64_t columns, const float *const *x,         \
                             float *out, int64_t stride) {                                        \
    type##_tile(tile, columns, x, count, out, stride);                                            \
  }
FLOAT_ROWS(f32, 1) FLOAT_ROWS(f32, 2) FLOAT_ROWS(f32, 4)
FLOAT_ROWS(bf16, 1) FLOAT_ROWS(bf16, 2) FLOAT_ROWS(bf16, 4)
FLOAT_ROWS(f16, 1) FLOAT_ROWS(f16, 2) FLOAT_ROWS(f16, 4)
