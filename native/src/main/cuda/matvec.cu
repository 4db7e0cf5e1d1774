// module: common activations formats integers matvec
// Products of few rows with weights of any format, read once in the form that they are stored in:
// decoding a token is limited by this reading. x [N, I], out [N, O], w [O, I].
//
// Weights that are floats: a block of 4 warps computes 2 outputs, or 4 of large layers. Each lane
// multiplies 8 elements of each row of the weight with the 8 elements of x that it holds; the warps
// share the inner dimension, so that a small layer, too, has enough loads in flight to fill the
// memory's pipeline. Weights in blocks: so many instructions for each would take longer than to
// read them, so the block rounds x to integers (integers.cu), and each warp computes 2 outputs,
// or 4.
//
// What a row of x becomes does not depend on how many rows or outputs a block takes.

#define MATVEC_THREADS 128
#define MATVEC_WARPS (MATVEC_THREADS / 32)

// Adds each thread's share of ROWS rows of x times OUTPUTS rows of w.
template <class Format, int OUTPUTS, int ROWS>
__device__ __forceinline__ void multiply(float (&sums)[OUTPUTS][ROWS],
                                         const float* const (&x)[ROWS],
                                         const u8* const (&w)[OUTPUTS], int inputs) {
    bool vectors = aligned16(x[0]) && inputs % 4 == 0;
    if (inputs % 8 == 0 && aligned16(w[0])) {
#pragma unroll 2
        for (int e = threadIdx.x * 8; e < inputs; e += MATVEC_THREADS * 8) {
            float q[OUTPUTS][8], scale[OUTPUTS], offset[OUTPUTS];
#pragma unroll
            for (int o = 0; o < OUTPUTS; o++) Format::eight(w[o], e, q[o], scale[o], offset[o]);
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                float v[8], total = 0;
                load8(x[r] + e, vectors, v);
#pragma unroll
                for (int i = 0; i < 8; i++) total += v[i];
#pragma unroll
                for (int o = 0; o < OUTPUTS; o++) {
                    float dot = 0;
#pragma unroll
                    for (int i = 0; i < 8; i++) dot += q[o][i] * v[i];
                    sums[o][r] += scale[o] * dot + offset[o] * total;
                }
            }
        }
    } else {
        for (int e = threadIdx.x; e < inputs; e += MATVEC_THREADS) {
#pragma unroll
            for (int o = 0; o < OUTPUTS; o++) {
                float value = Format::one(w[o], e);
#pragma unroll
                for (int r = 0; r < ROWS; r++) sums[o][r] += value * x[r][e];
            }
        }
    }
}

// The shares of the warps of some outputs of a block.
template <int OUTPUTS, int ROWS>
struct Shares {
    float of[MATVEC_WARPS][OUTPUTS][ROWS];

    // The product of a row and an output.
    __device__ __forceinline__ float sum(int o, int r) const {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < MATVEC_WARPS; i++) sum += of[i][o][r];
        return sum;
    }
};

// Multiplies rows row.. of x with rows of weights; rows of x beyond the last are the last again.
template <class Format, int OUTPUTS, int ROWS>
__device__ __forceinline__ void multiply_rows(Shares<OUTPUTS, ROWS>& shares, const float* x,
                                              const u8* const (&weights)[OUTPUTS], int row,
                                              int rows, int inputs) {
    const float* inputs_of[ROWS];
    float sums[OUTPUTS][ROWS] = {};
#pragma unroll
    for (int r = 0; r < ROWS; r++)
        inputs_of[r] = x + static_cast<long long>(min(row + r, rows - 1)) * inputs;
    multiply<Format, OUTPUTS, ROWS>(sums, inputs_of, weights, inputs);
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) {
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            float sum = warp_sum(sums[o][r]);
            if (threadIdx.x % 32 == 0) shares.of[threadIdx.x / 32][o][r] = sum;
        }
    }
    __syncthreads();
}

template <class Format>
__device__ __forceinline__ const u8* weight_row(const void* w, int output, int inputs) {
    return static_cast<const u8*>(w) + output * Format::row_bytes(inputs);
}

// The outputs of a block, of which a block of floats, or a warp of others, computes so many.
template <class Format, int OUTPUTS>
__device__ __forceinline__ constexpr int outputs_of_block() {
    return Format::FLOATS ? OUTPUTS : OUTPUTS * MATVEC_WARPS;
}

