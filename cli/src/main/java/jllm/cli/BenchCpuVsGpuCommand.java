package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import jllm.bench.AttentionBenchmark;
import jllm.bench.DeviceCheck;
import jllm.bench.DeviceComparison;
import jllm.bench.OperationCheck;
import jllm.bench.ProductBenchmark;
import jllm.bench.ProductMeasurement;
import jllm.bench.RooflinePlot;
import jllm.bench.StatedPeak;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.MachineLimits;
import jllm.tensor.cpu.Workers;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.CudaLimits;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tensor.cuda.MatrixMath;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.TrainOptions;
import jllm.train.model.ModelPresets;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm bench-cpu-vs-gpu}: the same work on the CPU and on a GPU. */
@Command(
    name = "bench-cpu-vs-gpu",
    description =
        "Measure the same work on the CPU and on a GPU: matrix products, a model, training.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Writes bench.png and bench.svg: GFLOP/s of matrix products over their size, under the"
          + " measured",
      "limits of each device. Without a GPU the CPU is measured alone, and the reason is said.",
      "",
      "Example: jllm bench-cpu-vs-gpu --sizes 64,256,1024,4096 --model model.gguf --preset"
          + " gpt2-small"
    })
final class BenchCpuVsGpuCommand implements Callable<Integer> {
  private static final int MOST_SIDE = 1 << 15;
  private static final int MOST_STEPS = 1 << 17;
  private static final double RATE = 1e-5;
  private static final int VERIFIED_PROMPT = 32;
  private static final int VERIFIED_TOKENS = 32;
  private static final int VERIFIED_LENGTH = 64;

  private final Streams streams;

