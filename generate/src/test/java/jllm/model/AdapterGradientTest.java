package jllm.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import jllm.format.ModelConfig;
import jllm.format.lora.LoraAdapter;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.tensor.Activations;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters;
import jllm.tensor.grad.Parameters.Parameter;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients of adapters over frozen models in double precision against central differences. */
class AdapterGradientTest {
  private static final long SEED = Long.getLong("jllm.model.seed", 20_240_301);
  private static final int ROWS = 6;
  private static final double STEP = 1e-5;

  /** Elements of each matrix that are tried. */
  private static final int ELEMENTS = 3;

  private static ModelConfig config(String architecture, DType type) {
    if (type != DType.F32) {
      return ModelSizes.dense(11, 8, 256, 1, 2, 1, 256).config(architecture);
    }
    return switch (architecture) {
      case "gpt2", "gptneox" -> ModelSizes.dense(13, 8, 12, 2, 3, 3, 10).config(architecture);
      case "mixtral" -> ModelSizes.dense(13, 8, 12, 2, 6, 2, 10).withExperts(4, 2).config("llama");
      default -> ModelSizes.dense(13, 8, 12, 2, 6, 2, 10).config(architecture);
    };
  }

  @ParameterizedTest
  @CsvSource({
    "llama, F32",
    "gpt2, F32",
    "gptneox, F32",
    "phi3, F32",
    "gemma2, F32",
    "mixtral, F32",
    "llama, Q8_0",
    "llama, Q4_K",
    "phi3, Q4_K"
  })
  void gradientsAreThoseOfDifferences(String architecture, DType type) {
    for (float dropout : new float[] {0, 0.3f}) {
      try (Tuned tuned = new Tuned(config(architecture, type), type)) {
        tuned.dropout = dropout;
        check(architecture + " " + type + ", dropout " + dropout, tuned);
      }
    }
  }

  private static void check(String what, Tuned tuned) {
    SplittableRandom random = new SplittableRandom(SEED);
    double loss = tuned.step(Activations.STORED);
    assertEquals(tuned.loss(), loss, 1e-12 * loss, what);
    assertTrue(tuned.parameters.all().size() >= 4, what);
    for (Parameter parameter : tuned.parameters.all()) {
      Tensor weight = parameter.weight();
      double largest =
          DoubleStream.of(TrainedModel.values(parameter.gradient())).map(Math::abs).max().orElse(0);
      assertTrue(largest > 0, what + ": no gradient of " + parameter.name());
      for (int i = 0; i < ELEMENTS; i++) {
        long element = random.nextLong(weight.shape().elements());
        double before = TrainedModel.get(weight, element);
        TrainedModel.set(weight, element, before + STEP);
        double above = tuned.loss();
        TrainedModel.set(weight, element, before - STEP);
        double below = tuned.loss();
        TrainedModel.set(weight, element, before);
        double expected = (above - below) / (2 * STEP);
        assertEquals(
            expected,
            TrainedModel.get(parameter.gradient(), element),
            1e-6 * (largest + Math.abs(expected)),
            () -> what + ", " + parameter.name() + " element " + element + ", seed " + SEED);
      }
    }
  }

  @Test
  void recomputedActivationsGiveTheSameBits() {
    try (Tuned tuned = new Tuned(config("phi3", DType.F32), DType.F32)) {
      tuned.dropout = 0.3f;
      double stored = tuned.step(Activations.STORED);
      double[][] gradients = tuned.gradients();
      tuned.zeroGradients();
      assertEquals(stored, tuned.step(Activations.RECOMPUTED), 0);
      assertArrayEquals(gradients, tuned.gradients());
    }
  }

  /** A small frozen model with an adapter that is trained. */
  private static final class Tuned implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Backend backend = new ScalarBackend(DType.F64);
    private final RandomWeights weights;
    private final LoraAdapter adapter;
    private final Parameters parameters = new Parameters();
    private final Transformer model;
    private final Exec exec = new Exec(backend);
    private final Batch batch = Batch.whole(ROWS);
    private final int[] tokens = new int[ROWS];
    private final int[] targets = new int[ROWS];
    private float dropout;

    Tuned(ModelConfig config, DType type) {
      weights =
          new RandomWeights(config, (name, _) -> name.startsWith("blk.") ? type : DType.F32, SEED);
      adapter = Adapters.random(weights, 3, DType.F64, 0.2, SEED);
      adapter
          .pairs()
          .forEach((name, pair) -> {
            register(name + ".lora_a", pair.a());
            register(name + ".lora_b", pair.b());
          });
      model = Transformer.tuned(weights, backend, adapter, parameters);
      SplittableRandom random = new SplittableRandom(SEED);
      for (int i = 0; i < ROWS; i++) {
        tokens[i] = random.nextInt(config.vocabularySize());
        targets[i] = i == 2 ? -1 : random.nextInt(config.vocabularySize());
      }
    }

    private void register(String name, Tensor weight) {
      Tensor gradient = Tensor.allocate(arena, DType.F64, weight.shape());
      parameters.add(new Parameter(name, weight, gradient));
    }

    private double forward() {
      batch.fill(tokens, 0, ROWS, 2).targets(targets, 0).adapterDropout(dropout, 5);
      Tensor losses = model.losses(exec, model.hidden(exec, batch), batch);
      if (exec.isTraining()) {
        exec.seed(losses, 1);
      }
      return DoubleStream.of(TrainedModel.values(losses)).sum();
    }

    double loss() {
      exec.reset();
      return forward();
    }

    double step(Activations activations) {
      exec.resetToTrain(parameters, activations);
      double loss = forward();
      exec.backward();
      return loss;
    }

    double[][] gradients() {
      return parameters.all().stream()
          .map(parameter -> TrainedModel.values(parameter.gradient()))
          .toArray(double[][]::new);
    }

    void zeroGradients() {
      parameters.all().forEach(parameter -> parameter.gradient().segment().fill((byte) 0));
    }

    @Override
    public void close() {
      exec.close();
      model.close();
      batch.close();
      adapter.close();
      weights.close();
      backend.close();
      arena.close();
    }
  }
}
