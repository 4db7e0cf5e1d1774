package jllm.tensor.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import jllm.tensor.Activations;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters.Parameter;
import jllm.tensor.scalar.ScalarBackend;

/**
 * One operation, or a few, in double precision: the gradient of a random linear functional of the
 * result by every element of every operand, against central differences. Differences are taken
 * outside of training, so that the results of both ways are compared too.
 */
final class GradientCheck implements AutoCloseable {
  private static final long SEED = Long.getLong("jllm.gradient.seed", 20_240_301);
  private static final double STEP = 1e-5;
  private static final double TOLERANCE = 1e-6;

  /** What rounding makes of a difference: for derivatives near 0. */
  private static final double ROUNDING = 1e-9;

  /** Operands keep away from 0, where RELU has no derivative. */
  private static final double SMALLEST = 0.01;

  /** What a gradient is before the step: derivatives must add to it. */
  private static final double BEFORE = 0.25;

  private final SplittableRandom random = new SplittableRandom(SEED);
  private final Arena arena = Arena.ofConfined();
  private final Exec exec = new Exec(new ScalarBackend(DType.F64));
  private final Parameters parameters = new Parameters();
  private final List<Tensor> inputs = new ArrayList<>();
  private final List<Tensor> rowIds = new ArrayList<>();

  /** A trained weight of random elements. */
  Tensor weight(int... dims) {
    Tensor weight = random(dims);
    Tensor gradient = Tensor.allocate(arena, DType.F64, weight.shape());
    parameters.add(new Parameter("operand " + parameters.all().size(), weight, gradient));
    return weight;
  }

  /**
   * A matrix of random elements that {@link #check} turns into an activation: the rows of a trained
   * table, one after the other.
   *
   * @return its number among the inputs
   */
  int input(int rows, int columns) {
    inputs.add(weight(rows, columns));
    int[] ids = new int[rows];
    for (int n = 0; n < rows; n++) {
      ids[n] = n;
    }
    rowIds.add(ids(1, ids));
    return inputs.size() - 1;
  }

  /** The activation of an input in this step. */
  Tensor get(Exec step, int input) {
    return step.embedding(inputs.get(input), rowIds.get(input));
  }

  /** Random elements that are not trained. */
  Tensor random(int... dims) {
    Tensor tensor = Tensor.allocate(arena, DType.F64, Shape.of(dims));
    for (long i = 0; i < tensor.shape().elements(); i++) {
      double value = random.nextGaussian();
      set(tensor, i, value + Math.copySign(SMALLEST, value));
    }
    return tensor;
  }

  /** I32 [rows, values / rows]. */
  Tensor ids(int rows, int... values) {
    Tensor tensor = Tensor.allocate(arena, DType.I32, Shape.of(rows, values.length / rows));
    for (int i = 0; i < values.length; i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_INT, i, values[i]);
    }
    return tensor;
  }

  /** Checks the gradients of all weights and inputs. */
  void check(Function<Exec, Tensor> function) {
    check(function, Activations.STORED);
  }

  void check(Function<Exec, Tensor> function, Activations activations) {
    exec.reset();
    Tensor shape = function.apply(exec);
    Tensor factors = random(shape.rows(), shape.columns());
    for (Parameter parameter : parameters.all()) {
      exec.backend().training().fill(parameter.gradient(), (float) BEFORE);
    }
    exec.resetToTrain(parameters, activations);
    Tensor result = function.apply(exec);
    double trained = dot(result, factors);
    exec.seed(exec.mul(result, factors), 1);
    exec.backward();
    double evaluated = evaluate(function, factors);
    assertEquals(evaluated, trained, 1e-12 * Math.max(1, Math.abs(evaluated)), "result, " + seed());
    for (Parameter parameter : parameters.all()) {
      compare(parameter, function, factors);
    }
  }

  private void compare(Parameter parameter, Function<Exec, Tensor> function, Tensor factors) {
    Tensor weight = parameter.weight();
    boolean found = false;
    for (long i = 0; i < weight.shape().elements(); i++) {
      double before = get(weight, i);
      set(weight, i, before + STEP);
      double above = evaluate(function, factors);
      set(weight, i, before - STEP);
      double below = evaluate(function, factors);
      set(weight, i, before);
      double expected = (above - below) / (2 * STEP);
      double gradient = get(parameter.gradient(), i) - BEFORE;
      double tolerance = TOLERANCE * Math.abs(expected) + ROUNDING * Math.max(1, Math.abs(above));
      String what = parameter.name() + " " + weight + " element " + i + ", " + seed();
      assertEquals(expected, gradient, tolerance, what);
      found |= Math.abs(expected) > 1e-3;
    }
    assertTrue(found, parameter.name() + " " + weight + " has no influence, " + seed());
  }

  private double evaluate(Function<Exec, Tensor> function, Tensor factors) {
    exec.reset();
    return dot(function.apply(exec), factors);
  }

  private static double dot(Tensor a, Tensor b) {
    double sum = 0;
    for (long i = 0; i < a.shape().elements(); i++) {
      sum += get(a, i) * get(b, i);
    }
    return sum;
  }

  private static String seed() {
    return "seed " + SEED;
  }

  static double get(Tensor tensor, long i) {
    return tensor.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, i);
  }

  private static void set(Tensor tensor, long i, double value) {
    tensor.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, i, value);
  }

  @Override
  public void close() {
    exec.close();
    arena.close();
  }
}
