package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.ffi.cuda.CublasLt.Precision;
import jllm.ffi.cuda.CudaException;
import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.FusedOperations;
import jllm.tensor.Memory;
import jllm.tensor.OperationTimer;
import jllm.tensor.Recording;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * One NVIDIA device. Operations are started and not waited for; what waits is {@link #download} and
 * what returns a number.
 */
public final class CudaBackend implements Backend {
  private static final int ROUTING_ROWS = 4;
  private static final int THREADS = 128;

  private final Gpu gpu;
  private final MatrixMath math;
  private final Products products;

  /** Of devices that have room for activations of thousands of positions. */
  private static final long LARGE_MEMORY = 15L << 30;

  private final Attention attention;
  private final Norms norms;
  private final Experts experts;
  private final CudaFused fused;
  private final CudaTraining training;

  /**
   * The frequencies of rotations, here and on the device. They stay, since recorded steps read
   * them: a model has one or two sets.
   */
  private final List<Frequencies> frequencies = new ArrayList<>();

  private record Frequencies(double[] values, long address) {}

  private CudaBackend(Gpu gpu, MatrixMath math) {
    this.gpu = gpu;
    this.math = math;
    MatVec few = new MatVec(gpu);
    this.products = new Products(gpu, math, few);
    this.attention = new Attention(gpu, math);
    this.norms = new Norms(gpu);
    this.experts = Experts.of(gpu, products, math);
    ActivatedProducts activated = new ActivatedProducts(gpu, products);
    this.fused = new CudaFused(gpu, few, products, activated, attention);
    this.training = new CudaTraining(gpu, products, activated, attention, norms, experts);
  }

  /**
   * Opens a device.
   *
   * @param index from 0
   * @param math how products of many rows round their operands
   * @param environment variables: {@code JLLM_CUDA_LIBS}, where libraries are; {@code
   *     XDG_CACHE_HOME}, where compiled kernels are kept; {@code JLLM_CUDA_GRAPHS}, {@code off} to
   *     start each kernel by itself
   * @throws DeviceUnavailableException if a library, the driver or the device is missing
   */
  public static CudaBackend open(int index, MatrixMath math, Map<String, String> environment) {
    Gpu gpu = gpu(index, environment);
    boolean opened = false;
    try {
      gpu.openLibraries();
      opened = true;
      return new CudaBackend(gpu, math);
    } finally {
      if (!opened) {
        gpu.close();
      }
    }
  }

  private static Gpu gpu(int index, Map<String, String> environment) {
    try {
      return new Gpu(index, environment);
    } catch (CudaException e) {
      throw new DeviceUnavailableException(
          "CUDA device %d cannot be used: %s".formatted(index, e.getMessage()));
    }
  }

  public CudaDevice device() {
    return gpu.device();
  }

  /** How products of many rows round their operands. */
  public MatrixMath math() {
    return math;
  }

  /** Bytes of the device's memory that no program uses. */
  public long freeMemory() {
    return gpu.freeMemory();
  }

  @Override
  public void synchronize() {
    gpu.synchronize();
  }

  /**
   * {@code out = x w^T}, by the vendor's product whatever the size: what the speed of a device is
   * measured with.
   *
   * @param out F32 [N, O]
   * @param x [N, I], F32 or BF16
   * @param w [O, I], of the type of x
   * @param rounded whether F32 operands are rounded to 10 bits of fraction
   */
  public void product(Tensor out, Tensor x, Tensor w, boolean rounded) {
    products.plain(out, x, w, rounded ? Precision.TF32 : Precision.F32);
  }

  @Override
  public String describe() {
    return String.format(
        Locale.ROOT,
        "cuda:%d (%s, %s)",
        gpu.device().index(),
        gpu.device().name(),
        math.name().toLowerCase(Locale.ROOT));
  }

  @Override
  public DType activationType() {
    return DType.F32;
  }

  @Override
  public DType operandType(int rows, int columns) {
    // Kernels for few rows read F32: they wait for weights in any case.
    return math == MatrixMath.BF16 && rows > MatVec.ROWS && Products.takesRows(columns)
        ? DType.BF16
        : DType.F32;
  }

  @Override
  public int promptRows() {
    // As many as keep all multiprocessors busy, where there is memory for their activations.
    return gpu.device().memory() >= LARGE_MEMORY ? 2048 : Backend.super.promptRows();
  }

  @Override
  public DType attentionType(AttentionSpec spec, int steps) {
    return attention.trainingType(spec, steps);
  }

  /** The kernel that reads and writes these types: {@code out} and, in BF16, maybe {@code x}. */
  static String named(String kernel, Tensor out, Tensor x) {
    return named(kernel, out) + (x.dtype() == DType.BF16 ? "_of_bf16" : "");
  }

  /** The kernel that writes results of the type of {@code out}. */
  static String named(String kernel, Tensor out) {
    return out.dtype() == DType.BF16 ? kernel + "_bf16" : kernel;
  }

  @Override
  public Memory memory() {
    return new DeviceMemory(gpu);
  }

  @Override
  public void upload(Tensor to, MemorySegment from) {
    gpu.upload(address(to), from, Tensor.byteSize(to.dtype(), to.shape()));
  }

  @Override
  public void download(MemorySegment to, Tensor from) {
    gpu.download(to, address(from), Tensor.byteSize(from.dtype(), from.shape()));
  }

  @Override
  public OperationTimer timer() {
    return new EventTimer(gpu);
  }

  @Override
  public Tensor adopt(Tensor weight, WeightUse use, Memory memory) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor stored =
          use == WeightUse.VECTOR && weight.dtype() != DType.F32
              ? Conversions.convert(weight, DType.F32, arena)
              : weight;
      Tensor adopted = memory.tensor(stored.dtype(), stored.shape());
      upload(adopted, stored.segment());
      return adopted;
    }
  }

  @Override
  public void embedding(Tensor out, Tensor table, Tensor ids) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.WEIGHTS, "embedding", table.dtype())
          .tensors(out, table)
          .longs(scratch.ids(ids))
          .ints(out.rows(), out.columns())
          .start(out.rows(), 1, 1, THREADS);
    }
  }

  @Override
  public void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    products.linear(out, x, w, bias);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    norms.rms(out, x, weight, eps);
  }

  @Override
  public void layerNorm(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    norms.layer(out, x, weight, bias, eps);
  }

  @Override
  public void addRmsNorm(
      Tensor sum, Tensor out, Tensor a, Tensor b, @Nullable Tensor weight, float eps) {
    norms.addRms(sum, out, a, b, weight, eps);
  }

  @Override
  public void addLayerNorm(
      Tensor sum,
      Tensor out,
      Tensor a,
      Tensor b,
      @Nullable Tensor weight,
      @Nullable Tensor bias,
      float eps) {
    norms.addLayer(sum, out, a, b, weight, bias, eps);
  }

  @Override
  public void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    try (Scratch scratch = new Scratch(gpu)) {
      long ids = scratch.ids(positions);
      long angles = onDevice(frequencies);
      gpu.kernel(KernelSource.ROPE, "rotations")
          .tensors(out)
          .longs(ids, angles)
          .ints(frequencies.length, out.rows())
          .floats(magnitude)
          .over((long) out.rows() * frequencies.length);
    }
  }

  private long onDevice(double[] wanted) {
    for (Frequencies known : frequencies) {
      if (Arrays.equals(known.values, wanted)) {
        return known.address;
      }
    }
    long bytes = (long) wanted.length * Double.BYTES;
    long address = gpu.take(bytes);
    try (Arena arena = Arena.ofConfined()) {
      gpu.upload(address, arena.allocateFrom(ValueLayout.JAVA_DOUBLE, wanted), bytes);
    }
    frequencies.add(new Frequencies(wanted.clone(), address));
    return address;
  }

  @Override
  public void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    gpu.kernel(KernelSource.ROPE, named("rope", out, x))
        .tensors(out, x, rotations)
        .ints(x.rows(), x.columns(), headDim, rotations.columns(), pairing.ordinal())
        .over(Math.ceilDiv((long) x.rows() * x.columns(), 2));
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    attention.run(out, q, k, v, spec, sequences, past);
  }

  @Override
  public void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    gpu.kernel(KernelSource.ELEMENTWISE, named("gated", out, gate))
        .tensors(out, gate, up)
        .ints(activation.ordinal())
        .eachOf(out.shape().elements());
  }

  @Override
  public void activate(Tensor out, Tensor x, Activation activation) {
    gpu.kernel(KernelSource.ELEMENTWISE, named("activate", out))
        .tensors(out, x)
        .ints(activation.ordinal())
        .eachOf(out.shape().elements());
  }

  @Override
  public void add(Tensor out, Tensor a, Tensor b) {
    gpu.kernel(KernelSource.ELEMENTWISE, "add").tensors(out, a, b).eachOf(out.shape().elements());
  }

  @Override
  public void mul(Tensor out, Tensor a, Tensor b) {
    gpu.kernel(KernelSource.ELEMENTWISE, "mul").tensors(out, a, b).eachOf(out.shape().elements());
  }

  @Override
  public void scale(Tensor out, Tensor x, float factor) {
    gpu.kernel(KernelSource.ELEMENTWISE, "scale")
        .tensors(out, x)
        .floats(factor)
        .eachOf(out.shape().elements());
  }

  @Override
  public void softCap(Tensor out, Tensor x, float cap) {
    gpu.kernel(KernelSource.ELEMENTWISE, "soft_cap")
        .tensors(out, x)
        .floats(cap)
        .eachOf(out.shape().elements());
  }

  @Override
  public void softmax(Tensor out, Tensor x) {
    gpu.kernel(KernelSource.SOFTMAX, "softmax")
        .tensors(out, x)
        .ints(x.columns())
        .eachRow(x.rows(), x.columns());
  }

  @Override
  public void copyRows(Tensor out, int at, Tensor x) {
    long to = address(out) + at * out.dtype().bytes(x.columns());
    long elements = x.shape().elements();
    if (x.dtype() == out.dtype()) {
      gpu.copy(to, address(x), x.dtype().bytes(elements));
    } else {
      gpu.kernel(KernelSource.CACHE, "store_" + Formats.name(out.dtype()))
          .longs(to)
          .tensors(x)
          .eachOf(elements);
    }
  }

  @Override
  public boolean readsCacheOf(DType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0 -> true;
      default -> false;
    };
  }

  @Override
  public void topK(Tensor out, Tensor x) {
    gpu.kernel(KernelSource.EXPERTS, "topk")
        .tensors(out, x)
        .ints(x.rows(), x.columns(), out.columns())
        .start(Math.ceilDiv(x.rows(), ROUTING_ROWS), 1, 1, THREADS);
  }

  @Override
  public void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.EXPERTS, "routing_weights")
          .tensors(out, logits)
          .longs(scratch.ids(experts))
          .ints(logits.rows(), logits.columns(), experts.columns(), routing.renormalize() ? 1 : 0)
          .floats(routing.scale())
          .start(Math.ceilDiv(logits.rows(), ROUTING_ROWS), 1, 1, THREADS);
    }
  }

  @Override
  public void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    this.experts.forward(out, x, w, experts);
  }

  @Override
  public void combineExperts(Tensor out, Tensor x, Tensor weights) {
    gpu.kernel(KernelSource.EXPERTS, "combine_experts")
        .tensors(out, x, weights)
        .ints(weights.rows(), weights.columns(), x.columns())
        .over((long) weights.rows() * x.columns());
  }

  @Override
  public boolean records() {
    return gpu.recorder().isAble();
  }

  @Override
  public @Nullable Recording record(Runnable step) {
    return gpu.recorder().record(step);
  }

  @Override
  public FusedOperations fused() {
    return fused;
  }

  @Override
  public TrainingKernels training() {
    return training;
  }

  @Override
  public void close() {
    gpu.close();
  }
}
