// module: common optimizer
// AdamW (Loshchilov and Hutter 2019) over all tensors of a model in one launch: a table says which
// blocks belong to which tensor. Limited by memory: 16 bytes read and 12 written for each weight.

#define ADAMW_ELEMENTS 4096  // of a block of 256 threads; jllm.tensor.StochasticRounding.CHUNK

// A tensor of n weights: w, its gradient g, moments m and v, all float; rounded bf16 or absent.
struct Weights {
    long long first_block;  // blocks of the tensors before it
    float* w;
    const float* g;
    float* m;
    float* v;
    u16* rounded;
    long long n;
    float weight_decay;
    int padding;
};

struct AdamW {
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

// Rounds weights of a block: to nearest, or by the hash of their places.
struct Rounding {
    int stochastic;
    u32 key;

    __device__ __forceinline__ u16 of(float value, u32 place) const {
        u32 bits = __float_as_uint(value);
        if (!stochastic || (bits & 0x7fffffff) > 0x7f800000) return float_to_bf16(value);
        return static_cast<u16>((bits + (dropout_hash(key, place) >> 16)) >> 16);
    }
};

// Whether a number is none of infinity and NaN.
__device__ __forceinline__ bool is_finite(double value) {
    return fabs(value) <= 1.7976931348623157e308;
}

// totals: the sum of the losses of the step, and the norm of all gradients; nothing changes if one
// is not finite. Gradients are scaled down to the norm clip, if that is not 0.
KERNEL __launch_bounds__(256)
    adamw(const Weights* table, int entries, const double* totals, double clip, float learning_rate,
          float beta1, float beta2, float eps, float inverse1, float inverse2, int stochastic,
          long long seed) {
    double norm = totals[1];
    if (!is_finite(totals[0]) || !is_finite(norm)) return;
    int low = 0;
    for (int high = entries; high - low > 1;) {
        int middle = (low + high) / 2;
        if (table[middle].first_block <= blockIdx.x)
            low = middle;
        else
            high = middle;
    }
    const Weights t = table[low];
    float scale = clip > 0 && norm > clip ? static_cast<float>(clip / (norm + 1e-6)) : 1;
    const AdamW adamw = {learning_rate, beta1, beta2,    eps,
                         t.weight_decay, scale, inverse1, inverse2};
    const Rounding rounding = {stochastic, dropout_key(seed, blockIdx.x)};
    long long from = (blockIdx.x - t.first_block) * ADAMW_ELEMENTS;
    int count = static_cast<int>(min(static_cast<long long>(ADAMW_ELEMENTS), t.n - from));
    float *weights = t.w + from, *first = t.m + from, *second = t.v + from;
    const float* gradient = t.g + from;
    u16* rounded = t.rounded == nullptr ? nullptr : t.rounded + from;
    bool vectors = aligned16(weights, gradient, first) && aligned16(second, t.rounded);
    each_column(
        count, vectors,
        [&](int i) {
            float4 w = load4(weights + i), g = load4(gradient + i);
            float4 m = load4(first + i), v = load4(second + i);
            adamw.step(w.x, g.x, m.x, v.x);
            adamw.step(w.y, g.y, m.y, v.y);
            adamw.step(w.z, g.z, m.z, v.z);
            adamw.step(w.w, g.w, m.w, v.w);
            store4(weights + i, w);
            store4(first + i, m);
            store4(second + i, v);
            if (rounded != nullptr) {
                *reinterpret_cast<ushort4*>(rounded + i) =
                    make_ushort4(rounding.of(w.x, i), rounding.of(w.y, i + 1),
                                 rounding.of(w.z, i + 2), rounding.of(w.w, i + 3));
            }
        },
        [&](int i) {
            adamw.step(weights[i], gradient[i], first[i], second[i]);
            if (rounded != nullptr) rounded[i] = rounding.of(weights[i], i);
        });
}
