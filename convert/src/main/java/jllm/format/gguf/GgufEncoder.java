package jllm.format.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import jllm.tensor.Shape;

/** Writes the primitives of a GGUF header into memory that grows. */
final class GgufEncoder {
  private ByteBuffer data = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

  private ByteBuffer need(int bytes) {
    if (data.remaining() < bytes) {
      int capacity = Math.max(2 * data.capacity(), Math.addExact(data.position(), bytes));
      data = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN).put(data.flip());
    }
    return data;
  }

  void u32(int value) {
    need(4).putInt(value);
  }

  void u64(long value) {
    need(8).putLong(value);
  }

  void string(String value) {
    byte[] text = value.getBytes(StandardCharsets.UTF_8);
    need(8 + text.length).putLong(text.length).put(text);
  }

  /** Type and value. */
  void value(GgufValue value) {
    u32(value.type().id());
    switch (value) {
      case GgufValue.Text text -> string(text.value());
      case GgufArray array -> {
        u32(array.elementType().id());
        u64(array.size());
        ByteBuffer elements = array.encoded();
        need(elements.remaining()).put(elements);
      }
      case GgufValue.Scalar scalar -> scalar(scalar);
    }
  }

  private void scalar(GgufValue.Scalar scalar) {
    switch (scalar.type()) {
      case U8, I8, BOOL -> need(1).put((byte) scalar.bits());
      case U16, I16 -> need(2).putShort((short) scalar.bits());
      case U32, I32 -> need(4).putInt((int) scalar.bits());
      case U64, I64, F64 -> need(8).putLong(scalar.bits());
      case F32 -> need(4).putFloat((float) scalar.real());
      case STRING, ARRAY -> throw new IllegalArgumentException(scalar.type() + " is not a scalar");
    }
  }

  /** The file has the innermost dimension first. */
  void dims(Shape shape) {
    u32(shape.rank());
    for (int axis = shape.rank() - 1; axis >= 0; axis--) {
      u64(shape.dim(axis));
    }
  }

  int position() {
    return data.position();
  }

  /** Fills with zeros up to a multiple of {@code alignment}. */
  void pad(int alignment) {
    int bytes = (int) (GgufHeader.align(data.position(), alignment) - data.position());
    need(bytes).put(new byte[bytes]);
  }

  ByteBuffer finish() {
    return data.flip();
  }
}
