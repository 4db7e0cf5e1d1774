// What every file of this library shares. One kernel family and instruction set a file; its first
// line holds the compiler options of its instruction set, its header comment shapes and layouts.
//
// The functions have no state and allocate nothing, so any number of threads may call them. Which
// of them this processor can run, the caller learns from jllm_processor() before it calls any other:
// a kernel is called by its name with the instruction set at the end, such as jllm_decode_avx2.
#ifndef JLLM_KERNELS_H
#define JLLM_KERNELS_H

#include <stdint.h>

// Raised whenever a function's meaning or parameters change: KernelLibrary.java expects the same.
#define JLLM_ABI 1

#define JLLM_EXPORT __attribute__((visibility("default")))

// Bits of jllm_processor(): instructions that processor and system both support.
enum {
  JLLM_HAS_AVX2 = 1,         // AVX2, FMA, F16C, BMI2
  JLLM_HAS_AVX512 = 2,       // AVX-512 F, BW, DQ, VL
  JLLM_HAS_AVX512_VNNI = 4,  // products of bytes, summed in 32 bits
  JLLM_HAS_AVX512_BF16 = 8,  // products of pairs of BF16
  JLLM_HAS_AMX_TILE = 16,    // tile registers; a process must ask the system before it uses them
  JLLM_HAS_AMX_BF16 = 32,
  JLLM_HAS_AMX_INT8 = 64,
};

#endif
