// module: common activations elementwise
// Operations on each element by itself. All arrays hold n floats; grids of any size (each thread
// strides). Limited by memory: 16 bytes a load where the addresses allow it.

// Calls four(i) for groups of 4 elements and one(i) for those that remain.
template <class Four, class One>
__device__ __forceinline__ void each(long long n, bool vectors, Four four, One one) {
    long long first = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
    long long groups = vectors ? n / 4 : 0;
    for (long long i = first; i < groups; i += stride) four(i * 4);
    for (long long i = groups * 4 + first; i < n; i += stride) one(i);
}

// out = op(a, b), or += with ADD and add. out is float, when it may be a or b, or, without ADD,
// bf16; so are a and b.
template <bool ADD, class Out, class In, class Op>
__device__ __forceinline__ void zip(Out* out, const In* a, const In* b, long long n, Op op,
                                    bool add = ADD) {
    each(
        n, aligned16(out, a, b),
        [&](long long i) {
            float4 x = load4(a + i), y = load4(b + i);
            float4 sum = make_float4(0, 0, 0, 0);
            if constexpr (ADD)
                if (add) sum = load4(out + i);
            store4(out + i, make_float4(sum.x + op(x.x, y.x), sum.y + op(x.y, y.y),
                                        sum.z + op(x.z, y.z), sum.w + op(x.w, y.w)));
        },
        [&](long long i) {
            float sum = ADD && add ? load1(out + i) : 0;
            store1(out + i, sum + op(load1(a + i), load1(b + i)));
        });
}

template <bool ADD, class Out, class Op>
__device__ __forceinline__ void map(Out* out, const float* a, long long n, Op op) {
    each(
        n, aligned16(out, a),
        [&](long long i) {
            float4 x = load4(a + i);
            float4 sum = make_float4(0, 0, 0, 0);
            if constexpr (ADD) sum = load4(out + i);
            store4(out + i,
                   make_float4(sum.x + op(x.x), sum.y + op(x.y), sum.z + op(x.z), sum.w + op(x.w)));
        },
        [&](long long i) { store1(out + i, (ADD ? out[i] : 0) + op(a[i])); });
}

KERNEL fill(float* out, float value, long long n) {
    each(
        n, aligned16(out),
        [&](long long i) { store4(out + i, make_float4(value, value, value, value)); },
        [&](long long i) { out[i] = value; });
}

KERNEL add(float* out, const float* a, const float* b, long long n) {
    zip<false>(out, a, b, n, [](float x, float y) { return x + y; });
}

KERNEL mul(float* out, const float* a, const float* b, long long n) {
    zip<false>(out, a, b, n, [](float x, float y) { return x * y; });
}

KERNEL scale(float* out, const float* x, float factor, long long n) {
    map<false>(out, x, n, [=](float v) { return v * factor; });
}

KERNEL soft_cap(float* out, const float* x, float cap, long long n) {
    map<false>(out, x, n, [=](float v) { return soft_capped(v, cap); });
}

KERNEL activate(float* out, const float* x, int kind, long long n){
    WITH_ACTIVATION(kind, map<false>(out, x, n, [](float v) { return activation<KIND>(v); }))}

KERNEL activate_bf16(u16* out, const float* x, int kind, long long n){
    WITH_ACTIVATION(kind, map<false>(out, x, n, [](float v) { return activation<KIND>(v); }))}

KERNEL gated(float* out, const float* gate, const float* up, int kind, long long n){
    WITH_ACTIVATION(kind, zip<false>(out, gate, up, n,
                                     [](float g, float u) { return activation<KIND>(g) * u; }))}

KERNEL gated_bf16(u16* out, const float* gate, const float* up, int kind, long long n){
    WITH_ACTIVATION(kind, zip<false>(out, gate, up, n,
                                     [](float g, float u) { return activation<KIND>(g) * u; }))}

KERNEL gated_bf16_of_bf16(u16* out, const u16* gate, const u16* up, int kind, long long n){
    WITH_ACTIVATION(kind, zip<false>(out, gate, up, n,
                                     [](float g, float u) { return activation<KIND>(g) * u; }))}

