// module: common tiles fast mma attention_mma_backward
// The derivative of attention on tensor cores (Dao 2023). As in attention_backward.cu one kernel
// owns keys and walks over queries, the other the reverse, so that each sum has one owner and a
// fixed order: scores are computed twice, and runs repeat to the bit. Both hold two tiles of their
// own, and two that they walk over are copied ahead: products of rows are scores and derivatives of
// weights, which turn in registers into the left operands of what is summed up. All operands
// packed, or in bf16 as they are; dq [N, H*D], dk, dv [N, K*D] += or, without add, = , and in bf16
// where that is wanted; lse, delta [N, H].
//
// Compiled for sm_80, sm_90 and sm_100 nothing is spilled. Threads have 160 to 255 registers, so
// that two blocks (8 warps) are on a multiprocessor, three on sm_80 and sm_90 where queries are
// owned and 65 to 96 wide.

// Shared memory: two tiles of ROWS rows, STAGES times two tiles of WALKED rows, and so many
// Queries.
template <int W>
struct MmaBackward {
    static constexpr int M = W <= 64 ? 2 : 1;
    static constexpr int ROWS = 16 * M * MMA_WARPS;
    static constexpr int WALKED = W <= 128 ? 32 : 16;
    static constexpr int STAGES = W < 256 ? 2 : 1;  // what the 99 KiB of a block allow
    static constexpr int N = WALKED / 8;
    static constexpr int KEYS_N = M == 2 ? 2 : N;  // at once where keys are a block's own
    static constexpr int OWN = ROWS * TileRow<W>::STRIDE;
    static constexpr int STAGE = 2 * WALKED * TileRow<W>::STRIDE;
};

// What the derivative of a score needs to know about its query: log-sum-exp in powers of 2. All
// zeros beyond the last query, whose packed rows are zeros, too, and add nothing.
struct __align__(16) Query {
    float lse, delta;
    int from;
    u32 dropout;

    __device__ __forceinline__ Query() {}
    __device__ __forceinline__ Query(const Attention& a, const float* lse_of, const float* delta_of,
                                     int sequence, int step, int head) {
        lse = delta = 0;
        from = 0;
        dropout = 0;
        if (step >= a.steps) return;
        long long at = (static_cast<long long>(sequence) * a.steps + step) * a.heads + head;
        lse = lse_of[at] * LOG2_E;
        delta = delta_of[at];
        from = a.from(sequence, step);
        if (a.keep_scale != 0) dropout = a.dropout_row(sequence, step, head);
    }

    // Turns the dot products q . k and dout . v into the weight (with its dropout) and the
    // derivative of q . k without the factor that is common to all. PLAIN: seen, neither capped nor
    // dropped.
    template <bool PLAIN>
    __device__ __forceinline__ void derive(const Attention& a, const Scores& scores, int key,
                                           int to, float& score, float& dweight) const {
        if (PLAIN) {
            score = fast_exp2(fmaf(score, scores.factor, -lse));
            dweight = score * (dweight - delta);
            return;
        }
        bool seen = key >= from && key < to;
        float slope = 1;
        if (scores.inner != 0) {
            score = tanhf(score * scores.inner);
            slope = 1 - score * score;
        }
        float weight = seen ? fast_exp2(fmaf(score, scores.factor, -lse)) : 0;
        float mask = a.keep_scale == 0 ? 1 : a.mask(dropout, key);
        score = weight * mask;
        dweight = weight * (mask * dweight - delta) * slope;
    }
};

// What is in bf16, in heads of a width W. Operands that are not were packed, derivatives that are
// not are floats.
enum {
    ROUNDED_DOUT = 1,
    ROUNDED_Q = 2,
    ROUNDED_K = 4,
    ROUNDED_V = 8,
    ROUNDED_DQ = 16,
    ROUNDED_DK = 32,
    ROUNDED_DV = 64
};

// A derivative: floats that are added to or not, or bf16.
struct Gradient {
    void* first;
    bool add, rounded;

    // Takes the sums of a row that begins at an element.
    template <int W>
    __device__ __forceinline__ void take(long long at, const float (&sums)[W / 8][4], int half,
                                         float factor, int columns) const {
        if (rounded) {
            store_rounded<W>(static_cast<u16*>(first) + at, sums, half, factor);
            return;
        }
        float* row = static_cast<float*>(first) + at;
        each_element<W>(sums, half, columns, [&](int column, float sum) {
            row[column] = sum * factor + (add ? row[column] : 0);
        });
    }
};

// A walk over the tiles of queries that see some of a block's keys, head by head.
template <int W>
struct QueryTiles {
    int head, step, last_head, first, last, base;

