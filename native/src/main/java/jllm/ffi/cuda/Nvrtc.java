package jllm.ffi.cuda;

import static jllm.ffi.cuda.Symbols.call;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The compiler that turns the source of kernels into code for a device (NVIDIA's "NVRTC"). */
public final class Nvrtc {
  private static final int SUCCESS = 0;

  private final Functions functions;

  private Nvrtc(NativeLibrary library) {
    this.functions = Symbols.bind(Functions.class, library, MethodHandles.lookup());
  }

  /**
   * @param driver the newest CUDA version that the driver knows
   * @throws MissingLibraryException if the library is not there
   */
  public static Nvrtc open(Map<String, String> environment, int driver) {
    return new Nvrtc(
        NativeLibrary.load(
            "CUDA compiler", NativeLibrary.versions("libnvrtc.so", driver), true, environment));
  }

  /** The compute capabilities that code is made for, such as 90 for 9.0, in rising order. */
  public int[] architectures() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      check(
          "nvrtcGetNumSupportedArchs",
          call(() -> (int) functions.architectureCount.invokeExact(count)));
      int known = count.get(ValueLayout.JAVA_INT, 0);
      MemorySegment all = arena.allocate(ValueLayout.JAVA_INT, Math.max(1, known));
      check("nvrtcGetSupportedArchs", call(() -> (int) functions.architectures.invokeExact(all)));
      int[] result = all.asSlice(0, (long) known * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
      Arrays.sort(result);
      return result;
    }
  }

  /** Such as {@code 13.0}. */
  public String version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment major = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment minor = arena.allocate(ValueLayout.JAVA_INT);
      check("nvrtcVersion", call(() -> (int) functions.version.invokeExact(major, minor)));
      return major.get(ValueLayout.JAVA_INT, 0) + "." + minor.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /**
   * Compiles kernels.
   *
   * @param name of the source, for messages
   * @param real whether the options name a device's architecture ({@code sm_90}), and not a virtual
   *     one ({@code compute_90}), whose code the driver translates
   * @return what {@link CudaDriver#loadModule} takes
   * @throws CudaException with the compiler's own messages
   */
  public byte[] compile(String source, String name, List<String> options, boolean real) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(source);
      MemorySegment label = arena.allocateFrom(name);
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check(
          "nvrtcCreateProgram",
          call(() ->
              (int)
                  functions.create.invokeExact(
                      out, text, label, 0, MemorySegment.NULL, MemorySegment.NULL)));
      long program = out.get(ValueLayout.JAVA_LONG, 0);
      try {
        compile(program, name, options, arena);
        return real
            ? code(program, functions.codeSize, functions.code, arena)
            : code(program, functions.virtualCodeSize, functions.virtualCode, arena);
      } finally {
        check("nvrtcDestroyProgram", call(() -> (int) functions.destroy.invokeExact(out)));
      }
    }
  }

  private void compile(long program, String name, List<String> options, Arena arena) {
    MemorySegment strings = arena.allocate(ValueLayout.ADDRESS, Math.max(1, options.size()));
    for (int i = 0; i < options.size(); i++) {
      strings.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(options.get(i)));
    }
    int code = call(() -> (int) functions.compile.invokeExact(program, options.size(), strings));
    if (code != SUCCESS) {
      throw new CudaException(
          "nvrtcCompileProgram", code, error(code) + " in " + name + "\n" + log(program, arena));
    }
  }

  private String log(long program, Arena arena) {
    MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
    check("nvrtcGetProgramLogSize", call(() -> (int) functions.logSize.invokeExact(program, size)));
    MemorySegment log = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0) + 1);
    check("nvrtcGetProgramLog", call(() -> (int) functions.log.invokeExact(program, log)));
    return log.getString(0);
  }

  private byte[] code(long program, MethodHandle sizeOf, MethodHandle codeOf, Arena arena) {
    MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
    check("nvrtcGetCUBINSize", call(() -> (int) sizeOf.invokeExact(program, size)));
    MemorySegment code = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
    check("nvrtcGetCUBIN", call(() -> (int) codeOf.invokeExact(program, code)));
    return code.toArray(ValueLayout.JAVA_BYTE);
  }

  private void check(String function, int code) {
    if (code != SUCCESS) {
      throw new CudaException(function, code, error(code));
    }
  }

  private String error(int code) {
    return Symbols.text(
        call(() -> (MemorySegment) functions.errorText.invokeExact(code)), "error " + code);
  }

  private record Functions(
      @Symbol(
              value = "nvrtcVersion",
              takes = {MemorySegment.class, MemorySegment.class})
          MethodHandle version,
      @Symbol(
              value = "nvrtcCreateProgram",
              takes = {
                MemorySegment.class,
                MemorySegment.class,
                MemorySegment.class,
                int.class,
                MemorySegment.class,
                MemorySegment.class
              })
          MethodHandle create,
      @Symbol(
              value = "nvrtcCompileProgram",
              takes = {long.class, int.class, MemorySegment.class})
          MethodHandle compile,
      @Symbol(value = "nvrtcGetNumSupportedArchs", takes = MemorySegment.class)
          MethodHandle architectureCount,
      @Symbol(value = "nvrtcGetSupportedArchs", takes = MemorySegment.class)
          MethodHandle architectures,
      @Symbol(
              value = "nvrtcGetCUBINSize",
              takes = {long.class, MemorySegment.class})
          MethodHandle codeSize,
      @Symbol(
              value = "nvrtcGetCUBIN",
              takes = {long.class, MemorySegment.class})
          MethodHandle code,
      @Symbol(
              value = "nvrtcGetPTXSize",
              takes = {long.class, MemorySegment.class})
          MethodHandle virtualCodeSize,
      @Symbol(
              value = "nvrtcGetPTX",
              takes = {long.class, MemorySegment.class})
          MethodHandle virtualCode,
      @Symbol(
              value = "nvrtcGetProgramLogSize",
              takes = {long.class, MemorySegment.class})
          MethodHandle logSize,
      @Symbol(
              value = "nvrtcGetProgramLog",
              takes = {long.class, MemorySegment.class})
          MethodHandle log,
      @Symbol(value = "nvrtcDestroyProgram", takes = MemorySegment.class) MethodHandle destroy,
      @Symbol(value = "nvrtcGetErrorString", returns = MemorySegment.class, takes = int.class)
          MethodHandle errorText) {}
}
