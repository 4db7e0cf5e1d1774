package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.StochasticRounding;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What ends a training step: sums of losses, the norm of gradients, AdamW. */
interface OptimizerContract extends Subject {

  @Test
  default void sumOfSquares() {
    for (int columns : new int[] {1, 7, 33, 1000, 70_001}) {
      try (Trial trial = new Trial(backend(), "sum of squares of " + columns)) {
        Operand x = trial.normal(1, columns, 100);
        double[] sums = sums(trial, x);
        assertEquals(sums[0], sums[1], 1e-6 * sums[0], trial.toString());
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
          x.set(columns / 2, bad);
          assertFalse(Double.isFinite(sums(trial, x)[1]), trial.toString());
        }
      }
    }
  }

  /** What the oracle finds, and the backend under test. */
  private static double[] sums(Trial trial, Operand x) {
    double[] sums = new double[2];
    int[] calls = {0};
    trial.run((b, side) -> sums[calls[0]++] = b.training().sumOfSquares(side.of(x)));
    return sums;
  }

  /** Losses of several batches, in rows of one column. */
  @Test
  default void addSum() {
    for (int rows : new int[] {1, 7, 1024, 5003}) {
      try (Trial trial = new Trial(backend(), "sum of " + rows)) {
        Operand sum = trial.doubles(0.25).asResult();
        for (int batch = 0; batch < 3; batch++) {
          Operand losses = trial.normal(rows, 1, 10);
          trial.run((b, side) -> b.training().addSum(side.of(sum), side.of(losses)));
        }
        trial.assertEach(sum, 1e-10, 1e-10);
      }
    }
  }

  /** Of tensors of different lengths, one of them beyond what a block strides over. */
  @Test
  default void norm() {
    int[] columns = {1, 40_001, 16, 70_000, 3};
    try (Trial trial = new Trial(backend(), "norm of several tensors")) {
      List<Operand> tensors = new ArrayList<>();
      for (int size : columns) {
        tensors.add(trial.normal(1, size, 3));
      }
      Operand norm = trial.doubles(-1).asResult();
      trial.run(
          (b, side) -> b.training().norm(side.of(norm), tensors.stream().map(side::of).toList()));
      trial.assertEach(norm, 1e-9, 0);
      for (Operand tensor : tensors) {
        double before = tensor.exactValues()[0];
        tensor.set(0, Double.NEGATIVE_INFINITY);
        trial.run(
            (b, side) -> b.training().norm(side.of(norm), tensors.stream().map(side::of).toList()));
        assertFalse(Double.isFinite(norm.testedValues()[0]), trial.toString());
        tensor.set(0, before);
      }
    }
  }

  /** What AdamW changes at once. */
  record Weights(
      Operand w, Operand gradient, Operand m, Operand v, @Nullable Operand rounded, float decay) {
    static Weights of(Trial trial, int rows, int columns, Shape shape, boolean rounds) {
      return new Weights(
          shaped(trial.normal(rows, columns, 1), shape).asResult(),
          shaped(trial.normal(rows, columns, 0.1), shape),
          shaped(trial.values(rows, columns, 0), shape).asResult(),
          shaped(trial.values(rows, columns, 0), shape).asResult(),
          rounds ? trial.roundedOut(DType.BF16, shape) : null,
          rounds ? 0.1f : 0);
    }

    private static Operand shaped(Operand operand, Shape shape) {
      int[] dims = new int[shape.rank()];
      for (int axis = 0; axis < dims.length; axis++) {
        dims[axis] = shape.dim(axis);
      }
      return operand.reshape(dims);
    }

    private AdamWWeights on(Trial.Side side) {
      return new AdamWWeights(
          side.of(w), side.of(gradient), side.of(m), side.of(v), side.optional(rounded), decay);
    }
  }

  private static void run(Trial trial, List<Weights> all, AdamWStep step, Operand totals) {
    trial.run((b, side) ->
        b.training()
            .adamW(all.stream().map(weights -> weights.on(side)).toList(), step, side.of(totals)));
  }

  private static AdamWStep step(double clip, long number, @Nullable StochasticRounding rounding) {
    return new AdamWStep(0.01f, 0.9f, 0.95f, 1e-8f, clip, number, rounding);
  }

  /** Some steps of several tensors, with moments that grow from nothing, clipped and not. */
  @Test
  default void adamW() {
    for (int rows : new int[] {1, 3, 70}) {
      for (int columns : Sizes.WIDTHS) {
        String sizes = rows + " x " + columns;
        try (Trial trial = new Trial(backend(), "AdamW of " + sizes)) {
          Shape shape = columns % 2 == 0 ? Shape.of(rows, columns / 2, 2) : Shape.of(rows, columns);
          List<Weights> all =
              List.of(
                  Weights.of(trial, rows, columns, shape, true),
                  Weights.of(trial, 1, 5, Shape.of(5), false),
                  Weights.of(trial, rows, columns, shape, false));
          run(trial, all, step(0, 1, null), trial.doubles(3, 100));
          run(trial, all, step(0.5, 2, null), trial.doubles(3, 0.7));
          run(trial, all, step(0.5, 3, null), trial.doubles(3, 0.5));
          for (Weights weights : all) {
            trial.assertEach(weights.w, 1e-6, 1e-6);
            trial.assertEach(weights.m, 1e-6, 1e-7);
            trial.assertEach(weights.v, SINGLE, 0);
            if (weights.rounded != null) {
              trial.assertIsRounded(weights.rounded, weights.w);
            }
          }
        }
      }
    }
  }

  /** A step whose loss or gradient is not finite. */
  @Test
  default void adamWChangesNothingWithoutFiniteTotals() {
    try (Trial trial = new Trial(backend(), "AdamW without finite totals")) {
      List<Weights> all = List.of(Weights.of(trial, 3, 37, Shape.of(3, 37), true));
      run(trial, all, step(1, 1, null), trial.doubles(1, 2));
      Weights weights = all.getFirst();
      double[] w = weights.w.testedValues();
      double[] m = weights.m.testedValues();
      double[] v = weights.v.testedValues();
      for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
        run(trial, all, step(1, 2, null), trial.doubles(bad, 1));
        run(trial, all, step(0, 2, null), trial.doubles(1, bad));
      }
      assertArrayEquals(w, weights.w.testedValues(), trial.toString());
      assertArrayEquals(m, weights.m.testedValues(), trial.toString());
      assertArrayEquals(v, weights.v.testedValues(), trial.toString());
    }
  }

  /** By the places of the elements: in chunks, over all tensors, those too that are not rounded. */
  @Test
  default void adamWRoundsStochastically() {
    int chunk = StochasticRounding.CHUNK;
    try (Trial trial = new Trial(backend(), "AdamW with stochastic rounding")) {
      StochasticRounding rounding = new StochasticRounding(trial.random().nextLong());
      int[] sizes = {chunk + 1, 5, 3 * chunk, 2 * chunk + 77, 1};
      List<Weights> all = new ArrayList<>();
      for (int i = 0; i < sizes.length; i++) {
        all.add(Weights.of(trial, 1, sizes[i], Shape.of(sizes[i]), i != 2));
      }
      Weights special = all.getFirst();
      special.w.set(3, Double.NaN);
      special.w.set(4, Double.POSITIVE_INFINITY);
      special.w.set(5, Double.NEGATIVE_INFINITY);
      run(trial, all, step(1, 1, rounding), trial.doubles(1, 2));
      long first = 0;
      for (Weights weights : all) {
        double[] w = weights.w.testedValues();
        for (int i = 0; weights.rounded != null && i < w.length; i++) {
          int key = rounding.key(first + i / chunk);
          short expected = StochasticRounding.round((float) w[i], key, i % chunk);
          short found =
              weights.rounded.tested().segment().getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i);
          assertEquals(expected, found, () -> trial.toString());
        }
        first += StochasticRounding.chunks(w.length);
      }
    }
  }

  /** Moments of weights that get no gradient stay zero; the weights only decay. */
  @Test
  default void adamWWithoutGradient() {
    try (Trial trial = new Trial(backend(), "AdamW without gradient")) {
      Operand w = trial.normal(3, 37, 1).asResult();
      Operand zeros = trial.values(3, 37, 0);
      Operand m = trial.values(3, 37, 0).asResult();
      Operand v = trial.values(3, 37, 0).asResult();
      AdamWStep step = new AdamWStep(0.5f, 0.9f, 0.999f, 1e-8f, 0, 1000, null);
      run(trial, List.of(new Weights(w, zeros, m, v, null, 0.5f)), step, trial.doubles(1, 0));
      trial.assertEach(w, 1e-6, 0);
      trial.assertEach(m, 0, 0);
      trial.assertEach(v, 0, 0);
    }
  }
}
