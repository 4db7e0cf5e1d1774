package jllm.quantize;

import java.util.List;
import java.util.regex.Pattern;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * What is wanted.
 *
 * @param pure whether all tensors get the same type, with no larger ones for some
 * @param output for the output layer instead of the recipe's
 * @param embedding for the token embedding instead of the recipe's
 * @param overrides for tensors by name, instead of all that; the first that matches counts
 * @param allowRequantize whether tensors may be quantized that are so already, which loses more
 *     than starting from the original
 */
public record QuantizationOptions(
    QuantizationType type,
    boolean pure,
    @Nullable DType output,
    @Nullable DType embedding,
    List<Override> overrides,
    boolean allowRequantize) {

  public QuantizationOptions {
    overrides = List.copyOf(overrides);
  }

  /** The type as it is. */
  public static QuantizationOptions of(QuantizationType type) {
    return new QuantizationOptions(type, false, null, null, List.of(), false);
  }

  /** A type for all tensors in whose name the expression is found. */
  public record Override(Pattern name, DType type) {}
}
