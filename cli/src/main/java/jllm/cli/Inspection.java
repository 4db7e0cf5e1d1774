package jllm.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.values.TensorStatistics;
import jllm.generate.ModelTokenizer;
import jllm.tensor.cpu.MachineLimits;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import org.jspecify.annotations.Nullable;

/** What a model file says, for people or as JSON. */
final class Inspection {
  private final ModelFile file;
  private final boolean full;
  private final @Nullable String template;

  /** Where the training was, of a checkpoint. */
  private final Map<String, Object> training;

  private @Nullable ModelConfig config;
  private @Nullable Tokenizer tokenizer;
  private @Nullable ResourceEstimate resources;

  /** What is wrong with the configuration and the tokenizer, where something is. */
  private final Map<String, String> problems = new LinkedHashMap<>();

  /** Of each tensor, where they were asked for. */
  private List<@Nullable TensorStatistics> statistics = List.of();

  /**
   * @param full whether long lists and texts are shown whole
   */
  Inspection(ModelFile file, boolean full) throws IOException {
    this.file = file;
    this.full = full;
    this.template = ChatTemplateText.of(file);
    this.training = Training.progress(file.path());
    try {
      config = file.config();
    } catch (ModelFormatException unsupported) {
      problems.put("not_supported", String.valueOf(unsupported.getMessage()));
    }
    try {
      tokenizer = ModelTokenizer.of(file, null);
    } catch (ModelFormatException | TokenizerFormatException none) {
      problems.put("tokenizer", String.valueOf(none.getMessage()));
    }
  }

  /** Reads all tensors. */
  void readStatistics() throws IOException {
    List<@Nullable TensorStatistics> read = new ArrayList<>();
    for (StoredTensor tensor : file.tensors()) {
      read.add(TensorStatistics.of(tensor));
    }
    statistics = read;
  }

  /**
   * Says what generating takes, of models that can.
   *
   * @param context positions, 0 = those that the model was made for
   * @param limits of this machine, where the speed is asked for, too
   */
  void estimate(int context, @Nullable MachineLimits limits) {
    if (config != null) {
      int positions = context == 0 ? config.contextLength() : context;
      resources = new ResourceEstimate(file, positions, limits);
    }
  }

  String text() {
    StringBuilder text = new StringBuilder(Facts.text(summary()));
    if (!file.metadata().isEmpty()) {
      text.append('\n')
          .append(
              new Table<Map.Entry<String, Object>>()
                  .left("metadata", Map.Entry::getKey)
                  .left("value", entry -> Abbreviation.line(entry.getValue(), full))
                  .text(file.metadata().entrySet()));
    }
    if (!file.tensors().isEmpty()) {
      text.append('\n').append(tensorTable());
    }
    return text.toString();
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
        Count.show(file.parameters()) + String.format(Locale.ROOT, " (%,d)", file.parameters()));
    summary.put(
        "tensors",
        file.tensors().isEmpty()
            ? "none"
            : types().entrySet().stream()
                .map(type -> type.getValue() + " " + type.getKey())
                .collect(Collectors.joining(", ")));
    if (config != null) {
      summary.putAll(describe(config));
    }
    if (tokenizer != null) {
      summary.putAll(TokenizerFacts.text(tokenizer));
    }
    summary.putAll(problems);
    if (!training.isEmpty()) {
      summary.put("checkpoint", Training.text(training));
    }
    summary.put("chat template", template == null ? "none" : Abbreviation.line(template, full));
    if (resources != null) {
      summary.putAll(resources.text());
    }
    return summary;
  }

  /** The sizes of a model. */
  static Map<String, Object> describe(ModelConfig config) {
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

  private String tensorTable() {
    List<StoredTensor> tensors = file.tensors();
    Table<Integer> table =
        new Table<Integer>()
            .left("tensor", i -> tensors.get(i).name())
            .left("type", i -> tensors.get(i).type())
            .left("shape", i -> tensors.get(i).shape().toString())
            .right("size", i -> Memory.show(tensors.get(i).bytes()));
    if (!statistics.isEmpty()) {
      table
          .right("min", i -> number(i, TensorStatistics::min))
          .right("max", i -> number(i, TensorStatistics::max))
          .right("mean", i -> number(i, TensorStatistics::mean))
          .right("std", i -> number(i, TensorStatistics::deviation))
          .right("zeros", i -> percentage(i))
          .right("not finite", i -> nonFinite(i));
    }
    return table.text(IntStream.range(0, tensors.size()).boxed().toList());
  }

  private String number(int tensor, ToDoubleFunction<TensorStatistics> field) {
    TensorStatistics found = statistics.get(tensor);
    return found == null ? "-" : String.format(Locale.ROOT, "%.4g", field.applyAsDouble(found));
  }

  private String percentage(int tensor) {
    TensorStatistics found = statistics.get(tensor);
    return found == null ? "-" : String.format(Locale.ROOT, "%.2f %%", 100 * found.zeroShare());
  }

  private String nonFinite(int tensor) {
    TensorStatistics found = statistics.get(tensor);
    return found == null ? "-" : String.format(Locale.ROOT, "%,d", found.nonFinite());
  }

  void writeJson(StandardOutput out) throws IOException {
    try (Json json = new Json(out)) {
      json.begin();
      json.field("path", file.path().toString());
      json.field("format", file.format());
      json.field("bytes", file.bytes());
      json.field("parameters", file.parameters());
      json.field("types", types());
      if (config != null) {
        json.field("config", describe(config));
      }
      for (Map.Entry<String, String> problem : problems.entrySet()) {
        boolean aboutTokenizer = problem.getKey().equals("tokenizer");
        json.field(aboutTokenizer ? "tokenizer_error" : problem.getKey(), problem.getValue());
      }
      if (tokenizer != null) {
        json.field("tokenizer", TokenizerFacts.of(tokenizer));
      }
      json.field("chat_template", template);
      if (!training.isEmpty()) {
        json.field("checkpoint", training);
      }
      if (resources != null) {
        json.field("resources", resources.json());
      }
      json.begin("metadata");
      for (Map.Entry<String, Object> entry : file.metadata().entrySet()) {
        json.field(entry.getKey(), Abbreviation.of(entry.getValue(), full));
      }
      json.end();
      List<StoredTensor> tensors = file.tensors();
      json.field(
          "tensors",
          IntStream.range(0, tensors.size()).mapToObj(i -> describe(i, tensors.get(i))).toList());
      json.end();
    }
  }

  private Map<String, Object> describe(int index, StoredTensor tensor) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", tensor.name());
    values.put("type", tensor.type());
    values.put(
        "shape", IntStream.range(0, tensor.shape().rank()).map(tensor.shape()::dim).toArray());
    values.put("file", tensor.file().path().getFileName().toString());
    values.put("offset", tensor.offset());
    values.put("bytes", tensor.bytes());
    TensorStatistics found = statistics.isEmpty() ? null : statistics.get(index);
    if (found != null) {
      values.put("min", found.min());
      values.put("max", found.max());
      values.put("mean", found.mean());
      values.put("std", found.deviation());
      values.put("zeros", found.zeroShare());
      values.put("non_finite", found.nonFinite());
    }
    return values;
  }
}
