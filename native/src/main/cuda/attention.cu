// module: common formats tiles attention
// Attention without the T x T matrix: online softmax over tiles of keys (Milakov and Gimelshein
// 2018; Dao et al. 2022). attention_W for many queries; attention_decode_W and attention_combine
// for few queries and many keys. q, out [N, H*D]; k, v [S, K*D], of the formats that KEYS and
// VALUES name; lse [N, H].

#ifndef KEYS
#define KEYS F32
#define VALUES F32
#endif

// An element of the keys or values of a head.
template <class Format>
__device__ __forceinline__ float cached(const void* cache, const Attention& a, long long row,
                                        int column) {
    int columns = a.kv_heads * a.head_dim;
    return Format::one(static_cast<const u8*>(cache) + row * Format::row_bytes(columns), column);
}

// Rows of a head, from one on, to a tile, as load_tile does.
template <class Format, int W, int ROWS, int STRIDE>
struct CachedTile {
    __device__ __forceinline__ static void load(float* to, const void* cache, const Attention& a,
                                                long long first, int head, int valid) {
        int offset = head * a.head_dim;
        if (a.head_dim % 8 == 0) {
            long long row_bytes = Format::row_bytes(a.kv_heads * a.head_dim);
            for (int i = threadIdx.x; i < ROWS * (W / 8); i += ATTENTION_THREADS) {
                int row = i / (W / 8), c = i % (W / 8) * 8;
                float q[8] = {}, scale = 0, shift = 0;
                if (row < valid && c < a.head_dim) {
                    const u8* from = static_cast<const u8*>(cache) + (first + row) * row_bytes;
                    Format::eight(from, offset + c, q, scale, shift);
                }
                store4(to + row * STRIDE + c,
                       make_float4(scale * q[0], scale * q[1], scale * q[2], scale * q[3]));
                store4(to + row * STRIDE + c + 4,
                       make_float4(scale * q[4], scale * q[5], scale * q[6], scale * q[7]));
            }
        } else {
            for (int i = threadIdx.x; i < ROWS * W; i += ATTENTION_THREADS) {
                int row = i / W, c = i % W;
                to[row * STRIDE + c] = row < valid && c < a.head_dim
                                           ? cached<Format>(cache, a, first + row, offset + c)
                                           : 0;
            }
        }
    }
};

template <int W, int ROWS, int STRIDE>
struct CachedTile<F32, W, ROWS, STRIDE> {
    __device__ __forceinline__ static void load(float* to, const void* cache, const Attention& a,
                                                long long first, int head, int valid) {
        const float* from =
            static_cast<const float*>(cache) + first * a.key_stride() + head * a.head_dim;
        load_tile<W, ROWS, STRIDE>(to, from, a.key_stride(), valid, a.head_dim);
    }
};

// Dynamic shared memory, in floats: queries, keys (then the weights in their place), values. It
// fits the 99 KiB that a block has on every device since compute capability 8.0.
template <int W>
struct ForwardTile {
    static constexpr int R = W <= 128 ? 4 : 2;
    static constexpr int ROWS = 16 * R;
    static constexpr int STRIDE = W + 4;
    static constexpr int WEIGHT_STRIDE = ROWS + 4;
    static constexpr int KEYS = ROWS * (STRIDE > WEIGHT_STRIDE ? STRIDE : WEIGHT_STRIDE);
};

