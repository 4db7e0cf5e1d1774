// module: common activations elements gradients
// Derivatives of operations on each element by itself.

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
