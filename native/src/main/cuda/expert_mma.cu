// module: common formats tiles fast mma mma_products expert_mma
// Products of many rows with the weights of the experts that they chose, and their derivative by
// the rows, on tensor cores: tiles of rows that chose the same expert are multiplied together. x
// and dout are in bf16, in rows of a multiple of 64 with zeros at the end; w [E, O, I] of any
// format, in bf16 copied as it is, of others rounded on the way; order and tiles from group_rows in
// experts.cu.
//
// Compiled for sm_80, sm_90 and sm_100 nothing is spilled. Threads have up to 236 registers, so
// that two blocks (8 warps) are on a multiprocessor; their shared memory is 72 KiB each at most.

template <class Format>
struct IsBf16 {
    static constexpr bool VALUE = false;
};
template <>
struct IsBf16<BF16> {
    static constexpr bool VALUE = true;
};

// Rows of activations that the order names; those of a tile beyond its last are that again.
template <int ROWS>
struct ChosenRows : Copied {
    const u16* x;
    const int* rows;  // in shared memory
    int stride;

    __device__ __forceinline__ ChosenRows(const u16* x, int stride, const int* order, int count,
                                          int per_input)
        : x(x), stride(stride) {
        __shared__ int chosen[ROWS];
        if (threadIdx.x < ROWS)
            chosen[threadIdx.x] = order[min(static_cast<int>(threadIdx.x), count - 1)] / per_input;
        __syncthreads();
        rows = chosen;
    }
    __device__ __forceinline__ void start(u16* to, int k) const {
        int column = threadIdx.x % 8 * 8;
#pragma unroll
        for (int i = 0; i < ROWS / 16; i++) {
            int row = threadIdx.x / 8 + 16 * i;
            copy_async(to + row * Across<ROWS>::STRIDE + column,
                       x + static_cast<long long>(rows[row]) * stride + k + column, true);
        }
    }
};

// An expert's weight [O, I]: tiles Across have rows from `base` on and go along the inputs, tiles
// Down have columns from there on and go along the outputs. What is beyond the weight is a
// neighbour again: the other factor is 0 there, or the result is not written.
template <class Format, class Tile>
struct ExpertWeight {
    static constexpr int EIGHTS = Tile::WIDTH / 8, ROUNDS = 8, OF_QUARTER = ROUNDS / 4;
    static constexpr bool DECODES = !IsBf16<Format>::VALUE;
    const u8* w;
    int base, inputs, outputs;
    uint4 decoded[OF_QUARTER];

    __device__ __forceinline__ ExpertWeight(const u8* w, int base, int inputs, int outputs)
        : w(w), base(base), inputs(inputs), outputs(outputs) {}

    __device__ __forceinline__ static int row(int i) {
        return (threadIdx.x + MMA_THREADS * i) / EIGHTS;
    }
    __device__ __forceinline__ static int column() { return threadIdx.x % EIGHTS * 8; }
    // Where a thread reads eight elements in a round: a row of the weight, and a place in it.
    __device__ __forceinline__ const u8* from(int i, int k) const {
        return w + min((Tile::ACROSS ? base : k) + row(i), outputs - 1) * Format::row_bytes(inputs);
    }
    __device__ __forceinline__ int element(int k) const {
        return min((Tile::ACROSS ? k : base) + column(), inputs - 8);
    }
    __device__ __forceinline__ static u16* place(u16* to, int i) {
        return to + row(i) * Tile::STRIDE + column();
    }

    __device__ __forceinline__ void start(u16* to, int k) const {
        if constexpr (!DECODES) {
#pragma unroll
            for (int i = 0; i < ROUNDS; i++)
                copy_async(place(to, i), from(i, k) + element(k) * sizeof(u16), true);
        }
    }
    __device__ __forceinline__ void read(int quarter, int k) {
        if constexpr (DECODES) {
#pragma unroll
            for (int i = 0; i < OF_QUARTER; i++) {
                float q[8], scale, offset;
                Format::eight(from(quarter * OF_QUARTER + i, k), element(k), q, scale, offset);
#pragma unroll
                for (int e = 0; e < 8; e++) q[e] = scale * q[e] + offset;
                decoded[i] = make_uint4(pack_bf16(q[0], q[1]), pack_bf16(q[2], q[3]),
                                        pack_bf16(q[4], q[5]), pack_bf16(q[6], q[7]));
            }
        }
    }
    __device__ __forceinline__ void write(u16* to, int quarter) const {
        if constexpr (DECODES) {
#pragma unroll
            for (int i = 0; i < OF_QUARTER; i++)
                *reinterpret_cast<uint4*>(place(to, quarter * OF_QUARTER + i)) = decoded[i];
        }
    }
};