    __device__ __forceinline__ QueryTiles(const Attention& a, int sequence, int base, int kv_head)
        : base(base) {
        int group = a.heads / a.kv_heads, reach = base + MmaBackward<W>::ROWS - 1 + a.window;
        head = kv_head * group;
        last_head = head + group;
        step = first = a.causal ? base : 0;
        last = a.window > 0 ? min(a.steps, reach) : a.steps;
        skip(a, sequence);
    }
    __device__ __forceinline__ bool more() const { return head < last_head; }
    __device__ __forceinline__ void advance(const Attention& a, int sequence) {
        step += MmaBackward<W>::WALKED;
        if (step >= last) {
            step = first;
            head++;
        }
        skip(a, sequence);
    }
    // Leaves out documents after the keys.
    __device__ __forceinline__ void skip(const Attention& a, int sequence) {
        while (a.starts != nullptr && more()) {
            int least, most;
            first_keys(a, sequence, step, MmaBackward<W>::WALKED, least, most);
            if (least < base + MmaBackward<W>::ROWS) return;
            step += MmaBackward<W>::WALKED;
            if (step < last) continue;
            step = first;
            head++;
        }
    }
};

// Whether all queries of a tile see keys key..key+keys-1. Those beyond the last one may.
template <int W>
__device__ __forceinline__ bool all_see(const Attention& a, int step, int key, int keys) {
    bool after = !a.causal || key + keys <= step + 1;
    bool within = a.window == 0 || key > step + MmaBackward<W>::WALKED - 1 - a.window;
    return after && within && a.starts == nullptr;
}

// Starts the copies of a stage: queries, their derivatives, and what is known of each.
template <int W>
__device__ __forceinline__ void walk_to(u16* stage, Query* known, const Heads& q, const Heads& dout,
                                        const float* lse, const float* delta, const Attention& a,
                                        int sequence, int head, int step) {
    constexpr int WALKED = MmaBackward<W>::WALKED;
    copy_tile<W, WALKED>(stage, q, sequence, head, step);
    copy_tile<W, WALKED>(stage + MmaBackward<W>::STAGE / 2, dout, sequence, head, step);
    commit_copies();
    if (threadIdx.x < WALKED)
        known[threadIdx.x] = Query(a, lse, delta, sequence, step + threadIdx.x, head);
}

// Weights and derivatives of scores of a warp's keys and a tile of queries.
template <int W, bool PLAIN>
__device__ __forceinline__ void derive_keys(
    float (&s)[MmaBackward<W>::M][MmaBackward<W>::KEYS_N][4],
    float (&d)[MmaBackward<W>::M][MmaBackward<W>::KEYS_N][4], const Query* known,
    const Attention& a, const Scores& scores, int mine, int step) {
#pragma unroll
    for (int n = 0; n < MmaBackward<W>::KEYS_N; n++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int column = 8 * n + lane_column() + i;
            Query query = known[column];
            int to = a.causal ? step + column + 1 : a.steps;
            each_row<MmaBackward<W>::M>(mine, [&](int key, int m, int half) {
                query.template derive<PLAIN>(a, scores, key, to, s[m][n][2 * half + i],
                                             d[m][n][2 * half + i]);
            });
        }
    }
}

