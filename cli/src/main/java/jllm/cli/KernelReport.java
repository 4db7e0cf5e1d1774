package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.bench.KernelBenchmark;
import jllm.bench.KernelMeasurement;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.Workers;

/** {@code jllm bench --kernels}: single products by each set of kernels for the CPU. */
final class KernelReport {
  private final Streams streams;
  private final ComputeOptions compute;
  private final BenchCommand.Format format;

  KernelReport(Streams streams, ComputeOptions compute, BenchCommand.Format format) {
    this.streams = streams;
    this.compute = compute;
    this.format = format;
  }

  void write(List<String> typeNames, int[] rows) throws IOException {
    List<DType> types = typeNames.stream().map(KernelReport::type).toList();
    for (int count : rows) {
      Range.check("--kernel-rows", count, 1, 1 << 12);
    }
    int threads = compute.threadCount();
    MachineLimits limits;
    try (Workers team = new Workers(threads)) {
      limits = MachineLimits.measure(team);
    }
    KernelBenchmark benchmark = new KernelBenchmark(threads, limits);
    List<KernelMeasurement> measurements = new ArrayList<>();
    for (DType type : types) {
      for (CpuKernels set : sets()) {
        measurements.addAll(benchmark.run(set, type, rows));
      }
    }
    StandardOutput out = streams.out();
    List<Map<String, Object>> records =
        measurements.stream().map(measurement -> measurement.record(limits)).toList();
    switch (format) {
      case MD -> {
        out.print(benchmark.table(measurements));
        streams
            .err()
            .printf(
                Locale.ROOT,
                "%d threads; limits: reading %.1f GB/s, float32 %.0f GFLOP/s; %s%n",
                threads,
                limits.readBytesPerSecond() / 1e9,
                limits.flops() / 1e9,
                CpuKernels.AUTO.describe());
      }
      default -> Records.write(out, format, records);
    }
    out.flush();
  }

  /** The sets that work here, the slowest first. */
  private static List<CpuKernels> sets() {
    List<CpuKernels> sets = new ArrayList<>(List.of(CpuKernels.SCALAR, CpuKernels.VECTOR));
    if (CpuKernels.nativeMissing().isEmpty()) {
      sets.add(CpuKernels.NATIVE);
    }
    return sets;
  }

  private static DType type(String name) {
    for (DType type : DType.values()) {
      if (type.name().equalsIgnoreCase(name) && type != DType.F64 && type != DType.I32) {
        return type;
      }
    }
    throw new UsageException(
        "--kernels: '" + name + "' is no type of weights, expected such as q8_0, q4_k or bf16");
  }
}
