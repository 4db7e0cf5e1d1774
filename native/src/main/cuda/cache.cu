// module: common cache
// Keys and values, rounded to the type of the cache that they go into.

// out [n] binary16.
KERNEL store_f16(u16* out, const float* x, long long n) {
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        out[i] = float_to_half(x[i]);
    }
}

// out [n] bfloat16.
KERNEL store_bf16(u16* out, const float* x, long long n) {
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        out[i] = float_to_bf16(x[i]);
    }
}

// out: n / 32 blocks of Q8_0. A warp takes a block.
KERNEL store_q8_0(u8* out, const float* x, long long n) {
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    for (long long b = static_cast<long long>(blockIdx.x) * warps + threadIdx.x / 32; b < n / 32;
         b += static_cast<long long>(gridDim.x) * warps) {
        u8* block = out + b * 34;
        u16 scale;
        u8 quant = to_q8_0(x[b * 32 + lane], scale);
        if (lane == 0) *reinterpret_cast<u16*>(block) = scale;
        block[2 + lane] = quant;
    }
}
