// What products of floating point numbers share on CPUs with AVX-512: how operands are read into
// words. A word is 32 bits: WORD consecutive elements along the depth, one float32 (WORD 1) or a
// pair of bfloat16 (WORD 2); the including file defines WORD.
//
// A panel of the right operand is [depth / WORD][UNIT] words.
#include <string.h>
#include "gemm.h"
#include "tiles_avx512.h"
#include "unit_avx512.h"

static inline int64_t words(int64_t depth) { return (depth + WORD - 1) / WORD; }

static inline const uint8_t *row_of(const struct gemm_operand *o, int64_t row) {
  int64_t size = o->type == GEMM_F32 ? 4 : 2;
  return (const uint8_t *)o->data + size * o->stride * (o->rows ? o->rows[row] : row);
}

// 16 elements from element `at` of a row on as float32; those beyond `count` are zero.
static inline __m512 floats(const struct gemm_operand *o, const uint8_t *row, int64_t at,
                            int64_t count) {
  if (o->type == GEMM_F32) {
    return _mm512_maskz_loadu_ps(lanes(count), row + 4 * at);
  }
  __m256i half = _mm256_maskz_loadu_epi16(lanes(count), row + 2 * at);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

#if WORD == 2
// Words of 16 lanes: element k of each in the lower half, element k + 1 in the upper one.
static inline __m512i pair(__m512 first, __m512 second) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                         23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}
#endif

// 16 words along a row of the operand, from element k on; beyond `depth` they are zero.
static inline __m512i deep_words(const struct gemm_operand *o, const uint8_t *row, int64_t k,
                                 int64_t depth) {
#if WORD == 1
  return _mm512_castps_si512(floats(o, row, k, depth - k));
#else
  if (o->type == GEMM_BF16) {
    int64_t left = depth - k;
    __mmask32 mask = left >= 32 ? 0xffffffffu : (1u << left) - 1;
    return _mm512_maskz_loadu_epi16(mask, row + 2 * k);
  }
  return (__m512i)_mm512_cvtne2ps_pbh(floats(o, row, k + 16, depth - k - 16),
                                      floats(o, row, k, depth - k));
#endif
}

// The words of 16 lanes from `lane` on at depth k, where rows of memory run along the lanes.
static inline __m512i lane_words(const struct gemm_operand *o, int64_t k, int64_t depth,
                                 int64_t lane, int64_t count) {
  __m512 first = floats(o, row_of(o, k), lane, count);
#if WORD == 1
  (void)depth;
  return _mm512_castps_si512(first);
#else
  return pair(first, k + 1 < depth ? floats(o, row_of(o, k + 1), lane, count) : _mm512_setzero_ps());
#endif
}

// Word j of vector i becomes word i of vector j.
static inline __attribute__((always_inline)) void transpose(__m512i v[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    v[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    v[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// Words [16 lanes][16 words from depth k on] of a plain operand into v, one vector for each lane
// (by_lane) or for each word. Lanes beyond `count` and the depth's end are zero.
static inline __attribute__((always_inline)) void plain_words(const struct gemm_operand *o,
                                                              int64_t lane, int64_t count, int64_t k,
                                                              int64_t depth, int by_lane,
                                                              __m512i v[16]) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    v[i] = _mm512_setzero_si512();
    if (o->deep ? i < count : k + WORD * i < depth) {
      v[i] = o->deep ? deep_words(o, row_of(o, lane + i), k, depth)
                     : lane_words(o, k + WORD * i, depth, lane, count);
    }
  }
  if (o->deep != by_lane) {
    transpose(v);
  }
}

// 16 words of 16 lanes of a plain operand into a panel; t: which half of the unit.
static void plain_panel(const struct gemm *g, int64_t column, int64_t from, int64_t to, int t,
                        __m512i *panel) {
  int64_t count = g->columns - column;
  for (int64_t k = from; k < to; k += 16 * WORD) {
    __m512i v[16];
    plain_words(&g->right, column, count, k, to, 0, v);
    int64_t rows = words(to - k) < 16 ? words(to - k) : 16;
    for (int64_t i = 0; i < rows; i++) {
      _mm512_store_si512(panel + (words(k - from) + i) * 2 + t, v[i]);
    }
  }
}

// Tiles of F32, F16 and BF16: lines of one or two columns, filled up with zeros to 4 lines.
static inline int64_t number_tile_bytes(int32_t type, int64_t columns) {
  return type == TILES_F32 ? round_up(columns, 4) * 64 : round_up(columns, 8) * 32;
}

static void number_panel(int32_t type, const uint8_t *tile, int64_t from, int64_t to, int t,
                         __m512i *panel) {
  int half = type != TILES_F32;
  for (int64_t k = from; k < to; k += 2, panel += 4 / WORD) {
    const uint8_t *lines = tile + k * (half ? 32 : 64);
    __m512i first = line(lines);
#if WORD == 2
    if (type == TILES_F16) {
      __m512 low = _mm512_cvtph_ps(_mm512_castsi512_si256(first));
      __m512 high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(first, 1));
      first = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    } else if (type == TILES_F32) {
      first = pair(_mm512_castsi512_ps(first), _mm512_castsi512_ps(line(lines + LINE)));
    }
    _mm512_store_si512(panel + t, first);
#else
    __m512i second;
    if (type == TILES_F32) {
      second = k + 1 < to ? line(lines + LINE) : first;
    } else if (type == TILES_BF16) {
      second = _mm512_and_si512(first, _mm512_set1_epi32((int)0xffff0000));
      first = _mm512_slli_epi32(first, 16);
    } else {
      second = _mm512_castps_si512(_mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(first, 16))));
      first = _mm512_castps_si512(_mm512_cvtph_ps(_mm512_cvtepi32_epi16(first)));
    }
    _mm512_store_si512(panel + t, first);
    if (k + 1 < to) {
      _mm512_store_si512(panel + 2 + t, second);
    }
#endif
  }
}