// Multiplies rows row.. of x with WEIGHTS rows of weights for each output: weight(output, k) is
// where one begins; store(output, r, sums) is called by one thread for each output and row.
template <class Format, int WEIGHTS, int OUTPUTS, int ROWS, class Weight, class Store>
__device__ __forceinline__ void products(const float* x, int block, int row, int rows, int inputs,
                                         Weight weight, Store store) {
    const u8* w[OUTPUTS * WEIGHTS];
    int lane = threadIdx.x % 32;
    int first = (Format::FLOATS ? block : block * MATVEC_WARPS + threadIdx.x / 32) * OUTPUTS;
#pragma unroll
    for (int i = 0; i < OUTPUTS * WEIGHTS; i++) w[i] = weight(first + i / WEIGHTS, i % WEIGHTS);
    float mine[WEIGHTS];
    if constexpr (Format::FLOATS) {
        __shared__ Shares<OUTPUTS * WEIGHTS, ROWS> shares;
        multiply_rows<Format, OUTPUTS * WEIGHTS, ROWS>(shares, x, w, row, rows, inputs);
        int o = threadIdx.x / ROWS, r = threadIdx.x % ROWS;
        if (o >= OUTPUTS || row + r >= rows) return;
#pragma unroll
        for (int k = 0; k < WEIGHTS; k++) mine[k] = shares.sum(o * WEIGHTS + k, r);
        store(first + o, row + r, mine);
    } else {
        __shared__ IntegerRows<ROWS> tile;
        float sums[OUTPUTS * WEIGHTS][ROWS] = {};
        multiply_integers<Format, OUTPUTS * WEIGHTS, ROWS>(sums, tile, x, w, row, rows, inputs);
#pragma unroll
        for (int i = 0; i < OUTPUTS * ROWS; i++) {
            int o = i / ROWS, r = i % ROWS;
#pragma unroll
            for (int k = 0; k < WEIGHTS; k++) mine[k] = warp_sum(sums[o * WEIGHTS + k][r]);
            if (lane == i && row + r < rows) store(first + o, row + r, mine);
        }
    }
}

// A linear layer; add: what it gives is added to out.
struct Layer {
    float* out;
    const void* w;
    const float* bias;
    int outputs;
    int add;
};

// The outputs of block number `block` of a layer, for rows row..
template <class Format, int OUTPUTS, int ROWS>
__device__ __forceinline__ void matvec(const Layer& layer, const float* x, int block, int row,
                                       int rows, int inputs) {
    products<Format, 1, OUTPUTS, ROWS>(
        x, block, row, rows, inputs,
        [&](int output, int) {
            return weight_row<Format>(layer.w, min(output, layer.outputs - 1), inputs);
        },
        [&](int output, int r, const float (&sums)[1]) {
            if (output >= layer.outputs) return;
            float* to = layer.out + static_cast<long long>(r) * layer.outputs + output;
            float sum = layer.bias == nullptr ? sums[0] : layer.bias[output] + sums[0];
            *to = layer.add ? *to + sum : sum;
        });
}

// Up to three layers with the same x; one that is absent has no outputs.
template <class Format, int OUTPUTS, int ROWS>
__device__ __forceinline__ void matvecs(const Layer (&layers)[3], const float* x, int rows,
                                        int inputs) {
    int block = blockIdx.x, chosen = 0;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        constexpr int EACH = outputs_of_block<Format, OUTPUTS>();
        int blocks = (layers[i].outputs + EACH - 1) / EACH;
        if (chosen == i && block >= blocks) block -= blocks, chosen++;
    }
    Layer layer = chosen == 0 ? layers[0] : chosen == 1 ? layers[1] : layers[2];
    matvec<Format, OUTPUTS, ROWS>(layer, x, block, blockIdx.y * ROWS, rows, inputs);
}

// out = activation(gate x) * (up x).
template <class Format, int ROWS>
__device__ __forceinline__ void gated_matvec(float* out, const float* x, const void* gate,
                                             const void* up, const float* gate_bias,
                                             const float* up_bias, int rows, int inputs,
                                             int outputs, int kind) {
    products<Format, 2, Format::FLOATS ? 1 : 2, ROWS>(
        x, blockIdx.x, blockIdx.y * ROWS, rows, inputs,
        [&](int output, int k) {
            return weight_row<Format>(k == 0 ? gate : up, min(output, outputs - 1), inputs);
        },
        [&](int output, int r, const float (&sums)[2]) {
            if (output >= outputs) return;
            float g = gate_bias == nullptr ? sums[0] : gate_bias[output] + sums[0];
            float u = up_bias == nullptr ? sums[1] : up_bias[output] + sums[1];
            WITH_ACTIVATION(kind, g = activation<KIND>(g));
            out[static_cast<long long>(r) * outputs + output] = g * u;
        });
}

// Each row of out is that of x / per_input times the weight of the expert it chose. Blocks walk
// over the rows, of which there may be more than a grid has in this direction.
template <class Format>
__device__ __forceinline__ void expert_linear(float* out, const float* x, const void* w,
                                              const int* experts, int rows, int per_input,
                                              int inputs, int outputs) {
    for (int row = blockIdx.y; row < rows; row += gridDim.y) {
        const u8* expert =
            static_cast<const u8*>(w) + experts[row] * outputs * Format::row_bytes(inputs);
        Layer layer = {out + static_cast<long long>(row) * outputs, expert, nullptr, outputs, 0};
        matvec<Format, 2, 1>(layer, x + static_cast<long long>(row / per_input) * inputs,
                             blockIdx.x, 0, 1, inputs);
        __syncthreads();  // before the next row's sums
    }
}

