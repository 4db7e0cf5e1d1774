// Products of matrices by tensor cores, of operands in bf16: a block of 2 x 2 warps has ROWS x 128
// of the result in its registers and walks over the dimension that is summed up, 64 at a time.
// While the tiles of a step are multiplied those of the next one are brought to shared memory.

#define STEP 64
#define PRODUCT_COLUMNS 128
#define PRODUCT_N (PRODUCT_COLUMNS / 16)  // a warp has half of the columns, eight for each

// How a tile of an operand lies in shared memory. The summed dimension goes across: COUNT rows of
// 64. left, right: 16 rows or columns of the product, 16 of a step, as multiply_add takes them.
template <int COUNT>
struct Across {
    static constexpr bool ACROSS = true;
    static constexpr int WIDTH = STEP, STRIDE = TileRow<STEP>::STRIDE, SIZE = COUNT * STRIDE;
    __device__ __forceinline__ static void left(u32 (&to)[4], const u16* tile, int row, int k) {
        int lane = threadIdx.x % 32;
        load_matrices(to, tile + (row + lane % 16) * STRIDE + k + lane / 16 * 8);
    }
    __device__ __forceinline__ static void right(u32 (&to)[4], const u16* tile, int column, int k) {
        int lane = threadIdx.x % 32;
        load_matrices(
            to, tile + (column + lane % 8 + lane / 16 * 8) * STRIDE + k + lane / 8 % 2 * 8);
    }
};

// It goes down: 64 rows of COUNT.
template <int COUNT>
struct Down {
    static constexpr bool ACROSS = false;
    static constexpr int WIDTH = COUNT, STRIDE = TileRow<COUNT>::STRIDE, SIZE = STEP * STRIDE;
    __device__ __forceinline__ static void left(u32 (&to)[4], const u16* tile, int row, int k) {
        int lane = threadIdx.x % 32;
        load_transposed(to,
                        tile + (k + lane % 8 + lane / 16 * 8) * STRIDE + row + lane / 8 % 2 * 8);
    }
    __device__ __forceinline__ static void right(u32 (&to)[4], const u16* tile, int column, int k) {
        int lane = threadIdx.x % 32;
        load_transposed(to, tile + (k + lane % 16) * STRIDE + column + lane / 16 * 8);
    }
};

// What brings tiles of an operand to shared memory: start() begins to copy all of a step; read()
// and write() decode a quarter of it to registers and write it down, where it is not in bf16 yet.
struct Copied {
    static constexpr bool DECODES = false;
    __device__ __forceinline__ void read(int, int) {}
    __device__ __forceinline__ void write(u16*, int) {}
};

// The first row, and column, of a warp in the product of its block.
template <int M>
__device__ __forceinline__ int warp_first_row() {
    return threadIdx.x / 64 * 16 * M;
}
__device__ __forceinline__ int warp_first_column() {
    return threadIdx.x / 32 % 2 * (PRODUCT_COLUMNS / 2);
}

// sums += the products over 16 of a step.
template <class LeftTile, class RightTile, int M>
__device__ __forceinline__ void multiply_quarter(float (&sums)[M][PRODUCT_N][4], const u16* left,
                                                 const u16* right, int k) {
    u32 a[M][4];
#pragma unroll
    for (int m = 0; m < M; m++) LeftTile::left(a[m], left, warp_first_row<M>() + 16 * m, k);
#pragma unroll
    for (int n = 0; n < PRODUCT_N; n += 2) {
        u32 b[4];
        RightTile::right(b, right, warp_first_column() + 8 * n, k);
#pragma unroll
        for (int m = 0; m < M; m++) {
            multiply_add(sums[m][n], a[m], b[0], b[1]);
            multiply_add(sums[m][n + 1], a[m], b[2], b[3]);
        }
    }
}

