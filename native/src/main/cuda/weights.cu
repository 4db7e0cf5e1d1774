// module: common formats weights
// Weights of any format to floats: whole matrices, for products of many rows, and rows of an
// embedding.

// Whether rows of a weight can be read eight elements at a time.
template <class Format>
__device__ __forceinline__ bool in_eights(const void* w, long long columns) {
    return !Format::FLOATS || (columns % 8 == 0 && aligned16(w));
}

__device__ __forceinline__ void store8(float* out, const float* v) {
    if (aligned16(out)) {
        store4(out, make_float4(v[0], v[1], v[2], v[3]));
        store4(out + 4, make_float4(v[4], v[5], v[6], v[7]));
    } else {
        for (int i = 0; i < 8; i++) out[i] = v[i];
    }
}

__device__ __forceinline__ u32 pack_bf16(float low, float high) {
    return float_to_bf16(low) | static_cast<u32>(float_to_bf16(high)) << 16;
}

__device__ __forceinline__ void store8(u16* out, const float* v) {
    if (aligned16(out)) {
        *reinterpret_cast<uint4*>(out) = make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]),
                                                    pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7]));
    } else {
        for (int i = 0; i < 8; i++) out[i] = float_to_bf16(v[i]);
    }
}

// Decodes the elements that first and stride give a thread.
template <class Format, class Out>
__device__ __forceinline__ void decode(Out* out, const u8* w, long long elements, long long first,
                                       long long stride) {
    if (in_eights<Format>(w, elements)) {
        for (long long e = first * 8; e < elements; e += stride * 8) {
            float q[8], scale, offset;
            Format::eight(w, e, q, scale, offset);
#pragma unroll
            for (int i = 0; i < 8; i++) q[i] = scale * q[i] + offset;
            store8(out + e, q);
        }
    } else {
        for (long long e = first; e < elements; e += stride) store1(out + e, Format::one(w, e));
    }
}

// out [elements]: a matrix of whole rows.
template <class Format, class Out>
__device__ __forceinline__ void dequantize(Out* out, const void* w, long long elements) {
    decode<Format>(out, static_cast<const u8*>(w), elements,
                   static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x,
                   static_cast<long long>(gridDim.x) * blockDim.x);
}

// out[n] = table[ids[n]]; out [N, C]. A block takes a row.
template <class Format>
__device__ __forceinline__ void embed(float* out, const void* table, const int* ids, int columns) {
    const u8* row = static_cast<const u8*>(table) + ids[blockIdx.x] * Format::row_bytes(columns);
    decode<Format>(out + static_cast<long long>(blockIdx.x) * columns, row, columns, threadIdx.x,
                   blockDim.x);
}

#define WEIGHT_KERNELS(name, Format)                                                 \
    KERNEL dequantize_##name(float* out, const void* w, long long elements) {        \
        dequantize<Format>(out, w, elements);                                        \
    }                                                                                \
    KERNEL dequantize_bf16_##name(u16* out, const void* w, long long elements) {     \
        dequantize<Format>(out, w, elements);                                        \
    }                                                                                \
    KERNEL embedding_##name(float* out, const void* table, const int* ids, int rows, \
                            int columns) {                                           \
        embed<Format>(out, table, ids, columns);                                     \
    }

FORMATS(WEIGHT_KERNELS)
