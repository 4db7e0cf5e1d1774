// options: -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
//
// Products with a small dimension, as slim.h says, in AVX-512.
#include <immintrin.h>

typedef __m512 F;
enum { LANES = 16, TILE_ROWS = 8 };

#define NAME(name) name##_avx512
#define ZERO _mm512_setzero_ps()
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, a) _mm512_storeu_ps(p, a)
#define BROADCAST(x) _mm512_set1_ps(x)
#define ADD(a, b) _mm512_add_ps(a, b)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)

#include "slim.h"
