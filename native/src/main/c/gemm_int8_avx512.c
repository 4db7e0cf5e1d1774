// options: -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
//
// Products with quantized weights in integers: AVX-512 VNNI.
//
// A row of the left operand is rounded to int8 with one scale for each 32 columns (scale = largest
// / 127, to the nearest, half to even). Within a group of columns that share a scale the product is
// exact in int32; scaled, it is added to a float32 sum. As vpdpbusd wants one operand without sign,
// weights keep their offset, and the integer sums begin with what it adds to them.
//
// A packed strip holds for each block of 32 columns: 8 times 4 columns of its R rows [8][R][4], R
// scales (float32), then for each group of the block R times what the sum begins with (int32), or,
// for weights with minimums, the sum of the activations (float32) that a minimum is taken from.
#include <string.h>
#include "gemm.h"
#include "tiles_avx512.h"
#include "unit_avx512.h"

#define STRIP 6
#define BLOCK 32   // columns that share a scale of the left operand
#define CHUNK 512  // columns unpacked at a time: they stay in the first-level cache

static inline int64_t strip_block_bytes(int rows, int group) {
  return rows * (BLOCK + 4 + 4 * (BLOCK / group));
}

static inline int strip_rows(int64_t rows, int64_t strip) {
  int64_t left = rows - strip * STRIP;
  return left < STRIP ? (int)left : STRIP;
}

#define LINES_BYTES (CHUNK / 4 * 2 * LINE)
#define SCALES_BYTES (CHUNK / 16 * 2 * 64)

JLLM_EXPORT void jllm_gemm_int8_plan_avx512(int64_t rows, int64_t depth, int32_t type,
                                            struct gemm_plan *plan) {
  int64_t row = depth / BLOCK * strip_block_bytes(1, tile_type(type).group);
  *plan = (struct gemm_plan){STRIP, UNIT, round_up(row * rows, 64),
                             LINES_BYTES + 2 * SCALES_BYTES + round_up(rows, STRIP) * UNIT * 4};
}

// Rounds 32 columns of row r of a strip.
static inline void quantize(const float *x, uint8_t *to, int r, int rows, int group, int offset,
                            int minimums) {
  __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
  // Below that a block is zero: its scale has no reciprocal.
  int none = !(largest >= 0x1p-110f);
  __m512 inverse = _mm512_set1_ps(none ? 0.0f : 127.0f / largest);
  float scale = none ? 0.0f : largest / 127.0f;
  if (_mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q)) {
    scale = __builtin_nanf(""); // Integers have no NaN; the result shall be one.
  }
  __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
  __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
  int32_t words[8];
  _mm_storeu_si128((__m128i *)words, _mm512_cvtepi32_epi8(qa));
  _mm_storeu_si128((__m128i *)(words + 4), _mm512_cvtepi32_epi8(qb));
  for (int i = 0; i < 8; i++) {
    memcpy(to + (i * rows + r) * 4, &words[i], 4);
  }
  uint8_t *scales = to + 32 * rows;
  memcpy(scales + 4 * r, &scale, 4);
  int sums[2] = {_mm512_reduce_add_epi32(qa), _mm512_reduce_add_epi32(qb)};
  if (group == 32) {
    sums[0] += sums[1];
  }
  for (int i = 0; i < 32 / group; i++) {
    int32_t start = -offset * sums[i];
    float sum = scale * (float)sums[i];
    memcpy(scales + 4 * (rows * (1 + i) + r), minimums ? (void *)&sum : (void *)&start, 4);
  }
}

JLLM_EXPORT void jllm_gemm_int8_pack_avx512(const struct gemm *g, int64_t from_strip, int64_t to_strip) {
  struct tile_type type = tile_type(g->right.type);
  int64_t blocks = g->depth / BLOCK;
  for (int64_t s = from_strip; s < to_strip; s++) {
    int rows = strip_rows(g->rows, s);
    int64_t bytes = strip_block_bytes(rows, type.group);
    uint8_t *to = (uint8_t *)g->packed + s * blocks * strip_block_bytes(STRIP, type.group);
    for (int r = 0; r < rows; r++) {
      int64_t row = s * STRIP + r;
      row = g->left.rows ? g->left.rows[row] : row;
      const float *x = (const float *)g->left.data + row * g->left.stride;
      for (int64_t b = 0; b < blocks; b++) {
        quantize(x + b * BLOCK, to + b * bytes, r, rows, type.group, type.offset, type.minimums);
      }
    }
  }
}

