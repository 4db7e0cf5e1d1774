package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jllm.ffi.kernels.ProductKernel;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code out (+)= left right + bias} by a kernel in C, all threads at once:
 * first the left operand is brought into the kernel's order, then each thread computes a part of
 * the result. For a given number of threads the result is always the same, and each row has the
 * values that it has beside other rows.
 */
final class NativeProduct implements AutoCloseable {
  /** {@code struct gemm} of {@code gemm.h}: where its parts begin. */
  private static final long RIGHT = 32;

  private static final long OUT = 64;
  private static final long BIAS = 72;
  private static final long TARGETS = 80;
  private static final long PACKED = 88;
  private static final long ROWS = 96;
  private static final long COLUMNS = 104;
  private static final long DEPTH = 112;
  private static final long ACCUMULATE = 120;
  private static final long BYTES = 128;

  /** {@code struct gemm_operand}. */
  private static final long INDICES = 8;

  private static final long STRIDE = 16;
  private static final long TYPE = 24;
  private static final long DEEP = 28;

  /** Rows at a time: what a thread computes of them stays in its second-level cache. */
  private static final int ROW_BLOCK = 1024;

  /** Most bytes of the packed left operand, as far as strips allow. */
  private static final long PACKED_BYTES = 64L << 20;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 18;

  private final Workers workers;
  private final Workers.Task pack = this::pack;
  private final Workers.Task multiply = this::multiply;
  private final Scratch scratch = new Scratch();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment call = arena.allocate(BYTES, Long.BYTES);
  private final MemorySegment plan = arena.allocate(4L * Long.BYTES, Long.BYTES);

  private @Nullable ProductKernel kernel;
  private MemorySegment work = MemorySegment.NULL;
  private long threadsAt;
  private long threadBytes;
  private long strips;
  private long units;
  private int rowParts;

  NativeProduct(Workers workers) {
    this.workers = workers;
  }

  /** The number of a type's tiles in {@code enum gemm_type}. */
  static int tiles(DType type) {
    return switch (type) {
      case F32 -> 16;
      case F16 -> 17;
      case BF16 -> 18;
      case Q8_0 -> 19;
      case Q4_0 -> 20;
      case Q4_K -> 21;
      case Q5_K -> 22;
      case Q6_K -> 23;
      case Q4_1 -> 24;
      case Q5_0 -> 25;
      case Q5_1 -> 26;
      case Q2_K -> 27;
      case Q3_K -> 28;
      case IQ4_NL -> 29;
      case IQ4_XS -> 30;
      case F64, I32 -> throw new IllegalArgumentException("no weights are of type " + type);
    };
  }

  /** Sets the left operand: a plain matrix whose lanes are the rows of the result. */
  void left(MatrixOperand operand) {
    plain(0, operand);
  }

  /** Sets the right operand: a plain matrix whose lanes are the columns of the result. */
  void right(MatrixOperand operand) {
    plain(RIGHT, operand);
  }

  /**
   * Sets the right operand: a weight in tiles.
   *
   * @param base byte at which it begins
   */
  void right(PackedFormat format, MemorySegment weight, long base, int columns) {
    operand(RIGHT, weight.address() + base, 0, columns, tiles(format.dtype()), true);
  }

  private void plain(long at, MatrixOperand o) {
    operand(at, o.address(), o.indicesAddress(), o.columns(), o.half() ? 1 : 0, o.deepRows());
  }

  private void operand(long at, long data, long indices, long stride, int type, boolean deep) {
    call.set(JAVA_LONG, at, data);
    call.set(JAVA_LONG, at + INDICES, indices);
    call.set(JAVA_LONG, at + STRIDE, stride);
    call.set(JAVA_INT, at + TYPE, type);
    call.set(JAVA_INT, at + DEEP, deep ? 1 : 0);
  }

