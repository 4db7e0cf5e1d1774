// module: common sampling
// The choice of the next token of each row of logits, so that a step gives the host one number and
// not a row: the most probable one, or one drawn from what top-k, top-p and min-p leave, with a
// uniform number of the host's. The order of the steps and what they keep is that of
// jllm.generate.Sampler. Probabilities are whole numbers (ONE is that of the best token), so that
// their sums do not depend on the order in which threads add.
//
// Four launches: the largest logit; amounts by distance from it, or by id; the elements that can
// matter, which are few unless the distribution is flat or k is large; the choice among these. A
// search goes down the digits of the elements' ranks with a histogram each, so it needs the same
// little memory for any number of them.

#define SAMPLE_THREADS 1024
#define SAMPLE_SLICE 4096  // columns of a block
#define MOST_SLICES 256
#define BINS 2048
#define DIGIT_BITS 11
#define ONE 0x1p44

// What is wanted of a row, as the host wrote it; see jllm.tensor.TokenChoice.
struct Choice {
    double uniform, temperature, mass;  // temperature 0 = the best one
    float log_share;                    // of min-p
    int count;                          // of top-k, 0 = off
    int bias, unused;                   // row of the biases, -1 = none

    // Without top-k and top-p nothing has to be sorted.
    __device__ __forceinline__ bool by_id() const { return count == 0 && mass >= 1; }
};

// What the launches for a row hand on.
struct Work {
    u64 bins[BINS];
    u64 best[MOST_SLICES];     // rank of the best element of a slice
    u32 largest[MOST_SLICES];  // before biases, ordered
    int listed, unused;
};

// Floats as numbers of the same order; 0 and -0 are one, what is not a number is above all.
__device__ __forceinline__ u32 ordered(float value) {
    if (value != value) return 0xffffffffu;
    u32 bits = __float_as_uint(value + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float unordered(u32 bits) {
    return __uint_as_float(bits & 0x80000000u ? bits & 0x7fffffffu : ~bits);
}

// The larger the better: by value, then the smaller id first.
__device__ __forceinline__ u64 rank_of(float value, int id) {
    return static_cast<u64>(ordered(value)) << 32 | (0xffffffffu - id);
}
__device__ __forceinline__ float value_of(u64 rank) {
    return unordered(static_cast<u32>(rank >> 32));
}
__device__ __forceinline__ int id_of(u64 rank) {
    return static_cast<int>(0xffffffffu - static_cast<u32>(rank));
}

// The largest number of a block, in every thread. scratch: 32 in shared memory.
__device__ __forceinline__ u64 block_largest(u64 value, u64* scratch) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2)
        value = max(value, __shfl_xor_sync(ALL_LANES, value, bits));
    __syncthreads();  // of an earlier use of the same scratch
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    value = scratch[lane];
#pragma unroll
    for (int bits = 16; bits > 0; bits /= 2)
        value = max(value, __shfl_xor_sync(ALL_LANES, value, bits));
    return value;
}

// The rank of a row's best element.
__device__ __forceinline__ u64 best_of(const Work& work, int slices, u64* scratch) {
    int t = threadIdx.x;
    return block_largest(t < slices ? work.best[t] : 0, scratch);
}

struct Row {
    const float* x;
    const float* bias;
    Choice choice;
    float largest, threshold;

    __device__ __forceinline__ Row(const float* logits, const float* biases, const Choice* choices,
                                   int n)
        : x(logits + static_cast<long long>(blockIdx.y) * n), choice(choices[blockIdx.y]) {
        bias = choice.bias < 0 ? nullptr : biases + static_cast<long long>(choice.bias) * n;
    }

    __device__ __forceinline__ void best(u64 rank) {
        largest = value_of(rank);
        threshold = largest + choice.log_share;
    }

    __device__ __forceinline__ float value(int i) const {
        return bias == nullptr ? x[i] : x[i] + bias[i];
    }

    // By the model alone, which top-p goes by.
    __device__ __forceinline__ u64 probability(float value) const { return scaled(value - largest); }

    // What it is drawn with.
    __device__ __forceinline__ u64 weight(float value) const {
        double apart = value - largest;
        return value >= threshold ? scaled(static_cast<float>(apart / choice.temperature)) : 0;
    }