// Unpacked quantized values of a unit: bytes, scales and minimums to words.
static void quantized_panel(const struct tile_type *type, const struct unit_lines *from, int64_t count,
                            int t, __m512i *panel) {
  const __m512i mask = _mm512_set1_epi32(255);
  const __m512 offset = _mm512_set1_ps((float)type->offset);
  for (int64_t k = 0; k < count; k += 4) {
    int64_t g = 2 * (k / type->group) + t;
    __m512 scale = _mm512_load_ps(from->scales + 16 * g);
    __m512 minus = _mm512_mul_ps(scale, offset);
    if (type->minimums) {
      minus = _mm512_load_ps(from->minimums + 16 * g);
    }
    __m512i four = _mm512_load_si512(from->lines + (2 * (k / 4) + t) * LINE);
    __m512 v[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      __m512i byte = _mm512_and_si512(_mm512_srli_epi32(four, 8 * i), mask);
      v[i] = _mm512_fmsub_ps(_mm512_cvtepi32_ps(byte), scale, minus);
    }
#if WORD == 2
    _mm512_store_si512(panel + k + t, pair(v[0], v[1]));
    _mm512_store_si512(panel + k + 2 + t, pair(v[2], v[3]));
#else
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      _mm512_store_si512(panel + 2 * (k + i) + t, _mm512_castps_si512(v[i]));
    }
#endif
  }
}

// Bytes that unpacked quantized values of `depth` columns of a unit need.
static inline int64_t unit_lines_bytes(int64_t depth) { return depth / 4 * 128 + 2 * (depth / 16 * 128); }

// Depth from..to-1 of a unit of the right operand into a panel.
//
// lines: scratch of unit_lines_bytes, for quantized weights
static void fill_panel(const struct gemm *g, int64_t unit, int64_t from, int64_t to, __m512i *panel,
                       uint8_t *lines) {
  int32_t type = g->right.type;
  int64_t tiles = (g->columns + 15) / 16;
  if (type < TILES_F32) {
    plain_panel(g, unit * UNIT, from, to, 0, panel);
    plain_panel(g, unit * UNIT + 16, from, to, 1, panel);
    return;
  }
  int quantized = type >= TILES_Q8_0;
  int64_t bytes = quantized ? quantized_tile_bytes(type, g->depth) : number_tile_bytes(type, g->depth);
  struct tile_type info = tile_type(type);
  int64_t count = to - from;
  struct unit_lines unpacked = {lines, (float *)(lines + count / 4 * 128),
                                (float *)(lines + count / 4 * 128 + count / 16 * 128)};
  for (int t = 0; t < 2; t++) {
    // Where the last unit has one tile, it is its own neighbour; the result is not written.
    int64_t number = 2 * unit + t < tiles ? 2 * unit + t : tiles - 1;
    const uint8_t *tile = (const uint8_t *)g->right.data + number * bytes;
    if (quantized) {
      unpack_tile(type, tile, from, count, &unpacked, t);
      quantized_panel(&info, &unpacked, count, t, panel);
    } else {
      number_panel(type, tile, from, to, t, panel);
    }
  }
}