  @Option(
      names = "--sizes",
      paramLabel = "N,...",
      split = ",",
      defaultValue = "64,128,256,512,1024,2048,4096,8192",
      description = "Sides of the square matrices; 0 = none. Default: ${DEFAULT-VALUE}.")
  private int[] sizes = {};

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      defaultValue = "5",
      description = "Repetitions, after a warm-up; the median counts. Default: ${DEFAULT-VALUE}.")
  private int repetitions;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      description = "Also prompts and generation with this model.")
  private @Nullable Path model;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description = "Also training steps of a new model of this preset of 'jllm pretrain'.")
  private @Nullable String preset;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "1",
      description = "Sequences of a training step. Default: ${DEFAULT-VALUE}.")
  private int batchSize;

  @Option(
      names = "--seq-len",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Tokens of a sequence; 0 = the context of the preset, of --attention that of its models."
              + " Default: ${DEFAULT-VALUE}.")
  private int length;

  @Option(
      names = "--verify",
      description =
          "Compare CPU and GPU on the weights of --model: logits, greedy tokens, losses of ten"
              + " training steps, in float32 and bf16; exit code 6 if they differ by more than"
              + " rounding. The CPU decodes weights to float32: 4 bytes each.")
  private boolean verify;

  @Option(
      names = "--verify-ops",
      description =
          "Compare every operation of small models, and attention at real sizes, on the CPU and the"
              + " GPU, one by one, in float32 and bf16; exit code 6 if one differs by more than"
              + " rounding. Nothing is measured.")
  private boolean verifyOperations;

  @Option(
      names = "--attention",
      description =
          "Time attention and its derivative on the GPU, at the sizes of GPT-2 in training and of"
              + " a long prompt of Llama 3 8B, in float32 and bf16; nothing else.")
  private boolean attention;

  @Option(
      names = "--gpu",
      paramLabel = "N",
      defaultValue = "0",
      description = "Number of the GPU, as 'jllm devices' counts. Default: ${DEFAULT-VALUE}.")
  private int gpu;

  @Option(
      names = "--out-dir",
      paramLabel = "FOLDER",
      defaultValue = ".",
      description = "Where the pictures go. Default: the current folder.")
  private Path folder = Path.of(".");

  @Option(names = "--json", description = "Write the result as one JSON object.")
  private boolean json;

  @Option(names = "--markdown", description = "Write tables in Markdown.")
  private boolean markdown;

  @Mixin private final LogOptions log = new LogOptions();

  BenchCpuVsGpuCommand(Streams streams) {
    this.streams = streams;
  }

  private record Device(String name, Backend backend, MachineLimits limits) {}

  @Override
  public Integer call() throws IOException {
    check();
    log.apply();
    if (verifyOperations) {
      return verifyOperations();
    }
    if (attention) {
      return timeAttention();
    }
    String missing = "";
    CudaBackend cuda = null;
    try {
      cuda = CudaBackend.open(gpu, MatrixMath.F32, System.getenv());
    } catch (DeviceUnavailableException e) {
      if (verify) {
        throw e;
      }
      missing = String.valueOf(e.getMessage());
      say("no GPU: " + missing);
    }
    try (CudaBackend opened = cuda;
        Backend cpu = CpuKernels.AUTO.open(0)) {
      List<Device> devices = new ArrayList<>();
      try (Workers team = new Workers(CpuKernels.AUTO.threads(0))) {
        devices.add(new Device("cpu", cpu, MachineLimits.measure(team)));
      }
      if (opened != null) {
        devices.add(new Device("cuda:" + gpu, opened, CudaLimits.measure(opened)));
      }
      return run(devices, missing);
    }
  }

  private int verifyOperations() throws IOException {
    Map<String, OperationCheck> checks = new LinkedHashMap<>();
    String device = "";
    for (MatrixMath math : new MatrixMath[] {MatrixMath.F32, MatrixMath.BF16}) {
      double most =
          math == MatrixMath.F32 ? OperationCheck.MOST_ERROR : OperationCheck.MOST_ROUNDED_ERROR;
      try (CudaBackend tested = CudaBackend.open(gpu, math, System.getenv());
          Backend oracle = CpuKernels.SCALAR.open(0);
          Backend fast = CpuKernels.VECTOR.open(0)) {
        device = tested.describe();
        say("comparing operations on " + device + " and on the CPU");
        String name = math.name().toLowerCase(Locale.ROOT);
        checks.put("operations_" + name, OperationCheck.run(oracle, tested, most));
        checks.put("attention_" + name, OperationCheck.ofAttention(fast, tested, most));
      }
    }
    boolean passes = checks.values().stream().allMatch(OperationCheck::passes);
    if (json) {
      try (Json out = new Json(streams.out())) {
        out.begin();
        out.field("device", device);
        for (Map.Entry<String, OperationCheck> check : checks.entrySet()) {
          out.field(check.getKey(), check.getValue().records());
        }
        out.field("passes", passes);
        out.end();
      }
    } else {
      for (Map.Entry<String, OperationCheck> check : checks.entrySet()) {
        String title = check.getKey().replace('_', ' ');
        streams.out().print(title + "\n\n" + check.getValue().table() + "\n");
      }
    }
    return passes ? ExitCode.OK : ExitCode.CHECK_FAILED;
  }

  /** Times attention on the GPU alone. */
  private int timeAttention() throws IOException {
    for (MatrixMath math : new MatrixMath[] {MatrixMath.F32, MatrixMath.BF16}) {
      try (CudaBackend device = CudaBackend.open(gpu, math, System.getenv())) {
        String precision = math.name().toLowerCase(Locale.ROOT);
        streams
            .out()
            .print(AttentionBenchmark.table(device, precision, length, repetitions) + "\n");
      }
    }
    return ExitCode.OK;
  }

  private void check() {
    Range.check("--repetitions", repetitions, 1, 10_000);
    Range.check("--batch-size", batchSize, 1, 1 << 16);
    Range.check("--gpu", gpu, 0, 999);
    for (int side : sizes) {
      Range.check("--sizes", side, 0, MOST_SIDE);
    }
    if (attention && (json || verifyOperations)) {
      throw new UsageException(
          "--attention prints a table of its own; leave out --json and --verify-ops");
    }
    if (json && markdown) {
      throw new UsageException("--json and --markdown are two forms of the result; choose one");
    }
    if (verify && model == null) {
      throw new UsageException(
          "--verify compares with the weights of a model; name one by --model");
    }
    if (!Files.isDirectory(folder)) {
      throw new UsageException("--out-dir is '" + folder + "', which is not a folder");
    }
    String name = preset;
    if (name != null) {
      Range.check("--seq-len", length, 0, ModelPresets.named(name).context());
    } else if (attention) {
      Range.check("--seq-len", length, 0, MOST_STEPS);
    } else if (length != 0) {
      throw new UsageException("--seq-len is of --preset or --attention; name one of them");
    }
  }

  private int run(List<Device> devices, String missing) throws IOException {
    DeviceComparison comparison = new DeviceComparison(repetitions);
    Map<String, MachineLimits> limits = new LinkedHashMap<>();
    devices.forEach(device -> limits.put(device.name(), device.limits()));
    List<ProductMeasurement> products = products(devices);
    if (model != null) {
      try (ModelFile file = ModelFiles.open(model)) {
        for (Device device : devices) {
          comparison.model(device.name(), device.backend(), file, device.limits());
        }
      }
    }
    String name = preset;
    if (name != null) {
      for (Device device : devices) {
        comparison.training(
            device.name(), device.backend(), name, training(name), device.limits().flops());
      }
    }
    Map<String, DeviceCheck.Result> checked = verify ? verified(devices) : Map.of();
    List<Path> pictures = products.isEmpty() ? List.of() : draw(products, limits);
    write(devices, missing, products, comparison, checked, pictures);
    boolean passes = checked.values().stream().allMatch(DeviceCheck.Result::passes);
    return passes ? ExitCode.OK : ExitCode.CHECK_FAILED;
  }

  private List<ProductMeasurement> products(List<Device> devices) {
    List<ProductMeasurement> measurements = new ArrayList<>();
    for (Device device : devices) {
      ProductBenchmark benchmark =
          new ProductBenchmark(device.name(), device.backend(), device.limits());
      for (int side : sizes) {
        if (side > 0) {
          say(device.name() + ": product of matrices of " + side + " x " + side);
          measurements.addAll(benchmark.run(side, repetitions));
        }
      }
    }
    return measurements;
  }

  private TrainOptions training(String name) {
    int tokens = length == 0 ? ModelPresets.named(name).context() : length;
    return options(batchSize, tokens);
  }

  private static TrainOptions options(int batch, int tokens) {
    return TrainOptions.of(
        new BatchOptions(batch, tokens, 1), new Horizon.Steps(1), ScheduleOptions.constant(RATE));
  }

  /** By how products of many rows round. */
  private Map<String, DeviceCheck.Result> verified(List<Device> devices) throws IOException {
    Path path = model;
    if (path == null) {
      throw new IllegalStateException("checked before");
    }
    try (ModelFile file = ModelFiles.open(path)) {
      int context = file.config().contextLength();
      DeviceCheck check =
          new DeviceCheck(
              file.weights(),
              devices.get(0).backend(),
              Math.min(VERIFIED_PROMPT, context / 2),
              Math.min(VERIFIED_TOKENS, context / 2),
              options(2, Math.min(VERIFIED_LENGTH, context)));
      Map<String, DeviceCheck.Result> results = new LinkedHashMap<>();
      results.put("f32", check.of(devices.get(1).backend(), DType.F32));
      try (CudaBackend rounding = CudaBackend.open(gpu, MatrixMath.BF16, System.getenv())) {
        results.put("bf16", check.of(rounding, DType.BF16));
      }
      return results;
    }
  }

  private List<Path> draw(List<ProductMeasurement> products, Map<String, MachineLimits> limits)
      throws IOException {
    RooflinePlot plot = new RooflinePlot(products, limits);
    Path png = folder.resolve("bench.png");
    Path svg = folder.resolve("bench.svg");
    for (Path target : List.of(png, svg)) {
      try (AtomicFile file = new AtomicFile(target)) {
        if (target.equals(png)) {
          plot.png(file.out());
        } else {
          plot.svg(file.out());
        }
        file.commit();
      }
    }
    return List.of(png, svg);
  }

  private void write(
      List<Device> devices,
      String missing,
      List<ProductMeasurement> products,
      DeviceComparison comparison,
      Map<String, DeviceCheck.Result> checked,
      List<Path> pictures)
      throws IOException {
    if (json) {
      Map<String, Object> limits = new LinkedHashMap<>();
      for (Device device : devices) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("backend", device.backend().describe());
        one.put("measured_bytes_per_second", device.limits().readBytesPerSecond());
        one.put("measured_flops", device.limits().flops());
        limits.put(device.name(), one);
      }
      try (Json out = new Json(streams.out())) {
        out.begin();
        out.field("devices", limits);
        out.field("cuda_missing", missing.isEmpty() ? null : missing);
        out.field("products", products.stream().map(ProductMeasurement::record).toList());
        out.field("model", comparison.modelRecords());
        out.field("training", comparison.trainingRecords());
        Map<String, Object> records = new LinkedHashMap<>();
        checked.forEach((math, result) -> records.put(math, result.record()));
        out.field("verify", records);
        out.end();
      }
      return;
    }
    for (String table : comparison.tables(products, markdown)) {
      streams.out().print(table + "\n");
    }
    for (Map.Entry<String, DeviceCheck.Result> result : checked.entrySet()) {
      streams.out().print(result.getKey() + ": " + result.getValue().text() + "\n\n");
    }
    for (Device device : devices) {
      say(
          "%s: %s; measured %.1f GB/s, %.0f GFLOP/s in %s"
              .formatted(
                  device.name(),
                  device.backend().describe(),
                  device.limits().readBytesPerSecond() / 1e9,
                  device.limits().flops() / 1e9,
                  StatedPeak.precision(device.backend())));
    }
    pictures.forEach(picture -> say("picture: " + picture));
  }

  private void say(String line) {
    if (!log.quiet) {
      streams.err().println(line);
    }
  }
}