    __device__ __forceinline__ static u64 scaled(float logarithm) {
        return static_cast<u64>(exp(static_cast<double>(logarithm)) * ONE + 0.5);
    }

    // In steps of 1/64, or so many ids of n that follow each other.
    __device__ __forceinline__ int bin(float value, int id, int n) const {
        if (choice.by_id()) return id / ((n + BINS - 1) / BINS);
        float apart = largest - value;
        return apart < (BINS - 2) / 64.0f ? static_cast<int>(apart * 64) : BINS - 1;
    }

    // Sums beyond which the element that is looked for is.
    __device__ __forceinline__ u64 enough(u64 total) const {
        u64 least = static_cast<u64>(ceil(choice.mass * static_cast<double>(total)));
        return min(max(least, u64(1)), total) - 1;
    }
    __device__ __forceinline__ u64 drawn(u64 total) const {
        u64 at = static_cast<u64>(choice.uniform * static_cast<double>(total));
        return total == 0 ? 0 : min(at, total - 1);
    }
};

// Where the sum of bins passes a goal, the target of their total.
struct Crossing {
    u64 total, before, goal;
    int bin;  // -1: nowhere
};

struct Tables {
    u64 bins[BINS];
    u32 counts[BINS];
    u64 scratch[32];
    u64 single;
    Crossing crossing;
};

// Each thread takes two bins; bins may be those of the tables.
template <class Target>
__device__ __forceinline__ Crossing find_crossing(const u64* bins, Tables& tables, Target target) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    u64 first = bins[2 * threadIdx.x], both = first + bins[2 * threadIdx.x + 1], sum = both;
#pragma unroll
    for (int apart = 1; apart < 32; apart *= 2) {
        u64 other = __shfl_up_sync(ALL_LANES, sum, apart);
        if (lane >= apart) sum += other;
    }
    __syncthreads();
    if (lane == 31) tables.scratch[warp] = sum;
    if (threadIdx.x == 0) tables.crossing.bin = -1;
    __syncthreads();
    u64 total = 0, before = sum - both;
    for (int w = 0; w < SAMPLE_THREADS / 32; w++) {
        if (w < warp) before += tables.scratch[w];
        total += tables.scratch[w];
    }
    u64 goal = target(total);
    if (before <= goal && before + both > goal) {
        bool second = before + first <= goal;
        tables.crossing = {total, second ? before + first : before, goal,
                           static_cast<int>(2 * threadIdx.x + second)};
    }
    __syncthreads();
    return tables.crossing;
}

// The element of a list at which the sum of amounts, from the largest rank down, passes a target
// that depends on their total; 0 if there is none.
template <class Amount, class Target>
__device__ u64 search(Tables& tables, const u64* list, int listed, Amount amount, Target target) {
    u64 found = 0, goal = 0;
    int unknown = 64;  // bits of its rank
    for (u32 count = 2; unknown > 0 && count > 1;) {
        int low = max(unknown - DIGIT_BITS, 0);
        __syncthreads();
        for (int b = threadIdx.x; b < BINS; b += SAMPLE_THREADS) {
            tables.bins[b] = 0;
            tables.counts[b] = 0;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < listed; i += SAMPLE_THREADS) {
            u64 rank = list[i];
            if (unknown == 64 || rank >> unknown == found >> unknown) {
                u64 own = amount(rank);
                int b = BINS - 1 - static_cast<int>(rank >> low & (BINS - 1));
                if (own > 0) {
                    atomicAdd(&tables.bins[b], own);
                    atomicAdd(&tables.counts[b], 1u);
                }
            }
        }
        __syncthreads();
        Crossing at = find_crossing(tables.bins, tables, [&](u64 total) {
            return unknown == 64 ? target(total) : goal;
        });
        if (at.bin < 0) return 0;
        goal = at.goal - at.before;
        found |= static_cast<u64>(BINS - 1 - at.bin) << low;
        unknown = low;
        count = tables.counts[at.bin];
    }
    if (unknown == 0) return found;
    for (int i = threadIdx.x; i < listed; i += SAMPLE_THREADS) {
        if (list[i] >> unknown == found >> unknown && amount(list[i]) > 0) tables.single = list[i];
    }
    __syncthreads();
    return tables.single;
}

