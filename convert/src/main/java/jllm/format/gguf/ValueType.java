package jllm.format.gguf;

import org.jspecify.annotations.Nullable;

/** The types of metadata values, in the order of their numbers in a file. */
public enum ValueType {
  U8(1),
  I8(1),
  U16(2),
  I16(2),
  U32(4),
  I32(4),
  F32(4),
  BOOL(1),
  STRING(0),
  ARRAY(0),
  U64(8),
  I64(8),
  F64(8);

  private static final ValueType[] VALUES = values();

  private final int bytes;

  ValueType(int bytes) {
    this.bytes = bytes;
  }

  static @Nullable ValueType of(long id) {
    return id >= 0 && id < VALUES.length ? VALUES[(int) id] : null;
  }

  int id() {
    return ordinal();
  }

  /** Bytes of a value, 0 where it depends on the value. */
  int bytes() {
    return bytes;
  }
}
