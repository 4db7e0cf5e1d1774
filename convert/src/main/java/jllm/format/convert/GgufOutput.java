package jllm.format.convert;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.WriteListener;
import jllm.format.gguf.GgufArray;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.format.gguf.ValueType;
import jllm.format.model.GgufModelWriter;
import jllm.format.model.GgufVocabulary;
import jllm.tensor.DType;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** A GGUF file. */
final class GgufOutput implements Output {
  /** GGUF's keys by those of {@code generation_config.json}. */
  static final Map<String, String> SAMPLING =
      Map.of(
          "temperature", "general.sampling.temp",
          "top_k", "general.sampling.top_k",
          "top_p", "general.sampling.top_p",
          "min_p", "general.sampling.min_p",
          "repetition_penalty", "general.sampling.penalty_repeat");

  private static final Map<String, Role> IDS =
      Map.of(
          "bos_token_id", Role.BOS,
          "eos_token_id", Role.EOS,
          "pad_token_id", Role.PAD);

  private final Path target;
  private final @Nullable ModelFile model;
  private final Companions companions;
  private final ConversionOptions options;
  private final Map<String, GgufValue> metadata;
  private final @Nullable GgufModelWriter writer;

  /**
   * @param model absent for a vocabulary that comes from no model file
   */
  GgufOutput(
      Path target, @Nullable ModelFile model, Companions companions, ConversionOptions options)
      throws IOException {
    this.target = target;
    this.model = model;
    this.companions = companions;
    this.options = options;
    Map<String, GgufValue> extra = new LinkedHashMap<>();
    if (model == null || !model.format().startsWith("GGUF")) {
      describe(extra);
    } else {
      copy(model.path(), extra);
      if (options.tokenizer() != null) {
        extra.keySet().removeIf(GgufOutput::isOfTokenizer);
        tokenizer(extra);
      }
    }
    if (model == null || options.vocabularyOnly()) {
      extra.putIfAbsent("general.architecture", GgufValue.text(companions.architecture()));
      writer = null;
      metadata = extra;
    } else {
      WeightSource weights = new TypedWeights(model.weights(), model.path().toString(), this::type);
      writer = writer(weights, extra);
      metadata = new LinkedHashMap<>(writer.metadata());
    }
    options
        .metadata()
        .forEach(
            (key, text) -> metadata.put(key, MetadataOption.parse(key, text, metadata.get(key))));
  }

  private static GgufModelWriter writer(WeightSource weights, Map<String, GgufValue> extra) {
    try {
      return new GgufModelWriter(weights, extra);
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException(String.valueOf(e.getMessage()), e);
    }
  }

