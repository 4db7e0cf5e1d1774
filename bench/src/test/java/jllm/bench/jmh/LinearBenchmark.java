package jllm.bench.jmh;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.cpu.VectorBackend;
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
 * A linear layer of the CPU backend: one row is a step of decoding, which memory limits, many rows
 * are a prompt, which arithmetic limits. Besides the time it reports both rates.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class LinearBenchmark {
  @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"})
  public DType type = DType.F32;

  @Param({"1", "128"})
  public int rows;

  /** Larger than the caches, by default, as the layers of a model are together. */
  @Param("8192")
  public int outputs;

  @Param("2048")
  public int inputs;

  @Param("2")
  public int threads;

  private Arena arena;
  private Backend backend;
  private Tensor out;
  private Tensor x;
  private Tensor weight;

  /** What the operations add up to; JMH reports it for each second. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Rates {
    /** Gigabytes of weights read from memory. */
    public double gigabytes;

    /** Thousand millions of floating-point operations: two for each weight and row. */
    public double gigaflops;
  }

  @Setup
  public void allocate() {
    arena = Arena.ofShared();
    backend = new VectorBackend(threads);
    SplittableRandom random = new SplittableRandom(1);
    Tensor given = Tensor.allocate(arena, type, Shape.of(outputs, inputs));
    RandomBlocks.fill(given, random, 0.02f);
    weight = backend.adopt(given, WeightUse.LINEAR, new HostMemory(arena));
    x = Tensor.allocate(arena, DType.F32, Shape.of(rows, inputs));
    RandomBlocks.fill(x, random, 1);
    out = Tensor.allocate(arena, DType.F32, Shape.of(rows, outputs));
  }

  @TearDown
  public void free() {
    backend.close();
    arena.close();
  }

  @Benchmark
  public Tensor linear(Rates rates) {
    backend.linear(out, x, weight, null);
    rates.gigabytes += Tensor.byteSize(type, weight.shape()) * 1e-9;
    rates.gigaflops += 2e-9 * rows * outputs * inputs;
    return out;
  }
}
