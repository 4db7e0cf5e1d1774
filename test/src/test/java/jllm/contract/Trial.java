package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;
import jllm.tensor.scalar.ScalarBackend;
import org.jspecify.annotations.Nullable;
import org.opentest4j.AssertionFailedError;

/**
 * One operation on one set of operands, done by the oracle and by the backend under test. Inputs
 * are exact in float32, so both compute with the same numbers.
 */
final class Trial implements AutoCloseable {
  /** Set the system property to see whether a failure is one of luck. */
  private static final long SEED = Long.getLong("jllm.contract.seed", 20_240_229);

  /** Which of the two tensors of an operand a side works on. */
  interface Side {
    @Nullable Tensor optional(@Nullable Operand operand);

    default Tensor of(Operand operand) {
      return Objects.requireNonNull(optional(operand));
    }
  }

  /** The operation; called once for each side. */
  interface Call {
    void on(Backend backend, Side side);
  }

  private final Backend tested;
  private final ScalarBackend oracle = new ScalarBackend(DType.F64);
  private final Arena arena = Arena.ofShared();
  private final List<Arena> files = new ArrayList<>();
  private final Memory memory;
  private final String description;
  private final SplittableRandom random;

  /**
   * @param description of the operation with all its sizes; it also chooses the random numbers
   */
  Trial(Backend tested, String description) {
    this.tested = tested;
    this.memory = tested.memory();
    this.description = description;
    this.random = new SplittableRandom(SEED ^ description.hashCode());
  }

  /** For drawing further parameters. */
  SplittableRandom random() {
    return random;
  }

  /** Normally distributed activations. */
  Operand normal(int rows, int columns, double sigma) {
    Operand operand = activations(rows, columns);
    for (long i = 0; i < (long) rows * columns; i++) {
      operand.set(i, (float) (random.nextGaussian() * sigma));
    }
    return operand;
  }

  /** Activations with the values given, repeated as often as needed. */
  Operand values(int rows, int columns, double... values) {
    Operand operand = activations(rows, columns);
    for (int i = 0; i < rows * columns; i++) {
      operand.set(i, (float) values[i % values.length]);
    }
    return operand;
  }

  /** An output, filled with NaN. */
  Operand out(int rows, int columns) {
    return activations(rows, columns).asResult();
  }

  /** A derivative: to be added to, or filled with NaN. */
  Operand derivative(int rows, int columns, boolean add) {
    return add ? normal(rows, columns, 1).asResult() : out(rows, columns);
  }

  Operand indices(int rows, int... values) {
    Operand operand = guarded(DType.I32, DType.I32, Shape.of(rows, values.length / rows));
    for (int i = 0; i < values.length; i++) {
      operand.set(i, values[i]);
    }
    return operand;
  }

  /** An output of indices, filled with -1. */
  Operand indicesOut(int rows, int columns) {
    return guarded(DType.I32, DType.I32, Shape.of(rows, columns)).asResult();
  }

  /** Numbers in double precision on both sides, whatever activations are. */
  Operand doubles(double... values) {
    Operand operand = guarded(DType.F64, DType.F64, Shape.of(values.length));
    for (int i = 0; i < values.length; i++) {
      operand.set(i, values[i]);
    }
    return operand;
  }

  private Operand activations(int rows, int columns) {
    return guarded(DType.F64, tested.activationType(), Shape.of(rows, columns));
  }

  private Operand guarded(DType exactType, DType testedType, Shape shape) {
    // A view of the last row, or of a cache, need not begin at a cache line.
    int unit = testedType.isQuantized() ? 2 : testedType.blockBytes();
    int shift = random.nextInt(4) == 0 ? unit * random.nextInt(1, 7) : 0;
    return Operand.guarded(arena, exactType, testedType, shape, shift);
  }

  /** A random weight, adopted by the backend under test. */
  Operand weight(DType type, WeightUse use, int... dims) {
    return weights(type, use, Shape.of(dims), dims[0])[0];
  }

  /**
   * Parts of one fused random weight, each adopted by itself: entries of the outermost dimension.
   */
  Operand[] weights(DType type, WeightUse use, Shape fused, int... counts) {
    Tensor exact = Tensor.allocate(arena, type, fused);
    RandomBlocks.fill(exact, random, 0.5f);
    Arena file = Arena.ofShared();
    // Files align tensors to 32 bytes, or to whole elements only; a mapped file cannot be written.
    long bytes = Tensor.byteSize(type, fused);
    int offset = random.nextInt(3) == 0 ? 4 : 32;
    MemorySegment mapped = file.allocate(bytes + offset, 64).asSlice(offset, bytes);
    MemorySegment.copy(exact.segment(), 0, mapped, 0, bytes);
    Tensor stored = Tensor.of(mapped.asReadOnly(), type, fused);

    Operand[] parts = new Operand[counts.length];
    boolean copied = true;
    int from = 0;
    for (int i = 0; i < counts.length; i++) {
      Tensor part = counts[i] == fused.dim(0) ? stored : stored.slice(from, counts[i]);
      Tensor adopted = tested.adopt(part, use, memory);
      assertEquals(part.shape(), adopted.shape(), this + ": shape after adopt");
      copied &= adopted != part;
      parts[i] = new Operand(exact.slice(from, counts[i]), adopted);
      from += counts[i];
    }
    if (copied) {
      file.close(); // the caller may let go of what was copied
    } else {
      files.add(file);
    }
    return parts;
  }

