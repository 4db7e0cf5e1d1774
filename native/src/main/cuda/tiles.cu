// The tiles of attention kernels, which are products of matrices in shared memory. A head's width D
// is padded with zeros to W = 32, 64, 128 or 256. Blocks of 256 threads are a square of 16 x 16;
// tiles have 16 R rows.
//
// Positions are counted inside a sequence. q, out [N, H*D]; k, v [S, K*D], of which each sequence
// has capacity rows.

#define ATTENTION_THREADS 256
#define EMPTY \
    -1e30f  // the largest score of a row that has none yet: finite, so that differences of it are
            // numbers

struct Attention {
    int heads, kv_heads, head_dim, steps, capacity, past;
    float scale, soft_cap;
    int window, causal;
    const int* starts;
    long long seed;
    int threshold;
    float keep_scale;  // 0 = no dropout

    __device__ __forceinline__ int keys() const { return past + steps; }
    __device__ __forceinline__ long long query_stride() const {
        return static_cast<long long>(heads) * head_dim;
    }
    __device__ __forceinline__ long long key_stride() const {
        return static_cast<long long>(kv_heads) * head_dim;
    }
    // Where the head of a query, or of a key, begins.
    __device__ __forceinline__ long long query_at(int sequence, int step, int head) const {
        return (static_cast<long long>(sequence) * steps + step) * query_stride() + head * head_dim;
    }
    __device__ __forceinline__ long long key_row(int sequence, int key) const {
        return static_cast<long long>(sequence) * capacity + key;
    }
    __device__ __forceinline__ long long key_at(int sequence, int key, int head) const {
        return key_row(sequence, key) * key_stride() + head * head_dim;
    }
    // The keys that a query sees: from..to-1. A query beyond the last sees none.
    __device__ __forceinline__ int from(int sequence, int step) const {
        int first = window > 0 ? max(0, past + step + 1 - window) : 0;
        if (starts != nullptr && step < steps) first = max(first, starts[sequence * steps + step]);
        return first;
    }
    __device__ __forceinline__ int to(int step) const {
        return step >= steps ? 0 : causal ? past + step + 1 : keys();
    }
    // The first key that any query of a tile sees.
    __device__ __forceinline__ int first_key(int sequence, int step, int rows) const {
        if (starts == nullptr) return from(sequence, step);  // it rises with the step
        int first = keys();
        for (int i = step; i < min(steps, step + rows); i++) first = min(first, from(sequence, i));
        return first;
    }
    __device__ __forceinline__ float capped(float score) const {
        return soft_cap > 0 ? soft_capped(score, soft_cap) : score;
    }
    __device__ __forceinline__ u32 dropout_row(int sequence, int step, int head) const {
        return dropout_key(seed, (static_cast<long long>(sequence) * steps + step) * heads + head);
    }
    __device__ __forceinline__ float mask(u32 row, int key) const {
        return keep_scale == 0 ? 1 : dropout_keeps(row, key, threshold) ? keep_scale : 0;
    }
};

// Copies ROWS rows of head_dim floats to a tile whose rows are STRIDE apart; beyond the last column
// and beyond the valid rows there are zeros.
template <int W, int ROWS, int STRIDE>
__device__ __forceinline__ void load_tile(float* to, const float* from, long long from_stride,
                                          int valid, int head_dim) {
    if (aligned16(from) && head_dim % 4 == 0 && from_stride % 4 == 0) {
        for (int i = threadIdx.x; i < ROWS * (W / 4); i += ATTENTION_THREADS) {
            int row = i / (W / 4), c = i % (W / 4) * 4;
            bool inside = row < valid && c < head_dim;
            store4(to + row * STRIDE + c,
                   inside ? load4(from + row * from_stride + c) : make_float4(0, 0, 0, 0));
        }
    } else {
        for (int i = threadIdx.x; i < ROWS * W; i += ATTENTION_THREADS) {
            int row = i / W, c = i % W;
            to[row * STRIDE + c] = row < valid && c < head_dim ? from[row * from_stride + c] : 0;
        }
    }
}

__device__ __forceinline__ int tile_row() { return threadIdx.x / 16; }
__device__ __forceinline__ int tile_column() { return threadIdx.x % 16; }

