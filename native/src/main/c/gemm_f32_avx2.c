// options: -mavx2 -mfma
//
// Products in float32 of plain operands, F32 or BF16. 6 rows times 16 columns of the result stay in 12
// registers. A strip is [depth][rows], a panel [depth][UNIT].
#include <immintrin.h>
#include <string.h>

#include "gemm.h"

#define STRIP 6
#define UNIT 16
#define CHUNK 256

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t strips_end(const struct gemm *g, int64_t strip) {
  return least(strip * STRIP, g->rows);
}

JLLM_EXPORT void jllm_gemm_f32_plan_avx2(int64_t rows, int64_t depth, int32_t type,
                                         struct gemm_plan *plan) {
  (void)type;
  int64_t padded = (rows + STRIP - 1) / STRIP * STRIP;
  *plan = (struct gemm_plan){STRIP, UNIT, (rows * depth * 4 + 63) / 64 * 64,
                             CHUNK * UNIT * 4 + padded * UNIT * 4};
}

// Element `column` of row `row` of a plain operand.
static inline float element(const struct gemm_operand *o, int64_t row, int64_t column) {
  int64_t at = (o->rows ? o->rows[row] : row) * o->stride + column;
  if (o->type == GEMM_F32) {
    return ((const float *)o->data)[at];
  }
  uint32_t bits = (uint32_t)((const uint16_t *)o->data)[at] << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// to[k - from][width] = lanes lane.. of an operand; those beyond `count` are zero.
static void pack(const struct gemm_operand *o, int64_t lane, int64_t count, int64_t width,
                 int64_t from, int64_t end, float *to) {
  if (!o->deep && o->type == GEMM_F32 && count == width) {
    for (int64_t k = from; k < end; k++, to += width) {
      const float *row = (const float *)o->data + (o->rows ? o->rows[k] : k) * o->stride + lane;
      memcpy(to, row, (size_t)width * 4);
    }
    return;
  }
  for (int64_t i = 0; i < width; i++) {
    for (int64_t k = from; k < end; k++) {
      float value = 0;
      if (i < count) {
        value = o->deep ? element(o, lane + i, k) : element(o, k, lane + i);
      }
      to[(k - from) * width + i] = value;
    }
  }
}

JLLM_EXPORT void jllm_gemm_f32_pack_avx2(const struct gemm *g, int64_t from_strip,
                                         int64_t to_strip) {
  for (int64_t s = from_strip; s < to_strip; s++) {
    int64_t first = s * STRIP, rows = strips_end(g, s + 1) - first;
    pack(&g->left, first, rows, rows, 0, g->depth, (float *)g->packed + first * g->depth);
  }
}

// c [R][UNIT] (+)= strip panel.
static inline __attribute__((always_inline)) void tile(int R, const float *a, const float *panel,
                                                       int64_t depth, float *c, int first) {
  __m256 sum[STRIP][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    sum[r][0] = first ? _mm256_setzero_ps() : _mm256_load_ps(c + r * UNIT);
    sum[r][1] = first ? _mm256_setzero_ps() : _mm256_load_ps(c + r * UNIT + 8);
  }
  for (int64_t k = 0; k < depth; k++, a += R, panel += UNIT) {
    __m256 b0 = _mm256_load_ps(panel), b1 = _mm256_load_ps(panel + 8);
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      __m256 x = _mm256_broadcast_ss(a + r);
      sum[r][0] = _mm256_fmadd_ps(x, b0, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(x, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    _mm256_store_ps(c + r * UNIT, sum[r][0]);
    _mm256_store_ps(c + r * UNIT + 8, sum[r][1]);
  }
}

static void tiles(int64_t rows, const float *a, const float *panel, int64_t depth, float *c,
                  int first) {
  switch (rows) {
    case 1: tile(1, a, panel, depth, c, first); break;
    case 2: tile(2, a, panel, depth, c, first); break;
    case 3: tile(3, a, panel, depth, c, first); break;
    case 4: tile(4, a, panel, depth, c, first); break;
    case 5: tile(5, a, panel, depth, c, first); break;
    default: tile(6, a, panel, depth, c, first); break;
  }
}

// Rows from..to-1 of a unit, c [to - from][UNIT], to where they belong, with the bias.
static void write_unit(const struct gemm *g, const float *c, int64_t from, int64_t to,
                       int64_t column) {
  int64_t width = least(UNIT, g->columns - column);
  for (int64_t row = from; row < to; row++, c += UNIT) {
    float *out = g->out + (g->targets ? g->targets[row] : row) * g->columns + column;
    for (int64_t i = 0; i < width; i++) {
      float value = c[i] + (g->bias ? g->bias[column + i] : 0.0f);
      out[i] = g->accumulate ? out[i] + value : value;
    }
  }
}

JLLM_EXPORT void jllm_gemm_f32_multiply_avx2(const struct gemm *g, int64_t from_strip,
                                             int64_t to_strip, int64_t from_unit, int64_t to_unit,
                                             void *scratch) {
  float *panel = scratch, *c = panel + CHUNK * UNIT;
  for (int64_t u = from_unit; u < to_unit; u++) {
    for (int64_t k = 0; k == 0 || k < g->depth; k += CHUNK) {
      int64_t end = least(g->depth, k + CHUNK);
      pack(&g->right, u * UNIT, least(UNIT, g->columns - u * UNIT), UNIT, k, end, panel);
      for (int64_t s = from_strip; s < to_strip; s++) {
        int64_t first = s * STRIP, rows = strips_end(g, s + 1) - first;
        const float *a = (const float *)g->packed + first * g->depth + k * rows;
        tiles(rows, a, panel, end - k, c + (first - from_strip * STRIP) * UNIT, k == 0);
      }
    }
    write_unit(g, c, from_strip * STRIP, strips_end(g, to_strip), u * UNIT);
  }
}
