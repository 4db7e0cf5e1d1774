// module: common tiles fast mma attention_mma
// Attention for many queries on tensor cores (FlashAttention-2: Dao 2023): queries, keys, values
// and weights in bf16, scores, softmax and sums in float32. A warp owns 16 M queries; scores,
// weights and sums stay in its registers. While scores of a tile of keys are computed its values
// are copied, while these are summed up the next keys are. q, out [N, H*D], float or bf16; keys and
// values packed, or in bf16 as they are; lse [N, H].
//
// Compiled for sm_80, sm_90 and sm_100 nothing is spilled. Threads have 200 to 255 registers, so
// that two blocks (8 warps) are on a multiprocessor; 164 to 244 for more than 128 columns.

// Shared memory, in elements of 2 bytes: queries, keys, values.
template <int W>
struct MmaForward {
    static constexpr int M = W <= 128 ? 2 : 1;
    static constexpr int ROWS = 16 * M * MMA_WARPS;
    static constexpr int KEYS = W <= 96 ? 64 : 32;
    static constexpr int STRIDE = TileRow<W>::STRIDE;
    static constexpr int N = KEYS / 8;
};

// Rows of a head to a tile, rounded.
template <int W, int ROWS>
__device__ __forceinline__ void round_tile(u16* to, const float* from, long long stride, int valid,
                                           int columns) {
    bool vectors = columns % 4 == 0 && stride % 4 == 0 && aligned16(from);
    for (int i = threadIdx.x; i < ROWS * (W / 4); i += MMA_THREADS) {
        int row = i / (W / 4), c = i % (W / 4) * 4;
        const float* p = from + row * stride + c;
        float4 x = make_float4(0, 0, 0, 0);
        if (row < valid && vectors && c < columns) {
            x = load4(p);
        } else if (row < valid) {
            x.x = c < columns ? p[0] : 0;
            x.y = c + 1 < columns ? p[1] : 0;
            x.z = c + 2 < columns ? p[2] : 0;
            x.w = c + 3 < columns ? p[3] : 0;
        }
        *reinterpret_cast<uint2*>(to + row * TileRow<W>::STRIDE + c) =
            make_uint2(pack_bf16(x.x, x.y), pack_bf16(x.z, x.w));
    }
}

// The running softmax of a warp's rows: what was summed up, and under which maximum.
template <int W>
struct Softmax {
    static constexpr int M = MmaForward<W>::M, N = MmaForward<W>::N;
    float largest[M][2], total[M][2], sums[M][W / 8][4];

    __device__ __forceinline__ Softmax() {
#pragma unroll
        for (int m = 0; m < M; m++) {
            largest[m][0] = largest[m][1] = EMPTY;
            total[m][0] = total[m][1] = 0;
#pragma unroll
            for (int c = 0; c < W / 8; c++)
                sums[m][c][0] = sums[m][c][1] = sums[m][c][2] = sums[m][c][3] = 0;
        }
    }

    // Turns the scores of a row into weights, and rescales what was summed up.
    __device__ __forceinline__ void weigh(float (&s)[M][N][4], int m, int half, float factor) {
        float best = largest[m][half];
#pragma unroll
        for (int n = 0; n < N; n++)
            best = fmaxf(best, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
        best = quad_max(best);
        float correction = fast_exp2((largest[m][half] - best) * factor), zero = -best * factor;
        largest[m][half] = best;
        float sum = 0;
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; i++) {
                s[m][n][i] = fast_exp2(fmaf(s[m][n][i], factor, zero));
                sum += s[m][n][i];
            }
        }
        total[m][half] = total[m][half] * correction + sum;  // of this thread's columns
#pragma unroll
        for (int c = 0; c < W / 8; c++) {
            sums[m][c][2 * half] *= correction;
            sums[m][c][2 * half + 1] *= correction;
        }
    }
};

// Caps scores.
template <int M, int N>
__device__ __forceinline__ void cap(float (&s)[M][N][4], float inner) {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) s[m][n][i] = tanhf(s[m][n][i] * inner);
        }
    }
}

// Takes out the keys that a query does not see.
template <int M, int N>
__device__ __forceinline__ void hide(float (&s)[M][N][4], const Attention& a, int sequence,
                                     int mine, int base) {
    each_row<M>(mine, [&](int row, int m, int half) {
        int from = a.from(sequence, row), to = a.to(row);
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                int key = base + 8 * n + lane_column() + i;
                if (key < from || key >= to) s[m][n][2 * half + i] = MINUS_INFINITY;
            }
        }
    });
}

// Drops weights.
template <int M, int N>
__device__ __forceinline__ void drop(float (&s)[M][N][4], const Attention& a, int sequence,
                                     int head, int mine, int base) {
    each_row<M>(mine, [&](int row, int m, int half) {
        u32 key = a.dropout_row(sequence, row, head);
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < 2; i++)
                s[m][n][2 * half + i] *= a.mask(key, base + 8 * n + lane_column() + i);
        }
    });
}

