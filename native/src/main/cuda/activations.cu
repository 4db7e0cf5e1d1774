// Activations and their slopes, for kernels that apply them.

// Kinds as jllm.tensor.Activation counts them.
enum { SILU, GELU_TANH, GELU_ERF, RELU };
#define GELU_FACTOR 0.7978845608028654f  // sqrt(2 / pi)
#define GELU_CUBE 0.044715f

// (1 + tanh(z)) / 2 = 1 / (1 + exp(-2 z)), which keeps its digits where it tends to 0.
__device__ __forceinline__ float gelu_exponential(float x) {
    return expf(-2 * GELU_FACTOR * (x + GELU_CUBE * x * x * x));
}

template <int KIND>
__device__ __forceinline__ float activation(float x) {
    if (KIND == SILU) return x / (1 + expf(-x));
    if (KIND == GELU_TANH) return x / (1 + gelu_exponential(x));
    if (KIND == GELU_ERF)
        return 0.5f * x * erfcf(-x * 0.7071067811865476f);  // keeps its digits where x < 0
    return fmaxf(x, 0.0f);
}

template <int KIND>
__device__ __forceinline__ float activation_slope(float x) {
    if (KIND == SILU) {
        float sigmoid = 1 / (1 + expf(-x));
        return sigmoid * (1 + x * (1 - sigmoid));
    }
    if (KIND == GELU_TANH) {
        x = x > 20 ? 20 : x < -20 ? -20 : x;  // beyond it is 0 or 1, and x^2 would overflow
        float share = 1 / (1 + gelu_exponential(x));
        return share + 2 * x * share * (1 - share) * GELU_FACTOR * (1 + 3 * GELU_CUBE * x * x);
    }
    if (KIND == GELU_ERF) {
        return 0.5f * erfcf(-x * 0.7071067811865476f) +
               x * expf(-0.5f * x * x) * 0.3989422804014327f;
    }
    return x > 0 ? 1.0f : 0.0f;
}

// Runs body with KIND as a constant, so that the choice is made once and not for each element.
#define WITH_ACTIVATION(kind, body)         \
    switch (kind) {                         \
        case SILU: {                        \
            constexpr int KIND = SILU;      \
            body;                           \
            break;                          \
        }                                   \
        case GELU_TANH: {                   \
            constexpr int KIND = GELU_TANH; \
            body;                           \
            break;                          \
        }                                   \
        case GELU_ERF: {                    \
            constexpr int KIND = GELU_ERF;  \
            body;                           \
            break;                          \
        }                                   \
        default: {                          \
            constexpr int KIND = RELU;      \
            body;                           \
            break;                          \
        }                                   \
    }

