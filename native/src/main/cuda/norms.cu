// module: common norms
// Norms of rows and their derivatives. x, out, dx, dout [N, C]; weight, bias [C], which may be
// absent. A block takes a row: it is read from memory once, and from the cache for the second and
// third pass. Norms of sums keep it in shared memory.
//
// Derivatives of weights are sums over rows in two stages, so that their order never changes: each
// block sums some of the rows (partials [parts, C]), as it has their norm's derivative at hand or,
// where its shared memory does not hold a row of sums, in the kernels named partials; add_partials
// adds up what the blocks have.

__device__ __forceinline__ float dot4(float4 a, float4 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
__device__ __forceinline__ float sum4(float4 a) { return a.x + a.y + a.z + a.w; }
__device__ __forceinline__ float4 mul4(float4 a, float4 b) {
    return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}
__device__ __forceinline__ float4 minus4(float4 a, float b) {
    return make_float4(a.x - b, a.y - b, a.z - b, a.w - b);
}
// a * factor + b.
__device__ __forceinline__ float4 fma4(float4 a, float factor, float4 b) {
    return make_float4(a.x * factor + b.x, a.y * factor + b.y, a.z * factor + b.z,
                       a.w * factor + b.w);
}
// Elements of a weight or bias; where it is absent, the value that changes nothing.
__device__ __forceinline__ float4 weight4(const float* weight, int c) {
    return weight == nullptr ? make_float4(1, 1, 1, 1) : load4(weight + c);
}
__device__ __forceinline__ float weight1(const float* weight, int c) {
    return weight == nullptr ? 1 : weight[c];
}

// The sum over a row of (x - shift)^2, and of x.
__device__ __forceinline__ float squares(const float* x, int columns, bool vectors, float shift,
                                         float* scratch) {
    float sum = 0;
    each_column(
        columns, vectors,
        [&](int c) {
            float4 v = minus4(load4(x + c), shift);
            sum += dot4(v, v);
        },
        [&](int c) { sum += (x[c] - shift) * (x[c] - shift); });
    return block_sum(sum, scratch);
}
__device__ __forceinline__ float mean_of(const float* x, int columns, bool vectors,
                                         float* scratch) {
    float sum = 0;
    each_column(
        columns, vectors, [&](int c) { sum += sum4(load4(x + c)); }, [&](int c) { sum += x[c]; });
    return block_sum(sum, scratch) / columns;
}

// The norm of a row, in float, or rounded to bf16 for the products that read it.
template <class Out>
__device__ __forceinline__ void rms_norm_row(Out* out, const float* x, const float* weight,
                                             int columns, bool vectors, float eps) {
    __shared__ float scratch[32];
    float r = 1 / sqrtf(squares(x, columns, vectors, 0, scratch) / columns + eps);
    each_column(
        columns, vectors,
        [&](int c) {
            store4(out + c,
                   fma4(mul4(load4(x + c), weight4(weight, c)), r, make_float4(0, 0, 0, 0)));
        },
        [&](int c) { store1(out + c, x[c] * r * weight1(weight, c)); });
}

template <class Out>
__device__ __forceinline__ void layer_norm_row(Out* out, const float* x, const float* weight,
                                               const float* bias, int columns, bool vectors,
                                               float eps) {
    __shared__ float scratch[32];
    float mean = mean_of(x, columns, vectors, scratch);
    float r = 1 / sqrtf(squares(x, columns, vectors, mean, scratch) / columns + eps);
    each_column(
        columns, vectors,
        [&](int c) {
            float4 shift = bias == nullptr ? make_float4(0, 0, 0, 0) : load4(bias + c);
            store4(out + c, fma4(mul4(minus4(load4(x + c), mean), weight4(weight, c)), r, shift));
        },
        [&](int c) {
            float shift = bias == nullptr ? 0 : bias[c];
            store1(out + c, (x[c] - mean) * r * weight1(weight, c) + shift);
        });
}

// sum = a + b. Returns where the row is read again from: kept in shared memory, or sum where there
// is not enough of that. Each thread reads what it wrote itself.
__device__ __forceinline__ const float* add_row(float* sum, const float* a, const float* b,
                                                int columns, bool vectors, float* kept) {
    each_column(
        columns, vectors,
        [&](int c) {
            float4 x = load4(a + c), y = load4(b + c);
            x = make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
            store4(sum + c, x);
            if (kept != nullptr) store4(kept + c, x);
        },
        [&](int c) {
            sum[c] = a[c] + b[c];
            if (kept != nullptr) kept[c] = sum[c];
        });
    return kept == nullptr ? sum : kept;
}

// out = the norm of x; or sum = a + b, which may be a, and out = the norm of that. keep: whether the
// block has shared memory for a row.
#define NORMS(suffix, Out)                                                                       \
    KERNEL rms_norm##suffix(Out* out, const float* x, const float* weight, int columns,          \
                            float eps) {                                                         \
        long long row = static_cast<long long>(blockIdx.x) * columns;                            \
        out += row, x += row;                                                                    \
        rms_norm_row(out, x, weight, columns, aligned16(out, x, weight), eps);                   \
    }                                                                                            \
    KERNEL layer_norm##suffix(Out* out, const float* x, const float* weight, const float* bias,  \
                              int columns, float eps) {                                          \
        long long row = static_cast<long long>(blockIdx.x) * columns;                            \
        out += row, x += row;                                                                    \
        bool vectors = aligned16(out, x, weight) && aligned16(bias);                             \
        layer_norm_row(out, x, weight, bias, columns, vectors, eps);                             \
    }                                                                                            \
    KERNEL add_rms_norm##suffix(float* sum, Out* out, const float* a, const float* b,            \
                                const float* weight, int columns, float eps, int keep) {         \
        DYNAMIC_SHARED(float, kept);                                                             \
        long long row = static_cast<long long>(blockIdx.x) * columns;                            \
        sum += row, out += row, a += row, b += row;                                              \
        bool vectors = aligned16(sum, a, b) && aligned16(out, weight);                           \
        const float* x = add_row(sum, a, b, columns, vectors, keep ? kept : nullptr);            \
        rms_norm_row(out, x, weight, columns, vectors, eps);                                     \
    }                                                                                            \
    KERNEL add_layer_norm##suffix(float* sum, Out* out, const float* a, const float* b,          \
                                  const float* weight, const float* bias, int columns,           \
                                  float eps, int keep) {                                         \
        DYNAMIC_SHARED(float, kept);                                                             \
        long long row = static_cast<long long>(blockIdx.x) * columns;                            \
        sum += row, out += row, a += row, b += row;                                              \
        bool vectors = aligned16(sum, a, b) && aligned16(out, weight, bias);                     \
        const float* x = add_row(sum, a, b, columns, vectors, keep ? kept : nullptr);            \
        layer_norm_row(out, x, weight, bias, columns, vectors, eps);                             \
    }

