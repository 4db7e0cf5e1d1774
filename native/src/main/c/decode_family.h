// The functions of the family, the same for each instruction set.
#include "decode_types.h"

// Asks for lines from..to-1 of a block AHEAD bytes before they are read. Without the empty statement gcc moves those of all
// steps to the start of the block, where they wait for each other and the sums for them.
INLINE void fetch_ahead(const uint8_t *block, int from, int to) {
#pragma GCC unroll 8
  for (int line = from; line < to; line++) {
    PREFETCH(block + AHEAD + line * LINE);
  }
  __asm__ volatile("");
}

#define TYPE Q8_0
#define MINIMUM 0
#include "decode_rows.h"
#define TYPE Q4_0
#define MINIMUM 0
#include "decode_rows.h"
#define TYPE Q4_1
#define MINIMUM 1
#include "decode_rows.h"
#define TYPE Q5_0
#define MINIMUM 0
#include "decode_rows.h"
#define TYPE Q5_1
#define MINIMUM 1
#include "decode_rows.h"
#define TYPE Q2_K
#define MINIMUM 1
#include "decode_rows.h"
#define TYPE Q3_K
#define MINIMUM 0
#include "decode_rows.h"
#define TYPE Q4_K
#define MINIMUM 1
#include "decode_rows.h"
#define TYPE Q5_K
#define MINIMUM 1
#include "decode_rows.h"
#define TYPE Q6_K
#define MINIMUM 0
#include "decode_rows.h"
#define TYPE IQ4_NL
#define MINIMUM 0
#include "decode_rows.h"
#define TYPE IQ4_XS
#define MINIMUM 0
#include "decode_rows.h"

#include "decode_floats.h"

// A type of integers, with its kernels for 1, 2 and 4 rows.
enum { SIZES = MOST_ROWS == 4 ? 3 : 2, FLOAT_SIZES = 3 };
struct integers {
  int32_t length, bytes;
  void (*tiles[SIZES])(const uint8_t *tile, int64_t blocks, const struct row *rows, float *out, int64_t stride);
};

#if MOST_ROWS == 4
#define INTEGERS(type) [type] = {type##_LENGTH, type##_BYTES, {type##_1, type##_2, type##_4}}
#else
#define INTEGERS(type) [type] = {type##_LENGTH, type##_BYTES, {type##_1, type##_2}}
#endif
static const struct integers INTEGER_TYPES[KINDS] = {
    INTEGERS(Q8_0), INTEGERS(Q4_0), INTEGERS(Q4_1), INTEGERS(Q5_0), INTEGERS(Q5_1),   INTEGERS(Q2_K),
    INTEGERS(Q3_K), INTEGERS(Q4_K), INTEGERS(Q5_K), INTEGERS(Q6_K), INTEGERS(IQ4_NL), INTEGERS(IQ4_XS)};

struct floats {
  int32_t size;  // bytes of a number
  void (*tiles[FLOAT_SIZES])(const uint8_t *tile, int64_t columns, const float *const *x, float *out, int64_t stride);
};

static const struct floats FLOAT_TYPES[] = {
    [F32] = {4, {f32_1, f32_2, f32_4}}, [F16] = {2, {f16_1, f16_2, f16_4}}, [BF16] = {2, {bf16_1, bf16_2, bf16_4}}};

// Below this, 32 columns are zero; their scale would have no reciprocal.
static const float SMALLEST = 0x1p-110f;

static void quantize(const float *x, int64_t columns, int center, struct quad *quads, struct group *groups) {
  for (int64_t column = 0; column < columns; column += 32, quads += 8, groups++) {
    float largest = largest_32(x + column);
    float inverse = largest < SMALLEST ? 0 : LIMIT / largest;
    float scale = largest < SMALLEST ? 0 : largest / LIMIT;
    int32_t sums[2];
    for (int half = 0; half < 2; half++) {
      sums[half] = quantize_16(x + column + 16 * half, inverse, quads + 4 * half);
    }
    groups->scale = scale;
    for (int half = 0; half < 2; half++) {
      // Unsigned, since of activations that are no numbers the sums are any.
      groups->start[half] = (int32_t)(0u - (uint32_t)center * (uint32_t)sums[half]);
      groups->sum[half] = scale * (float)sums[half];
    }
  }
}

// One number for 32 columns instead of two for 16.
static void join(struct group *groups, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    groups[i].start[0] = (int32_t)((uint32_t)groups[i].start[0] + (uint32_t)groups[i].start[1]);
    groups[i].sum[0] += groups[i].sum[1];
  }
}

