package jllm.tensor.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import jllm.ffi.cuda.CublasLt;
import jllm.ffi.cuda.CudaDriver;
import jllm.ffi.cuda.MissingLibraryException;
import jllm.ffi.cuda.Nvrtc;
import jllm.tensor.DType;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * An open device: its context, one stream, memory, and the kernels that are loaded. One thread at a
 * time, but not always the same.
 */
final class Gpu implements AutoCloseable {
  /** What NVIDIA recommends for matrix products on its newest devices. */
  private static final long WORKSPACE_BYTES = 32L << 20;

  /** Whose context is that of a thread. */
  private static final ThreadLocal<@Nullable Gpu> ENTERED = new ThreadLocal<>();

  /** What products are called in profiles, such as {@code cublasLt gelu_bias}. */
  private static final Map<CublasLt.Epilogue, String> NAMES =
      new EnumMap<>(CublasLt.Epilogue.class);

  static {
    for (CublasLt.Epilogue epilogue : CublasLt.Epilogue.values()) {
      String more = " " + epilogue.name().toLowerCase(Locale.ROOT);
      NAMES.put(epilogue, "cublasLt" + (epilogue == CublasLt.Epilogue.NONE ? "" : more));
    }
  }

  private final Map<String, String> environment;
  private final CudaDriver driver;
  private final CudaDevice device;
  private final int handle;
  private final long context;
  private final long stream;
  private final DevicePool pool;
  private final KernelCache cache;
  private final Map<KernelSource, KernelModule> modules = new EnumMap<>(KernelSource.class);
  private final Map<String, KernelModule> variants = new HashMap<>();
  private final Launch launch = new Launch(this);
  private final Staging staging;
  private final GraphRecorder recorder;
  private @Nullable Nvrtc compiler;
  private @Nullable CublasLt products;
  private long workspace;
  private boolean closed;

  /** Where the names of what is started are written down, if anybody asked. */
  private @Nullable List<String> started;

  /**
   * @throws DeviceUnavailableException if there is no driver or no such device
   */
  Gpu(int index, Map<String, String> environment) {
    this.environment = environment;
    this.driver = CudaDevice.driver(environment);
    this.device = CudaDevice.of(driver, index);
    device.requireSupported();
    this.handle = driver.device(index);
    this.context = driver.retainContext(handle);
    this.pool = new DevicePool(driver, device);
    this.cache = KernelCache.usual(environment);
    enter();
    this.stream = driver.newStream();
    this.staging = new Staging(driver, stream);
    this.recorder = new GraphRecorder(this, environment);
    for (KernelSource source : KernelSource.values()) {
      modules.put(source, new KernelModule(this, source));
    }
  }

  CudaDevice device() {
    return device;
  }

  /** The driver, with this device's context current. */
  CudaDriver driver() {
    enter();
    return driver;
  }

  DevicePool pool() {
    return pool;
  }

  GraphRecorder recorder() {
    return recorder;
  }

  boolean isClosed() {
    return closed;
  }

  KernelCache cache() {
    return cache;
  }

  long stream() {
    return stream;
  }

  /**
   * Opens what compiles kernels and multiplies matrices.
   *
   * @throws DeviceUnavailableException if a library is missing
   */
  void openLibraries() {
    try {
      compiler();
      products();
    } catch (MissingLibraryException e) {
      throw new DeviceUnavailableException(String.valueOf(e.getMessage()));
    }
  }

  Nvrtc compiler() {
    if (compiler == null) {
      compiler = Nvrtc.open(environment, driver.version());
    }
    return compiler;
  }

  private CublasLt products() {
    if (products == null) {
      enter();
      products = CublasLt.open(environment, driver.version());
    }
    return products;
  }

  private void enter() {
    if (ENTERED.get() != this) {
      driver.setContext(context);
      ENTERED.set(this);
    }
  }

  /** Starts the description of a launch; there is one at a time. */
  Launch kernel(KernelSource source, String name) {
    return launch.of(modules.get(source), name);
  }

  /** A kernel of a family that is compiled for one format of weights. */
  Launch kernel(KernelSource source, String name, DType type) {
    String format = Formats.name(type);
    KernelModule module =
        variants.computeIfAbsent(
            source + format,
            _ ->
                new KernelModule(
                    this, source, "-DFORMAT_NAME=" + format, "-DFORMAT_TYPE=" + type.name()));
    return launch.of(module, name + "_" + format);
  }

  /**
   * A kernel of {@link KernelSource#MATVEC}.
   *
   * @param rows that it takes, 0 = it is for experts
   */
  Launch matvec(String name, DType type, int rows) {
    String format = Formats.name(type);
    KernelModule module =
        variants.computeIfAbsent(
            KernelSource.MATVEC + format + rows,
            _ ->
                new KernelModule(
                    this,
                    KernelSource.MATVEC,
                    "-DFORMAT_NAME=" + format,
                    "-DFORMAT_TYPE=" + type.name(),
                    "-DMATVEC_ROWS=" + rows));
    return launch.of(module, name + "_" + format);
  }

