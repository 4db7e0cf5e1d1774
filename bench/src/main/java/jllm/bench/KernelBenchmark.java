package jllm.bench;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.quant.RandomBlocks;

/**
 * Times the products of a layer, with weights of each type and by each set of kernels for the CPU:
 * one row as in decoding, several as for texts side by side, many as in a prompt.
 */
public final class KernelBenchmark {
  private static final int COLUMNS = 2048;

  /** Of weights: beyond caches, but little for the scalar kernels, which are far from memory. */
  private static final long BYTES = 96L << 20;

  private static final long SCALAR_BYTES = 256L << 10;

  private static final int ROWS = 16;

  /** Repetitions go on for so long; the first ones warm up. */
  private static final long NANOS = 600_000_000;

  private static final int LEAST_REPETITIONS = 3;

  private final int threads;
  private final MachineLimits limits;

  /**
   * @param limits measured with the same threads
   */
  public KernelBenchmark(int threads, MachineLimits limits) {
    this.threads = threads;
    this.limits = limits;
  }

  /** Measures a set of kernels with weights of a type, for each number of rows. */
  public List<KernelMeasurement> run(CpuKernels set, DType type, int[] rows) {
    long bytes = set == CpuKernels.SCALAR ? SCALAR_BYTES : BYTES;
    int outputs = (int) (bytes / type.bytes(COLUMNS) / ROWS * ROWS);
    List<KernelMeasurement> measurements = new ArrayList<>();
    try (Backend backend = set.open(threads);
        Memory memory = backend.memory()) {
      Tensor stored = memory.tensor(type, Shape.of(outputs, COLUMNS));
      fill(stored);
      Tensor weight = backend.adopt(stored, WeightUse.LINEAR, memory);
      for (int count : rows) {
        Tensor x = memory.tensor(DType.F32, Shape.of(count, COLUMNS));
        RandomBlocks.fill(x, new Random(2), 1);
        Tensor out = memory.tensor(DType.F32, Shape.of(count, outputs));
        measurements.add(
            new KernelMeasurement(
                set.name().toLowerCase(Locale.ROOT),
                type,
                count,
                outputs,
                COLUMNS,
                best(() -> backend.linear(out, x, weight, null))));
      }
    }
    return measurements;
  }

  /** Some random rows again and again: how long a product takes does not depend on the numbers. */
  private static void fill(Tensor weight) {
    Tensor some = weight.slice(0, ROWS);
    RandomBlocks.fill(some, new Random(1), 1);
    MemorySegment all = weight.segment();
    long bytes = some.segment().byteSize();
    for (long at = bytes; at < all.byteSize(); at += bytes) {
      MemorySegment.copy(all, 0, all, at, bytes);
    }
  }

  private static double best(Runnable product) {
    long begin = System.nanoTime();
    long best = Long.MAX_VALUE;
    for (int i = 0; i < LEAST_REPETITIONS || System.nanoTime() - begin < NANOS; i++) {
      long start = System.nanoTime();
      product.run();
      best = Math.min(best, System.nanoTime() - start);
    }
    return best / 1e9;
  }

  /** A line for each type and number of rows, columns for each set; in the order given. */
  public String table(List<KernelMeasurement> measurements) {
    List<String> sets = measurements.stream().map(KernelMeasurement::set).distinct().toList();
    List<List<String>> lines = new ArrayList<>();
    List<String> header = new ArrayList<>(List.of("type", "rows"));
    for (String set : sets) {
      header.addAll(List.of(set + " GB/s", "GFLOP/s", "of limit"));
    }
    lines.add(header);
    List<DType> types = measurements.stream().map(KernelMeasurement::type).distinct().toList();
    List<Integer> rows = measurements.stream().map(KernelMeasurement::rows).distinct().toList();
    for (DType type : types) {
      for (int count : rows) {
        List<String> line = new ArrayList<>(List.of(type.name(), String.valueOf(count)));
        for (String set : sets) {
          line.addAll(cells(find(measurements, type, count, set)));
        }
        lines.add(line);
      }
    }
    return MarkdownTable.of(lines, column -> column == 0);
  }

  private static KernelMeasurement find(
      List<KernelMeasurement> all, DType type, int rows, String set) {
    return all.stream()
        .filter(m -> m.type() == type && m.rows() == rows && m.set().equals(set))
        .findFirst()
        .orElseThrow();
  }

  private List<String> cells(KernelMeasurement measured) {
    return List.of(
        String.format(Locale.ROOT, "%.1f", measured.bytesPerSecond() / 1e9),
        String.format(Locale.ROOT, "%.0f", measured.flops() / 1e9),
        String.format(Locale.ROOT, "%.0f %%", 100 * measured.shareOfLimit(limits)));
  }
}
