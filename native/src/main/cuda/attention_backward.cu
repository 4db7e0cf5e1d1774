// module: common tiles attention_backward
// The derivative of attention (Dao et al. 2022, appendix B.4) over whole sequences: weights are
// computed again from lse. One kernel has the keys of a block in place and walks over the queries,
// the other the reverse: scores are computed twice, and in return each sum has one owner and a
// fixed order, without atomic additions. q, out, dq, dout [N, H*D]; k, v, dk, dv [N, K*D]; lse,
// delta [N, H].

// Dynamic shared memory, in floats: queries, their dout, keys, values, and one matrix of weights.
template <int W>
struct BackwardTile {
    static constexpr int R = W <= 64 ? 4 : W == 128 ? 2 : 1;
    static constexpr int ROWS = 16 * R;
    static constexpr int STRIDE = W + 4;
    static constexpr int WEIGHT_STRIDE = ROWS + 4;
    static constexpr int SIZE = ROWS * STRIDE;
    static constexpr int BLOCKS =
        2;  // on a multiprocessor, which its shared memory allows on the larger devices
};

// What the derivative of a score needs to know about its query.
struct Query {
    int from, to;
    float lse, delta;
    u32 dropout;

    __device__ __forceinline__ Query() {}
    __device__ __forceinline__ Query(const Attention& a, const float* lse_of, const float* delta_of,
                                     int sequence, int step, int head) {
        long long at =
            (static_cast<long long>(sequence) * a.steps + min(step, a.steps - 1)) * a.heads + head;
        from = a.from(sequence, step);
        to = a.to(step);
        lse = lse_of[at];
        delta = delta_of[at];
        dropout = a.keep_scale == 0 ? 0 : a.dropout_row(sequence, step, head);
    }

    // Turns the dot products q . k and dout . v into the weight (with its dropout) and the
    // derivative of q . k.
    __device__ __forceinline__ void derive(const Attention& a, int key, float& score,
                                           float& dweight) const {
        if (key < from || key >= to) {
            score = dweight = 0;
            return;
        }
        float raw = score * a.scale, mask = a.mask(dropout, key);
        float weight = __expf(a.capped(raw) - lse);
        float slope = a.soft_cap > 0 ? soft_cap_slope(raw, a.soft_cap) : 1;
        score = weight * mask;
        dweight = weight * (mask * dweight - delta) * slope * a.scale;
    }
};

// Writes values at the thread's places of the matrix of weights.
template <int R, int STRIDE>
__device__ __forceinline__ void put_weights(float* weights, const float (&values)[R][R]) {
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
        for (int j = 0; j < R; j++)
            weights[(tile_row() * R + i) * STRIDE + tile_column() + 16 * j] = values[i][j];
    }
}

// Adds a thread's sums to rows of a gradient, or writes them.
template <int W, int R>
__device__ __forceinline__ void add_rows(float* gradient, long long stride, int valid, int head_dim,
                                         const float (&sums)[R][Columns<W>::COUNT], bool add) {
#pragma unroll
    for (int i = 0; i < R; i++) {
        int row = tile_row() * R + i;
        if (row >= valid) break;
#pragma unroll
        for (int c = 0; c < Columns<W>::COUNT; c++) {
            int column = Columns<W>::at(c);
            if (column >= head_dim) continue;
            float* to = gradient + row * stride + column;
            *to = add ? *to + sums[i][c] : sums[i][c];
        }
    }
}

// dk, dv +=, or = without add: a block takes a tile of keys of a key head, and sums over the query heads that share
// it.
template <int W>
__device__ __forceinline__ void backward_keys(float* dk, float* dv, const float* dout,
                                              const float* lse, const float* delta, const float* q,
                                              const float* k, const float* v, const Attention& a,
                                              bool add) {
    typedef BackwardTile<W> Tile;
    constexpr int R = Tile::R, ROWS = Tile::ROWS, STRIDE = Tile::STRIDE;
    DYNAMIC_SHARED(float, queries);
    float* upstream = queries + Tile::SIZE;
    float* keys = upstream + Tile::SIZE;
    float* values = keys + Tile::SIZE;
    float* weights = values + Tile::SIZE;
    int base = blockIdx.x * ROWS, kv_head = blockIdx.y, sequence = blockIdx.z,
        group = a.heads / a.kv_heads;
    int valid = min(ROWS, a.steps - base), width = (a.head_dim + 3) / 4 * 4;
    long long at = a.key_at(sequence, base, kv_head);
    load_tile<W, ROWS, STRIDE>(keys, k + at, a.key_stride(), valid, a.head_dim);
    load_tile<W, ROWS, STRIDE>(values, v + at, a.key_stride(), valid, a.head_dim);
    float dkeys[R][Columns<W>::COUNT] = {}, dvalues[R][Columns<W>::COUNT] = {};
    int last = a.window > 0 ? min(a.steps, base + ROWS - 1 + a.window) : a.steps;
    for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
        for (int step = a.causal ? base : 0; step < last; step += ROWS) {
            if (a.starts != nullptr && a.first_key(sequence, step, ROWS) >= base + ROWS)
                continue;  // other documents
            __syncthreads();
            long long from = a.query_at(sequence, step, head);
            load_tile<W, ROWS, STRIDE>(queries, q + from, a.query_stride(), a.steps - step,
                                       a.head_dim);
            load_tile<W, ROWS, STRIDE>(upstream, dout + from, a.query_stride(), a.steps - step,
                                       a.head_dim);
            __syncthreads();
            float s[R][R], d[R][R];
            dot_rows<R, STRIDE>(s, keys, queries, width);
            dot_rows<R, STRIDE>(d, values, upstream, width);
#pragma unroll
            for (int j = 0; j < R; j++) {
                Query query(a, lse, delta, sequence, step + tile_column() + 16 * j, head);
#pragma unroll
                for (int i = 0; i < R; i++)
                    query.derive(a, base + tile_row() * R + i, s[i][j], d[i][j]);
            }
            // A row of weights is written and read by the same half warp.
            put_weights<R, Tile::WEIGHT_STRIDE>(weights, s);
            __syncwarp();
            add_product<W, R, Tile::WEIGHT_STRIDE, STRIDE>(dvalues, weights, upstream);
            __syncwarp();
            put_weights<R, Tile::WEIGHT_STRIDE>(weights, d);
            __syncwarp();
            add_product<W, R, Tile::WEIGHT_STRIDE, STRIDE>(dkeys, weights, queries);
        }
    }
    add_rows<W, R>(dk + at, a.key_stride(), valid, a.head_dim, dkeys, add);
    add_rows<W, R>(dv + at, a.key_stride(), valid, a.head_dim, dvalues, add);
}

