// module: common experts
// Mixture of experts: which experts a row goes to, with what weights, and the derivatives of both.
// logits [N, E]; chosen I32 [N, U]. A warp takes a row where E is the inner dimension.

// The row of this warp; at least rows where there is none left.
__device__ __forceinline__ int warp_row() {
    return blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
}

// The largest value and the sum of exponentials relative to it, of count elements that value(i)
// gives.
template <class Value>
__device__ __forceinline__ float2 warp_exponentials(int count, Value value) {
    float largest = MINUS_INFINITY, sum = 0;
    for (int i = threadIdx.x % 32; i < count; i += 32) largest = fmaxf(largest, value(i));
    largest = warp_max(largest);
    for (int i = threadIdx.x % 32; i < count; i += 32) sum += expf(value(i) - largest);
    return make_float2(largest, warp_sum(sum));
}

// The indices of the largest elements in falling order, ties to the smaller index. out I32 [N, U].
KERNEL topk(int* out, const float* x, int rows, int experts, int used) {
    int row = warp_row();
    if (row >= rows) return;
    x += static_cast<long long>(row) * experts;
    float last = -MINUS_INFINITY;
    int last_index = -1;
    for (int u = 0; u < used; u++) {
        // The first in the order after the one that was taken last; what is not a number counts as
        // the smallest.
        float best = MINUS_INFINITY;
        int index = 0x7fffffff;
        for (int e = threadIdx.x % 32; e < experts; e += 32) {
            float value = x[e] == x[e] ? x[e] : MINUS_INFINITY;
            bool left = value < last || (value == last && e > last_index);
            if (left && (value > best || index == 0x7fffffff)) {
                best = value;
                index = e;
            }
        }
#pragma unroll
        for (int bits = 16; bits > 0; bits /= 2) {
            float other = __shfl_xor_sync(ALL_LANES, best, bits);
            int other_index = __shfl_xor_sync(ALL_LANES, index, bits);
            if (other > best || (other == best && other_index < index)) {
                best = other;
                index = other_index;
            }
        }
        if (threadIdx.x % 32 == 0) out[static_cast<long long>(row) * used + u] = index;
        last = best;
        last_index = index;
    }
}

// The softmax of the logits, over the chosen experts alone or over all, times scale. out [N, U].
KERNEL routing_weights(float* out, const float* logits, const int* chosen, int rows, int experts,
                       int used, int renormalize, float scale) {
    int row = warp_row();
    if (row >= rows) return;
    logits += static_cast<long long>(row) * experts;
    chosen += static_cast<long long>(row) * used;
    float2 e = renormalize ? warp_exponentials(used, [=](int u) { return logits[chosen[u]]; })
                           : warp_exponentials(experts, [=](int i) { return logits[i]; });
    for (int u = threadIdx.x % 32; u < used; u += 32) {
        out[static_cast<long long>(row) * used + u] = expf(logits[chosen[u]] - e.x) / e.y * scale;
    }
}

// dlogits += p (g - p . g): p the softmax, g the derivatives of the weights at the chosen experts,
// 0 elsewhere.
KERNEL routing_weights_backward(float* dlogits, const float* dout, const float* logits,
                                const int* chosen, int rows, int experts, int used, int renormalize,
                                float scale) {
    int row = warp_row();
    if (row >= rows) return;
    logits += static_cast<long long>(row) * experts;
    dlogits += static_cast<long long>(row) * experts;
    chosen += static_cast<long long>(row) * used;
    dout += static_cast<long long>(row) * used;
    float2 e = renormalize ? warp_exponentials(used, [=](int u) { return logits[chosen[u]]; })
                           : warp_exponentials(experts, [=](int i) { return logits[i]; });
    float mean = 0;
    for (int u = threadIdx.x % 32; u < used; u += 32) {
        mean += expf(logits[chosen[u]] - e.x) / e.y * dout[u] * scale;
    }
    mean = warp_sum(mean);
    for (int i = threadIdx.x % 32; i < experts; i += 32) {
        float g = 0;
        bool taken = false;
        for (int u = 0; u < used; u++) {
            if (chosen[u] == i) {
                g += dout[u] * scale;
                taken = true;
            }
        }
        if (taken || !renormalize) dlogits[i] += expf(logits[i] - e.x) / e.y * (g - mean);
    }
}

