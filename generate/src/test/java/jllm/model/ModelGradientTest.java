package jllm.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import jllm.format.ModelConfig;
import jllm.format.model.ModelSizes;
import jllm.tensor.Activations;
import jllm.tensor.Tensor;
import jllm.tensor.grad.Parameters.Parameter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients of whole models in double precision against central differences. */
class ModelGradientTest {
  private static final long SEED = Long.getLong("jllm.model.seed", 20_240_229);

  /** Elements of each weight that are tried. */
  private static final int ELEMENTS = 5;

  private static final double STEP = 1e-5;

  private static ModelConfig config(String architecture) {
    ModelSizes sizes = ModelSizes.dense(13, 8, 12, 2, 6, 2, 10);
    return switch (architecture) {
      case "gpt2", "gptneox" -> ModelSizes.dense(13, 8, 12, 2, 3, 3, 10).config(architecture);
      case "qwen3", "gemma2" -> sizes.withHeadDim(4).config(architecture);
      case "mixtral" -> sizes.withExperts(4, 2).config("llama");
      case "qwen3moe" -> sizes.withHeadDim(4).withExperts(4, 2).config(architecture);
      default -> sizes.config(architecture);
    };
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt2",
        "gptneox",
        "llama",
        "qwen2",
        "mixtral",
        "qwen3",
        "qwen3moe",
        "phi3",
        "gemma2"
      })
  void gradientsAreThoseOfDifferences(String architecture) {
    try (TrainedModel trained = new TrainedModel(config(architecture), SEED)) {
      trained.balance = 0.7f;
      check(architecture, trained);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama", "mixtral"})
  void gradientsWithDropoutAndDocuments(String architecture) {
    try (TrainedModel trained = new TrainedModel(config(architecture), SEED)) {
      trained.balance = 0.7f;
      trained.dropout = 0.3f;
      trained.documents = true;
      check(architecture + " with dropout and documents", trained);
    }
  }

  private static void check(String what, TrainedModel trained) {
    SplittableRandom random = new SplittableRandom(SEED);
    double loss = trained.step(Activations.STORED);
    assertEquals(trained.loss(), loss, 1e-12 * loss, what);
    for (Parameter parameter : trained.parameters.all()) {
      Tensor weight = parameter.weight();
      double largest = 0;
      for (double value : TrainedModel.values(parameter.gradient())) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertTrue(largest > 0, what + ": no gradient of " + parameter.name());
      for (int i = 0; i < ELEMENTS; i++) {
        long element = random.nextLong(weight.shape().elements());
        double before = TrainedModel.get(weight, element);
        TrainedModel.set(weight, element, before + STEP);
        double above = trained.loss();
        TrainedModel.set(weight, element, before - STEP);
        double below = trained.loss();
        TrainedModel.set(weight, element, before);
        double expected = (above - below) / (2 * STEP);
        double found = TrainedModel.get(parameter.gradient(), element);
        assertEquals(
            expected,
            found,
            1e-6 * (largest + Math.abs(expected)),
            () -> what + ", " + parameter.name() + " element " + element + ", seed " + SEED);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama", "mixtral", "gemma2"})
  void recomputedActivationsGiveTheSameBits(String architecture) {
    try (TrainedModel trained = new TrainedModel(config(architecture), SEED)) {
      trained.balance = 0.7f;
      trained.dropout = 0.2f;
      trained.documents = true;
      double stored = trained.step(Activations.STORED);
      double[][] gradients = gradients(trained);
      trained.zeroGradients();
      assertEquals(stored, trained.step(Activations.RECOMPUTED), 0);
      assertArrayEquals(gradients, gradients(trained));
    }
  }

  private static double[][] gradients(TrainedModel trained) {
    return trained.parameters.all().stream()
        .map(parameter -> TrainedModel.values(parameter.gradient()))
        .toArray(double[][]::new);
  }

  @Test
  void gradientsOfStepsAddUp() {
    try (TrainedModel trained = new TrainedModel(config("llama"), SEED)) {
      trained.step(Activations.STORED);
      double[][] once = gradients(trained);
      trained.step(Activations.STORED);
      double[][] twice = gradients(trained);
      for (int i = 0; i < once.length; i++) {
        for (int j = 0; j < once[i].length; j++) {
          assertEquals(2 * once[i][j], twice[i][j], 1e-12 * Math.abs(once[i][j]));
        }
      }
    }
  }

  @Test
  void dropoutOfZeroIsEvaluation() {
    try (TrainedModel trained = new TrainedModel(config("gpt2"), SEED)) {
      double evaluated = trained.loss();
      assertEquals(evaluated, trained.step(Activations.STORED), 1e-12 * evaluated);
      trained.dropout = 0.2f;
      double dropped = trained.loss();
      assertNotEquals(evaluated, dropped, 1e-3);
      trained.dropout = 0;
      assertEquals(evaluated, trained.loss(), 0);
    }
  }
}
