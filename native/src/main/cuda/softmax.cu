// module: common softmax
// Softmax of rows, and cross-entropy over a vocabulary. x, out, logits [N, C]. A block takes a row
// and reads it once to find both the largest value and the sum of exponentials (Milakov and
// Gimelshein 2018).

// The largest value so far and the sum of exponentials, relative to it.
struct Exponentials {
    float largest, sum;

    __device__ __forceinline__ void take(float value) {
        if (value > largest) {
            sum = sum * expf(largest - value) + 1;
            largest = value;
        } else if (value != MINUS_INFINITY) {  // what is not a number comes here and stays visible
            sum += expf(value - largest);
        }
    }

    // Over the block, in every thread.
    __device__ __forceinline__ void reduce(float* scratch) {
        float all = block_max(largest, scratch);
        sum = block_sum(sum == 0 ? 0 : sum * expf(largest - all), scratch);
        largest = all;
    }
};

__device__ __forceinline__ Exponentials row_exponentials(const float* x, int columns,
                                                         float* scratch) {
    Exponentials e = {MINUS_INFINITY, 0};
    each_column(
        columns, elements_to_alignment(x, columns),
        [&](int c) {
            float4 v = load4(x + c);
            e.take(v.x);
            e.take(v.y);
            e.take(v.z);
            e.take(v.w);
        },
        [&](int c) { e.take(x[c]); });
    e.reduce(scratch);
    return e;
}

// out may be x.
KERNEL softmax(float* out, const float* x, int columns) {
    __shared__ float scratch[32];
    x += static_cast<long long>(blockIdx.x) * columns;
    out += static_cast<long long>(blockIdx.x) * columns;
    Exponentials e = row_exponentials(x, columns, scratch);
    float factor = 1 / e.sum;
    each_column(
        columns, aligned16(out, x),
        [&](int c) {
            float4 v = load4(x + c);
            store4(out + c,
                   make_float4(expf(v.x - e.largest) * factor, expf(v.y - e.largest) * factor,
                               expf(v.z - e.largest) * factor, expf(v.w - e.largest) * factor));
        },
        [&](int c) { out[c] = expf(x[c] - e.largest) * factor; });
}

// dx += out * (dout - sum(dout * out)).
KERNEL softmax_backward(float* dx, const float* dout, const float* out, int columns) {
    __shared__ float scratch[32];
    long long row = static_cast<long long>(blockIdx.x) * columns;
    dx += row, dout += row, out += row;
    float sum = 0;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += dout[c] * out[c];
    sum = block_sum(sum, scratch);
    for (int c = threadIdx.x; c < columns; c += blockDim.x) dx[c] += out[c] * (dout[c] - sum);
}

// losses[n] = lse[n] - logits[n, targets[n]], 0 where the target is -1; lse [N].
KERNEL cross_entropy(float* losses, float* lse, const float* logits, const int* targets,
                     int columns) {
    __shared__ float scratch[32];
    logits += static_cast<long long>(blockIdx.x) * columns;
    Exponentials e = row_exponentials(logits, columns, scratch);
    if (threadIdx.x == 0) {
        float log_sum = e.largest + logf(e.sum);
        int target = targets[blockIdx.x];
        lse[blockIdx.x] = log_sum;
        losses[blockIdx.x] = target < 0 ? 0 : log_sum - logits[target];
    }
}

// The derivative of a row's logits: factor * (exp(logit - lse) - (v == target)).
struct Slope {
    int target;
    float factor, log_sum;

    __device__ __forceinline__ Slope(const float* dlosses, const float* lse, const int* targets)
        : target(targets[blockIdx.x]),
          factor(target < 0 ? 0 : dlosses[blockIdx.x]),
          log_sum(lse[blockIdx.x]) {}

    // A row without derivative becomes 0 whatever it held, infinities included.
    __device__ __forceinline__ float operator()(float value, int v) const {
        return factor == 0 ? 0 : factor * (expf(value - log_sum) - (v == target ? 1.0f : 0.0f));
    }
};

// In place, so that the largest tensor of a step exists once:
// logits[n, v] = dlosses[n] * (exp(logits[n, v] - lse[n]) - (v == targets[n])), 0 where the target
// is -1.
KERNEL cross_entropy_backward(float* logits, const float* dlosses, const float* lse,
                              const int* targets, int columns) {
    logits += static_cast<long long>(blockIdx.x) * columns;
    Slope slope(dlosses, lse, targets);
    each_column(
        columns, elements_to_alignment(logits, columns),
        [&](int c) {
            float4 v = load4(logits + c);
            store4(logits + c, make_float4(slope(v.x, c), slope(v.y, c + 1), slope(v.z, c + 2),
                                           slope(v.w, c + 3)));
        },
        [&](int c) { logits[c] = slope(logits[c], c); });
}
