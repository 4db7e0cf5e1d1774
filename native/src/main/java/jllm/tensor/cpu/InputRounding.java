package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;

/**
 * Rounds rows of activations as the kernels for single rows do, so that a prompt gives the same
 * numbers whether it is taken at once, in parts or token by token. To the matrix product they are
 * floats as any others.
 */
final class InputRounding implements Workers.Task, AutoCloseable {
  private final Workers workers;
  private final Scratch scratch = new Scratch();
  private int[][] integers = {};
  private float[][] scales = {};

  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment rounded = MemorySegment.NULL;
  private int rows;
  private int columns;
  private int group;
  private int limit;

  InputRounding(Workers workers) {
    this.workers = workers;
  }

  /**
   * The rows of x, or what they are rounded to for weights of a kernel: valid until the next call.
   */
  MemorySegment round(Tensor x, MatVecKernel kernel) {
    group = kernel.roundedGroup();
    if (group == 0) {
      return x.segment();
    }
    limit = kernel.roundedLimit();
    this.x = x.segment();
    rows = x.rows();
    columns = x.columns();
    rounded = scratch.reserve(4L * rows * columns);
    int parts = workers.count();
    if (integers.length < parts || integers[0].length < columns) {
      integers = new int[parts][columns];
      scales = new float[parts][columns];
    }
    workers.run(this);
    return rounded;
  }

  @Override
  public void run(int part, int parts) {
    int end = Workers.share(rows, part + 1, parts);
    for (int row = Workers.share(rows, part, parts); row < end; row++) {
      long at = 4L * row * columns;
      InputQuantizer.quantize(x, at, columns, group, limit, integers[part], scales[part]);
      InputQuantizer.restore(integers[part], scales[part], columns, group, rounded, at);
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