// c [R][UNIT] += strip unit^T over some blocks; first: =. One block after the other: all integers
// of a tile of the result are in registers, and its float32 sums as well.
static inline __attribute__((always_inline)) void tile(int R, int group, int minimums,
                                                       const uint8_t *a, int64_t blocks,
                                                       const struct unit_lines *b, float *c,
                                                       int first) {
  const uint8_t *lines = b->lines;
  const float *scales = b->scales, *mins = b->minimums;
  int64_t bytes = strip_block_bytes(R, group);
  __m512 sum[STRIP][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    sum[r][0] = first ? _mm512_setzero_ps() : _mm512_load_ps(c + r * UNIT);
    sum[r][1] = first ? _mm512_setzero_ps() : _mm512_load_ps(c + r * UNIT + 16);
  }
  for (int64_t block = 0; block < blocks; block++, a += bytes) {
    const float *scale = (const float *)(a + 32 * R);
    for (int part = 0; part < BLOCK / group; part++) {
      const int32_t *start = (const int32_t *)(scale + R * (1 + part));
      __m512i dot[STRIP][2];
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        dot[r][0] = minimums ? _mm512_setzero_si512() : _mm512_set1_epi32(start[r]);
        dot[r][1] = dot[r][0];
      }
#pragma GCC unroll 8
      for (int i = 0; i < group / 4; i++, lines += 2 * LINE) {
        __m512i w0 = _mm512_load_si512(lines), w1 = _mm512_load_si512(lines + LINE);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
          int32_t four;
          memcpy(&four, a + ((part * group / 4 + i) * R + r) * 4, 4);
          __m512i x = _mm512_set1_epi32(four);
          dot[r][0] = _mm512_dpbusd_epi32(dot[r][0], w0, x);
          dot[r][1] = _mm512_dpbusd_epi32(dot[r][1], w1, x);
        }
      }
      __m512 s0 = _mm512_load_ps(scales), s1 = _mm512_load_ps(scales + 16);
      scales += 32;
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        __m512 sx = _mm512_set1_ps(scale[r]);
        sum[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[r][0]), _mm512_mul_ps(s0, sx), sum[r][0]);
        sum[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[r][1]), _mm512_mul_ps(s1, sx), sum[r][1]);
      }
      if (minimums) {
        __m512 m0 = _mm512_load_ps(mins), m1 = _mm512_load_ps(mins + 16);
        const float *total = (const float *)start;
        mins += 32;
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
          __m512 x = _mm512_set1_ps(total[r]);
          sum[r][0] = _mm512_fnmadd_ps(m0, x, sum[r][0]);
          sum[r][1] = _mm512_fnmadd_ps(m1, x, sum[r][1]);
        }
      }
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    _mm512_store_ps(c + r * UNIT, sum[r][0]);
    _mm512_store_ps(c + r * UNIT + 16, sum[r][1]);
  }
}

#define TILES(name, group, minimums)                                                            \
  static void name(int rows, const uint8_t *a, int64_t blocks, const struct unit_lines *b,       \
                   float *c, int first) {                                                        \
    switch (rows) {                                                                              \
      case 1: tile(1, group, minimums, a, blocks, b, c, first); break;                           \
      case 2: tile(2, group, minimums, a, blocks, b, c, first); break;                           \
      case 3: tile(3, group, minimums, a, blocks, b, c, first); break;                           \
      case 4: tile(4, group, minimums, a, blocks, b, c, first); break;                           \
      case 5: tile(5, group, minimums, a, blocks, b, c, first); break;                           \
      default: tile(6, group, minimums, a, blocks, b, c, first); break;                          \
    }                                                                                            \
  }

TILES(tiles_32, 32, 0)
TILES(tiles_32_minimums, 32, 1)
TILES(tiles_16, 16, 0)
TILES(tiles_16_minimums, 16, 1)

JLLM_EXPORT void jllm_gemm_int8_multiply_avx512(const struct gemm *g, int64_t from_strip, int64_t to_strip,
                                  int64_t from_unit, int64_t to_unit, void *scratch) {
  int32_t type = g->right.type;
  struct tile_type info = tile_type(type);
  int64_t blocks = g->depth / BLOCK, strip_bytes = blocks * strip_block_bytes(STRIP, info.group);
  int64_t tile_bytes = quantized_tile_bytes(type, g->depth), tiles = (g->columns + 15) / 16;
  struct unit_lines unit = {scratch, (float *)((uint8_t *)scratch + LINES_BYTES),
                            (float *)((uint8_t *)scratch + LINES_BYTES + SCALES_BYTES)};
  float *c = (float *)((uint8_t *)scratch + LINES_BYTES + 2 * SCALES_BYTES);
  int64_t end_row = to_strip * STRIP < g->rows ? to_strip * STRIP : g->rows;
  for (int64_t u = from_unit; u < to_unit; u++) {
    const uint8_t *first = (const uint8_t *)g->right.data + 2 * u * tile_bytes;
    // Where the last unit has one tile, it is its own neighbour; the result is not written.
    const uint8_t *second = 2 * u + 1 < tiles ? first + tile_bytes : first;
    for (int64_t k = 0; k == 0 || k < g->depth; k += CHUNK) {
      int64_t count = g->depth - k < CHUNK ? g->depth - k : CHUNK;
      unpack_tile(type, first, k, count, &unit, 0);
      unpack_tile(type, second, k, count, &unit, 1);
      for (int64_t s = from_strip; s < to_strip; s++) {
        int rows = strip_rows(g->rows, s);
        const uint8_t *a = (const uint8_t *)g->packed + s * strip_bytes +
                           k / BLOCK * strip_block_bytes(rows, info.group);
        float *to = c + (s - from_strip) * STRIP * UNIT;
        if (info.minimums && info.group == 16) {
          tiles_16_minimums(rows, a, count / BLOCK, &unit, to, k == 0);
        } else if (info.minimums) {
          tiles_32_minimums(rows, a, count / BLOCK, &unit, to, k == 0);
        } else if (info.group == 16) {
          tiles_16(rows, a, count / BLOCK, &unit, to, k == 0);
        } else {
          tiles_32(rows, a, count / BLOCK, &unit, to, k == 0);
        }
      }
    }
    write_unit(g, c, from_strip * STRIP, end_row, u * UNIT);
  }
}
