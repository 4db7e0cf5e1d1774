package jllm.tensor.cuda;

import java.util.Locale;
import jllm.tensor.DType;

/** How kernels call the formats of weights. */
final class Formats {
  private static final String[] NAMES = names();

  private Formats() {}

  private static String[] names() {
    DType[] types = DType.values();
    String[] names = new String[types.length];
    for (DType type : types) {
      names[type.ordinal()] = type.name().toLowerCase(Locale.ROOT);
    }
    return names;
  }

  /** The suffix of kernels, such as {@code q4_k}. */
  static String name(DType type) {
    return NAMES[type.ordinal()];
  }
}
