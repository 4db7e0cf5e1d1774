package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.ffi.cuda.CublasLt.Epilogue;
import jllm.ffi.cuda.CublasLt.Product;
import jllm.ffi.cuda.CublasLt.Type;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers whose results go through GELU (its approximation by tanh) before they are stored,
 * in BF16, and the derivative of that: the vendor's products do both where they have an algorithm
 * for it. {@link GeluCheck} looks once whether they do so rightly.
 */
final class ActivatedProducts {
  private final Gpu gpu;
  private final Products products;
  private final GeluCheck check;

  ActivatedProducts(Gpu gpu, Products products) {
    this.gpu = gpu;
    this.products = products;
    this.check = new GeluCheck(gpu, products, this);
  }

  /**
   * {@code out = activation(x w^T + bias)}; see {@link jllm.tensor.FusedOperations}.
   *
   * @return false if it was not done; out and before are undefined then
   */
  boolean linear(
      Tensor out,
      Tensor x,
      Tensor w,
      @Nullable Tensor bias,
      Activation activation,
      @Nullable Tensor before) {
    return out.dtype() == DType.BF16
        && activation == Activation.GELU_TANH
        && check.trusts()
        && multiply(out, x, w, bias, before);
  }

  /** The same by the vendor's products, unchecked. */
  boolean multiply(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias, @Nullable Tensor before) {
    int rows = x.rows();
    int inputs = x.columns();
    int outputs = w.dim(0);
    Epilogue epilogue =
        before == null
            ? bias == null ? Epilogue.GELU : Epilogue.GELU_BIAS
            : bias == null ? Epilogue.GELU_AUX : Epilogue.GELU_AUX_BIAS;
    boolean[] done = {true};
    try (Scratch scratch = new Scratch(gpu)) {
      Products.Operand right = products.operand(x, scratch);
      long biases = bias == null ? 0 : products.bias(bias, Type.BF16, scratch);
      products.tiles(
          w,
          (tile, from, count) -> {
            long to = address(out) + (long) from * Short.BYTES;
            long kept = before == null ? 0 : address(before) + (long) from * Short.BYTES;
            long added = bias == null ? 0 : biases + (long) from * Short.BYTES;
            Product product =
                products.product(
                    tile,
                    true,
                    right,
                    false,
                    to,
                    outputs,
                    count,
                    rows,
                    inputs,
                    0,
                    Type.BF16,
                    epilogue,
                    kept | added);
            done[0] =
                done[0] && gpu.multiply(product, tile.address(), right.address(), to, added, kept);
          });
    }
    return done[0];
  }

  /** See {@link jllm.tensor.TrainingKernels#linearBackwardActivated}. */
  void gradients(
      Tensor dbefore,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      Tensor before,
      Activation activation) {
    try (Scratch scratch = new Scratch(gpu)) {
      Products.Operand right = products.derivative(dbias, dout, scratch);
      if (dw != null) {
        products.weightGradient(dw, right, products.operand(x, scratch), x.rows());
      }
      boolean together = activation == Activation.GELU_TANH && check.trusts();
      if (!together || !inputGradient(dbefore, right, w, before)) {
        plainInputGradient(dbefore, right, w, before, activation);
      }
    }
  }

  /**
   * {@code dbefore = (dout w) * gelu'(before)} by the vendor's product, unchecked.
   *
   * @return false if it was not done
   */
  boolean inputGradient(Tensor dbefore, Products.Operand dout, Tensor w, Tensor before) {
    if (!products.inOnePiece(w)) {
      return false; // The derivative is of the whole sum, not of its parts.
    }
    int inputs = dbefore.columns();
    boolean[] done = {false};
    products.tiles(
        w,
        (tile, _, count) -> {
          Product product =
              products.product(
                  tile,
                  false,
                  dout,
                  false,
                  address(dbefore),
                  inputs,
                  inputs,
                  dbefore.rows(),
                  count,
                  0,
                  Type.BF16,
                  Epilogue.DGELU,
                  address(before));
          done[0] =
              gpu.multiply(
                  product, tile.address(), dout.address(), address(dbefore), 0, address(before));
        });
    return done[0];
  }

  /** The same one after the other. */
  void plainInputGradient(
      Tensor dbefore, Products.Operand dout, Tensor w, Tensor before, Activation activation) {
    try (Scratch scratch = new Scratch(gpu)) {
      Tensor dx = scratch.tensor(DType.F32, dbefore.shape());
      products.inputGradient(dx, dout, w, false);
      gpu.kernel(KernelSource.GRADIENTS, "activate_gradient_bf16")
          .tensors(dbefore, dx, before)
          .ints(activation.ordinal())
          .eachOf(dbefore.shape().elements());
    }
  }
}
