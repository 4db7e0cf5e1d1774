// Tiles of quantized weights to bytes without sign, for kernels with AVX-512 (F, BW).
//
// A tile is 16 rows; a line 64 bytes, 4 consecutive columns of each row, as vpdpbusd takes them.
// A value is scale * (byte - offset) - minimum, with one scale and minimum for each row and group
// of 32 columns (Q6_K: 16).
#ifndef JLLM_TILES_AVX512_H
#define JLLM_TILES_AVX512_H

#include <immintrin.h>
#include "gemm.h"

#define LINE 64

struct tile_type {
  int block;       // columns of a block
  int bytes;       // of a block of 16 rows
  int offset;
  int group;       // columns that share a scale
  int minimums;    // whether there are minimums
};

static inline struct tile_type tile_type(int32_t type) {
  switch (type) {
    case TILES_Q8_0: return (struct tile_type){32, 16 * 34, 128, 32, 0};
    case TILES_Q4_0: return (struct tile_type){32, 16 * 18, 8, 32, 0};
    case TILES_Q4_K: return (struct tile_type){256, 16 * 144, 0, 32, 1};
    case TILES_Q5_K: return (struct tile_type){256, 16 * 176, 0, 32, 1};
    default: return (struct tile_type){256, 16 * 210, 32, 16, 0}; // Q6_K
  }
}

// 16 half precision numbers.
static inline __m512 halves(const uint8_t *from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

static inline __m512i line(const uint8_t *from) { return _mm512_loadu_si512(from); }

// Where unpacked lines and scales go: the two tiles of a unit lie side by side.
struct unit_lines {
  uint8_t *lines;  // line i of tile t at lines + (2 * i + t) * 64
  float *scales;   // group g of tile t at scales + (2 * g + t) * 16
  float *minimums; // likewise
};

static inline void put_line(const struct unit_lines *to, int i, int t, __m512i value) {
  _mm512_store_si512(to->lines + (2 * i + t) * LINE, value);
}

static inline void put_scale(const struct unit_lines *to, int g, int t, __m512 value) {
  _mm512_store_ps(to->scales + (2 * g + t) * 16, value);
}

// 8 lines of bytes that were offset by 128 and turned left by 15 places, then the scales.
static inline void unpack_q8_0(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  for (int l = 0; l < 8; l++) {
    put_line(to, i + l, t, _mm512_ror_epi32(line(from + l * LINE), 15));
  }
  put_scale(to, g, t, halves(from + 8 * LINE));
}

static inline void unpack_q4_0(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i mask = _mm512_set1_epi8(15);
  for (int l = 0; l < 4; l++) {
    __m512i both = line(from + l * LINE);
    put_line(to, i + l, t, _mm512_and_si512(both, mask));
    put_line(to, i + 4 + l, t, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask));
  }
  put_scale(to, g, t, halves(from + 4 * LINE));
}

// Scales and minimums of the 8 groups of Q4_K and Q5_K, 6 bits each, lines 0 to 3.
static inline void unpack_pairs(const uint8_t *from, const struct unit_lines *to, int g, int t) {
  const __m512i six = _mm512_set1_epi32(63), four = _mm512_set1_epi32(15);
  const __m512i high = _mm512_set1_epi32(48);
  __m512i both = line(from);
  __m512 d = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(both));
  __m512 dmin = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(both, 16)));
  __m512i a = line(from + LINE), b = line(from + 2 * LINE), c = line(from + 3 * LINE);
  for (int j = 0; j < 4; j++) {
    __m512i scale = _mm512_or_si512(_mm512_and_si512(c, four),
                                    _mm512_and_si512(_mm512_srli_epi32(a, 2), high));
    __m512i min = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32(c, 4), four),
                                  _mm512_and_si512(_mm512_srli_epi32(b, 2), high));
    float *mins = to->minimums + (2 * (g + j) + t) * 16;
    put_scale(to, g + j, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_and_si512(a, six))));
    _mm512_store_ps(mins, _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(_mm512_and_si512(b, six))));
    put_scale(to, g + 4 + j, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    _mm512_store_ps(mins + 4 * 32, _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(min)));
    a = _mm512_srli_epi32(a, 8);
    b = _mm512_srli_epi32(b, 8);
    c = _mm512_srli_epi32(c, 8);
  }
}

