// Walks over elements, for kernels that do something with each by itself. Arrays hold n floats or
// bf16; grids of any size (each thread strides). Limited by memory: 16 bytes a load where the
// addresses allow it.

// Calls four(i) for groups of 4 elements and one(i) for those that remain.
template <class Four, class One>
__device__ __forceinline__ void each(long long n, bool vectors, Four four, One one) {
    long long first = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
    long long groups = vectors ? n / 4 : 0;
    for (long long i = first; i < groups; i += stride) four(i * 4);
    for (long long i = groups * 4 + first; i < n; i += stride) one(i);
}

// out = op(a, b), or += with ADD and add. out is float, when it may be a or b, or, without ADD,
// bf16; so are a and b.
template <bool ADD, class Out, class In, class Op>
__device__ __forceinline__ void zip(Out* out, const In* a, const In* b, long long n, Op op,
                                    bool add = ADD) {
    each(
        n, aligned16(out, a, b),
        [&](long long i) {
            float4 x = load4(a + i), y = load4(b + i);
            float4 sum = make_float4(0, 0, 0, 0);
            if constexpr (ADD)
                if (add) sum = load4(out + i);
            store4(out + i, make_float4(sum.x + op(x.x, y.x), sum.y + op(x.y, y.y),
                                        sum.z + op(x.z, y.z), sum.w + op(x.w, y.w)));
        },
        [&](long long i) {
            float sum = ADD && add ? load1(out + i) : 0;
            store1(out + i, sum + op(load1(a + i), load1(b + i)));
        });
}

template <bool ADD, class Out, class Op>
__device__ __forceinline__ void map(Out* out, const float* a, long long n, Op op) {
    each(
        n, aligned16(out, a),
        [&](long long i) {
            float4 x = load4(a + i);
            float4 sum = make_float4(0, 0, 0, 0);
            if constexpr (ADD) sum = load4(out + i);
            store4(out + i,
                   make_float4(sum.x + op(x.x), sum.y + op(x.y), sum.z + op(x.z), sum.w + op(x.w)));
        },
        [&](long long i) { store1(out + i, (ADD ? out[i] : 0) + op(a[i])); });
}
