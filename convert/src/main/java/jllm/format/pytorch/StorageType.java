package jllm.format.pytorch;

import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/** The classes of storages in package {@code torch}, and the types of their elements. */
enum StorageType implements PickleGlobal {
  DoubleStorage("F64", 8, DType.F64),
  FloatStorage("F32", 4, DType.F32),
  HalfStorage("F16", 2, DType.F16),
  BFloat16Storage("BF16", 2, DType.BF16),
  LongStorage("I64", 8, null),
  IntStorage("I32", 4, DType.I32),
  ShortStorage("I16", 2, null),
  CharStorage("I8", 1, null),
  ByteStorage("U8", 1, null),
  BoolStorage("BOOL", 1, null),
  ComplexFloatStorage("C64", 8, null),
  ComplexDoubleStorage("C128", 16, null);

  private final String type;
  private final int bytes;
  private final @Nullable DType dtype;

  StorageType(String type, int bytes, @Nullable DType dtype) {
    this.type = type;
    this.bytes = bytes;
    this.dtype = dtype;
  }

  /** The type's name, as in safetensors files. */
  String type() {
    return type;
  }

  /** Of an element. */
  int bytes() {
    return bytes;
  }

  /** The type that this program computes with, absent if it does not. */
  @Nullable DType dtype() {
    return dtype;
  }
}
