// options: -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx2 -mfma -mf16c -mbmi2
//
// Products of weights with few rows of activations, as decoding needs them, in AVX-512 with VNNI. Weights are
// 16 rows x 4 columns to a vector: unsigned bytes times the upper and the lower bytes of the activations'
// integers, summed in 32 bits.
#include <immintrin.h>
#include <string.h>

#include "decode_input.h"

enum { LANES = 16, VECTORS = 1, AHEAD = 48 * LINE };

typedef __m512i V;
typedef __m512 F;
typedef struct { V upper, lower; } ACC;

#define MOST_ROWS 4
#define MOST_FLOAT_ROWS 4
// Groups times rows of activations that are summed at once.
#define MOST_SUMS 8
#define NAME(name) name##_avx512
#define LOAD(p) _mm512_loadu_si512(p)
#define AND(a, mask) _mm512_and_si512(a, _mm512_set1_epi32((int)(mask)))
#define OR(a, b) _mm512_or_si512(a, b)
#define XOR(a, mask) _mm512_xor_si512(a, _mm512_set1_epi32((int)(mask)))
#define MERGE(a, b, mask) _mm512_ternarylogic_epi32(a, b, _mm512_set1_epi32((int)(mask)), 0xf8)
#define SRL(a, n) _mm512_srli_epi32(a, (unsigned)(n))
#define SRA(a, n) _mm512_srai_epi32(a, (unsigned)(n))
#define SLL(a, n) _mm512_slli_epi32(a, (unsigned)(n))
#define ROR(a, n) _mm512_ror_epi32(a, n)
#define SUB(a, n) _mm512_sub_epi32(a, _mm512_set1_epi32(n))
#define FLOAT(a) _mm512_cvtepi32_ps(a)
#define AS_FLOAT(a) _mm512_castsi512_ps(a)
#define ZERO _mm512_setzero_ps()
#define NEGATE(a) _mm512_sub_ps(ZERO, a)
#define ADD(a, b) _mm512_add_ps(a, b)
#define MUL(a, b) _mm512_mul_ps(a, b)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define BROADCAST(x) _mm512_set1_ps(x)
#define STORE(p, a) _mm512_storeu_ps(p, a)
#define HALVES(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define LOWER_HALVES(a) _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a))
#define UPPER_HALVES(a) LOWER_HALVES(SRL(a, 16))
#define PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)

INLINE ACC START(int32_t start) { return (ACC){_mm512_setzero_si512(), _mm512_set1_epi32(start)}; }

// Of 4 columns: the upper bytes of the integers, then the lower ones, signed.
INLINE ACC DOT(ACC sum, V bytes, const struct quad *quad) {
  return (ACC){_mm512_dpbusd_epi32(sum.upper, bytes, _mm512_set1_epi32(quad->first)),
               _mm512_dpbusd_epi32(sum.lower, bytes, _mm512_set1_epi32(quad->second))};
}

INLINE V SUM(ACC sum) { return _mm512_add_epi32(_mm512_slli_epi32(sum.upper, 8), sum.lower); }

// The values of IQ4 plus 128, for bytes of 0 to 15.
INLINE V LOOKUP(V nibbles) {
  const __m128i values = _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), nibbles);
}

INLINE F BROADCAST_PAIR(const float *pair) {
  double both;
  memcpy(&both, pair, sizeof both);
  return _mm512_castpd_ps(_mm512_set1_pd(both));
}

// out[i] = a[2i] + a[2i + 1]
INLINE void STORE_PAIR_SUMS(float *out, F a) {
  __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);
  __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 0, 0, 0, 0, 0, 0, 0, 0);
  F sums = ADD(_mm512_permutexvar_ps(even, a), _mm512_permutexvar_ps(odd, a));
  _mm256_storeu_ps(out, _mm512_castps512_ps256(sums));
}

// Of 16 columns: their quads, and the sum of the integers.
INLINE int32_t quantize_16(const float *x, float inverse, struct quad *quads) {
  V q = _mm512_cvtps_epi32(MUL(_mm512_loadu_ps(x), BROADCAST(inverse)));
  V lower = _mm512_srai_epi32(_mm512_slli_epi32(q, 24), 24);
  __m128i low = _mm512_cvtepi32_epi8(q);
  __m128i high = _mm512_cvtepi32_epi8(_mm512_srai_epi32(_mm512_sub_epi32(q, lower), 8));
  _mm_storeu_si128((__m128i *)quads, _mm_unpacklo_epi32(high, low));
  _mm_storeu_si128((__m128i *)(quads + 2), _mm_unpackhi_epi32(high, low));
  return sum_of_8(_mm256_add_epi32(_mm512_castsi512_si256(q), _mm512_extracti64x4_epi64(q, 1)));
}

// The largest magnitude of 32 columns; NaN if there is one.
INLINE float largest_32(const float *x) {
  V a = AND(_mm512_loadu_si512(x), 0x7fffffff), b = AND(_mm512_loadu_si512(x + 16), 0x7fffffff);
  int32_t largest = _mm512_reduce_max_epi32(_mm512_max_epi32(a, b));
  float value;
  memcpy(&value, &largest, sizeof value);
  return value;
}

#include "decode_family.h"
