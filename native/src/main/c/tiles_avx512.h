// Tiles of quantized weights to bytes without sign, for kernels with AVX-512 (F, BW).
//
// A tile is 16 rows; a line 64 bytes, 4 consecutive columns of each row, as vpdpbusd takes them.
// A value is scale * (byte - offset) - minimum, with one scale and minimum for each row and group
// of 32 columns (Q2_K, Q3_K and Q6_K: 16).
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
    case TILES_Q4_1: return (struct tile_type){32, 16 * 20, 0, 32, 1};
    case TILES_Q5_0: return (struct tile_type){32, 16 * 22, 16, 32, 0};
    case TILES_Q5_1: return (struct tile_type){32, 16 * 24, 0, 32, 1};
    case TILES_Q2_K: return (struct tile_type){256, 16 * 84, 0, 16, 1};
    case TILES_Q3_K: return (struct tile_type){256, 16 * 110, 4, 16, 0};
    case TILES_IQ4_NL: return (struct tile_type){32, 16 * 18, 128, 32, 0};
    case TILES_IQ4_XS: return (struct tile_type){256, 16 * 136, 128, 32, 0};
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

static inline void put_minimum(const struct unit_lines *to, int g, int t, __m512 value) {
  _mm512_store_ps(to->minimums + (2 * g + t) * 16, value);
}

// Half precision numbers in the lower and in the upper halves of words.
static inline __m512 low_halves(__m512i words) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words));
}

static inline __m512 high_halves(__m512i words) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(words, 16)));
}

// Line 0: scale and minimum, which is added here.
static inline void unpack_affine(const uint8_t *from, const struct unit_lines *to, int g, int t) {
  __m512i both = line(from);
  put_scale(to, g, t, low_halves(both));
  put_minimum(to, g, t, _mm512_sub_ps(_mm512_setzero_ps(), high_halves(both)));
}

static inline void unpack_q4_1(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i mask = _mm512_set1_epi8(15);
  unpack_affine(from, to, g, t);
  for (int l = 0; l < 4; l++) {
    __m512i both = line(from + (1 + l) * LINE);
    put_line(to, i + l, t, _mm512_and_si512(both, mask));
    put_line(to, i + 4 + l, t, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask));
  }
}

// Nibbles as in Q4_0; of each byte of `fifths`, bit 2l belongs to the lower nibble of line l, bit
// 2l + 1 to the upper one.
static inline void unpack_fifths(const uint8_t *from, __m512i fifths, const struct unit_lines *to,
                                 int i, int t) {
  const __m512i mask = _mm512_set1_epi8(15), fifth = _mm512_set1_epi8(16);
  for (int l = 0; l < 4; l++) {
    __m512i both = line(from + l * LINE);
    __m512i low = l < 2 ? _mm512_slli_epi16(fifths, 4 - 2 * l) : _mm512_srli_epi16(fifths, 2 * l - 4);
    __m512i high = l < 2 ? _mm512_slli_epi16(fifths, 3 - 2 * l) : _mm512_srli_epi16(fifths, 2 * l - 3);
    put_line(to, i + l, t,
             _mm512_or_si512(_mm512_and_si512(both, mask), _mm512_and_si512(low, fifth)));
    put_line(to, i + 4 + l, t,
             _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(both, 4), mask),
                             _mm512_and_si512(high, fifth)));
  }
}

static inline void unpack_q5_0(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  put_scale(to, g, t, halves(from + 5 * LINE));
  unpack_fifths(from + LINE, line(from), to, i, t);
}

static inline void unpack_q5_1(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  unpack_affine(from, to, g, t);
  unpack_fifths(from + 2 * LINE, line(from + LINE), to, i, t);
}

// 4 lines of nibbles as in Q4_0 that stand for other values, here with an offset of 128.
static inline void unpack_iq4(const uint8_t *from, const struct unit_lines *to, int i, int t) {
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i values = _mm512_broadcast_i32x4(_mm_setr_epi8(
      1, 24, 45, 63, 79, 93, 106, 118, (char)129, (char)141, (char)153, (char)166, (char)181,
      (char)197, (char)217, (char)241));
  for (int l = 0; l < 4; l++) {
    __m512i both = line(from + l * LINE);
    put_line(to, i + l, t, _mm512_shuffle_epi8(values, _mm512_and_si512(both, mask)));
    put_line(to, i + 4 + l, t,
             _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask)));
  }
}

static inline void unpack_iq4_nl(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  put_scale(to, g, t, halves(from + 4 * LINE));
  unpack_iq4(from, to, i, t);
}

