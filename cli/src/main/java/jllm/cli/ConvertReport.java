package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import jllm.format.convert.Conversion;
import jllm.format.convert.OutputFile;

/** What a conversion writes, or would write. */
final class ConvertReport {
  private final StandardOutput out;
  private final Conversion conversion;
  private final List<OutputFile> files;
  private final Path target;

  ConvertReport(StandardOutput out, Conversion conversion, Path target) {
    this.out = out;
    this.conversion = conversion;
    this.files = conversion.files();
    this.target = target;
  }

  /** All tensors and files of a conversion that is not made. */
  void plan(boolean json) throws IOException {
    if (json) {
      json(true, -1);
      return;
    }
    List<OutputFile.Tensor> tensors =
        files.stream().flatMap(file -> file.tensors().stream()).toList();
    int name = tensors.stream().mapToInt(t -> t.name().length()).max().orElse(1);
    int shape = tensors.stream().mapToInt(t -> t.shape().toString().length()).max().orElse(1);
    String format = "%-" + name + "s  %-" + shape + "s  %-6s  %9s%n";
    for (OutputFile.Tensor t : tensors) {
      out.print(
          String.format(
              Locale.ROOT, format, t.name(), t.shape(), t.type(), Memory.show(t.bytes())));
    }
    for (OutputFile file : files) {
      out.print(
          String.format(
              "%s  %s%s%n",
              file.path(),
              Memory.show(file.bytes()),
              file.tensors().isEmpty() ? "" : " in " + file.tensors().size() + " tensors"));
    }
    out.print(summary() + " (nothing was written)\n");
    out.flush();
  }

  /** The conversion is done. */
  void written(boolean json, double seconds) throws IOException {
    if (json) {
      json(false, seconds);
      return;
    }
    out.print(String.format(Locale.ROOT, "%s, %.1f s%n", summary(), seconds));
    out.flush();
  }

  private String summary() {
    return String.format(
        "%s -> %s: %s%s", conversion.source(), target, Memory.show(bytes()), byType());
  }

  private long bytes() {
    return files.stream().mapToLong(OutputFile::bytes).sum();
  }

  /** Such as {@code , 200 tensors (F16 155, F32 45)}. */
  private String byType() {
    Map<String, Long> counts =
        files.stream()
            .flatMap(file -> file.tensors().stream())
            .collect(
                Collectors.groupingBy(
                    OutputFile.Tensor::type, LinkedHashMap::new, Collectors.counting()));
    if (counts.isEmpty()) {
      return "";
    }
    String types =
        counts.entrySet().stream()
            .map(count -> count.getKey() + " " + count.getValue())
            .collect(Collectors.joining(", "));
    long all = counts.values().stream().mapToLong(Long::longValue).sum();
    return ", " + all + " tensors (" + types + ")";
  }

  private void json(boolean withTensors, double seconds) throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (OutputFile file : files) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("file", file.path().toString());
      row.put("bytes", file.bytes());
      if (withTensors) {
        row.put("tensors", file.tensors().stream().map(ConvertReport::json).toList());
      }
      rows.add(row);
    }
    try (Json object = new Json(out)) {
      object.begin();
      object.field("source", conversion.source());
      object.field("target", target.toString());
      object.field("written", !withTensors);
      object.field("bytes", bytes());
      if (seconds >= 0) {
        object.field("seconds", seconds);
      }
      object.field("warnings", conversion.warnings());
      object.field("files", rows);
      object.end();
    }
  }

  private static Map<String, Object> json(OutputFile.Tensor tensor) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", tensor.name());
    row.put("type", tensor.type());
    row.put("shape", tensor.shape().toString());
    row.put("bytes", tensor.bytes());
    return row;
  }
}
