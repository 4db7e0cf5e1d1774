package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import jllm.format.Messages;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** GGUF files that do not say what their tensors are, or say something else. */
class GgufContradictionsTest {
  private static final long SEED = 3;

  @TempDir Path folder;

  static Stream<Arguments> contradictions() {
    Consumer<Map<String, GgufValue>> same = _ -> {};
    UnaryOperator<GgufWriter.Entry> all = UnaryOperator.identity();
    return Stream.of(
        Arguments.of(
            ChangedGguf.with("general.architecture", GgufValue.text("mamba")),
            all,
            "architecture mamba is not supported; known are llama, qwen2"),
        Arguments.of(
            ChangedGguf.without("general.architecture"),
            all,
            "metadata key general.architecture is missing"),
        Arguments.of(
            ChangedGguf.without("llama.block_count"),
            all,
            "metadata key llama.block_count is missing"),
        Arguments.of(
            ChangedGguf.with("llama.block_count", GgufValue.text("2")),
            all,
            "metadata key llama.block_count is of type STRING, expected a whole number"),
        Arguments.of(
            ChangedGguf.with("llama.block_count", GgufValue.u32(0)), all, "llama.block_count is 0"),
        Arguments.of(
            ChangedGguf.with("llama.block_count", GgufValue.u32(4_000_000_000L)),
            all,
            "llama.block_count is 4000000000"),
        Arguments.of(
            ChangedGguf.with("llama.block_count", GgufValue.u32(2_000_000_000)),
            all,
            "tensor blk.2.attn_norm.weight is missing"),
        Arguments.of(
            ChangedGguf.with("llama.block_count", GgufValue.u32(1)),
            all,
            "tensor blk.1.attn_norm.weight has no place"),
        Arguments.of(
            ChangedGguf.with("llama.attention.head_count", GgufValue.u32(5)),
            all,
            "5 query heads cannot share 2 key heads"),
        Arguments.of(
            ChangedGguf.with("llama.attention.head_count", GgufValue.u32(2_000_000_000)),
            all,
            "make no sense"),
        Arguments.of(
            ChangedGguf.with("llama.embedding_length", GgufValue.u32(64)),
            all,
            "tensor token_embd.weight has shape [96, 32], expected [96, 64] from the metadata"),
        Arguments.of(
            ChangedGguf.with("llama.feed_forward_length", GgufValue.u32(2_000_000_000)),
            all,
            "llama.feed_forward_length is 2000000000, which makes no sense"),
        Arguments.of(
            ChangedGguf.with("llama.feed_forward_length", GgufValue.u32(128)),
            all,
            "blk.0.ffn_gate.weight has shape [64, 32], expected [128, 32]"),
        Arguments.of(
            ChangedGguf.with("llama.embedding_length", GgufValue.u32(2_000_000_000)),
            all,
            "llama.embedding_length is 2000000000, which makes no sense"),
        Arguments.of(
            ChangedGguf.with("llama.rope.dimension_count", GgufValue.u32(7)),
            all,
            "expected an even number"),
        Arguments.of(
            ChangedGguf.with("llama.rope.freq_base", GgufValue.f32(Float.NaN)),
            all,
            "makes no sense"),
        Arguments.of(
            ChangedGguf.with("llama.rope.scaling.type", GgufValue.text("magic")),
            all,
            "llama.rope.scaling.type is magic; known are"),
        Arguments.of(
            ChangedGguf.with("llama.rope.scaling.type", GgufValue.text("longrope")),
            all,
            "tensor rope_factors_short.weight is missing"),
        Arguments.of(
            ChangedGguf.with("llama.vocab_size", GgufValue.u32(97)),
            all,
            "llama.vocab_size is 97, but the token embedding has 96 rows"),
        Arguments.of(
            (Consumer<Map<String, GgufValue>>)
                metadata -> metadata.putAll(GgufVocabulary.write(ChangedGguf.vocabulary(97))),
            all,
            "the vocabulary has 97 tokens, but the token embedding only 96 rows"),
        Arguments.of(
            ChangedGguf.with("llama.expert_count", GgufValue.u32(4)),
            all,
            "llama.expert_used_count is missing"),
        Arguments.of(
            same,
            ChangedGguf.renamed("blk.1.ffn_gate.weight", ""),
            "tensor blk.1.ffn_gate.weight is missing"),
        Arguments.of(
            same,
            ChangedGguf.renamed("token_embd.weight", "x"),
            "tensor token_embd.weight is missing"),
        Arguments.of(
            same,
            ChangedGguf.renamed("output_norm.weight", "other.weight"),
            "tensor output_norm.weight is missing"),
        Arguments.of(
            same,
            ChangedGguf.reshaped("blk.0.attn_q.weight", GgmlType.F32, 32, 64),
            "tensor blk.0.attn_q.weight has shape [32, 64], expected [32, 32] from the metadata"),
        Arguments.of(
            same,
            ChangedGguf.reshaped("blk.0.attn_q.weight", GgmlType.I16, 32, 32),
            "tensor blk.0.attn_q.weight is of type I16, which this program does not"),
        Arguments.of(
            same,
            ChangedGguf.reshaped("blk.0.attn_q.weight", GgmlType.I32, 32, 32),
            "tensor blk.0.attn_q.weight is of type I32, which is not supported for weights"));
  }