// Line 0: d (F16) and the high pairs of bits of the 8 scales, line 1 their low nibbles.
static inline void unpack_iq4_xs(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i four = _mm512_set1_epi32(15), two = _mm512_set1_epi32(48);
  __m512i first = line(from), lows = line(from + LINE);
  __m512 d = low_halves(first);
  __m512i highs = _mm512_srli_epi32(first, 12); // The first pair is in bits 4 and 5.
  for (int group = 0; group < 8; group++) {
    __m512i scale = _mm512_or_si512(_mm512_and_si512(lows, four), _mm512_and_si512(highs, two));
    scale = _mm512_sub_epi32(scale, _mm512_set1_epi32(32));
    put_scale(to, g + group, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    lows = _mm512_srli_epi32(lows, 4);
    highs = _mm512_srli_epi32(highs, 2);
    unpack_iq4(from + (2 + 4 * group) * LINE, to, i + 8 * group, t);
  }
}

// Lines 0 to 3: a scale and a minimum of 4 bits for each of 16 groups; 8 lines for each half of the
// block: pairs of bits of its quarters; line 20: d and dmin (F16).
static inline void unpack_q2_k(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i four = _mm512_set1_epi32(15), two = _mm512_set1_epi8(3);
  __m512i both = line(from + 20 * LINE);
  __m512 d = low_halves(both), dmin = high_halves(both);
  for (int group = 0; group < 16; group++) {
    __m512i pair = _mm512_srl_epi32(line(from + group / 4 * LINE), _mm_cvtsi32_si128(group % 4 * 8));
    __m512i min = _mm512_and_si512(_mm512_srli_epi32(pair, 4), four);
    put_scale(to, g + group, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_and_si512(pair, four))));
    put_minimum(to, g + group, t, _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(min)));
  }
  for (int l = 0; l < 16; l++) {
    __m512i bits = line(from + (4 + l) * LINE);
    for (int quarter = 0; quarter < 4; quarter++) {
      put_line(to, i + l / 8 * 32 + quarter * 8 + l % 8, t, _mm512_and_si512(bits, two));
      bits = _mm512_srli_epi16(bits, 2);
    }
  }
}

// Lines 0 to 7: third bits, of 32 columns in each place of a byte; 8 to 23: pairs of bits as in Q2_K;
// 24 to 26: scales of 6 bits of the 16 groups; then d (F16).
static inline void unpack_q3_k(const uint8_t *from, const struct unit_lines *to, int i, int g, int t) {
  const __m512i four = _mm512_set1_epi32(15), high = _mm512_set1_epi32(48);
  const __m512i two = _mm512_set1_epi8(3), third = _mm512_set1_epi8(4);
  __m512 d = halves(from + 27 * LINE);
  for (int group = 0; group < 16; group++) {
    int quad = group / 4, byte = group % 4 * 8;
    __m512i low = _mm512_srl_epi32(line(from + (24 + quad % 2) * LINE),
                                   _mm_cvtsi32_si128(byte + quad / 2 * 4));
    __m512i top = _mm512_srl_epi32(line(from + 26 * LINE), _mm_cvtsi32_si128(byte + quad * 2));
    __m512i scale = _mm512_or_si512(_mm512_and_si512(low, four),
                                    _mm512_and_si512(_mm512_slli_epi32(top, 4), high));
    scale = _mm512_sub_epi32(scale, _mm512_set1_epi32(32));
    put_scale(to, g + group, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
  }
  for (int l = 0; l < 16; l++) {
    __m512i bits = line(from + (8 + l) * LINE), thirds = line(from + l % 8 * LINE);
    for (int quarter = 0; quarter < 4; quarter++) {
      int place = l / 8 * 4 + quarter;
      __m512i top = place < 2 ? _mm512_sll_epi16(thirds, _mm_cvtsi32_si128(2 - place))
                              : _mm512_srl_epi16(thirds, _mm_cvtsi32_si128(place - 2));
      put_line(to, i + place * 8 + l % 8, t,
               _mm512_or_si512(_mm512_and_si512(bits, two), _mm512_and_si512(top, third)));
      bits = _mm512_srli_epi16(bits, 2);
    }
  }
}

// Scales and minimums of the 8 groups of Q4_K and Q5_K, 6 bits each, lines 0 to 3.
static inline void unpack_pairs(const uint8_t *from, const struct unit_lines *to, int g, int t) {
  const __m512i six = _mm512_set1_epi32(63), four = _mm512_set1_epi32(15);
  const __m512i high = _mm512_set1_epi32(48);
  __m512i both = line(from);
  __m512 d = low_halves(both), dmin = high_halves(both);
  __m512i a = line(from + LINE), b = line(from + 2 * LINE), c = line(from + 3 * LINE);
  for (int j = 0; j < 4; j++) {
    __m512i scale = _mm512_or_si512(_mm512_and_si512(c, four),
                                    _mm512_and_si512(_mm512_srli_epi32(a, 2), high));
    __m512i min = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32(c, 4), four),
                                  _mm512_and_si512(_mm512_srli_epi32(b, 2), high));
    put_scale(to, g + j, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_and_si512(a, six))));
    put_minimum(to, g + j, t, _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(_mm512_and_si512(b, six))));
    put_scale(to, g + 4 + j, t, _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    put_minimum(to, g + 4 + j, t, _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(min)));
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
      case TILES_Q4_1: unpack_q4_1(block, to, b * lines, b * groups, t); break;
      case TILES_Q5_0: unpack_q5_0(block, to, b * lines, b * groups, t); break;
      case TILES_Q5_1: unpack_q5_1(block, to, b * lines, b * groups, t); break;
      case TILES_Q2_K: unpack_q2_k(block, to, b * lines, b * groups, t); break;
      case TILES_Q3_K: unpack_q3_k(block, to, b * lines, b * groups, t); break;
      case TILES_IQ4_NL: unpack_iq4_nl(block, to, b * lines, b * groups, t); break;
      case TILES_IQ4_XS: unpack_iq4_xs(block, to, b * lines, b * groups, t); break;
      default: unpack_q6_k(block, to, b * lines, b * groups, t); break;
    }
  }
}

#endif