// out[n] = the sum over u of weights[n, u] * x[n*U + u]; out [N, C].
KERNEL combine_experts(float* out, const float* x, const float* weights, int rows, int used,
                       int columns) {
    long long elements = static_cast<long long>(rows) * columns;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < elements;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        long long n = divide(i, columns), row = n * used;
        float sum = 0;
        for (int u = 0; u < used; u++)
            sum += weights[row + u] * x[(row + u) * columns + i - n * columns];
        out[i] = sum;
    }
}

// dx[n*U + u] += weights[n, u] * dout[n]; dweights[n, u] += dout[n] . x[n*U + u]. A block takes a
// row of x.
KERNEL combine_experts_backward(float* dx, float* dweights, const float* dout, const float* x,
                                const float* weights, int rows, int used, int columns) {
    __shared__ float scratch[32];
    long long at = static_cast<long long>(blockIdx.x) * columns;
    dout += static_cast<long long>(blockIdx.x / used) * columns;
    float weight = weights[blockIdx.x], sum = 0;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) {
        sum += dout[c] * x[at + c];
        dx[at + c] += weight * dout[c];
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) dweights[blockIdx.x] += sum;
}

// lse[n] = the logarithm of the sum of exponentials of a row of logits.
KERNEL routing_lse(float* lse, const float* logits, int rows, int experts) {
    int row = warp_row();
    if (row >= rows) return;
    logits += static_cast<long long>(row) * experts;
    float2 e = warp_exponentials(experts, [=](int i) { return logits[i]; });
    if (threadIdx.x % 32 == 0) lse[row] = e.x + logf(e.y);
}

// counts[e] += how often e was chosen; probabilities[e] += the sum over rows of its softmax. A
// block takes an expert.
KERNEL count_routing(float* counts, float* probabilities, const float* lse, const float* logits,
                     const int* chosen, int rows, int experts, int used) {
    __shared__ float scratch[32];
    int expert = blockIdx.x;
    float count = 0, probability = 0;
    for (long long i = threadIdx.x; i < static_cast<long long>(rows) * used; i += blockDim.x)
        count += chosen[i] == expert;
    for (int n = threadIdx.x; n < rows; n += blockDim.x) {
        probability += expf(logits[static_cast<long long>(n) * experts + expert] - lse[n]);
    }
    count = block_sum(count, scratch);
    probability = block_sum(probability, scratch);
    if (threadIdx.x == 0) {
        counts[expert] += count;
        probabilities[expert] += probability;
    }
}

// dlogits[n] += p (g - p . g), p the softmax of the row, g = dprobabilities [E].
KERNEL count_routing_backward(float* dlogits, const float* dprobabilities, const float* logits,
                              int rows, int experts) {
    int row = warp_row();
    if (row >= rows) return;
    logits += static_cast<long long>(row) * experts;
    dlogits += static_cast<long long>(row) * experts;
    float2 e = warp_exponentials(experts, [=](int i) { return logits[i]; });
    float mean = 0;
    for (int i = threadIdx.x % 32; i < experts; i += 32)
        mean += expf(logits[i] - e.x) / e.y * dprobabilities[i];
    mean = warp_sum(mean);
    for (int i = threadIdx.x % 32; i < experts; i += 32) {
        dlogits[i] += expf(logits[i] - e.x) / e.y * (dprobabilities[i] - mean);
    }
}

// loss = E * the sum over e of (counts[e] / rows) * (probabilities[e] / rows). One block.
KERNEL balance_loss(float* loss, const float* counts, const float* probabilities, int experts,
                    long long rows) {
    __shared__ double scratch[32];
    double sum = 0;
    for (int e = threadIdx.x; e < experts; e += blockDim.x)
        sum += static_cast<double>(counts[e]) * probabilities[e];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) *loss = static_cast<float>(experts * (sum / rows / rows));
}

// dprobabilities[e] += dloss * E * counts[e] / rows^2.
KERNEL balance_loss_backward(float* dprobabilities, const float* dloss, const float* counts,
                             int experts, long long rows) {
    int e = blockIdx.x * blockDim.x + threadIdx.x;
    if (e >= experts) return;
    double factor = static_cast<double>(*dloss) * experts / rows / rows;
    dprobabilities[e] += static_cast<float>(counts[e] * factor);
}