// dq +=, or = without add: a block takes a tile of queries of a head, the last first, as they see
// the most keys.
template <int W>
__device__ __forceinline__ void backward_queries(float* dq, const float* dout, const float* lse,
                                                 const float* delta, const float* q, const float* k,
                                                 const float* v, const Attention& a, bool add) {
    typedef BackwardTile<W> Tile;
    constexpr int R = Tile::R, ROWS = Tile::ROWS, STRIDE = Tile::STRIDE;
    DYNAMIC_SHARED(float, queries);
    float* upstream = queries + Tile::SIZE;
    float* keys = upstream + Tile::SIZE;
    float* values = keys + Tile::SIZE;
    float* weights = values + Tile::SIZE;
    int step = (gridDim.x - 1 - blockIdx.x) * ROWS, head = blockIdx.y, sequence = blockIdx.z;
    int kv_head = head / (a.heads / a.kv_heads), width = (a.head_dim + 3) / 4 * 4,
        valid = min(ROWS, a.steps - step);
    long long own = a.query_at(sequence, step, head);
    load_tile<W, ROWS, STRIDE>(queries, q + own, a.query_stride(), valid, a.head_dim);
    load_tile<W, ROWS, STRIDE>(upstream, dout + own, a.query_stride(), valid, a.head_dim);
    Query mine[R];
#pragma unroll
    for (int i = 0; i < R; i++)
        mine[i] = Query(a, lse, delta, sequence, step + tile_row() * R + i, head);
    float sums[R][Columns<W>::COUNT] = {};
    int last = a.to(step + valid - 1);
    for (int base = a.first_key(sequence, step, ROWS); base < last; base += ROWS) {
        __syncthreads();
        long long at = a.key_at(sequence, base, kv_head);
        load_tile<W, ROWS, STRIDE>(keys, k + at, a.key_stride(), a.steps - base, a.head_dim);
        load_tile<W, ROWS, STRIDE>(values, v + at, a.key_stride(), a.steps - base, a.head_dim);
        __syncthreads();
        float s[R][R], d[R][R];
        dot_rows<R, STRIDE>(s, queries, keys, width);
        dot_rows<R, STRIDE>(d, upstream, values, width);
#pragma unroll
        for (int i = 0; i < R; i++) {
#pragma unroll
            for (int j = 0; j < R; j++)
                mine[i].derive(a, base + tile_column() + 16 * j, s[i][j], d[i][j]);
        }
        put_weights<R, Tile::WEIGHT_STRIDE>(weights, d);
        __syncwarp();
        add_product<W, R, Tile::WEIGHT_STRIDE, STRIDE>(sums, weights, keys);
    }
    add_rows<W, R>(dq + own, a.query_stride(), valid, a.head_dim, sums, add);
}

#define BACKWARD_KERNELS(W)                                                                     \
    KERNEL __launch_bounds__(ATTENTION_THREADS, BackwardTile<W>::BLOCKS)                        \
        attention_backward_keys_##W(                                                            \
            float* dk, float* dv, const float* dout, const float* lse, const float* delta,      \
            const float* q, const float* k, const float* v, const int* starts, int heads,       \
            int kv_heads, int head_dim, int steps, float scale, float soft_cap, int window,     \
            int causal, long long seed, int threshold, float keep_scale, int add) {             \
        Attention a = {heads,    kv_heads, head_dim, steps,  steps, 0,         scale,           \
                       soft_cap, window,   causal,   starts, seed,  threshold, keep_scale};     \
        backward_keys<W>(dk, dv, dout, lse, delta, q, k, v, a, add != 0);                       \
    }                                                                                           \
    KERNEL __launch_bounds__(ATTENTION_THREADS, BackwardTile<W>::BLOCKS)                        \
        attention_backward_queries_##W(                                                         \
            float* dq, const float* dout, const float* lse, const float* delta, const float* q, \
            const float* k, const float* v, const int* starts, int heads, int kv_heads,         \
            int head_dim, int steps, float scale, float soft_cap, int window, int causal,       \
            long long seed, int threshold, float keep_scale, int add) {                         \
        Attention a = {heads,    kv_heads, head_dim, steps,  steps, 0,         scale,           \
                       soft_cap, window,   causal,   starts, seed,  threshold, keep_scale};     \
        backward_queries<W>(dq, dout, lse, delta, q, k, v, a, add != 0);                        \
    }

WIDTHS(BACKWARD_KERNELS)
