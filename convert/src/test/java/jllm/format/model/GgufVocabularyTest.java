package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import jllm.format.Fixtures;
import jllm.format.Messages;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.gguf.GgufValue;
import jllm.format.gguf.GgufWriter;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.VocabularySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufVocabularyTest {
  @TempDir Path folder;

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

  /** Readers such as llama.cpp look for the key without asking whether it is there. */
  @Test
  void aVocabularyWithoutMergesSaysSo() {
    VocabularySpec spec = VocabularySpec.builder("gpt2", List.of("a", "b")).pre("gpt-2").build();
    assertTrue(GgufVocabulary.write(spec).containsKey("tokenizer.ggml.merges"));
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
        ChangedGguf.write(
            folder,
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
        ChangedGguf.write(
            folder,
            ChangedGguf.with("tokenizer.ggml.eos_token_id", GgufValue.u32(0xFFFFFFFFL)),
            UnaryOperator.identity());
    try (ModelFile file = ModelFiles.open(ids)) {
      VocabularySpec spec = file.vocabulary();
      assertNotNull(spec);
      assertEquals(-1, spec.ids().eos());
    }
  }
}
