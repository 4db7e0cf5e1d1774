package jllm.format.convert;

import jllm.format.gguf.GgufArray;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.ValueType;
import org.jspecify.annotations.Nullable;

/**
 * Metadata from a command line: the type of what is replaced, or the one that the value looks like.
 * {@code int:}, {@code float:}, {@code bool:} and {@code str:} before the value name it.
 */
public final class MetadataOption {
  private MetadataOption() {}

  /**
   * A value from its text.
   *
   * @param replaced what the key has so far, absent if nothing
   * @throws IllegalArgumentException if it is none of its type
   */
  public static GgufValue parse(String key, String text, @Nullable GgufValue replaced) {
    int colon = text.indexOf(':');
    String type = colon < 0 ? "" : text.substring(0, colon);
    String rest = text.substring(colon + 1);
    return switch (type) {
      case "int" -> whole(key, rest);
      case "float" -> GgufValue.f32(real(key, rest));
      case "bool" -> bool(key, rest);
      case "str" -> GgufValue.text(rest);
      default -> replaced == null ? guessed(text) : like(key, text, replaced);
    };
  }

  private static GgufValue like(String key, String text, GgufValue replaced) {
    return switch (replaced) {
      case GgufArray _ ->
          throw new IllegalArgumentException(
              key + " is a list, which cannot be given as an option");
      case GgufValue.Text _ -> GgufValue.text(text);
      case GgufValue.Scalar scalar when scalar.isBoolean() -> bool(key, text);
      case GgufValue.Scalar scalar when scalar.isReal() ->
          new GgufValue.Scalar(
              scalar.type(),
              Double.doubleToRawLongBits(
                  scalar.type() == ValueType.F32 ? real(key, text) : number(key, text)));
      case GgufValue.Scalar scalar -> {
        GgufValue.Scalar value = whole(key, text);
        if (!scalar.type().holds(value.bits())) {
          throw new IllegalArgumentException(
              key + " is of type " + scalar.type() + ", which cannot hold " + text);
        }
        yield new GgufValue.Scalar(scalar.type(), value.bits());
      }
    };
  }

  private static GgufValue guessed(String text) {
    if (text.equals("true") || text.equals("false")) {
      return GgufValue.bool(text.equals("true"));
    }
    if (text.matches("[+-]?\\d{1,18}")) {
      return whole("", text);
    }
    return text.matches("[+-]?(\\d+\\.\\d*|\\.?\\d+)([eE][+-]?\\d+)?")
        ? GgufValue.f32(Float.parseFloat(text))
        : GgufValue.text(text);
  }

  private static GgufValue.Scalar whole(String key, String text) {
    try {
      long value = Long.parseLong(text);
      ValueType type =
          ValueType.U32.holds(value)
              ? ValueType.U32
              : ValueType.I32.holds(value) ? ValueType.I32 : ValueType.I64;
      return new GgufValue.Scalar(type, value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(key + " is '" + text + "', expected a whole number", e);
    }
  }

  private static float real(String key, String text) {
    return (float) number(key, text);
  }

  private static double number(String key, String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(key + " is '" + text + "', expected a number", e);
    }
  }

  private static GgufValue bool(String key, String text) {
    if (text.equals("true") || text.equals("false")) {
      return GgufValue.bool(text.equals("true"));
    }
    throw new IllegalArgumentException(key + " is '" + text + "', expected true or false");
  }
}
