// Weights as they lie in model files (the codecs in jllm.tensor.quant describe the layouts), for
// the kernels of weights.cu and matvec.cu. A format is a struct:
//   eight(row, e, q, scale, offset)  elements e..e+7 of a row, e a multiple of 8: each is
//                                    scale * q + offset; no format changes its scale within 8
//   one(row, e)                      one element, of formats without blocks and of Q8_0
//   row_bytes(columns)               of a row
// Formats of blocks have, for products of integers:
//   bytes(row, e, q, scale, offset)  elements e..e+7: each is scale * (q - CENTER) + offset, q an
//                                    unsigned byte; of formats of SIGNED_BYTES scale * q
//   chunk(row, c, q, scale, offset)  what a lane reads at once: chunk number c of a row, GROUPS
//                                    times 4 * WORDS bytes
//   place(c, g)                      the first element of a group of a chunk
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

__device__ __forceinline__ u32 word16(const u8* p) { return *reinterpret_cast<const u16*>(p); }
__device__ __forceinline__ u32 word32(const u8* p) { return *reinterpret_cast<const u32*>(p); }
__device__ __forceinline__ uint2 words(const u8* p) { return *reinterpret_cast<const uint2*>(p); }
__device__ __forceinline__ uint4 words4(const u8* p) { return *reinterpret_cast<const uint4*>(p); }
// Eight bytes at an address that is a multiple of 2 or 4. Words that hold one of them are whole
// inside of any piece of memory.
__device__ __forceinline__ uint2 words_of_halves(const u8* p) {
    u64 at = reinterpret_cast<u64>(p);
    const u32* from = reinterpret_cast<const u32*>(at & ~3ull);
    u32 shift = (at & 2) * 8;
    u32 last = shift ? from[2] : 0;
    return make_uint2(__funnelshift_r(from[0], from[1], shift),
                      __funnelshift_r(from[1], last, shift));
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

// The center of signed bytes as if they were unsigned.
#define SIGNED_BYTES 128

template <class Self, int LENGTH, int BYTES, int CENTER_OF_BYTES>
struct Blocks {
    static constexpr bool FLOATS = false;
    static constexpr int CENTER = CENTER_OF_BYTES;

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

    __device__ __forceinline__ static void eight(const u8* row, long long e, float* q, float& scale,
                                                 float& offset) {
        uint2 bytes;
        Self::bytes(row, e, bytes, scale, offset);
        u32 flipped = CENTER == SIGNED_BYTES ? 0x80808080u : 0;
        bytes_to_floats(bytes.x ^ flipped, CENTER, q);
        bytes_to_floats(bytes.y ^ flipped, CENTER, q + 4);
    }
};

struct OneGroup {
    static constexpr int GROUPS = 1, WORDS = 2;
    __device__ __forceinline__ static int place(int c, int) { return c * 8; }
};

// What formats whose nibbles of element i and i + 16 share byte i read at once: eight bytes, their
// low nibbles and their high ones.
struct TwoGroups {
    static constexpr int GROUPS = 2, WORDS = 2;
    __device__ __forceinline__ static int place(int c, int g) {
        return c / 2 * 32 + g * 16 + c % 2 * 8;
    }
};

// Eight elements of each quarter of half a block of 256.
struct FourGroups {
    static constexpr int GROUPS = 4, WORDS = 2;
    __device__ __forceinline__ static int place(int c, int g) {
        return c / 4 * 128 + g * 32 + c % 4 * 8;
    }
};

// Sixteen bytes: low nibbles of one group of 32, high ones of the next.
struct LongGroups {
    static constexpr int GROUPS = 2, WORDS = 4;
    __device__ __forceinline__ static int place(int c, int g) {
        return c / 8 * 256 + c % 8 / 2 * 64 + g * 32 + c % 2 * 16;
    }
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

struct Q8_0 : Blocks<Q8_0, 32, 34, SIGNED_BYTES>, OneGroup {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        q = words_of_halves(b + 2 + part(e) * 8);
        scale = half_to_float(word16(b)), offset = 0;
    }
    __device__ __forceinline__ static float one(const u8* row, long long e) {
        const u8* b = block(row, e);
        return half_to_float(word16(b)) * static_cast<signed char>(b[2 + e % 32]);
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[1][2],
                                                 float (&scale)[1], float (&offset)[1]) {
        uint2 eight;
        bytes(row, c * 8, eight, scale[0], offset[0]);
        q[0][0] = eight.x, q[0][1] = eight.y;
    }
};

// Of the formats whose nibbles of element i and i + 16 share byte i: parts 0 and 1 are low nibbles,
// 2 and 3 high ones.
struct Q4_0 : Blocks<Q4_0, 32, 18, 8>, TwoGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        q = nibbles(words_of_halves(b + 2 + p % 2 * 8), p / 2 * 4);
        scale = half_to_float(word16(b)), offset = 0;
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][2],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 16);
        uint2 both = words_of_halves(b + 2 + c % 2 * 8);
        q[0][0] = both.x & 0x0f0f0f0fu, q[0][1] = both.y & 0x0f0f0f0fu;
        q[1][0] = both.x >> 4 & 0x0f0f0f0fu, q[1][1] = both.y >> 4 & 0x0f0f0f0fu;
        scale[0] = scale[1] = half_to_float(word16(b));
        offset[0] = offset[1] = 0;
    }
};