// The rows that a block has: those of a tile, which chose an expert.
struct ExpertRows {
    int expert, count;
    const int* order;

    __device__ __forceinline__ ExpertRows(const int* order, const int* tile)
        : expert(tile[0]), count(tile[2]), order(order + tile[1]) {}

    template <class Format>
    __device__ __forceinline__ const u8* weight(const void* w, int inputs, int outputs) const {
        return static_cast<const u8*>(w) +
               static_cast<long long>(expert) * outputs * Format::row_bytes(inputs);
    }
    // Whether a warp has none of the product with so many columns.
    template <int M>
    __device__ __forceinline__ bool idle(int columns) const {
        return warp_first_row<M>() >= count || warp_first_column() >= columns;
    }
};

// out[i] = w[experts[i]] x[i / per_input]; out [rows, O].
template <class Format, int ROWS>
__device__ __forceinline__ void expert_product(float* out, const u16* x, const void* w,
                                               const int* order, const int* tiles, int tile_count,
                                               int per_input, int inputs, int stride, int outputs) {
    constexpr int M = ROWS / 32;
    int2 place = tile_of_block(tile_count, (outputs + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS);
    ExpertRows mine(order, tiles + 3 * place.x);
    if (mine.count == 0) return;
    int base = place.y * PRODUCT_COLUMNS, columns = outputs - base;
    ChosenRows<ROWS> left(x, stride, mine.order, mine.count, per_input);
    ExpertWeight<Format, Across<PRODUCT_COLUMNS>> right(mine.weight<Format>(w, inputs, outputs),
                                                        base, inputs, outputs);
    float sums[M][PRODUCT_N][4] = {};
    multiply<Across<ROWS>, Across<PRODUCT_COLUMNS>>(sums, left, right, inputs,
                                                    mine.idle<M>(columns));
    store_product(sums, mine.count, columns, outputs % 2 == 0, false, [&](int row) {
        return out + static_cast<long long>(mine.order[row]) * outputs + base;
    });
}

// dx[i] = dout[i] w[experts[i]], or added to it: columns first..first + count - 1, of rows of so
// many.
template <class Format, int ROWS>
__device__ __forceinline__ void expert_input(float* dx, const u16* dout, const void* w,
                                             const int* order, const int* tiles, int tile_count,
                                             int inputs, int stride, int outputs, int first,
                                             int count, int add) {
    constexpr int M = ROWS / 32;
    int2 place = tile_of_block(tile_count, (count + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS);
    ExpertRows mine(order, tiles + 3 * place.x);
    if (mine.count == 0) return;
    int base = place.y * PRODUCT_COLUMNS, columns = count - base;
    ChosenRows<ROWS> left(dout, stride, mine.order, mine.count, 1);
    ExpertWeight<Format, Down<PRODUCT_COLUMNS>> right(mine.weight<Format>(w, inputs, outputs),
                                                      first + base, inputs, outputs);
    float sums[M][PRODUCT_N][4] = {};
    multiply<Across<ROWS>, Down<PRODUCT_COLUMNS>>(sums, left, right, outputs,
                                                  mine.idle<M>(columns));
    store_product(sums, mine.count, columns, count % 2 == 0, add, [&](int row) {
        return dx + static_cast<long long>(mine.order[row]) * count + base;
    });
}

#define EXPERT_MMA_KERNEL(name, Format, ROWS)                                                    \
    KERNEL __launch_bounds__(MMA_THREADS, 2) expert_mma_##ROWS##_##name(                         \
        float* out, const u16* x, const void* w, const int* order, const int* tiles,             \
        int tile_count, int per_input, int inputs, int stride, int outputs) {                    \
        expert_product<Format, ROWS>(out, x, w, order, tiles, tile_count, per_input, inputs,     \
                                     stride, outputs);                                           \
    }                                                                                            \
    KERNEL __launch_bounds__(MMA_THREADS, 2) expert_mma_input_##ROWS##_##name(                   \
        float* dx, const u16* dout, const void* w, const int* order, const int* tiles,           \
        int tile_count, int inputs, int stride, int outputs, int first, int count, int add) {    \
        expert_input<Format, ROWS>(dx, dout, w, order, tiles, tile_count, inputs, stride,        \
                                   outputs, first, count, add);                                  \
    }

#define EXPERT_MMA_KERNELS(name, Format) \
    EXPERT_MMA_KERNEL(name, Format, 64)  \
    EXPERT_MMA_KERNEL(name, Format, 128)

FORMATS(EXPERT_MMA_KERNELS)