// dx[r] += the sum over its chosen experts, in their order, of dout[i] w[experts[i]]. A thread owns
// 8 columns.
template <class Format>
__device__ __forceinline__ void expert_input(float* dx, const float* dout, const void* w,
                                             const int* experts, int row, int per_input, int inputs,
                                             int outputs) {
    bool eights = !Format::FLOATS || (inputs % 8 == 0 && aligned16(w));
    // Columns of a thread are neighbours, or a block's width apart where they are read one by one.
    int first = blockIdx.x * MATVEC_THREADS * 8 + (eights ? threadIdx.x * 8 : threadIdx.x);
    int step = eights ? 1 : MATVEC_THREADS;
    float sums[8] = {};
    for (int u = 0; u < per_input; u++) {
        long long i = static_cast<long long>(row) * per_input + u;
        const u8* expert =
            static_cast<const u8*>(w) + experts[i] * outputs * Format::row_bytes(inputs);
        for (int o = 0; o < outputs && first < inputs; o++) {
            const u8* weights = expert + o * Format::row_bytes(inputs);
            float factor = dout[i * outputs + o];
            if (eights) {
                float q[8], scale, offset;
                Format::eight(weights, first, q, scale, offset);
#pragma unroll
                for (int k = 0; k < 8; k++) sums[k] += factor * (scale * q[k] + offset);
            } else {
#pragma unroll
                for (int k = 0; k < 8; k++) {
                    int c = first + k * step;
                    if (c < inputs) sums[k] += factor * Format::one(weights, c);
                }
            }
        }
    }
    for (int k = 0; k < 8; k++) {
        int c = first + k * step;
        if (c < inputs) dx[static_cast<long long>(row) * inputs + c] += sums[k];
    }
}

#define MATVEC_KERNEL(kernel, Format, OUTPUTS, ROWS)                                              \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                      \
        kernel(const float* x, int rows, int inputs, int add, float* out0, const void* w0,        \
               const float* bias0, int outputs0, float* out1, const void* w1, const float* bias1, \
               int outputs1, float* out2, const void* w2, const float* bias2, int outputs2) {     \
        const Layer layers[3] = {{out0, w0, bias0, outputs0, add},                                \
                                 {out1, w1, bias1, outputs1, add},                                \
                                 {out2, w2, bias2, outputs2, add}};                               \
        matvecs<Format, OUTPUTS, ROWS>(layers, x, rows, inputs);                                  \
    }

#define GATED_KERNEL(kernel, Format, ROWS)                                                      \
    KERNEL __launch_bounds__(MATVEC_THREADS) kernel(                                            \
        float* out, const float* x, const void* gate, const void* up, const float* gate_bias,   \
        const float* up_bias, int rows, int inputs, int outputs, int kind) {                    \
        gated_matvec<Format, ROWS>(out, x, gate, up, gate_bias, up_bias, rows, inputs, outputs, \
                                   kind);                                                       \
    }

#define KERNELS_OF_1(name, Format)                  \
    MATVEC_KERNEL(matvec_##name, Format, 2, 1)      \
    MATVEC_KERNEL(matvec_wide_##name, Format, 4, 1) \
    GATED_KERNEL(gated_matvec_##name, Format, 1)
#define KERNELS_OF_2(name, Format)              \
    MATVEC_KERNEL(matvec2_##name, Format, 2, 2) \
    GATED_KERNEL(gated_matvec2_##name, Format, 2)
#define KERNELS_OF_4(name, Format)              \
    MATVEC_KERNEL(matvec4_##name, Format, 2, 4) \
    GATED_KERNEL(gated_matvec4_##name, Format, 4)
#define KERNELS_OF_8(name, Format)              \
    MATVEC_KERNEL(matvec8_##name, Format, 2, 8) \
    GATED_KERNEL(gated_matvec8_##name, Format, 8)
#define EXPERT_KERNELS(name, Format)                                                         \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                 \
        expert_linear_##name(float* out, const float* x, const void* w, const int* experts,  \
                             int rows, int per_input, int inputs, int outputs) {             \
        expert_linear<Format>(out, x, w, experts, rows, per_input, inputs, outputs);         \
    }                                                                                        \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                 \
        expert_input_##name(float* dx, const float* dout, const void* w, const int* experts, \
                            int rows, int per_input, int inputs, int outputs) {              \
        for (int row = blockIdx.y; row < rows; row += gridDim.y) {                           \
            expert_input<Format>(dx, dout, w, experts, row, per_input, inputs, outputs);     \
        }                                                                                    \
    }

// Those for so many rows, or with MATVEC_ROWS 0 for experts; all if it is not defined. Each takes a
// second or two to compile.
#if !defined MATVEC_ROWS || MATVEC_ROWS == 0
FORMATS(EXPERT_KERNELS)
#endif
#if !defined MATVEC_ROWS || MATVEC_ROWS == 1
FORMATS(KERNELS_OF_1)
#endif
#if !defined MATVEC_ROWS || MATVEC_ROWS == 2
FORMATS(KERNELS_OF_2)
#endif
#if !defined MATVEC_ROWS || MATVEC_ROWS == 4
FORMATS(KERNELS_OF_4)
#endif
#if !defined MATVEC_ROWS || MATVEC_ROWS == 8
FORMATS(KERNELS_OF_8)
#endif
