package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import jllm.format.Fixtures;
import jllm.format.Messages;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgmlType;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.format.llama2c.RawLlama2c;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.VocabularySpec;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFilesTest {
  private static final long SEED = 3;

  @TempDir Path folder;

  static Stream<Arguments> strangers() {
    return Stream.of(
        Arguments.of("", "the file is empty"),
        Arguments.of("PK\u0003\u0004...", "PyTorch checkpoint"),
        Arguments.of("\u0080\u0002}q", "Python pickle"),
        Arguments.of("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        Arguments.of("<!DOCTYPE html><html>", "HTML"),
        Arguments.of("24ka\u0001\0\0\0", "llama2.c checkpoint of version 1 or 2"),
        Arguments.of("tjgg\u0003\0\0\0", "before GGUF"),
        Arguments.of("{\"model_type\": 1}", "JSON text"),
        Arguments.of("\u001f\u008b\u0008", "gzip"),
        Arguments.of("\0\0\0\0\0\0\0\0\0", "interrupted download"),
        Arguments.of("To be, or not to be", "starts with 54 6f 20 62 65 2c 20 6f"),
        Arguments.of("x", "it has 1 bytes and starts with 78"));
  }

  @ParameterizedTest
  @MethodSource
  void strangers(String content, String expected) throws IOException {
    Path path = folder.resolve("model");
    Files.write(path, content.getBytes(StandardCharsets.ISO_8859_1));
    String message = Messages.of(ModelFormatException.class, () -> ModelFiles.open(path));
    assertTrue(message.startsWith(path.toString()), message);
    assertTrue(message.contains(expected), message);
  }

  @Test
  void missingFilesAndFolders() {
    String message =
        Messages.of(NoSuchFileException.class, () -> ModelFiles.open(folder.resolve("none")));
    assertTrue(message.contains("there is no such file"), message);
    message = Messages.of(NoSuchFileException.class, () -> ModelFiles.open(folder));
    assertTrue(message.contains("is a folder without config.json"), message);
  }

  @Test
  void everyFixtureIsRecognized() throws IOException {
    Map<String, String> formats =
        Map.of(
            "models/llama-f32.gguf", "GGUF 3",
            "models/aidreams260K.bin", "llama2.c version 0",
            "training/gpt2-bytes", "safetensors",
            "training/gpt2-bytes/model.safetensors", "safetensors");
    for (Map.Entry<String, String> entry : formats.entrySet()) {
      try (ModelFile file = ModelFiles.open(Fixtures.get(entry.getKey()))) {
        assertEquals(entry.getValue(), file.format());
        assertTrue(file.bytes() > 0);
        assertNotNull(file.weights());
      }
    }
  }

  /** A small Llama, whose metadata and tensors may be changed before it is written. */
  private Path gguf(
      Consumer<Map<String, GgufValue>> metadataChange, UnaryOperator<GgufWriter.Entry> tensorChange)
      throws IOException {
    Path good = folder.resolve("good.gguf");
    try (RandomWeights weights = new RandomWeights(TinyModels.config("llama"), DType.F32, SEED)) {
      GgufModelWriter.write(good, weights, GgufVocabulary.write(vocabulary(90)));
    }
    Path changed = folder.resolve("changed.gguf");
    try (GgufFile file = GgufFile.open(good)) {
      Map<String, GgufValue> metadata = new LinkedHashMap<>(file.metadata().values());
      metadataChange.accept(metadata);
      List<GgufWriter.Entry> entries = new ArrayList<>();
      for (StoredTensor tensor : file.tensors().values()) {
        GgufWriter.Entry entry =
            tensorChange.apply(new GgufWriter.Entry(tensor.name(), GgmlType.F32, tensor.shape()));
        if (!entry.name().isEmpty()) {
          entries.add(entry);
        }
      }
      try (GgufWriter writer = GgufWriter.create(changed, metadata, entries)) {
        for (GgufWriter.Entry entry : entries) {
          writer.write(MemorySegment.ofArray(new byte[(int) entry.bytes()]));
        }
        writer.commit();
      }
    }
    return changed;
  }

  private static VocabularySpec vocabulary(int size) {
    List<String> tokens = new ArrayList<>();
    for (int id = 0; id < size; id++) {
      tokens.add("t" + id);
    }
    return VocabularySpec.builder("llama", tokens).build();
  }

  private static UnaryOperator<GgufWriter.Entry> renamed(String from, String to) {
    return entry ->
        entry.name().equals(from) ? new GgufWriter.Entry(to, entry.type(), entry.shape()) : entry;
  }

  private static UnaryOperator<GgufWriter.Entry> reshaped(String name, GgmlType type, int... dims) {
    return entry ->
        entry.name().equals(name) ? new GgufWriter.Entry(name, type, Shape.of(dims)) : entry;
  }

  private static Consumer<Map<String, GgufValue>> with(String key, GgufValue value) {
    return metadata -> metadata.put(key, value);
  }

  private static Consumer<Map<String, GgufValue>> without(String key) {
    return metadata -> metadata.remove(key);
  }

  static Stream<Arguments> contradictions() {
    Consumer<Map<String, GgufValue>> same = _ -> {};
    UnaryOperator<GgufWriter.Entry> all = UnaryOperator.identity();
    return Stream.of(
        Arguments.of(
            with("general.architecture", GgufValue.text("mamba")),
            all,
            "architecture mamba is not supported; known are llama, qwen2"),
        Arguments.of(
            without("general.architecture"), all, "metadata key general.architecture is missing"),
        Arguments.of(
            without("llama.block_count"), all, "metadata key llama.block_count is missing"),
        Arguments.of(
            with("llama.block_count", GgufValue.text("2")),
            all,
            "metadata key llama.block_count is of type STRING, expected a whole number"),
        Arguments.of(with("llama.block_count", GgufValue.u32(0)), all, "llama.block_count is 0"),
        Arguments.of(
            with("llama.block_count", GgufValue.u32(4_000_000_000L)),
            all,
            "llama.block_count is 4000000000"),
        Arguments.of(
            with("llama.block_count", GgufValue.u32(2_000_000_000)),
            all,
            "tensor blk.2.attn_norm.weight is missing"),
        Arguments.of(
            with("llama.block_count", GgufValue.u32(1)),
            all,
            "tensor blk.1.attn_norm.weight has no place"),
        Arguments.of(
            with("llama.attention.head_count", GgufValue.u32(5)),
            all,
            "5 query heads cannot share 2 key heads"),
        Arguments.of(
            with("llama.attention.head_count", GgufValue.u32(2_000_000_000)), all, "no multiple"),
        Arguments.of(
            with("llama.embedding_length", GgufValue.u32(64)),
            all,
            "tensor token_embd.weight has shape [96, 32], expected [96, 64] from the metadata"),
        Arguments.of(
            with("llama.feed_forward_length", GgufValue.u32(2_000_000_000)),
            all,
            "blk.0.ffn_gate.weight has shape [64, 32], expected [2000000000, 32]"),
        Arguments.of(
            with("llama.rope.dimension_count", GgufValue.u32(7)), all, "expected an even number"),
        Arguments.of(with("llama.rope.freq_base", GgufValue.f32(Float.NaN)), all, "makes no sense"),
        Arguments.of(
            with("llama.rope.scaling.type", GgufValue.text("magic")),
            all,
            "llama.rope.scaling.type is magic; known are"),
        Arguments.of(
            with("llama.rope.scaling.type", GgufValue.text("longrope")),
            all,
            "tensor rope_factors_short.weight is missing"),
        Arguments.of(
            with("llama.vocab_size", GgufValue.u32(97)),
            all,
            "llama.vocab_size is 97, but the token embedding has 96 rows"),
        Arguments.of(
            (Consumer<Map<String, GgufValue>>)
                metadata -> metadata.putAll(GgufVocabulary.write(vocabulary(97))),
            all,
            "the vocabulary has 97 tokens, but the token embedding only 96 rows"),
        Arguments.of(
            with("llama.expert_count", GgufValue.u32(4)),
            all,
            "llama.expert_used_count is missing"),
        Arguments.of(
            same, renamed("blk.1.ffn_gate.weight", ""), "tensor blk.1.ffn_gate.weight is missing"),
        Arguments.of(
            same, renamed("token_embd.weight", "x"), "tensor token_embd.weight is missing"),
        Arguments.of(
            same,
            renamed("output_norm.weight", "other.weight"),
            "tensor output_norm.weight is missing"),
        Arguments.of(
            same,
            reshaped("blk.0.attn_q.weight", GgmlType.F32, 32, 64),
            "tensor blk.0.attn_q.weight has shape [32, 64], expected [32, 32] from the metadata"),
        Arguments.of(
            same,
            reshaped("blk.0.attn_q.weight", GgmlType.IQ4_NL, 32, 32),
            "tensor blk.0.attn_q.weight is of type IQ4_NL, which this program does not"),
        Arguments.of(
            same,
            reshaped("blk.0.attn_q.weight", GgmlType.I32, 32, 32),
            "tensor blk.0.attn_q.weight is of type I32, which is not supported for weights"));
  }

  @ParameterizedTest(name = "{2}")
  @MethodSource
  void contradictions(
      Consumer<Map<String, GgufValue>> metadataChange,
      UnaryOperator<GgufWriter.Entry> tensorChange,
      String expected)
      throws IOException {
    Path path = gguf(metadataChange, tensorChange);
    try (ModelFile file = ModelFiles.open(path)) {
      String message = Messages.of(ModelFormatException.class, file::weights);
      assertTrue(message.startsWith(path.toString()), message);
      assertTrue(message.contains(expected), message);
    }
  }

  @Test
  void vectorsMayBePaddedWithDimensionsOfOne() throws IOException {
    Path path = gguf(_ -> {}, reshaped("output_norm.weight", GgmlType.F32, 1, 32));
    try (ModelFile file = ModelFiles.open(path)) {
      assertEquals(Shape.of(32), file.weights().tensor("output_norm.weight").shape());
    }
  }

  @Test
  void slidingWindowAndTiedOutput() throws IOException {
    Path path =
        gguf(
            with("llama.attention.sliding_window", GgufValue.u32(16)),
            renamed("output.weight", ""));
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

  /** Otherwise the pages of what a backend has copied would stay in memory. */
  @Test
  void releasedWeightsAreNoLongerMapped() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    Assumptions.assumeTrue(Files.isReadable(maps), "no " + maps + " on this system");
    Path path = gguf(_ -> {}, UnaryOperator.identity());
    try (ModelFile file = ModelFiles.open(path)) {
      file.weights();
      long before = mappings(maps, path);
      file.weights().tensor("output.weight");
      assertTrue(mappings(maps, path) > before);
      file.weights().release("output.weight");
      assertEquals(before, mappings(maps, path));
    }
    assertEquals(0, mappings(maps, path));
  }

  private static long mappings(Path maps, Path file) throws IOException {
    String name = file.toRealPath().toString();
    try (Stream<String> lines = Files.lines(maps)) {
      return lines.filter(line -> line.endsWith(name)).count();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"vocab/gpt-2.gguf", "vocab/llama-spm.gguf", "vocab/bert-bge.gguf"})
  void vocabulariesComeBackAsTheyWereWritten(String name) throws IOException {
    VocabularySpec spec;
    try (ModelFile file = ModelFiles.open(Fixtures.get(name))) {
      spec = file.vocabulary();
    }
    assertNotNull(spec);
    Path copy = folder.resolve("copy.gguf");
    try (GgufWriter writer = GgufWriter.create(copy, GgufVocabulary.write(spec), List.of())) {
      writer.commit();
    }
    try (ModelFile file = ModelFiles.open(copy)) {
      VocabularySpec read = file.vocabulary();
      assertNotNull(read);
      assertEquals(spec.model(), read.model());
      assertEquals(spec.pre(), read.pre());
      assertEquals(spec.tokens(), read.tokens());
      assertEquals(spec.merges(), read.merges());
      assertArrayEquals(spec.scores(), read.scores());
      assertArrayEquals(spec.types(), read.types());
      assertEquals(spec.ids().toMap(), read.ids().toMap());
      assertEquals(spec.addBos(), read.addBos());
    }
  }

  @Test
  void whatTheVocabularySays() throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.get("vocab/gpt-2.gguf"))) {
      VocabularySpec spec = file.vocabulary();
      assertNotNull(spec);
      assertEquals("gpt2", spec.model());
      assertEquals("gpt-2", spec.pre());
      assertEquals(50257, spec.tokens().size());
      assertEquals(50000, spec.merges().size());
      assertEquals("\u0120 t", spec.merges().getFirst());
      assertEquals(50256, spec.ids().eos());
      assertNull(spec.addBos());
    }
    try (ModelFile file = ModelFiles.open(Fixtures.get("vocab/bert-bge.gguf"))) {
      VocabularySpec spec = file.vocabulary();
      assertNotNull(spec);
      assertEquals(102, spec.ids().id(Role.SEP));
      assertEquals(100, spec.ids().unk());
    }
  }

  @Test
  void vocabulariesThatContradictThemselves() throws IOException {
    Path path =
        gguf(
            metadata -> {
              metadata.put("tokenizer.ggml.scores", GgufValue.floats(new float[3]));
              metadata.put("tokenizer.ggml.eos_token_id", GgufValue.u32(90));
            },
            UnaryOperator.identity());
    try (ModelFile file = ModelFiles.open(path)) {
      String message = Messages.of(ModelFormatException.class, file::vocabulary);
      assertTrue(message.contains("90 tokens but 3 scores"), message);
    }
    Path ids =
        gguf(
            with("tokenizer.ggml.eos_token_id", GgufValue.u32(0xFFFFFFFFL)),
            UnaryOperator.identity());
    try (ModelFile file = ModelFiles.open(ids)) {
      VocabularySpec spec = file.vocabulary();
      assertNotNull(spec);
      assertEquals(-1, spec.ids().eos());
    }
  }

  @Test
  void llama2c() throws IOException {
    Path path = RawLlama2c.write(folder.resolve("m.bin"), RawLlama2c.checkpoint(-10));
    try (ModelFile file = ModelFiles.open(path)) {
      assertEquals(10, file.config().vocabularySize());
      assertEquals(16, file.config().contextLength());
      assertEquals(1, file.config().attention().kvHeads());
      assertNull(file.tokenizerPath());
      Tensor output = file.weights().tensor("output.weight");
      assertEquals(Shape.of(10, 8), output.shape());
      float last = (Files.size(path) - 28) / 4 - 1;
      assertEquals(last, output.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 79));
    }
  }
}
