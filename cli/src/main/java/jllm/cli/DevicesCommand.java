package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.Processor;
import jllm.tensor.cpu.Workers;
import jllm.tensor.cuda.CudaDevice;
import jllm.tensor.cuda.DeviceUnavailableException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code jllm devices}: what can compute here. */
@Command(
    name = "devices",
    description = "List what can compute here: the CPU with its measured limits, and GPUs.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The first column is what --device takes. Where no GPU can be used, the last line says why.",
      "",
      "Example: jllm devices --json"
    })
final class DevicesCommand implements Callable<Integer> {
  private final Streams streams;

  @Mixin private final OutputOptions output = new OutputOptions();

  DevicesCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    output.apply();
    Processor processor = Processor.ofThisMachine();
    MachineLimits limits;
    try (Workers team = new Workers(CpuKernels.AUTO.threads(0))) {
      limits = MachineLimits.measure(team);
    }
    List<CudaDevice> gpus = List.of();
    String missing = "";
    try {
      gpus = CudaDevice.list(System.getenv());
    } catch (DeviceUnavailableException e) {
      missing = String.valueOf(e.getMessage());
    }
    if (output.json) {
      json(processor, limits, gpus, missing);
    } else {
      text(processor, limits, gpus, missing);
    }
    return ExitCode.OK;
  }

  private record Row(String device, String name, String details) {}

  private void text(
      Processor processor, MachineLimits limits, List<CudaDevice> gpus, String missing)
      throws IOException {
    List<Row> rows = new ArrayList<>();
    rows.add(
        new Row(
            "cpu",
            processor.name(),
            String.format(
                Locale.ROOT,
                "%d cores, %d threads, %s; kernels: %s; measured %.1f GB/s, %.0f GFLOP/s in float32",
                processor.cores(),
                processor.threads(),
                processor.instructionSets().isEmpty()
                    ? "instruction sets not known"
                    : String.join(" ", processor.instructionSets()),
                CpuKernels.AUTO.describe(),
                limits.readBytesPerSecond() / 1e9,
                limits.flops() / 1e9)));
    for (CudaDevice gpu : gpus) {
      rows.add(
          new Row(
              "cuda:" + gpu.index(),
              gpu.name(),
              String.format(
                  Locale.ROOT,
                  "%s, compute capability %s, %d multiprocessors, driver for CUDA %s",
                  Memory.show(gpu.memory()),
                  gpu.computeCapability(),
                  gpu.processors(),
                  gpu.driver())));
    }
    streams
        .out()
        .print(
            new Table<Row>()
                .left("device", Row::device)
                .left("name", Row::name)
                .left("", Row::details)
                .text(rows));
    if (output.quiet) {
      return;
    }
    CpuKernels.nativeMissing()
        .ifPresent(why -> streams.err().println("no native CPU kernels: " + why));
    if (!missing.isEmpty()) {
      streams.err().println("no GPU: " + missing);
    }
  }

  private void json(
      Processor processor, MachineLimits limits, List<CudaDevice> gpus, String missing)
      throws IOException {
    Map<String, Object> cpu = new LinkedHashMap<>();
    cpu.put("name", processor.name());
    cpu.put("cores", processor.cores());
    cpu.put("threads", processor.threads());
    cpu.put("instruction_sets", processor.instructionSets());
    cpu.put("kernels", CpuKernels.AUTO.describe());
    CpuKernels.nativeMissing().ifPresent(why -> cpu.put("native_kernels_missing", why));
    cpu.put("measured_bytes_per_second", limits.readBytesPerSecond());
    cpu.put("measured_flops", limits.flops());
    List<Map<String, Object>> list = new ArrayList<>();
    for (CudaDevice gpu : gpus) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("device", "cuda:" + gpu.index());
      one.put("name", gpu.name());
      one.put("memory_bytes", gpu.memory());
      one.put("compute_capability", gpu.computeCapability());
      one.put("multiprocessors", gpu.processors());
      one.put("driver_cuda_version", gpu.driver());
      list.add(one);
    }
    try (Json json = new Json(streams.out())) {
      json.begin();
      json.field("cpu", cpu);
      json.field("cuda", list);
      json.field("cuda_missing", missing.isEmpty() ? null : missing);
      json.end();
    }
  }
}
