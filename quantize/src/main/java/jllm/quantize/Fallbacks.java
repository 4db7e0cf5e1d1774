package jllm.quantize;

import jllm.tensor.DType;

/** Types for rows that are no whole number of blocks of the type meant for them. */
final class Fallbacks {
  private Fallbacks() {}

  /** The type itself if its blocks divide a row, or the nearest whose blocks do. */
  static DType fitting(DType wanted, long columns) {
    if (wanted.divides(columns)) {
      return wanted;
    }
    DType smaller =
        switch (wanted) {
          case Q2_K, Q3_K, IQ4_XS -> DType.IQ4_NL;
          case Q4_K -> DType.Q5_0;
          case Q5_K -> DType.Q5_1;
          case Q6_K -> DType.Q8_0;
          default -> DType.F16;
        };
    return smaller.divides(columns) ? smaller : DType.F16;
  }
}
