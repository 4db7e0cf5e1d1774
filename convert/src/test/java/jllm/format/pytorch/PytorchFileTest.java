package jllm.format.pytorch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import jllm.format.Messages;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PytorchFileTest {
  private static final String FLOAT = "FloatStorage";

  @TempDir Path folder;

  private static byte[] floats(int count) {
    ByteBuffer out = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      out.putFloat(i);
    }
    return out.array();
  }

  private Path path() {
    return folder.resolve("pytorch_model.bin");
  }

  private static float[] values(PytorchFile file, String name) throws IOException {
    StoredTensor tensor = file.tensor(name);
    assertNotNull(tensor, name);
    try (Arena arena = Arena.ofConfined()) {
      return tensor.map(arena).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
  }

  @Test
  void everyTypeIsListed() throws IOException {
    RawPytorch raw = new RawPytorch();
    for (StorageType type : StorageType.values()) {
      raw.tensor(type.type(), type.name(), new int[] {2, 3}, new byte[6 * type.bytes()]);
    }
    raw.tensor("scalar", FLOAT, new int[0], floats(1));
    raw.tensor("empty", FLOAT, new int[] {0, 3}, new byte[0]);
    try (PytorchFile file = PytorchFile.open(raw.write(path()))) {
      assertEquals(StorageType.values().length + 2, file.tensors().size());
      for (StorageType type : StorageType.values()) {
        StoredTensor tensor = file.tensor(type.type());
        assertNotNull(tensor);
        assertEquals(type.type() + "[2, 3]", tensor.describe());
        assertEquals(type.dtype(), tensor.dtype());
        assertEquals(6L * type.bytes(), tensor.bytes());
      }
      assertArrayEquals(new float[] {0}, values(file, "scalar"));
      assertEquals(0, values(file, "empty").length);
    }
  }

  /** Views of one storage: as they are, with rows and columns exchanged, with gaps. */
  @Test
  void viewsBecomeRowMajor() throws IOException {
    RawPytorch raw = new RawPytorch();
    String key = raw.storage(floats(24));
    raw.view("whole", FLOAT, key, 24, 0, new int[] {4, 6}, new int[] {6, 1});
    raw.view("tied", FLOAT, key, 24, 0, new int[] {4, 6}, new int[] {6, 1});
    raw.view("part", FLOAT, key, 24, 6, new int[] {2, 6}, new int[] {6, 1});
    raw.view("transposed", FLOAT, key, 24, 0, new int[] {6, 4}, new int[] {1, 6});
    raw.view("gaps", FLOAT, key, 24, 1, new int[] {3}, new int[] {2});
    raw.view("cube", FLOAT, key, 24, 0, new int[] {2, 3, 2}, new int[] {1, 4, 12});
    raw.view("ones", FLOAT, key, 24, 2, new int[] {1, 3, 1}, new int[] {77, 1, 99});
    try (PytorchFile file = PytorchFile.open(raw.write(path()))) {
      float[] whole = values(file, "whole");
      assertEquals(23, whole[23]);
      assertArrayEquals(whole, values(file, "tied"));
      assertArrayEquals(Arrays.copyOfRange(whole, 6, 18), values(file, "part"));
      float[] transposed = values(file, "transposed");
      for (int row = 0; row < 6; row++) {
        for (int column = 0; column < 4; column++) {
          assertEquals(whole[column * 6 + row], transposed[row * 4 + column]);
        }
      }
      assertArrayEquals(new float[] {1, 3, 5}, values(file, "gaps"));
      assertArrayEquals(
          new float[] {0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21}, values(file, "cube"));
      assertArrayEquals(new float[] {2, 3, 4}, values(file, "ones"));
    }
  }

  @Test
  void stridesOfEachSizeOfElement() throws IOException {
    for (StorageType type : StorageType.values()) {
      byte[] data = new byte[6 * type.bytes()];
      for (int i = 0; i < data.length; i++) {
        data[i] = (byte) i;
      }
      RawPytorch raw = new RawPytorch();
      String key = raw.storage(data);
      raw.view("t", type.name(), key, 6, 0, new int[] {3, 2}, new int[] {1, 3});
      try (PytorchFile file = PytorchFile.open(raw.write(path()));
          Arena arena = Arena.ofConfined()) {
        StoredTensor tensor = file.tensor("t");
        assertNotNull(tensor);
        byte[] copied = tensor.map(arena).toArray(ValueLayout.JAVA_BYTE);
        for (int i = 0; i < data.length; i++) {
          int element = i / type.bytes();
          int from = (element % 2 * 3 + element / 2) * type.bytes() + i % type.bytes();
          assertEquals(data[from], copied[i], type + " byte " + i);
        }
      }
    }
  }

  @Test
  void parametersAndOtherValues() throws IOException {
    RawPickle more = new RawPickle().text("epoch").number(3);
    more.text("p").global("torch._utils", "_rebuild_parameter").op('(');
    more.global("torch._utils", "_rebuild_tensor_v2").op('(').op('(').text("storage");
    more.global("torch", FLOAT).text("0").text("cuda:0").number(2).ops('t', 'Q');
    more.number(0).tuple(2).tuple(1).ops(0x88, 'N', 't', 'R', 0x88, 'N', 't', 'R');
    RawPytorch raw = new RawPytorch().tensor("a", FLOAT, new int[] {2}, floats(2)).more(more);
    try (PytorchFile file = PytorchFile.open(raw.write(path()))) {
      assertEquals("[a, p]", file.tensors().keySet().toString());
      assertArrayEquals(new float[] {0, 1}, values(file, "p"));
    }
  }

  @Test
  void severalFiles() throws IOException {
    Path first = folder.resolve("pytorch_model-00001-of-00002.bin");
    Path second = folder.resolve("pytorch_model-00002-of-00002.bin");
    new RawPytorch().tensor("a", FLOAT, new int[] {1}, floats(1)).write(first);
    new RawPytorch().tensor("b", FLOAT, new int[] {2}, floats(2)).write(second);
    Path index = folder.resolve("pytorch_model.bin.index.json");
    String map = "{\"weight_map\": {\"a\": \"%s\", \"%s\": \"%s\"}}";
    Files.writeString(index, map.formatted(first.getFileName(), "b", second.getFileName()));
    try (PytorchFile file = PytorchFile.openIndex(index)) {
      assertEquals(2, file.files().size());
      assertArrayEquals(new float[] {0, 1}, values(file, "b"));
    }
    Files.writeString(index, map.formatted(first.getFileName(), "c", second.getFileName()));
    String absent = Messages.of(ModelFormatException.class, () -> PytorchFile.openIndex(index));
    assertTrue(absent.contains("has no tensor c"), absent);
    Files.writeString(index, map.formatted(first.getFileName(), "b", "../b.bin"));
    String out = Messages.of(ModelFormatException.class, () -> PytorchFile.openIndex(index));
    assertTrue(out.contains("expected a name without folders"), out);
    Files.writeString(index, map.formatted(first.getFileName(), "b", "gone.bin"));
    Messages.of(NoSuchFileException.class, () -> PytorchFile.openIndex(index));
    RawPytorch both = new RawPytorch().tensor("a", FLOAT, new int[] {1}, floats(1));
    both.tensor("b", FLOAT, new int[] {2}, floats(2)).write(folder.resolve("again.bin"));
    Files.writeString(index, map.formatted(first.getFileName(), "b", "again.bin"));
    String twice = Messages.of(ModelFormatException.class, () -> PytorchFile.openIndex(index));
    assertTrue(twice.contains("tensor a is in an earlier file already"), twice);
  }

  static Stream<Arguments> wrongViews() {
    return Stream.of(
        Arguments.of("1", 4, 0, new int[] {4}, new int[] {1}, "no data/1"),
        Arguments.of("../0", 4, 0, new int[] {4}, new int[] {1}, "no data/../0"),
        Arguments.of("0", 5, 0, new int[] {4}, new int[] {1}, "should have 5 elements"),
        Arguments.of(
            "0", 1L << 62, 0, new int[] {4}, new int[] {1}, "4611686018427387904 elements"),
        Arguments.of("0", -1, 0, new int[] {4}, new int[] {1}, "should have -1 elements"),
        Arguments.of("0", 4, 1, new int[] {4}, new int[] {1}, "does not end there"),
        Arguments.of("0", 4, -1, new int[] {4}, new int[] {1}, "does not end there"),
        Arguments.of("0", 4, Long.MAX_VALUE, new int[] {4}, new int[] {1}, "does not end there"),
        Arguments.of("0", 4, 0, new int[] {2, 2}, new int[] {3, 1}, "does not end there"),
        Arguments.of("0", 4, 3, new int[] {2, 2}, new int[] {-2, -1}, "does not end there"),
        Arguments.of(
            "0", 4, 0, new int[] {2, 2}, new int[] {Integer.MAX_VALUE, 1}, "does not end there"),
        Arguments.of("0", 4, 0, new int[] {8}, new int[] {0}, "repeats its 4 elements"),
        Arguments.of(
            "0", 4, 0, new int[] {1 << 30, 1 << 20}, new int[] {0, 0}, "repeats its 4 elements"),
        Arguments.of("0", 4, 0, new int[] {1 << 30, 1 << 30}, new int[] {0, 0}, "absurd shape"),
        Arguments.of("0", 4, 0, new int[] {-4}, new int[] {1}, "absurd shape"),
        Arguments.of("0", 4, 0, new int[] {4}, new int[] {1, 1}, "as many strides"),
        Arguments.of("0", 4, 0, new int[17], new int[17], "more than 16 dimensions"));
  }

  @ParameterizedTest
  @MethodSource("wrongViews")
  void refusesViewsThatDoNotFit(
      String key, long elements, long offset, int[] shape, int[] strides, String expected)
      throws IOException {
    RawPytorch raw = new RawPytorch();
    raw.storage(floats(4));
    Path path = raw.view("v", FLOAT, key, elements, offset, shape, strides).write(path());
    String message = Messages.of(ModelFormatException.class, () -> PytorchFile.open(path));
    assertTrue(message.startsWith(path + ": ") && message.contains(expected), message);
  }

  private String refusal(Map<String, byte[]> entries, int method) throws IOException {
    Path path = RawPytorch.zip(path(), entries, method);
    return Messages.of(ModelFormatException.class, () -> PytorchFile.open(path));
  }

  private static Map<String, byte[]> entries(String... names) {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    for (String name : names) {
      entries.put(name, new byte[] {(byte) 0x80, 2, '}', '.'});
    }
    return entries;
  }

  @Test
  void refusesOtherArchives() throws IOException {
    int stored = ZipEntry.STORED;
    String none = refusal(entries("word/document.xml"), stored);
    assertTrue(none.contains("with 0 files data.pkl"), none);
    String two = refusal(entries("a/data.pkl", "b/data.pkl"), stored);
    assertTrue(two.contains("with 2 files data.pkl"), two);
    String empty = refusal(entries("a/data.pkl"), stored);
    assertTrue(empty.contains("holds no tensors by name at its top level"), empty);
    Map<String, byte[]> big = entries("a/data.pkl");
    big.put("a/byteorder", "big".getBytes(StandardCharsets.US_ASCII));
    String order = refusal(big, stored);
    assertTrue(order.contains("big-endian machine"), order);
    String compressed = refusal(entries("a/data.pkl", "a/data/0"), ZipEntry.DEFLATED);
    assertTrue(compressed.contains("a/data/0 in the archive is compressed"), compressed);
    String bomb = refusal(Map.of("a/data.pkl", new byte[(32 << 20) + 1]), ZipEntry.DEFLATED);
    assertTrue(bomb.contains("more than 33554432 bytes"), bomb);
  }

  static Stream<Arguments> strangers() {
    byte[] tar = new byte[1024];
    System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
    return Stream.of(
        Arguments.of(new byte[] {(byte) 0x80, 2, (byte) 0x8a, 10}, "before 1.6 (2020)"),
        Arguments.of(tar, "before 1.6 (2020)"),
        Arguments.of("version https://git-lfs".getBytes(StandardCharsets.US_ASCII), "git lfs pull"),
        Arguments.of(new byte[0], "expected a zip archive"),
        Arguments.of(new byte[] {'P'}, "expected a zip archive"),
        Arguments.of(new byte[] {'P', 'K', 3, 4}, "incomplete download"));
  }

  @ParameterizedTest
  @MethodSource("strangers")
  void refusesOtherFiles(byte[] bytes, String expected) throws IOException {
    Path path = Files.write(path(), bytes);
    String message = Messages.of(ModelFormatException.class, () -> PytorchFile.open(path));
    assertTrue(message.contains(expected), message);
  }

  @Test
  void refusesFilesThatAreCutOff() throws IOException {
    RawPytorch raw = new RawPytorch().tensor("a", FLOAT, new int[] {40}, floats(40));
    byte[] whole = Files.readAllBytes(raw.write(path()));
    for (int length = 0; length < whole.length; length++) {
      Files.write(path(), Arrays.copyOf(whole, length));
      Messages.of(ModelFormatException.class, () -> PytorchFile.open(path()));
    }
  }
}
