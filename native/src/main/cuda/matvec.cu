// module: common formats matvec
// Products of few rows with a weight of any format, read once in the form that it is stored in:
// decoding a token is limited by this reading. x [N, I], out [N, O], w [O, I].
//
// A block of 4 warps computes 2 outputs: each lane decodes 8 elements of both rows in registers and
// multiplies them with the 8 elements of x that it holds; the warps share the inner dimension, so
// that a small layer, too, has enough loads in flight to fill the memory's pipeline. More outputs a
// block would read x less often, but x comes from the cache.

#define OUTPUTS 2
#define MATVEC_THREADS 128
#define MATVEC_WARPS (MATVEC_THREADS / 32)

// Elements e..e+7 of a row of x.
__device__ __forceinline__ void load8(const float* x, bool vectors, float* v) {
    if (vectors) {
        float4 a = load4(x), b = load4(x + 4);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z,
        v[7] = b.w;
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = x[i];
    }
}

// Adds each thread's share of ROWS rows of x times OUTPUTS rows of w.
template <class Format, int ROWS>
__device__ __forceinline__ void multiply(float (&sums)[OUTPUTS][ROWS],
                                         const float* const (&x)[ROWS],
                                         const u8* const (&w)[OUTPUTS], int inputs) {
    bool vectors = aligned16(x[0]) && inputs % 4 == 0;
    if (!Format::FLOATS || (inputs % 8 == 0 && aligned16(w[0]))) {
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

// out[row + r, o] for the block's outputs; rows beyond the last are computed from the last and not
// stored.
template <class Format, int ROWS>
__device__ __forceinline__ void matvec(float* out, const float* x, const void* w, const float* bias,
                                       int row, int rows, int inputs, int outputs, int input_row) {
    __shared__ float scratch[MATVEC_WARPS][OUTPUTS][ROWS];
    const u8* weights[OUTPUTS];
    const float* inputs_of[ROWS];
    float sums[OUTPUTS][ROWS] = {};
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) {
        long long output = min(static_cast<int>(blockIdx.x) * OUTPUTS + o, outputs - 1);
        weights[o] = static_cast<const u8*>(w) + output * Format::row_bytes(inputs);
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        inputs_of[r] =
            x + static_cast<long long>(min(input_row + r, input_row + rows - row - 1)) * inputs;
    }
    multiply<Format, ROWS>(sums, inputs_of, weights, inputs);
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) {
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            float sum = warp_sum(sums[o][r]);
            if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32][o][r] = sum;
        }
    }
    __syncthreads();
    if (threadIdx.x < OUTPUTS * ROWS) {
        int o = threadIdx.x / ROWS, r = threadIdx.x % ROWS, output = blockIdx.x * OUTPUTS + o;
        if (output < outputs && row + r < rows) {
            float sum = bias == nullptr ? 0 : bias[output];
#pragma unroll
            for (int i = 0; i < MATVEC_WARPS; i++) sum += scratch[i][o][r];
            out[static_cast<long long>(row + r) * outputs + output] = sum;
        }
    }
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
        matvec<Format, 1>(out, x, expert, nullptr, row, rows, inputs, outputs, row / per_input);
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

#define MATVEC_KERNELS(name, Format)                                                               \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                       \
        matvec_##name(float* out, const float* x, const void* w, const float* bias, int rows,      \
                      int inputs, int outputs) {                                                   \
        matvec<Format, 1>(out, x, w, bias, blockIdx.y, rows, inputs, outputs, blockIdx.y);         \
    }                                                                                              \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                       \
        matvec4_##name(float* out, const float* x, const void* w, const float* bias, int rows,     \
                       int inputs, int outputs) {                                                  \
        matvec<Format, 4>(out, x, w, bias, blockIdx.y * 4, rows, inputs, outputs, blockIdx.y * 4); \
    }                                                                                              \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                       \
        expert_linear_##name(float* out, const float* x, const void* w, const int* experts,        \
                             int rows, int per_input, int inputs, int outputs) {                   \
        expert_linear<Format>(out, x, w, experts, rows, per_input, inputs, outputs);               \
    }                                                                                              \
    KERNEL __launch_bounds__(MATVEC_THREADS)                                                       \
        expert_input_##name(float* dx, const float* dout, const void* w, const int* experts,       \
                            int rows, int per_input, int inputs, int outputs) {                    \
        for (int row = blockIdx.y; row < rows; row += gridDim.y) {                                 \
            expert_input<Format>(dx, dout, w, experts, row, per_input, inputs, outputs);           \
        }                                                                                          \
    }

FORMATS(MATVEC_KERNELS)