NORMS(, float)
NORMS(_bf16, u16)

// The start of a derivative: what it is added to, or 0 without add.
__device__ __forceinline__ float4 begun4(const float* dx, bool add) {
    return add ? load4(dx) : make_float4(0, 0, 0, 0);
}

// Adds a row's terms to the sums of its columns, where these are wanted. Which threads do so may
// differ between rows, of which block_sum keeps the last pass of one and the next apart.
__device__ __forceinline__ void sum_up4(float* sums, int c, float4 term) {
    if (sums == nullptr) return;
    float4 sum = load4(sums + c);
    store4(sums + c, make_float4(sum.x + term.x, sum.y + term.y, sum.z + term.z, sum.w + term.w));
}
__device__ __forceinline__ void sum_up1(float* sums, int c, float term) {
    if (sums != nullptr) sums[c] += term;
}

// dx += (= without add) r g - x r^3 mean(g x), g = dout * weight. Returns r.
__device__ __forceinline__ float rms_backward_row(float* dx, float* dweight, const float* dout,
                                                  const float* x, const float* weight, int columns,
                                                  float eps, bool add, float* scratch) {
    bool vectors = aligned16(dx, dout, x) && aligned16(weight);
    float r = 1 / sqrtf(squares(x, columns, vectors, 0, scratch) / columns + eps);
    float sum = 0;
    each_column(
        columns, vectors,
        [&](int c) { sum += dot4(mul4(load4(dout + c), weight4(weight, c)), load4(x + c)); },
        [&](int c) { sum += dout[c] * weight1(weight, c) * x[c]; });
    float share = -r * r * r * (block_sum(sum, scratch) / columns);
    each_column(
        columns, vectors,
        [&](int c) {
            float4 d = load4(dout + c), v = load4(x + c);
            float4 g = mul4(d, weight4(weight, c));
            store4(dx + c, fma4(g, r, fma4(v, share, begun4(dx + c, add))));
            sum_up4(dweight, c, mul4(d, fma4(v, r, make_float4(0, 0, 0, 0))));
        },
        [&](int c) {
            float d = dout[c], v = x[c];
            dx[c] = (add ? dx[c] : 0) + r * d * weight1(weight, c) + v * share;
            sum_up1(dweight, c, d * v * r);
        });
    return r;
}

