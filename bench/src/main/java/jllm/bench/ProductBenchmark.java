package jllm.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.quant.RandomBlocks;

/**
 * Times products of square matrices on a device. Operands are random, and small ones are taken in
 * turn from more than caches hold.
 */
public final class ProductBenchmark {
  private static final long BEYOND_CACHES = 256L << 20;
  private static final int MOST_SETS = 256;
  private static final long WARM_UP_NANOS = 1_000_000_000;

  /** A repetition is as many products as take this long, so that the clock's steps do not show. */
  private static final double LEAST_SECONDS = 0.005;

  private static final int MOST_PRODUCTS = 1000;

  private final String device;
  private final Backend backend;
  private final MachineLimits limits;

  /**
   * @param device its name in results
   * @param limits measured of it, in float32
   */
  public ProductBenchmark(String device, Backend backend, MachineLimits limits) {
    this.device = device;
    this.backend = backend;
    this.limits = limits;
  }

  private enum Precision {
    F32,
    TF32,
    BF16
  }

  private interface Product {
    void run(Operands operands);
  }

  private record Operands(Tensor out, Tensor x, Tensor w) {}

  /**
   * Measures a size at each precision that the device has: on the CPU float32.
   *
   * @throws OutOfMemoryError if three matrices do not fit
   */
  public List<ProductMeasurement> run(int side, int repetitions) {
    List<ProductMeasurement> measurements = new ArrayList<>();
    if (backend instanceof CudaBackend cuda) {
      for (Precision precision : Precision.values()) {
        DType type = precision == Precision.BF16 ? DType.BF16 : DType.F32;
        boolean rounded = precision == Precision.TF32;
        measurements.add(
            measure(
                precision,
                type,
                side,
                repetitions,
                set -> cuda.product(set.out(), set.x(), set.w(), rounded),
                StatedPeak.flops(cuda.device(), precision.name())));
      }
    } else {
      measurements.add(
          measure(
              Precision.F32,
              DType.F32,
              side,
              repetitions,
              set -> backend.linear(set.out(), set.x(), set.w(), null),
              limits.flops()));
    }
    return measurements;
  }

  private ProductMeasurement measure(
      Precision precision, DType type, int side, int repetitions, Product product, double peak) {
    long bytes = 3L * side * side * Float.BYTES;
    int sets = (int) Math.clamp(BEYOND_CACHES / bytes, 1, MOST_SETS);
    try (Memory memory = backend.memory()) {
      List<Operands> operands = new ArrayList<>();
      SplittableRandom random = new SplittableRandom(side);
      for (int i = 0; i < sets; i++) {
        operands.add(
            new Operands(
                memory.tensor(DType.F32, Shape.of(side, side)),
                random(type, side, memory, random),
                random(type, side, memory, random)));
      }
      int products = 1;
      long begin = System.nanoTime();
      do {
        double seconds = time(operands, products, product) / products;
        products = (int) Math.clamp(LEAST_SECONDS / seconds, 1, MOST_PRODUCTS);
      } while (System.nanoTime() - begin < WARM_UP_NANOS);
      double[] seconds = new double[repetitions];
      for (int i = 0; i < repetitions; i++) {
        seconds[i] = time(operands, products, product) / products;
      }
      return new ProductMeasurement(
          device, precision.name().toLowerCase(java.util.Locale.ROOT), side, seconds, peak);
    }
  }

  private double time(List<Operands> operands, int products, Product product) {
    backend.synchronize();
    long start = System.nanoTime();
    for (int i = 0; i < products; i++) {
      product.run(operands.get(i % operands.size()));
    }
    backend.synchronize();
    return (System.nanoTime() - start) / 1e9;
  }

  private Tensor random(DType type, int side, Memory memory, SplittableRandom random) {
    Tensor tensor = memory.tensor(type, Shape.of(side, side));
    try (Arena arena = Arena.ofConfined()) {
      // One random row, turned on by one place in each: sums of products still differ.
      Tensor row = Tensor.allocate(arena, type, Shape.of(1, 2 * side));
      RandomBlocks.fill(row, random, 1);
      long bytes = type.bytes(side);
      MemorySegment all = arena.allocate(bytes * side, Tensor.ALIGNMENT);
      for (int i = 0; i < side; i++) {
        MemorySegment.copy(row.segment(), (long) i * type.blockBytes(), all, i * bytes, bytes);
      }
      backend.upload(tensor, all);
    }
    return tensor;
  }
}
