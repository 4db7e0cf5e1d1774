package jllm.format.model;

import jllm.format.ModelFormatException;
import jllm.format.RopeScaling;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import org.jspecify.annotations.Nullable;

/** The hyperparameters in a file, whatever the format calls them. */
interface Parameters {

  /** The file, for messages. */
  String file();

  /** What the file calls the parameter, for messages. */
  String key(Parameter parameter);

  /** A whole number, absent if the file does not say. */
  @Nullable Long integer(Parameter parameter);

  /** A number, absent if the file does not say. */
  @Nullable Double real(Parameter parameter);

  /** Context extension of rotary embeddings with {@code dimensions} turned components. */
  RopeScaling ropeScaling(int dimensions, int contextLength);

  /**
   * Which components rotary embedding pairs, where GGUF files of the family have {@code inGguf}.
   */
  RopePairing pairing(RopePairing inGguf);

  /** Whether positions that are not rotary are sines and cosines instead of trained vectors. */
  default boolean sinusoidal() {
    return false;
  }

  /** Whether attention and feed-forward read the same residual; {@code usual} where unsaid. */
  default boolean parallelResidual(boolean usual) {
    return usual;
  }

  /** The activation of the feed-forward layers, absent if the file does not say. */
  @Nullable Activation activation();

  /** Whether the weights of the chosen experts add up to one. */
  boolean renormalizesExperts();

  /** A size or count that must be there. */
  default int size(Parameter parameter) {
    Long value = integer(parameter);
    if (value == null) {
      throw new ModelFormatException(file() + ": " + key(parameter) + " is missing");
    }
    return checkSize(parameter, value, 1);
  }

  /** A size or count that the file may leave out. */
  default int size(Parameter parameter, int otherwise) {
    Long value = integer(parameter);
    return value == null ? otherwise : checkSize(parameter, value, 0);
  }

  private int checkSize(Parameter parameter, long value, int smallest) {
    if (value < smallest || value > Integer.MAX_VALUE) {
      throw new ModelFormatException(
          file() + ": " + key(parameter) + " is " + value + ", which makes no sense");
    }
    return (int) value;
  }

  /** A number that must be there. */
  default double number(Parameter parameter) {
    Double value = real(parameter);
    if (value == null) {
      throw new ModelFormatException(file() + ": " + key(parameter) + " is missing");
    }
    return checkFinite(parameter, value);
  }

  /** A number that the file may leave out. */
  default double number(Parameter parameter, double otherwise) {
    Double value = real(parameter);
    return value == null ? otherwise : checkFinite(parameter, value);
  }

  private double checkFinite(Parameter parameter, double value) {
    if (!Double.isFinite(value) || value < 0) {
      throw new ModelFormatException(
          file() + ": " + key(parameter) + " is " + value + ", which makes no sense");
    }
    return value;
  }
}
