package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;

/**
 * Encodes Q3_K and Q6_K: {@code d * scale[g] * (q - limit)} with 16 values to a group. Scales are
 * found by {@link GroupSearch} and rounded to integers times d; the values are rounded to what is
 * really stored.
 */
final class SymmetricEncoder implements BlockEncoder {
  private static final int BLOCKS = 8;
  private static final int LENGTH = 256;
  private static final int GROUP = 16;
  private static final int GROUPS = LENGTH / GROUP;

  /** How a type stores a block. */
  interface Layout {
    /**
     * Writes a block.
     *
     * @param d F16
     * @param scales from {@code firstScale} on
     * @param quants from {@code firstQuant} on, not negative
     */
    void write(
        short d,
        int[] scales,
        int firstScale,
        byte[] quants,
        int firstQuant,
        MemorySegment target,
        long offset);
  }

  private final DType dtype;
  private final int limit;
  private final int scaleLimit;
  private final GroupSearch.Grid grid;
  private final Layout layout;
  private final GroupSearch search;

  /**
   * @param limit integers are within -limit..limit - 1
   * @param scaleLimit integer scales, too
   */
  SymmetricEncoder(
      DType dtype,
      int limit,
      int scaleLimit,
      GroupSearch.Grid grid,
      Layout layout,
      GroupSearch search) {
    this.dtype = dtype;
    this.limit = limit;
    this.scaleLimit = scaleLimit;
    this.grid = grid;
    this.layout = layout;
    this.search = search;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    Work work = new Work(Math.min(count, BLOCKS * LENGTH));
    for (int done = 0; done < count; done += BLOCKS * LENGTH) {
      int some = Math.min(count - done, BLOCKS * LENGTH);
      work.encode(source, at + done, some, target, offset + dtype.bytes(done));
    }
  }

  /** The memory of one call. */
  private final class Work {
    private final float[] scales;
    private final Choice lower;
    private final Choice upper;
    private final short[] d;
    private final byte[] quants;

    Work(int count) {
      scales = new float[count / GROUP];
      lower = new Choice(count / GROUP);
      upper = new Choice(count / GROUP);
      d = new short[count / LENGTH];
      quants = new byte[count];
    }

    void encode(float[] source, int at, int count, MemorySegment target, long offset) {
      int groups = count / GROUP;
      search.symmetric(source, at, groups, GROUP, limit, grid, scales);
      for (int b = 0; b < count / LENGTH; b++) {
        d[b] = round(b * GROUPS);
      }
      lower.measure(source, at, groups);
      upper.measure(source, at, groups);
      lower.takeBetter(upper, groups);
      search.symmetricQuants(source, at, groups, GROUP, limit, lower.scales, quants);
      for (int b = 0; b < count / LENGTH; b++) {
        long to = offset + (long) b * dtype.blockBytes();
        layout.write(d[b], lower.integers, b * GROUPS, quants, b * LENGTH, target, to);
      }
    }

    /** Both integers next to each scale are worth a try. */
    private short round(int first) {
      short half = Rounding.scaleToHalf(Rounding.largest(scales, first, GROUPS) / -scaleLimit);
      float step = Float.float16ToFloat(half);
      float inverse = Rounding.inverse(step);
      for (int g = first; g < first + GROUPS; g++) {
        float scale = Math.max(-scaleLimit, Math.min(scaleLimit - 1, scales[g] * inverse));
        int below = (int) Math.floor(scale);
        lower.set(g, below, step);
        upper.set(g, Math.min(scaleLimit - 1, below + 1), step);
      }
      return half;
    }
  }

  /** Scales as they can be stored, and how well they do. */
  private final class Choice {
    private final int[] integers;
    private final float[] scales;
    private final float[] errors;

    Choice(int groups) {
      integers = new int[groups];
      scales = new float[groups];
      errors = new float[groups];
    }

    void set(int g, int integer, float d) {
      integers[g] = integer;
      scales[g] = d * integer;
    }

    void measure(float[] source, int at, int groups) {
      search.symmetricErrors(source, at, groups, GROUP, limit, scales, errors);
    }

    void takeBetter(Choice other, int groups) {
      for (int g = 0; g < groups; g++) {
        if (other.errors[g] < errors[g]) {
          integers[g] = other.integers[g];
          scales[g] = other.scales[g];
        }
      }
    }
  }
}
