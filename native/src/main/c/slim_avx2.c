// options: -mavx2 -mfma -mf16c -mbmi2
//
// Products with a small dimension, as slim.h says, in AVX2.
#include <immintrin.h>

typedef __m256 F;
enum { LANES = 8, TILE_ROWS = 4 };

#define NAME(name) name##_avx2
#define ZERO _mm256_setzero_ps()
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, a) _mm256_storeu_ps(p, a)
#define BROADCAST(x) _mm256_set1_ps(x)
#define ADD(a, b) _mm256_add_ps(a, b)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)

#include "slim.h"
