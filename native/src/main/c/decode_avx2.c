// options: -mavx2 -mfma -mf16c -mbmi2
//
// Products of weights with few rows of activations, as decoding needs them, in AVX2. Weights are 8 rows x 4
// columns to a vector, unsigned bytes; the even and the odd ones are numbers of 16 bits, multiplied by those of the
// activations and summed in 32.
#include <immintrin.h>
#include <string.h>

#include "decode_input.h"

enum { LANES = 8, VECTORS = 2, AHEAD = 48 * LINE };

typedef __m256i V;
typedef __m256 F;
typedef V ACC;

// With 16 registers more rows of integers gain nothing.
#define MOST_ROWS 2
#define MOST_FLOAT_ROWS 4
// Groups times rows of activations that are summed at once.
#define MOST_SUMS 4
#define NAME(name) name##_avx2
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define AND(a, mask) _mm256_and_si256(a, _mm256_set1_epi32((int)(mask)))
#define OR(a, b) _mm256_or_si256(a, b)
#define XOR(a, mask) _mm256_xor_si256(a, _mm256_set1_epi32((int)(mask)))
#define MERGE(a, b, mask) OR(a, AND(b, mask))
#define SRL(a, n) _mm256_srli_epi32(a, n)
#define SRA(a, n) _mm256_srai_epi32(a, n)
#define SLL(a, n) _mm256_slli_epi32(a, n)
#define ROR(a, n) OR(SRL(a, n), SLL(a, 32 - (n)))
#define SUB(a, n) _mm256_sub_epi32(a, _mm256_set1_epi32(n))
#define FLOAT(a) _mm256_cvtepi32_ps(a)
#define AS_FLOAT(a) _mm256_castsi256_ps(a)
#define ZERO _mm256_setzero_ps()
#define NEGATE(a) _mm256_sub_ps(ZERO, a)
#define ADD(a, b) _mm256_add_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define BROADCAST(x) _mm256_set1_ps(x)
#define STORE(p, a) _mm256_storeu_ps(p, a)
#define HALVES(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define UPPER_HALVES(a) LOWER_HALVES(SRL(a, 16))
#define PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
#define START(start) _mm256_set1_epi32(start)
#define SUM(sum) (sum)

// The halves in the lower 16 bits of words.
INLINE F LOWER_HALVES(V words) {
  const V order = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 4, 5, 8, 9, 12, 13,
                                   -1, -1, -1, -1, -1, -1, -1, -1);
  V halves = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(words, order), 0x08);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
}

// Of 4 columns: the integers of columns 0 and 2, then those of 1 and 3.
INLINE ACC DOT(ACC sum, V bytes, const struct quad *quad) {
  V even = AND(bytes, 0x00ff00ff), odd = _mm256_srli_epi16(bytes, 8);
  V a = _mm256_madd_epi16(even, _mm256_set1_epi32(quad->first));
  V b = _mm256_madd_epi16(odd, _mm256_set1_epi32(quad->second));
  return _mm256_add_epi32(sum, _mm256_add_epi32(a, b));
}

// The values of IQ4 plus 128, for bytes of 0 to 15.
INLINE V LOOKUP(V nibbles) {
  const __m128i values = _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), nibbles);
}

INLINE F BROADCAST_PAIR(const float *pair) {
  double both;
  memcpy(&both, pair, sizeof both);
  return _mm256_castpd_ps(_mm256_set1_pd(both));
}

// out[i] = a[2i] + a[2i + 1]
INLINE void STORE_PAIR_SUMS(float *out, F a) {
  __m128 low = _mm256_castps256_ps128(a), high = _mm256_extractf128_ps(a, 1);
  _mm_storeu_ps(out, _mm_add_ps(_mm_shuffle_ps(low, high, 0x88), _mm_shuffle_ps(low, high, 0xdd)));
}

// Of 16 columns: their quads, and the sum of the integers.
INLINE int32_t quantize_16(const float *x, float inverse, struct quad *quads) {
  V first = _mm256_cvtps_epi32(MUL(_mm256_loadu_ps(x), BROADCAST(inverse)));
  V second = _mm256_cvtps_epi32(MUL(_mm256_loadu_ps(x + 8), BROADCAST(inverse)));
  V shorts = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xd8);
  const V order = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9,
                                   12, 13, 10, 11, 14, 15);
  _mm256_storeu_si256((__m256i *)quads, _mm256_shuffle_epi8(shorts, order));
  return sum_of_8(_mm256_add_epi32(first, second));
}

// The largest magnitude of 32 columns; NaN if there is one.
INLINE float largest_32(const float *x) {
  V largest = AND(LOAD(x), 0x7fffffff);
  for (int i = 8; i < 32; i += 8) {
    largest = _mm256_max_epi32(largest, AND(LOAD(x + i), 0x7fffffff));
  }
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return _mm_cvtss_f32(_mm_castsi128_ps(four));
}

#include "decode_family.h"
