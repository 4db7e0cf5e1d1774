// module: common greedy
// The choice of the most probable token, so that a step gives the host one number and not a row.

#define GREEDY_THREADS 1024

// Floats as numbers of the same order; 0 and -0 are one.
__device__ __forceinline__ u32 ordered(float value) {
    u32 bits = __float_as_uint(value + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// out: where the largest element of x [n] is, the first of several; -1 if one is not a number, or
// the largest is infinite. One block.
KERNEL __launch_bounds__(GREEDY_THREADS) greedy(int* out, const float* x, int n) {
    __shared__ u64 best_of[GREEDY_THREADS / 32];
    __shared__ int broken;
    u64 best = 0;
    if (threadIdx.x == 0) broken = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += GREEDY_THREADS) {
        float value = x[i];
        if (value != value) broken = 1;  // all who write, write the same
        u64 rank = static_cast<u64>(ordered(value)) << 32 | (0xffffffffu - i);
        if (rank > best) best = rank;
    }
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2) {
        u64 other = __shfl_xor_sync(ALL_LANES, best, bits);
        if (other > best) best = other;
    }
    if (threadIdx.x % 32 == 0) best_of[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < GREEDY_THREADS / 32; w++) {
            if (best_of[w] > best) best = best_of[w];
        }
        int place = static_cast<int>(0xffffffffu - static_cast<u32>(best));
        bool finite = fabsf(x[place]) <= 3.4028235e38f;
        *out = broken || !finite ? -1 : place;
    }
}
