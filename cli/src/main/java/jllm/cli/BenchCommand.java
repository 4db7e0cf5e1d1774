package jllm.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import jllm.bench.GenerationBenchmark;
import jllm.bench.Measurement;
import jllm.bench.ModelShape;
import jllm.bench.ModelWork;
import jllm.bench.Profile;
import jllm.bench.ProfilingBackend;
import jllm.bench.RandomModel;
import jllm.bench.Report;
import jllm.bench.StatedPeak;
import jllm.bench.Workload;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.quantize.QuantizationType;
import jllm.tensor.Backend;
import jllm.tensor.cpu.MachineLimits;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm bench}: how fast a model runs here, and how fast it could. */
@Command(
    name = "bench",
    description = "Measure prefill and decode speed of a model, beside this machine's limits.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "pp128 is a prompt of 128 tokens, tg32 are 32 tokens generated one by one, as llama-bench names",
      "them. Generating is bound by reading the weights from memory, a prompt by arithmetic: the last",
      "columns give the rate reached and its share of what this machine was measured to do: the read",
      "bandwidth, the float32 peak. Native kernels multiply prompts in BF16 or integers, whose peaks",
      "are two and four times as high: their share can pass 100 %%.",
      "",
      "Example: jllm bench -m model.gguf -p 128,512 -n 32",
      "A shape can be measured without its weights, with random ones:",
      "  jllm bench --make-model 1.1b:q8_0 model.gguf && jllm bench model.gguf",
      "Where the time goes: jllm bench -m model.gguf --profile -p 128 -n 32",
      "Or single products, by each set of kernels for the CPU: jllm bench --kernels q8_0,q4_k"
    })
final class BenchCommand implements Callable<Integer> {
  private static final long WARM_UP_NANOS = 2_000_000_000;

  /** Forms of the result. */
  enum Format {
    MD,
    CSV,
    JSON,
    JSONL
  }

  private final Streams streams;

  @Mixin private final ModelArgument models = new ModelArgument();

  @Option(
      names = {"-p", "--n-prompt"},
      paramLabel = "N,...",
      split = ",",
      defaultValue = "512",
      description = "Prompt lengths to measure; 0 = none. Default: ${DEFAULT-VALUE}.")
  private int[] prompts = {};

  @Option(
      names = {"-n", "--n-gen"},
      paramLabel = "N,...",
      split = ",",
      defaultValue = "128",
      description = "Numbers of tokens to generate; 0 = none. Default: ${DEFAULT-VALUE}.")
  private int[] generated = {};

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Repetitions, after a warm-up of two to eight seconds. Default: ${DEFAULT-VALUE}.")
  private int repetitions;

