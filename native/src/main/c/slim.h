// Products in float32 of which one dimension is small, as the rank of an adapter is: operands are read where they lie,
// since packing the long one would cost as much as the product. Included once for each instruction set, with vectors F of
// LANES floats and tiles of TILE_ROWS rows.
//
//   c[m, j] (+)= sum over k of a[m * a_row + k * a_step] b[k, j]
//
// a has strides, in floats; b is [depth, columns] and c [rows, columns], row-major. A sum is that of runs of DEEP products
// whatever part of c is computed beside it.
#include "jllm_kernels.h"

#define INLINE static inline __attribute__((always_inline))
#define EACH(i, count) _Pragma("GCC unroll 8") for (int i = 0; i < (count); i++)

// Rows of b of which two vectors each stay in the first-level cache for all rows of c.
enum { DEEP = 128 };

INLINE void tile(const float *a, int64_t a_row, int64_t a_step, const float *b, float *c, int64_t columns,
                 int64_t depth, const int rows, const int vectors, int add) {
  F sums[TILE_ROWS][2];
  EACH(r, rows) {
    EACH(v, vectors) {
      sums[r][v] = ZERO;
    }
  }
  for (int64_t k = 0; k < depth; k++, b += columns, a += a_step) {
    F right[2];
    EACH(v, vectors) {
      right[v] = LOAD(b + v * LANES);
    }
    EACH(r, rows) {
      F left = BROADCAST(a[r * a_row]);
      EACH(v, vectors) {
        sums[r][v] = FMA(left, right[v], sums[r][v]);
      }
    }
  }
  EACH(r, rows) {
    EACH(v, vectors) {
      float *out = c + r * columns + v * LANES;
      STORE(out, add ? ADD(LOAD(out), sums[r][v]) : sums[r][v]);
    }
  }
}

// All rows of one or two vectors.
INLINE void strip(const float *a, int64_t a_row, int64_t a_step, const float *b, float *c, int64_t columns,
                  int64_t depth, int64_t rows, const int vectors, int add) {
  int64_t m = 0;
  for (; m <= rows - TILE_ROWS; m += TILE_ROWS) {
    tile(a + m * a_row, a_row, a_step, b, c + m * columns, columns, depth, TILE_ROWS, vectors, add);
  }
  for (; m < rows; m++) {
    tile(a + m * a_row, a_row, a_step, b, c + m * columns, columns, depth, 1, vectors, add);
  }
}

// What is left of a row's columns after whole vectors.
static void rest(const float *a, int64_t a_row, int64_t a_step, const float *b, float *c, int64_t columns,
                 int64_t depth, int64_t rows, int64_t count, int add) {
  for (int64_t m = 0; m < rows; m++) {
    for (int64_t j = 0; j < count; j++) {
      float sum = 0;
      for (int64_t k = 0; k < depth; k++) {
        sum = __builtin_fmaf(a[m * a_row + k * a_step], b[k * columns + j], sum);
      }
      c[m * columns + j] = add ? c[m * columns + j] + sum : sum;
    }
  }
}

// The elements of rows row..end_row-1 and columns column..end_column-1; `add` says whether they are added to what is there.
JLLM_EXPORT void NAME(jllm_slim)(const float *a, int64_t a_row, int64_t a_step, const float *b, float *c,
                                 int64_t columns, int64_t depth, int64_t row, int64_t end_row, int64_t column,
                                 int64_t end_column, int32_t add) {
  a += row * a_row;
  c += row * columns;
  int64_t rows = end_row - row;
  for (int64_t k = 0; k < depth || k == 0; k += DEEP, add = 1) {
    int64_t length = depth - k < DEEP ? depth - k : DEEP;
    const float *left = a + k * a_step, *right = b + k * columns;
    int64_t j = column;
    for (; j <= end_column - 2 * LANES; j += 2 * LANES) {
      strip(left, a_row, a_step, right + j, c + j, columns, length, rows, 2, add);
    }
    if (j <= end_column - LANES) {
      strip(left, a_row, a_step, right + j, c + j, columns, length, rows, 1, add);
      j += LANES;
    }
    rest(left, a_row, a_step, right + j, c + j, columns, length, rows, end_column - j, add);
  }
}
