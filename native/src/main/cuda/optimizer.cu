// module: common optimizer
// AdamW (Loshchilov and Hutter 2019) over all tensors of a model in one launch: a table says which
// blocks belong to which tensor. Limited by memory: 16 bytes read and 12 written for each weight.

#define ADAMW_ELEMENTS 4096  // of a block of 256 threads

// A tensor of n weights: w, its gradient g, moments m and v, all float; rounded bf16 or absent.
struct AdamW {
    long long first_block;  // blocks of the tensors before it
    float* w;
    const float* g;
    float* m;
    float* v;
    u16* rounded;
    long long n;
    float learning_rate, beta1, beta2, eps, weight_decay, gradient_scale;
    float inverse1, inverse2;  // 1 / (1 - beta1^step), 1 / (1 - beta2^step)

    __device__ __forceinline__ void step(float& weight, float gradient, float& first,
                                         float& second) const {
        gradient *= gradient_scale;
        first = beta1 * first + (1 - beta1) * gradient;
        second = beta2 * second + (1 - beta2) * gradient * gradient;
        float change = first * inverse1 / (sqrtf(second * inverse2) + eps);
        weight -= learning_rate * (change + weight_decay * weight);
    }
};

KERNEL __launch_bounds__(256) adamw(const AdamW* table, int entries) {
    int low = 0;
    for (int high = entries; high - low > 1;) {
        int middle = (low + high) / 2;
        if (table[middle].first_block <= blockIdx.x)
            low = middle;
        else
            high = middle;
    }
    const AdamW t = table[low];
    long long from = (blockIdx.x - t.first_block) * ADAMW_ELEMENTS;
    long long to = from + ADAMW_ELEMENTS < t.n ? from + ADAMW_ELEMENTS : t.n;
    bool vectors = aligned16(t.w, t.g, t.m) && aligned16(t.v, t.rounded);
    long long at = from;
    if (vectors) {
        for (long long i = from + threadIdx.x * 4; i + 4 <= to; i += blockDim.x * 4) {
            float4 w = load4(t.w + i), g = load4(t.g + i), m = load4(t.m + i), v = load4(t.v + i);
            t.step(w.x, g.x, m.x, v.x);
            t.step(w.y, g.y, m.y, v.y);
            t.step(w.z, g.z, m.z, v.z);
            t.step(w.w, g.w, m.w, v.w);
            store4(t.w + i, w);
            store4(t.m + i, m);
            store4(t.v + i, v);
            if (t.rounded != nullptr) {
                *reinterpret_cast<ushort4*>(t.rounded + i) = make_ushort4(
                    float_to_bf16(w.x), float_to_bf16(w.y), float_to_bf16(w.z), float_to_bf16(w.w));
            }
        }
        at = to - (to - from) % 4;
    }
    for (long long i = at + threadIdx.x; i < to; i += blockDim.x) {
        t.step(t.w[i], t.g[i], t.m[i], t.v[i]);
        if (t.rounded != nullptr) t.rounded[i] = float_to_bf16(t.w[i]);
    }
}
