package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import jllm.tensor.Activation;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.Memory;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.quant.Conversions;
import jllm.tensor.quant.RandomBlocks;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What products read in BF16: the operations that write it, and the products. */
class RoundedOperandsTest {
  private static final long SEED = 5;
  private static final double EXACT = 1e-6;
  private static final double ROUNDED = 4e-3;
  private static final double PRODUCT = 1e-2;

  private final CudaBackend device = TestDevice.rounding();
  private final Backend oracle = new ScalarBackend(DType.F32);
  private final Arena arena = Arena.ofConfined();
  private final Memory memory = device.memory();
  private final SplittableRandom random = new SplittableRandom(SEED);

  /** The same values for the oracle and on the device. */
  private record Pair(Tensor exact, Tensor tested) {
    Tensor of(Backend backend) {
      return backend instanceof CudaBackend ? tested : exact;
    }
  }

  private interface Operation {
    void run(Backend backend);
  }

  @AfterEach
  void close() {
    memory.close();
    arena.close();
    oracle.close();
  }

  /** Random numbers of a type, which the oracle has in F32. */
  private Pair random(DType type, int... dims) {
    Tensor host = Tensor.allocate(arena, type, Shape.of(dims));
    RandomBlocks.fill(host, random, 1);
    Tensor tested = memory.tensor(type, host.shape());
    device.upload(tested, host.segment());
    return new Pair(Conversions.convert(host, DType.F32, arena), tested);
  }

  private void run(Operation operation) {
    operation.run(oracle);
    operation.run(device);
  }

  private void assertClose(Pair result, double tolerance, String what) {
    Tensor host = Tensor.allocate(arena, result.tested.dtype(), result.tested.shape());
    device.download(host.segment(), result.tested);
    double squares = 0;
    double norm = 0;
    for (long row = 0; row < host.shape().rows(); row++) {
      float[] found = Conversions.row(host, row);
      float[] expected = Conversions.row(result.exact, row);
      for (int c = 0; c < found.length; c++) {
        double difference = (double) found[c] - expected[c];
        squares += difference * difference;
        norm += (double) expected[c] * expected[c];
      }
    }
    double error = Math.sqrt(squares / norm);
    assertTrue(error <= tolerance, what + ", seed " + SEED + ": " + error);
  }

  @Test
  void rowsOfBf16AreOperandsWhereTheyAreManyAndBeginAtMultiplesOf16Bytes() {
    assertEquals(DType.F32, device.operandType(8, 40));
    assertEquals(DType.BF16, device.operandType(9, 40));
    assertEquals(DType.F32, device.operandType(9, 44));
    assertEquals(DType.F32, TestDevice.backend().operandType(9, 40));
  }

  @ParameterizedTest
  @CsvSource({"1, 8", "3, 40", "33, 264", "7, 1032"})
  void operationsRoundWhatTheyWrite(int rows, int columns) {
    Pair x = random(DType.F32, rows, columns);
    Pair y = random(DType.F32, rows, columns);
    Pair weight = random(DType.F32, columns);
    Pair bias = random(DType.F32, columns);
    Pair out = random(DType.BF16, rows, columns);
    run(b -> b.rmsNorm(out.of(b), x.of(b), weight.of(b), 1e-5f));
    assertClose(out, ROUNDED, "rmsNorm");
    run(b -> b.layerNorm(out.of(b), x.of(b), weight.of(b), bias.of(b), 1e-5f));
    assertClose(out, ROUNDED, "layerNorm");
    Pair sum = random(DType.F32, rows, columns);
    run(b -> b.addRmsNorm(sum.of(b), out.of(b), x.of(b), y.of(b), weight.of(b), 1e-5f));
    assertClose(sum, EXACT, "sum of addRmsNorm");
    assertClose(out, ROUNDED, "addRmsNorm");
    run(b ->
        b.addLayerNorm(sum.of(b), out.of(b), x.of(b), y.of(b), weight.of(b), bias.of(b), 1e-5f));
    assertClose(sum, EXACT, "sum of addLayerNorm");
    assertClose(out, ROUNDED, "addLayerNorm");
    for (Activation activation : Activation.values()) {
      run(b -> b.activate(out.of(b), x.of(b), activation));
      assertClose(out, ROUNDED, "activate " + activation);
      run(b -> b.gated(out.of(b), x.of(b), y.of(b), activation));
      assertClose(out, ROUNDED, "gated " + activation);
    }
    Pair rounded = random(DType.BF16, rows, columns);
    run(b -> b.training().dropout(out.of(b), rounded.of(b), new Dropout(0.3f, 11)));
    assertClose(out, ROUNDED, "dropout");
  }

