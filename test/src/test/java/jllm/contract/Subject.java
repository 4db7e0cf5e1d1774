package jllm.contract;

import jllm.tensor.Backend;
import jllm.tensor.DType;

/** The backend that a contract is about. */
interface Subject {
  /** Relative error of float32 arithmetic, for sums of a few thousand terms. */
  double SINGLE = 1e-5;

  /** The same object during a test; closed by its owner. */
  Backend backend();

  /**
   * The relative error that products with weights of a type may have: more than {@link #SINGLE}
   * where the backend rounds activations to integers.
   */
  default double productTolerance(DType weight) {
    return SINGLE;
  }

  /**
   * The same for products in training, with weights of that type as they are: where it is not F32,
   * a backend may round the other operands to BF16.
   */
  default double trainedProductTolerance(DType weight) {
    return SINGLE;
  }

  /** The relative error of attention: more where a backend rounds its operands. */
  default double attentionTolerance() {
    return SINGLE;
  }
}