// A block takes 16 R queries of a head: grid (query tiles, H, sequences). The last queries, which
// see the most keys, are first in line, so that no multiprocessor is left with them alone.
template <int W>
__device__ __forceinline__ void attend(float* out, float* lse, const float* q, const void* k,
                                       const void* v, const Attention& a) {
    typedef ForwardTile<W> Tile;
    constexpr int R = Tile::R, COLUMNS = Columns<W>::COUNT;
    DYNAMIC_SHARED(float, queries);
    float* keys = queries + Tile::ROWS * Tile::STRIDE;
    float* values = keys + Tile::KEYS;
    int step = (gridDim.x - 1 - blockIdx.x) * Tile::ROWS, head = blockIdx.y, sequence = blockIdx.z;
    int kv_head = head / (a.heads / a.kv_heads), width = (a.head_dim + 3) / 4 * 4;
    load_tile<W, Tile::ROWS, Tile::STRIDE>(queries, q + a.query_at(sequence, step, head),
                                           a.query_stride(), a.steps - step, a.head_dim);
    int mine = step + tile_row() * R;
    float sums[R][COLUMNS] = {}, largest[R], total[R];
    int from[R], to[R];
    u32 dropout[R];
#pragma unroll
    for (int i = 0; i < R; i++) {
        largest[i] = EMPTY;
        total[i] = 0;
        from[i] = a.from(sequence, mine + i);
        to[i] = a.to(mine + i);
        dropout[i] = a.keep_scale == 0 ? 0 : a.dropout_row(sequence, mine + i, head);
    }
    int last = a.to(min(a.steps, step + Tile::ROWS) - 1);
    for (int base = a.first_key(sequence, step, Tile::ROWS); base < last; base += Tile::ROWS) {
        __syncthreads();  // the tiles of the round before are no longer read
        int valid = min(Tile::ROWS, a.keys() - base);
        long long at = a.key_row(sequence, base);
        CachedTile<KEYS, W, Tile::ROWS, Tile::STRIDE>::load(keys, k, a, at, kv_head, valid);
        CachedTile<VALUES, W, Tile::ROWS, W>::load(values, v, a, at, kv_head, valid);
        __syncthreads();
        float s[R][R];
        dot_rows<R, Tile::STRIDE>(s, queries, keys, width);
        __syncthreads();  // the weights take the place of the keys
#pragma unroll
        for (int i = 0; i < R; i++) {
            float best = largest[i];
#pragma unroll
            for (int j = 0; j < R; j++) {
                int key = base + tile_column() + 16 * j;
                s[i][j] =
                    key >= from[i] && key < to[i] ? a.capped(s[i][j] * a.scale) : MINUS_INFINITY;
                best = fmaxf(best, s[i][j]);
            }
            best = row_max(best);
            float correction = __expf(largest[i] - best), sum = 0;
            largest[i] = best;
#pragma unroll
            for (int j = 0; j < R; j++) {
                float weight = __expf(s[i][j] - best);
                sum += weight;
                keys[(tile_row() * R + i) * Tile::WEIGHT_STRIDE + tile_column() + 16 * j] =
                    weight * a.mask(dropout[i], base + tile_column() + 16 * j);
            }
            total[i] = total[i] * correction + row_sum(sum);
#pragma unroll
            for (int c = 0; c < COLUMNS; c++) sums[i][c] *= correction;
        }
        __syncwarp();  // a row of weights is written and read by the same half warp
        add_product<W, R, Tile::WEIGHT_STRIDE, W>(sums, keys, values);
    }
#pragma unroll
    for (int i = 0; i < R; i++) {
        if (mine + i >= a.steps) break;
        float* row = out + a.query_at(sequence, mine + i, head);
        float factor = 1 / total[i];
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            if (Columns<W>::at(c) < a.head_dim) row[Columns<W>::at(c)] = sums[i][c] * factor;
        }
        if (lse != nullptr && tile_column() == 0) {
            lse[(static_cast<long long>(sequence) * a.steps + mine + i) * a.heads + head] =
                largest[i] + logf(total[i]);
        }
    }
}

#define ATTENTION_KERNEL(W)                                                                        \
    KERNEL __launch_bounds__(ATTENTION_THREADS, 2) attention_##W(                                  \
        float* out, float* lse, const float* q, const void* k, const void* v, const int* starts,   \
        int heads, int kv_heads, int head_dim, int steps, int capacity, int past, float scale,     \
        float soft_cap, int window, int causal, long long seed, int threshold, float keep_scale) { \
        Attention a = {heads,    kv_heads, head_dim, steps,  capacity, past,      scale,           \
                       soft_cap, window,   causal,   starts, seed,     threshold, keep_scale};     \
        attend<W>(out, lse, q, k, v, a);                                                           \
    }

