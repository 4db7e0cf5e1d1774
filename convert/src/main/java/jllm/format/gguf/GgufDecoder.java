package jllm.format.gguf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import jllm.format.ModelFormatException;

/**
 * Reads the primitives of a GGUF header. Every length is checked against the bytes that are left
 * before anything is allocated or skipped.
 */
final class GgufDecoder {
  /** Arrays of arrays are legal; deeper ones than this are damage. */
  private static final int MAX_NESTING = 8;

  private final String file;
  private final ByteBuffer data;
  private final long fileSize;
  private String what = "its header";

  /**
   * @param data the start of the file, little-endian
   * @param fileSize bytes of the whole file
   */
  GgufDecoder(String file, ByteBuffer data, long fileSize) {
    this.file = file;
    this.data = data;
    this.fileSize = fileSize;
  }

  /** Says what comes next, for messages. */
  void reading(String what) {
    this.what = what;
  }

  int position() {
    return data.position();
  }

  long remaining() {
    return data.remaining();
  }

  long u32() {
    need(4);
    return data.getInt() & 0xFFFFFFFFL;
  }

  /** An unsigned number, which in a sane file fits a signed one. */
  long count() {
    need(8);
    long value = data.getLong();
    if (value < 0) {
      throw damaged("the number " + Long.toUnsignedString(value) + " in " + what + " is absurd");
    }
    return value;
  }

  String string() {
    byte[] text = new byte[stringLength()];
    data.get(text);
    return new String(text, StandardCharsets.UTF_8);
  }

  private int stringLength() {
    long length = count();
    need(length);
    return (int) length;
  }

  ValueType valueType() {
    long id = u32();
    ValueType type = ValueType.of(id);
    if (type == null) {
      throw damaged(what + " has value type " + id + "; types 0 to 12 exist");
    }
    return type;
  }

  GgufValue value(ValueType type) {
    return switch (type) {
      case STRING -> new GgufValue.Text(string());
      case ARRAY -> array(0);
      default -> new GgufValue.Scalar(type, scalarBits(type));
    };
  }

  private long scalarBits(ValueType type) {
    need(type.bytes());
    return switch (type) {
      case U8 -> data.get() & 0xFF;
      case I8 -> data.get();
      case U16 -> data.getShort() & 0xFFFF;
      case I16 -> data.getShort();
      case U32 -> data.getInt() & 0xFFFFFFFFL;
      case I32 -> data.getInt();
      case U64, I64 -> data.getLong();
      case F32 -> Double.doubleToRawLongBits(data.getFloat());
      case F64 -> data.getLong();
      case BOOL -> data.get() != 0 ? 1 : 0;
      case STRING, ARRAY -> throw new IllegalArgumentException(type + " is not a scalar");
    };
  }

  private GgufArray array(int depth) {
    if (depth > MAX_NESTING) {
      throw damaged(what + " nests arrays more than " + MAX_NESTING + " deep");
    }
    ValueType type = valueType();
    long size = count();
    int start = data.position();
    long smallest = type.bytes() > 0 ? type.bytes() : type == ValueType.STRING ? 8 : 12;
    if (size > data.remaining() / smallest) {
      throw truncated("an array of " + size + " values");
    }
    skip(type, (int) size, depth);
    return new GgufArray(type, (int) size, data.slice(start, data.position() - start));
  }

  private void skip(ValueType type, int size, int depth) {
    if (type.bytes() > 0) {
      data.position(data.position() + size * type.bytes());
      return;
    }
    for (int i = 0; i < size; i++) {
      if (type == ValueType.STRING) {
        int length = stringLength();
        data.position(data.position() + length);
      } else {
        array(depth + 1);
      }
    }
  }

  private void need(long bytes) {
    if (bytes > data.remaining()) {
      throw truncated(bytes + " bytes");
    }
  }

  private ModelFormatException truncated(String needed) {
    if (fileSize > data.limit()) {
      return damaged("its header is longer than " + data.limit() + " bytes");
    }
    return damaged(
        "the file ends at byte "
            + fileSize
            + ", inside "
            + what
            + ", which at byte "
            + data.position()
            + " needs "
            + needed
            + ": an incomplete download?");
  }

  ModelFormatException damaged(String message) {
    return new ModelFormatException(file + ": " + message);
  }
}
