// The blocks of each quantized type as PackedBlocks.java and its subclasses keep them: lines of 64
// bytes, 32 bits for each of 16 rows. For each type TYPE:
//   TYPE_BYTES, TYPE_LENGTH, TYPE_GROUP   bytes and columns of a block of 16 rows; columns with a scale
//   TYPE_SHARING, TYPE_STRIDE             how many groups lie on the same lines, and how far these are from each other
//   TYPE_head    what is read once for a block
//   TYPE_scale   the scale of group g, one for each row
//   TYPE_minimum what is added to each weight of the group, where the type has that
//   TYPE_word    columns 4i to 4i + 3 of group g, a byte each, too large by center_of(TYPE)
// Written in the vectors of an instruction set (V: 32-bit integers, F: floats); `at` is the place of
// the first of their rows in the block's first line, `half` that of its scale of 16 bits behind the lines.
#define LINE_AT(n) LOAD(at + (n) * LINE)

// A byte of four, unsigned; a few bits of it.
INLINE V bits_at(V words, int place, uint32_t mask) { return AND(SRL(words, place), mask); }

// 32-bit words whose bytes get bit `from` of `bits` at place `to`.
INLINE V with_bits(V low, V bits, int from, int to, uint32_t mask) {
  return MERGE(low, from > to ? SRL(bits, from - to) : SLL(bits, to - from), mask);
}

INLINE V nibbles(V words, int upper) { return AND(upper ? SRL(words, 4) : words, 0x0f0f0f0f); }

// A scale, or a scale and a minimum, for the block.
struct plain_head { F d, m; };

#define Q8_0_BYTES (8 * LINE + LINE / 2)
#define Q8_0_LENGTH 32
#define Q8_0_GROUP 32
#define Q8_0_SHARING 1
#define Q8_0_STRIDE 1
#define Q8_0_HEAD plain_head
INLINE struct plain_head Q8_0_head(const uint8_t *at, const uint8_t *half) {
  (void)at;
  return (struct plain_head){HALVES(half + 8 * LINE), ZERO};
}
INLINE F Q8_0_scale(const struct plain_head *head, int g) { (void)g; return head->d; }
INLINE V Q8_0_word(const uint8_t *at, int g, int i) { (void)g; return ROR(LINE_AT(i), 15); }

#define Q4_0_BYTES (4 * LINE + LINE / 2)
#define Q4_0_LENGTH 32
#define Q4_0_GROUP 32
#define Q4_0_SHARING 1
#define Q4_0_STRIDE 1
#define Q4_0_HEAD plain_head
INLINE struct plain_head Q4_0_head(const uint8_t *at, const uint8_t *half) {
  (void)at;
  return (struct plain_head){HALVES(half + 4 * LINE), ZERO};
}
#define Q4_0_scale Q8_0_scale
INLINE V Q4_0_word(const uint8_t *at, int g, int i) { (void)g; return nibbles(LINE_AT(i % 4), i / 4); }

#define IQ4_NL_BYTES Q4_0_BYTES
#define IQ4_NL_LENGTH 32
#define IQ4_NL_GROUP 32
#define IQ4_NL_SHARING 1
#define IQ4_NL_STRIDE 1
#define IQ4_NL_HEAD plain_head
#define IQ4_NL_head Q4_0_head
#define IQ4_NL_scale Q8_0_scale
INLINE V IQ4_NL_word(const uint8_t *at, int g, int i) { return LOOKUP(Q4_0_word(at, g, i)); }

#define Q4_1_BYTES (5 * LINE)
#define Q4_1_LENGTH 32
#define Q4_1_GROUP 32
#define Q4_1_SHARING 1
#define Q4_1_STRIDE 1
#define Q4_1_HEAD plain_head
INLINE struct plain_head Q4_1_head(const uint8_t *at, const uint8_t *half) {
  (void)half;
  return (struct plain_head){LOWER_HALVES(LOAD(at)), UPPER_HALVES(LOAD(at))};
}
#define Q4_1_scale Q8_0_scale
INLINE F Q4_1_minimum(const struct plain_head *head, int g) { (void)g; return head->m; }
INLINE V Q4_1_word(const uint8_t *at, int g, int i) { return Q4_0_word(at + LINE, g, i); }

// Nibbles of 32 columns on four lines, and their fifth bits (FifthBits.java).
INLINE V five_bits(V fifths, const uint8_t *at, int i) {
  return with_bits(Q4_0_word(at, 0, i), fifths, 2 * (i % 4) + i / 4, 4, 0x10101010);
}

