package jllm.format.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.RopeScaling;
import jllm.format.StoredTensor;
import jllm.format.WeightSource;
import jllm.format.llama2c.Llama2cFile;
import jllm.format.llama2c.Llama2cHeader;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** A llama2.c checkpoint: a Llama whose constants are those of {@code run.c}. */
final class Llama2cModel implements ModelFile {
  private static final double NORM_EPS = 1e-5;
  private static final double ROPE_BASE = 10_000;

  private final Path path;
  private final Llama2cFile checkpoint;
  private final ModelConfig config;
  private final WeightSource weights;

  Llama2cModel(Path path) throws IOException {
    this.path = path;
    this.checkpoint = Llama2cFile.open(path);
    Map<String, Weight> stored = new HashMap<>();
    for (StoredTensor tensor : checkpoint.tensors()) {
      stored.put(tensor.name(), new Weight.Stored(tensor, tensor.shape()));
    }
    Llama2cHeader header = checkpoint.header();
    this.config =
        ConfigReader.read(
            Families.LLAMA,
            new HeaderParameters(path.toString(), header),
            header.vocabSize(),
            header.sharedClassifier(),
            stored::containsKey);
    this.weights = new FileWeights(path.toString(), config, stored);
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public String format() {
    return "llama2.c version 0";
  }

  @Override
  public Map<String, Object> metadata() {
    return checkpoint.header().numbers();
  }

  @Override
  public List<StoredTensor> tensors() {
    return checkpoint.tensors();
  }

  @Override
  public long bytes() {
    return checkpoint.file().size();
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public WeightSource weights() {
    return weights;
  }

  @Override
  public @Nullable VocabularySpec vocabulary() {
    return null;
  }

  /** llama2.c looks for this name, though in the working folder. */
  @Override
  public @Nullable Path tokenizerPath() {
    Path beside = path.resolveSibling("tokenizer.bin");
    return Files.isRegularFile(beside) ? beside : null;
  }

  @Override
  public void close() {
    weights.close();
    try {
      checkpoint.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private record HeaderParameters(String file, Llama2cHeader header) implements Parameters {
    @Override
    public String key(Parameter parameter) {
      return "the header's " + parameter.name();
    }

    @Override
    public @Nullable Long integer(Parameter parameter) {
      return switch (parameter) {
        case CONTEXT -> (long) header.seqLen();
        case WIDTH -> (long) header.dim();
        case LAYERS -> (long) header.layers();
        case HIDDEN -> (long) header.hiddenDim();
        case HEADS -> (long) header.heads();
        case KV_HEADS -> (long) header.kvHeads();
        default -> null;
      };
    }

    @Override
    public @Nullable Double real(Parameter parameter) {
      return switch (parameter) {
        case RMS_EPS -> NORM_EPS;
        case ROPE_BASE -> ROPE_BASE;
        default -> null;
      };
    }

    @Override
    public RopePairing pairing(RopePairing inGguf) {
      return RopePairing.INTERLEAVED;
    }

    @Override
    public @Nullable Activation activation() {
      return null;
    }

    @Override
    public boolean renormalizesExperts() {
      return true;
    }

    @Override
    public RopeScaling ropeScaling(int dimensions, int contextLength) {
      return new RopeScaling.None();
    }
  }
}
