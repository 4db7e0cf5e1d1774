package jllm.format.gguf;

import org.jspecify.annotations.Nullable;

/** The types of metadata values; the numbers that stand for them in a file are consecutive. */
public enum ValueType {
  U8(0, 1),
  I8(1, 1),
  U16(2, 2),
  I16(3, 2),
  U32(4, 4),
  I32(5, 4),
  F32(6, 4),
  BOOL(7, 1),
  STRING(8, 0),
  ARRAY(9, 0),
  U64(10, 8),
  I64(11, 8),
  F64(12, 8);

  private static final ValueType[] VALUES = values();

  private final int id;
  private final int bytes;

  ValueType(int id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  static @Nullable ValueType of(long id) {
    return id >= 0 && id < VALUES.length ? VALUES[(int) id] : null;
  }

  int id() {
    return id;
  }

  /** Bytes of a value, 0 where it depends on the value. */
  int bytes() {
    return bytes;
  }

  /** Whether a whole number fits the type. */
  public boolean holds(long value) {
    return switch (this) {
      case U8, U16, U32 -> value >= 0 && value < 1L << 8 * bytes;
      case I8, I16, I32 -> value >= -(1L << 8 * bytes - 1) && value < 1L << 8 * bytes - 1;
      case U64 -> value >= 0;
      case I64 -> true;
      case F32, F64, BOOL, STRING, ARRAY -> false;
    };
  }
}
