package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import jllm.tensor.Activations;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.grad.Parameters;
import jllm.tensor.quant.Conversions;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The loss of rounded logits, which become their derivative on the way. */
class RoundedCrossEntropyTest {
  private static final long SEED = 23;
  private static final float FACTOR = 1 / 37f;

  /** Rounding of a result to BF16. */
  private static final double ROUNDED = 4e-3;

  private static final double GRADIENT = 2e-2;

  private final Backend device = TestDevice.rounding();
  private final TrainingKernels kernels = device.training();
  private final Backend oracle = new ScalarBackend(DType.F32);
  private final Arena arena = Arena.ofConfined();
  private final Memory memory = device.memory();
  private final SplittableRandom random = new SplittableRandom(SEED);

  @AfterEach
  void close() {
    memory.close();
    arena.close();
    oracle.close();
  }

  /** Of normal distribution. */
  private Tensor floats(double deviation, int... dims) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(dims));
    for (long i = 0; i < tensor.shape().elements(); i++) {
      set(tensor, i, (float) (deviation * random.nextGaussian()));
    }
    return tensor;
  }

  private static void set(Tensor tensor, long at, float value) {
    tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
  }

  private static float get(Tensor tensor, long at) {
    return tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, at);
  }

  private Tensor ids(int... values) {
    MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_INT, values);
    return Tensor.of(segment, DType.I32, Shape.of(values.length));
  }

  /** Every third row has no target. */
  private int[] targets(int rows, int vocabulary) {
    int[] targets = new int[rows];
    for (int row = 0; row < rows; row++) {
      targets[row] = row % 3 == 2 ? -1 : random.nextInt(vocabulary);
    }
    return targets;
  }

  private Tensor upload(Tensor host) {
    Tensor there = memory.tensor(host.dtype(), host.shape());
    device.upload(there, host.segment());
    return there;
  }

  /** On the host, in F32. */
  private Tensor download(Tensor there) {
    Tensor host = Tensor.allocate(arena, there.dtype(), there.shape());
    device.download(host.segment(), there);
    return Conversions.convert(host, DType.F32, arena);
  }

  /** Rounded rows with room at their ends, which holds something. */
  private Tensor rounded(Tensor logits) {
    int columns = kernels.roundedColumns(logits.columns());
    assertEquals(0, columns % 8);
    Tensor wide = floats(1, logits.rows(), columns);
    for (int row = 0; row < logits.rows(); row++) {
      for (int c = 0; c < logits.columns(); c++) {
        set(wide, (long) row * columns + c, get(logits, (long) row * logits.columns() + c));
      }
    }
    return upload(Conversions.convert(wide, DType.BF16, arena));
  }

  /** The first columns of rounded rows; what is beyond must be 0. */
  private Tensor logits(Tensor rounded, int columns) {
    Tensor wide = download(rounded);
    Tensor logits = Tensor.allocate(arena, DType.F32, Shape.of(rounded.rows(), columns));
    for (int row = 0; row < rounded.rows(); row++) {
      for (int c = 0; c < rounded.columns(); c++) {
        float value = get(wide, (long) row * rounded.columns() + c);
        if (c < columns) {
          set(logits, (long) row * columns + c, value);
        } else {
          assertTrue(value == 0, value + " beyond the logits of row " + row);
        }
      }
    }
    return logits;
  }

  private static void assertClose(Tensor expected, Tensor found, double tolerance, String what) {
    double squares = 0;
    double norm = 0;
    for (long i = 0; i < expected.shape().elements(); i++) {
      double difference = (double) get(found, i) - get(expected, i);
      squares += difference * difference;
      norm += (double) get(expected, i) * get(expected, i);
    }
    double error = norm == 0 ? Math.sqrt(squares) : Math.sqrt(squares / norm);
    assertTrue(error <= tolerance, what + ", seed " + SEED + ": " + error);
  }

  /** The last ones have more columns than shared memory has room for. */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "3, 2, 1",
    "4, 7, 50",
    "33, 257, 1",
    "9, 264, 50",
    "5, 5003, 3",
    "3, 50257, 4",
    "4, 120001, 4",
    "2, 131072, 30"
  })
  void logitsBecomeTheirDerivative(int rows, int vocabulary, double deviation) {
    Tensor there = rounded(floats(deviation, rows, vocabulary));
    // The oracle has the same rounded logits.
    Tensor wide = download(there);
    Tensor logits = Tensor.allocate(arena, DType.F32, Shape.of(rows, vocabulary));
    for (int i = 0; i < rows * vocabulary; i++) {
      long place = (long) (i / vocabulary) * there.columns() + i % vocabulary;
      // What is impossible has no part in the loss.
      boolean impossible = vocabulary > 2 && i % 11 == 5;
      set(logits, i, impossible ? Float.NEGATIVE_INFINITY : get(wide, place));
    }
    int[] wanted = targets(rows, vocabulary);
    for (int row = 0; row < rows; row++) {
      if (wanted[row] >= 0) {
        long place = (long) row * vocabulary + wanted[row];
        set(logits, place, (float) deviation);
      }
    }
    there = rounded(logits);
    logits = Conversions.convert(Conversions.convert(logits, DType.BF16, arena), DType.F32, arena);
    Tensor losses = floats(1, rows, 1);
    Tensor lossesThere = upload(losses);
    kernels.crossEntropyRounded(lossesThere, there, ids(wanted), vocabulary, FACTOR);
    Tensor lse = floats(1, rows, 1);
    oracle.training().crossEntropy(losses, lse, logits, ids(wanted));
    Tensor found = download(lossesThere);
    for (int row = 0; row < rows; row++) {
      float expected = get(losses, row);
      assertEquals(expected, get(found, row), 1e-6 + 1e-5 * expected, "loss " + row);
    }
    Tensor dlosses = floats(1, rows, 1);
    oracle.training().fill(dlosses, FACTOR);
    oracle.training().crossEntropyBackward(logits, dlosses, lse, ids(wanted));
    assertClose(logits, logits(there, vocabulary), ROUNDED, "derivative");
  }

  @Test
  void whatIsNotFiniteStaysVisibleUnlessItDoesNotCount() {
    int vocabulary = 300;
    float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NaN, Float.NEGATIVE_INFINITY};
    int[] wanted = {5, 6, -1, 7};
    Tensor logits = floats(1, bad.length, vocabulary);
    for (int row = 0; row < bad.length; row++) {
      set(logits, (long) row * vocabulary + 7 + row * 70L % 210, bad[row]);
    }
    Tensor there = rounded(logits);
    Tensor losses = upload(floats(1, bad.length, 1));
    kernels.crossEntropyRounded(losses, there, ids(wanted), vocabulary, FACTOR);
    Tensor found = download(losses);
    assertFalse(Float.isFinite(get(found, 0)), "loss of NaN");
    assertFalse(Float.isFinite(get(found, 1)), "loss of infinity");
    assertEquals(0, get(found, 2), "loss without target");
    assertEquals(Float.POSITIVE_INFINITY, get(found, 3), "loss of the impossible");
    Tensor derivative = logits(there, vocabulary);
    for (int c = 0; c < vocabulary; c++) {
      assertEquals(0, get(derivative, 2L * vocabulary + c), "derivative without target");
    }
  }

  @Test
  void otherFactorsAreMadeUpFor() {
    int vocabulary = 41;
    Tensor logits = floats(1, 4, vocabulary);
    set(logits, 2L * vocabulary + 3, Float.NaN);
    Tensor there = rounded(logits);
    Tensor losses = upload(floats(1, 4, 1));
    kernels.crossEntropyRounded(losses, there, ids(1, 2, 3, -1), vocabulary, FACTOR);
    Tensor before = logits(there, vocabulary);
    Tensor dlosses = floats(1, 4, 1);
    float[] factors = {FACTOR, -3 * FACTOR, 0, 5};
    for (int row = 0; row < factors.length; row++) {
      set(dlosses, row, factors[row]);
    }
    kernels.rescaleRounded(there, upload(dlosses), FACTOR);
    Tensor after = logits(there, vocabulary);
    for (int c = 0; c < vocabulary; c++) {
      assertEquals(get(before, c), get(after, c), "the same factor");
      float expected = -3 * get(before, vocabulary + c);
      assertEquals(expected, get(after, vocabulary + c), Math.abs(expected) * ROUNDED);
      assertEquals(0, get(after, 2L * vocabulary + c), "no derivative of the loss");
      assertEquals(0, get(after, 3L * vocabulary + c), "no target");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 8, 1, F32",
    "3, 41, 7, F32",
    "33, 24, 257, BF16",
    "9, 64, 130, Q8_0",
    "70, 16, 1031, F16"
  })
  void logitsAreProducts(int rows, int inputs, int vocabulary, DType type) {
    Tensor x = floats(1, rows, inputs);
    Tensor w = Conversions.convert(floats(1, vocabulary, inputs), type, arena);
    Tensor expected = floats(1, rows, vocabulary);
    oracle.linear(expected, x, w, null);
    Tensor there = rounded(floats(1, rows, vocabulary));
    kernels.roundedLogits(there, upload(x), upload(w));
    assertClose(expected, logits(there, vocabulary), 1e-2, "logits of " + type);
  }

  /** What is derived of the losses. */
  enum Seed {
    /** As was said before. */
    EXPECTED((exec, losses) -> exec.seed(losses, FACTOR)),
    ANOTHER((exec, losses) -> exec.seed(losses, 3 * FACTOR)),
    TWICE((exec, losses) -> {
      exec.seed(losses, FACTOR);
      exec.seed(losses, FACTOR / 2);
    }),
    /** Each row has another one. */
    SQUARED((exec, losses) -> exec.seed(exec.mul(losses, losses), FACTOR));

    private final BiConsumer<Exec, Tensor> start;

    Seed(BiConsumer<Exec, Tensor> start) {
      this.start = start;
    }
  }

  /** Of an embedding that is the output layer, too. */
  @ParameterizedTest
  @EnumSource(Seed.class)
  void gradientsAreThoseOfFloat32(Seed seed) {
    int rows = 29;
    int vocabulary = 67;
    int width = 24;
    Tensor table = floats(0.5, vocabulary, width);
    Tensor ids = ids(random.ints(rows, 0, vocabulary).toArray());
    Tensor targets = ids(targets(rows, vocabulary));
    Tensor before = floats(0.1, vocabulary, width);
    Tensor expected = Conversions.convert(before, DType.F32, arena);
    MemorySegment.copy(before.segment(), 0, expected.segment(), 0, before.storage().byteSize());
    float[] losses = step(oracle, table, expected, ids, targets, seed);
    Tensor found = upload(before);
    float[] lossesThere = step(device, upload(table), found, ids, targets, seed);
    assertArrayEquals(losses, lossesThere, 0.05f, "losses, seed " + SEED);
    assertClose(expected, download(found), GRADIENT, "gradient, " + seed);
  }

  private float[] step(
      Backend backend, Tensor table, Tensor gradient, Tensor ids, Tensor targets, Seed seed) {
    Parameters parameters = new Parameters();
    parameters.add(new Parameters.Parameter("table", table, gradient));
    try (Exec exec = new Exec(backend)) {
      exec.resetToTrain(parameters, Activations.STORED, FACTOR);
      Tensor x = exec.rmsNorm(exec.embedding(table, ids), null, 1e-5f);
      Tensor losses = exec.crossEntropy(x, table, targets);
      seed.start.accept(exec, losses);
      exec.backward();
      return exec.onHost(losses).segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
