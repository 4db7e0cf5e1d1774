package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;

/** The loss of language models over rows of logits, and its derivative in their place. */
final class CrossEntropy implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 12;

  private final Workers workers;

  private boolean backward;

  /** The losses, or their derivatives. */
  private MemorySegment losses = MemorySegment.NULL;

  private MemorySegment lse = MemorySegment.NULL;
  private MemorySegment logits = MemorySegment.NULL;
  private MemorySegment targets = MemorySegment.NULL;
  private int rows;
  private int columns;

  CrossEntropy(Workers workers) {
    this.workers = workers;
  }

  /** See {@link jllm.tensor.TrainingKernels#crossEntropy}. */
  void forward(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    backward = false;
    run(losses, lse, logits, targets);
  }

  /** See {@link jllm.tensor.TrainingKernels#crossEntropyBackward}. */
  void backward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets) {
    backward = true;
    run(dlosses, lse, logits, targets);
  }

  private void run(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    this.losses = losses.segment();
    this.lse = lse.segment();
    this.logits = logits.segment();
    this.targets = targets.segment();
    rows = logits.rows();
    columns = logits.columns();
    if (rows == 1 || logits.shape().elements() < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int end = Workers.share(rows, part + 1, parts);
    for (int row = Workers.share(rows, part, parts); row < end; row++) {
      if (backward) {
        differentiate(row);
      } else {
        evaluate(row);
      }
    }
  }

  private void evaluate(int row) {
    long at = 4L * row * columns;
    float largest = SoftmaxLoops.largest(logits, at, columns);
    // Rows of equal infinities have no softmax; this gives NaN for them.
    double sum = SoftmaxLoops.sumOfExponentials(logits, at, columns, largest);
    double logSum = largest + Math.log(sum);
    lse.set(JAVA_FLOAT, 4L * row, (float) logSum);
    int target = targets.get(JAVA_INT, 4L * row);
    double loss = target < 0 ? 0 : logSum - logits.get(JAVA_FLOAT, at + 4L * target);
    losses.set(JAVA_FLOAT, 4L * row, (float) loss);
  }

  private void differentiate(int row) {
    long at = 4L * row * columns;
    int target = targets.get(JAVA_INT, 4L * row);
    if (target < 0) {
      SoftmaxLoops.clear(logits, at, columns);
      return;
    }
    float factor = losses.get(JAVA_FLOAT, 4L * row);
    long place = at + 4L * target;
    float shift = lse.get(JAVA_FLOAT, 4L * row);
    // 1 - p of a target that is nearly certain keeps its digits.
    double less = Math.expm1((double) logits.get(JAVA_FLOAT, place) - shift);
    SoftmaxLoops.scaledExponentials(logits, at, columns, shift, factor);
    logits.set(JAVA_FLOAT, place, (float) (factor * less));
  }
}
