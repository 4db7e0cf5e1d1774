// module: common formats rotation store
// How a step's keys and values go into their cache: queries and keys are turned, keys and values
// rounded to the formats that KEYS and VALUES name. All in one launch, since in decoding it is
// launches that take the time.

#ifndef KEYS
#define KEYS F32
#define VALUES F32
#endif

#define STORE_THREADS 256

// Writes component c of a row; a warp has 32 that follow each other, from a multiple of 32 on.
template <class Format>
struct Writer;

template <>
struct Writer<F32> {
    __device__ __forceinline__ static void write(u8* row, int c, float value, bool inside) {
        if (inside) reinterpret_cast<float*>(row)[c] = value;
    }
};

template <>
struct Writer<F16> {
    __device__ __forceinline__ static void write(u8* row, int c, float value, bool inside) {
        if (inside) reinterpret_cast<u16*>(row)[c] = float_to_half(value);
    }
};

template <>
struct Writer<BF16> {
    __device__ __forceinline__ static void write(u8* row, int c, float value, bool inside) {
        if (inside) reinterpret_cast<u16*>(row)[c] = float_to_bf16(value);
    }
};

template <>
struct Writer<Q8_0> {
    __device__ __forceinline__ static void write(u8* row, int c, float value, bool) {
        u8* block = row + c / 32 * 34;  // rows are whole blocks
        u16 scale;
        u8 quant = to_q8_0(value, scale);
        if (c % 32 == 0) *reinterpret_cast<u16*>(block) = scale;
        block[2 + c % 32] = quant;
    }
};

// Component c of a row of heads, turned.
__device__ __forceinline__ float turned(const float* x, int c, const float* rotations, int head_dim,
                                        int rotary, int pairing) {
    int pairs = rotary / 2, within = c % head_dim;
    if (within >= rotary) return x[c];
    int item = pairing == 0 ? within / 2 : within % pairs;
    bool first = pairing == 0 ? within % 2 == 0 : within < pairs;
    int apart = pairing == 0 ? 1 : pairs;
    float a = x[first ? c : c - apart], b = x[first ? c + apart : c];
    float cosine = rotations[2 * item], sine = rotations[2 * item + 1];
    return first ? turned_first(a, b, cosine, sine) : turned_second(a, b, cosine, sine);
}

// q_out, q [N, q_width]; k, v [N, kv_width]; keys, values: rows *at.., or row.. if at is absent, take
// those of k and v. With caches [N, 2], each row goes to keys and values of its own, at its own row
// at[n]. A warp takes 32 components; grid (.., N). Without rotations rotary is 0.
KERNEL __launch_bounds__(STORE_THREADS)
    store(float* q_out, u8* keys, u8* values, const float* q, const float* k, const float* v,
          const float* rotations, const int* at, u8* const* caches, int row, int q_width, int kv_width, int head_dim,
          int rotary, int pairing) {
    int of_q = (q_width + 31) / 32, of_kv = (kv_width + 31) / 32, n = blockIdx.y;
    int chunk = blockIdx.x * (STORE_THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    long long to = (at == nullptr ? row : *at) + n;
    if (caches != nullptr) {
        keys = caches[2 * n];
        values = caches[2 * n + 1];
        to = at[n];
    }
    rotations += static_cast<long long>(n) * rotary;
    if (chunk < of_q) {
        int c = chunk * 32 + lane;
        q += static_cast<long long>(n) * q_width;
        if (c < q_width) {
            q_out[static_cast<long long>(n) * q_width + c] =
                turned(q, c, rotations, head_dim, rotary, pairing);
        }
    } else if (chunk < of_q + of_kv) {
        int c = (chunk - of_q) * 32 + lane;
        bool inside = c < kv_width;
        k += static_cast<long long>(n) * kv_width;
        float value = inside ? turned(k, c, rotations, head_dim, rotary, pairing) : 0;
        Writer<KEYS>::write(keys + to * KEYS::row_bytes(kv_width), c, value, inside);
    } else if (chunk < of_q + 2 * of_kv) {
        int c = (chunk - of_q - of_kv) * 32 + lane;
        bool inside = c < kv_width;
        float value = inside ? v[static_cast<long long>(n) * kv_width + c] : 0;
        Writer<VALUES>::write(values + to * VALUES::row_bytes(kv_width), c, value, inside);
    }
}
