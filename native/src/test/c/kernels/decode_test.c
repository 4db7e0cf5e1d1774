// Calls the kernels for few rows and the packing at odd sizes with memory of exactly the size that they may touch,
// for a build with sanitizers (DecodeKernelSanitizerTest.java), and compares: floats and packed words with plain loops, each type
// in AVX-512 with AVX2, bit by bit. Prints what it found wrong and ends with 1, or with 0.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../main/c/decode_input.h"

#define DECLARE(set)                                                                                                 \
  int64_t jllm_decode_row_bytes_##set(int32_t, int64_t);                                                             \
  void jllm_decode_prepare_##set(int32_t, const float *, int64_t, int64_t, uint8_t *);                               \
  void jllm_decode_##set(int32_t, const uint8_t *, int64_t, int64_t, const uint8_t *, int64_t, float *, const float *, \
                         int64_t, int64_t);
DECLARE(avx2)
DECLARE(avx512)
void jllm_pack_avx2(const int32_t *, const uint8_t *, int64_t, int64_t, int64_t, int64_t, uint8_t *);
uint32_t jllm_processor(void);
int32_t jllm_abi(void);

static int failures;
#define FAIL(...) (failures++ < 20 ? printf(__VA_ARGS__) : 0)

static uint32_t seed = 20240501;
static uint32_t next(void) { return seed = seed * 1664525u + 1013904223u, seed >> 8; }
static float uniform(void) { return (float)((int)(next() % 2001) - 1000) / 500; }

// Columns and bytes of a block of 16 rows.
static const struct { int length, bytes; } BLOCKS[KINDS] = {
    [F32] = {1, 64},       [F16] = {1, 32},       [BF16] = {1, 32},     [Q8_0] = {32, 544},    [Q4_0] = {32, 288},
    [Q4_1] = {32, 320},    [Q5_0] = {32, 352},    [Q5_1] = {32, 384},   [Q2_K] = {256, 1344},  [Q3_K] = {256, 1760},
    [Q4_K] = {256, 2304},  [Q5_K] = {256, 2816},  [Q6_K] = {256, 3360}, [IQ4_NL] = {32, 288},  [IQ4_XS] = {256, 2176}};

static int64_t padded_columns(int kind, int64_t columns) {
  return kind == F32 ? (columns + 3) & -4 : kind <= BF16 ? (columns + 7) & -8 : columns;
}

// What fills the weights: any bits (16-bit scales with them), all ones (no numbers), the smallest numbers.
enum fill { RANDOM, ONES, TINY, FILLS };

static uint8_t *weights(int kind, int64_t tiles, int64_t columns, enum fill fill) {
  int64_t bytes = tiles * padded_columns(kind, columns) / BLOCKS[kind].length * BLOCKS[kind].bytes;
  uint8_t *w = malloc((size_t)bytes);
  for (int64_t i = 0; i < bytes; i++) {
    w[i] = fill == RANDOM ? (uint8_t)next() : fill == ONES ? 0xff : i % 2 == 0;
  }
  if (kind == F32 && fill == RANDOM) {
    for (int64_t i = 0; i < bytes / 4; i++) {
      ((float *)w)[i] = uniform();
    }
  }
  return w;
}

// The products by one instruction set, in two calls for the tiles; memory begins at no round address.
static float *products(int avx512, int kind, const uint8_t *w, int64_t outputs, int64_t columns, const float *x,
                       int64_t rows, const float *bias) {
  int64_t row = avx512 ? jllm_decode_row_bytes_avx512(kind, columns) : jllm_decode_row_bytes_avx2(kind, columns);
  uint8_t *inputs = aligned_alloc(64, (size_t)(rows * row));
  float *out = malloc((size_t)(rows * outputs) * 4);
  int64_t tiles = (outputs + 15) / 16;
  (avx512 ? jllm_decode_prepare_avx512 : jllm_decode_prepare_avx2)(kind, x, rows, columns, inputs);
  for (int half = 0; half < 2; half++) {
    (avx512 ? jllm_decode_avx512 : jllm_decode_avx2)(kind, w, outputs, columns, inputs, rows, out, bias,
                                                     half * tiles / 2, (half + 1) * tiles / 2);
  }
  free(inputs);
  return out;
}

static void check_floats(const uint8_t *w, int64_t outputs, int64_t columns, const float *x, int64_t rows,
                         const float *bias, const float *found) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t o = 0; o < outputs; o++) {
      double sum = bias ? bias[o] : 0;
      for (int64_t k = 0; k < columns; k++) {
        float value;
        memcpy(&value, w + ((o / 16 * padded_columns(F32, columns) + k) * 16 + o % 16) * 4, 4);
        sum += (double)value * x[r * columns + k];
      }
      if (!(fabs(sum - found[r * outputs + o]) <= 1e-4 * (1 + fabs(sum)))) {
        FAIL("F32 [%ld, %ld]: result %ld of row %ld is %g, not %g\n", (long)outputs, (long)columns, (long)o, (long)r,
             found[r * outputs + o], sum);
      }
    }
  }
}

