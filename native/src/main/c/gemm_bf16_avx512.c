// options: -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16
//
// Products of bfloat16 with sums in float32. Operands of other types are rounded to the nearest (half
// to even) while they are packed. vdpbf16ps takes denormal numbers for zero.
#define WORD 2
#define FUNCTION(name) jllm_gemm_bf16_##name##_avx512_bf16
#define MULTIPLY(sum, a, b) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#include "gemm_strips_avx512.h"