static int pairs_of_groups(enum kind kind) { return kind == Q2_K || kind == Q3_K || kind == Q6_K; }

// Bytes that a row of activations takes, prepared for weights of a kind.
JLLM_EXPORT int64_t NAME(jllm_decode_row_bytes)(int32_t kind, int64_t columns) {
  return row_bytes((enum kind)kind, columns);
}

// Prepares the rows x [count, columns] for weights of a kind; out is aligned to 64 bytes.
JLLM_EXPORT void NAME(jllm_decode_prepare)(int32_t kind, const float *x, int64_t count, int64_t columns, uint8_t *out) {
  int64_t stride = row_bytes((enum kind)kind, columns);
  for (int64_t r = 0; r < count; r++, x += columns, out += stride) {
    if (kind <= BF16) {
      memcpy(out, x, (size_t)columns * sizeof(float));
      memset(out + 4 * columns, 0, (size_t)(stride - 4 * columns));
      continue;
    }
    struct group *groups = (struct group *)(out + 2 * columns);
    quantize(x, columns, center_of((enum kind)kind), (struct quad *)out, groups);
    if (!pairs_of_groups((enum kind)kind)) {
      join(groups, columns / 32);
    }
  }
}

// The products of a tile with `count` rows of activations, as many at a time as there are kernels for.
static void multiply(enum kind kind, const uint8_t *tile, int64_t columns, const uint8_t *inputs, int64_t count,
                     float *out, int64_t stride) {
  int64_t input_bytes = row_bytes(kind, columns);
  for (int64_t first = 0; first < count;) {
    int size = (kind <= BF16 ? FLOAT_SIZES : SIZES) - 1;
    while (1 << size > count - first) {
      size--;
    }
    const uint8_t *input = inputs + first * input_bytes;
    float *target = out + first * stride;
    if (kind <= BF16) {
      const float *x[MOST_FLOAT_ROWS];
      for (int r = 0; r < 1 << size; r++) {
        x[r] = (const float *)(input + r * input_bytes);
      }
      int64_t stored = kind == F32 ? (columns + 3) & -4 : padded(columns);
      FLOAT_TYPES[kind].tiles[size](tile, stored, x, target, stride);
    } else {
      struct row rows[MOST_ROWS];
      for (int r = 0; r < 1 << size; r++) {
        const uint8_t *row = input + r * input_bytes;
        rows[r] = (struct row){(const struct quad *)row, (const struct group *)(row + 2 * columns)};
      }
      const struct integers *type = &INTEGER_TYPES[kind];
      type->tiles[size](tile, columns / type->length, rows, target, stride);
    }
    first += 1 << size;
  }
}

static int64_t tile_bytes(enum kind kind, int64_t columns) {
  if (kind == F32) {
    return (columns + 3) / 4 * 4 * LINE;
  }
  return kind <= BF16 ? padded(columns) * LINE / 2 : columns / INTEGER_TYPES[kind].length * INTEGER_TYPES[kind].bytes;
}

// out[r, o] = sum over k of x[r, k] weight[o, k], plus bias[o] if there is one, for the outputs o of tiles from..to-1.
//
// weight: tiles of 16 outputs, tile 0 first; inputs: `rows` prepared rows; out: [rows, outputs]
JLLM_EXPORT void NAME(jllm_decode)(int32_t kind, const uint8_t *weight, int64_t outputs, int64_t columns,
                                   const uint8_t *inputs, int64_t rows, float *out, const float *bias, int64_t from,
                                   int64_t to) {
  int64_t bytes = tile_bytes((enum kind)kind, columns);
  for (int64_t tile = from; tile < to; tile++) {
    int64_t first = tile * ROWS;
    int64_t width = outputs - first < ROWS ? outputs - first : ROWS;
    const uint8_t *at = weight + tile * bytes;
    float *target = out + first;
    if (width == ROWS) {
      multiply((enum kind)kind, at, columns, inputs, rows, target, outputs);
    } else {
      float spare[ROWS];
      int64_t input_bytes = row_bytes((enum kind)kind, columns);
      for (int64_t r = 0; r < rows; r++) {
        multiply((enum kind)kind, at, columns, inputs + r * input_bytes, 1, spare, ROWS);
        memcpy(target + r * outputs, spare, (size_t)width * sizeof(float));
      }
    }
    for (int64_t r = 0; bias && r < rows; r++) {
      for (int64_t o = 0; o < width; o++) {
        target[r * outputs + o] += bias[first + o];
      }
    }
  }
}
