package jllm.format.convert;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.PendingFile;
import jllm.format.WriteListener;
import jllm.format.llama2c.Llama2cTokenizer;
import jllm.format.model.Llama2cModelWriter;
import jllm.tensor.DType;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** A checkpoint of llama2.c with its {@code tokenizer.bin} beside it. */
final class Llama2cOutput implements Output {
  private final Path target;
  private final Path tokenizerTarget;
  private final @Nullable Llama2cModelWriter writer;
  private final byte @Nullable [] tokenizer;
  private final List<String> warnings = new ArrayList<>();

  /**
   * @param model absent for a vocabulary alone, whose file is the target then
   */
  Llama2cOutput(
      Path target, @Nullable ModelFile model, Companions companions, ConversionOptions options) {
    this.target = target;
    if (model == null || options.vocabularyOnly()) {
      writer = null;
      tokenizerTarget = target;
    } else {
      writer =
          new Llama2cModelWriter(
              new TypedWeights(model.weights(), model.path().toString(), (_, _) -> DType.F32));
      tokenizerTarget = target.resolveSibling("tokenizer.bin");
    }
    VocabularySpec vocabulary = companions.vocabulary();
    String why = vocabulary == null ? "there is none" : Llama2cTokenizer.misfit(vocabulary);
    if (vocabulary == null || why != null) {
      tokenizer = null;
      warnings.add("no tokenizer.bin: llama2.c has no such tokenizer (" + why + ")");
    } else {
      int size =
          model == null || writer == null
              ? vocabulary.tokens().size()
              : model.config().vocabularySize();
      tokenizer = Llama2cTokenizer.write(Vocabularies.resized(vocabulary, size, vocabulary.ids()));
    }
  }

  @Override
  public List<OutputFile> files() {
    List<OutputFile> files = new ArrayList<>();
    if (writer != null) {
      files.add(
          new OutputFile(
              target,
              writer.bytes(),
              writer
                  .tensors()
                  .map(tensor ->
                      new OutputFile.Tensor(
                          tensor.name(), "F32", tensor.shape(), 4 * tensor.shape().elements()))
                  .toList()));
    }
    if (tokenizer != null) {
      files.add(new OutputFile(tokenizerTarget, tokenizer.length, List.of()));
    }
    return files;
  }

  @Override
  public List<String> warnings() {
    return warnings;
  }

  @Override
  public void checkTarget(boolean force) throws IOException {
    Targets.checkFile(target, force);
    if (tokenizer != null) {
      Targets.checkFile(tokenizerTarget, force);
    }
  }

  @Override
  public void write(WriteListener listener) throws IOException {
    if (writer != null) {
      writer.write(target, listener);
    }
    if (tokenizer != null) {
      try (PendingFile file = PendingFile.create(tokenizerTarget)) {
        file.write(ByteBuffer.wrap(tokenizer));
        file.commit(false);
      }
    }
  }
}
