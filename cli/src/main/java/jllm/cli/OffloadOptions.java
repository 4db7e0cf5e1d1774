package jllm.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How much of a model a GPU takes that has no room for all of it. */
final class OffloadOptions {
  static final String NAME = "--gpu-layers";
  private static final int AUTO = -1;

  @Option(
      names = {NAME, "-ngl"},
      paramLabel = "N",
      defaultValue = "auto",
      converter = CountConverter.class,
      description =
          "Blocks of the model on the GPU, the last ones; the CPU computes the others. 0 = none;"
              + " more than there are = all, and the embeddings; auto = as many as fit. Default:"
              + " ${DEFAULT-VALUE}.")
  private int count = AUTO;

  static final class CountConverter implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      if (text.equals("auto")) {
        return AUTO;
      }
      try {
        int count = Integer.parseInt(text);
        if (count >= 0) {
          return count;
        }
      } catch (NumberFormatException e) {
        // Reported with what else is no count.
      }
      throw new TypeConversionException(
          "'" + text + "' is no number of blocks, expected 0, 1, 2, .. or auto");
    }
  }

  boolean isAuto() {
    return count == AUTO;
  }

  /** The blocks that were asked for. */
  int count() {
    return count;
  }
}