// sums += left right, over `depth` of both; the left one has zeros up to a whole step. An idle warp
// has nothing of the result and only helps to bring the operands.
template <class LeftTile, class RightTile, int M, class Left, class Right>
__device__ __forceinline__ void multiply(float (&sums)[M][PRODUCT_N][4], Left& left, Right& right,
                                         int depth, bool idle) {
    constexpr int QUARTERS = STEP / 16, SIZE = LeftTile::SIZE + RightTile::SIZE;
    DYNAMIC_SHARED(u16, tiles);
    left.start(tiles, 0);
    right.start(tiles + LeftTile::SIZE, 0);
    commit_copies();
#pragma unroll 1
    for (int i = 0; i < QUARTERS; i++) {
        right.read(i, 0);
        right.write(tiles + LeftTile::SIZE, i);
    }
    int stage = 0;
#pragma unroll 1
    for (int k = 0; k < depth; k += STEP, stage = SIZE - stage) {
        const u16* now = tiles + stage;
        u16* next = tiles + SIZE - stage;
        await_copies();
        __syncthreads();  // this step's tiles are there, the next one's place is no longer read
        bool more = k + STEP < depth;
        if (more) {
            left.start(next, k + STEP);
            right.start(next + LeftTile::SIZE, k + STEP);
        }
        commit_copies();
        // What is not used is decoded, too: no branch among products.
        int then = more ? k + STEP : k;
        if (idle) {
#pragma unroll 1
            for (int i = 0; i < QUARTERS; i++) {
                right.read(i, then);
                right.write(next + LeftTile::SIZE, i);
            }
            continue;
        }
#pragma unroll(Right::DECODES ? 1 : QUARTERS)
        for (int i = 0; i < QUARTERS; i++) {
            right.read(i, then);
            multiply_quarter<LeftTile, RightTile>(sums, now, now + LeftTile::SIZE, 16 * i);
            right.write(next + LeftTile::SIZE, i);
        }
    }
}

// Two neighbours of a row of which so many are left. pairs: they are always both there, and
// aligned.
__device__ __forceinline__ float2 load_pair(const float* from, int left, bool pairs) {
    if (pairs && left > 0) return *reinterpret_cast<const float2*>(from);
    return make_float2(left > 0 ? from[0] : 0, left > 1 ? from[1] : 0);
}
__device__ __forceinline__ void store_pair(float* to, int left, bool pairs, float x, float y) {
    if (pairs && left > 0) {
        *reinterpret_cast<float2*>(to) = make_float2(x, y);
    } else {
        if (left > 0) to[0] = x;
        if (left > 1) to[1] = y;
    }
}

// Writes, or adds, a block's product of rows x columns; to(row) is where a row of it begins.
template <int M, class To>
__device__ __forceinline__ void store_product(const float (&sums)[M][PRODUCT_N][4], int rows,
                                              int columns, bool pairs, bool add, To to) {
    int first = warp_first_column() + lane_column();
    each_row<M>(warp_first_row<M>(), [&](int row, int m, int half) {
        if (row >= rows) return;
        float* at = to(row) + first;
        float2 before[PRODUCT_N];
#pragma unroll
        for (int n = 0; n < PRODUCT_N; n++) {
            before[n] = add ? load_pair(at + 8 * n, columns - first - 8 * n, pairs)
                            : make_float2(0, 0);
        }
#pragma unroll
        for (int n = 0; n < PRODUCT_N; n++) {
            store_pair(at + 8 * n, columns - first - 8 * n, pairs,
                       before[n].x + sums[m][n][2 * half], before[n].y + sums[m][n][2 * half + 1]);
        }
    });
}

// Which of rows x columns tiles a block takes: blocks that run together have a square of them, so
// that each part of the operands that they read serves many.
__device__ __forceinline__ int2 tile_of_block(int rows, int columns) {
    constexpr int BAND = 16;
    int band = blockIdx.x / (BAND * rows), place = blockIdx.x - band * BAND * rows;
    int width = min(BAND, columns - band * BAND);
    return make_int2(place / width, band * BAND + place % width);
}