static void check_decode(int kind, int64_t outputs, int64_t columns, int64_t rows, enum fill fill, int both) {
  uint8_t *w = weights(kind, (outputs + 15) / 16, columns, fill);
  float *memory = malloc((size_t)(rows * columns + 1) * 4), *x = memory + 1;
  float *bias = rows % 2 ? NULL : malloc((size_t)outputs * 4);
  for (int64_t i = 0; i < rows * columns; i++) {
    x[i] = fill == TINY && i % 7 == 0 ? NAN : uniform();
  }
  for (int64_t o = 0; bias && o < outputs; o++) {
    bias[o] = uniform();
  }
  float *first = products(0, kind, w, outputs, columns, x, rows, bias);
  if (kind == F32 && fill == RANDOM) {
    check_floats(w, outputs, columns, x, rows, bias, first);
  }
  if (both) {
    float *second = products(1, kind, w, outputs, columns, x, rows, bias);
    for (int64_t i = 0; i < rows * outputs; i++) {
      if (memcmp(first + i, second + i, 4) && !(isnan(first[i]) && isnan(second[i]))) {
        FAIL("kind %d [%ld, %ld], %ld rows, fill %d: result %ld is %g in AVX2 and %g in AVX-512\n", kind, (long)outputs,
             (long)columns, (long)rows, fill, (long)i, first[i], second[i]);
        break;
      }
    }
    free(second);
  }
  free(first);
  free(bias);
  free(memory);
  free(w);
}

// Blocks of 18 bytes: a scale of 16 bits, then four words that are turned over and rotated and go to other lines.
static void check_pack(int64_t rows, int64_t blocks) {
  static const int32_t layout[] = {18, 2, 0, 0x0f0f0f0f, 7, -1, 4, 2, 3, 0, 1};
  const int32_t *lines = layout + 7;
  int64_t tiles = (rows + 15) / 16;
  uint8_t *source = malloc((size_t)(rows * blocks * 18)), *packed = malloc((size_t)(tiles * blocks * 288));
  for (int64_t i = 0; i < rows * blocks * 18; i++) {
    source[i] = (uint8_t)next();
  }
  jllm_pack_avx2(layout, source, rows, blocks, 0, tiles / 2, packed);
  jllm_pack_avx2(layout, source, rows, blocks, tiles / 2, tiles, packed);
  for (int64_t row = 0; row < tiles * 16; row++) {
    for (int64_t b = 0; b < blocks; b++) {
      const uint8_t *at = packed + (row / 16 * blocks + b) * 288;
      for (int i = 0; i < 4; i++) {
        uint32_t bits = 0, found;
        memcpy(&found, at + lines[i] * 64 + row % 16 * 4, 4);
        if (row < rows) {
          memcpy(&bits, source + (row * blocks + b) * 18 + 2 + 4 * i, 4);
          bits ^= 0x0f0f0f0f;
          bits = bits << 7 | bits >> 25;
        }
        if (found != bits) {
          FAIL("pack [%ld, %ld]: word %d of row %ld\n", (long)rows, (long)blocks, i, (long)row);
        }
      }
      if (row < rows && memcmp(at + 256 + row % 16 * 2, source + (row * blocks + b) * 18, 2)) {
        FAIL("pack [%ld, %ld]: scale of row %ld\n", (long)rows, (long)blocks, (long)row);
      }
    }
  }
  free(source);
  free(packed);
}

int main(void) {
  uint32_t processor = jllm_processor();
  if (jllm_abi() != JLLM_ABI || !(processor & JLLM_HAS_AVX2)) {
    printf("no AVX2: nothing to test\n");
    return 0;
  }
  uint32_t vnni = JLLM_HAS_AVX512 | JLLM_HAS_AVX512_VNNI;
  int both = (processor & vnni) == vnni;
  static const int outputs[] = {1, 16, 37}, rows[] = {1, 2, 3, 7};
  for (int kind = 0; kind < KINDS; kind++) {
    for (int multiple = 1; multiple <= 3; multiple++) {
      int64_t columns = kind <= BF16 ? 6 * multiple * multiple - 5 : BLOCKS[kind].length * multiple;
      for (int o = 0; o < 3; o++) {
        for (int r = 0; r < 4; r++) {
          for (int fill = 0; fill < FILLS; fill++) {
            check_decode(kind, outputs[o], columns, rows[r], (enum fill)fill, both);
          }
        }
      }
    }
  }
  for (int n = 1; n <= 35; n += 17) {
    check_pack(n, 3);
  }
  printf(failures ? "%d failures\n" : "all well, %d failures; AVX-512: ", failures);
  printf(both ? "tested\n" : "this processor has none\n");
  return failures != 0;
}
