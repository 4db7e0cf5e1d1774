// Times the matrix products of one variant (FAMILY, SET) on one thread, beside the instruction that
// it is made of: PEAK is how many times the operations of a float32 FMA that does. Processor time is
// counted, so that other programs disturb little. Prints rows of a Markdown table.
//
// Arguments: NAME, then for each product: rows, columns, depth, type of the right operand (a number of
// enum gemm_type) and whether each operand's rows run along the depth (1) or not (0).
#define _POSIX_C_SOURCE 200809L
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gemm.h"

#define JOIN2(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN2(a, b, c)
#define CALL(name) JOIN(FAMILY, name, SET)

enum { REPETITIONS = 12, CHAINS = 12, ROUNDS = 60000 };

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Operations a second of independent FMAs in registers.
static double fma_rate(void) {
#ifdef __AVX512F__
  __m512 sums[CHAINS];
  const double lanes = 16;
  for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_setzero_ps();
#else
  __m256 sums[CHAINS];
  const double lanes = 8;
  for (int i = 0; i < CHAINS; i++) sums[i] = _mm256_setzero_ps();
#endif
  double start = seconds();
  for (int k = 0; k < ROUNDS; k++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) {
#ifdef __AVX512F__
      sums[i] = _mm512_fmadd_ps(sums[i], sums[i], sums[i]);
#else
      sums[i] = _mm256_fmadd_ps(sums[i], sums[i], sums[i]);
#endif
      __asm__ volatile("" : "+v"(sums[i]));
    }
  }
  return 2 * lanes * CHAINS * ROUNDS / (seconds() - start);
}

static void *memory(int64_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 64, (size_t)bytes) != 0) {
    abort();
  }
  memset(p, 0, (size_t)bytes);
  return p;
}

static void run(const char *name, int64_t rows, int64_t columns, int64_t depth, int32_t type,
                int32_t left_deep, int32_t right_deep) {
  float *x = memory(rows * depth * 4), *out = memory(rows * columns * 4);
  int64_t weight_bytes = (columns + 31) / 32 * 32 * depth * 4;
  uint8_t *w = memory(weight_bytes);
  for (int64_t i = 0; i < rows * depth; i++) {
    x[i] = (float)(i * 40503 % 1000) / 1000 - 0.5f;
  }
  for (int64_t i = 0; i < weight_bytes / 4; i++) {
    float value = (float)(i * 7919 % 1000) / 1000 - 0.5f;
    uint32_t halves = 0x34003400u ^ (uint32_t)(i * 40503 % 512) * 0x10001; // As F16, BF16 and integers.
    memcpy(w + 4 * i, type < TILES_F16 ? (void *)&value : (void *)&halves, 4);
  }
  struct gemm_plan plan;
  CALL(plan)(rows, depth, type, &plan);
  struct gemm g = {.left = {x, NULL, left_deep ? depth : rows, GEMM_F32, left_deep},
                   .right = {w, NULL, right_deep ? depth : columns, type, right_deep},
                   .out = out, .packed = memory(plan.packed_bytes),
                   .rows = rows, .columns = columns, .depth = depth};
  void *scratch = memory(plan.scratch_bytes);
  int64_t strips = (rows + plan.strip - 1) / plan.strip, units = (columns + plan.unit - 1) / plan.unit;
  double best = 1e9, peak = 0;
  for (int i = 0; i < REPETITIONS; i++) {
    double rate = fma_rate(), start = seconds();
    CALL(pack)(&g, 0, strips);
    CALL(multiply)(&g, 0, strips, 0, units, scratch);
    double time = seconds() - start;
    best = time < best ? time : best;
    peak = rate > peak ? rate : peak;
  }
  double rate = 2.0 * (double)rows * (double)columns * (double)depth / best;
  printf("| %s | %ld x %ld x %ld | %d | %s, %s | %.0f | %.0f %% |\n", name, (long)rows, (long)columns,
         (long)depth, type, left_deep ? "deep" : "lanes", right_deep ? "deep" : "lanes", rate / 1e9,
         100 * rate / (PEAK * peak));
  free(x), free(out), free(w), free(g.packed), free(scratch);
}

int32_t jllm_amx_permission(void);

int main(int count, char **arguments) {
#ifdef __AMX_TILE__
  if (jllm_amx_permission() != 0) {
    fprintf(stderr, "the system refuses AMX\n");
    return 1;
  }
#endif
  for (int i = 2; i + 5 < count; i += 6) {
    run(arguments[1], atol(arguments[i]), atol(arguments[i + 1]), atol(arguments[i + 2]),
        atoi(arguments[i + 3]), atoi(arguments[i + 4]), atoi(arguments[i + 5]));
  }
  return 0;
}
