package jllm.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.tensor.cpu.MachineLimits;

/**
 * The figures of a run in llama-bench's layout, with the share of the machine's limit beside each:
 * of the measured read bandwidth for decoding, of the measured peak for prefill.
 *
 * @param model such as {@code llama 1.10 B Q8_0}
 * @param precision of the measured peak, for people
 */
public record Report(
    String model,
    long modelBytes,
    long parameters,
    String backend,
    int threads,
    ModelWork work,
    MachineLimits limits,
    String precision,
    List<Measurement> measurements) {

  private static final List<String> COLUMNS =
      List.of("model", "size", "params", "backend", "threads", "test", "t/s", "rate", "of limit");

  /** A table in Markdown, columns aligned. */
  public String markdown() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(COLUMNS);
    for (Measurement measurement : measurements) {
      rows.add(cells(measurement));
    }
    return MarkdownTable.of(rows, Report::isText);
  }

  private static boolean isText(int column) {
    return column == 0 || column == 3;
  }

  private List<String> cells(Measurement measurement) {
    return List.of(
        model,
        size(modelBytes),
        count(parameters),
        backend,
        Integer.toString(threads),
        measurement.workload().name(),
        format("%.2f ± %.2f", measurement.tokensPerSecond(), measurement.deviation()),
        decodes(measurement)
            ? format("%.1f GB/s", bytesPerSecond(measurement) / 1e9)
            : format("%.1f GFLOP/s", flops(measurement) / 1e9),
        format("%.0f %%", 100 * shareOfLimit(measurement)));
  }

  /** One map for each measurement, for JSON: llama-bench's field names where it has them. */
  public List<Map<String, Object>> records() {
    List<Map<String, Object>> records = new ArrayList<>();
    for (Measurement measurement : measurements) {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("model_type", model);
      record.put("model_size", modelBytes);
      record.put("model_n_params", parameters);
      record.put("backends", backend);
      record.put("n_threads", threads);
      record.put("test", measurement.workload().name());
      record.put("n_prompt", decodes(measurement) ? 0 : measurement.workload().tokens());
      record.put("n_gen", decodes(measurement) ? measurement.workload().tokens() : 0);
      record.put("avg_ts", measurement.tokensPerSecond());
      record.put("stddev_ts", measurement.deviation());
      record.put("samples_ns", Arrays.stream(measurement.nanos()).boxed().toList());
      record.put("bytes_per_second", bytesPerSecond(measurement));
      record.put("flops", flops(measurement));
      record.put("limit_bytes_per_second", limits.readBytesPerSecond());
      record.put("limit_flops", limits.flops());
      record.put("share_of_limit", shareOfLimit(measurement));
      records.add(record);
    }
    return records;
  }

  /**
   * Comma-separated values: a header, then a line for each measurement; the samples are left to
   * JSON.
   */
  public String csv() {
    StringBuilder text = new StringBuilder();
    for (Map<String, Object> record : records()) {
      record.remove("samples_ns");
      if (text.isEmpty()) {
        text.append(String.join(",", record.keySet())).append('\n');
      }
      text.append(String.join(",", record.values().stream().map(Report::quoted).toList()))
          .append('\n');
    }
    return text.toString();
  }

  private static String quoted(Object value) {
    return value instanceof String string
        ? '"' + string.replace("\"", "\"\"") + '"'
        : value.toString();
  }

  /** What the limits were, in a line. */
  public String limitsLine() {
    return format(
        "measured limits with %d threads: %.1f GB/s read from memory, %.0f GFLOP/s in %s",
        threads, limits.readBytesPerSecond() / 1e9, limits.flops() / 1e9, precision);
  }

  private static boolean decodes(Measurement measurement) {
    return measurement.workload() instanceof Workload.Decode;
  }

  private double bytesPerSecond(Measurement measurement) {
    return decodes(measurement) ? work.bytesPerToken() * measurement.tokensPerSecond() : 0;
  }

  private double flops(Measurement measurement) {
    return work.flops(measurement.workload())
        / measurement.workload().tokens()
        * measurement.tokensPerSecond();
  }

  private double shareOfLimit(Measurement measurement) {
    return decodes(measurement)
        ? bytesPerSecond(measurement) / limits.readBytesPerSecond()
        : flops(measurement) / limits.flops();
  }

  private static String size(long bytes) {
    return bytes >= 1L << 30
        ? format("%.2f GiB", bytes / (double) (1L << 30))
        : format("%.2f MiB", bytes / (double) (1L << 20));
  }

  private static String count(long number) {
    return number >= 1_000_000_000
        ? format("%.2f B", number / 1e9)
        : format("%.2f M", number / 1e6);
  }

  private static String format(String pattern, Object... arguments) {
    return String.format(Locale.ROOT, pattern, arguments);
  }
}