static inline void unpack_q4_k(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i mask = _mm512_set1_epi8(15);
  unpack_pairs(from, to, g, t);
  for (int pair = 0; pair < 4; pair++) {
    for (int l = 0; l < 8; l++) {
      __m512i both = line(from + (4 + pair * 8 + l) * LINE);
      put_line(to, i + pair * 16 + l, t, _mm512_and_si512(both, mask));
      put_line(to, i + pair * 16 + 8 + l, t, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask));
    }
  }
}

// Bit g of a byte of lines 4 to 11 is the fifth bit of group g.
static inline void unpack_q5_k(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i mask = _mm512_set1_epi8(15), fifth = _mm512_set1_epi8(16);
  unpack_pairs(from, to, g, t);
  for (int l = 0; l < 8; l++) {
    __m512i bits = line(from + (4 + l) * LINE);
    for (int pair = 0; pair < 4; pair++) {
      __m512i both = line(from + (12 + pair * 8 + l) * LINE);
      // The bit of the first group of the pair goes to place 4, then that of the second.
      __m512i low = _mm512_and_si512(
          pair < 2 ? _mm512_slli_epi16(bits, 4 - 2 * pair) : _mm512_srli_epi16(bits, 2 * pair - 4), fifth);
      __m512i high = _mm512_and_si512(
          pair < 2 ? _mm512_slli_epi16(bits, 3 - 2 * pair) : _mm512_srli_epi16(bits, 2 * pair - 3), fifth);
      put_line(to, i + pair * 16 + l, t, _mm512_or_si512(_mm512_and_si512(both, mask), low));
      put_line(to, i + pair * 16 + 8 + l, t,
               _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(both, 4), mask), high));
    }
  }
}

// Lines 0 to 3: scales (int8) of the 16 groups of 16 columns. Then for each half of the block 8
// times 3 lines: low bits of quarters 0 and 2, of 1 and 3, high bits of all four; then d (F16).
static inline void unpack_q6_k(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i mask = _mm512_set1_epi8(15), high = _mm512_set1_epi8(48);
  __m512 d = halves(from + 52 * LINE);
  for (int l = 0; l < 4; l++) {
    __m512i four = line(from + l * LINE);
    for (int b = 0; b < 4; b++) {
      __m512i scale = _mm512_srai_epi32(_mm512_slli_epi32(four, 24 - 8 * b), 24);
      put_scale(to, g + 4 * l + b, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    }
  }
  for (int half = 0; half < 2; half++) {
    for (int l = 0; l < 8; l++) {
      const uint8_t *lines = from + (4 + half * 24 + 3 * l) * LINE;
      __m512i even = line(lines), odd = line(lines + LINE), top = line(lines + 2 * LINE);
      int at = i + half * 32 + l;
      put_line(to, at, t, _mm512_or_si512(_mm512_and_si512(even, mask),
                                          _mm512_and_si512(_mm512_slli_epi16(top, 4), high)));
      put_line(to, at + 8, t, _mm512_or_si512(_mm512_and_si512(odd, mask),
                                              _mm512_and_si512(_mm512_slli_epi16(top, 2), high)));
      put_line(to, at + 16, t, _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(even, 4), mask),
                                               _mm512_and_si512(top, high)));
      put_line(to, at + 24, t, _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(odd, 4), mask),
                                               _mm512_and_si512(_mm512_srli_epi16(top, 2), high)));
    }
  }
}

// Bytes of a tile of 16 rows of a quantized type.
static inline int64_t quantized_tile_bytes(int32_t type, int64_t columns) {
  struct tile_type t = tile_type(type);
  return columns / t.block * t.bytes;
}

// Unpacks columns from..from+count-1 (from a multiple of 256, count one of 32, of 256 for types with
// such blocks) of one tile into place t of a unit.
static inline void unpack_tile(int32_t type, const uint8_t *tile, int64_t from, int64_t count,
                               const struct unit_lines *to, int t) {
  struct tile_type info = tile_type(type);
  const uint8_t *block = tile + from / info.block * info.bytes;
  int lines = info.block / 4, groups = info.block / info.group;
  for (int b = 0; b < count / info.block; b++, block += info.bytes) {
    switch (type) {
      case TILES_Q8_0: unpack_q8_0(block, to, b * lines, b * groups, t); break;
      case TILES_Q4_0: unpack_q4_0(block, to, b * lines, b * groups, t); break;
      case TILES_Q4_K: unpack_q4_k(block, to, b * lines, b * groups, t); break;
      case TILES_Q5_K: unpack_q5_k(block, to, b * lines, b * groups, t); break;
      default: unpack_q6_k(block, to, b * lines, b * groups, t); break;
    }
  }
}

#endif
