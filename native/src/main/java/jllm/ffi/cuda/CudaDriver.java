package jllm.ffi.cuda;

import static jllm.ffi.cuda.Symbols.call;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The CUDA driver API (NVIDIA's "CUDA Driver API" reference). Handles and device addresses are
 * numbers. Every call that does not return success throws {@link CudaException}.
 */
public final class CudaDriver {
  /** {@code CUDA_ERROR_OUT_OF_MEMORY}. */
  public static final int OUT_OF_MEMORY = 2;

  private static final int SUCCESS = 0;

  /** {@code CU_STREAM_NON_BLOCKING}. */
  private static final int NON_BLOCKING = 1;

  /** {@code CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES}. */
  private static final int DYNAMIC_SHARED_BYTES = 8;

  private static final int NAME_BYTES = 256;

  private final Functions functions;
  private final String path;
  private final @Nullable CudaGraphs graphs;

  private CudaDriver(NativeLibrary library) {
    this.functions = Symbols.bind(Functions.class, library, MethodHandles.lookup());
    this.path = library.path();
    this.graphs = CudaGraphs.of(library, this);
  }

  /**
   * Loads the driver's library and starts it.
   *
   * @throws MissingLibraryException if it is not there
   * @throws CudaException if it does not start: there is no device, or it does not fit the kernel
   */
  public static CudaDriver open(Map<String, String> environment) {
    CudaDriver driver =
        new CudaDriver(
            NativeLibrary.load(
                "NVIDIA driver", List.of("libcuda.so.1", "libcuda.so"), false, environment));
    driver.check("cuInit", call(() -> (int) driver.functions.init.invokeExact(0)));
    return driver;
  }

  /** Where the library was found. */
  public String path() {
    return path;
  }

  /** Its graphs; null if it has none. */
  public @Nullable CudaGraphs graphs() {
    return graphs;
  }

  /** The newest CUDA version that the driver knows: 1000 * major + 10 * minor. */
  public int version() {
    return intFrom("cuDriverGetVersion", out -> (int) functions.version.invokeExact(out));
  }

  public int deviceCount() {
    return intFrom("cuDeviceGetCount", out -> (int) functions.deviceCount.invokeExact(out));
  }

  /** The handle of device {@code index}. */
  public int device(int index) {
    return intFrom("cuDeviceGet", out -> (int) functions.device.invokeExact(out, index));
  }

  public String deviceName(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(NAME_BYTES);
      check(
          "cuDeviceGetName",
          call(() -> (int) functions.deviceName.invokeExact(name, NAME_BYTES, device)));
      return name.getString(0);
    }
  }

  /** Bytes of memory. */
  public long totalMemory(int device) {
    return longFrom(
        "cuDeviceTotalMem", out -> (int) functions.totalMemory.invokeExact(out, device));
  }

  /**
   * @param attribute a {@code CUdevice_attribute}
   */
  public int attribute(int attribute, int device) {
    return intFrom(
        "cuDeviceGetAttribute",
        out -> (int) functions.attribute.invokeExact(out, attribute, device));
  }

  public long retainContext(int device) {
    return longFrom(
        "cuDevicePrimaryCtxRetain", out -> (int) functions.retainContext.invokeExact(out, device));
  }

  public void releaseContext(int device) {
    check(
        "cuDevicePrimaryCtxRelease",
        call(() -> (int) functions.releaseContext.invokeExact(device)));
  }

  /** Makes a context that of the calling thread. */
  public void setContext(long context) {
    check("cuCtxSetCurrent", call(() -> (int) functions.setContext.invokeExact(context)));
  }

  public long newStream() {
    return longFrom(
        "cuStreamCreate", out -> (int) functions.newStream.invokeExact(out, NON_BLOCKING));
  }

  public void destroyStream(long stream) {
    check("cuStreamDestroy", call(() -> (int) functions.destroyStream.invokeExact(stream)));
  }

  /** Waits until all is done that was given to the stream. */
  public void synchronize(long stream) {
    check("cuStreamSynchronize", call(() -> (int) functions.synchronize.invokeExact(stream)));
  }

  /** Waits until all is done that was given to any stream of the current context. */
  public void synchronizeContext() {
    check("cuCtxSynchronize", call(() -> (int) functions.synchronizeContext.invokeExact()));
  }

  /**
   * Device memory, its contents undefined, aligned to at least 256 bytes.
   *
   * @throws CudaException with {@link #OUT_OF_MEMORY} if there is none
   */
  public long allocate(long bytes) {
    return longFrom("cuMemAlloc", out -> (int) functions.allocate.invokeExact(out, bytes));
  }

  public void free(long address) {
    check("cuMemFree", call(() -> (int) functions.free.invokeExact(address)));
  }

  /** Bytes of the current context's device that are free. */
  public long freeMemory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment both = arena.allocate(16, 8);
      MemorySegment total = both.asSlice(8);
      check("cuMemGetInfo", call(() -> (int) functions.memoryInfo.invokeExact(both, total)));
      return both.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /** Page-locked host memory, its contents undefined; the device reads it by itself. */
  public MemorySegment allocateHost(long bytes) {
    long address =
        longFrom("cuMemAllocHost", out -> (int) functions.allocateHost.invokeExact(out, bytes));
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  public void freeHost(MemorySegment memory) {
    check("cuMemFreeHost", call(() -> (int) functions.freeHost.invokeExact(memory)));
  }

  /**
   * The host's memory must not be changed before {@link #synchronize}: page-locked memory is read
   * later, and so may be any other where devices see the host's page tables.
   */
  public void copyToDevice(long to, MemorySegment from, long bytes, long stream) {
    check(
        "cuMemcpyHtoDAsync",
        call(() -> (int) functions.copyToDevice.invokeExact(to, from, bytes, stream)));
  }

  /** What was copied can be read after {@link #synchronize}. */
  public void copyToHost(MemorySegment to, long from, long bytes, long stream) {
    check(
        "cuMemcpyDtoHAsync",
        call(() -> (int) functions.copyToHost.invokeExact(to, from, bytes, stream)));
  }

  public void copyOnDevice(long to, long from, long bytes, long stream) {
    check(
        "cuMemcpyDtoDAsync",
        call(() -> (int) functions.copyOnDevice.invokeExact(to, from, bytes, stream)));
  }

  /** Sets bytes to zero. */
  public void clear(long address, long bytes, long stream) {
    check(
        "cuMemsetD8Async",
        call(() -> (int) functions.setBytes.invokeExact(address, 0, bytes, stream)));
  }

  /**
   * @param image of compiled kernels
   */
  public long loadModule(byte[] image) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(image.length, 64);
      MemorySegment.copy(MemorySegment.ofArray(image), 0, copy, 0, image.length);
      return longFrom("cuModuleLoadData", out -> (int) functions.loadModule.invokeExact(out, copy));
    }
  }

  public void unloadModule(long module) {
    check("cuModuleUnload", call(() -> (int) functions.unloadModule.invokeExact(module)));
  }

  public long function(long module, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment string = arena.allocateFrom(name);
      return longFrom(
          "cuModuleGetFunction of " + name,
          out -> (int) functions.function.invokeExact(out, module, string));
    }
  }

  /** Lets a kernel be launched with more than 48 KiB of dynamic shared memory. */
  public void allowSharedMemory(long function, int bytes) {
    check(
        "cuFuncSetAttribute",
        call(() ->
            (int)
                functions.setFunctionAttribute.invokeExact(function, DYNAMIC_SHARED_BYTES, bytes)));
  }

  /**
   * Starts a kernel.
   *
   * @param shared bytes of dynamic shared memory
   * @param arguments the addresses of the arguments; both may be changed when this returns
   */
  public void launch(
      long function, int[] grid, int[] block, int shared, long stream, MemorySegment arguments) {
    check(
        "cuLaunchKernel",
        call(() ->
            (int)
                functions.launch.invokeExact(
                    function,
                    grid[0],
                    grid[1],
                    grid[2],
                    block[0],
                    block[1],
                    block[2],
                    shared,
                    stream,
                    arguments,
                    MemorySegment.NULL)));
  }

  public long newEvent() {
    return longFrom("cuEventCreate", out -> (int) functions.newEvent.invokeExact(out, 0));
  }

  public void recordEvent(long event, long stream) {
    check("cuEventRecord", call(() -> (int) functions.recordEvent.invokeExact(event, stream)));
  }

  public void awaitEvent(long event) {
    check("cuEventSynchronize", call(() -> (int) functions.awaitEvent.invokeExact(event)));
  }

  /** Milliseconds between two events that have happened. */
  public float elapsed(long from, long to) {
    int bits =
        intFrom("cuEventElapsedTime", out -> (int) functions.elapsed.invokeExact(out, from, to));
    return Float.intBitsToFloat(bits);
  }

  public void destroyEvent(long event) {
    check("cuEventDestroy", call(() -> (int) functions.destroyEvent.invokeExact(event)));
  }

  /** A function that writes through its argument. */
  interface Out {
    int run(MemorySegment out) throws Throwable;
  }

  private int intFrom(String name, Out function) {
    return (int) longFrom(name, function);
  }

  /** The result that a function writes through its first argument. */
  long longFrom(String name, Out function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check(name, call(() -> function.run(out)));
      return out.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  void check(String function, int code) {
    if (code != SUCCESS) {
      String name = error(functions.errorName, code, "error " + code);
      String text = error(functions.errorText, code, "");
      throw new CudaException(function, code, text.isEmpty() ? name : name + " (" + text + ")");
    }
  }

  private static String error(MethodHandle function, int code, String otherwise) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      int found = call(() -> (int) function.invokeExact(code, out));
      return found == SUCCESS
          ? Symbols.text(out.get(ValueLayout.ADDRESS, 0), otherwise)
          : otherwise;
    }
  }

  private record Functions(
      @Symbol(value = "cuInit", takes = int.class) MethodHandle init,
      @Symbol(value = "cuDriverGetVersion", takes = MemorySegment.class) MethodHandle version,
      @Symbol(value = "cuDeviceGetCount", takes = MemorySegment.class) MethodHandle deviceCount,
      @Symbol(
              value = "cuDeviceGet",
              takes = {MemorySegment.class, int.class})
          MethodHandle device,
      @Symbol(
              value = "cuDeviceGetName",
              takes = {MemorySegment.class, int.class, int.class})
          MethodHandle deviceName,
      @Symbol(
              value = "cuDeviceTotalMem_v2",
              takes = {MemorySegment.class, int.class})
          MethodHandle totalMemory,
      @Symbol(
              value = "cuDeviceGetAttribute",
              takes = {MemorySegment.class, int.class, int.class})
          MethodHandle attribute,
      @Symbol(
              value = "cuDevicePrimaryCtxRetain",
              takes = {MemorySegment.class, int.class})
          MethodHandle retainContext,
      @Symbol(value = "cuDevicePrimaryCtxRelease_v2", takes = int.class)
          MethodHandle releaseContext,
      @Symbol(value = "cuCtxSetCurrent", takes = long.class) MethodHandle setContext,
      @Symbol(value = "cuCtxSynchronize") MethodHandle synchronizeContext,
      @Symbol(
              value = "cuStreamCreate",
              takes = {MemorySegment.class, int.class})
          MethodHandle newStream,
      @Symbol(value = "cuStreamDestroy_v2", takes = long.class) MethodHandle destroyStream,
      @Symbol(value = "cuStreamSynchronize", takes = long.class) MethodHandle synchronize,
      @Symbol(
              value = "cuMemAlloc_v2",
              takes = {MemorySegment.class, long.class})
          MethodHandle allocate,
      @Symbol(value = "cuMemFree_v2", takes = long.class) MethodHandle free,
      @Symbol(
              value = "cuMemGetInfo_v2",
              takes = {MemorySegment.class, MemorySegment.class})
          MethodHandle memoryInfo,
      @Symbol(
              value = "cuMemAllocHost_v2",
              takes = {MemorySegment.class, long.class})
          MethodHandle allocateHost,
      @Symbol(value = "cuMemFreeHost", takes = MemorySegment.class) MethodHandle freeHost,
      @Symbol(
              value = "cuMemcpyHtoDAsync_v2",
              takes = {long.class, MemorySegment.class, long.class, long.class})
          MethodHandle copyToDevice,
      @Symbol(
              value = "cuMemcpyDtoHAsync_v2",
              takes = {MemorySegment.class, long.class, long.class, long.class})
          MethodHandle copyToHost,
      @Symbol(
              value = "cuMemcpyDtoDAsync_v2",
              takes = {long.class, long.class, long.class, long.class})
          MethodHandle copyOnDevice,
      @Symbol(
              value = "cuMemsetD8Async",
              takes = {long.class, int.class, long.class, long.class})
          MethodHandle setBytes,
      @Symbol(
              value = "cuModuleLoadData",
              takes = {MemorySegment.class, MemorySegment.class})
          MethodHandle loadModule,
      @Symbol(value = "cuModuleUnload", takes = long.class) MethodHandle unloadModule,
      @Symbol(
              value = "cuModuleGetFunction",
              takes = {MemorySegment.class, long.class, MemorySegment.class})
          MethodHandle function,
      @Symbol(
              value = "cuFuncSetAttribute",
              takes = {long.class, int.class, int.class})
          MethodHandle setFunctionAttribute,
      @Symbol(
              value = "cuLaunchKernel",
              takes = {
                long.class,
                int.class,
                int.class,
                int.class,
                int.class,
                int.class,
                int.class,
                int.class,
                long.class,
                MemorySegment.class,
                MemorySegment.class
              })
          MethodHandle launch,
      @Symbol(
              value = "cuEventCreate",
              takes = {MemorySegment.class, int.class})
          MethodHandle newEvent,
      @Symbol(
              value = "cuEventRecord",
              takes = {long.class, long.class})
          MethodHandle recordEvent,
      @Symbol(value = "cuEventSynchronize", takes = long.class) MethodHandle awaitEvent,
      @Symbol(
              value = "cuEventElapsedTime",
              takes = {MemorySegment.class, long.class, long.class})
          MethodHandle elapsed,
      @Symbol(value = "cuEventDestroy_v2", takes = long.class) MethodHandle destroyEvent,
      @Symbol(
              value = "cuGetErrorName",
              takes = {int.class, MemorySegment.class})
          MethodHandle errorName,
      @Symbol(
              value = "cuGetErrorString",
              takes = {int.class, MemorySegment.class})
          MethodHandle errorText) {}
}
