// Weights as they lie in model files (the codecs in jllm.tensor.quant describe the layouts), for
// the kernels of weights.cu and matvec.cu. A format is a struct:
//   eight(row, e, q, scale, offset)  elements e..e+7 of a row, e a multiple of 8: each is
//                                    scale * q + offset; no format changes its scale within 8
//   one(row, e)                      one element, of formats without blocks and of Q8_0
//   row_bytes(columns)               of a row
//
// Blocks are read with loads as wide as their size keeps aligned; neighbouring lanes read
// neighbouring bytes.

// The four bytes of a word as floats, minus center. A byte put below the exponent of 2^23 is a
// float without a conversion, which has a quarter of the throughput of this permutation and
// subtraction on some devices.
__device__ __forceinline__ void bytes_to_floats(u32 bytes, float center, float* out) {
    float shift = 8388608.0f + center;
    out[0] = __uint_as_float(__byte_perm(bytes, 0x4B000000u, 0x7440)) - shift;
    out[1] = __uint_as_float(__byte_perm(bytes, 0x4B000000u, 0x7441)) - shift;
    out[2] = __uint_as_float(__byte_perm(bytes, 0x4B000000u, 0x7442)) - shift;
    out[3] = __uint_as_float(__byte_perm(bytes, 0x4B000000u, 0x7443)) - shift;
}

// Signed bytes.
__device__ __forceinline__ void signed_to_floats(u32 bytes, float* out) {
    bytes_to_floats(bytes ^ 0x80808080u, 128, out);
}

__device__ __forceinline__ u32 word16(const u8* p) { return *reinterpret_cast<const u16*>(p); }
__device__ __forceinline__ u32 word32(const u8* p) { return *reinterpret_cast<const u32*>(p); }
__device__ __forceinline__ uint2 words(const u8* p) { return *reinterpret_cast<const uint2*>(p); }
// Eight bytes at an address that is a multiple of 2 or 4. Words that hold one of them are whole
// inside of any piece of memory.
__device__ __forceinline__ uint2 words_of_halves(const u8* p) {
    u64 at = reinterpret_cast<u64>(p);
    const u32* from = reinterpret_cast<const u32*>(at & ~3ull);
    u32 shift = (at & 2) * 8;
    u64 first = static_cast<u64>(from[1]) << 32 | from[0];
    u64 second = static_cast<u64>(shift ? from[2] : 0) << 32 | from[1];
    return make_uint2(static_cast<u32>(first >> shift), static_cast<u32>(second >> shift));
}
__device__ __forceinline__ uint2 words_of_words(const u8* p) {
    return make_uint2(word32(p), word32(p + 4));
}

// Four bits to the lowest bits of four bytes.
__device__ __forceinline__ u32 spread(u32 bits) { return (bits & 15) * 0x00204081u & 0x01010101u; }

// The nibbles at a shift of 0 or 4 of eight bytes.
__device__ __forceinline__ uint2 nibbles(uint2 bytes, int shift) {
    return make_uint2(bytes.x >> shift & 0x0f0f0f0fu, bytes.y >> shift & 0x0f0f0f0fu);
}

template <int LENGTH, int BYTES>
struct Blocks {
    static constexpr bool FLOATS = false;
    __device__ __forceinline__ static long long row_bytes(int columns) {
        return static_cast<long long>(columns / LENGTH) * BYTES;
    }
    __device__ __forceinline__ static const u8* block(const u8* row, long long e) {
        return row + e / LENGTH * BYTES;
    }
    __device__ __forceinline__ static int part(long long e) {
        return static_cast<int>(e % LENGTH) / 8;
    }
    __device__ __forceinline__ static float one(const u8*, long long) {
        return 0;
    }  // rows are whole blocks
};

template <int BYTES>
struct Plain {
    static constexpr bool FLOATS = true;
    __device__ __forceinline__ static long long row_bytes(int columns) {
        return static_cast<long long>(columns) * BYTES;
    }
};

struct F32 : Plain<4> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const float4* p = reinterpret_cast<const float4*>(row + e * 4);
        float4 a = p[0], b = p[1];
        q[0] = a.x, q[1] = a.y, q[2] = a.z, q[3] = a.w, q[4] = b.x, q[5] = b.y, q[6] = b.z,
        q[7] = b.w;
        scale = 1, offset = 0;
    }
    __device__ __forceinline__ static float one(const u8* row, long long e) {
        return reinterpret_cast<const float*>(row)[e];
    }
};

struct F16 : Plain<2> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        uint4 p = *reinterpret_cast<const uint4*>(row + e * 2);
        q[0] = half_to_float(p.x & 0xffff), q[1] = half_to_float(p.x >> 16);
        q[2] = half_to_float(p.y & 0xffff), q[3] = half_to_float(p.y >> 16);
        q[4] = half_to_float(p.z & 0xffff), q[5] = half_to_float(p.z >> 16);
        q[6] = half_to_float(p.w & 0xffff), q[7] = half_to_float(p.w >> 16);
        scale = 1, offset = 0;
    }
    __device__ __forceinline__ static float one(const u8* row, long long e) {
        return half_to_float(word16(row + e * 2));
    }
};