#define Q5_0_BYTES (5 * LINE + LINE / 2)
#define Q5_0_LENGTH 32
#define Q5_0_GROUP 32
#define Q5_0_SHARING 1
#define Q5_0_STRIDE 1
#define Q5_0_HEAD plain_head
INLINE struct plain_head Q5_0_head(const uint8_t *at, const uint8_t *half) {
  (void)at;
  return (struct plain_head){HALVES(half + 5 * LINE), ZERO};
}
#define Q5_0_scale Q8_0_scale
INLINE V Q5_0_word(const uint8_t *at, int g, int i) { (void)g; return five_bits(LINE_AT(0), at + LINE, i); }

#define Q5_1_BYTES (6 * LINE)
#define Q5_1_LENGTH 32
#define Q5_1_GROUP 32
#define Q5_1_SHARING 1
#define Q5_1_STRIDE 1
#define Q5_1_HEAD plain_head
#define Q5_1_head Q4_1_head
#define Q5_1_scale Q8_0_scale
#define Q5_1_minimum Q4_1_minimum
INLINE V Q5_1_word(const uint8_t *at, int g, int i) { (void)g; return five_bits(LINE_AT(1), at + 2 * LINE, i); }

// Of Q4_K and Q5_K: scales and minima of groups 0 to 3 and of groups 4 to 7, a byte each.
struct six_bit_head { F d, dmin; V scales[2], minima[2]; };
INLINE struct six_bit_head Q4_K_head(const uint8_t *at, const uint8_t *half) {
  (void)half;
  V a = LINE_AT(1), b = LINE_AT(2), c = LINE_AT(3);
  return (struct six_bit_head){
      LOWER_HALVES(LOAD(at)),
      NEGATE(UPPER_HALVES(LOAD(at))),
      {AND(a, 0x3f3f3f3f), MERGE(AND(c, 0x0f0f0f0f), SRL(a, 2), 0x30303030)},
      {AND(b, 0x3f3f3f3f), MERGE(nibbles(c, 1), SRL(b, 2), 0x30303030)}};
}
INLINE F Q4_K_scale(const struct six_bit_head *head, int g) {
  return MUL(head->d, FLOAT(bits_at(head->scales[g / 4], 8 * (g % 4), 0xff)));
}
INLINE F Q4_K_minimum(const struct six_bit_head *head, int g) {
  return MUL(head->dmin, FLOAT(bits_at(head->minima[g / 4], 8 * (g % 4), 0xff)));
}
#define Q4_K_BYTES (36 * LINE)
#define Q4_K_LENGTH 256
#define Q4_K_GROUP 32
#define Q4_K_SHARING 2
#define Q4_K_STRIDE 1
#define Q4_K_HEAD six_bit_head
INLINE V Q4_K_word(const uint8_t *at, int g, int i) { return nibbles(LINE_AT(4 + g / 2 * 8 + i), g % 2); }

#define Q5_K_BYTES (44 * LINE)
#define Q5_K_LENGTH 256
#define Q5_K_GROUP 32
#define Q5_K_SHARING 2
#define Q5_K_STRIDE 1
#define Q5_K_HEAD six_bit_head
#define Q5_K_head Q4_K_head
#define Q5_K_scale Q4_K_scale
#define Q5_K_minimum Q4_K_minimum
INLINE V Q5_K_word(const uint8_t *at, int g, int i) {
  return with_bits(nibbles(LINE_AT(12 + g / 2 * 8 + i), g % 2), LINE_AT(4 + i), g, 4, 0x10101010);
}

// Scales of groups of 16 columns, four to a line, a byte each.
struct byte_head { F d; V scales[4]; };
INLINE F Q6_K_scale(const struct byte_head *head, int g) {
  return MUL(head->d, FLOAT(SRA(SLL(head->scales[g / 4], 24 - 8 * (g % 4)), 24)));
}
#define Q6_K_BYTES (52 * LINE + LINE / 2)
#define Q6_K_LENGTH 256
#define Q6_K_GROUP 16
#define Q6_K_SHARING 4
#define Q6_K_STRIDE 2
#define Q6_K_HEAD byte_head
INLINE struct byte_head Q6_K_head(const uint8_t *at, const uint8_t *half) {
  return (struct byte_head){HALVES(half + 52 * LINE), {LINE_AT(0), LINE_AT(1), LINE_AT(2), LINE_AT(3)}};
}
INLINE V Q6_K_word(const uint8_t *at, int g, int i) {
  int lines = 4 + g / 8 * 24 + g % 2 * 12 + 3 * i;
  int quarter = g % 8 / 2;
  return with_bits(nibbles(LINE_AT(lines + quarter % 2), quarter / 2), LINE_AT(lines + 2), 2 * quarter, 4, 0x30303030);
}

