// The tile registers of AMX as gemm_bf16_amx.c uses them: 8 tiles of 16 rows of 64 bytes.
//
// Inline assembly instead of the compiler's intrinsics: those of gcc 12 do not say that they read and
// write memory, so that stores before and loads after them could change places with them.
#ifndef JLLM_AMX_TILES_H
#define JLLM_AMX_TILES_H

#include <stdint.h>

struct amx_config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

// Sets up the tiles of this thread.
static inline void amx_begin(void) {
  struct amx_config config = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    config.row_bytes[i] = 64;
    config.rows[i] = 16;
  }
  __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

static inline void amx_end(void) { __asm__ volatile("tilerelease" : : : "memory"); }

#define amx_zero(tile) __asm__ volatile("tilezero %%tmm" #tile : : :)

#define amx_load(tile, from, stride)                         \
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile        \
                   :                                         \
                   : "r"(from), "r"((int64_t)(stride))       \
                   : "memory")

#define amx_store(tile, to, stride)                          \
  __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)"    \
                   :                                         \
                   : "r"(to), "r"((int64_t)(stride))         \
                   : "memory")

// sum[m][n] += a[m][k] b[k][n], pairs of bfloat16 along k.
#define amx_multiply(sum, a, b) \
  __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sum : : :)

#endif