struct BF16 : Plain<2> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        uint4 p = *reinterpret_cast<const uint4*>(row + e * 2);
        q[0] = bf16_to_float(p.x), q[1] = __uint_as_float(p.x & 0xffff0000u);
        q[2] = bf16_to_float(p.y), q[3] = __uint_as_float(p.y & 0xffff0000u);
        q[4] = bf16_to_float(p.z), q[5] = __uint_as_float(p.z & 0xffff0000u);
        q[6] = bf16_to_float(p.w), q[7] = __uint_as_float(p.w & 0xffff0000u);
        scale = 1, offset = 0;
    }
    __device__ __forceinline__ static float one(const u8* row, long long e) {
        return bf16_to_float(word16(row + e * 2));
    }
};

struct Q8_0 : Blocks<32, 34> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        uint2 bytes = words_of_halves(b + 2 + part(e) * 8);
        signed_to_floats(bytes.x, q);
        signed_to_floats(bytes.y, q + 4);
        scale = half_to_float(word16(b)), offset = 0;
    }
    __device__ __forceinline__ static float one(const u8* row, long long e) {
        const u8* b = block(row, e);
        return half_to_float(word16(b)) * static_cast<signed char>(b[2 + e % 32]);
    }
};

// Of the formats whose nibbles of element i and i + 16 share byte i: parts 0 and 1 are low nibbles,
// 2 and 3 high ones.
struct Q4_0 : Blocks<32, 18> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        uint2 low = nibbles(words_of_halves(b + 2 + p % 2 * 8), p / 2 * 4);
        bytes_to_floats(low.x, 8, q);
        bytes_to_floats(low.y, 8, q + 4);
        scale = half_to_float(word16(b)), offset = 0;
    }
};

struct Q4_1 : Blocks<32, 20> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        uint2 low = nibbles(words_of_words(b + 4 + p % 2 * 8), p / 2 * 4);
        bytes_to_floats(low.x, 0, q);
        bytes_to_floats(low.y, 0, q + 4);
        u32 both = word32(b);
        scale = half_to_float(both & 0xffff), offset = half_to_float(both >> 16);
    }
};

struct Q5_0 : Blocks<32, 22> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        u32 high = word16(b + 2 + p / 2 * 2) >> p % 2 * 8;
        uint2 low = nibbles(words_of_halves(b + 6 + p % 2 * 8), p / 2 * 4);
        bytes_to_floats(low.x | spread(high) << 4, 16, q);
        bytes_to_floats(low.y | spread(high >> 4) << 4, 16, q + 4);
        scale = half_to_float(word16(b)), offset = 0;
    }
};

struct Q5_1 : Blocks<32, 24> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        uint2 head = words(b);
        u32 high = head.y >> p * 8;
        uint2 low = nibbles(words(b + 8 + p % 2 * 8), p / 2 * 4);
        bytes_to_floats(low.x | spread(high) << 4, 0, q);
        bytes_to_floats(low.y | spread(high >> 4) << 4, 0, q + 4);
        scale = half_to_float(head.x & 0xffff), offset = half_to_float(head.x >> 16);
    }
};

// Of the formats with blocks of 256: part p has elements 8p..8p+7, in quarter (p / 4) % 4 of half p
// / 16.
struct Q2_K : Blocks<256, 84> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        uint2 pairs = words_of_words(b + 16 + p / 16 * 32 + p % 4 * 8);
        int shift = p / 4 % 4 * 2;
        bytes_to_floats(pairs.x >> shift & 0x03030303u, 0, q);
        bytes_to_floats(pairs.y >> shift & 0x03030303u, 0, q + 4);
        u32 both = b[p / 2], factors = word32(b + 80);
        scale = half_to_float(factors & 0xffff) * (both & 15);
        offset = -half_to_float(factors >> 16) * (both >> 4);
    }
};

struct Q3_K : Blocks<256, 110> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 2;
        uint2 high = words_of_halves(b + p % 4 * 8);
        uint2 pairs = words_of_halves(b + 32 + p / 16 * 32 + p % 4 * 8);
        int shift = p / 4 % 4 * 2, bit = p / 4;
        bytes_to_floats((pairs.x >> shift & 0x03030303u) | (high.x >> bit & 0x01010101u) << 2, 4,
                        q);
        bytes_to_floats((pairs.y >> shift & 0x03030303u) | (high.y >> bit & 0x01010101u) << 2, 4,
                        q + 4);
        int low = b[96 + group % 8] >> group / 8 * 4 & 15;
        int top = b[104 + group % 4] >> group / 4 * 2 & 3;
        scale = half_to_float(word16(b + 108)) * ((low | top << 4) - 32), offset = 0;
    }
};