// All kernels: logits x [N, n], a choice for each of N rows, biases [.., n] or none. grid (slices,
// N), but for the last.

KERNEL __launch_bounds__(SAMPLE_THREADS)
    sample_survey(Work* works, const float* x, const float* biases, const Choice* choices, int n) {
    __shared__ u64 scratch[32];
    Row row(x, biases, choices, n);
    Work& work = works[blockIdx.y];
    int start = blockIdx.x * SAMPLE_SLICE, end = min(n, start + SAMPLE_SLICE);
    u64 best = 0, largest = 0;
    for (int i = start + threadIdx.x; i < end; i += SAMPLE_THREADS) {
        best = max(best, rank_of(row.value(i), i));
        largest = max(largest, static_cast<u64>(ordered(row.x[i])));
    }
    best = block_largest(best, scratch);
    largest = block_largest(largest, scratch);
    if (threadIdx.x == 0) {
        work.best[blockIdx.x] = best;
        work.largest[blockIdx.x] = static_cast<u32>(largest);
        if (blockIdx.x == 0) work.listed = 0;
    }
    for (int b = blockIdx.x * SAMPLE_THREADS + threadIdx.x; b < BINS;
         b += gridDim.x * SAMPLE_THREADS)
        work.bins[b] = 0;
}

KERNEL __launch_bounds__(SAMPLE_THREADS)
    sample_weigh(Work* works, const float* x, const float* biases, const Choice* choices, int n) {
    __shared__ u64 scratch[32];
    __shared__ u64 bins[BINS];
    Row row(x, biases, choices, n);
    if (row.choice.temperature == 0) return;
    Work& work = works[blockIdx.y];
    row.best(best_of(work, gridDim.x, scratch));
    for (int b = threadIdx.x; b < BINS; b += SAMPLE_THREADS) bins[b] = 0;
    __syncthreads();
    int start = blockIdx.x * SAMPLE_SLICE, end = min(n, start + SAMPLE_SLICE);
    for (int i = start + threadIdx.x; i < end; i += SAMPLE_THREADS) {
        float value = row.value(i);
        u64 amount = row.choice.count > 0  ? 1
                     : row.choice.by_id() ? row.weight(value)
                                          : row.probability(value);
        if (amount > 0) atomicAdd(&bins[row.bin(value, i, n)], amount);
    }
    __syncthreads();
    for (int b = threadIdx.x; b < BINS; b += SAMPLE_THREADS) {
        if (bins[b] > 0) atomicAdd(&work.bins[b], bins[b]);
    }
}

// The bin in which the first step ends: what is behind it cannot be chosen.
__device__ __forceinline__ Crossing first_cut(const Row& row, const Work& work, Tables& tables) {
    return find_crossing(work.bins, tables, [&](u64 total) {
        return row.choice.count > 0  ? static_cast<u64>(row.choice.count - 1)
               : row.choice.by_id() ? row.drawn(total)
                                    : row.enough(total);
    });
}

// lists [N, n]: the ranks of the elements that can matter, in any order.
KERNEL __launch_bounds__(SAMPLE_THREADS)
    sample_gather(Work* works, u64* lists, const float* x, const float* biases,
                  const Choice* choices, int n) {
    __shared__ Tables tables;
    Row row(x, biases, choices, n);
    if (row.choice.temperature == 0) return;
    Work& work = works[blockIdx.y];
    row.best(best_of(work, gridDim.x, tables.scratch));
    int cut = first_cut(row, work, tables).bin, lane = threadIdx.x % 32;
    u64* list = lists + static_cast<long long>(blockIdx.y) * n;
    int start = blockIdx.x * SAMPLE_SLICE, end = min(n, start + SAMPLE_SLICE);
    for (int i = start + threadIdx.x; i - static_cast<int>(threadIdx.x) < end;
         i += SAMPLE_THREADS) {
        float value = i < end ? row.value(i) : 0;
        int bin = i < end ? row.bin(value, i, n) : BINS;
        bool kept = row.choice.by_id() ? bin == cut : bin <= cut;
        u32 votes = __ballot_sync(ALL_LANES, kept);
        int at = 0;
        if (lane == 0 && votes != 0) at = atomicAdd(&work.listed, __popc(votes));
        at = __shfl_sync(ALL_LANES, at, 0) + __popc(votes & ((1u << lane) - 1));
        if (kept) list[at] = rank_of(value, i);
    }
}

