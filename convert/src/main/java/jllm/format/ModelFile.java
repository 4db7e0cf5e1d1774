package jllm.format;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** An opened model, in one file or more. Opening reads no weights. */
public interface ModelFile extends AutoCloseable {

  /** What was opened. */
  Path path();

  /** The format, for people, such as {@code GGUF 3}. */
  String format();

  /**
   * All that the file says besides tensors, in its order. Values are strings, Longs, Doubles,
   * Booleans, lists and maps of these; long lists know their size without having read themselves.
   */
  Map<String, Object> metadata();

  /** All tensors as stored, in the order of the file. */
  List<StoredTensor> tensors();

  /** Bytes of all files of the model. */
  long bytes();

  /**
   * The configuration.
   *
   * @throws ModelFormatException if the architecture is unknown or the file contradicts itself
   */
  ModelConfig config();

  /**
   * The weights, checked against the configuration. They are closed with this model.
   *
   * @throws ModelFormatException as {@link #config}; also if a tensor is missing or of a wrong
   *     shape or type
   */
  WeightSource weights();

  /**
   * The vocabulary in the file, absent if the format carries none.
   *
   * @throws ModelFormatException if it contradicts itself
   */
  @Nullable VocabularySpec vocabulary();

  /** A file beside the model that should hold its tokenizer, absent if there is none. */
  @Nullable Path tokenizerPath();

  /** Numbers that were trained: the elements of all tensors but tables of constants. */
  default long parameters() {
    return tensors().stream()
        .filter(tensor -> !tensor.name().contains("rope_f"))
        .mapToLong(tensor -> tensor.shape().elements())
        .sum();
  }

  @Override
  void close();
}
