// Rows of activations as the kernels for few rows take them.
//
// For weights that are not quantized: the float32 values, then zeros up to a multiple of 8 columns.
//
// For quantized weights: integers of 16 bits, |q| <= 127 * 256, with one scale for each 32 columns,
// x = scale * q: 2^-15 of the largest of them at most is lost. Of 4 columns, 8 bytes hold the
// integers in the order that an instruction set wants (DOT in decode_avx2.c and decode_avx512.c);
// after those of all columns comes a struct group for each 32 columns.
#ifndef DECODE_INPUT_H
#define DECODE_INPUT_H

#include <immintrin.h>

#include "jllm_kernels.h"

#define INLINE static inline __attribute__((always_inline))

// A loop that is unrolled, so that its elements of arrays live in registers.
#define EACH(i, count) _Pragma("GCC unroll 16") for (int i = 0; i < (count); i++)

enum { ROWS = 16, LINE = 64, LIMIT = 127 * 256 };

// Types of weights; DecodeKernel.java has the same order.
enum kind { F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, KINDS };

// Of 32 columns. Types with groups of 16 columns have two of each number, others use the first.
struct group {
  float scale;
  int32_t start[2];  // what stored weights are too large by, times the sum of q, negative
  float sum[2];      // scale times the sum of q
};

// The integers of 4 columns.
struct quad {
  int32_t first, second;
};

// A row of integers.
struct row {
  const struct quad *quads;
  const struct group *groups;
};

// What stored weights of a type are too large by, as they are multiplied.
INLINE int center_of(enum kind kind) {
  switch (kind) {
    case Q8_0: case IQ4_NL: case IQ4_XS: return 128;
    case Q4_0: return 8;
    case Q5_0: return 16;
    case Q3_K: return 4;
    case Q6_K: return 32;
    default: return 0;
  }
}

INLINE int64_t padded(int64_t columns) { return (columns + 7) & -8; }

// Bytes of a row.
INLINE int64_t row_bytes(enum kind kind, int64_t columns) {
  int64_t bytes = kind <= BF16 ? 4 * padded(columns)
                               : 2 * columns + columns / 32 * (int64_t)sizeof(struct group);
  return (bytes + LINE - 1) & -LINE;
}

#ifdef __AVX2__  // Not for tests, which are compiled for any processor.
// The sum of integers; of any, as activations that are no numbers give, without overflow.
INLINE int32_t sum_of_8(__m256i a) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}
#endif

#endif
