package jllm.bench.jmh;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import jllm.ffi.PageAllocator;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.VectorBackend;
import jllm.tensor.cpu.Workers;
import jllm.tensor.quant.RandomBlocks;
import org.openjdk.jmh.annotations.AuxCounters;
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
 * The three matrix products that a linear layer is trained with, for the layers of GPT-2 124M: its
 * outputs, the derivatives of its inputs and those of its weights. Besides the time it reports
 * GFLOP/s and the share of the float32 peak, which is measured before.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ProductBenchmark {
  /** Outputs and inputs of the layer. */
  @Param({"768x768", "2304x768", "3072x768", "768x3072", "50257x768"})
  public String layer = "768x768";

  /** Batch times length of the sequences. */
  @Param("256")
  public int rows;

  @Param({"F32", "BF16"})
  public DType weights = DType.F32;

  @Param("2")
  public int threads;

  private Arena arena;
  private Backend backend;
  private Tensor out;
  private Tensor x;
  private Tensor weight;
  private Tensor dweight;
  private double operations;
  private double peak;

  /** What the operations add up to; JMH reports it for each second. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Rates {
    /** Thousand millions of floating-point operations: two for each weight and row. */
    public double gigaflops;

    /** Seconds that the operations take at the measured peak: for each second, the share of it. */
    public double shareOfPeak;
  }

  @Setup
  public void allocate() {
    arena = Arena.ofShared();
    try (Workers workers = new Workers(threads)) {
      peak = MachineLimits.measure(workers).flops();
    }
    backend = new VectorBackend(threads);
    int outputs = Integer.parseInt(layer.substring(0, layer.indexOf('x')));
    int inputs = Integer.parseInt(layer.substring(layer.indexOf('x') + 1));
    SplittableRandom random = new SplittableRandom(1);
    weight = random(random, weights, outputs, inputs);
    dweight = random(random, DType.F32, outputs, inputs);
    x = random(random, DType.F32, rows, inputs);
    out = random(random, DType.F32, rows, outputs);
    operations = 2.0 * rows * outputs * inputs;
  }

  private Tensor random(SplittableRandom random, DType type, int rows, int columns) {
    Tensor tensor = Tensor.allocate(new PageAllocator(arena), type, Shape.of(rows, columns));
    RandomBlocks.fill(tensor, random, 0.02f);
    return tensor;
  }

  @TearDown
  public void free() {
    backend.close();
    arena.close();
  }

  private Tensor count(Rates rates, Tensor result) {
    rates.gigaflops += operations * 1e-9;
    rates.shareOfPeak += operations / peak;
    return result;
  }

  @Benchmark
  public Tensor outputs(Rates rates) {
    backend.linear(out, x, weight, null);
    return count(rates, out);
  }

  @Benchmark
  public Tensor derivativeOfInputs(Rates rates) {
    backend.training().linearBackwardInput(x, out, weight);
    return count(rates, x);
  }

  @Benchmark
  public Tensor derivativeOfWeights(Rates rates) {
    backend.training().linearBackwardWeight(dweight, out, x, DType.F32);
    return count(rates, dweight);
  }
}