// The factors of a group of Q4_K and Q5_K, from the first 16 bytes of a block: d, dmin, 8 pairs of
// 6 bits.
__device__ __forceinline__ void six_bit_pair(const u8* block, int group, float& scale,
                                             float& offset) {
    uint4 head = *reinterpret_cast<const uint4*>(block);
    int at = group % 4 * 8;
    u32 s, m;
    if (group < 4) {
        s = head.y >> at & 63;
        m = head.z >> at & 63;
    } else {
        s = (head.w >> at & 15) | (head.y >> at >> 6 & 3) << 4;
        m = (head.w >> at >> 4 & 15) | (head.z >> at >> 6 & 3) << 4;
    }
    scale = half_to_float(head.x & 0xffff) * s;
    offset = -half_to_float(head.x >> 16) * m;
}

struct Q4_K : Blocks<256, 144> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 4;
        uint2 low = nibbles(words(b + 16 + group / 2 * 32 + p % 4 * 8), group % 2 * 4);
        bytes_to_floats(low.x, 0, q);
        bytes_to_floats(low.y, 0, q + 4);
        six_bit_pair(b, group, scale, offset);
    }
};

struct Q5_K : Blocks<256, 176> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 4;
        uint2 high = words(b + 16 + p % 4 * 8);
        uint2 low = nibbles(words(b + 48 + group / 2 * 32 + p % 4 * 8), group % 2 * 4);
        bytes_to_floats(low.x | (high.x >> group & 0x01010101u) << 4, 0, q);
        bytes_to_floats(low.y | (high.y >> group & 0x01010101u) << 4, 0, q + 4);
        six_bit_pair(b, group, scale, offset);
    }
};

struct Q6_K : Blocks<256, 210> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), half = p / 16, quarter = p / 4 % 4;
        uint2 low =
            nibbles(words_of_halves(b + half * 64 + quarter % 2 * 32 + p % 4 * 8), quarter / 2 * 4);
        uint2 high = words_of_halves(b + 128 + half * 32 + p % 4 * 8);
        bytes_to_floats(low.x | (high.x >> quarter * 2 & 0x03030303u) << 4, 32, q);
        bytes_to_floats(low.y | (high.y >> quarter * 2 & 0x03030303u) << 4, 32, q + 4);
        scale = half_to_float(word16(b + 208)) * static_cast<signed char>(b[192 + p / 2]),
        offset = 0;
    }
};

// The values that four nibbles (bits 0-15) stand for in IQ4_NL and IQ4_XS, as signed bytes: two
// tables of 8 are looked up by permutation, and the highest bit of each nibble chooses between
// them.
__device__ __forceinline__ u32 iq4_values(u32 four) {
    u32 index = four & 0x7777u;
    u32 below = __byte_perm(0xBFAD9881u, 0xF6EADDCFu, index);  // -127 -104 -83 -65 -49 -35 -22 -10
    u32 above = __byte_perm(0x26190D01u, 0x71594535u, index);  // 1 13 25 38 53 69 89 113
    return __byte_perm(below, above, 0x3210u | (four & 0x8888u) >> 1);
}

// The values of the low (high = 0) or high (high = 1) nibbles of eight bytes.
__device__ __forceinline__ void iq4_floats(uint2 bytes, int high, float* q) {
    u32 chosen = high ? 0x7531 : 0x6420;
    signed_to_floats(__byte_perm(iq4_values(bytes.x), iq4_values(bytes.x >> 16), chosen), q);
    signed_to_floats(__byte_perm(iq4_values(bytes.y), iq4_values(bytes.y >> 16), chosen), q + 4);
}

struct IQ4_NL : Blocks<32, 18> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        iq4_floats(words_of_halves(b + 2 + p % 2 * 8), p / 2, q);
        scale = half_to_float(word16(b)), offset = 0;
    }
};

struct IQ4_XS : Blocks<256, 136> {
    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 4;
        uint2 head = words(b);
        iq4_floats(words(b + 8 + group * 16 + p % 2 * 8), p / 2 % 2, q);
        int s = (head.y >> group * 4 & 15) | (head.x >> 16 >> group * 2 & 3) << 4;
        scale = half_to_float(head.x & 0xffff) * (s - 32), offset = 0;
    }
};

// Makes the kernels of each format: KERNELS(name, struct). With FORMAT_NAME and FORMAT_TYPE defined
// (q4_k and Q4_K, say) those of that one alone, which shortens the compilation at first use.
#ifdef FORMAT_NAME
#define WITH_FORMAT(KERNELS, name, Format) KERNELS(name, Format)
#define FORMATS(KERNELS) WITH_FORMAT(KERNELS, FORMAT_NAME, FORMAT_TYPE)
#else
#define FORMATS(KERNELS)    \
    KERNELS(f32, F32)       \
    KERNELS(f16, F16)       \
    KERNELS(bf16, BF16)     \
    KERNELS(q8_0, Q8_0)     \
    KERNELS(q4_0, Q4_0)     \
    KERNELS(q4_1, Q4_1)     \
    KERNELS(q5_0, Q5_0)     \
    KERNELS(q5_1, Q5_1)     \
    KERNELS(q2_k, Q2_K)     \
    KERNELS(q3_k, Q3_K)     \
    KERNELS(q4_k, Q4_K)     \
    KERNELS(q5_k, Q5_K)     \
    KERNELS(q6_k, Q6_K)     \
    KERNELS(iq4_nl, IQ4_NL) \
    KERNELS(iq4_xs, IQ4_XS)
#endif