#define DECODE_WARPS 4
#define KEYS_OF_A_SPLIT 64

// Among how many blocks the keys of a query are divided, of so many that there are at most. It
// depends on what queries see alone, so that a launch for a longer context gives the same sums.
__device__ __forceinline__ int used_splits(int keys, int steps, int window, int splits) {
    int seen = window > 0 ? min(keys, window + steps - 1) : keys;
    return max(1, min(splits, (seen + KEYS_OF_A_SPLIT - 1) / KEYS_OF_A_SPLIT));
}

// The keys that a warp has seen for a head: largest score, sum of weights, weighted sum of values;
// lane l has the columns l, l + 32, ..
template <int COUNT>
struct Seen {
    float largest, total, sums[COUNT];

    __device__ __forceinline__ void rescale(float to) {
        float correction = __expf(largest - to);
        largest = to;
        total *= correction;
#pragma unroll
        for (int c = 0; c < COUNT; c++) sums[c] *= correction;
    }
};

// HEADS heads of one query that share a key head, over the keys of a split: keys and values are
// read once for all.
template <int W, int HEADS>
__device__ __forceinline__ void decode_heads(float* partials, const float* q, const void* k,
                                             const void* v, const Attention& a, int first_head,
                                             int heads, int splits) {
    constexpr int COUNT = W / 32, BATCH = W <= 128 ? 4 : 2;  // as the registers allow
    __shared__ float merged[DECODE_WARPS][W + 2];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int sequence = blockIdx.z / a.steps, step = blockIdx.z % a.steps;
    float query[HEADS][COUNT];
    Seen<COUNT> seen[HEADS];
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
        const float* row = q + a.query_at(sequence, step, first_head + min(h, heads - 1));
        seen[h].largest = EMPTY;
        seen[h].total = 0;
#pragma unroll
        for (int c = 0; c < COUNT; c++) {
            query[h][c] = lane + 32 * c < a.head_dim ? row[lane + 32 * c] * a.scale : 0;
            seen[h].sums[c] = 0;
        }
    }
    int used = used_splits(a.keys(), a.steps, a.window, splits);
    int from = a.from(sequence, step), to = a.to(step), share = (to - from + used - 1) / used;
    if (static_cast<int>(blockIdx.x) >= used) return;
    from += blockIdx.x * share;
    to = min(to, from + share);
    // Rounds of BATCH keys a warp: their loads are in flight together, and sums are rescaled once.
    for (int base = from + warp * BATCH; base < to; base += DECODE_WARPS * BATCH) {
        float key[BATCH][COUNT], value[BATCH][COUNT];
#pragma unroll
        for (int n = 0; n < BATCH; n++) {
            long long row = a.key_row(sequence, min(base + n, to - 1));
#pragma unroll
            for (int c = 0; c < COUNT; c++) {
                bool inside = lane + 32 * c < a.head_dim;
                int column = blockIdx.y * a.head_dim + lane + 32 * c;
                key[n][c] = inside ? cached<KEYS>(k, a, row, column) : 0;
                value[n][c] = inside ? cached<VALUES>(v, a, row, column) : 0;
            }
        }
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
            float s[BATCH], best = seen[h].largest;
#pragma unroll
            for (int n = 0; n < BATCH; n++) {
                s[n] = 0;
#pragma unroll
                for (int c = 0; c < COUNT; c++) s[n] += query[h][c] * key[n][c];
                s[n] = warp_sum(s[n]);
                s[n] = base + n < to ? a.capped(s[n]) : MINUS_INFINITY;
                best = fmaxf(best, s[n]);
            }
            seen[h].rescale(best);
#pragma unroll
            for (int n = 0; n < BATCH; n++) {
                float weight = __expf(s[n] - best);
                seen[h].total += weight;
#pragma unroll
                for (int c = 0; c < COUNT; c++) seen[h].sums[c] += weight * value[n][c];
            }
        }
    }
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
        __syncthreads();
        if (lane == 0) {
            merged[warp][W] = seen[h].largest;
            merged[warp][W + 1] = seen[h].total;
        }
