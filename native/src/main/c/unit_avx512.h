// What kernels with AVX-512 do with a unit of 32 columns of the result once it is complete.
#ifndef JLLM_UNIT_AVX512_H
#define JLLM_UNIT_AVX512_H

#include <immintrin.h>
#include "gemm.h"

#define UNIT 32

static inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// The first `count` lanes of 16.
static inline __mmask16 lanes(int64_t count) {
  return count >= 16 ? 0xffff : count <= 0 ? 0 : (__mmask16)((1 << count) - 1);
}

// Rows from..to-1 of a unit, c [to - from][UNIT], to where they belong, with the bias.
static inline void write_unit(const struct gemm *g, const float *c, int64_t from, int64_t to, int64_t column) {
  int64_t width = g->columns - column < UNIT ? g->columns - column : UNIT;
  __mmask16 low = lanes(width), high = lanes(width - 16);
  __m512 b0 = _mm512_setzero_ps(), b1 = b0;
  if (g->bias) {
    b0 = _mm512_maskz_loadu_ps(low, g->bias + column);
    b1 = _mm512_maskz_loadu_ps(high, g->bias + column + 16);
  }
  for (int64_t row = from; row < to; row++, c += UNIT) {
    float *out = g->out + (g->targets ? g->targets[row] : row) * g->columns + column;
    __m512 v0 = _mm512_add_ps(_mm512_load_ps(c), b0), v1 = _mm512_add_ps(_mm512_load_ps(c + 16), b1);
    if (g->accumulate) {
      v0 = _mm512_add_ps(v0, _mm512_maskz_loadu_ps(low, out));
      v1 = _mm512_add_ps(v1, _mm512_maskz_loadu_ps(high, out + 16));
    }
    _mm512_mask_storeu_ps(out, low, v0);
    _mm512_mask_storeu_ps(out + 16, high, v1);
  }
}

#endif
