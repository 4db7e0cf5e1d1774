// module: common activations elements elementwise
// Operations on each element by itself.

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
