package jllm.tensor.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import jllm.tensor.Activation;
import jllm.tensor.Activations;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Layer;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.cpu.VectorBackend;
import jllm.tensor.grad.Parameters.Parameter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tensors that several operations, or one operation several times, depend on. */
class SharedOperandTest {
  private static final TrainingAttention ATTENTION =
      new TrainingAttention(new AttentionSpec(2, 2, 3, 0.6f, 0, 0, true), 1, null, null);

  private final GradientCheck check = new GradientCheck();

  @AfterEach
  void close() {
    check.close();
  }

  @Test
  void bothOperandsOfASum() {
    int x = check.input(3, 7);
    check.check(e -> {
      Tensor a = check.get(e, x);
      return e.add(a, a);
    });
  }

  @Test
  void bothOperandsOfAProduct() {
    int x = check.input(3, 7);
    check.check(e -> {
      Tensor a = check.get(e, x);
      return e.mul(a, a);
    });
  }

  @Test
  void bothOperandsOfAGate() {
    int x = check.input(3, 7);
    check.check(e -> {
      Tensor a = check.get(e, x);
      return e.gated(a, a, Activation.SILU);
    });
  }

  @Test
  void allOperandsOfAttention() {
    int x = check.input(5, 6);
    check.check(e -> {
      Tensor a = check.get(e, x);
      return e.attention(a, a, a, ATTENTION);
    });
  }

  /** The first consumer hands its derivative over, the second must add to it, and vice versa. */
  @Test
  void consumersOfAResult() {
    int x = check.input(3, 7);
    int y = check.input(3, 7);
    check.check(e -> {
      Tensor shared = e.mul(check.get(e, x), check.get(e, y));
      Tensor sum = e.add(shared, check.get(e, y));
      Tensor curve = e.softmax(shared);
      Tensor third = e.add(e.scale(shared, -3), curve);
      return e.mul(e.add(curve, sum), e.add(third, shared));
    });
  }

  /** Both operands of a sum have its derivative, until another one is added to that of one. */
  @Test
  void sumWithWhatIsMadeOfIt() {
    int x = check.input(3, 7);
    int y = check.input(3, 7);
    check.check(e -> {
      Tensor stream = e.scale(check.get(e, x), 2);
      Tensor other = e.scale(check.get(e, y), 3);
      Tensor first = e.add(stream, e.softmax(stream));
      Tensor second = e.add(e.add(first, other), e.add(e.softmax(other), e.mul(first, other)));
      return e.add(e.add(second, other), e.add(e.mul(second, stream), second));
    });
  }

  @Test
  void weightOfTwoLayersAndATable() {
    Tensor table = check.weight(6, 5);
    Tensor square = check.weight(5, 5);
    Tensor norm = check.weight(5);
    Tensor ids = check.ids(1, 3, 0, 5, 3);
    check.check(e -> {
      Tensor x = e.rmsNorm(e.embedding(table, ids), norm, 0.01f);
      Tensor y = e.activate(e.linear(x, square, norm), Activation.GELU_ERF);
      Tensor z = e.layerNorm(e.add(x, e.linear(y, square, null)), norm, null, 0.01f);
      return e.linear(z, table, null);
    });
  }

  @Test
  void weightsAsOperandsOfAnyKind() {
    Tensor a = check.weight(3, 7);
    Tensor b = check.weight(3, 7);
    check.check(e -> e.mul(e.add(a, b), e.add(e.activate(a, Activation.SILU), a)));
  }

  @Test
  void resultsAsWeights() {
    int x = check.input(3, 5);
    int w = check.input(4, 5);
    int rows = check.input(1, 5);
    Tensor ids = check.ids(1, 2, 0, 2);
    check.check(e -> {
      Tensor weight = e.scale(check.get(e, w), 0.5f);
      Tensor vector = e.softmax(check.get(e, rows));
      Tensor normed = e.rmsNorm(e.layerNorm(check.get(e, x), vector, null, 0.01f), vector, 1);
      Tensor bias = e.linear(vector, weight, null);
      Tensor looked = e.embedding(weight, ids);
      return e.linear(e.add(normed, looked), weight, bias);
    });
  }