// s[i][j] = row tile_row * R + i of a times row tile_column + 16 j of b, both [16 R][width] with
// rows STRIDE apart. With STRIDE / 4 odd, the 8 threads that are served at once read 8 rows of b
// from different banks.
template <int R, int STRIDE>
__device__ __forceinline__ void dot_rows(float (&s)[R][R], const float* a, const float* b,
                                         int width) {
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
        for (int j = 0; j < R; j++) s[i][j] = 0;
    }
    a += tile_row() * R * STRIDE;
    b += tile_column() * STRIDE;
#pragma unroll 1
    for (int d = 0; d < width; d += 4) {
        float4 x[R], y[R];
#pragma unroll
        for (int i = 0; i < R; i++) x[i] = load4(a + i * STRIDE + d);
#pragma unroll
        for (int j = 0; j < R; j++) y[j] = load4(b + j * 16 * STRIDE + d);
#pragma unroll
        for (int i = 0; i < R; i++) {
#pragma unroll
            for (int j = 0; j < R; j++) {
                s[i][j] += x[i].x * y[j].x + x[i].y * y[j].y + x[i].z * y[j].z + x[i].w * y[j].w;
            }
        }
    }
}

// The columns of a [.., W] tile that a thread owns: groups of neighbours, so that a row is read in
// wide loads.
template <int W>
struct Columns {
    static constexpr int COUNT = W / 16;
    static constexpr int GROUP = COUNT < 4 ? COUNT : 4;
    __device__ __forceinline__ static int at(int c) {
        return c / GROUP * 16 * GROUP + tile_column() * GROUP + c % GROUP;
    }
    __device__ __forceinline__ static void load(float (&v)[COUNT], const float* row) {
#pragma unroll
        for (int c = 0; c < COUNT; c += GROUP) {
            if constexpr (GROUP == 4) {
                float4 x = load4(row + at(c));
                v[c] = x.x, v[c + 1] = x.y, v[c + 2] = x.z, v[c + 3] = x.w;
            } else {
                float2 x = *reinterpret_cast<const float2*>(row + at(c));
                v[c] = x.x, v[c + 1] = x.y;
            }
        }
    }
};

// sums[i][c] += row tile_row * R + i of weights [16 R][16 R] times column c of b [16 R][W].
template <int W, int R, int WEIGHT_STRIDE, int STRIDE>
__device__ __forceinline__ void add_product(float (&sums)[R][Columns<W>::COUNT],
                                            const float* weights, const float* b) {
    weights += tile_row() * R * WEIGHT_STRIDE;
#pragma unroll 1
    for (int k = 0; k < 16 * R; k += 4) {
        float4 four[R];
#pragma unroll
        for (int i = 0; i < R; i++) four[i] = load4(weights + i * WEIGHT_STRIDE + k);
#pragma unroll
        for (int n = 0; n < 4; n++) {
            float v[Columns<W>::COUNT];
            Columns<W>::load(v, b + (k + n) * STRIDE);
#pragma unroll
            for (int i = 0; i < R; i++) {
                float weight = n == 0   ? four[i].x
                               : n == 1 ? four[i].y
                               : n == 2 ? four[i].z
                                        : four[i].w;
#pragma unroll
                for (int c = 0; c < Columns<W>::COUNT; c++) sums[i][c] += weight * v[c];
            }
        }
    }
}

// The sum or maximum over the 16 threads of a tile row, which are half a warp.
__device__ __forceinline__ float row_sum(float value) {
#pragma unroll
    for (int bits = 8; bits > 0; bits /= 2) value += __shfl_xor_sync(ALL_LANES, value, bits);
    return value;
}
__device__ __forceinline__ float row_max(float value) {
#pragma unroll
    for (int bits = 8; bits > 0; bits /= 2)
        value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, bits));
    return value;
}

// Makes the kernels of each padded width: KERNELS(W). With ATTENTION_WIDTH defined those of that
// one alone, which shortens the compilation at first use.
#ifdef ATTENTION_WIDTH
#define WITH_WIDTH(KERNELS, W) KERNELS(W)
#define WIDTHS(KERNELS) WITH_WIDTH(KERNELS, ATTENTION_WIDTH)
#else
#define WIDTHS(KERNELS) KERNELS(32) KERNELS(64) KERNELS(128) KERNELS(256)
#endif
