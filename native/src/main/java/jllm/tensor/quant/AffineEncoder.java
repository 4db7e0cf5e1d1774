package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;

/**
 * Encodes Q2_K, Q4_K and Q5_K. Scale and minimum of each group are found by {@link GroupSearch},
 * then rounded to integers times the scales of the block; the minimum takes up what rounding the
 * scale has changed, and the values are rounded to what is really stored.
 */
final class AffineEncoder implements BlockEncoder {
  /** Blocks whose groups are searched at once. */
  private static final int BLOCKS = 8;

  private static final int LENGTH = AffineBlock.LENGTH;

  private final DType dtype;
  private final int group;
  private final int perBlock;
  private final int limit;
  private final int scaleLimit;
  private final GroupSearch.Grid grid;
  private final AffineBlock.Layout layout;
  private final GroupSearch search;

  /**
   * @param group values with a scale and minimum of their own
   * @param limit the largest q
   * @param scaleLimit the largest integer scale and minimum
   */
  AffineEncoder(
      DType dtype,
      int group,
      int limit,
      int scaleLimit,
      GroupSearch.Grid grid,
      AffineBlock.Layout layout,
      GroupSearch search) {
    this.dtype = dtype;
    this.group = group;
    this.perBlock = LENGTH / group;
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
    private final float[] minima;
    private final float[] means;
    private final Choice first;
    private final Choice second;
    private final Choice upper;
    private final AffineBlock block = new AffineBlock();
    private final byte[] quants;

    Work(int count) {
      int groups = count / group;
      scales = new float[groups];
      minima = new float[groups];
      means = new float[groups];
      first = new Choice(groups);
      second = new Choice(groups);
      upper = new Choice(groups);
      quants = new byte[count];
    }

    void encode(float[] source, int at, int count, MemorySegment target, long offset) {
      int groups = count / group;
      search.affine(source, at, groups, group, limit, grid, scales, minima, means);
      for (int b = 0; b < count / LENGTH; b++) {
        float maxScale = Rounding.max(scales, b * perBlock, perBlock);
        float maxMin = Rounding.max(minima, b * perBlock, perBlock);
        round(first, b, maxScale / scaleLimit, maxMin / scaleLimit);
      }
      choose(first, source, at, groups);
      // With the integers known, the scales of the block can be better ones.
      for (int b = 0; b < count / LENGTH; b++) {
        float d = ratio(scales, first.integerScales, b * perBlock);
        float dmin = ratio(minima, first.integerMinima, b * perBlock);
        round(second, b, d, dmin);
      }
      choose(second, source, at, groups);
      for (int b = 0; b < count / LENGTH; b++) {
        if (second.error(b) < first.error(b)) {
          first.take(second, b);
        }
      }
      search.affineQuants(source, at, groups, group, limit, first.scales, first.minima, quants);
      for (int b = 0; b < count / LENGTH; b++) {
        first.copyTo(block, b);
        System.arraycopy(quants, b * LENGTH, block.quants, 0, LENGTH);
        layout.write(block, target, offset + (long) b * dtype.blockBytes());
      }
    }

    /** Both integers next to each scale are worth a try. */
    private void round(Choice lower, int b, float wantedD, float wantedDmin) {
      lower.d[b] = Rounding.scaleToHalf(wantedD);
      lower.dmin[b] = Rounding.scaleToHalf(wantedDmin);
      float d = Float.float16ToFloat(lower.d[b]);
      float dmin = Float.float16ToFloat(lower.dmin[b]);
      float inverseD = Rounding.inverse(d);
      float inverseDmin = Rounding.inverse(dmin);
      for (int g = b * perBlock; g < (b + 1) * perBlock; g++) {
        int below = (int) Math.max(0, Math.min(scaleLimit, scales[g] * inverseD));
        for (int i = 0; i < 2; i++) {
          int scale = Math.min(scaleLimit, below + i);
          float minimum = minima[g] + (d * scale - scales[g]) * means[g];
          float min = Math.max(0, Math.min(scaleLimit, minimum * inverseDmin));
          (i == 0 ? lower : upper).set(g, scale, (int) Rounding.nearest(min), d, dmin);
        }
      }
    }

    private void choose(Choice lower, float[] source, int at, int groups) {
      lower.measure(source, at, groups);
      upper.measure(source, at, groups);
      lower.takeBetter(upper, groups);
    }

    /** The factor between integers and the values that they stand for, by least squares. */
    private float ratio(float[] values, int[] integers, int from) {
      float products = 0;
      float squares = 0;
      for (int g = from; g < from + perBlock; g++) {
        products += values[g] * integers[g];
        squares += integers[g] * integers[g];
      }
      return squares > 0 ? products / squares : 0;
    }
  }

  /** Scales and minima as they can be stored, and how well they do. */
  private final class Choice {
    private final short[] d;
    private final short[] dmin;
    private final int[] integerScales;
    private final int[] integerMinima;
    private final float[] scales;
    private final float[] minima;
    private final float[] errors;

    Choice(int groups) {
      d = new short[groups / perBlock];
      dmin = new short[groups / perBlock];
      integerScales = new int[groups];
      integerMinima = new int[groups];
      scales = new float[groups];
      minima = new float[groups];
      errors = new float[groups];
    }

    void set(int g, int scale, int min, float d, float dmin) {
      integerScales[g] = scale;
      integerMinima[g] = min;
      scales[g] = d * scale;
      minima[g] = dmin * min;
    }

    void measure(float[] source, int at, int groups) {
      search.affineErrors(source, at, groups, group, limit, scales, minima, errors);
    }

    /** For each group. */
    void takeBetter(Choice other, int groups) {
      for (int g = 0; g < groups; g++) {
        if (other.errors[g] < errors[g]) {
          take(other, g, 1);
        }
      }
    }

    float error(int b) {
      float sum = 0;
      for (int g = b * perBlock; g < (b + 1) * perBlock; g++) {
        sum += errors[g];
      }
      return sum;
    }

    void take(Choice other, int b) {
      d[b] = other.d[b];
      dmin[b] = other.dmin[b];
      take(other, b * perBlock, perBlock);
    }

    private void take(Choice other, int g, int count) {
      System.arraycopy(other.integerScales, g, integerScales, g, count);
      System.arraycopy(other.integerMinima, g, integerMinima, g, count);
      System.arraycopy(other.scales, g, scales, g, count);
      System.arraycopy(other.minima, g, minima, g, count);
      System.arraycopy(other.errors, g, errors, g, count);
    }

    void copyTo(AffineBlock block, int b) {
      block.d = d[b];
      block.dmin = dmin[b];
      System.arraycopy(integerScales, b * perBlock, block.scales, 0, perBlock);
      System.arraycopy(integerMinima, b * perBlock, block.minima, 0, perBlock);
    }
  }
}
