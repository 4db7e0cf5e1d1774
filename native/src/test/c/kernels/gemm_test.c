// Checks the matrix products against plain loops at odd sizes; memory is exactly as large as the
// kernels are told, so that AddressSanitizer sees each access beyond it. Compiled with the kernels of
// one variant, FAMILY and SET; prints what is wrong and ends with 1. With TILES the system is asked for
// the tiles of AMX first.
#define _POSIX_C_SOURCE 200809L // posix_memalign
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"

int32_t jllm_amx_permission(void); // Of processor.c.

#define JOIN2(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN2(a, b, c)
#define CALL(name) JOIN(FAMILY, name, SET)

static uint64_t state;

static uint32_t random_bits(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

static int below(int n) { return (int)(random_bits() % (uint32_t)n); }

static float random_float(void) { return (float)below(2001) / 1000.0f - 1.0f; }

static void *memory(int64_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 64, (size_t)(bytes > 0 ? bytes : 1)) != 0) {
    abort();
  }
  return p;
}

static float half_value(uint16_t h) {
  int exponent = h >> 10 & 31;
  double mantissa = h & 1023;
  double value = exponent ? ldexp(1 + mantissa / 1024, exponent - 15) : ldexp(mantissa, -24);
  return (float)(h & 0x8000 ? -value : value);
}

