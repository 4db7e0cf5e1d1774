package jllm.ffi.cuda;

import static jllm.ffi.cuda.Symbols.call;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/**
 * Graphs of the CUDA driver API (NVIDIA's "CUDA Driver API" reference, sections Stream Management
 * and Graph Management): what is given to a stream is written down instead of done, and can be done
 * any number of times by one call.
 */
public final class CudaGraphs {
  /**
   * {@code CU_STREAM_CAPTURE_MODE_THREAD_LOCAL}: what could wait for the device, such as
   * allocating, fails on this thread and ends the capture; other threads are not concerned.
   */
  private static final int THREAD_LOCAL = 1;

  private final Functions functions;
  private final CudaDriver driver;

  private CudaGraphs(Functions functions, CudaDriver driver) {
    this.functions = functions;
    this.driver = driver;
  }

  /** Null if the driver's library lacks one of the functions. */
  static @Nullable CudaGraphs of(NativeLibrary library, CudaDriver driver) {
    try {
      return new CudaGraphs(Symbols.bind(Functions.class, library, MethodHandles.lookup()), driver);
    } catch (MissingLibraryException e) {
      return null;
    }
  }

  /** Writes down what this thread gives to the stream from now on. */
  public void begin(long stream) {
    driver.check(
        "cuStreamBeginCapture",
        call(() -> (int) functions.begin.invokeExact(stream, THREAD_LOCAL)));
  }

  /**
   * Ends what {@link #begin} began.
   *
   * @return a graph
   * @throws CudaException if something was done meanwhile that cannot be written down
   */
  public long end(long stream) {
    return driver.longFrom(
        "cuStreamEndCapture", out -> (int) functions.end.invokeExact(stream, out));
  }

  /** Makes a graph ready to be launched; the graph may be destroyed afterwards. */
  public long instantiate(long graph) {
    return driver.longFrom(
        "cuGraphInstantiate", out -> (int) functions.instantiate.invokeExact(out, graph, 0L));
  }

  public void launch(long executable, long stream) {
    driver.check(
        "cuGraphLaunch", call(() -> (int) functions.launch.invokeExact(executable, stream)));
  }

  public void destroyExecutable(long executable) {
    driver.check(
        "cuGraphExecDestroy",
        call(() -> (int) functions.destroyExecutable.invokeExact(executable)));
  }

  public void destroy(long graph) {
    driver.check("cuGraphDestroy", call(() -> (int) functions.destroy.invokeExact(graph)));
  }

  private record Functions(
      @Symbol(
              value = "cuStreamBeginCapture_v2",
              takes = {long.class, int.class})
          MethodHandle begin,
      @Symbol(
              value = "cuStreamEndCapture",
              takes = {long.class, MemorySegment.class})
          MethodHandle end,
      @Symbol(
              value = "cuGraphInstantiateWithFlags",
              takes = {MemorySegment.class, long.class, long.class})
          MethodHandle instantiate,
      @Symbol(
              value = "cuGraphLaunch",
              takes = {long.class, long.class})
          MethodHandle launch,
      @Symbol(value = "cuGraphExecDestroy", takes = long.class) MethodHandle destroyExecutable,
      @Symbol(value = "cuGraphDestroy", takes = long.class) MethodHandle destroy) {}
}