// out += x * factor.
KERNEL add_scaled(float* out, const float* x, float factor, long long n) {
    map<true>(out, x, n, [=](float v) { return v * factor; });
}

// out += a * b.
KERNEL add_product(float* out, const float* a, const float* b, long long n) {
    zip<true>(out, a, b, n, [](float x, float y) { return x * y; });
}

KERNEL soft_cap_backward(float* dx, const float* dout, const float* x, float cap, long long n) {
    zip<true>(dx, dout, x, n, [=](float g, float v) { return g * soft_cap_slope(v, cap); });
}

// dx +=, or = without add.
KERNEL activate_backward(float* dx, const float* dout, const float* x, int kind, int add,
                         long long n) {
    WITH_ACTIVATION(kind,
                    zip<true>(
                        dx, dout, x, n,
                        [](float g, float v) { return g * activation_slope<KIND>(v); }, add != 0))
}

// The same where x was rounded.
KERNEL activate_backward_of_bf16(float* dx, const float* dout, const u16* x, int kind, int add,
                                 long long n) {
    WITH_ACTIVATION(kind, each(n, false, [](long long) {}, [=](long long i) {
                        float change = dout[i] * activation_slope<KIND>(load1(x + i));
                        dx[i] = add ? dx[i] + change : change;
                    }))
}

// dx = dout * activation'(x), rounded.
KERNEL activate_gradient_bf16(u16* dx, const float* dout, const u16* x, int kind, long long n) {
    WITH_ACTIVATION(kind, each(n, false, [](long long) {}, [=](long long i) {
                        store1(dx + i, dout[i] * activation_slope<KIND>(load1(x + i)));
                    }))
}

template <int KIND>
__device__ __forceinline__ void gated_gradient(float& dgate, float& dup, float dout, float gate,
                                               float up) {
    dgate += dout * up * activation_slope<KIND>(gate);
    dup += dout * activation<KIND>(gate);
}

// Each of the derivatives, their operands and dout is float or bf16; what is bf16 is not added to.
template <int KIND, class T, class Dout, class In>
__device__ __forceinline__ void gated_gradients(T* dgate, T* dup, const Dout* dout, const In* gate,
                                                const In* up, bool add, long long n) {
    each(
        n, aligned16(dgate, dup, dout) && aligned16(gate, up),
        [&](long long i) {
            float4 dg = make_float4(0, 0, 0, 0), du = dg;
            if (add) dg = load4(dgate + i), du = load4(dup + i);
            float4 d = load4(dout + i), g = load4(gate + i), u = load4(up + i);
            gated_gradient<KIND>(dg.x, du.x, d.x, g.x, u.x);
            gated_gradient<KIND>(dg.y, du.y, d.y, g.y, u.y);
            gated_gradient<KIND>(dg.z, du.z, d.z, g.z, u.z);
            gated_gradient<KIND>(dg.w, du.w, d.w, g.w, u.w);
            store4(dgate + i, dg);
            store4(dup + i, du);
        },
        [&](long long i) {
            float dg = add ? load1(dgate + i) : 0, du = add ? load1(dup + i) : 0;
            gated_gradient<KIND>(dg, du, load1(dout + i), load1(gate + i), load1(up + i));
            store1(dgate + i, dg);
            store1(dup + i, du);
        });
}

// dgate, dup +=, or = without add.
#define GATED_BACKWARD_KERNEL(NAME, T, DOUT, IN)                                              \
    KERNEL NAME(T* dgate, T* dup, const DOUT* dout, const IN* gate, const IN* up, int kind,   \
                int add, long long n) {                                                       \
        WITH_ACTIVATION(kind, gated_gradients<KIND>(dgate, dup, dout, gate, up, add != 0, n)) \
    }
