package jllm.format.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.PendingFolder;
import jllm.format.WeightSource;
import jllm.format.WriteListener;
import jllm.format.model.HubModelWriter;
import jllm.format.model.HubWeightsWriter;
import jllm.format.safetensors.SafetensorsWriter;
import jllm.tensor.DType;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.read.Tokenizers;
import org.jspecify.annotations.Nullable;

/** A Hugging Face folder. */
final class HubOutput implements Output {
  /** Weights of an earlier model in the folder, which the new configuration does not describe. */
  private static final Pattern STALE =
      Pattern.compile(
          "(model|pytorch_model)(-\\d{5}-of-\\d{5})?\\.(safetensors|bin)(\\.index\\.json)?");

  private final Path target;
  private final Companions companions;
  private final @Nullable HubWeightsWriter writer;
  private final List<String> warnings = new ArrayList<>();

  /** The small files, by name. */
  private final Map<String, String> texts = new LinkedHashMap<>();

  /**
   * @param model absent for a vocabulary alone
   */
  HubOutput(
      Path target, @Nullable ModelFile model, Companions companions, ConversionOptions options)
      throws IOException {
    this.target = target;
    this.companions = companions;
    warnings.addAll(companions.warnings());
    warnings.removeIf(warning -> warning.startsWith("lost in GGUF"));
    if (model == null || options.vocabularyOnly()) {
      writer = null;
    } else {
      WeightSource weights = model.weights();
      writer = new HubWeightsWriter(weights, types(model, options.type()), options.maxShardBytes());
      texts.put(Companions.CONFIG, config(weights));
      Map<String, Object> index = writer.index();
      if (index != null) {
        texts.put(HubWeightsWriter.INDEX, text(index));
      }
    }
    tokenizer(model);
  }

  /** As before the model became a GGUF file, if it ever was a folder; F16 for quantized ones. */
  private static HubWeightsWriter.Types types(ModelFile model, @Nullable DType wanted) {
    TensorTypes before = TensorTypes.parse(model.metadata().get(CarriedKeys.TENSOR_TYPES));
    return (name, stored) -> {
      if (wanted != null) {
        return wanted;
      }
      if (before != null) {
        return before.of(name);
      }
      return stored.isQuantized() ? DType.F16 : stored;
    };
  }

  private static String text(Map<String, ? extends @Nullable Object> json) {
    return new String(Json.format(json), StandardCharsets.UTF_8);
  }

  private String config(WeightSource weights) {
    HubWeightsWriter files = Objects.requireNonNull(writer);
    Map<String, @Nullable Object> carried = companions.entries(Companions.CONFIG);
    if (carried == null || !HubModelWriter.describes(carried, weights)) {
      if (carried != null) {
        warnings.add(
            "the config.json that the file carries is not that of its weights: made a new one");
      }
      Map<String, @Nullable Object> made = made(weights.config());
      HubModelWriter.addTokens(made, ids());
      made.put("torch_dtype", files.torchType());
      return text(made);
    }
    for (String key : List.of("torch_dtype", "dtype")) {
      if (carried.get(key) != null) {
        carried.put(key, files.torchType());
      }
    }
    return text(carried);
  }

  private static Map<String, @Nullable Object> made(ModelConfig config) {
    try {
      return HubModelWriter.config(config);
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException(String.valueOf(e.getMessage()), e);
    }
  }

  private SpecialIds ids() {
    VocabularySpec vocabulary = companions.vocabulary();
    return vocabulary == null ? SpecialIds.NONE : vocabulary.ids();
  }

