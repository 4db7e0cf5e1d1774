// module: common cache
// Keys and values, rounded to the type of the cache that they go into.

// out [n] binary16.
KERNEL store_f16(u16* out, const float* x, long long n) {
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        out[i] = float_to_half(x[i]);
    }
}

// out: n / 32 blocks of Q8_0. A warp takes a block.
KERNEL store_q8_0(u8* out, const float* x, long long n) {
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    for (long long b = static_cast<long long>(blockIdx.x) * warps + threadIdx.x / 32; b < n / 32;
         b += static_cast<long long>(gridDim.x) * warps) {
        float value = x[b * 32 + lane];
        float scale = warp_max(fabsf(value)) / 127, inverse = 1 / scale;
        if (!(inverse <= 3.4028235e38f)) inverse = 0;  // a block of zeros or next to it
        u8* block = out + b * 34;
        if (lane == 0) *reinterpret_cast<u16*>(block) = float_to_half(scale);
        block[2 + lane] = static_cast<u8>(static_cast<int>(roundf(value * inverse)));
    }
}
