package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import jllm.format.Fixtures;
import jllm.format.Messages;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.llama2c.RawLlama2c;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ModelFilesTest {
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

  /** Otherwise the pages of what a backend has copied would stay in memory. */
  @Test
  void releasedWeightsAreNoLongerMapped() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    Assumptions.assumeTrue(Files.isReadable(maps), "no " + maps + " on this system");
    Path path = ChangedGguf.write(folder, _ -> {}, UnaryOperator.identity());
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
