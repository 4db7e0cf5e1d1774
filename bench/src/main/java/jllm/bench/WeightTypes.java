package jllm.bench;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import jllm.format.WeightNames;
import jllm.tensor.DType;
import jllm.tensor.Shape;

/**
 * Which element type each weight of a measured model gets: one for all matrices, or llama.cpp's
 * mixture {@code Q4_K_M}. Vectors stay in F32.
 */
public enum WeightTypes {
  F32(DType.F32),
  F16(DType.F16),
  BF16(DType.BF16),
  Q8_0(DType.Q8_0),
  Q4_0(DType.Q4_0),
  Q6_K(DType.Q6_K),
  /**
   * Q4_K, with Q6_K for the output layer and, in half of the blocks, for the value and down layers.
   */
  Q4_K_M(DType.Q4_K);

  private final DType base;

  WeightTypes(DType base) {
    this.base = base;
  }

  /**
   * A mixture by its name, in any case.
   *
   * @throws IllegalArgumentException if there is none; the message lists them
   */
  public static WeightTypes named(String name) {
    String wanted = name.toUpperCase(Locale.ROOT);
    List<String> known = Arrays.stream(values()).map(Enum::name).toList();
    if (!known.contains(wanted)) {
      throw new IllegalArgumentException(
          "unknown weight type '" + name + "'; known: " + String.join(", ", known));
    }
    return valueOf(wanted);
  }

  /** The type of a weight of a model with {@code layers} blocks. */
  public DType typeOf(String name, Shape shape, int layers) {
    if (shape.rank() == 1) {
      return DType.F32;
    }
    boolean output = name.equals(WeightNames.OUTPUT);
    return this == Q4_K_M && (output || isSensitive(name, layers)) ? DType.Q6_K : base;
  }

  /** The first and last eighth of the blocks, and every third between. */
  private static boolean isSensitive(String name, int layers) {
    if (!name.contains("." + WeightNames.VALUE + ".")
        && !name.contains("." + WeightNames.DOWN + ".")) {
      return false;
    }
    int layer = Integer.parseInt(name.split("\\.")[1]);
    int eighth = layers / 8;
    return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 == 2;
  }
}