  @ParameterizedTest
  @CsvSource({"1, 8", "3, 40", "33, 264", "7, 1032"})
  void operationsReadWhatIsRounded(int rows, int columns) {
    Pair x = random(DType.F32, rows, columns);
    Pair a = random(DType.BF16, rows, columns);
    Pair b = random(DType.BF16, rows, columns);
    Pair out = random(DType.BF16, rows, columns);
    int headDim = 8;
    Pair angles = random(DType.F32, rows, headDim - 2);
    for (RopePairing pairing : RopePairing.values()) {
      run(on -> on.rope(out.of(on), x.of(on), angles.of(on), headDim, pairing));
      assertClose(out, ROUNDED, "rope of floats");
      run(on -> on.rope(out.of(on), a.of(on), angles.of(on), headDim, pairing));
      assertClose(out, ROUNDED, "rope");
      run(on ->
          on.training().ropeBackward(out.of(on), a.of(on), angles.of(on), headDim, pairing, false));
      assertClose(out, ROUNDED, "ropeBackward");
      for (boolean add : new boolean[] {false, true}) {
        Pair dx = random(DType.F32, rows, columns);
        run(on ->
            on.training().ropeBackward(dx.of(on), a.of(on), angles.of(on), headDim, pairing, add));
        assertClose(dx, EXACT, "ropeBackward to floats");
      }
    }
    for (Activation activation : Activation.values()) {
      run(on -> on.gated(out.of(on), a.of(on), b.of(on), activation));
      assertClose(out, ROUNDED, "gated " + activation);
      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        Pair dout = random(type, rows, columns);
        gatedBackward(DType.BF16, activation, dout, a, b, false, ROUNDED);
        gatedBackward(DType.F32, activation, dout, a, b, false, EXACT);
        gatedBackward(DType.F32, activation, dout, a, b, true, EXACT);
      }
    }
    Pair dx = random(DType.F32, rows, columns);
    for (boolean add : new boolean[] {true, false}) {
      run(on -> on.training().dropoutBackward(dx.of(on), a.of(on), new Dropout(0.3f, 11), add));
      assertClose(dx, EXACT, "dropoutBackward");
    }
  }

  private void gatedBackward(
      DType type,
      Activation activation,
      Pair dout,
      Pair gate,
      Pair up,
      boolean add,
      double tolerance) {
    Pair dgate = random(type, gate.tested.rows(), gate.tested.columns());
    Pair dup = random(type, gate.tested.rows(), gate.tested.columns());
    run(on ->
        on.training()
            .gatedBackward(
                dgate.of(on), dup.of(on), dout.of(on), gate.of(on), up.of(on), activation, add));
    assertClose(dgate, tolerance, "dgate " + activation);
    assertClose(dup, tolerance, "dup " + activation);
  }

  @ParameterizedTest
  @CsvSource({"9, 8, 8", "17, 40, 24", "33, 64, 264", "70, 288, 136"})
  void productsWriteRoundedResults(int rows, int inputs, int outputs) {
    Pair x = random(DType.BF16, rows, inputs);
    Pair dout = random(DType.BF16, rows, outputs);
    Pair bias = random(DType.F32, outputs);
    for (DType weightType : new DType[] {DType.F32, DType.BF16, DType.Q8_0}) {
      if (!weightType.divides(inputs)) {
        continue;
      }
      String what = " with weights in " + weightType;
      Pair w = random(weightType, outputs, inputs);
      Pair out = random(DType.BF16, rows, outputs);
      run(b -> b.linear(out.of(b), x.of(b), w.of(b), bias.of(b)));
      assertClose(out, PRODUCT, "linear" + what);
      run(b -> b.linear(out.of(b), x.of(b), w.of(b), null));
      assertClose(out, PRODUCT, "linear without bias" + what);
      if (!weightType.isQuantized()) {
        run(b -> b.training().addLinear(out.of(b), x.of(b), w.of(b)));
        assertClose(out, PRODUCT, "addLinear" + what);
      }
      Pair dx = random(DType.BF16, rows, inputs);
      Pair dw = random(DType.F32, outputs, inputs);
      Pair dbias = random(DType.F32, outputs);
      run(b ->
          b.training()
              .linearBackward(
                  dx.of(b), dw.of(b), dbias.of(b), dout.of(b), x.of(b), w.of(b), false));
      assertClose(dx, PRODUCT, "dx" + what);
      assertClose(dw, PRODUCT, "dw" + what);
      assertClose(dbias, 1e-5, "dbias" + what);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 8, 5", "3, 40, 33", "9, 16, 1", "70, 264, 131", "130, 64, 48", "10, 16, 1031"})
  void productsReadThem(int rows, int inputs, int outputs) {
    products(DType.BF16, rows, inputs, outputs);
  }

  /** Here products round: rows get a length that fits. */
  @ParameterizedTest
  @CsvSource({"1, 1, 1", "3, 41, 33", "70, 263, 131", "130, 63, 50", "67, 31, 127"})
  void productsRoundOthersThemselves(int rows, int inputs, int outputs) {
    products(DType.F32, rows, inputs, outputs);
  }

  private void products(DType type, int rows, int inputs, int outputs) {
    Pair x = random(type, rows, inputs);
    Pair dout = random(DType.F32, rows, outputs);
    Pair out = random(DType.F32, rows, outputs);
    Pair bias = random(DType.F32, outputs);
    for (DType weightType : new DType[] {DType.F32, DType.BF16}) {
      String what = " with weights in " + weightType;
      Pair w = random(weightType, outputs, inputs);
      run(b -> b.linear(out.of(b), x.of(b), w.of(b), bias.of(b)));
      assertClose(out, PRODUCT, "linear" + what);
      run(b -> b.training().addLinear(out.of(b), x.of(b), w.of(b)));
      assertClose(out, PRODUCT, "addLinear" + what);
      Pair dx = random(DType.F32, rows, inputs);
      Pair dw = random(DType.F32, outputs, inputs);
      Pair dbias = random(DType.F32, outputs);
      run(b ->
          b.training()
              .linearBackward(dx.of(b), dw.of(b), dbias.of(b), dout.of(b), x.of(b), w.of(b)));
      assertClose(dx, PRODUCT, "dx" + what);
      assertClose(dw, PRODUCT, "dw" + what);
      assertClose(dbias, 1e-5, "dbias" + what);
      run(b -> b.training().linearBackward(null, null, dbias.of(b), dout.of(b), x.of(b), w.of(b)));
      assertClose(dbias, 1e-5, "dbias alone" + what);
    }
  }
}
