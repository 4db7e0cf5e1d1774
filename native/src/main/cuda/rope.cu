// module: common rotation rope
// Rotary position embedding. x, out [N, H*D]; rotations [N, R]: cos and sin of each pair of a
// position.

KERNEL rotations(float* out, const int* positions, const double* frequencies, int pairs, int rows,
                 float magnitude) {
    long long n = static_cast<long long>(rows) * pairs;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        int row = static_cast<int>(divide(i, pairs)),
            pair = static_cast<int>(i - static_cast<long long>(row) * pairs);
        // In double precision: positions of a long context times a frequency have no digits left in
        // a float.
        double angle = positions[row] * frequencies[pair];
        out[2 * i] = static_cast<float>(cos(angle) * magnitude);
        out[2 * i + 1] = static_cast<float>(sin(angle) * magnitude);
    }
}

// A thread takes a pair of a head, or one of the components that are not turned.
// Each of out and x is float or bf16.
template <bool BACKWARD, class Out, class In>
__device__ __forceinline__ void turn(Out* out, const In* x, const float* rotations, int rows,
                                     int width, int head_dim, int rotary, int pairing, bool add) {
    auto give = [=](long long to, float value) {
        store1(out + to, add ? load1(out + to) + value : value);
    };
    int pairs = rotary / 2, items = head_dim - pairs, heads = width / head_dim,
        row_items = heads * items;
    long long n = static_cast<long long>(rows) * row_items;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        int row = static_cast<int>(divide(i, row_items));
        int within = static_cast<int>(i - static_cast<long long>(row) * row_items);
        int head = within / items, item = within % items;
        long long at = static_cast<long long>(row) * width + head * head_dim;
        if (item >= pairs) {
            long long c = at + rotary + item - pairs;
            give(c, load1(x + c));
            continue;
        }
        long long first = at + (pairing == 0 ? 2 * item : item);
        long long second = pairing == 0 ? first + 1 : first + pairs;
        const float* angle = rotations + static_cast<long long>(row) * rotary + 2 * item;
        float c = angle[0], s = BACKWARD ? -angle[1] : angle[1];
        float a = load1(x + first), b = load1(x + second);
        give(first, turned_first(a, b, c, s));
        give(second, turned_second(a, b, c, s));
    }
}

// out may be x.
#define ROPE_KERNEL(NAME, OUT, IN)                                                                \
    KERNEL NAME(OUT* out, const IN* x, const float* rotations, int rows, int width, int head_dim, \
                int rotary, int pairing) {                                                        \
        turn<false>(out, x, rotations, rows, width, head_dim, rotary, pairing, false);            \
    }
ROPE_KERNEL(rope, float, float)
ROPE_KERNEL(rope_bf16, u16, float)
ROPE_KERNEL(rope_bf16_of_bf16, u16, u16)

// dx +=, or = without add.
#define ROPE_BACKWARD_KERNEL(NAME, OUT, IN)                                                \
    KERNEL NAME(OUT* dx, const IN* dout, const float* rotations, int rows, int width,      \
                int head_dim, int rotary, int pairing, int add) {                          \
        turn<true>(dx, dout, rotations, rows, width, head_dim, rotary, pairing, add != 0); \
    }
ROPE_BACKWARD_KERNEL(rope_backward, float, float)
ROPE_BACKWARD_KERNEL(rope_backward_of_bf16, float, u16)
ROPE_BACKWARD_KERNEL(rope_backward_bf16_of_bf16, u16, u16)
