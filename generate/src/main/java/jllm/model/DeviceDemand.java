package jllm.model;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;

/**
 * The memory of a device that a model takes, by how many of its last blocks are there. An estimate:
 * what the device's own libraries take is not known before.
 */
public final class DeviceDemand {
  /** The number of a block in the names of any format, such as blk.7. or model.layers.7. */
  private static final Pattern BLOCK = Pattern.compile("\\.(\\d+)\\.");

  /** Workspaces, compiled kernels, and a piece of decoded weights. */
  private static final long OWN_BYTES = 256L << 20;

  /** Rows of a step that are scored at most, others have no logits. */
  private static final int SCORED_ROWS = 512;

  /** Activations of a row in units of the residual stream's width. */
  private static final int STREAMS = 10;

  private static final int INNER_STREAMS = 4;

  /** Of each block: weights, keys and values. */
  private final long[] blocks;

  private final long rest;
  private final long activations;
  private final long logits;

  private DeviceDemand(long[] blocks, long rest, long activations, long logits) {
    this.blocks = blocks;
    this.rest = rest;
    this.activations = activations;
    this.logits = logits;
  }

  /**
   * Looks at the tensors of a model.
   *
   * @param context positions of a cache
   * @param sequences that have one each
   * @param stepRows positions of a prompt that go through the model at once
   */
  public static DeviceDemand of(
      ModelFile file, int context, int sequences, CacheTypes types, int stepRows) {
    ModelConfig config = file.config();
    long[] blocks = new long[config.layers()];
    long rest = 0;
    for (StoredTensor tensor : file.tensors()) {
      Matcher number = BLOCK.matcher(tensor.name());
      int block = number.find() ? Integer.parseInt(number.group(1)) : blocks.length;
      if (block < blocks.length) {
        blocks[block] += tensor.bytes();
      } else {
        rest += tensor.bytes();
      }
    }
    long cache = sequences * KvCache.bytes(config, context, types, stepRows) / blocks.length;
    for (int block = 0; block < blocks.length; block++) {
      blocks[block] += cache;
    }
    long inner = (long) STREAMS * config.width();
    inner += (long) INNER_STREAMS * config.feedForward().hidden();
    long rows = Math.min(stepRows, config.contextLength());
    return new DeviceDemand(
        blocks,
        rest,
        OWN_BYTES + rows * inner * Float.BYTES,
        Math.min(rows, SCORED_ROWS) * config.vocabularySize() * Float.BYTES);
  }

  /** The blocks of the model. */
  public int blocks() {
    return blocks.length;
  }

  /**
   * Bytes with the last {@code count} blocks on the device; with more than there are, all of it.
   */
  public long bytes(int count) {
    int own = Math.min(count, blocks.length);
    long sum = Arrays.stream(blocks, blocks.length - own, blocks.length).sum() + activations;
    return count > blocks.length ? sum + rest + logits : sum;
  }

  /** The most blocks for which memory of that size is enough; one more than there are for all. */
  public int fitting(long free) {
    int count = blocks.length + 1;
    while (count > 0 && bytes(count) > free) {
      count--;
    }
    return count;
  }

  /** The demand of several models of the same number of blocks, or of the first of these. */
  public static DeviceDemand sum(List<DeviceDemand> demands) {
    int common = demands.stream().mapToInt(DeviceDemand::blocks).min().orElseThrow();
    long[] blocks = new long[common];
    long rest = 0;
    long activations = 0;
    long logits = 0;
    for (DeviceDemand demand : demands) {
      int more = demand.blocks() - common;
      for (int block = 0; block < common; block++) {
        blocks[block] += demand.blocks[block + more];
      }
      rest += demand.rest + Arrays.stream(demand.blocks, 0, more).sum();
      activations += demand.activations;
      logits += demand.logits;
    }
    return new DeviceDemand(blocks, rest, activations, logits);
  }
}
