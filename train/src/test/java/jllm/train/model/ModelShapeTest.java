package jllm.train.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.model.ModelArchitectures;
import jllm.tensor.Activation;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ModelShapeTest {
  /** As published, with GPT-2's vocabulary and, of Gopher, one of 32,000. */
  @ParameterizedTest
  @CsvSource({
    "gpt2-small, 50257, 124439808",
    "gpt2-medium, 50257, 354823168",
    "gpt2-large, 50257, 774030080",
    "gpt2-xl, 50257, 1557611200",
    "llama-15m, 32000, 15191712",
    "llama-42m, 32000, 41689600",
    "llama-110m, 32000, 109529856",
    "llama-1b, 128256, 1235814400",
    "llama-8b, 128256, 8030261248",
  })
  void presetsHaveThePublishedNumberOfParameters(String name, int vocabulary, long parameters) {
    ModelConfig config = ModelPresets.named(name).config(vocabulary);
    assertEquals(parameters, ModelCosts.of(config, 64).parameters());
    assertEquals(name.startsWith("gpt2") ? "gpt2" : "llama", config.architecture());
  }

  @ParameterizedTest
  @CsvSource({"gopher-44m, 44", "gopher-117m, 117", "gopher-417m, 417", "gopher-1.4b, 1400"})
  void gopherShapesAreAboutAsLargeAsTheirNamesSay(String name, double millions) {
    long parameters = ModelCosts.of(ModelPresets.named(name).config(32_000), 64).parameters();
    assertEquals(millions, parameters / 1e6, 0.1 * millions);
  }

  @Test
  void everyPresetAndDepthIsAModel() {
    for (String name : ModelPresets.names()) {
      assertTrue(ModelPresets.named(name).config(256).layers() > 0, name);
    }
    for (int depth = 1; depth < 40; depth++) {
      ModelConfig config = ModelPresets.ofDepth(depth).config(256);
      assertEquals(depth, config.layers());
      assertEquals("llama", config.architecture());
      assertEquals(64, config.attention().headDim());
    }
    assertThrows(SettingsException.class, () -> ModelPresets.named("gpt5"));
    assertThrows(SettingsException.class, () -> ModelPresets.ofDepth(0));
  }

  /** 6 for each parameter of a matrix product, and attention; by hand. */
  @Test
  void costsAreCounted() {
    ModelConfig config = ModelShape.gpt2(2, 2, 8, 16).config(10);
    ModelCosts costs = ModelCosts.of(config, 4);
    long block = 12 * 8 * 8;
    assertEquals(2 * block + 10 * 8, costs.matrixParameters());
    assertEquals(2 * block + (10 + 16) * 8 + vectors(2, 8), costs.parameters());
    // Four positions see 1, 2, 3, 4: 2.5 on average; two products of 8 a layer.
    assertEquals(3 * (2.0 * (2 * block + 80) + 2 * 4 * 2.5 * 8), costs.training().total(), 1e-6);
  }

  /** Norms (weight and bias), and the biases of the four matrices of a block: 3 + 1 + 4 + 1. */
  private static long vectors(int layers, int width) {
    return layers * (4L * width + 9L * width) + 2L * width;
  }

  @Test
  void overridesFollow() {
    ModelShape small = ModelPresets.named("gpt2-small");
    ModelShape wider = small.with(overrides(null, 16, 1024));
    assertEquals(4096, wider.hidden());
    assertEquals(16, wider.kvHeads());
    ModelShape swiglu =
        small.with(
            new ModelOverrides(
                null,
                null,
                null,
                null,
                null,
                null,
                NormConfig.Kind.RMS,
                Activation.SILU,
                null,
                ModelShape.Position.ROPE,
                ModelShape.Bias.NONE,
                null,
                null,
                null,
                null));
    assertTrue(swiglu.gated());
    assertEquals(2048, swiglu.hidden());
    assertEquals("llama", swiglu.config(100).architecture());
    ModelShape mixed =
        small.with(
            new ModelOverrides(
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                ModelShape.Position.SINUSOIDAL,
                null,
                null,
                null,
                null,
                null));
    assertEquals(ModelArchitectures.OWN, mixed.config(100).architecture());
    assertEquals(new PositionConfig.Sinusoidal(), mixed.config(100).position());
  }

  private static ModelOverrides overrides(
      @Nullable Integer layers, @Nullable Integer heads, @Nullable Integer width) {
    return new ModelOverrides(
        layers, heads, null, width, null, null, null, null, null, null, null, null, null, null,
        null);
  }

  @Test
  void impossibleShapesAreNamed() {
    SettingsException error =
        assertThrows(
            SettingsException.class,
            () -> ModelPresets.named("gpt2-small").with(overrides(null, 10, 768)).config(100));
    String message = String.valueOf(error.getMessage());
    assertTrue(message.contains("768 cannot be divided among 10 heads"), message);
    assertTrue(message.contains("8 or 12"), message);
    assertThrows(
        SettingsException.class,
        () -> ModelPresets.named("llama-15m").with(overrides(null, 5, 15)).config(100));
    assertThrows(
        SettingsException.class,
        () -> ModelPresets.named("llama-15m").with(overrides(0, null, null)).config(100));
    assertThrows(SettingsException.class, () -> ModelPresets.named("nano").config(0));
  }
}