// dx += (= without add) r (g - mean(g) - z mean(g z)), g = dout * weight, z = (x - mean) r. Returns
// mean and r.
__device__ __forceinline__ float2 layer_backward_row(float* dx, float* dweight, float* dbias,
                                                     const float* dout, const float* x,
                                                     const float* weight, int columns, float eps,
                                                     bool add, float* scratch) {
    bool vectors = aligned16(dx, dout, x) && aligned16(weight);
    float mean = mean_of(x, columns, vectors, scratch);
    float r = 1 / sqrtf(squares(x, columns, vectors, mean, scratch) / columns + eps);
    float sum_g = 0, sum_gx = 0;
    each_column(
        columns, vectors,
        [&](int c) {
            float4 g = mul4(load4(dout + c), weight4(weight, c));
            sum_g += sum4(g);
            sum_gx += dot4(g, minus4(load4(x + c), mean));
        },
        [&](int c) {
            float g = dout[c] * weight1(weight, c);
            sum_g += g;
            sum_gx += g * (x[c] - mean);
        });
    float mean_g = block_sum(sum_g, scratch) / columns;
    float share = -r * r * r * (block_sum(sum_gx, scratch) / columns);
    each_column(
        columns, vectors,
        [&](int c) {
            float4 d = load4(dout + c), v = minus4(load4(x + c), mean);
            float4 g = minus4(mul4(d, weight4(weight, c)), mean_g);
            store4(dx + c, fma4(g, r, fma4(v, share, begun4(dx + c, add))));
            sum_up4(dweight, c, mul4(d, fma4(v, r, make_float4(0, 0, 0, 0))));
            sum_up4(dbias, c, d);
        },
        [&](int c) {
            float d = dout[c], v = x[c] - mean;
            dx[c] = (add ? dx[c] : 0) + r * (d * weight1(weight, c) - mean_g) + v * share;
            sum_up1(dweight, c, d * v * r);
            sum_up1(dbias, c, d);
        });
    return make_float2(mean, r);
}

// A row of sums at 0, in the dynamic shared memory; null where they are not wanted. taken: floats
// of it that others have.
__device__ __forceinline__ float* zero_sums(const float* partials, int columns, int taken) {
    DYNAMIC_SHARED(float, sums);
    if (partials == nullptr) return nullptr;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) sums[taken + c] = 0;
    return sums + taken;
}

// Call after a __syncthreads().
__device__ __forceinline__ void put_sums(float* partials, const float* sums, int columns) {
    if (partials == nullptr) return;
    partials += static_cast<long long>(blockIdx.x) * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) partials[c] = sums[c];
}

// A block takes every gridDim.x-th row. partials [gridDim.x, C] receive the sums of its rows, stats
// [N] each row's r; what is absent is not wanted.
KERNEL rms_norm_backward(float* dx, float* stats, float* partials, const float* dout,
                         const float* x, const float* weight, int rows, int columns, float eps,
                         int add) {
    __shared__ float scratch[32];
    float* sums = zero_sums(partials, columns, 0);
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        long long at = static_cast<long long>(row) * columns;
        float r = rms_backward_row(dx + at, sums, dout + at, x + at, weight, columns, eps, add,
                                   scratch);
        if (stats != nullptr && threadIdx.x == 0) stats[row] = r;
    }
    __syncthreads();
    put_sums(partials, sums, columns);
}

