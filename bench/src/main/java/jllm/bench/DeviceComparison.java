package jllm.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.cpu.MachineLimits;
import jllm.train.TrainOptions;
import jllm.train.model.ModelPresets;

/** The same workloads on several devices, with how much faster each is than the first one. */
public final class DeviceComparison {
  private static final int PROMPT = 512;
  private static final int GENERATED = 64;
  private static final int VOCABULARY = 50257;
  private static final long WARM_UP_NANOS = 2_000_000_000;

  private final int repetitions;
  private final List<ModelRun> models = new ArrayList<>();
  private final List<TrainingRun> trainings = new ArrayList<>();

  public DeviceComparison(int repetitions) {
    this.repetitions = repetitions;
  }

  /**
   * A workload of a model on a device.
   *
   * @param shareOfLimit of arithmetic for prompts, of memory for generating
   */
  private record ModelRun(String device, Measurement measurement, double shareOfLimit) {}

  private record TrainingRun(String device, String preset, TrainingBenchmark.Result result) {}

  /** Measures prompts and generation. */
  public void model(String device, Backend backend, ModelFile file, MachineLimits limits) {
    ModelWork work = ModelWork.of(file);
    int context = file.config().contextLength();
    try (Transformer model = Transformer.of(file.weights(), backend)) {
      GenerationBenchmark benchmark = new GenerationBenchmark(model, backend, PROMPT);
      for (Workload workload :
          List.of(
              new Workload.Prefill(Math.min(PROMPT, context)),
              new Workload.Decode(Math.min(GENERATED, context)))) {
        Measurement measurement = benchmark.run(workload, repetitions, WARM_UP_NANOS);
        double rate = measurement.tokensPerSecond();
        double share =
            workload instanceof Workload.Decode
                ? work.bytesPerToken() * rate / limits.readBytesPerSecond()
                : work.flops(workload) / workload.tokens() * rate / limits.flops();
        models.add(new ModelRun(device, measurement, share));
      }
    }
  }

  /** Measures training steps of a new model. */
  public void training(
      String device, Backend backend, String preset, TrainOptions options, double peakFlops) {
    ModelConfig config = ModelPresets.named(preset).config(VOCABULARY);
    TrainingBenchmark.Result result =
        new TrainingBenchmark(backend, peakFlops).run(config, options, repetitions, WARM_UP_NANOS);
    trainings.add(new TrainingRun(device, preset, result));
  }

  /** For JSON. */
  public List<Map<String, Object>> modelRecords() {
    List<Map<String, Object>> records = new ArrayList<>();
    for (ModelRun run : models) {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("device", run.device());
      record.put("test", run.measurement().workload().name());
      record.put("tokens_per_second", run.measurement().tokensPerSecond());
      record.put("deviation", run.measurement().deviation());
      record.put("share_of_limit", run.shareOfLimit());
      records.add(record);
    }
    return records;
  }

  /** For JSON. */
  public List<Map<String, Object>> trainingRecords() {
    List<Map<String, Object>> records = new ArrayList<>();
    for (TrainingRun run : trainings) {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("device", run.device());
      record.put("preset", run.preset());
      record.putAll(run.result().record());
      records.add(record);
    }
    return records;
  }

  /**
   * What was measured, one table a kind of work.
   *
   * @param markdown whether as Markdown; else without lines
   */
  public List<String> tables(List<ProductMeasurement> products, boolean markdown) {
    List<String> tables = new ArrayList<>();
    if (!products.isEmpty()) {
      tables.add(productTable(products));
    }
    if (!models.isEmpty()) {
      tables.add(modelTable());
    }
    if (!trainings.isEmpty()) {
      tables.add(trainingTable());
    }
    return markdown ? tables : tables.stream().map(DeviceComparison::plain).toList();
  }

  private static String productTable(List<ProductMeasurement> products) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("device", "type", "n", "time", "spread", "GFLOP/s", "of peak", "speed-up"));
    for (ProductMeasurement one : products) {
      double first =
          products.stream()
              .filter(other -> other.side() == one.side())
              .findFirst()
              .orElseThrow()
              .median();
      rows.add(
          List.of(
              one.device(),
              one.precision(),
              Integer.toString(one.side()),
              format("%.3f ms", one.median() * 1000),
              format("%.0f %%", 100 * one.spread()),
              format("%.1f", one.flops() / 1e9),
              Double.isNaN(one.peakFlops()) ? "-" : format("%.0f %%", 100 * one.shareOfPeak()),
              format("%.1fx", first / one.median())));
    }
    return MarkdownTable.of(rows, column -> column < 2);
  }

  private String modelTable() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("device", "test", "tokens/s", "of limit", "speed-up"));
    for (ModelRun run : models) {
      Measurement measured = run.measurement();
      double first =
          models.stream()
              .filter(
                  other -> other.measurement().workload().name().equals(measured.workload().name()))
              .findFirst()
              .orElseThrow()
              .measurement()
              .tokensPerSecond();
      rows.add(
          List.of(
              run.device(),
              measured.workload().name(),
              format("%.2f ± %.2f", measured.tokensPerSecond(), measured.deviation()),
              format("%.0f %%", 100 * run.shareOfLimit()),
              format("%.1fx", measured.tokensPerSecond() / first)));
    }
    return MarkdownTable.of(rows, column -> column < 2);
  }

  private String trainingTable() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("device", "preset", "step", "tokens/s", "of peak", "speed-up"));
    double first = trainings.getFirst().result().tokensPerSecond();
    for (TrainingRun run : trainings) {
      rows.add(
          List.of(
              run.device(),
              run.preset(),
              format("%.1f ms", run.result().median().total() * 1000),
              format("%.0f", run.result().tokensPerSecond()),
              format("%.0f %%", 100 * run.result().shareOfPeak()),
              format("%.1fx", run.result().tokensPerSecond() / first)));
    }
    return MarkdownTable.of(rows, column -> column < 2);
  }

  /** The same table without its lines. */
  private static String plain(String table) {
    StringBuilder text = new StringBuilder();
    table
        .lines()
        .filter(line -> !line.startsWith("| -") && !line.startsWith("|-"))
        .forEach(line -> text.append(line.replace("|", " ").strip()).append('\n'));
    return text.toString();
  }

  private static String format(String pattern, Object... arguments) {
    return String.format(Locale.ROOT, pattern, arguments);
  }
}