  /** All that a GGUF file says stays, but for what follows from the types and the splitting. */
  private static void copy(Path path, Map<String, GgufValue> extra) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      file.metadata()
          .values()
          .forEach((key, value) -> extra.put(key, value instanceof GgufArray a ? a.copy() : value));
    }
    extra.remove("general.file_type");
    extra.remove("general.quantization_version");
    extra.remove("general.alignment");
    extra.keySet().removeIf(key -> key.startsWith("split."));
  }

  private void describe(Map<String, GgufValue> extra) {
    extra.put("general.type", GgufValue.text("model"));
    extra.put("general.name", GgufValue.text(companions.name()));
    sampling(extra);
    tokenizer(extra);
    TensorTypes types =
        model == null || companions.texts().isEmpty() ? null : TensorTypes.of(model.tensors());
    if (types != null) {
      extra.put(CarriedKeys.TENSOR_TYPES, GgufValue.text(types.format()));
    }
  }

  private static boolean isOfTokenizer(String key) {
    return key.startsWith("tokenizer.") || CarriedKeys.FILES.containsValue(key);
  }

  /** The vocabulary, the chat template and the texts of the folder. */
  private void tokenizer(Map<String, GgufValue> extra) {
    VocabularySpec vocabulary = companions.vocabulary();
    if (vocabulary != null) {
      extra.putAll(GgufVocabulary.write(fitting(vocabulary)));
    }
    if (companions.chatTemplate() != null) {
      extra.put(CarriedKeys.CHAT_TEMPLATE, GgufValue.text(companions.chatTemplate()));
    }
    for (String file : Companions.FILES) {
      String key = CarriedKeys.FILES.get(file);
      String text = companions.texts().get(file);
      if (key != null && text != null) {
        extra.put(key, GgufValue.text(text));
      }
    }
  }

  private void sampling(Map<String, GgufValue> extra) {
    Map<String, @Nullable Object> generation = companions.entries(Companions.GENERATION);
    if (generation == null) {
      return;
    }
    new TreeMap<>(SAMPLING)
        .forEach((name, key) -> {
          if (generation.get(name) instanceof Number number) {
            extra.put(
                key,
                name.equals("top_k")
                    ? new GgufValue.Scalar(ValueType.I32, number.intValue())
                    : GgufValue.f32(number.floatValue()));
          }
        });
  }

  /** As many tokens as the embedding has rows, with the special ones that the model names. */
  private VocabularySpec fitting(VocabularySpec vocabulary) {
    Map<String, @Nullable Object> config = companions.entries(Companions.CONFIG);
    SpecialIds ids = vocabulary.ids();
    for (Map.Entry<String, Role> entry : IDS.entrySet()) {
      Object given = config == null ? null : config.get(entry.getKey());
      if (!ids.has(entry.getValue())
          && given instanceof Long id
          && id >= 0
          && id < vocabulary.tokens().size()) {
        ids = ids.with(entry.getValue(), id.intValue());
      }
    }
    if (model == null) {
      return Vocabularies.resized(vocabulary, vocabulary.tokens().size(), ids);
    }
    return Vocabularies.resized(vocabulary, model.config().vocabularySize(), ids);
  }

  /** Readers of GGUF want what they add to activations, or multiply them with, in F32. */
  private DType type(String name, DType stored) {
    boolean matrix =
        name.endsWith(".weight")
            && !name.contains("norm")
            && !name.contains("." + WeightNames.ROUTER + ".")
            && !name.equals(WeightNames.POSITION_EMBEDDING);
    if (!matrix || stored == DType.F64) {
      return DType.F32;
    }
    DType wanted = options.type();
    if (wanted == null) {
      return stored;
    }
    return wanted.divides(columns(name)) ? wanted : DType.F16;
  }

  private long columns(String name) {
    if (model == null) {
      throw new IllegalStateException("a vocabulary has no weights");
    }
    ModelConfig config = model.config();
    if (name.contains(WeightNames.DOWN)) {
      return config.feedForward().hidden();
    }
    return name.contains(WeightNames.ATTENTION_OUTPUT)
        ? (long) config.attention().heads() * config.attention().headDim()
        : config.width();
  }

  @Override
  public List<OutputFile> files() {
    List<OutputFile.Tensor> tensors = new ArrayList<>();
    long bytes = 0;
    if (writer != null) {
      for (GgufWriter.Entry entry : writer.tensors()) {
        tensors.add(
            new OutputFile.Tensor(entry.name(), entry.type().name(), entry.shape(), entry.bytes()));
        bytes += entry.bytes();
      }
    }
    return List.of(new OutputFile(target, bytes, tensors));
  }

  @Override
  public List<String> warnings() {
    return companions.warnings();
  }

  @Override
  public void checkTarget(boolean force) throws IOException {
    Targets.checkFile(target, force);
  }

  @Override
  public void write(WriteListener listener) throws IOException {
    if (writer != null) {
      writer.write(target, metadata, listener);
      return;
    }
    try (GgufWriter vocabulary = GgufWriter.create(target, metadata, List.of())) {
      vocabulary.commit();
    }
  }
}
