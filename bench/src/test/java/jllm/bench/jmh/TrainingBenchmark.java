package jllm.bench.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import jllm.ffi.PageAllocator;
import jllm.tensor.Activation;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.TrainingKernels;
import jllm.tensor.cpu.VectorBackend;
import jllm.tensor.quant.RandomBlocks;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The kernels of a training step of GPT-2 124M (4 sequences of 64) that are no products with
 * weights, one call each; the optimizer for 16 million weights.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TrainingBenchmark {
  private static final int WIDTH = 768;
  private static final int VOCABULARY = 50257;
  private static final int WEIGHTS = 1 << 24;
  private static final float EPS = 1e-5f;

  @Param("4")
  public int sequences;

  @Param("64")
  public int length;

  @Param("2")
  public int threads;

  private final SplittableRandom random = new SplittableRandom(1);
  private final AdamWStep step = new AdamWStep(1e-4f, 0.9f, 0.95f, 1e-8f, 1, 100, null);
  private final Dropout dropout = new Dropout(0.1f, 1);
  private Arena arena;
  private Backend backend;
  private TrainingKernels training;
  private TrainingAttention attention;
  private Tensor[] narrow;
  private Tensor[] wide;
  private Tensor[] optimized;
  private Tensor totals;
  private Tensor rounded;
  private Tensor weight;
  private Tensor bias;
  private Tensor lse;
  private Tensor logits;
  private Tensor losses;
  private Tensor rowLse;
  private Tensor targets;

  @Setup
  public void allocate() {
    arena = Arena.ofShared();
    backend = new VectorBackend(threads);
    training = backend.training();
    int rows = sequences * length;
    attention =
        new TrainingAttention(
            new AttentionSpec(12, 12, 64, 0.125f, 0, 0, true), sequences, null, null);
    narrow = tensors(8, rows, WIDTH);
    wide = tensors(3, rows, 4 * WIDTH);
    optimized = tensors(4, 1, WEIGHTS);
    training.fill(optimized[3], 0.01f);
    totals = Tensor.allocate(arena, DType.F64, Shape.of(2));
    rounded = Tensor.allocate(new PageAllocator(arena), DType.BF16, Shape.of(1, WEIGHTS));
    weight = tensors(1, 1, WIDTH)[0].reshape(WIDTH);
    bias = tensors(1, 1, WIDTH)[0].reshape(WIDTH);
    lse = tensors(1, rows, 12)[0];
    logits = tensors(1, rows, VOCABULARY)[0];
    losses = tensors(1, rows, 1)[0];
    rowLse = tensors(1, rows, 1)[0];
    targets = Tensor.allocate(arena, DType.I32, Shape.of(rows));
    for (int i = 0; i < rows; i++) {
      targets.segment().setAtIndex(ValueLayout.JAVA_INT, i, random.nextInt(VOCABULARY));
    }
    attention();
    crossEntropy();
  }

  private Tensor[] tensors(int count, int rows, int columns) {
    Tensor[] tensors = new Tensor[count];
    for (int i = 0; i < count; i++) {
      tensors[i] = Tensor.allocate(new PageAllocator(arena), DType.F32, Shape.of(rows, columns));
      RandomBlocks.fill(tensors[i], random, 0.1f);
    }
    return tensors;
  }

  @TearDown
  public void free() {
    backend.close();
    arena.close();
  }

  @Benchmark
  public void attention() {
    training.attention(narrow[0], lse, narrow[1], narrow[2], narrow[3], attention);
  }

  @Benchmark
  public void attentionBackward() {
    training.attentionBackward(
        narrow[4], narrow[5], narrow[6], narrow[7], narrow[0], lse, narrow[1], narrow[2], narrow[3],
        attention);
  }

  @Benchmark
  public void layerNorm() {
    backend.layerNorm(narrow[4], narrow[1], weight, bias, EPS);
  }

  @Benchmark
  public void layerNormBackward() {
    training.layerNormBackward(narrow[4], weight, bias, narrow[1], narrow[2], weight, EPS);
  }

  @Benchmark
  public void gelu() {
    backend.activate(wide[0], wide[1], Activation.GELU_TANH);
  }

  @Benchmark
  public void geluBackward() {
    training.activateBackward(wide[0], wide[2], wide[1], Activation.GELU_TANH);
  }

  @Benchmark
  public void dropout() {
    training.dropout(wide[0], wide[1], dropout);
  }

  @Benchmark
  public void crossEntropy() {
    training.crossEntropy(losses, rowLse, logits, targets);
  }

  @Benchmark
  public void crossEntropyBackward() {
    training.crossEntropyBackward(logits, losses, rowLse, targets);
  }

  @Benchmark
  public double sumOfSquares() {
    return training.sumOfSquares(optimized[1]);
  }

  @Benchmark
  public void adamW() {
    training.adamW(weights(null), step, totals);
  }

  @Benchmark
  public void adamWWithRoundedCopy() {
    training.adamW(weights(rounded), step, totals);
  }

  private List<AdamWWeights> weights(@Nullable Tensor copy) {
    return List.of(
        new AdamWWeights(optimized[0], optimized[1], optimized[2], optimized[3], copy, 0.1f));
  }
}
