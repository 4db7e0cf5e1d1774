// module: common formats attention_pack
// Heads for tensor cores: rounded to bf16, the rows of a head together, padded with zeros to a
// width that is a multiple of 16 and to a length that is a multiple of 128. to [sequences, heads,
// length, width]; from [sequences * capacity, heads * head_dim] of a format, rows of each sequence
// are used.

// Eight neighbours of a row, from column on, of which the first valid ones exist.
template <class Format>
__device__ __forceinline__ uint4 packed8(const u8* row, long long column, int valid, bool vectors) {
    float q[8] = {}, scale = 1, shift = 0;
    if (vectors && valid >= 8) {
        Format::eight(row, column, q, scale, shift);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) q[i] = i < valid ? Format::one(row, column + i) : 0;
    }
    u32 words[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        words[i] = float_to_bf16(scale * q[2 * i] + shift) |
                   static_cast<u32>(float_to_bf16(scale * q[2 * i + 1] + shift)) << 16;
    }
    return make_uint4(words[0], words[1], words[2], words[3]);
}

template <class Format>
__device__ __forceinline__ void pack(u16* to, const void* from, int heads, int head_dim, int rows,
                                     int capacity, int length, int width, long long groups) {
    long long row_bytes = Format::row_bytes(heads * head_dim);
    bool vectors = head_dim % 8 == 0 && (!Format::FLOATS || aligned16(from));
    int of_row = width / 8;
    for (long long i = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x; i < groups;
         i += static_cast<long long>(gridDim.x) * blockDim.x) {
        long long line = divide(i, of_row), sequence_head = divide(line, length);
        int column = static_cast<int>(i - line * of_row) * 8;
        int row = static_cast<int>(line - sequence_head * length);
        int sequence = static_cast<int>(sequence_head / heads);
        int head = static_cast<int>(sequence_head % heads);
        uint4 eight = make_uint4(0, 0, 0, 0);
        if (row < rows && column < head_dim) {
            const u8* at = static_cast<const u8*>(from) +
                           (static_cast<long long>(sequence) * capacity + row) * row_bytes;
            eight = packed8<Format>(at, static_cast<long long>(head) * head_dim + column,
                                    head_dim - column, vectors);
        }
        reinterpret_cast<uint4*>(to)[i] = eight;
    }
}

#define PACK_KERNEL(NAME, TYPE)                                                                \
    KERNEL attention_pack_##NAME(u16* to, const void* from, int heads, int head_dim, int rows, \
                                 int capacity, int length, int width, long long groups) {      \
        pack<TYPE>(to, from, heads, head_dim, rows, capacity, length, width, groups);          \
    }

FORMATS(PACK_KERNEL)