// dk, dv +=, or the one that is wanted: a block takes ROWS keys of a key head, and sums over the
// query heads that share it. Grid (tiles of keys, K, sequences).
template <int W, bool DK, bool DV>
__device__ __forceinline__ void backward_keys(const Gradient& dk, const Gradient& dv,
                                              const float* lse, const float* delta,
                                              const Heads& dout, const Heads& q, const Heads& k,
                                              const Heads& v, const Attention& a) {
    typedef MmaBackward<W> Tile;
    constexpr int M = Tile::M, N = Tile::KEYS_N, STRIDE = TileRow<W>::STRIDE;
    DYNAMIC_SHARED(u16, keys);
    u16* values = keys + Tile::OWN;
    u16* stages = values + Tile::OWN;
    Query* known = reinterpret_cast<Query*>(stages + Tile::STAGES * Tile::STAGE);
    int base = blockIdx.x * Tile::ROWS, kv_head = blockIdx.y, sequence = blockIdx.z;
    int of_warp = threadIdx.x / 32 * 16 * M, mine = base + of_warp;
    QueryTiles<W> tiles(a, sequence, base, kv_head);
    Scores scores(a);
    bool special = scores.inner != 0 || a.keep_scale != 0;
    copy_tile<W, Tile::ROWS>(keys, k, sequence, kv_head, base);
    if (DK) copy_tile<W, Tile::ROWS>(values, v, sequence, kv_head, base);
    float dkeys[M][W / 8][4] = {}, dvalues[M][W / 8][4] = {};
    int stage = 0;
    auto walk = [&]() {
        walk_to<W>(stages + stage * Tile::STAGE, known + stage * Tile::WALKED, q, dout, lse, delta,
                   a, sequence, tiles.head, tiles.step);
    };
    if (Tile::STAGES == 2 && tiles.more()) walk();
    while (tiles.more()) {
        if (Tile::STAGES == 1) {
            __syncthreads();  // the tile before is no longer read
            walk();
        }
        await_copies();
        __syncthreads();  // this tile is there; of two, the other is no longer read
        int step = tiles.step;
        const u16* queries = stages + stage * Tile::STAGE;
        const u16* upstream = queries + Tile::STAGE / 2;
        const Query* queried = known + stage * Tile::WALKED;
        tiles.advance(a, sequence);
        if (Tile::STAGES == 2) {
            stage = 1 - stage;
            if (tiles.more()) walk();
        }
#pragma unroll 1
        for (int part = 0; part < Tile::WALKED; part += 8 * N) {
            float s[M][N][4] = {}, d[M][N][4] = {};
            add_dot_products<W, M, N>(s, keys + of_warp * STRIDE, queries + part * STRIDE);
            if (DK)
                add_dot_products<W, M, N>(d, values + of_warp * STRIDE, upstream + part * STRIDE);
            if (special || !all_see<W>(a, step, mine, 16 * M)) {
                derive_keys<W, false>(s, d, queried + part, a, scores, mine, step + part);
            } else {
                derive_keys<W, true>(s, d, queried + part, a, scores, mine, step + part);
            }
            if (DV) add_weighted<W, M, N>(dvalues, s, upstream + part * STRIDE);
            if (DK) add_weighted<W, M, N>(dkeys, d, queries + part * STRIDE);
        }
    }
    each_row<M>(mine, [&](int key, int m, int half) {
        if (key >= a.steps) return;
        long long at = a.key_at(sequence, key, kv_head);
        if (DK) dk.take<W>(at, dkeys[m], half, a.scale, a.head_dim);
        if (DV) dv.take<W>(at, dvalues[m], half, 1, a.head_dim);
    });
}

// Derivatives of scores of a warp's queries and a tile of keys.
template <int W, bool PLAIN>
__device__ __forceinline__ void derive_queries(float (&s)[MmaBackward<W>::M][MmaBackward<W>::N][4],
                                               float (&d)[MmaBackward<W>::M][MmaBackward<W>::N][4],
                                               const Query (&known)[MmaBackward<W>::M][2],
                                               const Attention& a, const Scores& scores, int mine,
                                               int base) {
    each_row<MmaBackward<W>::M>(mine, [&](int row, int m, int half) {
        int to = a.to(row);
#pragma unroll
        for (int n = 0; n < MmaBackward<W>::N; n++) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                int key = base + 8 * n + lane_column() + i;
                known[m][half].template derive<PLAIN>(a, scores, key, to, s[m][n][2 * half + i],
                                                      d[m][n][2 * half + i]);
            }
        }
    });
}

