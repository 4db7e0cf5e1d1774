// Products of matrices by tensor cores (mma.sync of compute capability 8.0, in PTX): operands in
// bf16, sums in float32. Operands are tiles in shared memory, whose rows of W elements are
// TileRow<W>::STRIDE apart; a warp owns 16 M rows of the result, in registers:
//
//   x[m][n][i] of lane l is row 16 m + l / 4 + 8 (i / 2), column 8 n + 2 (l % 4) + i % 2
//
// which is what the instruction gives, and what it takes as its left operand once two neighbours
// are rounded into a word: so weights of attention go from one product to the next without memory.

#define MMA_WARPS 4
#define MMA_THREADS (32 * MMA_WARPS)

// Rows are 16 bytes longer than a multiple of 32: the eight rows that ldmatrix reads at once begin
// in different banks.
template <int W>
struct TileRow {
    static constexpr int STRIDE = W + 8;
};

__device__ __forceinline__ u32 shared_address(const void* p) {
    return static_cast<u32>(__cvta_generic_to_shared(p));
}

// Copies 16 bytes to shared memory while the thread goes on, or zeros if there is nothing.
__device__ __forceinline__ void copy_async(void* to, const void* from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)),
                 "l"(from), "r"(there ? 16 : 0)
                 : "memory");
}
__device__ __forceinline__ void commit_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits for the thread's own copies; what others copied is there after a barrier.
__device__ __forceinline__ void await_copies() {
    asm volatile("cp.async.wait_group 0;" ::: "memory");
}

// Four matrices of 8 x 8, one in each register; lane l gives the address of a row, l % 8 of matrix
// l / 8.
__device__ __forceinline__ void load_matrices(u32 (&to)[4], const u16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row)));
}
__device__ __forceinline__ void load_transposed(u32 (&to)[4], const u16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row)));
}

// sums [16, 8] += a [16, 16] b [16, 8].
__device__ __forceinline__ void multiply_add(float (&sums)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ int lane_row() { return threadIdx.x % 32 / 4; }
__device__ __forceinline__ int lane_column() { return threadIdx.x % 4 * 2; }

// Over the four lanes that share a row.
__device__ __forceinline__ float quad_sum(float value) {
    value += __shfl_xor_sync(ALL_LANES, value, 1);
    return value + __shfl_xor_sync(ALL_LANES, value, 2);
}
__device__ __forceinline__ float quad_max(float value) {
    value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, 1));
    return fmaxf(value, __shfl_xor_sync(ALL_LANES, value, 2));
}

// Calls each(row, m, half) for the rows of a thread.
template <int M, class Each>
__device__ __forceinline__ void each_row(int first, Each each) {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) each(first + 16 * m + lane_row() + 8 * half, m, half);
    }
}

// Calls each(column, value) for the elements that a lane has of one of its rows: half 0 or 1 of
// sums.
template <int W, class Each>
__device__ __forceinline__ void each_element(const float (&sums)[W / 8][4], int half, int columns,
                                             Each each) {
#pragma unroll
    for (int c = 0; c < W / 8; c++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int column = 8 * c + lane_column() + i;
            if (column < columns) each(column, sums[c][2 * half + i]);
        }
    }
}

// Rounds the elements that a lane has of one of its rows: all of its columns exist.
template <int W>
__device__ __forceinline__ void store_rounded(u16* row, const float (&sums)[W / 8][4], int half,
                                              float factor) {
#pragma unroll
    for (int c = 0; c < W / 8; c++) {
        *reinterpret_cast<u32*>(row + 8 * c + lane_column()) =
            pack_bf16(sums[c][2 * half] * factor, sums[c][2 * half + 1] * factor);
    }
}

// sums[m][n] += rows of a (16 M) times rows of b (8 N): products of rows, over W columns.
template <int W, int M, int N>
__device__ __forceinline__ void add_dot_products(float (&sums)[M][N][4], const u16* a,
                                                 const u16* b) {
    constexpr int STRIDE = TileRow<W>::STRIDE;
    int lane = threadIdx.x % 32;
    a += lane % 16 * STRIDE + lane / 16 * 8;
    b += (lane % 8 + lane / 16 * 8) * STRIDE + lane / 8 % 2 * 8;
#pragma unroll
    for (int k = 0; k < W; k += 16) {
        u32 left[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) load_matrices(left[m], a + m * 16 * STRIDE + k);
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            u32 right[4];
            load_matrices(right, b + n * 8 * STRIDE + k);
#pragma unroll
            for (int m = 0; m < M; m++) {
                multiply_add(sums[m][n], left[m], right[0], right[1]);
                multiply_add(sums[m][n + 1], left[m], right[2], right[3]);
            }
        }
    }
}