struct Q4_1 : Blocks<Q4_1, 32, 20, 0>, TwoGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        q = nibbles(words_of_words(b + 4 + p % 2 * 8), p / 2 * 4);
        u32 both = word32(b);
        scale = half_to_float(both & 0xffff), offset = half_to_float(both >> 16);
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][2],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 16);
        uint2 both = words_of_words(b + 4 + c % 2 * 8);
        q[0][0] = both.x & 0x0f0f0f0fu, q[0][1] = both.y & 0x0f0f0f0fu;
        q[1][0] = both.x >> 4 & 0x0f0f0f0fu, q[1][1] = both.y >> 4 & 0x0f0f0f0fu;
        u32 factors = word32(b);
        scale[0] = scale[1] = half_to_float(factors & 0xffff);
        offset[0] = offset[1] = half_to_float(factors >> 16);
    }
};

struct Q5_0 : Blocks<Q5_0, 32, 22, 16>, TwoGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        u32 high = word16(b + 2 + p / 2 * 2) >> p % 2 * 8;
        uint2 low = nibbles(words_of_halves(b + 6 + p % 2 * 8), p / 2 * 4);
        q.x = low.x | spread(high) << 4;
        q.y = low.y | spread(high >> 4) << 4;
        scale = half_to_float(word16(b)), offset = 0;
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][2],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 16);
        uint2 both = words_of_halves(b + 6 + c % 2 * 8);
        u32 fifths = word16(b + 2) | word16(b + 4) << 16;
        u32 first = fifths >> c % 2 * 8, second = first >> 16;
        q[0][0] = (both.x & 0x0f0f0f0fu) | spread(first) << 4;
        q[0][1] = (both.y & 0x0f0f0f0fu) | spread(first >> 4) << 4;
        q[1][0] = (both.x >> 4 & 0x0f0f0f0fu) | spread(second) << 4;
        q[1][1] = (both.y >> 4 & 0x0f0f0f0fu) | spread(second >> 4) << 4;
        scale[0] = scale[1] = half_to_float(word16(b));
        offset[0] = offset[1] = 0;
    }
};

struct Q5_1 : Blocks<Q5_1, 32, 24, 0>, TwoGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        uint2 head = words(b);
        u32 high = head.y >> p * 8;
        uint2 low = nibbles(words(b + 8 + p % 2 * 8), p / 2 * 4);
        q.x = low.x | spread(high) << 4;
        q.y = low.y | spread(high >> 4) << 4;
        scale = half_to_float(head.x & 0xffff), offset = half_to_float(head.x >> 16);
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][2],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 16);
        uint2 both = words(b + 8 + c % 2 * 8);
        uint2 head = words(b);
        u32 fifths = head.y;
        u32 first = fifths >> c % 2 * 8, second = first >> 16;
        q[0][0] = (both.x & 0x0f0f0f0fu) | spread(first) << 4;
        q[0][1] = (both.y & 0x0f0f0f0fu) | spread(first >> 4) << 4;
        q[1][0] = (both.x >> 4 & 0x0f0f0f0fu) | spread(second) << 4;
        q[1][1] = (both.y >> 4 & 0x0f0f0f0fu) | spread(second >> 4) << 4;
        scale[0] = scale[1] = half_to_float(head.x & 0xffff);
        offset[0] = offset[1] = half_to_float(head.x >> 16);
    }
};

