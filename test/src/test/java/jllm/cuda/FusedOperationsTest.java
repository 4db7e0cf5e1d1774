package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.FusedOperations;
import jllm.tensor.Memory;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.quant.RandomBlocks;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is done together gives what is done one by one: the very bits, but for activations. */
class FusedOperationsTest {
  private static final int[] ROWS = {1, 2, 3, 5, 8};
  private static final DType[] TYPES = {DType.F32, DType.BF16, DType.Q8_0, DType.Q4_K};

  private final CudaBackend backend = TestDevice.backend();
  private final FusedOperations fused = backend.fused();
  private final Memory memory = backend.memory();
  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(7);

  @AfterEach
  void close() {
    memory.close();
    arena.close();
  }

  private Tensor random(DType type, int... dims) {
    Tensor host = Tensor.allocate(arena, type, Shape.of(dims));
    RandomBlocks.fill(host, random, 1);
    return onDevice(host);
  }

  private Tensor onDevice(Tensor host) {
    Tensor tensor = memory.tensor(host.dtype(), host.shape());
    backend.upload(tensor, host.segment());
    return tensor;
  }

  private Tensor zeros(DType type, int... dims) {
    return memory.tensor(type, Shape.of(dims));
  }

  private Tensor copy(Tensor x) {
    return onDevice(Tensor.of(read(x), x.dtype(), x.shape()));
  }

  private MemorySegment read(Tensor x) {
    MemorySegment bytes = arena.allocate(Tensor.byteSize(x.dtype(), x.shape()), 64);
    backend.download(bytes, x);
    return bytes;
  }

  private void assertSame(Tensor expected, Tensor found, String what) {
    assertEquals(-1, read(expected).mismatch(read(found)), what);
  }

  /** Functions of a compiler's own making may round otherwise elsewhere. */
  private void assertNear(Tensor expected, Tensor found, String what) {
    assertNear(expected, found, 1e-6, what);
  }

  private void assertNear(Tensor expected, Tensor found, double tolerance, String what) {
    float[] a = read(expected).toArray(ValueLayout.JAVA_FLOAT);
    float[] b = read(found).toArray(ValueLayout.JAVA_FLOAT);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < a.length; i++) {
      difference += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
      norm += (double) a[i] * a[i];
    }
    assertTrue(Math.sqrt(difference) <= tolerance * Math.sqrt(norm), what);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K", "IQ4_XS"})
  void linearLayersOfTheSameInput(DType type) {
    Tensor[] ws = {random(type, 33, 256), random(type, 8, 256), random(type, 5, 256)};
    @Nullable Tensor[] biases = {random(DType.F32, 33), null, random(DType.F32, 5)};
    for (int rows : ROWS) {
      Tensor x = random(DType.F32, rows, 256);
      Tensor[] outs = new Tensor[ws.length];
      for (int i = 0; i < ws.length; i++) {
        outs[i] = zeros(DType.F32, rows, ws[i].dim(0));
      }
      assertTrue(fused.linears(outs, x, ws, biases));
      for (int i = 0; i < ws.length; i++) {
        Tensor plain = zeros(DType.F32, rows, ws[i].dim(0));
        backend.linear(plain, x, ws[i], biases[i]);
        assertSame(plain, outs[i], rows + " rows, layer " + i);
      }
    }
  }

  /** Few rows meet weights as integers, piece by piece where they are long; many as floats. */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"})
  void longRowsAsIntegers(DType type) {
    int inputs = 4096 + 1280;
    Tensor w = random(type, 19, inputs);
    Tensor x = random(DType.F32, 9, inputs);
    Tensor expected = zeros(DType.F32, 9, 19);
    backend.linear(expected, x, w, null);
    for (int rows : ROWS) {
      Tensor out = zeros(DType.F32, rows, 19);
      backend.linear(out, x.slice(0, rows), w, null);
      assertNear(expected.slice(0, rows), out, 1e-4, rows + " rows");
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void whatIsNotFiniteIsSeenInEveryProduct(float broken) {
    for (DType type : TYPES) {
      Tensor w = random(type, 9, 512);
      Tensor host = Tensor.allocate(arena, DType.F32, Shape.of(2, 512));
      host.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 512 + random.nextInt(512), broken);
      Tensor out = zeros(DType.F32, 2, 9);
      backend.linear(out, onDevice(host), w, null);
      float[] found = read(out).toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < found.length; i++) {
        assertEquals(i < 9, Float.isFinite(found[i]), type + ", number " + i + ": " + found[i]);
      }
    }
  }

