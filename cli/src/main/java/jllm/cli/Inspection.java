package jllm.cli;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;

/** What a model file says, for people or as JSON. */
final class Inspection {
  /** Elements of a list and characters of a text that are shown of a longer one. */
  private static final int SHOWN_ELEMENTS = 8;

  private static final int SHOWN_CHARACTERS = 120;

  private final ModelFile file;
  private final boolean full;

  /**
   * @param full whether long lists and texts are shown whole
   */
  Inspection(ModelFile file, boolean full) {
    this.file = file;
    this.full = full;
  }

  String text() {
    StringBuilder text = new StringBuilder();
    Map<String, Object> summary = summary();
    int widest = summary.keySet().stream().mapToInt(String::length).max().orElse(0);
    summary.forEach((name, value) ->
        text.append(String.format("%-" + (widest + 2) + "s%s%n", name.replace('_', ' '), value)));
    text.append('\n').append(metadataTable()).append("\n\n").append(tensorTable()).append('\n');
    return text.toString().replace(System.lineSeparator(), "\n");
  }

  /** Name and value of what is most asked for. */
  private Map<String, Object> summary() {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("model", file.path());
    summary.put("format", file.format());
    summary.put(
        "size",
        Memory.show(file.bytes()) + String.format(Locale.ROOT, " (%,d bytes)", file.bytes()));
    summary.put(
        "parameters",
        count(file.parameters()) + String.format(Locale.ROOT, " (%,d)", file.parameters()));
    summary.put(
        "tensors",
        types().entrySet().stream()
            .map(type -> type.getValue() + " " + type.getKey())
            .collect(Collectors.joining(", ")));
    try {
      config().forEach(summary::put);
    } catch (ModelFormatException unsupported) {
      summary.put("not supported", unsupported.getMessage());
    }
    return summary;
  }

  private Map<String, Object> config() {
    ModelConfig config = file.config();
    AttentionConfig attention = config.attention();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("architecture", config.architecture());
    values.put("layers", config.layers());
    values.put("width", config.width());
    values.put("heads", attention.heads());
    values.put("kv_heads", attention.kvHeads());
    values.put("head_width", attention.headDim());
    values.put("feed_forward", config.feedForward().hidden());
    if (config.feedForward().experts() > 0) {
      values.put("experts", config.feedForward().experts());
    }
    values.put("vocabulary", config.vocabularySize());
    values.put("context", config.contextLength());
    return values;
  }

  /** Tensors of each type. */
  private Map<String, Integer> types() {
    Map<String, Integer> types = new TreeMap<>();
    for (StoredTensor tensor : file.tensors()) {
      types.merge(tensor.type(), 1, Integer::sum);
    }
    return types;
  }

  /** Such as {@code 1.10 B}. */
  private static String count(long parameters) {
    if (parameters < 1_000_000) {
      return String.format(Locale.ROOT, "%.1f K", parameters / 1e3);
    }
    return parameters < 1_000_000_000
        ? String.format(Locale.ROOT, "%.1f M", parameters / 1e6)
        : String.format(Locale.ROOT, "%.2f B", parameters / 1e9);
  }

  private String metadataTable() {
    return AsciiTable.builder()
        .border(AsciiTable.NO_BORDERS)
        .data(
            file.metadata().entrySet(),
            List.of(
                column("metadata", HorizontalAlign.LEFT).with(Map.Entry::getKey),
                column("value", HorizontalAlign.LEFT).with(entry -> show(entry.getValue()))))
        .asString();
  }

  private String tensorTable() {
    return AsciiTable.builder()
        .border(AsciiTable.NO_BORDERS)
        .data(
            file.tensors(),
            List.of(
                column("tensor", HorizontalAlign.LEFT).with(StoredTensor::name),
                column("type", HorizontalAlign.LEFT).with(StoredTensor::type),
                column("shape", HorizontalAlign.LEFT).with(tensor -> tensor.shape().toString()),
                column("size", HorizontalAlign.RIGHT).with(tensor -> Memory.show(tensor.bytes()))))
        .asString();
  }

  private static Column column(String header, HorizontalAlign align) {
    return new Column()
        .header(header)
        .headerAlign(align)
        .dataAlign(align)
        .maxWidth(Integer.MAX_VALUE);
  }

  /** A value on one line. */
  private String show(Object value) {
    String text = Json.compact(abbreviate(value));
    return value instanceof String ? text.substring(1, text.length() - 1) : text;
  }

  /** A long list becomes its length and its first elements, a long text its beginning. */
  private Object abbreviate(Object value) {
    if (full) {
      return value;
    }
    return switch (value) {
      case String text when text.length() > SHOWN_CHARACTERS ->
          beginning(text) + "... (" + text.length() + " characters)";
      case List<?> list when list.size() > SHOWN_ELEMENTS -> {
        Map<String, Object> part = new LinkedHashMap<>();
        part.put("length", list.size());
        part.put("first", list.subList(0, SHOWN_ELEMENTS));
        yield part;
      }
      default -> value;
    };
  }

  /** Whole characters, about as many as are shown. */
  private static String beginning(String text) {
    boolean cutsPair = Character.isHighSurrogate(text.charAt(SHOWN_CHARACTERS - 1));
    return text.substring(0, cutsPair ? SHOWN_CHARACTERS - 1 : SHOWN_CHARACTERS);
  }

  void writeJson(StandardOutput out) throws IOException {
    try (Json json = new Json(out)) {
      json.begin();
      json.field("path", file.path().toString());
      json.field("format", file.format());
      json.field("bytes", file.bytes());
      json.field("parameters", file.parameters());
      json.field("types", types());
      try {
        json.field("config", config());
      } catch (ModelFormatException unsupported) {
        json.field("not_supported", unsupported.getMessage());
      }
      json.begin("metadata");
      for (Map.Entry<String, Object> entry : file.metadata().entrySet()) {
        json.field(entry.getKey(), abbreviate(entry.getValue()));
      }
      json.end();
      json.field("tensors", file.tensors().stream().map(Inspection::describe).toList());
      json.end();
    }
  }

  private static Map<String, Object> describe(StoredTensor tensor) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", tensor.name());
    values.put("type", tensor.type());
    values.put(
        "shape", IntStream.range(0, tensor.shape().rank()).map(tensor.shape()::dim).toArray());
    values.put("file", tensor.file().path().getFileName().toString());
    values.put("offset", tensor.offset());
    values.put("bytes", tensor.bytes());
    return values;
  }
}
