package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jllm.format.Fixtures;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.WeightSource;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that other programs wrote. */
class GgufModelTest {
  @ParameterizedTest
  @CsvSource({
    "llama-f32,F32,F32",
    "llama-F16,F16,F16",
    "llama-BF16,BF16,BF16",
    "llama-Q8_0,Q8_0,Q8_0",
    "llama-Q4_0,Q4_0,Q4_0",
    "llama-Q4_K_M,Q4_K,Q4_K",
    "llama-Q6_K,Q6_K,Q6_K"
  })
  void llama(String name, DType embedding, DType query) throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("models/" + name + ".gguf"))) {
      ModelConfig config = file.config();
      assertEquals(512, config.vocabularySize());
      assertEquals(256, config.width());
      assertEquals(2, config.layers());
      assertEquals(8, config.attention().heads());
      assertEquals(4, config.attention().kvHeads());
      assertEquals(32, config.attention().headDim());
      assertEquals(512, config.feedForward().hidden());
      assertFalse(config.attention().inputBias());
      assertFalse(config.tiedOutput());
      var rope = assertInstanceOf(PositionConfig.Rope.class, config.position());
      assertEquals(RopePairing.INTERLEAVED, rope.pairing());
      WeightSource weights = file.weights();
      assertEquals(embedding, weights.tensor("token_embd.weight").dtype());
      Tensor q = weights.tensor("blk.1.attn_q.weight");
      assertEquals(query, q.dtype());
      assertEquals(Shape.of(256, 256), q.shape());
      assertEquals(Shape.of(256, 512), weights.tensor("blk.0.ffn_down.weight").shape());
    }
  }

  @Test
  void qwen2HasBiases() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("models/qwen2-f32.gguf"))) {
      assertTrue(file.config().attention().inputBias());
      assertFalse(file.config().attention().outputBias());
      assertEquals(Shape.of(128), file.weights().tensor("blk.1.attn_k.bias").shape());
      var rope = assertInstanceOf(PositionConfig.Rope.class, file.config().position());
      assertEquals(RopePairing.HALF_SPLIT, rope.pairing());
      assertEquals(1e6, rope.base());
    }
  }

  @Test
  void gpt2() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("models/gpt2-f32.gguf"))) {
      ModelConfig config = file.config();
      assertEquals(
          new NormConfig(NormConfig.Kind.LAYER, 1e-5f, true, NormConfig.Placement.PRE),
          config.norm());
      assertEquals(new PositionConfig.Learned(256), config.position());
      assertEquals(Activation.GELU_TANH, config.feedForward().activation());
      assertTrue(config.feedForward().bias());
      assertFalse(config.feedForward().gated());
      assertEquals(Shape.of(768, 256), file.weights().tensor("blk.0.attn_qkv.weight").shape());
    }
  }

  @Test
  void mixtral() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("models/mixtral-f32.gguf"))) {
      assertEquals(4, file.config().feedForward().experts());
      assertNotNull(file.config().feedForward().routing());
      assertEquals(2, file.config().feedForward().routing().used());
      assertEquals(
          Shape.of(4, 512, 256), file.weights().tensor("blk.1.ffn_up_exps.weight").shape());
    }
  }

  @Test
  void releasedWeightsCanBeLoadedAgain() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("models/llama-f32.gguf"))) {
      Tensor first = file.weights().tensor("output_norm.weight");
      float value = first.segment().get(ValueLayout.JAVA_FLOAT, 0);
      file.weights().release("output_norm.weight");
      assertThrows(
          IllegalStateException.class, () -> first.segment().get(ValueLayout.JAVA_FLOAT, 0));
      Tensor again = file.weights().tensor("output_norm.weight");
      assertEquals(value, again.segment().get(ValueLayout.JAVA_FLOAT, 0));
    }
  }

  @Test
  void aVocabularyAloneIsNoModel() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("vocab/llama-spm.gguf"))) {
      var tokens = assertInstanceOf(List.class, file.metadata().get("tokenizer.ggml.tokens"));
      assertEquals(32000, tokens.size());
      var e = assertThrows(ModelFormatException.class, file::config);
      assertTrue(String.valueOf(e.getMessage()).contains("no tensors"), e.toString());
    }
  }
}
