package jllm.tensor.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.ffi.cuda.CudaDriver;
import jllm.ffi.cuda.CudaException;
import org.jspecify.annotations.Nullable;

/** One family of kernels on the device, compiled and loaded when the first one is asked for. */
final class KernelModule {
  /** More dynamic shared memory than this is to be asked for. */
  private static final int USUAL_SHARED_BYTES = 48 << 10;

  private final Gpu gpu;
  private final KernelSource source;
  private final List<String> defines;
  private final Map<String, Function> functions = new HashMap<>();
  private long module;

  /**
   * A kernel.
   *
   * @param shared bytes of dynamic shared memory that it may be started with
   */
  private record Function(long handle, int shared) {}

  /**
   * @param defines macros, such as {@code -DATTENTION_WIDTH=64}
   */
  KernelModule(Gpu gpu, KernelSource source, String... defines) {
    this.gpu = gpu;
    this.source = source;
    this.defines = List.of(defines);
  }

  /**
   * The handle of a kernel.
   *
   * @param shared bytes of dynamic shared memory that it is started with
   */
  long function(String name, int shared) {
    Function known = functions.get(name);
    if (known != null && shared <= known.shared) {
      return known.handle;
    }
    if (module == 0) {
      module = load();
    }
    CudaDriver driver = gpu.driver();
    long handle = known == null ? driver.function(module, name) : known.handle;
    if (shared > USUAL_SHARED_BYTES) {
      driver.allowSharedMemory(handle, shared);
    }
    functions.put(name, new Function(handle, Math.max(shared, USUAL_SHARED_BYTES)));
    return handle;
  }

  private long load() {
    String text = source.text();
    List<String> options = new ArrayList<>();
    String architecture = gpu.device().architecture(gpu.compiler().architectures());
    options.add("--gpu-architecture=" + architecture);
    options.add("--std=c++17");
    options.addAll(defines);
    KernelCache cache = gpu.cache();
    String key = KernelCache.key(text, options, gpu.device());
    byte @Nullable [] known = cache.find(key);
    if (known != null) {
      try {
        return gpu.driver().loadModule(known);
      } catch (CudaException e) {
        // Damaged, or of another program: it is made again.
      }
    }
    String name = source.name().toLowerCase(java.util.Locale.ROOT) + ".cu";
    return gpu.driver()
        .loadModule(
            cache.put(
                key,
                () ->
                    gpu.compiler()
                        .compile(text, name, options, architecture.startsWith(CudaDevice.REAL))));
  }

  void unload() {
    if (module != 0) {
      gpu.driver().unloadModule(module);
    }
  }
}
