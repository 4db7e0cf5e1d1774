package jllm.ffi.cuda;

import static jllm.ffi.cuda.Symbols.call;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products (NVIDIA's "cuBLASLt"): {@code D = op(A) op(B) + beta D}, and what an {@link
 * Epilogue} does with that, with column-major matrices. What the library's heuristic chose for a
 * shape is kept; choices are not timed, since another choice would round sums otherwise, and a run
 * be different each time.
 */
public final class CublasLt implements AutoCloseable {
  private static final int SUCCESS = 0;
  private static final int NOT_SUPPORTED = 15;
  private static final int TRANSPOSE_A = 3;
  private static final int TRANSPOSE_B = 4;
  private static final int EPILOGUE = 7;
  private static final int BIAS_POINTER = 8;
  private static final int AUXILIARY_POINTER = 11;
  private static final int AUXILIARY_STRIDE = 12;

  private static final int MAX_WORKSPACE = 1;

  /** Attributes of a preference that follow each other: of A, B, C and D. */
  private static final int MIN_ALIGNMENT_A = 5;

  private static final int MATRICES = 4;

  /** {@code cublasLtMatmulHeuristicResult_t}; the algorithm is its first field. */
  private static final long HEURISTIC_BYTES = 96;

  private static final long RESULT_STATE = 72;

  /** Element types, with their {@code cudaDataType}. */
  public enum Type {
    F32(0, Float.BYTES),
    BF16(14, Short.BYTES);

    private final int code;
    private final int bytes;

    Type(int code, int bytes) {
      this.code = code;
      this.bytes = bytes;
    }

    /** Of an element. */
    public int bytes() {
      return bytes;
    }
  }

  /** How products are summed, with its {@code cublasComputeType_t}. */
  public enum Precision {
    /** IEEE 754 binary32 throughout. */
    F32(68),
    /** Operands rounded to 10 bits of fraction, sums in binary32. */
    TF32(77);

    private final int code;

    Precision(int code) {
      this.code = code;
    }
  }

  /**
   * What becomes of a product before it is stored, with its {@code cublasLtEpilogue_t}. GELU is the
   * approximation by tanh. An auxiliary matrix has the type of D and as many elements between its
   * columns, a multiple of 8.
   */
  public enum Epilogue {
    NONE(1),
    /** One number for each row of D, of its type, is added. */
    BIAS(4),
    GELU(32),
    GELU_BIAS(36),
    /** GELU, whose argument is kept: the auxiliary matrix. */
    GELU_AUX(160),
    GELU_AUX_BIAS(164),
    /** Times the derivative of GELU at the elements of the auxiliary matrix. */
    DGELU(192);

    private final int code;

    Epilogue(int code) {
      this.code = code;
    }

    boolean isBiased() {
      return (code & BIAS.code) != 0;
    }

    boolean hasAuxiliary() {
      return (code & 128) != 0;
    }
  }

  /**
   * A product.
   *
   * @param transposeA whether op(A) is A's transpose
   * @param m rows of D
   * @param n columns of D
   * @param k columns of op(A)
   * @param lda elements between columns of A as stored
   * @param input type of A and B
   * @param output type of D
   * @param beta factor on D: 0 = overwrite, 1 = add
   * @param alignment of all addresses, a power of two, in bytes
   */
  public record Product(
      boolean transposeA,
      boolean transposeB,
      long m,
      long n,
      long k,
      long lda,
      long ldb,
      long ldd,
      Type input,
      Type output,
      Precision precision,
      float beta,
      Epilogue epilogue,
      int alignment) {}

  /**
   * What is handed to the library for a product, in memory of the arena.
   *
   * @param algorithm absent if the library has none with the epilogue
   */
  private record Plan(
      long description, long a, long b, long d, @Nullable MemorySegment algorithm) {}

  private final Functions functions;
  private final long handle;
  private final Arena arena = Arena.ofShared();
  private final Map<Product, Plan> plans = new HashMap<>();
  private final MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
  private final MemorySegment alpha = arena.allocate(ValueLayout.JAVA_FLOAT);
  private final MemorySegment beta = arena.allocate(ValueLayout.JAVA_FLOAT);

  private CublasLt(NativeLibrary library) {
    this.functions = Symbols.bind(Functions.class, library, MethodHandles.lookup());
    check("cublasLtCreate", call(() -> (int) functions.create.invokeExact(out)));
    this.handle = out.get(ValueLayout.JAVA_LONG, 0);
    alpha.set(ValueLayout.JAVA_FLOAT, 0, 1);
  }

