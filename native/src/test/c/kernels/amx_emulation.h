// The tile registers of AMX in plain C, so that gemm_bf16_amx.c can be tested on any processor with
// AVX512-BF16. Products are summed as Intel's manual says: for each row and pair of the depth in turn.
#ifndef JLLM_AMX_EMULATION_H
#define JLLM_AMX_EMULATION_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint8_t amx_memory[8][16][64];
static _Thread_local int amx_ready;

static inline void amx_begin(void) { amx_ready = 1; }

static inline void amx_end(void) { amx_ready = 0; }

// A tile without a configuration is an illegal instruction.
static inline void amx_check(void) {
  if (!amx_ready) {
    abort();
  }
}

static inline void amx_zero(int tile) {
  amx_check();
  memset(amx_memory[tile], 0, sizeof amx_memory[tile]);
}

static inline void amx_load(int tile, const void *from, int64_t stride) {
  amx_check();
  for (int row = 0; row < 16; row++) {
    memcpy(amx_memory[tile][row], (const uint8_t *)from + row * stride, 64);
  }
}

static inline void amx_store(int tile, void *to, int64_t stride) {
  amx_check();
  for (int row = 0; row < 16; row++) {
    memcpy((uint8_t *)to + row * stride, amx_memory[tile][row], 64);
  }
}

static inline float amx_value(const uint8_t *at) {
  uint16_t half;
  memcpy(&half, at, 2);
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline void amx_multiply(int sum, int a, int b) {
  amx_check();
  for (int m = 0; m < 16; m++) {
    for (int n = 0; n < 16; n++) {
      float total;
      memcpy(&total, &amx_memory[sum][m][4 * n], 4);
      for (int k = 0; k < 16; k++) {
        for (int i = 0; i < 2; i++) {
          total += amx_value(&amx_memory[a][m][4 * k + 2 * i]) *
                   amx_value(&amx_memory[b][k][4 * n + 2 * i]);
        }
      }
      memcpy(&amx_memory[sum][m][4 * n], &total, 4);
    }
  }
}

#endif