__device__ __forceinline__ int warp_total(int value) {
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2) value += __shfl_xor_sync(ALL_LANES, value, bits);
    return value;
}

// Sorts rows by their experts, each expert's in rising order, and divides them into tiles: order
// [rows]; starts [experts + 1], where each one's begin there; tiles [tile_count] {expert, first
// place in order, rows}, the unused ones all 0. A block takes an expert, its warps successive rows;
// shared memory: a number for each expert.
KERNEL group_rows(int* order, int* starts, int* tiles, const int* experts, int rows,
                  int expert_count, int tile_rows, int tile_count) {
    DYNAMIC_SHARED(int, counts);
    __shared__ int of_warps[32];
    int expert = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int warps = blockDim.x / 32, share = (rows + 32 * warps - 1) / (32 * warps) * 32;
    int from = min(rows, warp * share), to = min(rows, from + share), mine = 0;
    for (int e = threadIdx.x; e < expert_count; e += blockDim.x) counts[e] = 0;
    __syncthreads();
    for (int row = from + lane; row < to; row += 32) {
        atomicAdd(&counts[experts[row]], 1);
        mine += experts[row] == expert;
    }
    mine = warp_total(mine);
    if (lane == 0) of_warps[warp] = mine;
    __syncthreads();
    int place = 0, tile = 0, count = counts[expert];
    for (int e = lane; e < expert; e += 32) {
        place += counts[e];
        tile += (counts[e] + tile_rows - 1) / tile_rows;
    }
    place = warp_total(place), tile = warp_total(tile);
    if (threadIdx.x == 0) starts[expert] = place, starts[expert + 1] = place + count;
    int own = (count + tile_rows - 1) / tile_rows;
    int entries = expert == expert_count - 1 ? tile_count - tile : own;
    for (int i = threadIdx.x; i < entries; i += blockDim.x) {
        int* entry = tiles + 3 * (tile + i);
        entry[0] = i < own ? expert : 0;
        entry[1] = i < own ? place + i * tile_rows : 0;
        entry[2] = i < own ? min(tile_rows, count - i * tile_rows) : 0;
    }
    for (int w = 0; w < warp; w++) place += of_warps[w];
    for (int base = from; base < to; base += 32) {
        bool chosen = base + lane < to && experts[base + lane] == expert;
        u32 all = __ballot_sync(ALL_LANES, chosen);
        if (chosen) order[place + __popc(all & ((1u << lane) - 1))] = base + lane;
        place += __popc(all);
    }
}

// dx[n] += the sum over u of parts[n*U + u]: columns first..first + count - 1 of dx [N, C], parts
// [N*U, count].
KERNEL add_parts(float* dx, const float* parts, int rows, int used, int columns, int first,
                 int count) {
    long long elements = static_cast<long long>(rows) * count;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < elements;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        long long n = divide(i, count), c = i - n * count;
        float sum = 0;
        for (int u = 0; u < used; u++) sum += parts[(n * used + u) * count + c];
        dx[n * columns + first + c] += sum;
    }
}

// dw[experts[i]] += dout[i]^T x[i / per_input], over the rows i in their order; dw [E, O, I], dout
// [rows, O]. A block of 256 takes 32 x 32 weights of the expert blockIdx.z; a thread has 4 of them.
KERNEL __launch_bounds__(256)
    expert_weight(float* dw, const float* dout, const float* x, const int* experts, int rows,
                  int per_input, int inputs, int outputs, int expert_count) {
    int lane = threadIdx.x % 32, input = blockIdx.x * 32 + lane,
        first = blockIdx.y * 32 + threadIdx.x / 32;
    float sums[4] = {};
    for (int base = 0; base < rows; base += 32) {
        int row = base + lane;
        u32 mine = __ballot_sync(ALL_LANES, row < rows && experts[row] == blockIdx.z);
        for (; mine != 0; mine &= mine - 1) {
            long long i = base + __ffs(mine) - 1;
            float value = input < inputs ? x[i / per_input * inputs + input] : 0;
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int output = first + 8 * k;
                if (output < outputs) sums[k] += dout[i * outputs + output] * value;
            }
        }
    }
    for (int k = 0; k < 4; k++) {
        int output = first + 8 * k;
        if (output < outputs && input < inputs) {
            dw[(static_cast<long long>(blockIdx.z) * outputs + output) * inputs + input] += sums[k];
        }
    }
}
