package jllm.quantize;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;
import jllm.format.convert.Conversion;
import jllm.format.convert.ConversionOptions;
import jllm.format.convert.TargetFormat;

/** Models of other formats become a temporary GGUF file first, with all that belongs to them. */
final class GgufCopy {
  private static final System.Logger LOG = System.getLogger(GgufCopy.class.getName());

  private GgufCopy() {}

  /**
   * A copy of a model as GGUF, in the types that it has.
   *
   * @param folder for the copy, which the caller deletes
   */
  static Path of(Path input, Path folder) throws IOException {
    String mark = Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, 36);
    Path copy = folder.resolve("quantize-" + mark + ".gguf");
    try (Conversion conversion =
        Conversion.open(input, copy, ConversionOptions.of(TargetFormat.GGUF))) {
      for (String warning : conversion.warnings()) {
        LOG.log(Level.WARNING, "{0}: {1}", input, warning);
      }
      copy.toFile().deleteOnExit(); // should the program be interrupted
      conversion.write(_ -> {});
    }
    return copy;
  }
}