  @ParameterizedTest
  @EnumSource
  void resultsOfBlocks(Activations activations) {
    int x = check.input(3, 5);
    Tensor w = check.weight(5, 5);
    Layer<Tensor> layer =
        (e, stream, weight) -> {
          Tensor y = e.activate(e.linear(stream, weight, null), Activation.SILU);
          return e.add(stream, e.mul(y, e.add(y, stream)));
        };
    check.check(
        e -> {
          Tensor once = e.scale(check.get(e, x), 0.5f);
          Tensor twice = e.block(layer, e.block(layer, once, w), w);
          return e.mul(twice, e.add(e.softmax(twice), twice));
        },
        activations);
  }

  /** The derivative of a loss takes the place of the logits only if nobody else needs them. */
  @Test
  void logitsOfTwoLosses() {
    int x = check.input(4, 7);
    Tensor targets = check.ids(1, 3, 0, -1, 6);
    Tensor others = check.ids(1, -1, 2, 5, 6);
    check.check(e -> {
      Tensor logits = e.scale(check.get(e, x), 2);
      return e.add(e.crossEntropy(logits, targets), e.crossEntropy(logits, others));
    });
  }

  @Test
  void logitsWithOtherConsumers() {
    int x = check.input(4, 7);
    Tensor ones = check.random(1, 7);
    Tensor targets = check.ids(1, 3, 0, -1, 6);
    check.check(e -> {
      Tensor logits = e.scale(check.get(e, x), 2);
      Tensor before = e.linear(e.mul(logits, logits), ones, null);
      Tensor loss = e.crossEntropy(logits, targets);
      Tensor after = e.linear(e.softmax(logits), ones, null);
      return e.add(e.add(before, after), loss);
    });
  }

  @Test
  void logitsThatTheirOwnDerivativeNeeds() {
    int x = check.input(4, 7);
    Tensor targets = check.ids(1, 3, 0, -1, 6);
    check.check(e -> e.crossEntropy(e.softmax(check.get(e, x)), targets));
  }

  @Test
  void logitsThatAreWeights() {
    Tensor logits = check.weight(4, 7);
    Tensor targets = check.ids(1, 3, 0, -1, 6);
    check.check(e -> e.crossEntropy(logits, targets));
  }

  /** Kernels that work in parallel add to each derivative by itself. */
  @Test
  void operandsOfVectorKernels() {
    assertTwiceIsOnceAndOnce((e, x) -> e.gated(x[0], x[1], Activation.SILU));
    assertTwiceIsOnceAndOnce((e, x) -> e.mul(x[0], x[1]));
    assertTwiceIsOnceAndOnce((e, x) -> e.attention(x[0], x[1], x[2], ATTENTION));
  }

  /** Compares one tensor in all places with copies of it. */
  private static void assertTwiceIsOnceAndOnce(BiFunction<Exec, Tensor[], Tensor> function) {
    float[] expected = gradient((e, x) -> copies(e, x, function));
    float[] found = gradient((e, x) -> function.apply(e, new Tensor[] {x, x, x}));
    assertArrayEquals(expected, found, 1e-5f);
    float sum = 0;
    for (float value : expected) {
      sum += Math.abs(value);
    }
    assertTrue(sum > 1, "no gradient");
  }

  private static Tensor copies(Exec e, Tensor x, BiFunction<Exec, Tensor[], Tensor> function) {
    return function.apply(e, new Tensor[] {x, e.scale(x, 1), e.scale(x, 1)});
  }

  private static float[] gradient(BiFunction<Exec, Tensor, Tensor> function) {
    try (Arena arena = Arena.ofShared();
        Exec exec = new Exec(new VectorBackend(2))) {
      SplittableRandom random = new SplittableRandom(3);
      Tensor table = Tensor.allocate(arena, DType.F32, Shape.of(37, 6));
      Tensor gradient = Tensor.allocate(arena, DType.F32, table.shape());
      Tensor ids = Tensor.allocate(arena, DType.I32, Shape.of(37));
      for (int i = 0; i < 37 * 6; i++) {
        table.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        ids.segment().setAtIndex(ValueLayout.JAVA_INT, i / 6, i / 6);
      }
      Parameters parameters = new Parameters();
      parameters.add(new Parameter("table", table, gradient));
      exec.resetToTrain(parameters, Activations.STORED);
      exec.seed(function.apply(exec, exec.embedding(table, ids)), 1);
      exec.backward();
      exec.backend().close();
      return gradient.segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
