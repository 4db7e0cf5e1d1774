package jllm.format.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.format.MappedFile;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.gguf.GgufFile;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** A model in a GGUF file: tensor names are ours already. */
final class GgufModel implements ModelFile {
  static final String ARCHITECTURE = "general.architecture";

  private final Path path;
  private final GgufFile gguf;
  private @Nullable ModelConfig config;
  private @Nullable WeightSource weights;

  GgufModel(Path path) throws IOException {
    this.path = path;
    this.gguf = GgufFile.open(path);
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public String format() {
    return "GGUF " + gguf.version();
  }

  @Override
  public Map<String, Object> metadata() {
    return gguf.metadata().plain();
  }

  @Override
  public List<StoredTensor> tensors() {
    return List.copyOf(gguf.tensors().values());
  }

  @Override
  public long bytes() {
    return gguf.files().stream().mapToLong(MappedFile::size).sum();
  }

  @Override
  public ModelConfig config() {
    if (config == null) {
      config = readConfig(family());
    }
    return config;
  }

  private Family family() {
    String type = gguf.metadata().text("general.type");
    if (type != null && !type.equals("model")) {
      throw new ModelFormatException(
          path + ": general.type is " + type + ", expected a model that stands alone");
    }
    String architecture = gguf.metadata().text(ARCHITECTURE);
    if (architecture == null) {
      throw new ModelFormatException(path + ": metadata key " + ARCHITECTURE + " is missing");
    }
    return Families.require(architecture, path.toString());
  }

  private ModelConfig readConfig(Family family) {
    if (gguf.tensors().isEmpty()) {
      throw new ModelFormatException(path + ": holds no tensors, only metadata (a vocabulary?)");
    }
    StoredTensor embedding = gguf.tensor(WeightNames.TOKEN_EMBEDDING);
    if (embedding == null) {
      throw new ModelFormatException(
          path + ": tensor " + WeightNames.TOKEN_EMBEDDING + " is missing");
    }
    int rows = embedding.shape().dim(0);
    checkVocabulary(rows);
    Parameters parameters =
        new GgufParameters(
            path.toString(), family.architecture(), gguf.metadata(), this::ropeFactors);
    return ConfigReader.read(
        family, parameters, rows, isTied(embedding), name -> gguf.tensor(name) != null);
  }

  /** A repeated embedding counts as none, unless it was quantized in another way. */
  private boolean isTied(StoredTensor embedding) {
    StoredTensor output = gguf.tensor(WeightNames.OUTPUT);
    boolean repeated = Boolean.TRUE.equals(gguf.metadata().bool(GgufParameters.TIED));
    return output == null
        || repeated
            && output.type().equals(embedding.type())
            && output.shape().equals(embedding.shape());
  }

  /** The elements of a tensor of factors, absent if the file has none of that name. */
  private float @Nullable [] ropeFactors(String name, int count) {
    StoredTensor tensor = gguf.tensor(name);
    if (tensor == null) {
      return null;
    }
    if (tensor.shape().elements() != count) {
      throw new ModelFormatException(
          "%s: tensor %s has shape %s, expected [%d] from the metadata"
              .formatted(path, name, tensor.shape(), count));
    }
    return Floats.read(tensor);
  }

  /** Rows beyond the vocabulary are padding; tokens beyond the rows would have no embedding. */
  private void checkVocabulary(int rows) {
    int tokens = GgufVocabulary.size(gguf.metadata());
    if (tokens > rows) {
      throw new ModelFormatException(
          "%s: the vocabulary has %d tokens, but the token embedding only %d rows"
              .formatted(path, tokens, rows));
    }
  }

  @Override
  public @Nullable VocabularySpec vocabulary() {
    return GgufVocabulary.read(path.toString(), gguf.metadata());
  }

  @Override
  public @Nullable Path tokenizerPath() {
    return null;
  }

  @Override
  public WeightSource weights() {
    if (weights == null) {
      Family family = family();
      Map<String, Weight> found =
          WeightCheck.check(path.toString(), family, config(), this::find, name -> name);
      WeightCheck.checkNoOthers(
          path.toString(),
          family,
          gguf.tensors().values(),
          found,
          name -> isConstant(name) || (config().tiedOutput() && name.equals(WeightNames.OUTPUT)));
      weights = new FileWeights(path.toString(), config(), new HashMap<>(found));
    }
    return weights;
  }

  /** Tables that follow from the configuration; those of rope scaling it was read from. */
  private static boolean isConstant(String name) {
    return name.equals(WeightNames.ROPE_FREQUENCIES)
        || name.equals(GgufParameters.SHORT_FACTORS)
        || name.equals(GgufParameters.LONG_FACTORS)
        || name.contains("attn_rot_embd");
  }

  private @Nullable Weight find(String name) {
    StoredTensor tensor = gguf.tensor(name);
    if (tensor != null) {
      return new Weight.Stored(tensor, tensor.shape());
    }
    return name.endsWith("_exps.weight") ? stack(name) : null;
  }

  /** Files of before April 2024 have a tensor per expert: {@code blk.0.ffn_gate.7.weight}. */
  private @Nullable Weight stack(String name) {
    List<StoredTensor> parts = new ArrayList<>();
    for (int expert = 0; expert < config().feedForward().experts(); expert++) {
      String partName = name.replace("_exps.weight", "." + expert + ".weight");
      StoredTensor part = gguf.tensor(partName);
      if (part == null) {
        return null;
      }
      parts.add(part);
    }
    return parts.isEmpty() ? null : Weight.Stacked.of(path + ": " + name, parts);
  }

  @Override
  public void close() {
    if (weights != null) {
      weights.close();
    }
    try {
      gguf.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
