package jllm.tensor;

/**
 * The last blocks of models, which another backend computes than the rest: their weights, keys and
 * values are in its memory.
 *
 * @param count of these blocks
 */
public record OffloadedBlocks(Backend backend, int count) {

  /** The first of them in a model of so many blocks, counted from 0. */
  public int first(int blocks) {
    return Math.max(0, blocks - count);
  }
}
