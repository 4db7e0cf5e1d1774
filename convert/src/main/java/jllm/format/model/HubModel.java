package jllm.format.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.format.MappedFile;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.TensorFile;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.pytorch.PytorchFile;
import jllm.format.safetensors.SafetensorsFile;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** A Hugging Face model: {@code config.json} and files with tensors in a folder. */
final class HubModel implements ModelFile {
  private static final String CONFIG = "config.json";
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String PYTORCH = "pytorch_model.bin";
  private static final String PYTORCH_INDEX = "pytorch_model.bin.index.json";
  private static final List<String> TOKENIZERS = List.of("tokenizer.json", "tokenizer.model");

  private final Path path;
  private final Path folder;
  private final TensorFile file;
  private final Map<String, @Nullable Object> json;
  private final boolean described;
  private @Nullable ModelConfig config;
  private @Nullable WeightSource weights;

  /**
   * @param path the folder, or a file with tensors in it
   */
  HubModel(Path path) throws IOException {
    this.path = path;
    boolean isFolder = Files.isDirectory(path);
    this.folder = isFolder ? path : path.resolveSibling("");
    Path configFile = folder.resolve(CONFIG);
    this.described = Files.isRegularFile(configFile);
    if (isFolder && !described) {
      throw new NoSuchFileException(
          path.toString(), null, "is a folder without " + CONFIG + ", expected a model");
    }
    this.json = described ? Json.read(configFile) : Map.of();
    this.file = isFolder ? openFolder(folder) : openFile(path, folder);
  }

  /** Safetensors where there are both: they say nothing but what is in them. */
  private static TensorFile openFolder(Path folder) throws IOException {
    if (Files.exists(folder.resolve(SINGLE))) {
      return SafetensorsFile.open(folder.resolve(SINGLE));
    }
    if (Files.exists(folder.resolve(INDEX))) {
      return SafetensorsFile.openIndex(folder.resolve(INDEX));
    }
    if (Files.exists(folder.resolve(PYTORCH))) {
      return PytorchFile.open(folder.resolve(PYTORCH));
    }
    if (Files.exists(folder.resolve(PYTORCH_INDEX))) {
      return PytorchFile.openIndex(folder.resolve(PYTORCH_INDEX));
    }
    throw new NoSuchFileException(
        folder.toString(),
        null,
        "holds no weights: no %s, %s, %s or %s".formatted(SINGLE, INDEX, PYTORCH, PYTORCH_INDEX));
  }

  /** One of several files stands for all of them. */
  private static TensorFile openFile(Path path, Path folder) throws IOException {
    boolean pytorch = FileKind.of(path) == FileKind.PYTORCH;
    Path index = folder.resolve(pytorch ? PYTORCH_INDEX : INDEX);
    boolean part = String.valueOf(path.getFileName()).matches(".*-\\d{5}-of-\\d{5}\\.\\w+");
    if (part && Files.exists(index)) {
      return pytorch ? PytorchFile.openIndex(index) : SafetensorsFile.openIndex(index);
    }
    return pytorch ? PytorchFile.open(path) : SafetensorsFile.open(path);
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public String format() {
    return file.format();
  }

  @Override
  public Map<String, Object> metadata() {
    Map<String, Object> all = new LinkedHashMap<>();
    json.forEach((key, value) -> {
      if (value != null) {
        all.put(key, value);
      }
    });
    file.metadata().forEach(all::putIfAbsent);
    return all;
  }

  @Override
  public List<StoredTensor> tensors() {
    return List.copyOf(file.tensors().values());
  }

  @Override
  public long bytes() {
    return file.files().stream().mapToLong(MappedFile::size).sum();
  }

  @Override
  public ModelConfig config() {
    if (config == null) {
      config = readConfig();
    }
    return config;
  }

  private HubConfig description() {
    if (!described) {
      throw new ModelFormatException(
          path + ": there is no " + CONFIG + " beside it, which says what the tensors mean");
    }
    return new HubConfig(folder.resolve(CONFIG).toString(), json);
  }

  private Family family() {
    HubConfig description = description();
    String type = description.text("model_type");
    if (ModelArchitectures.OWN.equals(type)) {
      return HubOwn.family(description);
    }
    Family family = type == null ? null : Families.ofModelType(type);
    if (family == null) {
      throw description.error(
          "model_type %s is not supported; known are %s".formatted(type, Families.modelTypes()));
    }
    return family;
  }

  private ModelConfig readConfig() {
    Family family = family();
    HubConfig description = description();
    HubParameters parameters = new HubParameters(description, family);
    parameters.checkSupported(parameters.size(Parameter.LAYERS));
    HubWeights finder = new HubWeights(family.hub(), file, 0, 0);
    Weight embedding = finder.find(WeightNames.TOKEN_EMBEDDING);
    if (embedding == null) {
      throw missing(finder, WeightNames.TOKEN_EMBEDDING);
    }
    ModelConfig read =
        ConfigReader.read(
            family,
            parameters,
            embedding.shape().dim(0),
            description.bool("tie_word_embeddings", family.hub().tied()),
            name -> finder.find(name) != null);
    checkLayerTypes(description, read);
    return read;
  }

  /** Newer configurations spell the kind of each layer out. */
  private static void checkLayerTypes(HubConfig description, ModelConfig config) {
    List<?> types = description.list("layer_types");
    for (int layer = 0; layer < Math.min(types.size(), config.layers()); layer++) {
      boolean local = config.attention().window(layer) > 0;
      String expected = local ? "sliding_attention" : "full_attention";
      if (!expected.equals(types.get(layer))) {
        throw description.error(
            "layer_types[%d] is %s, expected %s: this mixture of layers is not supported"
                .formatted(layer, types.get(layer), expected));
      }
    }
  }

  @Override
  public WeightSource weights() {
    if (weights == null) {
      Family family = family();
      ModelConfig wanted = config();
      HubWeights finder =
          new HubWeights(
              family.hub(), file, wanted.attention().heads(), wanted.feedForward().experts());
      Map<String, Weight> found =
          WeightCheck.check(path.toString(), family, wanted, finder::find, finder::hubName);
      WeightCheck.checkNoOthers(
          path.toString(),
          family,
          file.tensors().values(),
          found,
          name ->
              isBuffer(name)
                  || (wanted.tiedOutput() && name.equals(finder.hubName(WeightNames.OUTPUT))));
      weights = new FileWeights(path.toString(), wanted, found);
    }
    return weights;
  }

  /** Constants that old versions of transformers saved: masks and rotary frequencies. */
  private static boolean isBuffer(String name) {
    return name.endsWith(".attn.bias")
        || name.endsWith(".attn.masked_bias")
        || name.endsWith(".attention.bias")
        || name.endsWith(".attention.masked_bias")
        || name.endsWith("rotary_emb.inv_freq");
  }

  private ModelFormatException missing(HubWeights finder, String name) {
    return new ModelFormatException(path + ": tensor " + finder.hubName(name) + " is missing");
  }

  @Override
  public @Nullable VocabularySpec vocabulary() {
    return null;
  }

  @Override
  public @Nullable Path tokenizerPath() {
    for (String name : TOKENIZERS) {
      if (Files.isRegularFile(folder.resolve(name))) {
        return folder.resolve(name);
      }
    }
    return null;
  }

  @Override
  public void close() {
    if (weights != null) {
      weights.close();
    }
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
