package jllm.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Results, lifetimes and the reports of operands that do not fit. */
class ExecTest {
  private final Arena arena = Arena.ofAuto();
  private final Exec exec = new Exec(new ScalarBackend(DType.F32));

  @AfterEach
  void close() {
    exec.close();
  }

  @Test
  void operationsReturnTheirResults() {
    Tensor x = floats(2, 1, 2, 3, 4);
    assertValues(exec.add(x, x), 2, 4, 6, 8);
    assertValues(exec.mul(x, x), 1, 4, 9, 16);
    assertValues(exec.scale(x, -2), -2, -4, -6, -8);
    assertValues(exec.linear(x, floats(3, 1, 0, 0, 1, 1, 1), null), 1, 2, 3, 3, 4, 7);
    assertValues(exec.linear(x, floats(1, 1, 1), floats(1, 10)), 13, 17);
    assertValues(exec.embedding(x, ids(1, 0, 1)), 3, 4, 1, 2, 3, 4);
    assertValues(exec.lastRow(x), 3, 4);
    assertValues(exec.activate(floats(1, -1, 1), Activation.RELU), 0, 1);
    assertValues(exec.gated(floats(1, -1, 1), floats(1, 5, 6), Activation.RELU), 0, 6);
    assertValues(exec.softmax(floats(1, 3, 3)), 0.5f, 0.5f);
    assertValues(exec.softCap(floats(1, 1e9f), 30), 30);
    assertValues(exec.layerNorm(floats(1, 3, 9), null, null, 0), -1, 1);
    assertValues(exec.rmsNorm(floats(1, 1, 7), floats(1, 5, 10), 0), 1, 14);
  }

  @Test
  void sumsTakeThePlaceOfTheStream() {
    Tensor stream = exec.scale(floats(1, 1, 4), 1);
    Tensor[] results = new Tensor[2];
    exec.addRmsNorm(results, stream, floats(1, 0, 3), null, 0, DType.F32);
    assertSame(stream, results[0]);
    assertValues(stream, 1, 7);
    assertValues(results[1], 0.2f, 1.4f);
    exec.addLayerNorm(results, stream, floats(1, 2, 2), floats(1, 5, 10), null, 0, DType.F32);
    assertSame(stream, results[0]);
    assertValues(stream, 3, 9);
    assertValues(results[1], -5, 10);
    assertSame(stream, exec.addTo(stream, floats(1, 1, 1)));
    assertValues(stream, 4, 10);
  }

  @Test
  void headNormsWorkOnEachHead() {
    Tensor x = floats(1, 1, 7, 10, 70);
    assertValues(exec.headRmsNorm(x, floats(1, 5, 10), 0), 1, 14, 1, 14);
  }

  @Test
  void attentionOverACache() {
    Tensor cache = floats(4, 1, 3, Float.NaN, Float.NaN);
    exec.copyRows(cache, 2, floats(1, 5));
    AttentionSpec spec = new AttentionSpec(1, 1, 1, 1, 0, 0, true);
    assertValues(exec.attention(floats(1, 0), cache, cache, spec, 1, 2), 3);
  }

  @Test
  void rotaryPositions() {
    Tensor rotations = exec.rotations(ids(0, 2), new double[] {Math.PI / 4}, 3);
    Tensor turned = exec.rope(floats(2, 1, 2, 1, 2), rotations, 2, RopePairing.INTERLEAVED);
    assertValues(turned, 3, 6, -6, 3);
  }

  @Test
  void expertsOfARouter() {
    Tensor x = floats(2, 1, 2, 3, 4);
    Tensor logits = floats(2, 0, 9, 5, 8, 0, 8);
    Tensor experts = exec.topK(logits, 2);
    assertEquals(1, experts.segment().getAtIndex(ValueLayout.JAVA_INT, 0));
    assertEquals(2, experts.segment().getAtIndex(ValueLayout.JAVA_INT, 3));
    Tensor shares = exec.routingWeights(logits, experts, new Routing(2, true, 1));
    Tensor w = floats(3, 1, 0, 0, 1, 1, 1).reshape(3, 1, 2);
    Tensor each = exec.expertLinear(x, w, experts);
    assertValues(each, 2, 3, 3, 7);
    float second = (float) (1 / (1 + Math.exp(4)));
    assertValues(exec.combineExperts(each, shares), 2 + second, 5);
  }

  @Test
  void blocksKeepTheirResultAndWhatCameBefore() {
    Tensor before = exec.scale(floats(1, 1, 2), 10);
    Tensor x = exec.scale(floats(1, 3, 4), 1);
    for (int layer = 0; layer < 50; layer++) {
      x =
          exec.block(
              (e, stream, add) -> {
                Tensor unused = e.scale(stream, 1e9f);
                return e.add(e.scale(unused, 0), e.add(stream, add));
              },
              x,
              before);
    }
    assertValues(before, 10, 20);
    assertValues(x, 503, 1004);
  }

  @Test
  void aBlockMayReturnItsInput() {
    Tensor x = exec.scale(floats(1, 3, 4), 1);
    assertSame(x, exec.block((_, stream, _) -> stream, x, ""));
    assertValues(x, 3, 4);
  }