  @ParameterizedTest(name = "{2}")
  @MethodSource
  void contradictions(
      Consumer<Map<String, GgufValue>> metadataChange,
      UnaryOperator<GgufWriter.Entry> tensorChange,
      String expected)
      throws IOException {
    Path path = ChangedGguf.write(folder, metadataChange, tensorChange);
    try (ModelFile file = ModelFiles.open(path)) {
      String message = Messages.of(ModelFormatException.class, file::weights);
      assertTrue(message.startsWith(path.toString()), message);
      assertTrue(message.contains(expected), message);
    }
  }

  @Test
  void vectorsMayBePaddedWithDimensionsOfOne() throws IOException {
    Path path =
        ChangedGguf.write(
            folder, _ -> {}, ChangedGguf.reshaped("output_norm.weight", GgmlType.F32, 1, 32));
    try (ModelFile file = ModelFiles.open(path)) {
      assertEquals(Shape.of(32), file.weights().tensor("output_norm.weight").shape());
    }
  }

  @Test
  void slidingWindowAndTiedOutput() throws IOException {
    Path path =
        ChangedGguf.write(
            folder,
            ChangedGguf.with("llama.attention.sliding_window", GgufValue.u32(16)),
            ChangedGguf.renamed("output.weight", ""));
    try (ModelFile file = ModelFiles.open(path)) {
      assertEquals(16, file.config().attention().window(0));
      assertEquals(16, file.config().attention().window(1));
      assertTrue(file.config().tiedOutput());
      assertNotNull(file.weights());
    }
  }

  /** Mixtral files of before April 2024. */
  @Test
  void aTensorPerExpert() throws IOException {
    ModelConfig config = TinyModels.SIZES.withExperts(4, 2).config("llama");
    Path merged = folder.resolve("merged.gguf");
    Path separate = folder.resolve("separate.gguf");
    try (RandomWeights weights = new RandomWeights(config, DType.Q8_0, SEED)) {
      GgufModelWriter.write(merged, weights, Map.of());
      try (GgufFile file = GgufFile.open(merged)) {
        separate(file, separate);
      }
      try (ModelFile file = ModelFiles.open(separate)) {
        assertEquals(config, file.config());
        FamiliesTest.assertSameWeights(weights, file.weights());
      }
    }
  }

  private static void separate(GgufFile file, Path target) throws IOException {
    List<GgufWriter.Entry> entries = new ArrayList<>();
    List<byte[]> data = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (StoredTensor tensor : file.tensors().values()) {
        Shape shape = tensor.shape();
        int parts = shape.rank() == 3 ? shape.dim(0) : 1;
        long bytes = tensor.bytes() / parts;
        for (int part = 0; part < parts; part++) {
          String name =
              parts == 1
                  ? tensor.name()
                  : tensor.name().replace("_exps.weight", "." + part + ".weight");
          Shape own = parts == 1 ? shape : Shape.of(shape.dim(1), shape.dim(2));
          entries.add(new GgufWriter.Entry(name, GgmlType.valueOf(tensor.type()), own));
          data.add(
              tensor
                  .file()
                  .map(tensor.offset() + part * bytes, bytes, arena)
                  .toArray(ValueLayout.JAVA_BYTE));
        }
      }
    }
    try (GgufWriter writer = GgufWriter.create(target, file.metadata().values(), entries)) {
      for (byte[] bytes : data) {
        writer.write(MemorySegment.ofArray(bytes));
      }
      writer.commit();
    }
  }
}