  @Option(
      names = {"-b", "--batch-size"},
      paramLabel = "N",
      description =
          "Positions of a prompt computed at once. Default: as many as 'generate' does: 512, on a GPU"
              + " of 16 GB or more 2048.")
  private @Nullable Integer batchSize;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "md",
      description = "md, csv, json or jsonl. Default: ${DEFAULT-VALUE}.")
  private Format format = Format.MD;

  @Option(
      names = "--make-model",
      paramLabel = "SHAPE:TYPE",
      description =
          "Write the GGUF file MODEL with random weights instead of measuring one. Shapes: 15m,"
              + " 135m, 1b, 1.1b, 3b, 8b; types: those of 'quantize'.")
  private @Nullable String modelToMake;

  @Option(
      names = "--profile",
      description =
          "Print where the time goes instead of how much it is: each operation with its bytes, its"
              + " products and their share of the limits, timed on the device itself.")
  private boolean profile;

  @Option(
      names = "--kernels",
      paramLabel = "TYPE,...",
      split = ",",
      description =
          "Measure no model but products of 2048 columns with weights of these types, by each set"
              + " of kernels that works here.")
  private List<String> kernelTypes = List.of();

  @Option(
      names = "--kernel-rows",
      paramLabel = "N,...",
      split = ",",
      defaultValue = "1,4,16,128",
      description = "With --kernels: rows of activations. Default: ${DEFAULT-VALUE}.")
  private int[] kernelRows = {};

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OffloadOptions offload = new OffloadOptions();
  @Mixin private final LogOptions log = new LogOptions();

  BenchCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    Range.check("--repetitions", repetitions, 1, 10_000);
    if (batchSize != null) {
      Range.check("--batch-size", batchSize, 1, 1 << 16);
    }
    compute.check();
    log.apply();
    if (profile && (modelToMake != null || !kernelTypes.isEmpty())) {
      throw new UsageException(
          "--profile is for models that are run: not with "
              + (modelToMake != null ? "--make-model" : "--kernels"));
    }
    if (modelToMake != null) {
      makeModel(modelToMake, models.path());
      return ExitCode.OK;
    }
    if (!kernelTypes.isEmpty()) {
      new KernelReport(streams, compute, format).write(kernelTypes, kernelRows);
      return ExitCode.OK;
    }
    List<Workload> workloads = workloads();
    try (ModelFile file = models.open()) {
      int longest = workloads.stream().mapToInt(Workload::tokens).max().orElseThrow();
      Range.check("the number of tokens", longest, 1, file.config().contextLength());
      measure(file, workloads, longest);
    }
    return ExitCode.OK;
  }

  private void makeModel(String wanted, Path target) throws IOException {
    String[] parts = wanted.split(":", -1);
    if (parts.length != 2) {
      throw new UsageException(
          "--make-model is '" + wanted + "', expected SHAPE:TYPE, such as 1.1b:q8_0");
    }
    ModelShape shape;
    QuantizationType type;
    try {
      shape = ModelShape.named(parts[0]);
      type = QuantizationType.named(parts[1]);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--make-model: " + e.getMessage());
    }
    if (Files.exists(target)) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "exists already; remove it or name another file");
    }
    RandomModel.write(target, wanted, shape, type);
    streams.err().println(target + ": " + Memory.show(Files.size(target)));
  }

  private List<Workload> workloads() {
    List<Workload> workloads = new ArrayList<>();
    for (int tokens : prompts) {
      Range.check("--n-prompt", tokens, 0, Integer.MAX_VALUE);
      if (tokens > 0) {
        workloads.add(new Workload.Prefill(tokens));
      }
    }
    for (int tokens : generated) {
      Range.check("--n-gen", tokens, 0, Integer.MAX_VALUE);
      if (tokens > 0) {
        workloads.add(new Workload.Decode(tokens));
      }
    }
    if (workloads.isEmpty()) {
      throw new UsageException("nothing to measure: -p and -n are both 0");
    }
    return workloads;
  }

  private void measure(ModelFile file, List<Workload> workloads, int longest) throws IOException {
    try (Devices devices = new Devices(compute, offload)) {
      MachineLimits limits = compute.limits(devices.main());
      CacheTypes types = CacheTypes.of(devices.main().activationType());
      Backend backend = devices.of(List.of(file), longest, 1, types);
      Memory.require(file, backend, longest);
      int rows = batchSize == null ? backend.promptRows() : batchSize;
      if (profile) {
        List<Profile> profiles =
            ProfilingBackend.profile(
                file.weights(), backend, rows, workloads, repetitions, WARM_UP_NANOS);
        new ProfileReport(streams, format).write(profiles, devices.main(), limits);
        return;
      }
      try (Transformer model = Transformer.of(file.weights(), backend)) {
        GenerationBenchmark benchmark = new GenerationBenchmark(model, backend, rows);
        List<Measurement> measurements = new ArrayList<>();
        for (Workload workload : workloads) {
          measurements.add(benchmark.run(workload, repetitions, WARM_UP_NANOS));
        }
        write(
            new Report(
                file.config().architecture() + " " + mainType(file),
                file.bytes(),
                file.parameters(),
                backend.describe(),
                compute.threadCount(),
                ModelWork.of(file),
                limits,
                StatedPeak.precision(devices.main()),
                measurements));
      }
    }
  }

  /** The element type that most bytes are stored in. */
  private static String mainType(ModelFile file) {
    Map<String, Long> bytes =
        file.tensors().stream()
            .collect(
                Collectors.groupingBy(
                    StoredTensor::type, Collectors.summingLong(StoredTensor::bytes)));
    return bytes.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
  }

  private void write(Report report) throws IOException {
    StandardOutput out = streams.out();
    switch (format) {
      case MD -> {
        out.print(report.markdown());
        streams.err().println(report.limitsLine());
      }
      case CSV -> out.print(report.csv());
      case JSONL -> {
        for (Map<String, Object> record : report.records()) {
          out.print(Json.compact(record) + "\n");
        }
      }
      case JSON -> {
        try (Json json = new Json(out)) {
          json.array(report.records());
        }
      }
    }
    out.flush();
  }
}