  /**
   * A handle for the calling thread's context.
   *
   * @param driver the newest CUDA version that the driver knows
   * @throws MissingLibraryException if the library is not there
   */
  public static CublasLt open(Map<String, String> environment, int driver) {
    return new CublasLt(
        NativeLibrary.load(
            "CUDA matrix library",
            NativeLibrary.versions("libcublasLt.so", driver),
            true,
            environment));
  }

  /**
   * Starts a product on a stream.
   *
   * @param bias address of it, if the epilogue has one
   * @param auxiliary address of that matrix, if the epilogue has one
   * @param workspace device memory of {@code workspaceBytes}, the same for all products
   * @return false if nothing was started, since the library has no algorithm with the epilogue
   */
  public boolean multiply(
      Product product,
      long a,
      long b,
      long d,
      long bias,
      long auxiliary,
      long workspace,
      long workspaceBytes,
      long stream) {
    Plan plan = plans.get(product);
    if (plan == null) {
      plan = plan(product, bias, auxiliary, workspaceBytes);
      plans.put(product, plan);
    }
    Plan known = plan;
    MemorySegment algorithm = plan.algorithm;
    if (algorithm == null) {
      return false;
    }
    setOperands(plan.description, product.epilogue, bias, auxiliary);
    beta.set(ValueLayout.JAVA_FLOAT, 0, product.beta());
    check(
        "cublasLtMatmul",
        call(() ->
            (int)
                functions.multiply.invokeExact(
                    handle,
                    known.description,
                    alpha,
                    a,
                    known.a,
                    b,
                    known.b,
                    beta,
                    d,
                    known.d,
                    d,
                    known.d,
                    algorithm,
                    workspace,
                    workspaceBytes,
                    stream)));
    return true;
  }

  private Plan plan(Product p, long bias, long auxiliary, long workspaceBytes) {
    check(
        "cublasLtMatmulDescCreate",
        call(() ->
            (int) functions.newDescription.invokeExact(out, p.precision.code, Type.F32.code)));
    long description = out.get(ValueLayout.JAVA_LONG, 0);
    set(description, TRANSPOSE_A, p.transposeA ? 1 : 0);
    set(description, TRANSPOSE_B, p.transposeB ? 1 : 0);
    if (p.epilogue != Epilogue.NONE) {
      set(description, EPILOGUE, p.epilogue.code);
      setOperands(description, p.epilogue, bias, auxiliary);
    }
    if (p.epilogue.hasAuxiliary()) {
      set(description, AUXILIARY_STRIDE, p.ldd);
    }
    long a = layout(p.input, p.transposeA ? p.k : p.m, p.transposeA ? p.m : p.k, p.lda);
    long b = layout(p.input, p.transposeB ? p.n : p.k, p.transposeB ? p.k : p.n, p.ldb);
    long d = layout(p.output, p.m, p.n, p.ldd);
    MemorySegment algorithm = choose(p, description, a, b, d, workspaceBytes);
    return new Plan(description, a, b, d, algorithm);
  }

  private @Nullable MemorySegment choose(
      Product p, long description, long a, long b, long d, long workspaceBytes) {
    check(
        "cublasLtMatmulPreferenceCreate",
        call(() -> (int) functions.newPreference.invokeExact(out)));
    long preference = out.get(ValueLayout.JAVA_LONG, 0);
    out.set(ValueLayout.JAVA_LONG, 0, workspaceBytes);
    setPreference(preference, MAX_WORKSPACE, Long.BYTES);
    out.set(ValueLayout.JAVA_LONG, 0, p.alignment);
    for (int i = 0; i < MATRICES; i++) {
      setPreference(preference, MIN_ALIGNMENT_A + i, Integer.BYTES);
    }
    MemorySegment result = arena.allocate(HEURISTIC_BYTES, 8);
    MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
    int found =
        call(() ->
            (int)
                functions.choose.invokeExact(
                    handle, description, a, b, d, d, preference, 1, result, count));
    check(
        "cublasLtMatmulPreferenceDestroy",
        call(() -> (int) functions.destroyPreference.invokeExact(preference)));
    if (found == SUCCESS) {
      boolean none = count.get(ValueLayout.JAVA_INT, 0) == 0;
      found = none ? NOT_SUPPORTED : result.get(ValueLayout.JAVA_INT, RESULT_STATE);
    }
    if (found == NOT_SUPPORTED && p.epilogue != Epilogue.NONE) {
      return null;
    }
    check("cublasLtMatmulAlgoGetHeuristic for " + p, found);
    return result;
  }

