package jllm.format.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import jllm.format.Fixtures;
import jllm.format.StoredTensor;
import jllm.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufWriterTest {
  @TempDir Path folder;

  /** A file that another program wrote comes out as it went in. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "models/llama-Q4_K_M.gguf",
        "models/llama-Q6_K.gguf",
        "models/llama-F16.gguf",
        "models/mixtral-f32.gguf",
        "models/gpt2-f32.gguf",
        "vocab/gpt-2.gguf",
        "vocab/llama-spm.gguf",
        "vocab/bert-bge.gguf"
      })
  void copies(String name) throws IOException {
    Path copy = folder.resolve("copy.gguf");
    try (GgufFile original = GgufFile.open(Fixtures.get(name))) {
      write(copy, original, original.metadata().values());
      try (GgufFile read = GgufFile.open(copy)) {
        assertSame(original, read);
      }
      assertEquals(-1, Files.mismatch(original.files().getFirst().path(), copy));
    }
  }

  @Test
  void honoursTheAlignment() throws IOException {
    Path copy = folder.resolve("copy.gguf");
    try (GgufFile original = GgufFile.open(Fixtures.get("models/llama-Q4_0.gguf"))) {
      Map<String, GgufValue> metadata = new LinkedHashMap<>(original.metadata().values());
      metadata.put("general.alignment", GgufValue.u32(4096));
      write(copy, original, metadata);
      try (GgufFile read = GgufFile.open(copy)) {
        for (StoredTensor tensor : read.tensors().values()) {
          assertEquals(0, tensor.offset() % 4096, tensor.name());
          StoredTensor before = Objects.requireNonNull(original.tensor(tensor.name()));
          assertArrayEquals(bytes(before), bytes(tensor), tensor.name());
        }
      }
    }
  }

  private static void write(Path path, GgufFile original, Map<String, GgufValue> metadata)
      throws IOException {
    List<GgufWriter.Entry> entries = new ArrayList<>();
    for (StoredTensor tensor : original.tensors().values()) {
      entries.add(
          new GgufWriter.Entry(tensor.name(), GgmlType.valueOf(tensor.type()), tensor.shape()));
    }
    try (GgufWriter writer = GgufWriter.create(path, metadata, entries)) {
      for (StoredTensor tensor : original.tensors().values()) {
        MemorySegment data = MemorySegment.ofArray(bytes(tensor));
        long half = data.byteSize() / 2 + 1; // pieces need not be whole blocks
        writer.write(data.asSlice(0, half));
        writer.write(data.asSlice(half));
      }
      writer.commit();
    }
  }

  private static void assertSame(GgufFile expected, GgufFile found) throws IOException {
    assertEquals(expected.metadata().values(), found.metadata().values());
    assertEquals(List.copyOf(expected.tensors().keySet()), List.copyOf(found.tensors().keySet()));
    for (StoredTensor tensor : expected.tensors().values()) {
      StoredTensor other = Objects.requireNonNull(found.tensor(tensor.name()));
      assertEquals(tensor.describe(), other.describe());
      assertArrayEquals(bytes(tensor), bytes(other), tensor.name());
    }
  }

  private static byte[] bytes(StoredTensor tensor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return tensor
          .file()
          .map(tensor.offset(), tensor.bytes(), arena)
          .toArray(ValueLayout.JAVA_BYTE);
    }
  }

  @Test
  void everyTypeOfValueComesBack() throws IOException {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("u32", GgufValue.u32(0xFFFFFFFFL));
    metadata.put("f32", GgufValue.f32(-0.1f));
    metadata.put("bool", GgufValue.bool(true));
    metadata.put("text", GgufValue.text("Öl \uD83D\uDE00"));
    metadata.put("strings", GgufValue.strings(List.of("", "ü", "abc")));
    metadata.put("floats", GgufValue.floats(new float[] {1, -2.5f}));
    metadata.put("ints", GgufValue.ints(new int[] {1, -2}));
    metadata.put("bytes", GgufValue.bytes(new byte[] {1, -2}));
    metadata.put("none", GgufValue.strings(List.of()));
    for (ValueType type : ValueType.values()) {
      if (type != ValueType.STRING && type != ValueType.ARRAY) {
        boolean real = type == ValueType.F32 || type == ValueType.F64;
        metadata.put("one " + type, new GgufValue.Scalar(type, real ? 1L << 62 : 1));
      }
    }
    Path path = folder.resolve("values.gguf");
    try (GgufWriter writer = GgufWriter.create(path, metadata, List.of())) {
      writer.commit();
    }
    try (GgufFile read = GgufFile.open(path)) {
      assertEquals(metadata, read.metadata().values());
    }
  }

  @Test
  void nothingAppearsBeforeTheEnd() throws IOException {
    Path path = Files.writeString(folder.resolve("model.gguf"), "what was there");
    var entry = new GgufWriter.Entry("t", GgmlType.F32, Shape.of(2, 4));
    try (GgufWriter writer = GgufWriter.create(path, Map.of(), List.of(entry))) {
      writer.write(MemorySegment.ofArray(new byte[31]));
      String message =
          String.valueOf(assertThrows(IllegalStateException.class, writer::commit).getMessage());
      assertTrue(message.contains("tensor t has 31 of 32 bytes"), message);
    }
    assertEquals("what was there", Files.readString(path));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(path), files.toList());
    }
    try (GgufWriter writer = GgufWriter.create(path, Map.of(), List.of(entry))) {
      writer.write(MemorySegment.ofArray(new byte[32]));
      assertThrows(
          IllegalStateException.class, () -> writer.write(MemorySegment.ofArray(new byte[1])));
      writer.commit();
    }
    try (GgufFile read = GgufFile.open(path)) {
      assertEquals(1, read.tensors().size());
    }
  }

  @Test
  void aMissingFolderIsNamed() {
    Path path = folder.resolve("none/model.gguf");
    assertThrows(NoSuchFileException.class, () -> GgufWriter.create(path, Map.of(), List.of()));
  }

  @Test
  void theTargetOfALinkIsReplaced() throws IOException {
    Path real = Files.writeString(folder.resolve("real.gguf"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link.gguf"), real);
    try (GgufWriter writer = GgufWriter.create(link, Map.of(), List.of())) {
      writer.commit();
    }
    assertTrue(Files.isSymbolicLink(link));
    assertTrue(Files.readString(real).startsWith("GGUF"));
  }
}
