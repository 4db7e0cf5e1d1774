// options: -mavx2 -mfma -mf16c -mbmi2
//
// Packing of weights into tiles of 16 rows, as PackedFormat.java describes them: line l of a block
// holds 32 bits of each of the 16 rows; a 16-bit scale of each row, if the type has one that fills no
// line, follows on half a line.
#include <immintrin.h>
#include <string.h>

#include "jllm_kernels.h"

enum { ROWS = 16, LINE = 64 };

// How a block of a type is packed; the fields are those of PackedBlocks.java.
struct layout {
  int32_t file_bytes;  // of a block in the file
  int32_t words_at;    // byte at which its words begin
  int32_t half_at;     // byte of its scale, or -1
  int32_t flip;        // bits of a word that are inverted
  int32_t turn;        // places by which a word is rotated to the left afterwards
  int32_t fifths;      // the word that holds fifth bits, or -1
  int32_t words;
  int32_t lines[];     // of each word
};

static uint32_t load(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

static uint32_t rotate_left(uint32_t word, int places) {
  return word << places | word >> (-places & 31);
}

// FifthBits.java says which bit goes where.
static uint32_t pack_fifths(uint32_t bits) {
  uint32_t packed = 0;
  for (int b = 0; b < 4; b++) {
    packed |= _pdep_u32(_pext_u32(bits, 0x1111u << b), 0x55u << 8 * b);
    packed |= _pdep_u32(_pext_u32(bits, 0x11110000u << b), 0xaau << 8 * b);
  }
  return packed;
}

static void pack_row(const struct layout *layout, const uint8_t *block, uint8_t *target) {
  uint32_t flip = (uint32_t)layout->flip;
  int turn = layout->turn;
  for (int word = 0; word < layout->words; word++) {
    uint32_t bits = load(block + layout->words_at + 4 * word);
    uint32_t moved = word == layout->fifths ? pack_fifths(bits) : rotate_left(bits ^ flip, turn);
    memcpy(target + layout->lines[word] * LINE, &moved, sizeof moved);
  }
}

// Packs the rows of a tile: rows of `blocks` blocks, `row_bytes` apart; those from `count` to 15 are
// filled with zeros.
static void pack_tile(const struct layout *layout, const uint8_t *source, int64_t row_bytes,
                      int64_t blocks, int count, uint8_t *target) {
  int64_t half_line = layout->words * LINE;
  int64_t packed_bytes = half_line + (layout->half_at < 0 ? 0 : LINE / 2);
  for (int64_t b = 0; b < blocks; b++, target += packed_bytes) {
    if (count < ROWS) {
      memset(target, 0, (size_t)packed_bytes);
    }
    for (int row = 0; row < count; row++) {
      const uint8_t *block = source + row * row_bytes + b * layout->file_bytes;
      pack_row(layout, block, target + 4 * row);
      if (layout->half_at >= 0) {
        memcpy(target + half_line + 2 * row, block + layout->half_at, 2);
      }
    }
  }
}

// Packs the tiles from..to-1 of a weight [rows, blocks]; `source` is row 0, `target` tile 0.
JLLM_EXPORT void jllm_pack_avx2(const int32_t *layout, const uint8_t *source, int64_t rows,
                                int64_t blocks, int64_t from, int64_t to, uint8_t *target) {
  const struct layout *l = (const struct layout *)layout;
  int64_t row_bytes = blocks * l->file_bytes;
  int64_t tile_bytes = blocks * (l->words * LINE + (l->half_at < 0 ? 0 : LINE / 2));
  for (int64_t tile = from; tile < to; tile++) {
    int64_t first = tile * ROWS;
    int count = rows - first < ROWS ? (int)(rows - first) : ROWS;
    pack_tile(l, source + first * row_bytes, row_bytes, blocks, count, target + tile * tile_bytes);
  }
}
