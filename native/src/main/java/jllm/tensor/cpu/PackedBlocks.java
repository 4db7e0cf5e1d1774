package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import jllm.tensor.DType;

/**
 * Quantized types: the blocks of 16 rows at the same columns are interleaved, 32 bits of each to a
 * line; a 16-bit scale that does not fill a line comes last, the 16 of them on half a line.
 */
abstract class PackedBlocks extends PackedFormat {
  private final int blockLength;
  private final int fileBytes;
  private final long packedBytes;

  /** Byte of a block in the file at which the words that fill lines begin. */
  private final int wordsAt;

  /** Line of each such word. */
  private final int[] lines;

  /** Byte of a block in the file at which the scale of 16 bits is, or -1. */
  private final int halfAt;

  private final int flip;
  private final int turn;

  /** Which word holds {@link FifthBits}, or -1. */
  private final int fifths;

  /** All of this as {@link jllm.ffi.kernels.PackKernel} takes it. */
  private final MemorySegment layout;

  /** Words go to lines in the order of the file. */
  PackedBlocks(DType dtype, int wordsAt, int halfAt, int flip, int turn) {
    this(dtype, wordsAt, halfAt, flip, turn, inOrder(dtype), -1);
  }

  /** Words as they are, in the order of the file, but for one with fifth bits. */
  PackedBlocks(DType dtype, int wordsAt, int halfAt, int fifths) {
    this(dtype, wordsAt, halfAt, 0, 0, inOrder(dtype), fifths);
  }

  private static int[] inOrder(DType dtype) {
    return IntStream.range(0, dtype.blockBytes() / Integer.BYTES).toArray();
  }

  /**
   * @param flip bits of a word that are inverted
   * @param turn places by which a word is rotated to the left afterwards
   * @param fifths which word holds fifth bits, -1 if none does
   */
  PackedBlocks(DType dtype, int wordsAt, int halfAt, int flip, int turn, int[] lines, int fifths) {
    super(dtype);
    this.blockLength = dtype.blockLength();
    this.fileBytes = dtype.blockBytes();
    this.packedBytes = (long) fileBytes * ROWS;
    this.wordsAt = wordsAt;
    this.halfAt = halfAt;
    this.flip = flip;
    this.turn = turn;
    this.lines = lines;
    this.fifths = fifths;
    layout = Arena.global().allocate(4L * (7 + lines.length));
    int[] head = {fileBytes, wordsAt, halfAt, flip, turn, fifths, lines.length};
    MemorySegment.copy(head, 0, layout, JAVA_INT, 0, head.length);
    MemorySegment.copy(lines, 0, layout, JAVA_INT, 4L * head.length, lines.length);
  }

  /** How a block is packed, for the kernel in C. */
  final MemorySegment layout() {
    return layout;
  }

  @Override
  public final String name() {
    return "il16";
  }

  /** Bytes of the interleaved blocks of 16 rows. */
  final long packedBytes() {
    return packedBytes;
  }

  @Override
  final long tileBytes(int columns) {
    return columns / blockLength * packedBytes;
  }

  @Override
  final void pack(
      MemorySegment source, long from, int count, int columns, MemorySegment target, long to) {
    int blocks = columns / blockLength;
    for (int block = 0; block < blocks; block++) {
      for (int row = 0; row < count; row++) {
        packBlock(source, from + ((long) row * blocks + block) * fileBytes, target, to, row);
      }
      for (int row = count; row < ROWS; row++) {
        clearBlock(target, to, row);
      }
      to += packedBytes;
    }
  }

  private void packBlock(MemorySegment source, long from, MemorySegment target, long to, int row) {
    long place = to + 4L * row;
    for (int word = 0; word < lines.length; word++) {
      int bits = source.get(INT, from + wordsAt + 4L * word);
      int moved = word == fifths ? FifthBits.pack(bits) : Integer.rotateLeft(bits ^ flip, turn);
      target.set(INT, place + lines[word] * LINE, moved);
    }
    if (halfAt >= 0) {
      target.set(SHORT, to + lines.length * LINE + 2L * row, source.get(SHORT, from + halfAt));
    }
  }

  /** A scale of zero makes all values zero. */
  private void clearBlock(MemorySegment target, long to, int row) {
    for (int line = 0; line < lines.length; line++) {
      target.set(INT, to + line * LINE + 4L * row, 0);
    }
    if (halfAt >= 0) {
      target.set(SHORT, to + lines.length * LINE + 2L * row, (short) 0);
    }
  }

  @Override
  final void restore(MemorySegment packed, long tile, int lane, int columns, MemorySegment row) {
    for (int block = 0; block < columns / blockLength; block++) {
      long from = tile + block * packedBytes;
      long to = (long) block * fileBytes;
      for (int word = 0; word < lines.length; word++) {
        int bits = packed.get(INT, from + lines[word] * LINE + 4L * lane);
        int moved =
            word == fifths ? FifthBits.restore(bits) : Integer.rotateRight(bits, turn) ^ flip;
        row.set(INT, to + wordsAt + 4L * word, moved);
      }
      if (halfAt >= 0) {
        row.set(SHORT, to + halfAt, packed.get(SHORT, from + lines.length * LINE + 2L * lane));
      }
    }
  }
}
