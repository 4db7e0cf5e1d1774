package jllm.format.convert;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.WriteListener;
import jllm.format.model.ModelFiles;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/**
 * A model on its way from one format to another. Opening it decides what is written; weights are
 * read when they are written, one after the other.
 */
public final class Conversion implements AutoCloseable {
  private final @Nullable ModelFile model;
  private final Companions companions;
  private final Output output;

  private Conversion(@Nullable ModelFile model, Companions companions, Output output) {
    this.model = model;
    this.companions = companions;
    this.output = output;
  }

  /**
   * Opens a model and decides what becomes of it.
   *
   * @param input a file or folder that {@link ModelFiles#open} reads
   * @throws IOException if it is missing or cannot be read
   * @throws ModelFormatException if it is damaged, or the target format cannot express it
   * @throws IllegalArgumentException if an option makes no sense
   */
  public static Conversion open(Path input, Path target, ConversionOptions options)
      throws IOException {
    if (options.format() != TargetFormat.GGUF && !options.metadata().isEmpty()) {
      throw new IllegalArgumentException("only GGUF files have metadata to be given");
    }
    boolean folder = Files.isDirectory(input);
    @Nullable ModelFile model = options.vocabularyOnly() && folder ? null : ModelFiles.open(input);
    boolean opened = false;
    try {
      Companions companions =
          companions(model, model == null ? Companions.of(input) : Companions.of(model), options);
      if (options.vocabularyOnly()
          && companions.vocabulary() == null
          && companions.texts().get(Companions.TOKENIZER) == null) {
        throw new NoSuchFileException(input.toString(), null, "there is no tokenizer in it");
      }
      Output output = output(target, model, companions, options);
      opened = true;
      return new Conversion(model, companions, output);
    } finally {
      if (!opened && model != null) {
        model.close();
      }
    }
  }

  /**
   * As {@link #open(Path, Path, ConversionOptions)}, of a model that is open, and is closed with
   * this.
   *
   * @throws IOException if what lies beside it cannot be read
   * @throws ModelFormatException if the target format cannot express it
   * @throws IllegalArgumentException if an option makes no sense
   */
  public static Conversion open(ModelFile model, Path target, ConversionOptions options)
      throws IOException {
    Companions companions = companions(model, Companions.of(model), options);
    return new Conversion(model, companions, output(target, model, companions, options));
  }

  /** What belongs to the model, with the tokenizer that was asked for. */
  private static Companions companions(
      @Nullable ModelFile model, Companions own, ConversionOptions options) throws IOException {
    Companions companions =
        options.tokenizer() == null ? own : own.withTokenizer(options.tokenizer());
    VocabularySpec vocabulary = companions.vocabulary();
    if (model != null && vocabulary != null && !options.vocabularyOnly()) {
      int tokens = vocabulary.tokens().size();
      int rows = model.config().vocabularySize();
      if (tokens > rows) {
        throw new ModelFormatException(
            "%s: the tokenizer has %d tokens, but the token embedding %d rows; they do not belong together"
                .formatted(model.path(), tokens, rows));
      }
    }
    return companions;
  }

  private static Output output(
      Path target, @Nullable ModelFile model, Companions companions, ConversionOptions options)
      throws IOException {
    if (options.format() != TargetFormat.GGUF
        && options.type() != null
        && options.type().isQuantized()) {
      throw new IllegalArgumentException("only GGUF files hold weights of type " + options.type());
    }
    return switch (options.format()) {
      case GGUF -> new GgufOutput(target, model, companions, options);
      case HF -> new HubOutput(target, model, companions, options);
      case LLAMA2C -> new Llama2cOutput(target, model, companions, options);
    };
  }

  /** What is converted, for people. */
  public String source() {
    return model == null || output.files().stream().allMatch(file -> file.tensors().isEmpty())
        ? "vocabulary of " + companions.name()
        : model.format() + ", " + model.config().architecture();
  }

  /** The files that are written, in that order. */
  public List<OutputFile> files() {
    return output.files();
  }

  /** What is missing or lost, a sentence each. */
  public List<String> warnings() {
    return output.warnings();
  }

  /**
   * Refuses a target that is there.
   *
   * @param force whether it may be replaced
   * @throws IOException if it is there and may not be, or cannot be written
   */
  public void checkTarget(boolean force) throws IOException {
    output.checkTarget(force);
  }

  /**
   * Writes the target, which appears when it is complete.
   *
   * @throws IOException if it cannot be written
   * @throws ModelFormatException if a weight cannot be read, or expressed in the type
   */
  public void write(WriteListener listener) throws IOException {
    output.write(listener);
  }

  @Override
  public void close() {
    if (model != null) {
      model.close();
    }
  }
}