#define Q3_K_BYTES (27 * LINE + LINE / 2)
#define Q3_K_LENGTH 256
#define Q3_K_GROUP 16
#define Q3_K_SHARING 4
#define Q3_K_STRIDE 2
#define Q3_K_HEAD byte_head
#define Q3_K_scale Q6_K_scale
INLINE V Q3_K_scales(V low, V high) {
  // A byte of 0 to 63 less 32: with the sixth bit turned over and doubled as sign.
  V six = XOR(MERGE(low, high, 0x30303030), 0x20202020);
  return OR(six, OR(SLL(AND(six, 0x20202020), 1), SLL(AND(six, 0x20202020), 2)));
}
INLINE struct byte_head Q3_K_head(const uint8_t *at, const uint8_t *half) {
  V a = LINE_AT(24), b = LINE_AT(25), c = LINE_AT(26);
  return (struct byte_head){HALVES(half + 27 * LINE),
                            {Q3_K_scales(nibbles(a, 0), SLL(c, 4)), Q3_K_scales(nibbles(b, 0), SLL(c, 2)),
                             Q3_K_scales(nibbles(a, 1), c), Q3_K_scales(nibbles(b, 1), SRL(c, 2))}};
}
INLINE V Q3_K_word(const uint8_t *at, int g, int i) {
  V pairs = bits_at(LINE_AT(8 + g / 8 * 8 + g % 2 * 4 + i), 2 * (g / 2 % 4), 0x03030303);
  return with_bits(pairs, LINE_AT(g % 2 * 4 + i), g / 2, 2, 0x04040404);
}

struct pair_head { F d, dmin; V both[4]; };
#define Q2_K_BYTES (21 * LINE)
#define Q2_K_LENGTH 256
#define Q2_K_GROUP 16
#define Q2_K_SHARING 4
#define Q2_K_STRIDE 2
#define Q2_K_HEAD pair_head
INLINE struct pair_head Q2_K_head(const uint8_t *at, const uint8_t *half) {
  (void)half;
  return (struct pair_head){LOWER_HALVES(LINE_AT(20)), NEGATE(UPPER_HALVES(LINE_AT(20))),
                            {LINE_AT(0), LINE_AT(1), LINE_AT(2), LINE_AT(3)}};
}
INLINE F Q2_K_scale(const struct pair_head *head, int g) {
  return MUL(head->d, FLOAT(bits_at(head->both[g / 4], 8 * (g % 4), 15)));
}
INLINE F Q2_K_minimum(const struct pair_head *head, int g) {
  return MUL(head->dmin, FLOAT(bits_at(head->both[g / 4], 8 * (g % 4) + 4, 15)));
}
INLINE V Q2_K_word(const uint8_t *at, int g, int i) {
  return bits_at(LINE_AT(4 + g / 8 * 8 + g % 2 * 4 + i), 2 * (g / 2 % 4), 0x03030303);
}

// Low nibbles of the 8 groups' scales, and the pairs of bits above them.
struct iq_head { F d; V low, high; };
#define IQ4_XS_BYTES (34 * LINE)
#define IQ4_XS_LENGTH 256
#define IQ4_XS_GROUP 32
#define IQ4_XS_SHARING 1
#define IQ4_XS_STRIDE 1
#define IQ4_XS_HEAD iq_head
INLINE struct iq_head IQ4_XS_head(const uint8_t *at, const uint8_t *half) {
  (void)half;
  return (struct iq_head){LOWER_HALVES(LINE_AT(0)), LINE_AT(1), SRL(LINE_AT(0), 16)};
}
INLINE F IQ4_XS_scale(const struct iq_head *head, int g) {
  V six = MERGE(bits_at(head->low, 4 * g, 15), SLL(SRL(head->high, 2 * g), 4), 0x30);
  return MUL(head->d, FLOAT(SUB(six, 32)));
}
INLINE V IQ4_XS_word(const uint8_t *at, int g, int i) { return IQ4_NL_word(at + (2 + 4 * g) * LINE, 0, i); }