  private void setPreference(long preference, int attribute, long bytes) {
    check(
        "cublasLtMatmulPreferenceSetAttribute",
        call(() -> (int) functions.setPreference.invokeExact(preference, attribute, out, bytes)));
  }

  private void set(long description, int attribute, int value) {
    out.set(ValueLayout.JAVA_INT, 0, value);
    setBytes(description, attribute, Integer.BYTES);
  }

  /** Where the epilogue finds what it needs; the library looks at the alignment, too. */
  private void setOperands(long description, Epilogue epilogue, long bias, long auxiliary) {
    if (epilogue.isBiased()) {
      set(description, BIAS_POINTER, bias);
    }
    if (epilogue.hasAuxiliary()) {
      set(description, AUXILIARY_POINTER, auxiliary);
    }
  }

  private void set(long description, int attribute, long value) {
    out.set(ValueLayout.JAVA_LONG, 0, value);
    setBytes(description, attribute, Long.BYTES);
  }

  /** Sets an attribute to what {@link #out} holds. */
  private void setBytes(long description, int attribute, long bytes) {
    check(
        "cublasLtMatmulDescSetAttribute",
        call(() -> (int) functions.setDescription.invokeExact(description, attribute, out, bytes)));
  }

  private long layout(Type type, long rows, long columns, long leading) {
    check(
        "cublasLtMatrixLayoutCreate",
        call(() -> (int) functions.newLayout.invokeExact(out, type.code, rows, columns, leading)));
    return out.get(ValueLayout.JAVA_LONG, 0);
  }

  @Override
  public void close() {
    for (Plan plan : plans.values()) {
      for (long layout : new long[] {plan.a, plan.b, plan.d}) {
        call(() -> (int) functions.destroyLayout.invokeExact(layout));
      }
      call(() -> (int) functions.destroyDescription.invokeExact(plan.description));
    }
    call(() -> (int) functions.destroy.invokeExact(handle));
    arena.close();
  }

  private void check(String function, int code) {
    if (code != SUCCESS) {
      String name =
          Symbols.text(
              call(() -> (MemorySegment) functions.errorName.invokeExact(code)), "status " + code);
      throw new CudaException(function, code, name);
    }
  }

  private record Functions(
      @Symbol(value = "cublasLtCreate", takes = MemorySegment.class) MethodHandle create,
      @Symbol(value = "cublasLtDestroy", takes = long.class) MethodHandle destroy,
      @Symbol(
              value = "cublasLtMatmulDescCreate",
              takes = {MemorySegment.class, int.class, int.class})
          MethodHandle newDescription,
      @Symbol(
              value = "cublasLtMatmulDescSetAttribute",
              takes = {long.class, int.class, MemorySegment.class, long.class})
          MethodHandle setDescription,
      @Symbol(value = "cublasLtMatmulDescDestroy", takes = long.class)
          MethodHandle destroyDescription,
      @Symbol(
              value = "cublasLtMatrixLayoutCreate",
              takes = {MemorySegment.class, int.class, long.class, long.class, long.class})
          MethodHandle newLayout,
      @Symbol(value = "cublasLtMatrixLayoutDestroy", takes = long.class) MethodHandle destroyLayout,
      @Symbol(value = "cublasLtMatmulPreferenceCreate", takes = MemorySegment.class)
          MethodHandle newPreference,
      @Symbol(
              value = "cublasLtMatmulPreferenceSetAttribute",
              takes = {long.class, int.class, MemorySegment.class, long.class})
          MethodHandle setPreference,
      @Symbol(value = "cublasLtMatmulPreferenceDestroy", takes = long.class)
          MethodHandle destroyPreference,
      @Symbol(
              value = "cublasLtMatmulAlgoGetHeuristic",
              takes = {
                long.class,
                long.class,
                long.class,
                long.class,
                long.class,
                long.class,
                long.class,
                int.class,
                MemorySegment.class,
                MemorySegment.class
              })
          MethodHandle choose,
      @Symbol(
              value = "cublasLtMatmul",
              takes = {
                long.class,
                long.class,
                MemorySegment.class,
                long.class,
                long.class,
                long.class,
                long.class,
                MemorySegment.class,
                long.class,
                long.class,
                long.class,
                long.class,
                MemorySegment.class,
                long.class,
                long.class,
                long.class
              })
          MethodHandle multiply,
      @Symbol(value = "cublasLtGetStatusName", returns = MemorySegment.class, takes = int.class)
          MethodHandle errorName) {}
}