GATED_BACKWARD_KERNEL(gated_backward, float, float, float)
GATED_BACKWARD_KERNEL(gated_backward_of_bf16, float, float, u16)
GATED_BACKWARD_KERNEL(gated_backward_of_bf16_by_bf16, float, u16, u16)
GATED_BACKWARD_KERNEL(gated_backward_bf16_of_bf16, u16, float, u16)
GATED_BACKWARD_KERNEL(gated_backward_bf16_of_bf16_by_bf16, u16, u16, u16)

// out[n] += bias; out [rows, columns], rows stride elements apart.
template <class T>
__device__ __forceinline__ void add_biases(T* out, const float* bias, long long rows, int columns,
                                           int stride) {
    each(
        rows * columns, columns % 4 == 0 && stride % 4 == 0 && aligned16(out, bias),
        [&](long long i) {
            long long row = divide(i, columns);
            int c = static_cast<int>(i - row * columns);
            T* to = out + row * stride + c;
            float4 x = load4(to), b = load4(bias + c);
            store4(to, make_float4(x.x + b.x, x.y + b.y, x.z + b.z, x.w + b.w));
        },
        [&](long long i) {
            long long row = divide(i, columns);
            int c = static_cast<int>(i - row * columns);
            T* to = out + row * stride + c;
            store1(to, load1(to) + bias[c]);
        });
}

KERNEL add_bias(float* out, const float* bias, long long rows, int columns, int stride) {
    add_biases(out, bias, rows, columns, stride);
}

KERNEL add_bias_bf16(u16* out, const float* bias, long long rows, int columns, int stride) {
    add_biases(out, bias, rows, columns, stride);
}

// A block takes whole rows, so that the key of a row is computed once a thread.
template <bool ADD, class T, class In>
__device__ __forceinline__ void drop(T* out, const In* x, long long rows, int columns,
                                     long long seed, int threshold, float keep_scale) {
    for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
        u32 key = dropout_key(seed, row);
        const In* from = x + row * columns;
        T* to = out + row * columns;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            float value = dropout_keeps(key, c, threshold) ? load1(from + c) * keep_scale : 0;
            store1(to + c, ADD ? load1(to + c) + value : value);
        }
    }
}

KERNEL dropout(float* out, const float* x, long long rows, int columns, long long seed,
               int threshold, float keep_scale) {
    drop<false>(out, x, rows, columns, seed, threshold, keep_scale);
}

KERNEL dropout_of_bf16(float* out, const u16* x, long long rows, int columns, long long seed,
                       int threshold, float keep_scale) {
    drop<false>(out, x, rows, columns, seed, threshold, keep_scale);
}

KERNEL dropout_bf16_of_bf16(u16* out, const u16* x, long long rows, int columns, long long seed,
                            int threshold, float keep_scale) {
    drop<false>(out, x, rows, columns, seed, threshold, keep_scale);
}

KERNEL dropout_backward(float* dx, const float* dout, long long rows, int columns, long long seed,
                        int threshold, float keep_scale) {
    drop<true>(dx, dout, rows, columns, seed, threshold, keep_scale);
}

KERNEL dropout_backward_of_bf16(float* dx, const u16* dout, long long rows, int columns,
                                long long seed, int threshold, float keep_scale) {
    drop<true>(dx, dout, rows, columns, seed, threshold, keep_scale);
}

// out [rows, stride] = x [rows, columns]; what is beyond a row of x becomes 0.
KERNEL round_rows_bf16(u16* out, const float* x, long long rows, int columns, int stride) {
    each(
        rows * stride, columns == stride && aligned16(out, x),
        [&](long long i) {
            store4(out + i, load4(x + i));
        },
        [&](long long i) {
            long long row = divide(i, stride);
            int c = static_cast<int>(i - row * stride);
            out[i] = c < columns ? float_to_bf16(x[row * columns + c]) : 0;
        });
}

KERNEL round_bf16(u16* out, const float* x, long long n) {
    each(
        n, aligned16(out, x),
        [&](long long i) {
            store4(out + i, load4(x + i));
        },
        [&](long long i) { out[i] = float_to_bf16(x[i]); });
}