  /**
   * Computes {@code out[targets[n]] (+)= left[n] right + bias} with the operands set before.
   *
   * @param base byte of {@code out} at which the result begins
   * @param targets ints from byte {@code targetsAt} on, none twice; null: n itself
   */
  void run(
      ProductKernel kernel,
      MemorySegment out,
      long base,
      int rows,
      int columns,
      int depth,
      @Nullable MemorySegment bias,
      @Nullable MemorySegment targets,
      long targetsAt,
      boolean accumulate) {
    if (rows == 0 || columns == 0) {
      return;
    }
    this.kernel = kernel;
    long outAt = out.address() + base;
    long targetAt = targets == null ? 0 : targets.address() + targetsAt;
    call.set(JAVA_LONG, BIAS, bias == null ? 0 : bias.address());
    call.set(JAVA_LONG, COLUMNS, columns);
    call.set(JAVA_LONG, DEPTH, depth);
    call.set(JAVA_LONG, ACCUMULATE, accumulate ? 1 : 0);
    long leftAt = call.get(JAVA_LONG, 0);
    long indicesAt = call.get(JAVA_LONG, INDICES);
    int blocks = Math.max(ceil(rows, ROW_BLOCK), ceil(4L * rows * depth, PACKED_BYTES));
    for (int block = 0; block < blocks; block++) {
      int first = Workers.share(rows, block, blocks);
      moveLeft(leftAt, indicesAt, first);
      call.set(JAVA_LONG, OUT, targets == null ? outAt + 4L * first * columns : outAt);
      call.set(JAVA_LONG, TARGETS, targets == null ? 0 : targetAt + 4L * first);
      runBlock(Workers.share(rows, block + 1, blocks) - first, columns, depth);
    }
  }

  /** Makes row {@code first} of the product the first one. */
  private void moveLeft(long leftAt, long indicesAt, int first) {
    boolean deep = call.get(JAVA_INT, DEEP) != 0;
    long size = call.get(JAVA_INT, TYPE) == 0 ? 4 : 2;
    if (deep && indicesAt != 0) {
      call.set(JAVA_LONG, INDICES, indicesAt + 4L * first);
    } else {
      long step = deep ? call.get(JAVA_LONG, STRIDE) : 1;
      call.set(JAVA_LONG, 0, leftAt + size * step * first);
    }
  }

  private void runBlock(int rows, int columns, int depth) {
    ProductKernel kernel = kernel();
    kernel.plan(rows, depth, call.get(JAVA_INT, RIGHT + TYPE), plan);
    strips = ceil(rows, plan.getAtIndex(JAVA_LONG, 0));
    units = ceil(columns, plan.getAtIndex(JAVA_LONG, 1));
    threadsAt = Scratch.align(plan.getAtIndex(JAVA_LONG, 2));
    threadBytes = Scratch.align(plan.getAtIndex(JAVA_LONG, 3));
    int parts = (long) rows * columns * depth < SMALL ? 1 : workers.count();
    rowParts = rowParts(parts);
    work = scratch.reserve(threadsAt + parts * threadBytes);
    call.set(JAVA_LONG, PACKED, work.address());
    call.set(JAVA_LONG, ROWS, rows);
    if (parts == 1) {
      pack.run(0, 1);
      multiply.run(0, 1);
    } else {
      workers.run(pack);
      workers.run(multiply);
    }
  }

  /**
   * Into how many parts the rows are split; the remaining factor of {@code parts} splits the
   * columns. Split rows make several threads unpack the same columns, which costs about as much as
   * a strip.
   */
  private int rowParts(int parts) {
    int best = 1;
    long bestCost = Long.MAX_VALUE;
    for (int candidate = 1; candidate <= parts; candidate++) {
      long cost = ceil(units, parts / candidate) * (ceil(strips, candidate) + 1L);
      if (cost < bestCost) {
        bestCost = cost;
        best = candidate;
      }
    }
    return best;
  }

  private static int ceil(long a, long b) {
    return Math.toIntExact((a + b - 1) / b);
  }

  private ProductKernel kernel() {
    ProductKernel kernel = this.kernel;
    if (kernel == null) {
      throw new IllegalStateException("no operands");
    }
    return kernel;
  }

  private void pack(int part, int parts) {
    int count = (int) strips;
    kernel().pack(call, Workers.share(count, part, parts), Workers.share(count, part + 1, parts));
  }

  private void multiply(int part, int parts) {
    int columnParts = parts / rowParts;
    int column = part / rowParts;
    if (column >= columnParts) {
      return; // More threads than parts that fit.
    }
    int row = part % rowParts;
    kernel()
        .multiply(
            call,
            Workers.share((int) strips, row, rowParts),
            Workers.share((int) strips, row + 1, rowParts),
            Workers.share((int) units, column, columnParts),
            Workers.share((int) units, column + 1, columnParts),
            work.asSlice(threadsAt + part * threadBytes, threadBytes));
  }

  @Override
  public void close() {
    scratch.close();
    arena.close();
  }
}
