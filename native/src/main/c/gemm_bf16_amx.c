// options: -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mamx-tile -mamx-bf16
//
// Products of bfloat16 with sums in float32 in AMX tiles: 32 rows times 32 columns of the result are 4
// tiles, to which two tiles of each operand are multiplied for every 32 of the depth.
//
// A strip is [depth / 32][32 rows][32] bfloat16, filled up with zeros. A strip of a chunk of the depth
// stays in the first-level cache while the panels of a group of units, in the second-level one, pass by.
//
// Why quantized weights come through here too and not through tdpbssd, the product of bytes: an
// estimate from what Intel publishes about Sapphire Rapids, measured on none. A product of whole tiles
// takes 16 cycles, 64 deep in bytes, 32 deep in bfloat16. As scales change every 32 columns, half of
// the depth of a tile of bytes stays empty: 16 cycles for 32 columns either way. But then the integers
// have to leave the tile: for each of 16 rows a store, a load, the load and product of a row's scale, a
// conversion and a multiply-add, about 30 cycles that hide the 16 rather than hide behind them.
// bfloat16 pays when it unpacks, about 200 cycles for 32 x 32 weights instead of 30, but once for all
// rows. For those weights that makes 2 cycles a row and 200, against 3.75 a row and 30: bytes would be
// faster up to some 100 rows (1.7 times at 32), slower by half at 512.
#define WORD 2
#include "gemm_float_avx512.h"
#ifdef JLLM_AMX_TILES // What stands in for the tiles in tests.
#include JLLM_AMX_TILES
#else
#include "amx_tiles.h"
#endif

#define STRIP 32
#define STEP 32    // depth of a tile
#define CHUNK 512  // depth of a panel: 32 KiB
#define GROUP 4    // units whose panels are filled at a time
#define PANEL_BYTES (CHUNK / WORD * UNIT * 4)
#define TILE_BYTES 1024

static inline int64_t strip_bytes(int64_t depth) { return STRIP * 2 * round_up(depth, STEP); }

JLLM_EXPORT void jllm_gemm_bf16_plan_amx(int64_t rows, int64_t depth, int32_t type,
                                         struct gemm_plan *plan) {
  int64_t strips = (rows + STRIP - 1) / STRIP;
  int64_t lines = type >= TILES_Q8_0 ? unit_lines_bytes(CHUNK) : 0;
  *plan = (struct gemm_plan){STRIP, UNIT, strips * strip_bytes(depth),
                             GROUP * PANEL_BYTES + lines + GROUP * strips * STRIP * UNIT * 4};
}

JLLM_EXPORT void jllm_gemm_bf16_pack_amx(const struct gemm *g, int64_t from_strip,
                                         int64_t to_strip) {
  for (int64_t s = from_strip; s < to_strip; s++) {
    __m512i *to = (__m512i *)((uint8_t *)g->packed + s * strip_bytes(g->depth));
    for (int64_t k = 0; k < g->depth; k += STEP, to += STRIP) {
      for (int half = 0; half < 2; half++) {
        __m512i v[16];
        int64_t first = s * STRIP + 16 * half;
        plain_words(&g->left, first, g->rows - first, k, g->depth, 1, v);
        for (int i = 0; i < 16; i++) {
          _mm512_store_si512(to + 16 * half + i, v[i]);
        }
      }
    }
  }
}

// c [32][UNIT] (+)= strip panel over `steps` tiles of the depth; of the lower 16 rows only if `both`.
static void tiles(const uint8_t *a, const uint8_t *panel, int64_t steps, float *c, int first,
                  int both) {
  float *low = c + 16 * UNIT;
  amx_zero(0);
  amx_zero(1);
  amx_zero(2);
  amx_zero(3);
  if (!first) {
    amx_load(0, c, UNIT * 4);
    amx_load(1, c + 16, UNIT * 4);
    amx_load(2, low, UNIT * 4);
    amx_load(3, low + 16, UNIT * 4);
  }
  for (int64_t k = 0; k < steps; k++, a += 2 * TILE_BYTES, panel += 2 * TILE_BYTES) {
    amx_load(4, a, 64);
    amx_load(6, panel, UNIT * 4);
    amx_multiply(0, 4, 6);
    amx_load(7, panel + 64, UNIT * 4);
    amx_multiply(1, 4, 7);
    if (both) {
      amx_load(5, a + TILE_BYTES, 64);
      amx_multiply(2, 5, 6);
      amx_multiply(3, 5, 7);
    }
  }
  amx_store(0, c, UNIT * 4);
  amx_store(1, c + 16, UNIT * 4);
  amx_store(2, low, UNIT * 4);
  amx_store(3, low + 16, UNIT * 4);
}

// A panel, filled up with zeros to whole tiles.
static void fill_tiles(const struct gemm *g, int64_t unit, int64_t from, int64_t to, uint8_t *panel,
                       uint8_t *lines) {
  fill_panel(g, unit, from, to, (__m512i *)panel, lines);
  int64_t filled = words(to - from) * UNIT * 4;
  memset(panel + filled, 0, (size_t)(round_up(to - from, STEP) / WORD * UNIT * 4 - filled));
}

JLLM_EXPORT void jllm_gemm_bf16_multiply_amx(const struct gemm *g, int64_t from_strip,
                                             int64_t to_strip, int64_t from_unit, int64_t to_unit,
                                             void *scratch) {
  uint8_t *panels = scratch, *lines = panels + GROUP * PANEL_BYTES;
  float *c = (float *)(lines + (g->right.type >= TILES_Q8_0 ? unit_lines_bytes(CHUNK) : 0));
  int64_t strip_floats = STRIP * UNIT, unit_floats = (to_strip - from_strip) * strip_floats;
  int64_t end_row = to_strip * STRIP < g->rows ? to_strip * STRIP : g->rows;
  amx_begin();
  for (int64_t u = from_unit; u < to_unit; u += GROUP) {
    int64_t units = to_unit - u < GROUP ? to_unit - u : GROUP;
    for (int64_t k = 0; k == 0 || k < g->depth; k += CHUNK) {
      int64_t end = g->depth - k < CHUNK ? g->depth : k + CHUNK;
      for (int64_t i = 0; i < units; i++) {
        fill_tiles(g, u + i, k, end, panels + i * PANEL_BYTES, lines);
      }
      for (int64_t s = from_strip; s < to_strip; s++) {
        const uint8_t *a = (const uint8_t *)g->packed + s * strip_bytes(g->depth) + k * STRIP * 2;
        float *to = c + (s - from_strip) * strip_floats;
        for (int64_t i = 0; i < units; i++, to += unit_floats) {
          tiles(a, panels + i * PANEL_BYTES, round_up(end - k, STEP) / STEP, to, k == 0,
                g->rows - s * STRIP > 16);
        }
      }
    }
    for (int64_t i = 0; i < units; i++) {
      write_unit(g, c + i * unit_floats, from_strip * STRIP, end_row, (u + i) * UNIT);
    }
  }
  amx_end();
}
