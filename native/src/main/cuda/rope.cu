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
template <bool BACKWARD>
__device__ __forceinline__ void turn(float* out, const float* x, const float* rotations, int rows,
                                     int width, int head_dim, int rotary, int pairing, bool add) {
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
            out[c] = add ? out[c] + x[c] : x[c];
            continue;
        }
        long long first = at + (pairing == 0 ? 2 * item : item);
        long long second = pairing == 0 ? first + 1 : first + pairs;
        const float* angle = rotations + static_cast<long long>(row) * rotary + 2 * item;
        float c = angle[0], s = BACKWARD ? -angle[1] : angle[1];
        float a = x[first], b = x[second];
        float turned_a = turned_first(a, b, c, s), turned_b = turned_second(a, b, c, s);
        out[first] = add ? out[first] + turned_a : turned_a;
        out[second] = add ? out[second] + turned_b : turned_b;
    }
}

// out may be x.
KERNEL rope(float* out, const float* x, const float* rotations, int rows, int width, int head_dim,
            int rotary, int pairing) {
    turn<false>(out, x, rotations, rows, width, head_dim, rotary, pairing, false);
}

// dx +=, or = without add.
KERNEL rope_backward(float* dx, const float* dout, const float* rotations, int rows, int width,
                     int head_dim, int rotary, int pairing, int add) {
    turn<true>(dx, dout, rotations, rows, width, head_dim, rotary, pairing, add != 0);
}