// Of the formats with blocks of 256: part p has elements 8p..8p+7, in quarter (p / 4) % 4 of half p
// / 16.
struct Q2_K : Blocks<Q2_K, 256, 84, 0>, FourGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        uint2 pairs = words_of_words(b + 16 + p / 16 * 32 + p % 4 * 8);
        int shift = p / 4 % 4 * 2;
        q.x = pairs.x >> shift & 0x03030303u;
        q.y = pairs.y >> shift & 0x03030303u;
        u32 both = b[p / 2], factors = word32(b + 80);
        scale = half_to_float(factors & 0xffff) * (both & 15);
        offset = -half_to_float(factors >> 16) * (both >> 4);
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[4][2],
                                                 float (&scale)[4], float (&offset)[4]) {
        const u8* b = block(row, c * 32);
        int half = c % 8 / 4, at = c % 4 * 8;
        uint2 pairs = words_of_words(b + 16 + half * 32 + at);
        uint2 both = words_of_words(b + half * 8);
        u32 factors = word32(b + 80);
        float d = half_to_float(factors & 0xffff), least = -half_to_float(factors >> 16);
#pragma unroll
        for (int g = 0; g < 4; g++) {
            u32 six = (g < 2 ? both.x : both.y) >> at / 16 * 8 >> g % 2 * 16;
            q[g][0] = pairs.x >> g * 2 & 0x03030303u;
            q[g][1] = pairs.y >> g * 2 & 0x03030303u;
            scale[g] = d * (six & 15);
            offset[g] = least * (six >> 4 & 15);
        }
    }
};

struct Q3_K : Blocks<Q3_K, 256, 110, 4>, FourGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 2;
        uint2 high = words_of_halves(b + p % 4 * 8);
        uint2 pairs = words_of_halves(b + 32 + p / 16 * 32 + p % 4 * 8);
        int shift = p / 4 % 4 * 2, bit = p / 4;
        q.x = (pairs.x >> shift & 0x03030303u) | (high.x >> bit & 0x01010101u) << 2;
        q.y = (pairs.y >> shift & 0x03030303u) | (high.y >> bit & 0x01010101u) << 2;
        int low = b[96 + group % 8] >> group / 8 * 4 & 15;
        int top = b[104 + group % 4] >> group / 4 * 2 & 3;
        scale = half_to_float(word16(b + 108)) * ((low | top << 4) - 32), offset = 0;
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[4][2],
                                                 float (&scale)[4], float (&offset)[4]) {
        const u8* b = block(row, c * 32);
        int half = c % 8 / 4, at = c % 4 * 8;
        uint2 third = words_of_halves(b + at);
        uint2 pairs = words_of_halves(b + 32 + half * 32 + at);
        uint2 low = nibbles(words_of_halves(b + 96), half * 4);
        u32 top = (word16(b + 104) | word16(b + 106) << 16) >> half * 4;
        third.x >>= half * 4, third.y >>= half * 4;
        low.x >>= at / 16 * 8, low.y >>= at / 16 * 8, top >>= at / 16 * 8;
        float d = half_to_float(word16(b + 108));
#pragma unroll
        for (int g = 0; g < 4; g++) {
            q[g][0] = (pairs.x >> g * 2 & 0x03030303u) | (third.x >> g & 0x01010101u) << 2;
            q[g][1] = (pairs.y >> g * 2 & 0x03030303u) | (third.y >> g & 0x01010101u) << 2;
            int six = ((g < 2 ? low.x : low.y) >> g % 2 * 16 & 15) |
                      (top >> g % 2 * 16 >> g / 2 * 2 & 3) << 4;
            scale[g] = d * (six - 32);
            offset[g] = 0;
        }
    }
};

