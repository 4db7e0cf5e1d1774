package jllm.tensor.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The arguments and the geometry of a launch; used again for each. */
final class Launch implements AutoCloseable {
  private static final int MOST_ARGUMENTS = 32;
  private static final int ELEMENT_THREADS = 256;

  /** Elements for each block of an element-wise kernel, which walks on by the whole grid. */
  private static final int ELEMENTS = 1024;

  private static final int MOST_BLOCKS = 65_535 * 16;
  private static final int NARROW_ROW = 512;
  private static final int WIDE_ROW = 2048;
  private static final int LONG_ROW = 8192;

  private final Gpu gpu;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment values = arena.allocate(ValueLayout.JAVA_LONG, MOST_ARGUMENTS);
  private final MemorySegment addresses = arena.allocate(ValueLayout.ADDRESS, MOST_ARGUMENTS);
  private final int[] grid = new int[3];
  private final int[] block = {1, 1, 1};
  private @Nullable KernelModule module;
  private String name = "";
  private int count;

  Launch(Gpu gpu) {
    this.gpu = gpu;
    for (int i = 0; i < MOST_ARGUMENTS; i++) {
      addresses.setAtIndex(
          ValueLayout.ADDRESS, i, values.asSlice((long) i * Long.BYTES, Long.BYTES));
    }
  }

  Launch of(@Nullable KernelModule kernels, String kernel) {
    module = kernels;
    name = kernel;
    count = 0;
    return this;
  }

  /** The addresses of tensors; null where one is absent. */
  Launch tensors(@Nullable Tensor... tensors) {
    for (Tensor tensor : tensors) {
      longs(Gpu.address(tensor));
    }
    return this;
  }

  /** Addresses, or 64-bit numbers. */
  Launch longs(long... numbers) {
    for (long number : numbers) {
      values.setAtIndex(ValueLayout.JAVA_LONG, count++, number);
    }
    return this;
  }

  Launch ints(int... numbers) {
    for (int number : numbers) {
      values.set(ValueLayout.JAVA_INT, (long) count++ * Long.BYTES, number);
    }
    return this;
  }

  Launch floats(float... numbers) {
    for (float number : numbers) {
      values.set(ValueLayout.JAVA_FLOAT, (long) count++ * Long.BYTES, number);
    }
    return this;
  }

  /** Starts an element-wise kernel, whose last argument becomes the number of elements. */
  void eachOf(long elements) {
    longs(elements);
    over(elements);
  }

  /** Starts a kernel that walks over so many elements with whatever grid. */
  void over(long elements) {
    long blocks = Math.min((elements + ELEMENTS - 1) / ELEMENTS, MOST_BLOCKS);
    if (elements > 0) {
      start((int) blocks, 1, 1, ELEMENT_THREADS);
    }
  }

  /** Starts a kernel with a block for each row of so many columns. */
  void eachRow(int rows, int columns) {
    eachRow(rows, columns, 0);
  }

  /**
   * The same.
   *
   * @param shared bytes of dynamic shared memory
   */
  void eachRow(int rows, int columns, int shared) {
    int threads = columns <= NARROW_ROW ? 128 : columns <= WIDE_ROW ? 256 : 512;
    start(rows, 1, 1, columns > LONG_ROW ? 1024 : threads, 1, shared);
  }

  void start(int x, int y, int z, int threads) {
    start(x, y, z, threads, 1, 0);
  }

  /**
   * Starts the kernel on a grid of x * y * z blocks; nothing if one is 0.
   *
   * @param shared bytes of dynamic shared memory
   */
  void start(int x, int y, int z, int threads, int threadsY, int shared) {
    if (module == null || x == 0 || y == 0 || z == 0) {
      return;
    }
    grid[0] = x;
    grid[1] = y;
    grid[2] = z;
    block[0] = threads;
    block[1] = threadsY;
    long function = module.function(name, shared);
    gpu.starts(name);
    gpu.driver().launch(function, grid, block, shared, gpu.stream(), addresses);
  }

  @Override
  public void close() {
    arena.close();
  }
}