static float bf16_value(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// A plain operand [rows, columns] with gaps between its rows, its rows in another order.
struct plain {
  struct gemm_operand operand;
  void *data;
  int32_t *rows;
};

static struct plain plain(int64_t lanes, int64_t depth, int type, int deep, int gather) {
  int64_t rows = deep ? lanes : depth, columns = deep ? depth : lanes, stride = columns + below(5);
  int size = type == GEMM_F32 ? 4 : 2;
  int64_t count = (rows - 1) * stride + columns;
  struct plain p = {.data = memory(count * size)};
  for (int64_t i = 0; i < count; i++) {
    float value = random_float();
    if (type == GEMM_F32) {
      ((float *)p.data)[i] = value;
    } else {
      uint32_t bits;
      memcpy(&bits, &value, 4);
      ((uint16_t *)p.data)[i] = (uint16_t)(bits >> 16);
    }
  }
  if (gather) {
    p.rows = memory(rows * 4);
    for (int64_t i = 0; i < rows; i++) {
      p.rows[i] = below((int)rows);
    }
  }
  p.operand = (struct gemm_operand){p.data, p.rows, stride, type, deep};
  return p;
}

static double plain_value(const struct gemm_operand *o, int64_t lane, int64_t k) {
  int64_t row = o->deep ? lane : k, column = o->deep ? k : lane;
  int64_t at = (o->rows ? o->rows[row] : row) * o->stride + column;
  return o->type == GEMM_F32 ? ((const float *)o->data)[at] : bf16_value(((const uint16_t *)o->data)[at]);
}

static int64_t block_length(int type) {
  switch (type) {
    case TILES_Q8_0:
    case TILES_Q4_0:
    case TILES_Q4_1:
    case TILES_Q5_0:
    case TILES_Q5_1:
    case TILES_IQ4_NL: return 32;
    default: return type < TILES_Q8_0 ? 1 : 256;
  }
}

static int64_t tile_bytes(int type, int64_t columns) {
  switch (type) {
    case TILES_F32: return (columns + 3) / 4 * 4 * 64;
    case TILES_F16:
    case TILES_BF16: return (columns + 7) / 8 * 8 * 32;
    case TILES_Q8_0: return columns / 32 * 544;
    case TILES_Q4_0: return columns / 32 * 288;
    case TILES_Q4_K: return columns / 256 * 2304;
    case TILES_Q5_K: return columns / 256 * 2816;
    case TILES_Q6_K: return columns / 256 * 3360;
    case TILES_Q4_1: return columns / 32 * 320;
    case TILES_Q5_0: return columns / 32 * 352;
    case TILES_Q5_1: return columns / 32 * 384;
    case TILES_Q2_K: return columns / 256 * 1344;
    case TILES_Q3_K: return columns / 256 * 1760;
    case TILES_IQ4_NL: return columns / 32 * 288;
    default: return columns / 256 * 2176;
  }
}

// Byte b of row r in line l.
static int byte_of(const uint8_t *block, int l, int r, int b) { return block[64 * l + 4 * r + b]; }

static float half_at(const uint8_t *at) {
  uint16_t h;
  memcpy(&h, at, 2);
  return half_value(h);
}

// 6-bit scale (or minimum) j of a block of Q4_K or Q5_K, as the file packs them into 12 bytes.
static int six_bits(const uint8_t *block, int r, int j, int minimum) {
  int a = byte_of(block, 1, r, j % 4), b = byte_of(block, 2, r, j % 4), c = byte_of(block, 3, r, j % 4);
  if (j < 4) {
    return (minimum ? b : a) & 63;
  }
  return minimum ? c >> 4 | (b >> 6) << 4 : (c & 15) | (a >> 6) << 4;
}

// Nibble of column k of 32 in 4 lines.
static int nibble_of(const uint8_t *lines, int r, int k) {
  return byte_of(lines, k % 16 / 4, r, k % 4) >> (k / 16 * 4) & 15;
}

// With the fifth bit, which is in the line before.
static int five_bits(const uint8_t *lines, int r, int k) {
  return nibble_of(lines + 64, r, k) | (byte_of(lines, 0, r, k % 4) >> (k % 16 / 4 * 2 + k / 16) & 1) << 4;
}

static int iq4_value(int nibble) {
  static const int values[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return values[nibble];
}

// Of Q3_K: the low nibbles of 12 scales are those of 8 bytes, the high pairs those of 4.
static int q3_scale(const uint8_t *block, int r, int group) {
  int low = byte_of(block, 24 + group / 4 % 2, r, group % 4) >> (group / 8 * 4) & 15;
  return (low | (byte_of(block, 26, r, group % 4) >> (group / 4 * 2) & 3) << 4) - 32;
}

static double other_value(int type, const uint8_t *block, int r, int k) {
  int pair, group = k / 16, within = k % 128;
  switch (type) {
    case TILES_Q4_1:
      return (double)half_at(block + 4 * r) * nibble_of(block + 64, r, k) + half_at(block + 4 * r + 2);
    case TILES_Q5_0: return (double)half_at(block + 320 + 2 * r) * (five_bits(block, r, k) - 16);
    case TILES_Q5_1:
      return (double)half_at(block + 4 * r) * five_bits(block + 64, r, k) + half_at(block + 4 * r + 2);
    case TILES_IQ4_NL: return (double)half_at(block + 256 + 2 * r) * iq4_value(nibble_of(block, r, k));
    case TILES_IQ4_XS: {
      int g = k / 32, low = byte_of(block, 1, r, g / 2) >> (g % 2 * 4) & 15;
      int high = byte_of(block, 0, r, 2 + g / 4) >> (g % 4 * 2) & 3;
      return (double)half_at(block + 4 * r) * ((low | high << 4) - 32) *
             iq4_value(nibble_of(block + (2 + 4 * g) * 64, r, k % 32));
    }
    case TILES_Q2_K: {
      int both = byte_of(block, group / 4, r, group % 4);
      pair = byte_of(block, 4 + k / 128 * 8 + within % 32 / 4, r, k % 4) >> (within / 32 * 2) & 3;
      return (double)half_at(block + 1280 + 4 * r) * (both & 15) * pair -
             (double)half_at(block + 1280 + 4 * r + 2) * (both >> 4);
    }
    default:
      pair = byte_of(block, 8 + k / 128 * 8 + within % 32 / 4, r, k % 4) >> (within / 32 * 2) & 3;
      pair |= (byte_of(block, k % 32 / 4, r, k % 4) >> (k / 32) & 1) << 2;
      return (double)half_at(block + 1728 + 2 * r) * q3_scale(block, r, group) * (pair - 4);
  }
}

static double quantized_value(int type, const uint8_t *tile, int r, int64_t column) {
  int length = (int)block_length(type), k = (int)(column % length);
  const uint8_t *block = tile + column / length * tile_bytes(type, length);
  int group = k / 32, within = k % 32, nibble, high;
  switch (type) {
    case TILES_Q8_0: {
      uint32_t word;
      memcpy(&word, block + 64 * (k / 4) + 4 * r, 4);
      word = word >> 15 | word << 17;
      return half_at(block + 512 + 2 * r) * ((int)(word >> 8 * (k % 4) & 255) - 128);
    }
    case TILES_Q4_0:
      nibble = byte_of(block, k % 16 / 4, r, k % 4) >> (k / 16 * 4) & 15;
      return half_at(block + 256 + 2 * r) * (nibble - 8);
    case TILES_Q4_K:
    case TILES_Q5_K:
      nibble = byte_of(block, (type == TILES_Q4_K ? 4 : 12) + group / 2 * 8 + within / 4, r, k % 4) >>
                   (group % 2 * 4) & 15;
      high = type == TILES_Q4_K ? 0 : byte_of(block, 4 + within / 4, r, k % 4) >> group & 1;
      return (double)half_at(block + 4 * r) * six_bits(block, r, group, 0) * (nibble + 16 * high) -
             (double)half_at(block + 4 * r + 2) * six_bits(block, r, group, 1);
    case TILES_Q6_K: {
      int quarter = k % 128 / 32, line = 4 + k / 128 * 24 + 3 * (within / 4);
      nibble = byte_of(block, line + quarter % 2, r, k % 4) >> (quarter / 2 * 4) & 15;
      high = byte_of(block, line + 2, r, k % 4) >> (2 * quarter) & 3;
      int8_t scale = (int8_t)byte_of(block, k / 64, r, k / 16 % 4);
      return (double)half_at(block + 52 * 64 + 2 * r) * scale * (nibble + 16 * high - 32);
    }
    default: return other_value(type, block, r, k);
  }
}

static double tile_value(int type, const uint8_t *weight, int64_t columns, int64_t row, int64_t k) {
  const uint8_t *tile = weight + row / 16 * tile_bytes(type, columns);
  int64_t r = row % 16;
  uint16_t half;
  float value;
  if (type == TILES_F32) {
    memcpy(&value, tile + k * 64 + r * 4, 4);
    return value;
  }
  if (type == TILES_F16 || type == TILES_BF16) {
    memcpy(&half, tile + k / 2 * 64 + r * 4 + k % 2 * 2, 2);
    return type == TILES_F16 ? half_value(half) : bf16_value(half);
  }
  return quantized_value(type, tile, (int)r, k);
}

// A scale between 2^-6 and 2^-5, either sign.
static uint16_t random_half(void) { return (uint16_t)(below(2) << 15 | 9 << 10 | below(1024)); }

static void put_halves(uint8_t *at, int count) {
  for (int i = 0; i < count; i++) {
    uint16_t h = random_half();
    memcpy(at + 2 * i, &h, 2);
  }
}

// Tiles of a weight [rows, columns] of random bits; what fills up rows of odd length is zero.
static uint8_t *tiles_of(int type, int64_t rows, int64_t columns) {
  int64_t bytes = tile_bytes(type, columns), tiles = (rows + 15) / 16;
  uint8_t *weight = memory(tiles * bytes);
  for (int64_t i = 0; i < tiles * bytes; i++) {
    weight[i] = (uint8_t)random_bits();
  }
  for (int64_t t = 0; t < tiles; t++) {
    uint8_t *tile = weight + t * bytes;
    if (type < TILES_Q8_0) {
      memset(tile, 0, (size_t)bytes);
      for (int64_t i = 0; i < 16 * columns; i++) {
        int64_t k = i / 16, r = i % 16;
        float value = random_float();
        uint16_t half = type == TILES_F16 ? (uint16_t)(random_half() ^ below(2) << 11) : 0;
        if (type == TILES_BF16) {
          uint32_t bits;
          memcpy(&bits, &value, 4);
          half = (uint16_t)(bits >> 16);
        }
        if (type == TILES_F32) {
          memcpy(tile + k * 64 + r * 4, &value, 4);
        } else {
          memcpy(tile + k / 2 * 64 + r * 4 + k % 2 * 2, &half, 2);
        }
      }
      continue;
    }
    int64_t block = tile_bytes(type, block_length(type));
    for (int64_t b = 0; b < bytes; b += block) {
      int affine = type == TILES_Q4_K || type == TILES_Q5_K || type == TILES_Q4_1 || type == TILES_Q5_1;
      if (type == TILES_IQ4_XS) {
        for (int r = 0; r < 16; r++) {
          put_halves(tile + b + 4 * r, 1);
        }
      } else if (type == TILES_Q2_K) {
        put_halves(tile + b + block - 64, 32);
      } else {
        put_halves(tile + b + (affine ? 0 : block - 32), affine ? 32 : 16);
      }
    }
  }
  return weight;
}

static int failures;

static void check(const struct gemm *g, const float *before, double tolerance, const char *what) {
  double error = 0, norm = 0;
  for (int64_t row = 0; row < g->rows; row++) {
    int64_t target = g->targets ? g->targets[row] : row;
    for (int64_t column = 0; column < g->columns; column++) {
      double sum = g->accumulate ? before[target * g->columns + column] : 0;
      sum += g->bias ? g->bias[column] : 0;
      norm += sum * sum;
      for (int64_t k = 0; k < g->depth; k++) {
        double right = g->right.type < TILES_F32
                           ? plain_value(&g->right, column, k)
                           : tile_value(g->right.type, g->right.data, g->depth, column, k);
        double product = plain_value(&g->left, row, k) * right;
        sum += product;
        norm += product * product; // Not of the sum alone, whose terms may cancel.
      }
      double difference = g->out[target * g->columns + column] - sum;
      error += difference * difference;
    }
  }
  // Of few elements one may be off by a few deviations.
  tolerance *= 1 + 2 / sqrt((double)(g->rows * g->columns));
  if (!(sqrt(error) <= tolerance * sqrt(norm) + 1e-6)) {
    printf("%s: %ld x %ld x %ld, type %d: relative error %g, at most %g\n", what, (long)g->rows,
           (long)g->columns, (long)g->depth, g->right.type, sqrt(error / norm), tolerance);
    failures++;
  }
}

// Multiplies in parts, as several threads do.
static void multiply(struct gemm *g) {
  struct gemm_plan plan;
  CALL(plan)(g->rows, g->depth, g->right.type, &plan);
  int64_t strips = (g->rows + plan.strip - 1) / plan.strip;
  int64_t units = (g->columns + plan.unit - 1) / plan.unit;
  int64_t strip = strips / 2, unit = units / 2;
  g->packed = memory(plan.packed_bytes);
  void *scratch = memory(plan.scratch_bytes);
  CALL(pack)(g, 0, strip);
  CALL(pack)(g, strip, strips);
  CALL(multiply)(g, 0, strip, 0, units, scratch);
  CALL(multiply)(g, strip, strips, 0, unit, scratch);
  CALL(multiply)(g, strip, strips, unit, units, scratch);
  free(scratch);
  free(g->packed);
}

static void run(int64_t rows, int64_t columns, int64_t depth, int type, double tolerance) {
  int bits = below(32);
  int quantized = type >= TILES_Q8_0;
  int left_type = quantized ? GEMM_F32 : bits & 1, left_deep = quantized || (bits & 2);
  struct plain left = plain(rows, depth, left_type, left_deep, below(2));
  struct gemm g = {.left = left.operand, .rows = rows, .columns = columns, .depth = depth};
  struct plain right = {0};
  if (type < TILES_F32) {
    right = plain(columns, depth, type, bits & 4, below(2));
    g.right = right.operand;
  } else {
    right.data = tiles_of(type, columns, depth);
    g.right = (struct gemm_operand){right.data, NULL, depth, type, 1};
  }
  float *bias = memory(columns * 4), *out = memory(rows * columns * 4), *before = memory(rows * columns * 4);
  int32_t *targets = memory(rows * 4);
  for (int64_t i = 0; i < columns; i++) {
    bias[i] = random_float();
  }
  for (int64_t i = 0; i < rows * columns; i++) {
    before[i] = out[i] = random_float();
  }
  for (int64_t i = 0; i < rows; i++) {
    targets[i] = (int32_t)(rows - 1 - i);
  }
  g.out = out;
  g.bias = bits & 8 ? bias : NULL;
  g.targets = bits & 16 ? targets : NULL;
  g.accumulate = below(2);
  multiply(&g);
  check(&g, before, tolerance, left_deep ? "deep" : "lanes");
  free(left.data), free(left.rows), free(right.data), free(right.rows);
  free(bias), free(out), free(before), free(targets);
}

// Arguments: a seed, the relative error allowed, then the types of the right operand.
int main(int count, char **arguments) {
#ifdef TILES
  int refused = jllm_amx_permission();
  if (refused) {
    printf("no tiles: error %d\n", refused);
    return 2;
  }
#endif
  static const int sizes[][3] = {{1, 1, 1},   {2, 17, 3},   {5, 31, 7},   {6, 32, 64},  {13, 33, 31},
                                 {7, 16, 256}, {12, 48, 33}, {33, 65, 257}, {40, 130, 513}, {64, 7, 96},
                                 {31, 50, 1030}, {129, 20, 40}};
  state = strtoull(arguments[1], NULL, 10);
  double tolerance = atof(arguments[2]);
  for (int i = 3; i < count; i++) {
    int type = atoi(arguments[i]);
    int64_t block = block_length(type);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      int64_t depth = (sizes[s][2] + block - 1) / block * block;
      run(sizes[s][0], sizes[s][1], depth, type, tolerance);
    }
  }
  printf("%d failures\n", failures);
  return failures > 0;
}