// dq +=: a block takes ROWS queries of a head, the last first. Grid (tiles of queries, H,
// sequences).
template <int W>
__device__ __forceinline__ void backward_queries(const Gradient& dq, const float* lse,
                                                 const float* delta, const Heads& dout,
                                                 const Heads& q, const Heads& k, const Heads& v,
                                                 const Attention& a) {
    typedef MmaBackward<W> Tile;
    constexpr int M = Tile::M, N = Tile::N, STRIDE = TileRow<W>::STRIDE, WALKED = Tile::WALKED;
    DYNAMIC_SHARED(u16, queries);
    u16* upstream = queries + Tile::OWN;
    u16* stages = upstream + Tile::OWN;
    int step = (gridDim.x - 1 - blockIdx.x) * Tile::ROWS, head = blockIdx.y, sequence = blockIdx.z;
    int kv_head = head / (a.heads / a.kv_heads), of_warp = threadIdx.x / 32 * 16 * M;
    int mine = step + of_warp, least, most;
    first_keys(a, sequence, step, Tile::ROWS, least, most);
    int base = least / WALKED * WALKED, last = a.to(min(a.steps, step + Tile::ROWS) - 1), stage = 0;
    Scores scores(a);
    bool special = scores.inner != 0 || a.keep_scale != 0;
    copy_tile<W, Tile::ROWS>(queries, q, sequence, head, step);
    copy_tile<W, Tile::ROWS>(upstream, dout, sequence, head, step);
    auto walk = [&](int to, int key) {
        u16* keys = stages + to * Tile::STAGE;
        copy_tile<W, WALKED>(keys, k, sequence, kv_head, key);
        copy_tile<W, WALKED>(keys + Tile::STAGE / 2, v, sequence, kv_head, key);
        commit_copies();
    };
    Query known[M][2];
    each_row<M>(mine, [&](int row, int m, int half) {
        known[m][half] = Query(a, lse, delta, sequence, row, head);
    });
    float sums[M][W / 8][4] = {};
    if (Tile::STAGES == 2) walk(0, base);
    for (; base < last; base += WALKED) {
        if (Tile::STAGES == 1) {
            __syncthreads();  // the tile before is no longer read
            walk(0, base);
        }
        await_copies();
        __syncthreads();  // this tile is there; of two, the other is no longer read
        int other = Tile::STAGES == 2 ? 1 - stage : 0;
        if (Tile::STAGES == 2 && base + WALKED < last) walk(other, base + WALKED);
        const u16* keys = stages + stage * Tile::STAGE;
        float s[M][N][4] = {}, d[M][N][4] = {};
        add_dot_products<W, M, N>(s, queries + of_warp * STRIDE, keys);
        add_dot_products<W, M, N>(d, upstream + of_warp * STRIDE, keys + Tile::STAGE / 2);
        if (special || base < most || base + WALKED > a.to(mine)) {
            derive_queries<W, false>(s, d, known, a, scores, mine, base);
        } else {
            derive_queries<W, true>(s, d, known, a, scores, mine, base);
        }
        add_weighted<W, M, N>(sums, d, keys);
        stage = other;
    }
    each_row<M>(mine, [&](int row, int m, int half) {
        if (row < a.steps)
            dq.take<W>(a.query_at(sequence, row, head), sums[m], half, a.scale, a.head_dim);
    });
}

#define MMA_BACKWARD_KERNEL(NAME, W, RUN)                                                          \
    KERNEL __launch_bounds__(MMA_THREADS, 2) attention_mma_##NAME##_##W(                           \
        void* dq, void* dk, void* dv, const float* lse, const float* delta, const u16* dout,       \
        const u16* q, const u16* k, const u16* v, int length, int rounded, const int* starts,      \
        int heads, int kv_heads, int head_dim, int steps, float scale, float soft_cap, int window, \
        int causal, long long seed, int threshold, float keep_scale, int add) {                    \
        Attention a = {heads,    kv_heads, head_dim, steps,  steps, 0,         scale,              \
                       soft_cap, window,   causal,   starts, seed,  threshold, keep_scale};        \
        auto operand = [=](const u16* first, int count, int kind) {                                \
            return Heads(first, count, W, rounded & kind ? 0 : length, steps, steps);              \
        };                                                                                         \
        auto gradient = [=](void* first, int kind) {                                               \
            return Gradient{first, add != 0, (rounded & kind) != 0};                               \
        };                                                                                         \
        Heads douts = operand(dout, heads, ROUNDED_DOUT), queries = operand(q, heads, ROUNDED_Q);  \
        Heads keys = operand(k, kv_heads, ROUNDED_K), values = operand(v, kv_heads, ROUNDED_V);    \
        RUN;                                                                                       \
    }

// Keys and values together where registers hold the sums of both, or else one after the other.
#define MMA_BACKWARD_KERNELS(W)                                                                    \
    MMA_BACKWARD_KERNEL(queries, W,                                                                \
                        (backward_queries<W>(gradient(dq, ROUNDED_DQ), lse, delta, douts, queries, \
                                             keys, values, a)))                                    \
    MMA_BACKWARD_KERNEL(                                                                           \
        keys, W,                                                                                   \
        (backward_keys<W, true, (W <= 128)>(gradient(dk, ROUNDED_DK), gradient(dv, ROUNDED_DV),    \
                                            lse, delta, douts, queries, keys, values, a)))
#define MMA_VALUES_KERNEL(W)                                                                    \
    MMA_BACKWARD_KERNEL(                                                                        \
        values, W,                                                                              \
        (backward_keys<W, false, true>(gradient(dk, ROUNDED_DK), gradient(dv, ROUNDED_DV), lse, \
                                       delta, douts, queries, keys, values, a)))

MMA_WIDTHS(MMA_BACKWARD_KERNELS)
#if !defined ATTENTION_WIDTH || ATTENTION_WIDTH > 128
MMA_WIDTHS(MMA_VALUES_KERNEL)
#endif
