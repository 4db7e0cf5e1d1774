// Helpers of all kernels; goes ahead of every other file of this folder. Kernels include no
// headers, so that NVRTC can compile them on a machine that has the driver and no toolkit.

#define KERNEL extern "C" __global__ void

// The dynamic shared memory of a block, aligned to 16 bytes.
#ifndef DYNAMIC_SHARED
extern __shared__ float4 dynamic_shared[];
#define DYNAMIC_SHARED(type, name) type* name = reinterpret_cast<type*>(dynamic_shared)
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define ALL_LANES 0xffffffffu
#define MINUS_INFINITY __int_as_float(0xff800000)

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2) value += __shfl_xor_sync(ALL_LANES, value, bits);
    return value;
}

__device__ __forceinline__ double warp_sum(double value) {
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2) value += __shfl_xor_sync(ALL_LANES, value, bits);
    return value;
}

__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2)
        value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, bits));
    return value;
}

// The sum over a one-dimensional block of whole warps, in every thread. scratch: 32 in shared
// memory.
template <class T>
__device__ __forceinline__ T block_sum(T value, T* scratch) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    value = warp_sum(value);
    __syncthreads();  // of an earlier reduction that used the same scratch
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    return warp_sum(lane < warps ? scratch[lane] : T(0));
}

__device__ __forceinline__ float block_max(float value, float* scratch) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    value = warp_max(value);
    __syncthreads();
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    return warp_max(lane < warps ? scratch[lane] : MINUS_INFINITY);
}

// Whether addresses allow loads of 16 bytes. Rows of odd length and views do not.
__device__ __forceinline__ bool aligned16(const void* a, const void* b = nullptr,
                                          const void* c = nullptr) {
    return ((reinterpret_cast<u64>(a) | reinterpret_cast<u64>(b) | reinterpret_cast<u64>(c)) &
            15) == 0;
}

__device__ __forceinline__ float4 load4(const float* p) {
    return *reinterpret_cast<const float4*>(p);
}
__device__ __forceinline__ void store4(float* p, float4 value) {
    *reinterpret_cast<float4*>(p) = value;
}

// Eight floats, aligned to 16 bytes or not.
__device__ __forceinline__ void load8(const float* x, bool vectors, float* v) {
    if (vectors) {
        float4 a = load4(x), b = load4(x + 4);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z,
        v[7] = b.w;
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = x[i];
    }
}

// IEEE 754 binary16 in the low 16 bits.
__device__ __forceinline__ float half_to_float(u32 half) {
#ifdef __CUDA_ARCH__
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(static_cast<u16>(half)));
    return value;
#else
    // Exponent and fraction at the places of a float, then 2^112 makes up for the difference of the
    // exponents' biases; it makes subnormal numbers normal, too.
    u32 magnitude = (half & 0x7fff) << 13;
    if (magnitude >= 0x0f800000)
        return __uint_as_float((half & 0x8000) << 16 | magnitude | 0x7f800000);
    return __uint_as_float((half & 0x8000) << 16 |
                           __float_as_uint(__uint_as_float(magnitude) * 0x1p112f));
#endif
}

// To nearest, ties to even.
__device__ __forceinline__ u16 float_to_half(float value) {
    u16 bits;
#ifdef __CUDA_ARCH__
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    _Float16 half = static_cast<_Float16>(value);
    memcpy(&bits, &half, sizeof bits);
#endif
    return bits;
}

// The upper half of a float.
__device__ __forceinline__ float bf16_to_float(u32 bits) { return __uint_as_float(bits << 16); }

// To nearest, ties to even; what is not a number stays so.
__device__ __forceinline__ u16 float_to_bf16(float value) {
    u32 bits = __float_as_uint(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<u16>(bits >> 16 | 0x40);
    return static_cast<u16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The value of a lane in a block of Q8_0 that a warp makes, and the block's scale, binary16.
__device__ __forceinline__ u8 to_q8_0(float value, u16& scale) {
    float step = warp_max(fabsf(value)) / 127, inverse = 1 / step;
    if (!(inverse <= 3.4028235e38f)) inverse = 0;  // a block of zeros or next to it
    scale = float_to_half(step);
    return static_cast<u8>(static_cast<int>(roundf(value * inverse)));
}

// The same of an output that is rounded, or not.
__device__ __forceinline__ void store4(u16* p, float4 v) {
    *reinterpret_cast<ushort4*>(p) = make_ushort4(float_to_bf16(v.x), float_to_bf16(v.y),
                                                  float_to_bf16(v.z), float_to_bf16(v.w));
}
__device__ __forceinline__ void store1(u16* p, float value) { *p = float_to_bf16(value); }
__device__ __forceinline__ void store1(float* p, float value) { *p = value; }
__device__ __forceinline__ float load1(const u16* p) { return bf16_to_float(*p); }
__device__ __forceinline__ float4 load4(const u16* p) {
    ushort4 v = *reinterpret_cast<const ushort4*>(p);
    return make_float4(bf16_to_float(v.x), bf16_to_float(v.y), bf16_to_float(v.z),
                       bf16_to_float(v.w));
}
__device__ __forceinline__ float load1(const float* p) { return *p; }

// Dropout, as jllm.tensor.Dropout: the key of a row, the hash of a place in it, and whether one of
// its elements stays.
__device__ __forceinline__ u32 dropout_key(long long seed, long long row) {
    u64 z = static_cast<u64>(seed) + (static_cast<u64>(row) + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return static_cast<u32>((z ^ (z >> 31)) >> 32);
}

__device__ __forceinline__ u32 dropout_hash(u32 key, u32 column) {
    u32 x = key + column * 0x9E3779B9u;
    x = (x ^ (x >> 16)) * 0x21f0aaadu;
    x = (x ^ (x >> 15)) * 0xd35a2d97u;
    return x ^ (x >> 15);
}

__device__ __forceinline__ bool dropout_keeps(u32 key, u32 column, int threshold) {
    return static_cast<int>(dropout_hash(key, column) >> 1) >= threshold;
}

// cap * tanh(x / cap), and its derivative.
__device__ __forceinline__ float soft_capped(float x, float cap) { return cap * tanhf(x / cap); }

__device__ __forceinline__ float soft_cap_slope(float x, float cap) {
    float t = tanhf(x / cap);
    return 1 - t * t;
}

// Elements of a row before the first that is aligned to 16 bytes.
__device__ __forceinline__ int elements_to_alignment(const float* row, int columns) {
    return min(columns, static_cast<int>((16 - (reinterpret_cast<u64>(row) & 15)) / 4 % 4));
}

// Walks a row with all threads of a block: calls four(c) for groups of 4 columns, the first at
// column head, and one(c) for those before and after them.
template <class Four, class One>
__device__ __forceinline__ void each_column(int columns, int head, Four four, One one) {
    int groups = (columns - head) / 4;
    for (int i = threadIdx.x; i < groups; i += blockDim.x) four(head + i * 4);
    for (int c = threadIdx.x; c < head; c += blockDim.x) one(c);
    for (int c = head + groups * 4 + threadIdx.x; c < columns; c += blockDim.x) one(c);
}

// The same for rows of which all are aligned, or else in single columns.
template <class Four, class One>
__device__ __forceinline__ void each_column(int columns, bool vectors, Four four, One one) {
    each_column(columns, vectors ? 0 : columns, four, one);
}

// i / divisor in 32 bits where it fits, which takes a fraction of the instructions.
__device__ __forceinline__ long long divide(long long i, int divisor) {
    return i <= 0xffffffffll ? static_cast<u32>(i) / static_cast<u32>(divisor) : i / divisor;
}
