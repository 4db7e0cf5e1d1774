package jllm.format.gguf;

import java.util.List;

/** A metadata value with its type. */
public sealed interface GgufValue permits GgufValue.Scalar, GgufValue.Text, GgufArray {

  ValueType type();

  /** The value as Java sees it: a Long, Double, Boolean, String, or a list of these. */
  Object plain();

  /**
   * A number or truth value.
   *
   * @param bits whole numbers extended to 64 bits, 0 or 1 for truth values, and for real ones of
   *     both widths the bits of a double
   */
  record Scalar(ValueType type, long bits) implements GgufValue {
    public Scalar {
      if (type == ValueType.STRING || type == ValueType.ARRAY) {
        throw new IllegalArgumentException(type + " is not a scalar");
      }
    }

    public boolean isReal() {
      return type == ValueType.F32 || type == ValueType.F64;
    }

    public boolean isBoolean() {
      return type == ValueType.BOOL;
    }

    public double real() {
      return isReal() ? Double.longBitsToDouble(bits) : bits;
    }

    @Override
    public Object plain() {
      if (isReal()) {
        // A float is shown as it was meant: 1e-5, not 9.999999747378752e-06.
        return type == ValueType.F32
            ? (Object) Double.valueOf(Float.toString((float) real()))
            : (Object) real();
      }
      return isBoolean() ? (Object) (bits != 0) : (Object) bits;
    }
  }

  /** A string. */
  record Text(String value) implements GgufValue {
    @Override
    public ValueType type() {
      return ValueType.STRING;
    }

    @Override
    public Object plain() {
      return value;
    }
  }

  static GgufValue u32(long value) {
    if (value < 0 || value > 0xFFFFFFFFL) {
      throw new IllegalArgumentException(value + " is not an unsigned 32-bit number");
    }
    return new Scalar(ValueType.U32, value);
  }

  static GgufValue f32(float value) {
    return new Scalar(ValueType.F32, Double.doubleToRawLongBits(value));
  }

  static GgufValue bool(boolean value) {
    return new Scalar(ValueType.BOOL, value ? 1 : 0);
  }

  static GgufValue text(String value) {
    return new Text(value);
  }

  static GgufValue strings(List<String> values) {
    return GgufArray.ofStrings(values);
  }

  static GgufValue floats(float[] values) {
    return GgufArray.ofFloats(values);
  }

  static GgufValue bytes(byte[] values) {
    return GgufArray.ofBytes(values);
  }

  static GgufValue ints(int[] values) {
    return GgufArray.ofInts(values);
  }
}