  @Test
  void blocksKeepTheShape() {
    Tensor x = exec.scale(floats(1, 3, 4), 1);
    assertThrows(
        IllegalArgumentException.class,
        () -> exec.block((e, stream, _) -> e.linear(stream, floats(1, 1, 1), null), x, ""));
  }

  @Test
  void whatDoesNotFitIsNamedWithBothShapes() {
    Tensor x = floats(2, 1, 2, 3, 4, 5, 6);
    Tensor w = floats(2, 1, 2, 3, 4);
    assertError(
        "linear: the shapes do not fit: F32[2, 3] and F32[2, 2]", e -> e.linear(x, w, null));
    assertError(
        "linear (bias): the shapes do not fit: F32[1, 3] and F32[2, 2]",
        e -> e.linear(w, w, floats(1, 1, 2, 3)));
    assertError("add: the shapes do not fit: F32[2, 3] and F32[2, 2]", e -> e.add(x, w));
    assertError("rmsNorm: the shapes do not fit: F32[2, 3] and F32[2, 2]", e -> e.rmsNorm(x, w, 0));
    assertError(
        "addRmsNorm: the shapes do not fit: F32[2, 3] and F32[2, 2]",
        e -> e.addRmsNorm(new Tensor[2], x, w, null, 0, DType.F32));
    assertError(
        "layerNorm: the shapes do not fit: F32[2, 3] and F32[2, 2]",
        e -> e.addLayerNorm(new Tensor[2], x, x, null, w, 0, DType.F32));
    assertError(
        "rope: the shapes do not fit: F32[2, 3] and F32[2, 2]",
        e -> e.rope(x, w, 2, RopePairing.INTERLEAVED));
    assertError(
        "expertLinear: the shapes do not fit: F32[2, 2] and F32[2, 2]",
        e -> e.expertLinear(w, w, ids(1)));
    assertError("topK: 4 of the columns of F32[2, 3]", e -> e.topK(x, 4));
    assertError(
        "copyRows: F32[2, 3] does not fit F32[2, 3] from row 1 on", e -> e.copyRows(x, 1, x));
  }

  @Test
  void attentionIsCheckedInAllDirections() {
    AttentionSpec spec = new AttentionSpec(2, 1, 1, 1, 0, 0, true);
    Tensor q = floats(2, 1, 2, 3, 4);
    Tensor k = floats(3, 1, 2, 3);
    assertError(
        "attention: queries F32[2, 2] of 1 sequences after 2 positions do not fit keys F32[3, 1]",
        e -> e.attention(q, k, k, spec, 1, 2));
    assertError(
        "attention: queries F32[2, 2] of 2 sequences after 0 positions do not fit keys F32[3, 1]",
        e -> e.attention(q, k, k, spec, 2, 0));
    assertError(
        "attention: queries F32[2, 2] of 0 sequences after 0 positions do not fit keys F32[3, 1]",
        e -> e.attention(q, k, k, spec, 0, 0));
    assertError(
        "attention (heads): the shapes do not fit: F32[3, 1] and F32[3, 1]",
        e -> e.attention(k, k, k, spec, 1, 0));
    assertError(
        "attention (key heads): the shapes do not fit: F32[2, 2] and F32[2, 2]",
        e -> e.attention(q, q, q, spec, 1, 0));
    assertError(
        "attention (values): the shapes do not fit: F32[3, 1] and F32[2, 1]",
        e -> e.attention(q, k, floats(2, 1, 2), spec, 1, 0));
  }

  @Test
  void typesAreChecked() {
    Tensor x = floats(1, 1, 2);
    Tensor half = Tensor.allocate(arena, DType.F16, Shape.of(1, 2));
    assertError("add: found F16[1, 2] where F32 is expected", e -> e.add(x, half));
    assertError("linear: found F16[1, 2] where F32 is expected", e -> e.linear(half, x, null));
    assertError("embedding: found F32[1, 2] where I32 is expected", e -> e.embedding(x, x));
  }

  @Test
  void idsOutsideOfTheTableAreNamed() {
    Tensor table = floats(3, 1, 2, 3);
    assertError("embedding: id 3 at place 1; F32[3, 1] has 3", e -> e.embedding(table, ids(0, 3)));
    assertError("embedding: id -1 at place 0; F32[3, 1] has 3", e -> e.embedding(table, ids(-1)));
  }

  private void assertError(String message, Consumer<Exec> operation) {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> operation.accept(exec));
    assertEquals(message, error.getMessage());
  }

  private Tensor floats(int rows, float... values) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(rows, values.length / rows));
    for (int i = 0; i < values.length; i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
    }
    return tensor;
  }

  private Tensor ids(int... values) {
    Tensor tensor = Tensor.allocate(arena, DType.I32, Shape.of(1, values.length));
    for (int i = 0; i < values.length; i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_INT, i, values[i]);
    }
    return tensor;
  }

  private static void assertValues(Tensor tensor, float... expected) {
    assertEquals(expected.length, tensor.shape().elements());
    for (int i = 0; i < expected.length; i++) {
      float found = tensor.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      assertEquals(expected[i], found, 1e-6f * Math.abs(expected[i]) + 1e-6f, "element " + i);
    }
  }
}
