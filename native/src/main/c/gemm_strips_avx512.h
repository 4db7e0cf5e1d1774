// Products of floating point numbers with AVX-512: the body of gemm_f32_avx512.c and
// gemm_bf16_avx512.c, which define WORD, FUNCTION (the name of a function) and MULTIPLY(sum, words, words).
//
// 12 rows times 32 columns of the result stay in 24 registers; each word of a strip is multiplied
// with 32 of a panel. Strips are [CHUNK / WORD][rows] words, the last one with as many rows as are
// left; those of a chunk of the depth lie one after the other, as they are read.
#include "gemm_float_avx512.h"

#define STRIP 12
#define CHUNK (256 * WORD) // depth of a panel: 32 KiB

#define PANEL_BYTES (CHUNK / WORD * UNIT * 4)

JLLM_EXPORT void FUNCTION(plan)(int64_t rows, int64_t depth, int32_t type, struct gemm_plan *plan) {
  int64_t lines = type >= TILES_Q8_0 ? unit_lines_bytes(CHUNK) : 0;
  *plan = (struct gemm_plan){STRIP, UNIT, round_up(rows * words(depth) * 4, 64),
                             PANEL_BYTES + lines + round_up(rows, STRIP) * UNIT * 4};
}

static inline int strip_rows(int64_t rows, int64_t strip) {
  int64_t left = rows - strip * STRIP;
  return left < STRIP ? (int)left : STRIP;
}

// Where a strip's part in the chunk of the depth k..end-1 is.
static inline uint8_t *strip_at(const struct gemm *g, int64_t strip, int64_t k, int64_t end) {
  return (uint8_t *)g->packed + 4 * (words(k) * g->rows + strip * STRIP * words(end - k));
}

static inline int64_t chunk_end(const struct gemm *g, int64_t k) {
  return g->depth - k < CHUNK ? g->depth : k + CHUNK;
}

JLLM_EXPORT void FUNCTION(pack)(const struct gemm *g, int64_t from_strip, int64_t to_strip) {
  for (int64_t s = from_strip; s < to_strip; s++) {
    int rows = strip_rows(g->rows, s);
    for (int64_t chunk = 0; chunk < g->depth; chunk += CHUNK) {
      int64_t end = chunk_end(g, chunk);
      uint8_t *to = strip_at(g, s, chunk, end);
      for (int64_t k = chunk; k < end; k += 16 * WORD) {
        __m512i v[16];
        plain_words(&g->left, s * STRIP, rows, k, end, 0, v);
        int64_t count = words(end - k) < 16 ? words(end - k) : 16;
        for (int64_t i = 0; i < count; i++, to += 4 * rows) {
          _mm512_mask_storeu_epi32(to, lanes(rows), v[i]);
        }
      }
    }
  }
}

// c [R][UNIT] (+)= strip panel over `count` words of the depth.
static inline __attribute__((always_inline)) void tile(int R, const uint8_t *a, const __m512i *panel,
                                                       int64_t count, float *c, int first) {
  __m512 sum[STRIP][2];
#pragma GCC unroll 12
  for (int r = 0; r < R; r++) {
    sum[r][0] = first ? _mm512_setzero_ps() : _mm512_load_ps(c + r * UNIT);
    sum[r][1] = first ? _mm512_setzero_ps() : _mm512_load_ps(c + r * UNIT + 16);
  }
  for (int64_t k = 0; k < count; k++, a += 4 * R, panel += 2) {
    __m512i b0 = _mm512_load_si512(panel), b1 = _mm512_load_si512(panel + 1);
#pragma GCC unroll 12
    for (int r = 0; r < R; r++) {
      int32_t word;
      memcpy(&word, a + 4 * r, 4);
      __m512i x = _mm512_set1_epi32(word);
      sum[r][0] = MULTIPLY(sum[r][0], x, b0);
      sum[r][1] = MULTIPLY(sum[r][1], x, b1);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; r++) {
    _mm512_store_ps(c + r * UNIT, sum[r][0]);
    _mm512_store_ps(c + r * UNIT + 16, sum[r][1]);
  }
}

static void tiles(int rows, const uint8_t *a, const __m512i *panel, int64_t count, float *c, int first) {
  switch (rows) {
    case 1: tile(1, a, panel, count, c, first); break;
    case 2: tile(2, a, panel, count, c, first); break;
    case 3: tile(3, a, panel, count, c, first); break;
    case 4: tile(4, a, panel, count, c, first); break;
    case 5: tile(5, a, panel, count, c, first); break;
    case 6: tile(6, a, panel, count, c, first); break;
    case 7: tile(7, a, panel, count, c, first); break;
    case 8: tile(8, a, panel, count, c, first); break;
    case 9: tile(9, a, panel, count, c, first); break;
    case 10: tile(10, a, panel, count, c, first); break;
    case 11: tile(11, a, panel, count, c, first); break;
    default: tile(12, a, panel, count, c, first); break;
  }
}

JLLM_EXPORT void FUNCTION(multiply)(const struct gemm *g, int64_t from_strip, int64_t to_strip, int64_t from_unit,
                    int64_t to_unit, void *scratch) {
  uint8_t *lines = (uint8_t *)scratch + PANEL_BYTES;
  float *c = (float *)(lines + (g->right.type >= TILES_Q8_0 ? unit_lines_bytes(CHUNK) : 0));
  int64_t end_row = to_strip * STRIP < g->rows ? to_strip * STRIP : g->rows;
  for (int64_t u = from_unit; u < to_unit; u++) {
    for (int64_t k = 0; k == 0 || k < g->depth; k += CHUNK) {
      int64_t end = chunk_end(g, k);
      fill_panel(g, u, k, end, scratch, lines);
      for (int64_t s = from_strip; s < to_strip; s++) {
        int rows = strip_rows(g->rows, s);
        tiles(rows, strip_at(g, s, k, end), scratch, words(end - k), c + (s - from_strip) * STRIP * UNIT, k == 0);
      }
    }
    write_unit(g, c, from_strip * STRIP, end_row, u * UNIT);
  }
}
