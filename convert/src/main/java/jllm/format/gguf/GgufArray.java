package jllm.format.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;

/**
 * An array of metadata values of one type, kept as it is encoded in a file: a vocabulary of 150,000
 * tokens costs nothing until somebody asks for it. Valid until the file it came from is closed.
 */
public final class GgufArray implements GgufValue {
  private final ValueType elementType;
  private final int size;

  /** The elements, little-endian, without the head that gives type and count. */
  private final ByteBuffer encoded;

  GgufArray(ValueType elementType, int size, ByteBuffer encoded) {
    this.elementType = elementType;
    this.size = size;
    this.encoded = encoded.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  static GgufArray ofStrings(List<String> values) {
    List<byte[]> texts = new ArrayList<>(values.size());
    int bytes = 0;
    for (String value : values) {
      byte[] text = value.getBytes(StandardCharsets.UTF_8);
      texts.add(text);
      bytes = Math.addExact(bytes, text.length + Long.BYTES);
    }
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (byte[] text : texts) {
      buffer.putLong(text.length).put(text);
    }
    return new GgufArray(ValueType.STRING, values.size(), buffer.flip());
  }

  static GgufArray ofBytes(byte[] values) {
    return new GgufArray(ValueType.U8, values.length, ByteBuffer.wrap(values.clone()));
  }

  static GgufArray ofFloats(float[] values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(values);
    return new GgufArray(ValueType.F32, values.length, buffer);
  }

  static GgufArray ofInts(int[] values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asIntBuffer().put(values);
    return new GgufArray(ValueType.I32, values.length, buffer);
  }

  @Override
  public ValueType type() {
    return ValueType.ARRAY;
  }

  public ValueType elementType() {
    return elementType;
  }

  public int size() {
    return size;
  }

  ByteBuffer encoded() {
    return encoded.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The same elements in memory of their own: they outlive the file that they were read from. */
  public GgufArray copy() {
    ByteBuffer copy = ByteBuffer.allocate(encoded.limit()).order(ByteOrder.LITTLE_ENDIAN);
    return new GgufArray(elementType, size, copy.put(encoded().rewind()).flip());
  }

  /** All elements, decoded. */
  public List<GgufValue> values() {
    GgufDecoder decoder = new GgufDecoder("array", encoded(), encoded.limit());
    List<GgufValue> values = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      values.add(decoder.value(elementType));
    }
    return values;
  }

  /**
   * All strings, decoded; bytes that are not UTF-8 become the replacement character.
   *
   * @throws IllegalStateException if the elements are no strings
   */
  public List<String> strings() {
    require(elementType == ValueType.STRING, "strings");
    List<String> strings = new ArrayList<>(size);
    ByteBuffer buffer = encoded();
    for (int i = 0; i < size; i++) {
      byte[] text = new byte[(int) buffer.getLong()];
      buffer.get(text);
      strings.add(new String(text, StandardCharsets.UTF_8));
    }
    return strings;
  }

  /**
   * All numbers as floats.
   *
   * @throws IllegalStateException if the elements are no numbers
   */
  public float[] floats() {
    float[] floats = new float[size];
    if (elementType == ValueType.F32) {
      encoded().asFloatBuffer().get(floats);
      return floats;
    }
    List<GgufValue> values = values();
    for (int i = 0; i < size; i++) {
      floats[i] = (float) scalar(values.get(i)).real();
    }
    return floats;
  }

  /**
   * All whole numbers.
   *
   * @throws IllegalStateException if the elements are no whole numbers that fit
   */
  public int[] ints() {
    int[] ints = new int[size];
    if (elementType == ValueType.I32) {
      encoded().asIntBuffer().get(ints);
      return ints;
    }
    List<GgufValue> values = values();
    for (int i = 0; i < size; i++) {
      Scalar scalar = scalar(values.get(i));
      require(!scalar.isReal() && scalar.bits() == (int) scalar.bits(), "32-bit whole numbers");
      ints[i] = (int) scalar.bits();
    }
    return ints;
  }

  /**
   * All bytes.
   *
   * @throws IllegalStateException if the elements are no bytes
   */
  public byte[] bytes() {
    require(elementType == ValueType.U8 || elementType == ValueType.I8, "bytes");
    byte[] bytes = new byte[size];
    encoded().get(bytes);
    return bytes;
  }

  private Scalar scalar(GgufValue value) {
    require(value instanceof Scalar, "numbers");
    return (Scalar) value;
  }

  private void require(boolean good, String expected) {
    if (!good) {
      throw new IllegalStateException("an array of " + elementType + ", expected " + expected);
    }
  }

  /** A list that knows its size at once and decodes itself when first looked into. */
  @Override
  public Object plain() {
    return new AbstractList<Object>() {
      private final List<Object> decoded = new ArrayList<>();

      @Override
      public Object get(int index) {
        if (decoded.isEmpty()) {
          values().forEach(value -> decoded.add(value.plain()));
        }
        return decoded.get(index);
      }

      @Override
      public int size() {
        return size;
      }
    };
  }

  /** Same type and same encoded elements. */
  @Override
  public boolean equals(Object other) {
    return other instanceof GgufArray that
        && elementType == that.elementType
        && size == that.size
        && encoded.equals(that.encoded);
  }

  @Override
  public int hashCode() {
    return 31 * size + encoded.hashCode();
  }

  /** Such as {@code STRING[32000]}. */
  @Override
  public String toString() {
    return elementType + "[" + size + "]";
  }
}