  /** A random matrix as a model computes with it while it trains: row-major, not adopted. */
  Operand plainWeight(DType type, int rows, int columns) {
    Tensor exact = Tensor.allocate(arena, type, Shape.of(rows, columns));
    RandomBlocks.fill(exact, random, 1);
    return new Operand(exact, Conversions.convert(exact, type, arena));
  }

  /** An output of a type that values are rounded to. */
  Operand roundedOut(DType type, Shape shape) {
    return guarded(type, type, shape).asResult();
  }

  /** Does the operation on both sides, and looks for writes outside of results. */
  void run(Call call) {
    call.on(oracle, operand -> operand == null ? null : operand.exact());
    List<Operand> used = new ArrayList<>();
    try (DeviceCopies copies = new DeviceCopies(tested)) {
      call.on(
          tested,
          operand -> {
            if (operand == null) {
              return null;
            }
            used.add(operand);
            return copies.of(operand);
          });
      copies.fetch();
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionFailedError(this + ": " + e, e);
    }
    for (Operand operand : used) {
      String damage = operand.damage();
      if (damage != null) {
        throw new AssertionFailedError(this + ": " + damage);
      }
    }
  }

  /** The norm of the difference is at most {@code tolerance} times that of the exact result. */
  void assertNear(Operand out, double tolerance) {
    assertNear(out, tolerance, norm(out.exactValues()));
  }

  /** The norm of the difference is at most {@code tolerance * scale}. */
  void assertNear(Operand out, double tolerance, double scale) {
    double[] expected = out.exactValues();
    double[] found = out.testedValues();
    double[] difference = new double[found.length];
    int worst = 0;
    for (int i = 0; i < found.length; i++) {
      difference[i] = found[i] - expected[i];
      if (!(Math.abs(difference[i]) <= Math.abs(difference[worst]))) {
        worst = i;
      }
      if (Double.isNaN(difference[i])) {
        break;
      }
    }
    double error = Double.isNaN(difference[worst]) ? Double.NaN : norm(difference);
    if (!(error <= tolerance * scale)) {
      String where = "worst at [%d, %d]".formatted(worst / out.columns(), worst % out.columns());
      String size = "relative error %.3g, allowed %.3g; ".formatted(error / scale, tolerance);
      throw difference(size + where, expected[worst], found[worst]);
    }
  }

  /** Each element differs by at most {@code relative * |exact| + absolute}. */
  void assertEach(Operand out, double relative, double absolute) {
    double[] expected = out.exactValues();
    double[] found = out.testedValues();
    for (int i = 0; i < found.length; i++) {
      if (!(Math.abs(found[i] - expected[i]) <= relative * Math.abs(expected[i]) + absolute)) {
        throw difference(
            "element [%d, %d]".formatted(i / out.columns(), i % out.columns()),
            expected[i],
            found[i]);
      }
    }
  }

  /** Elements are sums of so many terms of about 1, which may cancel each other. */
  void assertSum(Operand out, int terms) {
    assertSum(out, terms, Subject.SINGLE);
  }

  /** As {@link #assertSum(Operand, int)} with another relative error. */
  void assertSum(Operand out, int terms, double tolerance) {
    double elements = (double) out.rows() * out.columns();
    assertNear(out, tolerance, norm(out.exactValues()) + Math.sqrt(elements * terms));
  }

  /** Each element of {@code rounded} is that of {@code values} under test in its own type. */
  void assertIsRounded(Operand rounded, Operand values) {
    Tensor expected = Conversions.convert(values.tested(), rounded.tested().dtype(), arena);
    assertEquals(-1, expected.segment().mismatch(rounded.tested().segment()), this + ": rounding");
  }

  /**
   * The norm that {@code x w^T + bias} would have were the signs of its terms random: what errors
   * of a product are measured by, since a single sum can cancel to nothing.
   */
  double productScale(Operand x, Operand w, @Nullable Operand bias) {
    Tensor out = Tensor.allocate(arena, DType.F64, Shape.of(x.rows(), w.exact().rows()));
    Tensor squares = w.squares(arena).reshape(w.exact().rows(), w.columns());
    oracle.linear(out, x.squares(arena), squares, bias == null ? null : bias.squares(arena));
    double sum = 0;
    for (double value : Operand.values(out)) {
      sum += value;
    }
    return Math.sqrt(sum);
  }

  private AssertionFailedError difference(String what, double expected, double found) {
    return new AssertionFailedError(
        this + ": " + what + ": expected " + expected + ", found " + found, expected, found);
  }

  private static double norm(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  @Override
  public void close() {
    memory.close();
    arena.close();
    files.forEach(Arena::close);
  }

  @Override
  public String toString() {
    return tested.describe() + ", " + description + ", seed " + SEED;
  }
}