  @Test
  void layersOfDifferentTypes() {
    Tensor x = random(DType.F32, 1, 256);
    for (DType[] types :
        new DType[][] {
          {DType.Q4_K, DType.Q4_K, DType.Q6_K},
          {DType.Q6_K, DType.Q4_K, DType.Q4_K},
          {DType.Q6_K, DType.Q4_K, DType.F32}
        }) {
      Tensor[] ws = new Tensor[types.length];
      Tensor[] outs = new Tensor[types.length];
      for (int i = 0; i < types.length; i++) {
        ws[i] = random(types[i], 7, 256);
        outs[i] = zeros(DType.F32, 1, 7);
      }
      assertTrue(fused.linears(outs, x, ws, new @Nullable Tensor[types.length]));
      for (int i = 0; i < types.length; i++) {
        Tensor plain = zeros(DType.F32, 1, 7);
        backend.linear(plain, x, ws[i], null);
        assertSame(plain, outs[i], types[i].name());
      }
    }
  }

  /** Large layers have blocks of more outputs; what an output becomes does not depend on that. */
  @Test
  void outputsAreTheSameInLayersOfEverySize() {
    Tensor x = random(DType.F32, 1, 160);
    for (DType type : new DType[] {DType.F32, DType.Q8_0, DType.Q5_0}) {
      Tensor w = random(type, 1501, 160);
      Tensor all = zeros(DType.F32, 1, 1501);
      backend.linear(all, x, w, null);
      float[] expected = read(all).toArray(ValueLayout.JAVA_FLOAT);
      Tensor few = zeros(DType.F32, 1, 3);
      backend.linear(few, x, w.slice(1498, 3), null);
      assertArrayEquals(
          java.util.Arrays.copyOfRange(expected, 1498, 1501),
          read(few).toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  @Test
  void sumsAndGates() {
    for (DType type : TYPES) {
      Tensor w = random(type, 9, 512);
      Tensor up = random(type, 9, 512);
      Tensor bias = random(DType.F32, 9);
      for (int rows : ROWS) {
        String what = type + ", " + rows + " rows";
        Tensor x = random(DType.F32, rows, 512);
        Tensor sum = random(DType.F32, rows, 9);
        Tensor expected = copy(sum);
        Tensor product = zeros(DType.F32, rows, 9);
        backend.linear(product, x, w, bias);
        backend.add(expected, expected, product);
        assertTrue(fused.addLinear(sum, x, w, bias));
        assertSame(expected, sum, what);
        Tensor raised = zeros(DType.F32, rows, 9);
        backend.linear(raised, x, up, null);
        for (Activation activation : Activation.values()) {
          backend.gated(expected, product, raised, activation);
          Tensor out = zeros(DType.F32, rows, 9);
          assertTrue(fused.gatedLinear(out, x, w, bias, up, null, activation));
          assertNear(expected, out, what + ", " + activation);
        }
      }
    }
  }

  /** The product adds to what is there. */
  @Test
  void sumsOfManyRows() {
    CudaBackend rounding = TestDevice.rounding();
    for (DType type : TYPES) {
      Tensor w = random(type, 41, 256);
      Tensor bias = random(DType.F32, 41);
      for (CudaBackend each : List.of(backend, rounding)) {
        Tensor x = random(each.operandType(19, 256), 19, 256);
        Tensor sum = random(DType.F32, 19, 41);
        Tensor expected = copy(sum);
        Tensor product = zeros(DType.F32, 19, 41);
        each.linear(product, x, w, bias);
        each.add(expected, expected, product);
        assertTrue(each.fused().addLinear(sum, x, w, bias));
        assertNear(expected, sum, type + ", " + each.describe());
      }
    }
  }

  @Test
  void whatDoesNotFitIsLeftAlone() {
    Tensor x = random(DType.F32, 9, 256);
    Tensor w = random(DType.F32, 4, 256);
    Tensor out = zeros(DType.F32, 9, 4);
    assertFalse(
        fused.linears(new Tensor[] {out}, x, new Tensor[] {w}, new @Nullable Tensor[] {null}));
    assertFalse(fused.gatedLinear(out, x, w, null, w, null, Activation.SILU));
    Tensor row = x.slice(0, 1);
    Tensor other = random(DType.F16, 4, 256);
    assertFalse(fused.gatedLinear(out.slice(0, 1), row, w, null, other, null, Activation.SILU));
    assertSame(zeros(DType.F32, 9, 4), out, "nothing is written");
  }

  @Test
  void theLargestIsTheFirstOfSeveral() {
    int[] lengths = {1, 31, 1024, 1025, 5000};
    for (int length : lengths) {
      Tensor host = Tensor.allocate(arena, DType.F32, Shape.of(1, length));
      MemorySegment values = host.segment();
      for (int i = 0; i < length; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, -1 - random.nextFloat());
      }
      int first = random.nextInt(length);
      for (int i = first; i < length; i += 7) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 2 == 0 ? 0f : -0f);
      }
      assertEquals(first, largest(host), length + " elements");
      values.setAtIndex(ValueLayout.JAVA_FLOAT, length / 2, Float.NEGATIVE_INFINITY);
      values.setAtIndex(ValueLayout.JAVA_FLOAT, length - 1, 2.5f);
      assertEquals(length - 1, largest(host), length + " elements");
      values.setAtIndex(ValueLayout.JAVA_FLOAT, length / 2, Float.NaN);
      assertEquals(-1, largest(host), "not a number among " + length);
      values.fill((byte) 0);
      values.setAtIndex(ValueLayout.JAVA_FLOAT, length / 2, Float.POSITIVE_INFINITY);
      assertEquals(-1, largest(host), "infinite");
    }
    Tensor none = Tensor.allocate(arena, DType.F32, Shape.of(1, 3));
    for (int i = 0; i < 3; i++) {
      none.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.NEGATIVE_INFINITY);
    }
    assertEquals(-1, largest(none), "nothing is possible");
  }

  private int largest(Tensor host) {
    Tensor out = zeros(DType.I32, 1, 1);
    Tensor choice = Tensor.allocate(arena, DType.I32, Shape.of(TokenChoice.INTS));
    TokenChoice.BEST.write(choice.segment(), host.columns(), -1);
    fused.sample(out, null, onDevice(host), onDevice(choice), null, true);
    return read(out).get(ValueLayout.JAVA_INT, 0);
  }

  /** Into a cache of each type, at a row that the host or the device knows. */
  @Test
  void storingAndAttention() {
    DType[][] caches = {
      {DType.F32, DType.F32},
      {DType.F16, DType.Q8_0},
      {DType.BF16, DType.F16},
      {DType.Q8_0, DType.BF16}
    };
    for (DType[] types : caches) {
      for (int[] heads :
          new int[][] {{4, 2, 32, 32}, {3, 1, 64, 24}, {2, 2, 96, 0}, {5, 5, 20, 20}}) {
        if (types[0].divides(heads[2]) && types[1].divides(heads[2])) {
          for (RopePairing pairing : RopePairing.values()) {
            store(types, heads, pairing, 1, 70);
            store(types, heads, pairing, 3, 0);
          }
        }
      }
    }
  }

  private void store(DType[] types, int[] heads, RopePairing pairing, int rows, int past) {
    String what = types[0] + "/" + types[1] + ", heads " + heads[2] + ", " + pairing + ", " + rows;
    int width = heads[0] * heads[2];
    int keyWidth = heads[1] * heads[2];
    Tensor q = random(DType.F32, rows, width);
    Tensor k = random(DType.F32, rows, keyWidth);
    Tensor v = random(DType.F32, rows, keyWidth);
    Tensor rotations = heads[3] == 0 ? null : random(DType.F32, rows, heads[3]);
    Tensor keys = random(types[0], 200, keyWidth);
    Tensor values = random(types[1], 200, keyWidth);
    Tensor turnedQ = q;
    Tensor turnedK = k;
    if (rotations != null) {
      turnedQ = zeros(DType.F32, rows, width);
      turnedK = zeros(DType.F32, rows, keyWidth);
      backend.rope(turnedQ, q, rotations, heads[2], pairing);
      backend.rope(turnedK, k, rotations, heads[2], pairing);
    }
    Tensor expectedKeys = copy(keys);
    Tensor expectedValues = copy(values);
    backend.copyRows(expectedKeys, past, turnedK);
    backend.copyRows(expectedValues, past, v);
    for (boolean onDevice : new boolean[] {false, true}) {
      Tensor at = null;
      if (onDevice) {
        Tensor number = Tensor.allocate(arena, DType.I32, Shape.of(1));
        number.segment().set(ValueLayout.JAVA_INT, 0, past);
        at = onDevice(number);
      }
      Tensor ownKeys = copy(keys);
      Tensor ownValues = copy(values);
      Tensor out = zeros(DType.F32, rows, width);
      int row = onDevice ? 0 : past;
      assertTrue(
          fused.store(out, q, k, v, ownKeys, ownValues, rotations, heads[2], pairing, row, at));
      assertSame(turnedQ, out, what);
      assertSame(expectedKeys, ownKeys, what);
      assertSame(expectedValues, ownValues, what);
      for (int window : new int[] {0, 5, 66}) {
        AttentionSpec spec = new AttentionSpec(heads[0], heads[1], heads[2], 0.2f, 0, window, true);
        Tensor expected = zeros(DType.F32, rows, width);
        Tensor found = zeros(DType.F32, rows, width);
        backend.attention(expected, turnedQ, ownKeys, ownValues, spec, 1, past);
        assertTrue(fused.attention(found, turnedQ, ownKeys, ownValues, spec, row, at));
        assertSame(expected, found, what + ", window " + window);
      }
    }
  }
}
