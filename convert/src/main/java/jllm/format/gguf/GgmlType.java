package jllm.format.gguf;

import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * Every element type that GGUF files use or used ({@code enum ggml_type} of {@code ggml.h}), so
 * that any file can be listed. Those that have a {@link DType} of the same name can be computed
 * with.
 */
public enum GgmlType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q8_1(9, 32, 40),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  IQ2_XXS(16, 256, 66),
  IQ2_XS(17, 256, 74),
  IQ3_XXS(18, 256, 98),
  IQ1_S(19, 256, 50),
  IQ4_NL(20, 32, 18),
  IQ3_S(21, 256, 110),
  IQ2_S(22, 256, 82),
  IQ4_XS(23, 256, 136),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4),
  I64(27, 1, 8),
  F64(28, 1, 8),
  IQ1_M(29, 256, 56),
  BF16(30, 1, 2),
  /** Q4_0 rearranged for particular processors; such files are no longer made. */
  Q4_0_4_4(31, 32, 18),
  Q4_0_4_8(32, 32, 18),
  Q4_0_8_8(33, 32, 18),
  TQ1_0(34, 256, 54),
  TQ2_0(35, 256, 66),
  IQ4_NL_4_4(36, 32, 18),
  IQ4_NL_4_8(37, 32, 18),
  IQ4_NL_8_8(38, 32, 18),
  MXFP4(39, 32, 17),
  NVFP4(40, 64, 36);

  private static final @Nullable GgmlType[] BY_ID = new @Nullable GgmlType[64];

  static {
    for (GgmlType type : values()) {
      BY_ID[type.id] = type;
    }
  }

  private final int id;
  private final int blockLength;
  private final int blockBytes;
  private final @Nullable DType dtype;

  GgmlType(int id, int blockLength, int blockBytes) {
    this.id = id;
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
    this.dtype = dtypeOf(name());
  }

  private static @Nullable DType dtypeOf(String name) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equals(name)) {
        return dtype;
      }
    }
    return null;
  }

  /** The type of a number in a file, absent if none has it. */
  public static @Nullable GgmlType of(long id) {
    return id >= 0 && id < BY_ID.length ? BY_ID[(int) id] : null;
  }

  public static GgmlType of(DType dtype) {
    return valueOf(dtype.name());
  }

  /** The number that stands for the type in a file. */
  public int id() {
    return id;
  }

  /** Consecutive elements of a row that are stored together. */
  public int blockLength() {
    return blockLength;
  }

  public int blockBytes() {
    return blockBytes;
  }

  public @Nullable DType dtype() {
    return dtype;
  }
}