// The factors of groups 2 pair and 2 pair + 1 of Q4_K and Q5_K, from the first 16 bytes of a block:
// d, dmin, 8 pairs of 6 bits.
__device__ __forceinline__ void six_bit_pairs(const u8* block, int pair, float (&scale)[2],
                                              float (&offset)[2]) {
    uint4 head = words4(block);
    int at = pair % 2 * 16;
    u32 first = head.y >> at, second = head.z >> at, third = head.w >> at, s, m;
    if (pair < 2) {
        s = first & 0x3f3fu;
        m = second & 0x3f3fu;
    } else {
        s = (third & 0x0f0fu) | (first >> 2 & 0x3030u);
        m = (third >> 4 & 0x0f0fu) | (second >> 2 & 0x3030u);
    }
    float d = half_to_float(head.x & 0xffff), least = -half_to_float(head.x >> 16);
    scale[0] = d * (s & 0xff), scale[1] = d * (s >> 8 & 0xff);
    offset[0] = least * (m & 0xff), offset[1] = least * (m >> 8 & 0xff);
}

__device__ __forceinline__ void six_bit_pair(const u8* block, int group, float& scale,
                                             float& offset) {
    float scales[2], offsets[2];
    six_bit_pairs(block, group / 2, scales, offsets);
    scale = group % 2 ? scales[1] : scales[0];
    offset = group % 2 ? offsets[1] : offsets[0];
}

struct Q4_K : Blocks<Q4_K, 256, 144, 0>, LongGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 4;
        q = nibbles(words(b + 16 + group / 2 * 32 + p % 4 * 8), group % 2 * 4);
        six_bit_pair(b, group, scale, offset);
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][4],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 32);
        int pair = c % 8 / 2;
        uint4 both = words4(b + 16 + pair * 32 + c % 2 * 16);
        const u32 word[4] = {both.x, both.y, both.z, both.w};
#pragma unroll
        for (int i = 0; i < 4; i++)
            q[0][i] = word[i] & 0x0f0f0f0fu, q[1][i] = word[i] >> 4 & 0x0f0f0f0fu;
        six_bit_pairs(b, pair, scale, offset);
    }
};

struct Q5_K : Blocks<Q5_K, 256, 176, 0>, LongGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 4;
        uint2 high = words(b + 16 + p % 4 * 8);
        uint2 low = nibbles(words(b + 48 + group / 2 * 32 + p % 4 * 8), group % 2 * 4);
        q.x = low.x | (high.x >> group & 0x01010101u) << 4;
        q.y = low.y | (high.y >> group & 0x01010101u) << 4;
        six_bit_pair(b, group, scale, offset);
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][4],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 32);
        int pair = c % 8 / 2;
        uint4 fifth = words4(b + 16 + c % 2 * 16);
        uint4 both = words4(b + 48 + pair * 32 + c % 2 * 16);
        const u32 high[4] = {fifth.x, fifth.y, fifth.z, fifth.w};
        const u32 word[4] = {both.x, both.y, both.z, both.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            u32 bits = high[i] >> pair * 2;
            q[0][i] = (word[i] & 0x0f0f0f0fu) | (bits & 0x01010101u) << 4;
            q[1][i] = (word[i] >> 4 & 0x0f0f0f0fu) | (bits & 0x02020202u) << 3;
        }
        six_bit_pairs(b, pair, scale, offset);
    }
};

