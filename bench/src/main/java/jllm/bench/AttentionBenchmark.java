package jllm.bench;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.quant.RandomBlocks;

/** Causal attention and its derivative over whole sequences, at the sizes of models. */
public final class AttentionBenchmark {
  private static final long WARM_UP_NANOS = 200_000_000;

  /** A repetition is as many runs as take this long. */
  private static final double LEAST_SECONDS = 0.005;

  private static final int MOST_RUNS = 1000;

  /** Products of a backward pass over those of a forward pass, as usually counted. */
  private static final double BACKWARD_PRODUCTS = 2.5;

  private AttentionBenchmark() {}

  /**
   * A problem.
   *
   * @param steps positions of each sequence
   */
  record Size(
      int sequences, int heads, int kvHeads, int headDim, int steps, int window, float softCap) {
    /** GPT-2 124M in training, Llama 3 8B in prefill; scripts/torch-reference.py has the same. */
    static final List<Size> TIMED =
        List.of(new Size(16, 12, 12, 64, 1024, 0, 0), new Size(1, 32, 8, 128, 4096, 0, 0));

    static final List<Size> CHECKED =
        List.of(
            new Size(1, 12, 12, 64, 512, 0, 0),
            new Size(2, 8, 2, 128, 300, 0, 0),
            new Size(1, 5, 5, 80, 201, 0, 0),
            new Size(1, 4, 1, 256, 300, 100, 50));

    Size of(int otherSteps) {
      return new Size(sequences, heads, kvHeads, headDim, otherSteps, window, softCap);
    }

    TrainingAttention attention() {
      float scale = (float) (1 / Math.sqrt(headDim));
      return new TrainingAttention(
          new AttentionSpec(heads, kvHeads, headDim, scale, softCap, window, true),
          sequences,
          null,
          null);
    }

    /** Of a forward pass over what is seen. */
    double flops() {
      return 2.0 * sequences * heads * headDim * steps * steps;
    }
  }

  /** Random operands of a problem, on a backend. */
  static final class Operands implements AutoCloseable {
    private final Backend backend;
    private final Memory memory;
    private final TrainingAttention attention;
    private final SplittableRandom random = new SplittableRandom(1);
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final Tensor out;
    private final Tensor lse;
    private final Tensor dout;
    private final Tensor dq;
    private final Tensor dk;
    private final Tensor dv;

    Operands(Backend backend, Size size) {
      this.backend = backend;
      this.memory = backend.memory();
      this.attention = size.attention();
      int rows = size.sequences() * size.steps();
      int width = size.heads() * size.headDim();
      int keyWidth = size.kvHeads() * size.headDim();
      q = filled(rows, width);
      k = filled(rows, keyWidth);
      v = filled(rows, keyWidth);
      out = filled(rows, width);
      lse = filled(rows, size.heads());
      dout = filled(rows, width);
      dq = filled(rows, width);
      dk = filled(rows, keyWidth);
      dv = filled(rows, keyWidth);
    }

    private Tensor filled(int rows, int columns) {
      try (Arena arena = Arena.ofConfined()) {
        Shape shape = Shape.of(rows, columns);
        Tensor host = Tensor.allocate(arena, DType.F32, shape);
        RandomBlocks.fill(host, random, 1);
        Tensor tensor = memory.tensor(DType.F32, shape);
        backend.upload(tensor, host.segment());
        return tensor;
      }
    }

    void forward() {
      backend.training().attention(out, lse, q, k, v, attention);
    }

    void backward() {
      backend.training().attentionBackward(dq, dk, dv, dout, out, lse, q, k, v, attention);
    }

    @Override
    public void close() {
      memory.close();
    }
  }

  /**
   * Rows of a table: what was timed, milliseconds, TFLOP/s. The first one is the header.
   *
   * @param steps positions of each sequence; 0 = as many as the models have there
   */
  public static String table(Backend backend, String precision, int steps, int repetitions) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("causal attention", "", "shape", "ms", "TFLOP/s"));
    for (Size each : Size.TIMED) {
      Size size = steps == 0 ? each : each.of(steps);
      try (Operands operands = new Operands(backend, size)) {
        operands.forward();
        String shape =
            "%d x %d/%d heads of %d x %d"
                .formatted(
                    size.sequences(), size.heads(), size.kvHeads(), size.headDim(), size.steps());
        double forward = median(backend, operands::forward, repetitions);
        double backward = median(backend, operands::backward, repetitions);
        rows.add(row("forward", precision, shape, forward, size.flops()));
        rows.add(row("backward", precision, shape, backward, BACKWARD_PRODUCTS * size.flops()));
      }
    }
    return MarkdownTable.of(rows, column -> column < 3);
  }

  private static List<String> row(
      String what, String precision, String shape, double seconds, double flops) {
    return List.of(
        what,
        precision,
        shape,
        String.format(Locale.ROOT, "%.3f", seconds * 1e3),
        String.format(Locale.ROOT, "%.1f", flops / seconds / 1e12));
  }

  private static double median(Backend backend, Runnable run, int repetitions) {
    double once = Double.MAX_VALUE;
    long begin = System.nanoTime();
    do {
      once = Math.min(once, seconds(backend, run, 1));
    } while (System.nanoTime() - begin < WARM_UP_NANOS);
    int runs = (int) Math.clamp(LEAST_SECONDS / once, 1, MOST_RUNS);
    double[] times = new double[repetitions];
    for (int i = 0; i < repetitions; i++) {
      times[i] = seconds(backend, run, runs) / runs;
    }
    Arrays.sort(times);
    return times[repetitions / 2];
  }

  private static double seconds(Backend backend, Runnable run, int runs) {
    backend.synchronize();
    long begin = System.nanoTime();
    for (int i = 0; i < runs; i++) {
      run.run();
    }
    backend.synchronize();
    return (System.nanoTime() - begin) / 1e9;
  }
}
