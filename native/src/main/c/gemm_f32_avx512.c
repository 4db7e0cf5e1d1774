// options: -mavx512f -mavx512bw -mavx512dq -mavx512vl
//
// Products in float32. Operands are plain F32 and BF16, the right one also tiles of any type.
#define WORD 1
#define FUNCTION(name) jllm_gemm_f32_##name##_avx512
#define MULTIPLY(sum, a, b) _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum)
#include "gemm_strips_avx512.h"
