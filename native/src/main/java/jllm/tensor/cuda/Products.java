package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.ffi.cuda.CublasLt;
import jllm.ffi.cuda.CublasLt.Epilogue;
import jllm.ffi.cuda.CublasLt.Precision;
import jllm.ffi.cuda.CublasLt.Type;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Products with weights. Few rows: kernels that read each weight once, as it is stored. Many: the
 * vendor's matrix product, for which weights that are not F32 are decoded in tiles.
 *
 * <p>cuBLASLt has column-major matrices: a row-major [rows, columns] is its [columns, rows].
 */
final class Products {
  /** Bytes of weights that are decoded at once. */
  private static final long TILE_BYTES = 128L << 20;

  /** Rows of a tile are a multiple of it, so that columns of results begin at a cache line. */
  private static final int TILE_ROWS = 64;

  private static final int MOST_ALIGNMENT = 256;

  /** Rows of a weight from which on it is worth a product more that all others are a multiple. */
  private static final int UNEVEN_ROWS = 1024;

  /** Rows of rounded operands begin at multiples of so many elements: 16 bytes. */
  private static final int ROUNDED_UNIT = 8;

  private final Gpu gpu;
  private final MatrixMath math;
  private final MatVec few;
  private final ColumnSums columns;

  Products(Gpu gpu, MatrixMath math, MatVec few) {
    this.gpu = gpu;
    this.math = math;
    this.few = few;
    this.columns = new ColumnSums(gpu);
  }

  /**
   * A row-major matrix that a product reads.
   *
   * @param address of its first element
   * @param stride elements between rows
   */
  record Operand(long address, Type type, long stride) {
    /** From a column on. */
    Operand from(int column) {
      return new Operand(address + (long) column * type.bytes(), type, stride);
    }
  }