// What is in bf16, in heads of a width W. Queries and results that are not are floats, keys and
// values that are not were packed.
enum { ROUNDED_Q = 1, ROUNDED_K = 2, ROUNDED_V = 4, ROUNDED_OUT = 8 };

// A block takes ROWS queries of a head: grid (query tiles, H, sequences). The last queries, which
// see the most keys, are first in line.
template <int W>
__device__ __forceinline__ void attend(void* out, float* lse, const void* q, const Heads& k,
                                       const Heads& v, const Attention& a, int rounded) {
    typedef MmaForward<W> Tile;
    constexpr int M = Tile::M, KEYS = Tile::KEYS, N = Tile::N;
    DYNAMIC_SHARED(u16, queries);
    u16* keys = queries + Tile::ROWS * Tile::STRIDE;
    u16* values = keys + KEYS * Tile::STRIDE;
    int step = (gridDim.x - 1 - blockIdx.x) * Tile::ROWS, head = blockIdx.y, sequence = blockIdx.z;
    int kv_head = head / (a.heads / a.kv_heads), of_warp = threadIdx.x / 32 * 16 * M;
    int mine = step + of_warp, least, seen_by_all;
    first_keys(a, sequence, step, Tile::ROWS, least, seen_by_all);
    int base = least / KEYS * KEYS, last = a.to(min(a.steps, step + Tile::ROWS) - 1);
    int last_of_warp = a.to(min(a.steps, mine + 16 * M) - 1);
    copy_tile<W, KEYS>(keys, k, sequence, kv_head, base);
    if (rounded & ROUNDED_Q) {
        Heads all(static_cast<const u16*>(q), a.heads, W, 0, a.steps, a.steps);
        copy_tile<W, Tile::ROWS>(queries, all, sequence, head, step);
    } else {
        const float* first = static_cast<const float*>(q) + a.query_at(sequence, step, head);
        round_tile<W, Tile::ROWS>(queries, first, a.query_stride(), a.steps - step, a.head_dim);
    }
    commit_copies();
    Scores scores(a);
    Softmax<W> softmax;
    for (; base < last; base += KEYS) {
        await_copies();
        __syncthreads();  // the keys are there, the values before are no longer read
        copy_tile<W, KEYS>(values, v, sequence, kv_head, base);
        commit_copies();
        bool idle = base >= last_of_warp;
        float s[M][N][4] = {};
        if (!idle) add_dot_products<W, M, N>(s, queries + of_warp * Tile::STRIDE, keys);
        await_copies();
        __syncthreads();  // the values are there, the keys are no longer read
        if (base + KEYS < last) copy_tile<W, KEYS>(keys, k, sequence, kv_head, base + KEYS);
        commit_copies();
        if (idle) continue;
        if (scores.inner != 0) cap(s, scores.inner);
        if (base < seen_by_all || base + KEYS > a.to(mine)) hide(s, a, sequence, mine, base);
#pragma unroll
        for (int m = 0; m < M; m++) {
            softmax.weigh(s, m, 0, scores.factor);
            softmax.weigh(s, m, 1, scores.factor);
        }
        if (a.keep_scale != 0) drop(s, a, sequence, head, mine, base);
        add_weighted<W, M, N>(softmax.sums, s, values);
    }
    each_row<M>(mine, [&](int row, int m, int half) {
        float total = quad_sum(softmax.total[m][half]), factor = 1 / total;
        if (row >= a.steps) return;
        long long at = a.query_at(sequence, row, head);
        if (rounded & ROUNDED_OUT) {
            store_rounded<W>(static_cast<u16*>(out) + at, softmax.sums[m], half, factor);
        } else {
            float* to = static_cast<float*>(out) + at;
            each_element<W>(softmax.sums[m], half, a.head_dim,
                            [&](int column, float sum) { to[column] = sum * factor; });
        }
        if (lse != nullptr && lane_column() == 0) {
            lse[(static_cast<long long>(sequence) * a.steps + row) * a.heads + head] =
                softmax.largest[m][half] * scores.factor * LN_2 + logf(total);
        }
    });
}

#define MMA_ATTENTION_KERNEL(W)                                                                    \
    KERNEL __launch_bounds__(MMA_THREADS, 2) attention_mma_##W(                                    \
        void* out, float* lse, const void* q, const u16* k, const u16* v, int length, int rounded, \
        const int* starts, int heads, int kv_heads, int head_dim, int steps, int capacity,         \
        int past, float scale, float soft_cap, int window, int causal, long long seed,             \
        int threshold, float keep_scale) {                                                         \
        Attention a = {heads,    kv_heads, head_dim, steps,  capacity, past,      scale,           \
                       soft_cap, window,   causal,   starts, seed,     threshold, keep_scale};     \
        int of_k = rounded & ROUNDED_K ? 0 : length, of_v = rounded & ROUNDED_V ? 0 : length;      \
        Heads keys(k, kv_heads, W, of_k, capacity, a.keys());                                      \
        Heads values(v, kv_heads, W, of_v, capacity, a.keys());                                    \
        attend<W>(out, lse, q, keys, values, a, rounded);                                          \
    }

MMA_WIDTHS(MMA_ATTENTION_KERNEL)
