package jllm.tensor.cuda;

/** How a device multiplies matrices of more than a few rows; sums are in binary32 with all. */
public enum MatrixMath {
  /** Operands as they are, in binary32. */
  F32,
  /** Operands rounded to 10 bits of fraction, by the tensor cores. */
  TF32,
  /** Operands rounded to bfloat16, which has 7 bits of fraction, by the tensor cores. */
  BF16
}
