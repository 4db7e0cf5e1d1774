// module: common formats expert_tiles
// Products of many rows with the weights of the experts that they chose: rows of one expert are
// multiplied together, so that its weight is read once for 64 of them. x [rows / per_input, I], w
// [E, O, I] of any format, out [rows, O]; order and tiles from group_rows in experts.cu.

#define TILE 64
#define DEPTH 32
#define TILE_THREADS 256
#define TILE_STRIDE (TILE + 4)

// Elements k..k+7 of a row of x; 0 beyond the last, and in a row that is absent.
__device__ __forceinline__ void input_eight(const float* row, int k, int inputs, float* v) {
    if (row != nullptr && k + 8 <= inputs && aligned16(row + k)) {
        float4 a = load4(row + k), b = load4(row + k + 4);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
        v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = row != nullptr && k + i < inputs ? row[k + i] : 0;
    }
}

// The same of a row of a weight.
template <class Format>
__device__ __forceinline__ void weight_eight(const u8* row, int k, int inputs, float* v) {
    if (row != nullptr && k < inputs && (!Format::FLOATS || (inputs % 8 == 0 && aligned16(row)))) {
        float scale, offset;
        Format::eight(row, k, v, scale, offset);
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = scale * v[i] + offset;
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++)
            v[i] = row != nullptr && k + i < inputs ? Format::one(row, k + i) : 0;
    }
}

// A block of 16 x 16 threads takes 64 outputs (blockIdx.x) of a tile of rows (blockIdx.y); a thread
// has 4 x 4 of them. Both factors go through shared memory, transposed.
template <class Format>
__device__ __forceinline__ void expert_tile(float* out, const float* x, const void* w,
                                            const int* order, const int* tiles, int per_input,
                                            int inputs, int outputs) {
    __shared__ __align__(16) float left[DEPTH][TILE_STRIDE], right[DEPTH][TILE_STRIDE];
    const int* tile = tiles + 3 * blockIdx.y;
    int expert = tile[0], first = tile[1], rows = tile[2], base = blockIdx.x * TILE;
    if (rows == 0) return;
    // A thread loads 8 elements of one row of each factor.
    int row = threadIdx.x % TILE, depth = threadIdx.x / TILE * 8;
    const float* input =
        row < rows ? x + static_cast<long long>(order[first + row] / per_input) * inputs : nullptr;
    const u8* weight = base + row < outputs
                           ? static_cast<const u8*>(w) +
                                 (static_cast<long long>(expert) * outputs + base + row) *
                                     Format::row_bytes(inputs)
                           : nullptr;
    int up = threadIdx.x / 16 * 4, across = threadIdx.x % 16 * 4;
    float sums[4][4] = {};
    for (int k = 0; k < inputs; k += DEPTH) {
        float a[8], b[8];
        input_eight(input, k + depth, inputs, a);
        weight_eight<Format>(weight, k + depth, inputs, b);
        __syncthreads();  // the tiles of the round before are no longer read
#pragma unroll
        for (int i = 0; i < 8; i++) left[depth + i][row] = a[i], right[depth + i][row] = b[i];
        __syncthreads();
#pragma unroll
        for (int d = 0; d < DEPTH; d++) {
            float4 p = load4(&left[d][up]), q = load4(&right[d][across]);
            float u[4] = {p.x, p.y, p.z, p.w}, v[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++) sums[i][j] += u[i] * v[j];
            }
        }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if (up + i >= rows) break;
        float* to = out + static_cast<long long>(order[first + up + i]) * outputs + base + across;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (base + across + j < outputs) to[j] = sums[i][j];
        }
    }
}

#define EXPERT_TILE_KERNELS(name, Format)                                                         \
    KERNEL __launch_bounds__(TILE_THREADS)                                                        \
        expert_tiles_##name(float* out, const float* x, const void* w, const int* order,          \
                            const int* tiles, int per_input, int inputs, int outputs) {           \
        expert_tile<Format>(out, x, w, order, tiles, per_input, inputs, outputs);                 \
    }

FORMATS(EXPERT_TILE_KERNELS)
