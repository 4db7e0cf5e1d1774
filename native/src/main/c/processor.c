// What this library is and what the processor can run. Compiled for the oldest processor, so that it
// can be called on any.
#define _GNU_SOURCE // syscall
#include <cpuid.h>
#include <errno.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "jllm_kernels.h"

JLLM_EXPORT int32_t jllm_abi(void) { return JLLM_ABI; }

// The register sets that the system saves when it switches threads: without that, instructions that
// the processor knows are forbidden.
static uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int all(uint64_t bits, uint64_t wanted) { return (bits & wanted) == wanted; }

// JLLM_HAS_... bits.
JLLM_EXPORT uint32_t jllm_processor(void) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !all(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) {
    return 0;
  }
  uint64_t saved = saved_registers();
  uint32_t b7, c7, d7, a71 = 0;
  if (!all(saved, 0x6) || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) || !all(b7, bit_AVX2 | bit_BMI2)) {
    return 0;
  }
  if (a >= 1) {
    __get_cpuid_count(7, 1, &a71, &b, &c, &d);
  }
  uint32_t found = JLLM_HAS_AVX2;
  uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  if (all(saved, 0xe6) && all(b7, avx512)) {
    found |= JLLM_HAS_AVX512;
    found |= c7 >> 11 & 1 ? JLLM_HAS_AVX512_VNNI : 0;
    found |= a71 >> 5 & 1 ? JLLM_HAS_AVX512_BF16 : 0;
  }
  if (all(saved, 0x60000)) {
    found |= d7 >> 24 & 1 ? JLLM_HAS_AMX_TILE : 0;
    found |= d7 >> 22 & 1 ? JLLM_HAS_AMX_BF16 : 0;
    found |= d7 >> 25 & 1 ? JLLM_HAS_AMX_INT8 : 0;
  }
  return found;
}

// Asks the system to save tile registers for this process, for threads that run already as well: 0 if
// it does, otherwise the error. To be called once before any kernel with AMX.
JLLM_EXPORT int32_t jllm_amx_permission(void) {
#ifdef __linux__
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 ? 0 : errno;
#else
  return ENOSYS;
#endif
}