// The same; stats [N, 2] receive mean and r.
KERNEL layer_norm_backward(float* dx, float* stats, float* weight_partials, float* bias_partials,
                           const float* dout, const float* x, const float* weight, int rows,
                           int columns, float eps, int add) {
    __shared__ float scratch[32];
    int aligned = (columns + 3) / 4 * 4;  // sums begin at 16 bytes
    float* dweight = zero_sums(weight_partials, columns, 0);
    float* dbias = zero_sums(bias_partials, columns, dweight == nullptr ? 0 : aligned);
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        long long at = static_cast<long long>(row) * columns;
        float2 known = layer_backward_row(dx + at, dweight, dbias, dout + at, x + at, weight,
                                          columns, eps, add, scratch);
        if (stats != nullptr && threadIdx.x == 0) {
            stats[2 * row] = known.x;
            stats[2 * row + 1] = known.y;
        }
    }
    __syncthreads();
    put_sums(weight_partials, dweight, columns);
    put_sums(bias_partials, dbias, columns);
}

// Sums of term(row, column) over the slice blockIdx.y of the rows, for 32 columns: 8 rows at a
// time, a warp reads 128 bytes of a row. Block (32, 8).
template <class Term>
__device__ __forceinline__ void column_slice(float* partials, int rows, int columns, Term term) {
    __shared__ float sums[8][32];
    int column = blockIdx.x * 32 + threadIdx.x;
    int slice = (rows + gridDim.y - 1) / gridDim.y;
    int to = min(rows, static_cast<int>(blockIdx.y + 1) * slice);
    float sum = 0;
    if (column < columns) {
        for (int row = blockIdx.y * slice + threadIdx.y; row < to; row += 8)
            sum += term(row, column);
    }
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && column < columns) {
        for (int i = 1; i < 8; i++) sum += sums[i][threadIdx.x];
        partials[static_cast<long long>(blockIdx.y) * columns + column] = sum;
    }
    __syncthreads();
}

KERNEL column_partials(float* partials, const float* x, int rows, int columns) {
    column_slice(partials, rows, columns,
                 [=](int n, int c) { return x[static_cast<long long>(n) * columns + c]; });
}

KERNEL column_partials_of_bf16(float* partials, const u16* x, int rows, int columns) {
    column_slice(partials, rows, columns, [=](int n, int c) {
        return bf16_to_float(x[static_cast<long long>(n) * columns + c]);
    });
}

// The sums of floats, and x rounded to bf16 in rows of stride elements, of which those beyond x are 0.
KERNEL column_partials_bf16(float* partials, u16* rounded, const float* x, int rows, int columns,
                            int stride) {
    int padding = blockIdx.x * 32 + threadIdx.x;
    column_slice(partials, rows, columns, [=](int n, int c) {
        float value = x[static_cast<long long>(n) * columns + c];
        rounded[static_cast<long long>(n) * stride + c] = float_to_bf16(value);
        return value;
    });
    if (padding < columns || padding >= stride) return;
    int slice = (rows + gridDim.y - 1) / gridDim.y;
    int to = min(rows, static_cast<int>(blockIdx.y + 1) * slice);
    for (int row = blockIdx.y * slice + threadIdx.y; row < to; row += 8)
        rounded[static_cast<long long>(row) * stride + padding] = 0;
}

KERNEL rms_norm_partials(float* partials, const float* dout, const float* x, const float* stats,
                         int rows, int columns) {
    column_slice(partials, rows, columns, [=](int n, int c) {
        long long at = static_cast<long long>(n) * columns + c;
        return dout[at] * x[at] * stats[n];
    });
}

KERNEL layer_norm_partials(float* weight_partials, float* bias_partials, const float* dout,
                           const float* x, const float* stats, int rows, int columns) {
    if (weight_partials != nullptr) {
        column_slice(weight_partials, rows, columns, [=](int n, int c) {
            long long at = static_cast<long long>(n) * columns + c;
            return dout[at] * (x[at] - stats[2 * n]) * stats[2 * n + 1];
        });
    }
    if (bias_partials != nullptr) {
        column_slice(bias_partials, rows, columns,
                     [=](int n, int c) { return dout[static_cast<long long>(n) * columns + c]; });
    }
}

// out[c] += the sum of partials [parts, columns] over the parts. Block (32, 32): 32 columns, whose
// parts are shared out.
KERNEL add_partials(float* out, const float* partials, int parts, int columns) {
    __shared__ float sums[32][32];
    int column = blockIdx.x * 32 + threadIdx.x;
    float sum = 0;
    if (column < columns) {
        for (int p = threadIdx.y; p < parts; p += 32)
            sum += partials[static_cast<long long>(p) * columns + column];
    }
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || column >= columns) return;
    for (int i = 1; i < 32; i++) sum += sums[i][threadIdx.x];
    out[column] += sum;
}
