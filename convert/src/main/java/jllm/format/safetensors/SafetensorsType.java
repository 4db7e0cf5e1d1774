package jllm.format.safetensors;

import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/** The element types of safetensors files, under their names there. */
enum SafetensorsType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  C64(64),
  F64(64),
  I64(64),
  U64(64);

  private final int bits;

  SafetensorsType(int bits) {
    this.bits = bits;
  }

  /** Bits of an element. */
  int bits() {
    return bits;
  }

  /** The type of that name, absent if there is none. */
  static @Nullable SafetensorsType of(String name) {
    for (SafetensorsType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }

  /** The type that this program computes with, absent if it does not. */
  @Nullable DType dtype() {
    return switch (this) {
      case F64 -> DType.F64;
      case F32 -> DType.F32;
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      case I32 -> DType.I32;
      default -> null;
    };
  }
}