  private void tokenizer(@Nullable ModelFile model) throws IOException {
    VocabularySpec vocabulary = companions.vocabulary();
    for (String file : Companions.FILES) {
      String text = companions.texts().get(file);
      if (text != null && !file.equals(Companions.CONFIG)) {
        texts.put(file, text);
      }
    }
    if (vocabulary != null && !texts.containsKey(Companions.TOKENIZER)) {
      Tokenizer tokenizer = Tokenizers.of(Vocabularies.trimmed(vocabulary));
      String json = Companions.json(tokenizer);
      if (json.isEmpty()) {
        warnings.add("its tokenizer cannot be written as tokenizer.json: there will be none");
      } else {
        texts.put(Companions.TOKENIZER, json);
        texts.computeIfAbsent(
            Companions.TOKENIZER_CONFIG, _ -> text(tokenizerConfig(vocabulary, model)));
      }
    }
    if (writer != null) {
      texts.computeIfAbsent(Companions.GENERATION, _ -> text(generation(model)));
    }
    template();
  }

  private Map<String, @Nullable Object> tokenizerConfig(
      VocabularySpec vocabulary, @Nullable ModelFile model) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("tokenizer_class", "PreTrainedTokenizerFast");
    json.put("clean_up_tokenization_spaces", false);
    if (model != null && writer != null) {
      json.put("model_max_length", model.config().contextLength());
    }
    SpecialIds ids = vocabulary.ids();
    token(json, "bos_token", vocabulary, ids.bos());
    token(json, "eos_token", vocabulary, ids.eos());
    token(json, "unk_token", vocabulary, ids.unk());
    token(json, "pad_token", vocabulary, ids.pad());
    if (vocabulary.addBos() != null) {
      json.put("add_bos_token", vocabulary.addBos());
    }
    if (vocabulary.addEos() != null) {
      json.put("add_eos_token", vocabulary.addEos());
    }
    return json;
  }

  private static void token(
      Map<String, @Nullable Object> json, String key, VocabularySpec vocabulary, int id) {
    if (id >= 0) {
      json.put(key, vocabulary.tokens().get(id));
    }
  }

  private Map<String, @Nullable Object> generation(@Nullable ModelFile model) {
    Map<String, @Nullable Object> json = HubModelWriter.generation(ids());
    if (model != null) {
      GgufOutput.SAMPLING.forEach((name, key) -> {
        if (model.metadata().get(key) instanceof Number number) {
          json.put(
              name, number instanceof Double real ? (Object) real : (Object) number.longValue());
        }
      });
    }
    return json;
  }

  /** In a file of its own, unless the tokenizer's configuration has it. */
  private void template() {
    String template = companions.chatTemplate();
    String config = texts.get(Companions.TOKENIZER_CONFIG);
    if (template != null
        && !template.equals(texts.get(Companions.TEMPLATE))
        && (config == null || !config.contains("\"chat_template\""))) {
      texts.put(Companions.TEMPLATE, template);
    }
  }

  @Override
  public List<OutputFile> files() {
    List<OutputFile> files = new ArrayList<>();
    if (writer != null) {
      for (HubWeightsWriter.FilePlan file : writer.files()) {
        List<OutputFile.Tensor> tensors = new ArrayList<>();
        for (SafetensorsWriter.Entry entry : file.tensors()) {
          tensors.add(
              new OutputFile.Tensor(
                  entry.name(), entry.dtype().name(), entry.shape(), entry.bytes()));
        }
        files.add(new OutputFile(target.resolve(file.name()), file.bytes(), tensors));
      }
    }
    texts.forEach((name, text) ->
        files.add(new OutputFile(target.resolve(name), Companions.bytes(text).length, List.of())));
    return files;
  }

  @Override
  public List<String> warnings() {
    return warnings;
  }

  @Override
  public void checkTarget(boolean force) throws IOException {
    Targets.checkFolder(target, force);
  }

  @Override
  public void write(WriteListener listener) throws IOException {
    List<String> names =
        files().stream().map(file -> String.valueOf(file.path().getFileName())).toList();
    try (PendingFolder folder = PendingFolder.create(target, names)) {
      for (Map.Entry<String, String> text : texts.entrySet()) {
        HubModelWriter.writeFile(
            folder.path().resolve(text.getKey()), Companions.bytes(text.getValue()));
      }
      if (writer != null) {
        writer.write(folder.path(), listener);
      }
      folder.commit(name -> STALE.matcher(name).matches());
    }
  }
}
