// Activations as integers, for products with weights that are integers themselves: four products of
// bytes are one instruction, where decoding weights to floats takes several for each. 16 bits keep
// what the weights' types do not lose; they are two signed bytes, x = (256 high + low) * scale.

// 0x01010101: the sum of the bytes.
__device__ __forceinline__ int dot(u32 a, u32 b, int sum) {
    return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
}

// Elements of some rows of x, in shared memory.
template <int ROWS>
struct IntegerRows {
    static constexpr int ELEMENTS = ROWS == 1 ? 4096 : ROWS == 2 ? 2048 : 1024;
    static constexpr int SIXTEENS = ELEMENTS / 16;

    // The scale of 16 elements; the sums of the first and of the last 8 as the integers have it.
    float4 sixteen[ROWS][SIXTEENS];
    uint4 high[ROWS][SIXTEENS];
    uint4 low[ROWS][SIXTEENS];

    // Rounds elements base..base+count-1 of rows row.. of x; rows beyond the last are the last again.
    // What is not finite gives a scale that is not a number.
    __device__ __forceinline__ void load(const float* x, int row, int rows, int inputs, int base,
                                         int count) {
        bool vectors = aligned16(x);  // rows are whole blocks
        for (int i = threadIdx.x; i < ROWS * SIXTEENS; i += blockDim.x) {
            int r = i / SIXTEENS, at = i % SIXTEENS;
            if (at * 16 >= count) continue;
            const float* from =
                x + static_cast<long long>(min(row + r, rows - 1)) * inputs + base + at * 16;
            float v[16];
            load8(from, vectors, v);
            load8(from + 8, vectors, v + 8);
            round(v, sixteen[r][at], high[r][at], low[r][at]);
        }
    }

    __device__ __forceinline__ static void round(const float (&v)[16], float4& factors, uint4& high,
                                                 uint4& low) {
        u32 largest = 0;  // as integers, floats without sign keep their order; infinity and others
                          // follow
#pragma unroll
        for (int i = 0; i < 16; i++) largest = max(largest, __float_as_uint(v[i]) & 0x7fffffffu);
        float top = __uint_as_float(largest);
        float inverse = top > 4e-34f ? 32639 / top : 0;  // 127 * 256 + 127
        float scale = largest < 0x7f800000u ? top * (1.0f / 32639) : __uint_as_float(0x7fc00000u);
        u32 highs[4], lows[4];
        int sums[2] = {0, 0};
#pragma unroll
        for (int w = 0; w < 4; w++) {
            u32 bits[4];  // of 1.5 * 2^23 + the integer, whose lower half is the integer's
#pragma unroll
            for (int i = 0; i < 4; i++)
                bits[i] = __float_as_uint(fmaf(v[w * 4 + i], inverse, 12582912.0f));
            lows[w] = __byte_perm(__byte_perm(bits[0], bits[1], 0x0040),
                                  __byte_perm(bits[2], bits[3], 0x0040), 0x5410);
#pragma unroll
            for (int i = 0; i < 4; i++) bits[i] += 0x80;  // low is signed: high makes up for it
            highs[w] = __byte_perm(__byte_perm(bits[0], bits[1], 0x0051),
                                   __byte_perm(bits[2], bits[3], 0x0051), 0x5410);
            sums[w / 2] += dot(highs[w], 0x01010101u, 0) * 256 + dot(lows[w], 0x01010101u, 0);
        }
        high = make_uint4(highs[0], highs[1], highs[2], highs[3]);
        low = make_uint4(lows[0], lows[1], lows[2], lows[3]);
        factors = make_float4(scale, scale * sums[0], scale * sums[1], 0);
    }

    // The 4 * WORDS elements from e on, and their scale and sum.
    __device__ __forceinline__ void get(int r, int e, u32 (&highs)[4], u32 (&lows)[4],
                                        float2& factors) const {
        uint4 h = high[r][e / 16], l = low[r][e / 16];
        float4 f = sixteen[r][e / 16];
        highs[0] = h.x, highs[1] = h.y, highs[2] = h.z, highs[3] = h.w;
        lows[0] = l.x, lows[1] = l.y, lows[2] = l.z, lows[3] = l.w;
        factors = make_float2(f.x, f.y + f.z);
    }
    __device__ __forceinline__ void get(int r, int e, u32 (&highs)[2], u32 (&lows)[2],
                                        float2& factors) const {
        int last = e / 8 % 2;
        uint2 h = reinterpret_cast<const uint2*>(&high[r][e / 16])[last];
        uint2 l = reinterpret_cast<const uint2*>(&low[r][e / 16])[last];
        float4 f = sixteen[r][e / 16];
        highs[0] = h.x, highs[1] = h.y;
        lows[0] = l.x, lows[1] = l.y;
        factors = make_float2(f.x, last ? f.z : f.y);
    }
};

// Adds a warp's products of ROWS rows of x with OUTPUTS rows of w to the sums of its lanes. What a
// row of x becomes depends neither on ROWS nor on OUTPUTS.
template <class Format, int OUTPUTS, int ROWS>
__device__ __forceinline__ void multiply_integers(float (&sums)[OUTPUTS][ROWS],
                                                  IntegerRows<ROWS>& tile, const float* x,
                                                  const u8* const (&w)[OUTPUTS], int row, int rows,
                                                  int inputs) {
    constexpr int CHUNK = Format::GROUPS * Format::WORDS * 4, UNROLL = CHUNK < 32 ? 2 : 1;
    constexpr int ELEMENTS = IntegerRows<ROWS>::ELEMENTS;
    for (int base = 0; base < inputs; base += ELEMENTS) {
        int count = min(ELEMENTS, inputs - base);
        if (base > 0) __syncthreads();  // all have read what is there
        tile.load(x, row, rows, inputs, base, count);
        __syncthreads();
#pragma unroll UNROLL
        for (int c = threadIdx.x % 32; c < count / CHUNK; c += 32) {
            u32 q[OUTPUTS][Format::GROUPS][Format::WORDS];
            float scale[OUTPUTS][Format::GROUPS], offset[OUTPUTS][Format::GROUPS];
#pragma unroll
            for (int o = 0; o < OUTPUTS; o++)
                Format::chunk(w[o], base / CHUNK + c, q[o], scale[o], offset[o]);
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
#pragma unroll
                for (int g = 0; g < Format::GROUPS; g++) {
                    u32 high[Format::WORDS], low[Format::WORDS];
                    float2 factors;
                    tile.get(r, Format::place(c, g), high, low, factors);
#pragma unroll
                    for (int o = 0; o < OUTPUTS; o++) {
                        int upper = 0, lower = 0;
#pragma unroll
                        for (int i = 0; i < Format::WORDS; i++) {
                            upper = dot(q[o][g][i], high[i], upper);
                            lower = dot(q[o][g][i], low[i], lower);
                        }
                        float sum = static_cast<float>(upper * 256 + lower);
                        sums[o][r] += scale[o][g] * factors.x * sum;
                        if (Format::CENTER == 0) {
                            sums[o][r] += offset[o][g] * factors.y;
                        } else if (Format::CENTER != SIGNED_BYTES) {
                            float center = offset[o][g] - Format::CENTER * scale[o][g];
                            sums[o][r] += center * factors.y;
                        }
                    }
                }
            }
        }
    }
}
