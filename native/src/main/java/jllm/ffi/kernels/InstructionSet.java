package jllm.ffi.kernels;

import java.util.Arrays;
import java.util.Locale;

/** Instructions that files of the library are compiled for, in the order in which they came. */
public enum InstructionSet {
  AVX2(1, "AVX2"),
  /** With VNNI, products of bytes. */
  AVX512(2 | 4, "AVX-512 VNNI"),
  /** With BF16, products of pairs. */
  AVX512_BF16(2 | 4 | 8, "AVX-512 BF16"),
  /** Tiles of BF16 and of bytes. */
  AMX(2 | 4 | 8 | 16 | 32 | 64, "AMX");

  private final int bits;
  private final String title;

  /**
   * @param bits of {@code jllm_processor()} in {@code jllm_kernels.h} that it takes
   */
  InstructionSet(int bits, String title) {
    this.bits = bits;
    this.title = title;
  }

  /** Whether a processor has all of it. */
  boolean in(int processor) {
    return (processor & bits) == bits;
  }

  /** As the names of its kernels end, and as {@code JLLM_NATIVE_ISA} names it. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** For people. */
  public String title() {
    return title;
  }

  /**
   * The set of a {@link #key}.
   *
   * @throws MissingKernelsException if there is none
   */
  static InstructionSet of(String key) {
    for (InstructionSet set : values()) {
      if (set.key().equals(key)) {
        return set;
      }
    }
    throw new MissingKernelsException(
        "JLLM_NATIVE_ISA is '%s', expected one of %s"
            .formatted(
                key, String.join(", ", Arrays.stream(values()).map(InstructionSet::key).toList())));
  }
}
