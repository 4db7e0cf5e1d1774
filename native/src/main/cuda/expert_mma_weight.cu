// module: common tiles fast mma mma_products expert_mma_weight
// The derivative of products with experts by their weights, on tensor cores. x and dout are in
// bf16, in rows of a multiple of 8; order and starts from group_rows in experts.cu.

// Columns of rows that the order names, from `base` on; a column beyond the last is a neighbour
// again, whose results are not written. Rows beyond the last are zeros.
struct ChosenColumns : Copied {
    const u16* x;
    const int* order;
    int stride, count, per_input, base;

    __device__ __forceinline__ ChosenColumns(const u16* x, int stride, const int* order, int count,
                                             int per_input, int base)
        : x(x), order(order), stride(stride), count(count), per_input(per_input), base(base) {}

    __device__ __forceinline__ void start(u16* to, int k) const {
        int column = threadIdx.x % 16 * 8, from = min(base + column, stride - 8);
#pragma unroll
        for (int i = 0; i < STEP / 8; i++) {
            int row = threadIdx.x / 16 + 8 * i;
            int chosen = order[min(k + row, count - 1)] / per_input;
            copy_async(to + row * Down<PRODUCT_COLUMNS>::STRIDE + column,
                       x + static_cast<long long>(chosen) * stride + from, k + row < count);
        }
    }
};

// dw[e] += the sum of dout[i]^T x[i / per_input] over the rows i of expert e; dw [E, O, I]. Grid
// (tiles of a weight, E).
KERNEL __launch_bounds__(MMA_THREADS, 2)
    expert_mma_weight(float* dw, const u16* dout, const u16* x, const int* order, const int* starts,
                      int per_input, int inputs, int input_stride, int outputs, int output_stride) {
    typedef Down<PRODUCT_COLUMNS> Tile;
    constexpr int ROWS = 128, M = ROWS / 32;
    int expert = blockIdx.y, begin = starts[expert], count = starts[expert + 1] - begin;
    if (count == 0) return;
    int2 place = tile_of_block((outputs + ROWS - 1) / ROWS,
                               (inputs + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS);
    int output = place.x * ROWS, input = place.y * PRODUCT_COLUMNS;
    int rows = outputs - output, columns = inputs - input;
    ChosenColumns left(dout, output_stride, order + begin, count, 1, output);
    ChosenColumns right(x, input_stride, order + begin, count, per_input, input);
    float sums[M][PRODUCT_N][4] = {};
    multiply<Tile, Tile>(sums, left, right, count,
                         warp_first_row<M>() >= rows || warp_first_column() >= columns);
    store_product(sums, rows, columns, inputs % 2 == 0, true, [&](int row) {
        return dw + (static_cast<long long>(expert) * outputs + output + row) * inputs + input;
    });
}
