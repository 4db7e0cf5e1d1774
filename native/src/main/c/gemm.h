// Matrix products out (+)= left right + bias, one source file for each instruction set.
//
// left is [rows, depth] and right [depth, columns]; of each operand either a row of memory runs
// along the depth ("deep") or along the rows or columns of the result, called lanes. A call of
// ..._pack brings strips of the left operand (STRIP rows each) into the order of the kernel,
// once for all columns; one of ..._multiply computes some units of columns (UNIT each) for
// some strips. Strips and units are shared among threads by the caller, and what is summed over
// always comes in the same order: an element has the same value whoever computes it, beside
// whatever other rows.
//
// The right operand is either a plain matrix, or a weight [columns, depth] in tiles of 16 rows:
// lines of 64 bytes hold 32 bits of each row, 16-bit scales that fill no line come after them (see
// PackedFormat and its subclasses in jllm.tensor.cpu, which describe each type).
#ifndef JLLM_GEMM_H
#define JLLM_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "jllm_kernels.h"

// What an operand's memory holds; the numbers are those of NativeGemm.java.
enum gemm_type {
  GEMM_F32 = 0,
  GEMM_BF16 = 1,
  // In tiles of 16 rows, the right operand only.
  TILES_F32 = 16,
  TILES_F16 = 17,
  TILES_BF16 = 18,
  TILES_Q8_0 = 19,
  TILES_Q4_0 = 20,
  TILES_Q4_K = 21,
  TILES_Q5_K = 22,
  TILES_Q6_K = 23,
  TILES_Q4_1 = 24,
  TILES_Q5_0 = 25,
  TILES_Q5_1 = 26,
  TILES_Q2_K = 27,
  TILES_Q3_K = 28,
  TILES_IQ4_NL = 29,
  TILES_IQ4_XS = 30,
};

struct gemm_operand {
  const void *data;      // of its first element
  const int32_t *rows;   // if not null: which row of memory stands at each place
  int64_t stride;        // elements between rows of a plain matrix
  int32_t type;          // enum gemm_type
  int32_t deep;          // whether rows of memory run along the depth
};

// All 64-bit fields come first in each part: no padding, the same offsets everywhere.
struct gemm {
  struct gemm_operand left;
  struct gemm_operand right;
  float *out;             // [., columns], row-major
  const float *bias;      // [columns] or null
  const int32_t *targets; // row of out for each row of the product, or null
  void *packed;           // the left strips, aligned to 64 bytes
  int64_t rows;
  int64_t columns;
  int64_t depth;
  int64_t accumulate;     // whether to add to what out holds
};

// How a variant cuts a product.
struct gemm_plan {
  int64_t strip;          // rows of a strip
  int64_t unit;           // columns of a unit
  int64_t packed_bytes;   // of all packed strips
  int64_t scratch_bytes;  // that each thread needs, aligned to 64
};

// The functions of a variant; `type` is the right operand's.
#define GEMM_VARIANT(family, set)                                                                \
  JLLM_EXPORT void family##_plan_##set(int64_t rows, int64_t depth, int32_t type,                \
                                       struct gemm_plan *plan);                                  \
  JLLM_EXPORT void family##_pack_##set(const struct gemm *g, int64_t from_strip,                 \
                                       int64_t to_strip);                                        \
  JLLM_EXPORT void family##_multiply_##set(const struct gemm *g, int64_t from_strip,             \
                                           int64_t to_strip, int64_t from_unit, int64_t to_unit, \
                                           void *scratch);

GEMM_VARIANT(jllm_gemm_int8, avx512)       // left F32, right tiles of quantized types
GEMM_VARIANT(jllm_gemm_bf16, avx512_bf16)
GEMM_VARIANT(jllm_gemm_bf16, amx)
GEMM_VARIANT(jllm_gemm_f32, avx512)
GEMM_VARIANT(jllm_gemm_f32, avx2)          // plain operands only

#endif
