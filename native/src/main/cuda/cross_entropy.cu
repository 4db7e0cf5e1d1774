// module: common fast cross_entropy
// Cross-entropy of logits in BF16 and its derivative in one go, in place. Logits are rows of
// `stride` elements, a multiple of 8, so that all begin at multiples of 16 bytes; the first
// `columns` of them count. A block takes a row. It is read from memory once, as the largest value
// and the sum of exponentials are found together (Milakov and Gimelshein 2018); what is kept in
// shared memory, all of it or the first `kept` groups of 8, comes from there when the derivative is
// written, the rest of a long row out of the cache.

#define GROUP 8

// So many loads of a thread are on their way at once.
#define LOADS 4

__device__ __forceinline__ void unpack(const uint4& words, float (&v)[GROUP]) {
    const u32 pairs[] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int i = 0; i < GROUP; i++)
        v[i] = __uint_as_float(i % 2 ? pairs[i / 2] & 0xffff0000u : pairs[i / 2] << 16);
}

__device__ __forceinline__ uint4 pack(const float (&v)[GROUP]) {
    return make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]),
                      pack_bf16(v[6], v[7]));
}

// The largest value so far, and the sum of the exponentials relative to it, which are powers of 2:
// of value * LOG2_E - zero.
struct Powers {
    float largest = MINUS_INFINITY, zero = 0, sum = 0;

    __device__ __forceinline__ float of(float value) const {
        return fast_exp2(fmaf(value, LOG2_E, -zero));
    }

    // What is not a number is not the largest, but stays in the sum.
    __device__ __forceinline__ void take(const float (&v)[GROUP]) {
        float most = fmaxf(fmaxf(fmaxf(v[0], v[1]), fmaxf(v[2], v[3])),
                           fmaxf(fmaxf(v[4], v[5]), fmaxf(v[6], v[7])));
        if (most > largest) move(most);
        sum += ((of(v[0]) + of(v[1])) + (of(v[2]) + of(v[3]))) +
               ((of(v[4]) + of(v[5])) + (of(v[6]) + of(v[7])));
    }

    __device__ __forceinline__ void move(float most) {
        float before = zero;
        largest = most;
        zero = most == MINUS_INFINITY ? 0 : most * LOG2_E;
        if (sum != 0) sum *= fast_exp2(before - zero);
    }

    // Over the block, in every thread.
    __device__ __forceinline__ void reduce(float* scratch) {
        move(block_max(largest, scratch));
        sum = block_sum(sum, scratch);
    }
};

// losses[n] = -log(p[target]) with p = softmax(logits[n]), and logits[n] = factor * (p - (v ==
// target)) in its place; both 0 where the target is -1, whatever the row held. What is beyond the
// columns becomes 0.
KERNEL __launch_bounds__(1024) cross_entropy_bf16(float* losses, u16* logits, const int* targets,
                                                  float factor, int columns, int stride, int kept) {
    __shared__ float scratch[32];
    DYNAMIC_SHARED(uint4, copy);
    uint4* row = reinterpret_cast<uint4*>(logits + static_cast<long long>(blockIdx.x) * stride);
    int groups = stride / GROUP, whole = columns / GROUP, target = targets[blockIdx.x];
    if (target < 0) {
        for (int g = threadIdx.x; g < groups; g += blockDim.x) row[g] = make_uint4(0, 0, 0, 0);
        if (threadIdx.x == 0) losses[blockIdx.x] = 0;
        return;
    }
    float wanted = bf16_to_float(reinterpret_cast<const u16*>(row)[target]);
    Powers powers;
    for (int first = threadIdx.x; first < groups; first += LOADS * blockDim.x) {
        uint4 words[LOADS];
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
            int g = first + i * blockDim.x;
            if (g < groups) words[i] = row[g];
        }
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
            int g = first + i * blockDim.x;
            if (g >= groups) break;
            if (g < kept) copy[g] = words[i];
            float v[GROUP];
            unpack(words[i], v);
            if (g >= whole) {
#pragma unroll
                for (int j = 0; j < GROUP; j++)
                    if (g * GROUP + j >= columns) v[j] = MINUS_INFINITY;
            }
            powers.take(v);
        }
    }
    powers.reduce(scratch);
    if (threadIdx.x == 0)
        losses[blockIdx.x] = LN_2 * (log2f(powers.sum) - fmaf(wanted, LOG2_E, -powers.zero));
    float scale = factor / powers.sum;
#pragma unroll 2
    for (int g = threadIdx.x; g < groups; g += blockDim.x) {
        float v[GROUP];
        unpack(g < kept ? copy[g] : row[g], v);
#pragma unroll
        for (int j = 0; j < GROUP; j++) v[j] = scale * powers.of(v[j]);
        if (g == target / GROUP) {
#pragma unroll
            for (int j = 0; j < GROUP; j++)
                if (g * GROUP + j == target) v[j] -= factor;
        }
        if (g >= whole) {
#pragma unroll
            for (int j = 0; j < GROUP; j++)
                if (g * GROUP + j >= columns) v[j] = 0;
        }
        row[g] = pack(v);
    }
}

// What cross_entropy_bf16 wrote with a factor, with others: x[n] *= dlosses[n] / factor. Does not
// touch rows that have theirs.
KERNEL cross_entropy_rescale_bf16(u16* x, const float* dlosses, float factor, int stride) {
    float wanted = dlosses[blockIdx.x];
    if (wanted == factor) return;
    uint4* row = reinterpret_cast<uint4*>(x + static_cast<long long>(blockIdx.x) * stride);
    float ratio = wanted / factor;
    for (int g = threadIdx.x; g < stride / GROUP; g += blockDim.x) {
        float v[GROUP];
        unpack(row[g], v);
#pragma unroll
        for (int j = 0; j < GROUP; j++) v[j] = wanted == 0 ? 0 : v[j] * ratio;
        row[g] = pack(v);
    }
}

// Zeros from a column on, in rows of stride elements; elements: those that become 0, in all rows.
KERNEL clear_columns_bf16(u16* x, int from, int stride, long long elements) {
    long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (; i < elements; i += static_cast<long long>(gridDim.x) * blockDim.x) {
        long long row = divide(i, stride - from);
        x[row * stride + from + (i - row * (stride - from))] = 0;
    }
}
