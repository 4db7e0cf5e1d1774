package jllm.quantize;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import jllm.format.ModelFile;
import jllm.format.gguf.GgufValue;
import jllm.format.model.GgufModelWriter;
import jllm.format.model.GgufVocabulary;
import jllm.format.model.ModelFiles;
import jllm.tokenize.VocabularySpec;
import org.jspecify.annotations.Nullable;

/** Models of other formats become a temporary GGUF file first. */
final class GgufCopy {
  private static final System.Logger LOG = System.getLogger(GgufCopy.class.getName());

  private GgufCopy() {}

  /**
   * A copy of a model as GGUF, absent if it is GGUF already.
   *
   * @param folder for the copy, which the caller deletes
   */
  static @Nullable Path of(Path input, Path folder) throws IOException {
    try (ModelFile model = ModelFiles.open(input)) {
      if (model.format().startsWith("GGUF")) {
        return null;
      }
      VocabularySpec vocabulary = model.vocabulary();
      if (vocabulary == null) {
        LOG.log(
            Level.WARNING,
            "{0}: its tokenizer cannot be stored in a GGUF file; the new file will have none",
            input);
      }
      Map<String, GgufValue> extra =
          vocabulary == null ? Map.of() : GgufVocabulary.write(vocabulary);
      Path copy = Files.createTempFile(folder, "quantize", ".gguf");
      copy.toFile().deleteOnExit(); // should the program be interrupted
      boolean written = false;
      try {
        GgufModelWriter.write(copy, model.weights(), extra);
        written = true;
        return copy;
      } finally {
        if (!written) {
          Files.deleteIfExists(copy);
        }
      }
    }
  }
}