  /** out [N, O] = x [N, I] w^T + bias, w [O, I]. */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    product(out, x, w, bias, false);
  }

  /** out [N, O] += x [N, I] w^T + bias. */
  void addLinear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    product(out, x, w, bias, true);
  }

  private void product(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias, boolean add) {
    boolean rounded = x.dtype() == DType.BF16 || out.dtype() == DType.BF16;
    if (x.rows() <= MatVec.ROWS && !rounded) {
      few.linear(out, x, w, bias, add);
    } else {
      multiplyRows(out, x, w, bias, add ? 1 : 0);
    }
  }

  /**
   * out [N, O] = x [N, I] w^T + bias + beta out; out F32 or BF16, and its rows may be longer: what
   * is beyond O stays as it is.
   */
  private void multiplyRows(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias, float beta) {
    int rows = x.rows();
    int inputs = x.columns();
    int stride = out.columns();
    Type type = type(out);
    try (Scratch scratch = new Scratch(gpu)) {
      Operand right = operand(x, scratch);
      long biases = bias == null ? 0 : bias(bias, type, scratch);
      tiles(
          w,
          (tile, from, count) -> {
            long to = address(out) + (long) from * type.bytes();
            long added = bias == null ? 0 : biases + (long) from * type.bytes();
            CublasLt.Product product =
                product(
                    tile,
                    true,
                    right,
                    false,
                    to,
                    stride,
                    count,
                    rows,
                    inputs,
                    beta,
                    type,
                    added == 0 ? Epilogue.NONE : Epilogue.BIAS,
                    added);
            if (!gpu.multiply(product, tile.address, right.address, to, added, 0)) {
              multiply(tile, true, right, false, to, stride, count, rows, inputs, beta, type);
              gpu.kernel(KernelSource.ELEMENTWISE, CudaBackend.named("add_bias", out))
                  .longs(to, address(bias) + (long) from * Float.BYTES, rows)
                  .ints(count, stride)
                  .over((long) rows * count);
            }
          });
    }
  }

  /** A bias as products take it that give results of a type. */
  long bias(Tensor bias, Type type, Scratch scratch) {
    if (type == Type.F32) {
      return address(bias);
    }
    int count = Math.toIntExact(bias.shape().elements());
    long to = scratch.bytes((long) count * Short.BYTES);
    round(to, address(bias), 1, count, count);
    return to;
  }

  private static Type type(Tensor tensor) {
    return tensor.dtype() == DType.BF16 ? Type.BF16 : Type.F32;
  }

  /** dx [N, I] += dout [N, O] w. */
  void inputGradient(Tensor dx, Tensor dout, Tensor w) {
    try (Scratch scratch = new Scratch(gpu)) {
      inputGradient(dx, operand(dout, scratch), w, true);
    }
  }

  /** dx F32 or BF16. */
  void inputGradient(Tensor dx, Operand dout, Tensor w, boolean add) {
    int rows = dx.rows();
    int inputs = dx.columns();
    tiles(
        w,
        (tile, from, count) -> {
          int beta = add || from > 0 ? 1 : 0;
          Operand right = dout.from(from);
          long to = address(dx);
          multiply(tile, false, right, false, to, inputs, inputs, rows, count, beta, type(dx));
        });
  }

  /** dw [O, I] += dout^T x. */
  void weightGradient(Tensor dw, Tensor dout, Tensor x) {
    try (Scratch scratch = new Scratch(gpu)) {
      weightGradient(dw, operand(dout, scratch), operand(x, scratch), x.rows());
    }
  }

  void weightGradient(Tensor dw, Operand dout, Operand x, int rows) {
    int inputs = dw.columns();
    multiply(x, false, dout, true, address(dw), inputs, inputs, dw.dim(0), rows, 1, Type.F32);
  }

  /**
   * All derivatives of a linear layer that are wanted; dout is rounded once for all.
   *
   * @param add whether dx is added to, not overwritten
   */
  void gradients(
      @Nullable Tensor dx,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      boolean add) {
    try (Scratch scratch = new Scratch(gpu)) {
      Operand right = derivative(dbias, dout, scratch);
      if (dw != null) {
        weightGradient(dw, right, operand(x, scratch), x.rows());
      }
      if (dx != null) {
        inputGradient(dx, right, w, add);
      }
    }
  }

  /** The derivative as products read it; its sums over rows are added to dbias on the way. */
  Operand derivative(@Nullable Tensor dbias, Tensor dout, Scratch scratch) {
    if (dbias == null) {
      return operand(dout, scratch);
    }
    if (!rounds() || dout.dtype() == DType.BF16) {
      columns.add(dbias, dout);
      return operand(dout, scratch);
    }
    Operand rounded = roundedOperand(dout, scratch);
    columns.addRounded(dbias, dout, rounded.address, (int) rounded.stride);
    return rounded;
  }

  /** Whether operands of products are in BF16. */
  private boolean rounds() {
    return math == MatrixMath.BF16;
  }

  /** Whether rows of BF16 of so many columns are operands as they are. */
  static boolean takesRows(int columns) {
    return columns % ROUNDED_UNIT == 0;
  }

  /** Activations as products read them. */
  Operand operand(Tensor x, Scratch scratch) {
    int columns = x.columns();
    if (x.dtype() == DType.BF16) {
      return new Operand(address(x), Type.BF16, columns);
    }
    if (!rounds()) {
      return new Operand(address(x), Type.F32, columns);
    }
    Operand rounded = roundedOperand(x, scratch);
    round(rounded.address, address(x), x.rows(), columns, (int) rounded.stride);
    return rounded;
  }

  /** Memory for x rounded. */
  private static Operand roundedOperand(Tensor x, Scratch scratch) {
    int stride = roundedStride(x.columns());
    return new Operand(scratch.bytes((long) x.rows() * stride * Short.BYTES), Type.BF16, stride);
  }

  /** Elements of a row of so many when it is rounded for products; 0 if they are not. */
  int roundedColumns(int columns) {
    return rounds() ? roundedStride(columns) : 0;
  }

  private static int roundedStride(int columns) {
    return ceil(columns, ROUNDED_UNIT) * ROUNDED_UNIT;
  }

  void round(long to, long from, int rows, int columns, int stride) {
    gpu.kernel(KernelSource.ELEMENTWISE, "round_rows_bf16")
        .longs(to, from, rows)
        .ints(columns, stride)
        .over((long) rows * stride);
  }

  interface Tile {
    /**
     * @param weights [count, I]
     * @param from first row of the tile
     */
    void use(Operand weights, int from, int count);
  }

  /** Rows of a weight that are decoded at once, if it has to be. */
  private static int decodedRows(Tensor w) {
    long fitting = TILE_BYTES / ((long) w.columns() * Float.BYTES) / TILE_ROWS * TILE_ROWS;
    return (int) Math.min(w.dim(0), Math.max(TILE_ROWS, fitting));
  }

  /** Whether {@link #tiles} gives all of a weight at once. */
  boolean inOnePiece(Tensor w) {
    boolean stored = w.dtype() == (rounds() ? DType.BF16 : DType.F32);
    return !isUneven(w)
        && (decodedRows(w) == w.dim(0) || stored && (!rounds() || takesRows(w.columns())));
  }

  /**
   * Whether a weight has so many rows, and of such a number, that the last ones are multiplied by
   * themselves: kernels that load and store 16 bytes at once need a multiple of 8, and vocabularies
   * such as GPT-2's, of 50,257, are none.
   */
  private boolean isUneven(Tensor w) {
    return rounds() && w.dim(0) >= UNEVEN_ROWS && w.dim(0) % ROUNDED_UNIT != 0;
  }

  /** Weights as products read them, in one or several pieces. */
  void tiles(Tensor w, Tile use) {
    if (!isUneven(w)) {
      pieces(w, use);
      return;
    }
    pieces(
        w,
        (tile, from, count) -> {
          int rest = count % ROUNDED_UNIT;
          int even = count - rest;
          if (even > 0) {
            use.use(tile, from, even);
          }
          if (rest > 0) {
            long skipped = even * tile.stride * tile.type.bytes();
            Operand last = new Operand(tile.address + skipped, tile.type, tile.stride);
            use.use(last, from + even, rest);
          }
        });
  }

  private void pieces(Tensor w, Tile use) {
    int outputs = w.dim(0);
    int inputs = w.columns();
    boolean rounded = rounds();
    int stride = rounded ? roundedStride(inputs) : inputs;
    if (w.dtype() == (rounded ? DType.BF16 : DType.F32) && stride == inputs) {
      use.use(new Operand(address(w), rounded ? Type.BF16 : Type.F32, inputs), 0, outputs);
      return;
    }
    long rowBytes = w.dtype().bytes(inputs);
    int step = decodedRows(w);
    try (Scratch scratch = new Scratch(gpu)) {
      // Rows that are to begin elsewhere than they are stored go through floats.
      boolean direct = rounded && stride == inputs && w.dtype() != DType.F32;
      boolean stored = w.dtype() == DType.F32;
      long floats = direct || stored ? 0 : scratch.floats((long) step * inputs);
      long halves = rounded ? scratch.bytes((long) step * stride * Short.BYTES) : 0;
      for (int from = 0; from < outputs; from += step) {
        int count = Math.min(step, outputs - from);
        long rows = address(w) + from * rowBytes;
        if (!stored) {
          gpu.kernel(KernelSource.WEIGHTS, direct ? "dequantize_bf16" : "dequantize", w.dtype())
              .longs(direct ? halves : floats, rows)
              .eachOf((long) count * inputs);
        }
        if (rounded && !direct) {
          round(halves, stored ? rows : floats, count, inputs, stride);
        }
        use.use(
            rounded
                ? new Operand(halves, Type.BF16, stride)
                : new Operand(floats, Type.F32, inputs),
            from,
            count);
      }
    }
  }

  /** d [m, n] = op(a) [m, k] op(b) [k, n] + beta d, column-major. */
  private void multiply(
      Operand a,
      boolean transposeA,
      Operand b,
      boolean transposeB,
      long d,
      long ldd,
      long m,
      long n,
      long k,
      float beta,
      Type output) {
    CublasLt.Product product =
        product(a, transposeA, b, transposeB, d, ldd, m, n, k, beta, output, Epilogue.NONE, 0);
    gpu.multiply(product, a.address, b.address, d, 0, 0);
  }

  /**
   * The same, described.
   *
   * @param output type of d
   * @param others the addresses of other operands, one or another: for their alignment
   */
  CublasLt.Product product(
      Operand a,
      boolean transposeA,
      Operand b,
      boolean transposeB,
      long d,
      long ldd,
      long m,
      long n,
      long k,
      float beta,
      Type output,
      Epilogue epilogue,
      long others) {
    return new CublasLt.Product(
        transposeA,
        transposeB,
        m,
        n,
        k,
        a.stride,
        b.stride,
        ldd,
        a.type,
        output,
        a.type == Type.F32 && math == MatrixMath.TF32 ? Precision.TF32 : Precision.F32,
        beta,
        epilogue,
        alignment(a.address, b.address, d | others));
  }

  /** out [N, O] = x [N, I] w^T, x and w both F32 or both BF16. */
  void plain(Tensor out, Tensor x, Tensor w, Precision with) {
    Type type = type(x);
    int inputs = x.columns();
    int outputs = w.dim(0);
    CublasLt.Product product =
        new CublasLt.Product(
            true,
            false,
            outputs,
            x.rows(),
            inputs,
            inputs,
            inputs,
            outputs,
            type,
            Type.F32,
            with,
            0,
            Epilogue.NONE,
            alignment(address(w), address(x), address(out)));
    gpu.multiply(product, address(w), address(x), address(out), 0, 0);
  }

  private static int alignment(long a, long b, long d) {
    return (int) Long.lowestOneBit(a | b | d | MOST_ALIGNMENT);
  }

  static int ceil(int value, int unit) {
    return Math.ceilDiv(value, unit);
  }
}