  /** A kernel of a family that is compiled for one width of heads. */
  Launch kernel(KernelSource source, String name, int width) {
    KernelModule module =
        variants.computeIfAbsent(
            source + " " + width,
            _ -> new KernelModule(this, source, "-DATTENTION_WIDTH=" + width));
    return launch.of(module, name);
  }

  /** A kernel of a family that is compiled for one width of heads and types of a cache. */
  Launch kernel(KernelSource source, String name, int width, DType keys, DType values) {
    KernelModule module =
        variants.computeIfAbsent(
            source + " " + width + " " + keys + " " + values,
            _ ->
                new KernelModule(
                    this,
                    source,
                    "-DATTENTION_WIDTH=" + width,
                    "-DKEYS=" + keys,
                    "-DVALUES=" + values));
    return launch.of(module, name);
  }

  /** A kernel of a family that is compiled for types of a cache. */
  Launch kernel(KernelSource source, String name, DType keys, DType values) {
    KernelModule module =
        variants.computeIfAbsent(
            source + " " + keys + " " + values,
            _ -> new KernelModule(this, source, "-DKEYS=" + keys, "-DVALUES=" + values));
    return launch.of(module, name);
  }

  /** Writes down what is started from now on; null = no more. */
  void started(@Nullable List<String> names) {
    started = names;
  }

  /** Tells of a kernel or copy that is started. */
  void starts(String name) {
    if (started != null) {
      started.add(name);
    }
  }

  /**
   * Starts a matrix product.
   *
   * @param bias address of it, if the product has one
   * @param auxiliary address of that matrix, if the product has one
   * @return false if nothing was started, since no algorithm has the epilogue of this product
   */
  boolean multiply(CublasLt.Product product, long a, long b, long d, long bias, long auxiliary) {
    CublasLt library = products();
    if (workspace == 0) {
      workspace = pool.take(WORKSPACE_BYTES);
    }
    enter();
    if (!library.multiply(product, a, b, d, bias, auxiliary, workspace, WORKSPACE_BYTES, stream)) {
      return false;
    }
    starts(Objects.requireNonNull(NAMES.get(product.epilogue())));
    return true;
  }

  /** Memory of undefined contents; see {@link DevicePool#take}. */
  long take(long bytes) {
    enter();
    return pool.take(bytes);
  }

  /** Zeroed memory. */
  long takeZeroed(long bytes) {
    long address = take(bytes);
    starts("clear");
    driver.clear(address, bytes, stream);
    return address;
  }

  /** Gives memory back, unless the device was closed with all that it had. */
  void give(long address) {
    if (!closed) {
      pool.give(address);
    }
  }

  /** The host's memory may be changed when this returns. */
  void upload(long to, MemorySegment from, long bytes) {
    enter();
    if (bytes > 0) {
      recorder.refuse("it copies from the host");
      starts("upload");
      staging.upload(to, from, bytes);
    }
  }

  void download(MemorySegment to, long from, long bytes) {
    enter();
    recorder.refuse("it waits for a result");
    if (bytes > 0) {
      driver.copyToHost(to, from, bytes, stream);
    }
    driver.synchronize(stream);
  }

  /** Starts to copy to page-locked memory of the host. */
  void fetch(MemorySegment to, long from) {
    enter();
    recorder.refuse("it copies to the host");
    starts("fetch");
    driver.copyToHost(to, from, to.byteSize(), stream);
  }

  void copy(long to, long from, long bytes) {
    enter();
    if (bytes > 0 && to != from) {
      starts("copy");
      driver.copyOnDevice(to, from, bytes, stream);
    }
  }

  /** Waits for all that was started. */
  void synchronize() {
    enter();
    driver.synchronize(stream);
  }

  /** Bytes that are free for all programs. */
  long freeMemory() {
    enter();
    return driver.freeMemory();
  }

  /**
   * Where a tensor is; 0 for an absent one.
   *
   * @throws IllegalArgumentException if it is not on a device
   */
  static long address(@Nullable Tensor tensor) {
    if (tensor == null) {
      return 0;
    }
    if (tensor.storage() instanceof Storage.Device device) {
      return device.address();
    }
    throw new IllegalArgumentException(tensor + " is not on the CUDA device");
  }

  /** A number that is computed on the device. */
  double readDouble(long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(java.lang.foreign.ValueLayout.JAVA_DOUBLE);
      download(value, address, Double.BYTES);
      return value.get(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 0);
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    enter();
    closed = true;
    // After a failure the driver refuses all further calls: what remains is the process's end.
    try {
      driver.synchronize(stream);
      if (products != null) {
        products.close();
      }
      modules.values().forEach(KernelModule::unload);
      variants.values().forEach(KernelModule::unload);
      pool.close();
      staging.close();
      driver.destroyStream(stream);
    } finally {
      ENTERED.remove();
      launch.close();
      driver.releaseContext(handle);
    }
  }
}
