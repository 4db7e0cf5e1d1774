package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every row of the table, written as GGUF and read again. */
class FamiliesTest {
  private static final long SEED = 42;

  @TempDir Path folder;

  static List<String> architectures() {
    return List.of(
        "llama", "qwen2", "qwen3", "qwen3moe", "gpt2", "gptneox", "phi3", "gemma", "gemma2");
  }

  @Test
  void allRowsAreTested() {
    String message =
        String.valueOf(
            assertThrows(RuntimeException.class, () -> Families.require("?", "x")).getMessage());
    assertTrue(message.endsWith(String.join(", ", architectures())), message);
  }

  @ParameterizedTest
  @MethodSource("architectures")
  void comesBackAsItWasWritten(String architecture) throws IOException {
    ModelConfig config = TinyModels.config(architecture);
    for (DType type : List.of(DType.F32, DType.Q8_0)) {
      Path path = folder.resolve(type + ".gguf");
      try (RandomWeights written = new RandomWeights(config, type, SEED)) {
        GgufModelWriter.write(path, written, Map.of());
        try (ModelFile read = ModelFiles.open(path)) {
          assertEquals(config, read.config());
          assertSameWeights(written, read.weights());
        }
      }
    }
  }

  @Test
  void experts() throws IOException {
    ModelConfig config = TinyModels.SIZES.withExperts(4, 2).config("llama");
    Path path = folder.resolve("mixtral.gguf");
    try (RandomWeights written = new RandomWeights(config, DType.Q8_0, SEED)) {
      GgufModelWriter.write(path, written, Map.of());
      try (ModelFile read = ModelFiles.open(path)) {
        assertEquals(config, read.config());
        assertSameWeights(written, read.weights());
        assertEquals(DType.F32, read.weights().tensor("blk.0.ffn_gate_inp.weight").dtype());
      }
    }
  }

  static List<RopeScaling> scalings() {
    float[] one = new float[TinyModels.SIZES.headDim() / 2];
    float[] two = one.clone();
    for (int i = 0; i < one.length; i++) {
      one[i] = 1 + i;
      two[i] = 2 + i;
    }
    return List.of(
        new RopeScaling.None(),
        new RopeScaling.Linear(4),
        new RopeScaling.Yarn(4, 32, 32, 1, 1.5f),
        new RopeScaling.Yarn(2, 32, 16, 2, (float) RopeScaling.Yarn.magnitudeOf(2)),
        new RopeScaling.Divisors(one, one, 64, 1),
        new RopeScaling.Divisors(one, two, 16, 1.25f));
  }

  @ParameterizedTest
  @MethodSource("scalings")
  void scaledRope(RopeScaling scaling) throws IOException {
    ModelConfig config = TinyModels.withScaling(TinyModels.config("llama"), scaling);
    assertEquals(config.position(), written(config).position());
  }

  private ModelConfig written(ModelConfig config) throws IOException {
    Path path = folder.resolve("m.gguf");
    try (RandomWeights weights = new RandomWeights(config, DType.F32, SEED)) {
      GgufModelWriter.write(path, weights, Map.of());
    }
    try (ModelFile read = ModelFiles.open(path)) {
      read.weights();
      return read.config();
    }
  }

  @Test
  void theFactorsOfLlama3BecomeATensor() throws IOException {
    RopeScaling scaling = new RopeScaling.Llama3(8, 1, 4, 32);
    ModelConfig config = TinyModels.withScaling(TinyModels.config("llama"), scaling);
    ModelConfig read = written(config);
    double[] expected = ((PositionConfig.Rope) config.position()).frequencies(false, 64);
    double[] found = ((PositionConfig.Rope) read.position()).frequencies(false, 64);
    assertEquals(expected.length, found.length);
    for (int pair = 0; pair < expected.length; pair++) {
      assertEquals(expected[pair], found[pair], 1e-6 * expected[pair], "pair " + pair);
    }
  }

  /** Rows of queries and keys move, so that the same pairs of components are turned. */
  @ParameterizedTest
  @ValueSource(ints = {8, 4})
  void otherPairings(int dimensions) throws IOException {
    ModelConfig config =
        TinyModels.withRope(TinyModels.config("llama"), dimensions, RopePairing.HALF_SPLIT);
    Path path = folder.resolve("m.gguf");
    // Only Llama's rows are rearranged, and for it GGUF readers want all components turned.
    try (RandomWeights weights = new RandomWeights(config, DType.F32, SEED)) {
      GgufModelWriter.write(path, weights, Map.of());
      try (ModelFile read = ModelFiles.open(path)) {
        var rope = (PositionConfig.Rope) read.config().position();
        assertEquals(RopePairing.INTERLEAVED, rope.pairing());
        int headDim = config.attention().headDim();
        for (String part : List.of("attn_q", "attn_k")) {
          Tensor before = weights.tensor("blk.1." + part + ".weight");
          Tensor after = read.weights().tensor("blk.1." + part + ".weight");
          for (int row = 0; row < before.rows(); row++) {
            int component = row % headDim;
            int half = dimensions / 2;
            int moved =
                component >= dimensions
                    ? component
                    : component < half ? 2 * component : 2 * (component - half) + 1;
            assertEquals(
                -1,
                before
                    .slice(row, 1)
                    .segment()
                    .mismatch(after.slice(row - component + moved, 1).segment()),
                part + " row " + row);
          }
        }
      }
    }
  }

  @Test
  void whatGgufCannotExpressIsRefused() {
    ModelConfig config = TinyModels.config("llama");
    AttentionConfig attention = config.attention();
    ModelConfig capped =
        TinyModels.with(
            config,
            new AttentionConfig(
                attention.heads(),
                attention.kvHeads(),
                attention.headDim(),
                attention.scale(),
                50,
                0,
                1,
                false,
                false,
                false));
    try (RandomWeights weights = new RandomWeights(capped, DType.F32, SEED)) {
      String message =
          String.valueOf(
              assertThrows(
                      IllegalArgumentException.class,
                      () -> GgufModelWriter.write(folder.resolve("m.gguf"), weights, Map.of()))
                  .getMessage());
      assertTrue(message.contains("cannot express"), message);
    }
  }

  @Test
  void largeRandomMatricesHaveNoEqualRows() {
    ModelConfig config = ModelSizes.dense(5000, 64, 512, 1, 8, 8, 512).config("llama");
    try (RandomWeights weights = new RandomWeights(config, DType.Q4_0, SEED)) {
      Tensor embedding = weights.tensor("token_embd.weight");
      List<Integer> hashes = new ArrayList<>();
      for (int row = 0; row < embedding.rows(); row++) {
        hashes.add(embedding.slice(row, 1).segment().asByteBuffer().hashCode());
      }
      assertEquals(5000, hashes.stream().distinct().count());
    }
  }

  static void assertSameWeights(WeightSource expected, WeightSource found) {
    WeightLayout.forEach(
        expected.config(),
        expected::has,
        (name, shape) -> assertSame(name, shape, expected.tensor(name), found.tensor(name)));
  }

  private static void assertSame(String name, Shape shape, Tensor expected, Tensor found) {
    assertEquals(shape, found.shape(), name);
    assertEquals(expected.dtype(), found.dtype(), name);
    assertEquals(-1, expected.segment().mismatch(found.segment()), name);
  }
}
