// module: common reductions
// Sums whose order depends on shapes alone, so that a run can be repeated to the bit: no atomic
// additions of floats.

#define EMBEDDING_CHUNK 1024
#define EMBEDDING_THREADS 128
#define EMBEDDING_SHARE (EMBEDDING_CHUNK / (EMBEDDING_THREADS / 32))

// Where a token of the ids from..to-1 equals id, in rising order: a warp writes the places into its
// list. Returns how many there are.
__device__ __forceinline__ int places_of(int id, const int* ids, int from, int to, int* list) {
    int lane = threadIdx.x % 32, found = 0;
    for (int base = from; base < to; base += 32) {
        bool same = base + lane < to && ids[base + lane] == id;
        u32 all = __ballot_sync(ALL_LANES, same);
        if (same) list[found + __popc(all & ((1u << lane) - 1))] = base + lane;
        found += __popc(all);
    }
    return found;
}

// dtable[ids[n]] += dout[n]; dtable [V, C], dout [N, C]. The block of the first row with an id adds
// up all rows with that id, in their order; the others leave. Scanning the ids costs less than
// sorting them up to about 100 000 rows.
KERNEL __launch_bounds__(EMBEDDING_THREADS)
    embedding_backward(float* dtable, const float* dout, const int* ids, int rows, int columns) {
    __shared__ int lists[EMBEDDING_THREADS / 32][EMBEDDING_SHARE];
    __shared__ int counts[EMBEDDING_THREADS / 32];
    __shared__ int earlier;
    int first = blockIdx.x, id = ids[first], warp = threadIdx.x / 32;
    if (threadIdx.x == 0) earlier = 0;
    __syncthreads();
    for (int m = threadIdx.x; m < first; m += EMBEDDING_THREADS) {
        if (ids[m] == id) {
            earlier = 1;  // all who write, write the same
            break;
        }
    }
    __syncthreads();
    if (earlier) return;
    float* to = dtable + static_cast<long long>(id) * columns;
    for (int base = first; base < rows; base += EMBEDDING_CHUNK) {
        int from = base + warp * EMBEDDING_SHARE;
        int found = places_of(id, ids, from, min(rows, from + EMBEDDING_SHARE), lists[warp]);
        if (threadIdx.x % 32 == 0) counts[warp] = found;
        __syncthreads();
        for (int c = threadIdx.x; c < columns; c += EMBEDDING_THREADS) {
            float sum = 0;
            for (int w = 0; w < EMBEDDING_THREADS / 32; w++) {
#pragma unroll 4
                for (int i = 0; i < counts[w]; i++)
                    sum += dout[static_cast<long long>(lists[w][i]) * columns + c];
            }
            if (counts[0] + counts[1] + counts[2] + counts[3] > 0) to[c] += sum;
        }
        __syncthreads();
    }
}

// A tensor of n elements, and the blocks of those before it.
struct Summed {
    long long first_block;
    const float* x;
    long long n;
};

// partials[b] = the sum of the squares of the elements that block b strides over, in double
// precision; the table says which blocks belong to which tensor.
KERNEL sum_squares(double* partials, const Summed* table, int entries, int blocks) {
    __shared__ double scratch[32];
    int entry = 0;
    while (entry + 1 < entries && table[entry + 1].first_block <= blockIdx.x) entry++;
    const float* x = table[entry].x;
    long long n = table[entry].n, block = blockIdx.x - table[entry].first_block;
    long long end = entry + 1 < entries ? table[entry + 1].first_block : blocks;
    long long first = block * blockDim.x + threadIdx.x;
    long long stride = (end - table[entry].first_block) * blockDim.x;
    long long groups = aligned16(x) ? n / 4 : 0;
    double sum = 0;
    for (long long i = first; i < groups; i += stride) {
        float4 v = load4(x + i * 4);
        sum += static_cast<double>(v.x) * v.x + static_cast<double>(v.y) * v.y;
        sum += static_cast<double>(v.z) * v.z + static_cast<double>(v.w) * v.w;
    }
    for (long long i = groups * 4 + first; i < n; i += stride)
        sum += static_cast<double>(x[i]) * x[i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

// out = the sum of partials, or the root of it. One block.
KERNEL sum_doubles(double* out, const double* partials, int count, int root) {
    __shared__ double scratch[32];
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) sum += partials[i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) *out = root ? sqrt(sum) : sum;
}

// sum += the sum of x [n], in double precision. One block.
KERNEL add_sum(double* sum, const float* x, long long n) {
    __shared__ double scratch[32];
    double total = 0;
    for (long long i = threadIdx.x; i < n; i += blockDim.x) total += x[i];
    total = block_sum(total, scratch);
    if (threadIdx.x == 0) *sum += total;
}

// For the derivative of attention: delta [N, H] = the sum over a head of dout * out [N, H*D]. A
// warp takes a head of a row; count = N*H. Each of dout and out is float or bf16.
template <class Dout, class Out>
__device__ __forceinline__ void delta_of(float* delta, const Dout* dout, const Out* out,
                                         int head_dim, long long count) {
    long long i = static_cast<long long>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (i >= count) return;
    float sum = 0;
    for (int d = threadIdx.x % 32; d < head_dim; d += 32)
        sum += load1(dout + i * head_dim + d) * load1(out + i * head_dim + d);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) delta[i] = sum;
}

#define DELTA_KERNEL(NAME, DOUT, OUT)                                                            \
    KERNEL NAME(float* delta, const DOUT* dout, const OUT* out, int head_dim, long long count) { \
        delta_of(delta, dout, out, head_dim, count);                                             \
    }
DELTA_KERNEL(attention_delta, float, float)
DELTA_KERNEL(attention_delta_bf16, u16, float)
DELTA_KERNEL(attention_delta_of_bf16, float, u16)
DELTA_KERNEL(attention_delta_bf16_of_bf16, u16, u16)