struct Q6_K : Blocks<Q6_K, 256, 210, 32>, FourGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), half = p / 16, quarter = p / 4 % 4;
        uint2 low =
            nibbles(words_of_halves(b + half * 64 + quarter % 2 * 32 + p % 4 * 8), quarter / 2 * 4);
        uint2 high = words_of_halves(b + 128 + half * 32 + p % 4 * 8);
        q.x = low.x | (high.x >> quarter * 2 & 0x03030303u) << 4;
        q.y = low.y | (high.y >> quarter * 2 & 0x03030303u) << 4;
        scale = half_to_float(word16(b + 208)) * static_cast<signed char>(b[192 + p / 2]),
        offset = 0;
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[4][2],
                                                 float (&scale)[4], float (&offset)[4]) {
        const u8* b = block(row, c * 32);
        int half = c % 8 / 4, at = c % 4 * 8;
        uint2 first = words_of_halves(b + half * 64 + at);
        uint2 second = words_of_halves(b + half * 64 + 32 + at);
        uint2 high = words_of_halves(b + 128 + half * 32 + at);
        uint2 scales = words_of_halves(b + 192 + half * 8);
        float factor = half_to_float(word16(b + 208));
#pragma unroll
        for (int g = 0; g < 4; g++) {
            u32 own = (g < 2 ? scales.x : scales.y) >> at / 16 * 8 >> g % 2 * 16;
            uint2 low = nibbles(g % 2 ? second : first, g / 2 * 4);
            q[g][0] = low.x | (high.x >> g * 2 & 0x03030303u) << 4;
            q[g][1] = low.y | (high.y >> g * 2 & 0x03030303u) << 4;
            scale[g] = factor * static_cast<signed char>(own & 0xff);
            offset[g] = 0;
        }
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
__device__ __forceinline__ uint2 iq4_bytes(uint2 bytes, int high) {
    u32 chosen = high ? 0x7531 : 0x6420;
    return make_uint2(__byte_perm(iq4_values(bytes.x), iq4_values(bytes.x >> 16), chosen),
                      __byte_perm(iq4_values(bytes.y), iq4_values(bytes.y >> 16), chosen));
}

// Both.
__device__ __forceinline__ void iq4_bytes(uint2 bytes, u32 (&q)[2][2]) {
    u32 a = iq4_values(bytes.x), b = iq4_values(bytes.x >> 16);
    u32 c = iq4_values(bytes.y), d = iq4_values(bytes.y >> 16);
    q[0][0] = __byte_perm(a, b, 0x6420), q[0][1] = __byte_perm(c, d, 0x6420);
    q[1][0] = __byte_perm(a, b, 0x7531), q[1][1] = __byte_perm(c, d, 0x7531);
}

struct IQ4_NL : Blocks<IQ4_NL, 32, 18, SIGNED_BYTES>, TwoGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e);
        q = iq4_bytes(words_of_halves(b + 2 + p % 2 * 8), p / 2);
        scale = half_to_float(word16(b)), offset = 0;
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][2],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 16);
        iq4_bytes(words_of_halves(b + 2 + c % 2 * 8), q);
        scale[0] = scale[1] = half_to_float(word16(b));
        offset[0] = offset[1] = 0;
    }
};

struct IQ4_XS : Blocks<IQ4_XS, 256, 136, SIGNED_BYTES>, TwoGroups {
    __device__ __forceinline__ static void bytes(const u8* row, long long e, uint2& q, float& scale,
                                                 float& offset) {
        const u8* b = block(row, e);
        int p = part(e), group = p / 4;
        uint2 head = words(b);
        q = iq4_bytes(words(b + 8 + group * 16 + p % 2 * 8), p / 2 % 2);
        int s = (head.y >> group * 4 & 15) | (head.x >> 16 >> group * 2 & 3) << 4;
        scale = half_to_float(head.x & 0xffff) * (s - 32), offset = 0;
    }
    __device__ __forceinline__ static void chunk(const u8* row, int c, u32 (&q)[2][2],
                                                 float (&scale)[2], float (&offset)[2]) {
        const u8* b = block(row, c * 16);
        int group = c % 16 / 2;
        uint2 head = words(b);
        iq4_bytes(words(b + 8 + group * 16 + c % 2 * 8), q);
        int s = (head.y >> group * 4 & 15) | (head.x >> 16 >> group * 2 & 3) << 4;
        scale[0] = scale[1] = half_to_float(head.x & 0xffff) * (s - 32);
        offset[0] = offset[1] = 0;
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