#pragma unroll
        for (int c = 0; c < COUNT; c++) merged[warp][lane + 32 * c] = seen[h].sums[c];
        __syncthreads();
        if (h >= heads) continue;
        float largest = EMPTY;
        for (int w = 0; w < DECODE_WARPS; w++) largest = fmaxf(largest, merged[w][W]);
        float* partial =
            partials + ((static_cast<long long>(blockIdx.z) * a.heads + first_head + h) * splits +
                        blockIdx.x) *
                           (a.head_dim + 2);
        for (int c = threadIdx.x; c < a.head_dim + 1; c += DECODE_WARPS * 32) {
            int at = c < a.head_dim ? c : W + 1;
            float sum = 0;
            for (int w = 0; w < DECODE_WARPS; w++)
                sum += merged[w][at] * __expf(merged[w][W] - largest);
            partial[c < a.head_dim ? c + 2 : 1] = sum;
        }
        if (threadIdx.x == 0) partial[0] = largest;
    }
}

// partials [N, H, splits, 2 + D]: largest score, sum of weights, weighted sum of values. grid
// (splits, K, N). With caches [sequences, 2], each sequence has keys and values of its own, and its
// own past.
template <int W>
__device__ __forceinline__ void decode(float* partials, const float* q, const void* k,
                                       const void* v, const Attention& a, int splits) {
    int group = a.heads / a.kv_heads, first = blockIdx.y * group;
    if (group == 1) {
        decode_heads<W, 1>(partials, q, k, v, a, first, 1, splits);
    } else {
        for (int h = 0; h < group; h += 4)
            decode_heads<W, 4>(partials, q, k, v, a, first + h, min(4, group - h), splits);
    }
}

#define DECODE_KERNEL(W)                                                                          \
    KERNEL __launch_bounds__(DECODE_WARPS * 32, W <= 128 ? 4 : 3) attention_decode_##W(           \
        float* partials, const float* q, const void* k, const void* v, const int* past_at,        \
        const void* const* caches, int heads, int kv_heads, int head_dim, int steps, int capacity, int past, float scale,    \
        float soft_cap, int window, int causal, int splits) {                                     \
        if (past_at != nullptr) past = *past_at;                                                  \
        if (caches != nullptr) {                                                                  \
            int sequence = blockIdx.z / steps;                                                    \
            k = caches[2 * sequence];                                                             \
            v = caches[2 * sequence + 1];                                                         \
            past = past_at[sequence];                                                             \
            capacity = 0; /* all begin at row 0 */                                                \
        }                                                                                         \
        Attention a = {heads,    kv_heads, head_dim, steps,   capacity, past, scale,              \
                       soft_cap, window,   causal,   nullptr, 0,        0,    0};                 \
        decode<W>(partials, q, k, v, a, splits);                                                  \
    }

WIDTHS(ATTENTION_KERNEL)
WIDTHS(DECODE_KERNEL)

// out [N, H*D] from the partials of all splits that were used. A block takes a head of a row;
// so many of them have a past of their own, or all one if that is 0.
KERNEL attention_combine(float* out, const float* partials, const int* past_at, int together,
                         int head_dim, int steps, int past, int window, int splits) {
    if (past_at != nullptr) past = past_at[together == 0 ? 0 : blockIdx.x / together];
    int used = used_splits(past + steps, steps, window, splits);
    partials += static_cast<long long>(blockIdx.x) * splits * (head_dim + 2);
    float largest = EMPTY, total = 0;
    for (int i = 0; i < used; i++) largest = fmaxf(largest, partials[i * (head_dim + 2)]);
    for (int i = 0; i < used; i++) {
        total += partials[i * (head_dim + 2) + 1] * __expf(partials[i * (head_dim + 2)] - largest);
    }
    for (int d = threadIdx.x; d < head_dim; d += blockDim.x) {
        float sum = 0;
        for (int i = 0; i < used; i++) {
            const float* partial = partials + i * (head_dim + 2);
            sum += partial[2 + d] * __expf(partial[0] - largest);
        }
        out[static_cast<long long>(blockIdx.x) * head_dim + d] = sum / total;
    }
}