// sums[m] [16 M, W] += weights [16 M, 8 N], rounded, times b [8 N, W].
template <int W, int M, int N>
__device__ __forceinline__ void add_weighted(float (&sums)[M][W / 8][4],
                                             const float (&weights)[M][N][4], const u16* b) {
    constexpr int STRIDE = TileRow<W>::STRIDE;
    int lane = threadIdx.x % 32;
    b += lane % 16 * STRIDE + lane / 16 * 8;
#pragma unroll
    for (int n = 0; n < N; n += 2) {
        u32 left[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) {
            left[m][0] = pack_bf16(weights[m][n][0], weights[m][n][1]);
            left[m][1] = pack_bf16(weights[m][n][2], weights[m][n][3]);
            left[m][2] = pack_bf16(weights[m][n + 1][0], weights[m][n + 1][1]);
            left[m][3] = pack_bf16(weights[m][n + 1][2], weights[m][n + 1][3]);
        }
#pragma unroll
        for (int c = 0; c < W / 8; c += 2) {
            u32 right[4];
            load_transposed(right, b + n * 8 * STRIDE + c * 8);
#pragma unroll
            for (int m = 0; m < M; m++) {
                multiply_add(sums[m][c], left[m], right[0], right[1]);
                multiply_add(sums[m][c + 1], left[m], right[2], right[3]);
            }
        }
    }
}

// Heads in bf16, by the elements between their sequences, heads and rows. Either as attention_pack
// leaves them, with zeros where a head is narrower than W, or as a product did, [sequences *
// capacity, heads * W].
struct Heads {
    const u16* first;
    long long sequence, head;
    int row, rows;  // rows: of a sequence

    // length: of packed heads, 0 = they are not packed.
    __device__ __forceinline__ Heads(const u16* first, int heads, int width, int length,
                                     int capacity, int rows)
        : first(first),
          sequence(static_cast<long long>(heads) * width * (length > 0 ? length : capacity)),
          head(length > 0 ? static_cast<long long>(length) * width : width),
          row(length > 0 ? width : heads * width),
          rows(rows) {}

    __device__ __forceinline__ const u16* at(int sequence, int head, int row) const {
        return first + sequence * this->sequence + head * this->head +
               static_cast<long long>(row) * this->row;
    }
};

// Starts the copy of ROWS rows of a head, from one on, to a tile; beyond the last they are zeros.
template <int W, int ROWS>
__device__ __forceinline__ void copy_tile(u16* to, const Heads& from, int sequence, int head,
                                          int row) {
    const u16* first = from.at(sequence, head, row);
    int there = from.rows - row;
#pragma unroll
    for (int i = threadIdx.x; i < ROWS * (W / 8); i += MMA_THREADS) {
        int r = i / (W / 8), c = i % (W / 8) * 8;
        copy_async(to + r * TileRow<W>::STRIDE + c, first + (r < there ? r * from.row + c : 0),
                   r < there);
    }
}

// How scores become powers of 2: capped or not, a weight is 2^(factor * bounded(product) - ..).
struct Scores {
    float factor, inner;  // inner = 0: no cap

    __device__ __forceinline__ Scores(const Attention& a)
        : factor((a.soft_cap > 0 ? a.soft_cap : a.scale) * LOG2_E),
          inner(a.soft_cap > 0 ? a.scale / a.soft_cap : 0) {}
};

// The keys that some query of rows step..step+count-1 sees begin at least, those that all of them
// see at most; both the same in all lanes of a warp.
__device__ __forceinline__ void first_keys(const Attention& a, int sequence, int step, int count,
                                           int& least, int& most) {
    int last = min(a.steps, step + count) - 1;
    if (a.starts == nullptr) {
        least = a.from(sequence, step);
        most = a.from(sequence, last);
        return;
    }
    least = a.keys();
    most = 0;
    for (int i = step + threadIdx.x % 32; i <= last; i += 32) {
        int from = a.from(sequence, i);
        least = min(least, from);
        most = max(most, from);
    }
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2) {
        least = min(least, __shfl_xor_sync(ALL_LANES, least, bits));
        most = max(most, __shfl_xor_sync(ALL_LANES, most, bits));
    }
}

// Makes the kernels of each width that is a multiple of 16, or of the one that ATTENTION_WIDTH
// says.
#ifdef ATTENTION_WIDTH
#define MMA_WIDTHS(KERNELS) WITH_WIDTH(KERNELS, ATTENTION_WIDTH)
#else
#define MMA_WIDTHS(KERNELS) KERNELS(64) KERNELS(128) KERNELS(256)
#endif
