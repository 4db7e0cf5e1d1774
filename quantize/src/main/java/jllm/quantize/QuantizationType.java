package jllm.quantize;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import jllm.tensor.DType;

/**
 * What a whole model can be quantized to: an element type, and for the mixtures ({@code _S _M _L})
 * how many tensors get a larger one. Names and numbers are llama.cpp's.
 */
public enum QuantizationType {
  F32(DType.F32, 0),
  F16(DType.F16, 1),
  BF16(DType.BF16, 32),
  Q8_0(DType.Q8_0, 7),
  Q4_0(DType.Q4_0, 2),
  Q4_1(DType.Q4_1, 3),
  Q5_0(DType.Q5_0, 8),
  Q5_1(DType.Q5_1, 9),
  Q2_K(DType.Q2_K, 10),
  Q3_K_S(DType.Q3_K, 11),
  Q3_K_M(DType.Q3_K, 12),
  Q3_K_L(DType.Q3_K, 13),
  Q4_K_S(DType.Q4_K, 14),
  Q4_K_M(DType.Q4_K, 15),
  Q5_K_S(DType.Q5_K, 16),
  Q5_K_M(DType.Q5_K, 17),
  Q6_K(DType.Q6_K, 18),
  IQ4_NL(DType.IQ4_NL, 25),
  IQ4_XS(DType.IQ4_XS, 30);

  /** What the bare name of a type with mixtures means. */
  private static final Map<String, QuantizationType> ALIASES =
      Map.of("Q3_K", Q3_K_M, "Q4_K", Q4_K_M, "Q5_K", Q5_K_M);

  private final DType base;
  private final int fileType;

  QuantizationType(DType base, int fileType) {
    this.base = base;
    this.fileType = fileType;
  }

  /** The type of most tensors. */
  public DType base() {
    return base;
  }

  /** The number that {@code general.file_type} of a GGUF file has for it. */
  public int fileType() {
    return fileType;
  }

  /**
   * A type by its name, in any case.
   *
   * @throws IllegalArgumentException if there is none; the message lists them
   */
  public static QuantizationType named(String name) {
    String wanted = name.toUpperCase(Locale.ROOT);
    QuantizationType alias = ALIASES.get(wanted);
    if (alias != null) {
      return alias;
    }
    for (QuantizationType type : values()) {
      if (type.name().equals(wanted)) {
        return type;
      }
    }
    throw new IllegalArgumentException(
        "unknown type '" + name + "'; known: " + names(Arrays.asList(values())));
  }

  /**
   * An element type that a single tensor can get, by its name in any case.
   *
   * @throws IllegalArgumentException if there is none; the message lists them
   */
  public static DType elementNamed(String name) {
    String wanted = name.toUpperCase(Locale.ROOT);
    List<DType> known = Arrays.stream(values()).map(QuantizationType::base).distinct().toList();
    return known.stream()
        .filter(type -> type.name().equals(wanted))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "unknown element type '" + name + "'; known: " + names(known)));
  }

  private static String names(List<? extends Enum<?>> values) {
    return values.stream().map(Enum::name).collect(Collectors.joining(", "));
  }
}
