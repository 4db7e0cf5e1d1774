// Runs CUDA kernels on the host, for tests on machines without a GPU. This file goes ahead of a
// module's source; nvrtc.cpp appends one entry a kernel. It knows the part of CUDA C++ that our
// kernels use, no more.
//
// Each thread of a block is a fiber (a stack of its own), all on one host thread. A fiber runs
// until it waits at a barrier; shuffles and ballots are barriers of a warp. So a barrier that some
// threads do not reach, which hangs a GPU, is found: all fibers wait and none goes on.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#define __device__
#define __host__
#define __global__
#define __shared__ static
#define __constant__ static const
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(4) ushort2 {
  unsigned short x, y;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct uint3 {
  unsigned x, y, z;
};
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}
static inline ushort4 make_ushort4(unsigned short x, unsigned short y, unsigned short z,
                                   unsigned short w) {
  return {x, y, z, w};
}

static uint3 threadIdx, blockIdx, blockDim, gridDim;
static const int warpSize = 32;

namespace emulator {

constexpr unsigned MAX_THREADS = 1024;
constexpr size_t STACK =
    65 * 1024 + 64;  // no power of two: the tops of all stacks would share a few cache lines
constexpr size_t MAX_SHARED = 227 * 1024;
constexpr unsigned char CANARY = 0xA5;

struct Fiber {
  void* stack_pointer;
  bool done;
};

// A barrier of some fibers; an odd and an even round alternate.
struct Barrier {
  unsigned expected, arrived;
  uint64_t round;
};

static Fiber fibers[MAX_THREADS];
static Barrier block_barrier;
static Barrier warp_barriers[MAX_THREADS / 32];
static uint64_t exchanged[MAX_THREADS / 32][2][32];
static void* scheduler_stack;
static unsigned current;
static uint64_t progress;
static const char* failure;
static void (*entry)(void**);
static void** arguments;

// Saves the registers that a call preserves, changes the stack, restores those of the other side.
extern "C" void emulator_switch(void** save, void* load);
__asm__(
    ".text\n.type emulator_switch, @function\nemulator_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  popq %rcx\n  "
    "jmp *%rcx\n"
    ".size emulator_switch, . - emulator_switch\n");

static void yield() { emulator_switch(&fibers[current].stack_pointer, scheduler_stack); }

[[noreturn]] static void fail(const char* message) {
  failure = message;
  for (;;) yield();
}

static void forget_copies();

static void fiber_main() {
  forget_copies();  // of another block
  entry(arguments);
  fibers[current].done = true;
  progress++;
  for (;;) yield();
}

static void wait(Barrier& barrier) {
  uint64_t round = barrier.round;
  if (++barrier.arrived == barrier.expected) {
    barrier.arrived = 0;
    barrier.round++;
  }
  while (barrier.round == round) yield();
  progress++;
}

static unsigned lane() { return current & 31; }

// Each lane of a warp gives a value; the result holds those of all lanes until the next exchange
// but one.
static const uint64_t* exchange(unsigned mask, uint64_t value) {
  if (mask != 0xffffffffu) fail("a shuffle or vote whose mask is not the whole warp");
  unsigned warp = current / 32;
  Barrier& barrier = warp_barriers[warp];
  uint64_t* slots = exchanged[warp][barrier.round & 1];
  slots[lane()] = value;
  wait(barrier);
  return slots;
}

static char* stacks() {
  static char* memory =
      static_cast<char*>(mmap(nullptr, MAX_THREADS * STACK, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return memory;
}

static void start(unsigned thread) {
  fibers[thread].done = false;
  void** top = reinterpret_cast<void**>(stacks() + (thread + 1) * STACK);
  *--top = nullptr;  // keeps the stack aligned to 16 bytes at the entry of fiber_main
  *--top = reinterpret_cast<void*>(fiber_main);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  fibers[thread].stack_pointer = top;
}

}  // namespace emulator

// The one array of dynamic shared memory; beyond it, a canary.
alignas(16) static unsigned char emulator_shared[emulator::MAX_SHARED + 64];
#define DYNAMIC_SHARED(type, name) type* name = reinterpret_cast<type*>(emulator_shared)

namespace emulator {

// Blocks and threads take turns in a random order where JLLM_FAKE_CUDA_SEED is set: a result that
// changes tells of a barrier that is missing.
struct Order {
  bool shuffled;
  uint64_t state;

  unsigned below(unsigned bound) {  // xorshift64* (Vigna 2016)
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return static_cast<uint32_t>(state * 0x2545F4914F6CDD1Dull >> 32) % bound;
  }

  // Puts 0..count-1 into places.
  void fill(unsigned* places, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
      unsigned other = shuffled ? below(i + 1) : i;
      places[i] = places[other];
      places[other] = i;
    }
  }
};

static Order& order() {
  static const char* seed = getenv("JLLM_FAKE_CUDA_SEED");
  static Order one = {seed != nullptr, (seed != nullptr ? strtoull(seed, nullptr, 10) : 0) * 2 +
                                           0x9E3779B97F4A7C15u};
  return one;
}

}  // namespace emulator

#include "ptx.h"

namespace emulator {

// Lets the threads of a warp take turns until all wait for other warps or are done. Returns how
// many are left.
static unsigned run_warp(unsigned first, unsigned lanes) {
  unsigned left = lanes, turns[32];
  for (uint64_t before = progress - 1; progress != before && left > 0 && failure == nullptr;) {
    before = progress;
    left = 0;
    order().fill(turns, lanes);
    for (unsigned i = 0; i < lanes && failure == nullptr; i++) {
      unsigned t = first + turns[i];
      if (fibers[t].done) continue;
      current = t;
      threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
      emulator_switch(&scheduler_stack, fibers[t].stack_pointer);
      left += !fibers[t].done;
    }
  }
  return left;
}

static void run_block(unsigned threads) {
  unsigned warps = (threads + 31) / 32;
  block_barrier = {threads, 0, 0};
  for (unsigned w = 0; w < warps; w++) warp_barriers[w] = {std::min(32u, threads - w * 32), 0, 0};
  for (unsigned t = 0; t < threads; t++) start(t);
  unsigned turns[MAX_THREADS / 32];
  for (unsigned left = threads; left > 0 && failure == nullptr;) {
    uint64_t before = progress;
    left = 0;
    order().fill(turns, warps);
    for (unsigned i = 0; i < warps && failure == nullptr; i++) {
      unsigned w = turns[i];
      left += run_warp(w * 32, warp_barriers[w].expected);
    }
    if (left > 0 && progress == before)
      failure = "threads wait at a barrier that others never reach";
  }
}

}  // namespace emulator

// Runs a grid; returns null or what went wrong.
extern "C" const char* emulator_launch(void (*entry)(void**), void** arguments,
                                       const unsigned* grid, const unsigned* block,
                                       unsigned shared_bytes) {
  using namespace emulator;
  unsigned threads = block[0] * block[1] * block[2];
  if (threads == 0 || threads > MAX_THREADS) return "blocks of 0 or more than 1024 threads";
  if (shared_bytes > MAX_SHARED) return "more shared memory than a block can have";
  failure = nullptr;
  emulator::entry = entry;
  emulator::arguments = arguments;
  gridDim = {grid[0], grid[1], grid[2]};
  blockDim = {block[0], block[1], block[2]};
  unsigned blocks = grid[0] * grid[1] * grid[2];
  std::vector<unsigned> turns(blocks);
  order().fill(turns.data(), blocks);
  for (unsigned b : turns) {
    blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
    memset(emulator_shared, 0xff, shared_bytes);  // not a number: what was never written is seen
    memset(emulator_shared + shared_bytes, CANARY, 64);
    run_block(threads);
    for (int i = 0; i < 64 && failure == nullptr; i++) {
      if (emulator_shared[shared_bytes + i] != CANARY)
        failure = "a write beyond the dynamic shared memory";
    }
    if (failure != nullptr) return failure;
  }
  return nullptr;
}

// Calls a kernel whose arguments are behind an array of pointers, as the driver passes them.
template <class... A, size_t... I>
static inline void emulator_call(void (*kernel)(A...), void** arguments,
                                 std::index_sequence<I...>) {
  kernel(*static_cast<A*>(arguments[I])...);
}
template <class... A>
static inline void emulator_call(void (*kernel)(A...), void** arguments) {
  emulator_call(kernel, arguments, std::index_sequence_for<A...>{});
}

// How many arguments a kernel has, and the bytes of each: a launch that is written down copies them.
template <class... A>
static inline const unsigned* emulator_sizes(void (*)(A...)) {
  static const unsigned sizes[] = {sizeof...(A), sizeof(A)...};
  return sizes;
}

static inline void __syncthreads() { emulator::wait(emulator::block_barrier); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::exchange(mask, 0); }

template <class T>
static inline T emulator_from(unsigned mask, T value, unsigned source) {
  static_assert(sizeof(T) <= 8, "shuffles move at most 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof(T));
  unsigned warp_lanes = emulator::warp_barriers[emulator::current / 32].expected;
  bits = emulator::exchange(mask, bits)[source < warp_lanes ? source : emulator::lane()];
  memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source) {
  return emulator_from(mask, value, source & 31);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return emulator_from(mask, value, emulator::lane() ^ bits);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta) {
  return emulator_from(mask, value, emulator::lane() + delta);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta) {
  return emulator_from(mask, value, emulator::lane() < delta ? 32 : emulator::lane() - delta);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t* all = emulator::exchange(mask, predicate != 0);
  unsigned result = 0;
  for (unsigned i = 0; i < emulator::warp_barriers[emulator::current / 32].expected; i++)
    result |= all[i] << i;
  return result;
}
static inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}

#define __expf expf  // the C library has inner functions of these names
#define __logf logf
static inline float __fdividef(float a, float b) { return a / b; }
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline unsigned __float_as_uint(float x) {
  unsigned u;
  memcpy(&u, &x, 4);
  return u;
}
static inline float __uint_as_float(unsigned x) {
  float f;
  memcpy(&f, &x, 4);
  return f;
}
static inline int __float_as_int(float x) {
  int u;
  memcpy(&u, &x, 4);
  return u;
}
static inline float __int_as_float(int x) {
  float f;
  memcpy(&f, &x, 4);
  return f;
}
template <class T>
static inline T __ldg(const T* p) {
  return *p;
}
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selectors) {
  uint64_t both = uint64_t(y) << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    unsigned selector = selectors >> 4 * i & 15;
    unsigned byte = both >> 8 * (selector & 7) & 255;
    if (selector & 8) byte = byte & 128 ? 255 : 0;
    result |= byte << 8 * i;
  }
  return result;
}
// All threads take turns on one thread of the host.
template <class T>
static inline T atomicAdd(T* at, T value) {
  T old = *at;
  *at = old + value;
  return old;
}
template <class T>
static inline T atomicMin(T* at, T value) {
  T old = *at;
  *at = value < old ? value : old;
  return old;
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((uint64_t(high) << 32 | low) >> (shift & 31));
}
static inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; i++) {
    sum += static_cast<signed char>(a >> 8 * i) * static_cast<signed char>(b >> 8 * i);
  }
  return sum;
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(x); }
template <class T>
static inline T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
static inline T max(T a, T b) {
  return a < b ? b : a;
}
