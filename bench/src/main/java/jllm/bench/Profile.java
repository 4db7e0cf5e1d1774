package jllm.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.tensor.cpu.MachineLimits;

/**
 * Where the time of a workload went.
 *
 * @param name of the workload, such as {@code pp128}
 * @param wallNanos of the workload as the host saw it, which includes what measuring costs
 * @param lines one for each operation with operands of one type and shape
 */
public record Profile(String name, long wallNanos, List<Line> lines) {

  /**
   * What the calls of an operation took together.
   *
   * @param operation such as {@code linear Q8_0[2048, 2048]}
   * @param kernels that a device ran for it
   */
  public record Line(
      String operation, List<String> kernels, long calls, long nanos, double bytes, double flops) {

    Line plus(Line other) {
      return new Line(
          operation,
          kernels,
          calls + other.calls,
          nanos + other.nanos,
          bytes + other.bytes,
          flops + other.flops);
    }

    double bytesPerSecond() {
      return bytes / nanos * 1e9;
    }

    double flopsPerSecond() {
      return flops / nanos * 1e9;
    }

    /** Of the bandwidth or of the arithmetic, whichever is nearer to it. */
    double shareOfLimit(MachineLimits limits) {
      return Math.max(
          bytesPerSecond() / limits.readBytesPerSecond(), flopsPerSecond() / limits.flops());
    }
  }

  /** All operations together. */
  public Line total() {
    return lines.stream().reduce(new Line("all", List.of(), 0, 0, 0, 0), Line::plus);
  }

  private List<Line> longestFirst() {
    return lines.stream().sorted(Comparator.comparingLong(Line::nanos).reversed()).toList();
  }

  /** A table in Markdown, the longest operation first. */
  public String markdown(MachineLimits limits) {
    boolean device = lines.stream().anyMatch(line -> !line.kernels().isEmpty());
    List<List<String>> rows = new ArrayList<>();
    List<String> header = new ArrayList<>(List.of(name + ": operation"));
    if (device) {
      header.add("kernels");
    }
    header.addAll(
        List.of(
            "calls", "ms", "of time", "us a call", "MB", "GFLOP", "GB/s", "GFLOP/s", "of limit"));
    rows.add(header);
    Line total = total();
    for (Line line : longestFirst()) {
      rows.add(cells(line, total, limits, device));
    }
    rows.add(cells(total, total, limits, device));
    return MarkdownTable.of(rows, column -> column == 0 || (device && column == 1));
  }

  private static List<String> cells(Line line, Line total, MachineLimits limits, boolean device) {
    List<String> cells = new ArrayList<>(List.of(line.operation()));
    if (device) {
      cells.add(String.join(" + ", line.kernels()));
    }
    cells.addAll(
        List.of(
            Long.toString(line.calls()),
            format("%.3f", line.nanos() / 1e6),
            format("%.1f %%", 100.0 * line.nanos() / total.nanos()),
            format("%.1f", line.nanos() / 1e3 / line.calls()),
            format("%.1f", line.bytes() / 1e6),
            line.flops() == 0 ? "" : format("%.2f", line.flops() / 1e9),
            format("%.1f", line.bytesPerSecond() / 1e9),
            line.flops() == 0 ? "" : format("%.1f", line.flopsPerSecond() / 1e9),
            format("%.0f %%", 100 * line.shareOfLimit(limits))));
    return cells;
  }

  /** One map for each line, for JSON. */
  public List<Map<String, Object>> records(MachineLimits limits) {
    List<Map<String, Object>> records = new ArrayList<>();
    for (Line line : longestFirst()) {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("test", name);
      record.put("operation", line.operation());
      record.put("kernels", line.kernels());
      record.put("calls", line.calls());
      record.put("nanos", line.nanos());
      record.put("bytes", line.bytes());
      record.put("flops", line.flops());
      record.put("bytes_per_second", line.bytesPerSecond());
      record.put("flops_per_second", line.flopsPerSecond());
      record.put("share_of_limit", line.shareOfLimit(limits));
      record.put("wall_nanos", wallNanos);
      records.add(record);
    }
    return records;
  }

  private static String format(String pattern, Object... arguments) {
    return String.format(Locale.ROOT, pattern, arguments);
  }
}
