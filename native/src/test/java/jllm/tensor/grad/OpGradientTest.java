package jllm.tensor.grad;

import java.util.Arrays;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each operation on rows or elements by itself. */
class OpGradientTest {
  private static final float EPS = 0.01f;

  private final GradientCheck check = new GradientCheck();

  @AfterEach
  void close() {
    check.close();
  }

  @Test
  void embeddingWithRepeatedIds() {
    Tensor table = check.weight(5, 3);
    Tensor ids = check.ids(1, 2, 0, 2, 4, 1, 2, 3);
    check.check(e -> e.embedding(table, ids));
  }

  @Test
  void linear() {
    int x = check.input(3, 7);
    Tensor w = check.weight(5, 7);
    check.check(e -> e.linear(check.get(e, x), w, null));
  }

  @Test
  void linearWithBias() {
    int x = check.input(3, 7);
    Tensor w = check.weight(5, 7);
    Tensor bias = check.weight(5);
    check.check(e -> e.linear(check.get(e, x), w, bias));
  }

  @Test
  void linearWithFrozenWeights() {
    int x = check.input(3, 7);
    Tensor w = check.random(5, 7);
    Tensor bias = check.random(5);
    check.check(e -> e.linear(check.get(e, x), w, bias));
  }

  @Test
  void linearOfFrozenInput() {
    Tensor x = check.random(3, 7);
    Tensor w = check.weight(5, 7);
    Tensor bias = check.weight(5);
    check.check(e -> e.linear(x, w, bias));
  }

  @Test
  void rmsNorm() {
    int x = check.input(3, 7);
    Tensor weight = check.weight(7);
    check.check(e -> e.rmsNorm(check.get(e, x), weight, EPS));
  }

  @Test
  void rmsNormWithoutWeight() {
    int x = check.input(3, 7);
    check.check(e -> e.rmsNorm(check.get(e, x), null, EPS));
  }

  @Test
  void rmsNormOfHeads() {
    int x = check.input(3, 15);
    Tensor weight = check.weight(5);
    check.check(e -> e.headRmsNorm(check.get(e, x), weight, EPS));
  }

  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void layerNorm(boolean weighted, boolean shifted) {
    int x = check.input(3, 7);
    Tensor weight = weighted ? check.weight(7) : null;
    Tensor bias = shifted ? check.weight(7) : null;
    check.check(e -> e.layerNorm(check.get(e, x), weight, bias, EPS));
  }

  /** The sum goes on: its derivative is that of the norm and its own. */
  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, false"})
  void normsOfSums(boolean weighted, boolean shifted) {
    int x = check.input(3, 7);
    int y = check.input(3, 7);
    Tensor weight = weighted ? check.weight(7) : null;
    Tensor bias = shifted ? check.weight(7) : null;
    Tensor[] results = new Tensor[2];
    check.check(e -> {
      Tensor part = check.get(e, y);
      e.addRmsNorm(results, check.get(e, x), part, weight, EPS, DType.F64);
      Tensor normed = e.softmax(results[1]);
      e.addLayerNorm(results, results[0], normed, weight, bias, EPS, DType.F64);
      return e.addTo(results[0], e.mul(results[1], part));
    });
  }

  /** Of heads of 7 components, 4 are turned; of those of 6, all. */
  @ParameterizedTest
  @CsvSource({"INTERLEAVED, 7, 2", "HALF_SPLIT, 7, 2", "INTERLEAVED, 6, 3", "HALF_SPLIT, 6, 3"})
  void rope(RopePairing pairing, int headDim, int pairs) {
    int x = check.input(5, 3 * headDim);
    double[] frequencies = {1, 0.3, 0.07};
    double[] used = Arrays.copyOf(frequencies, pairs);
    Tensor positions = check.ids(1, 0, 1, 2, 9, 100);
    check.check(
        e -> e.rope(check.get(e, x), e.rotations(positions, used, 1.25f), headDim, pairing));
  }

  @ParameterizedTest
  @EnumSource
  void gated(Activation activation) {
    int gate = check.input(3, 7);
    int up = check.input(3, 7);
    check.check(e -> e.gated(check.get(e, gate), check.get(e, up), activation));
  }

  @ParameterizedTest
  @EnumSource
  void activate(Activation activation) {
    int x = check.input(5, 11);
    check.check(e -> e.activate(check.get(e, x), activation));
  }

  /** Where the functions are flat, and where they are straight. */
  @ParameterizedTest
  @EnumSource
  void activateFarFromZero(Activation activation) {
    int x = check.input(5, 11);
    check.check(e -> e.activate(e.scale(check.get(e, x), 4), activation));
  }

  @Test
  void add() {
    int a = check.input(3, 7);
    int b = check.input(3, 7);
    check.check(e -> e.add(check.get(e, a), check.get(e, b)));
  }

  @Test
  void mul() {
    int a = check.input(3, 7);
    int b = check.input(3, 7);
    check.check(e -> e.mul(check.get(e, a), check.get(e, b)));
  }

  @ParameterizedTest
  @ValueSource(floats = {-2.5f, 0.1f})
  void scale(float factor) {
    int x = check.input(3, 7);
    check.check(e -> e.scale(check.get(e, x), factor));
  }

  @ParameterizedTest
  @ValueSource(floats = {0.7f, 30})
  void softCap(float cap) {
    int x = check.input(3, 7);
    check.check(e -> e.softCap(check.get(e, x), cap));
  }

  @Test
  void softmax() {
    int x = check.input(3, 7);
    check.check(e -> e.softmax(check.get(e, x)));
  }

  @Test
  void dropout() {
    int x = check.input(5, 11);
    Dropout dropout = new Dropout(0.3f, 42);
    check.check(e -> e.dropout(check.get(e, x), dropout));
  }

  @Test
  void crossEntropyWithIgnoredTargets() {
    int logits = check.input(5, 7);
    Tensor targets = check.ids(1, 3, -1, 0, 6, -1);
    check.check(e -> e.crossEntropy(check.get(e, logits), targets));
  }
}
