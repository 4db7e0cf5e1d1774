// The tile registers of AMX in plain C, so that gemm_bf16_amx.c can be tested on any processor with
// AVX512-BF16. Products are summed as Intel's manual says: those of even and of odd places of the
// depth apart, from zero on and each rounded once with its sum; then both to what the tile holds.
// Denormal numbers are zero.
#ifndef JLLM_AMX_EMULATION_H
#define JLLM_AMX_EMULATION_H

#include <math.h>
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

static inline float amx_flushed(float value) {
  return fabsf(value) < 0x1p-126f ? copysignf(0, value) : value;
}

static inline float amx_value(const uint8_t *at) {
  uint16_t half;
  memcpy(&half, at, 2);
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return amx_flushed(value);
}

static inline void amx_multiply(int sum, int a, int b) {
  amx_check();
  for (int m = 0; m < 16; m++) {
    for (int n = 0; n < 16; n++) {
      float parts[2] = {0, 0}, total;
      for (int k = 0; k < 16; k++) {
        for (int i = 0; i < 2; i++) {
          const uint8_t *left = &amx_memory[a][m][4 * k + 2 * i];
          const uint8_t *right = &amx_memory[b][k][4 * n + 2 * i];
          parts[i] = amx_flushed(fmaf(amx_value(left), amx_value(right), parts[i]));
        }
      }
      memcpy(&total, &amx_memory[sum][m][4 * n], 4);
      total = amx_flushed(amx_flushed(total) + amx_flushed(parts[0] + parts[1]));
      memcpy(&amx_memory[sum][m][4 * n], &total, 4);
    }
  }
}

#endif