// The drawn one of a row without top-k and top-p: the smallest ids come first.
__device__ __forceinline__ u64 draw_by_id(const Row& row, Tables& tables, const u64* list,
                                          int listed, u64 goal) {
    // Of the ids in one bin, 512 at most, each has its own of the bins of the tables.
    __syncthreads();
    for (int b = threadIdx.x; b < BINS; b += SAMPLE_THREADS) tables.bins[b] = 0;
    if (threadIdx.x == 0) tables.single = ~0ull;
    __syncthreads();
    for (int i = threadIdx.x; i < listed; i += SAMPLE_THREADS)
        atomicMin(&tables.single, static_cast<u64>(id_of(list[i])));
    __syncthreads();
    int first = static_cast<int>(tables.single);
    for (int i = threadIdx.x; i < listed; i += SAMPLE_THREADS)
        tables.bins[id_of(list[i]) - first] = row.weight(value_of(list[i]));
    __syncthreads();
    Crossing at = find_crossing(tables.bins, tables, [&](u64) { return goal; });
    return at.bin < 0 ? 0 : rank_of(0, first + at.bin);
}

// The drawn one of a row with top-k or top-p, which leave the best.
__device__ __forceinline__ u64 draw_by_rank(const Row& row, Tables& tables, const u64* list,
                                            int listed, u64 total) {
    u64 least = 0;  // rank of the last one that is kept
    if (row.choice.count > 0) {
        least = search(
            tables, list, listed, [](u64) { return u64(1); },
            [&](u64) { return static_cast<u64>(row.choice.count - 1); });
    }
    if (row.choice.mass < 1) {
        least = search(
            tables, list, listed,
            [&](u64 rank) { return rank >= least ? row.probability(value_of(rank)) : 0; },
            [&](u64 sum) { return row.enough(row.choice.count > 0 ? sum : total); });
    }
    return search(
        tables, list, listed,
        [&](u64 rank) { return rank >= least ? row.weight(value_of(rank)) : 0; },
        [&](u64 sum) { return row.drawn(sum); });
}

// out [N]: the token; -1 if a logit is not a number, or the largest is infinite. next [N], if it is
// there, takes the token too, and stays as it is instead of -1. grid (1, N).
KERNEL __launch_bounds__(SAMPLE_THREADS)
    sample_choose(int* out, int* next, const Work* works, const u64* lists, const float* x,
                  const float* biases, const Choice* choices, int n) {
    __shared__ Tables tables;
    Row row(x, biases, choices, n);
    const Work& work = works[blockIdx.y];
    int slices = (n + SAMPLE_SLICE - 1) / SAMPLE_SLICE;
    u64 best = best_of(work, slices, tables.scratch);
    bool measured = static_cast<int>(threadIdx.x) < slices;
    u64 largest = block_largest(measured ? work.largest[threadIdx.x] : 0, tables.scratch);
    bool finite = largest > ordered(MINUS_INFINITY) && largest < ordered(-MINUS_INFINITY);
    row.best(best);
    u64 chosen = 0;
    // Where all is banned the first one is chosen, as the best of equal ones.
    if (finite && row.choice.temperature > 0 && row.largest > MINUS_INFINITY) {
        Crossing cut = first_cut(row, work, tables);
        const u64* list = lists + static_cast<long long>(blockIdx.y) * n;
        chosen = row.choice.by_id()
                     ? draw_by_id(row, tables, list, work.listed, cut.goal - cut.before)
                     : draw_by_rank(row, tables, list, work.listed, cut.total);
    }
    if (threadIdx.x == 0) {
        int token = finite ? id_of(chosen == 0 ? best : chosen) : -1;
        out[blockIdx.y] = token;
        if (next != nullptr && token >= 0) next[blockIdx.y] = token;
    }
}
