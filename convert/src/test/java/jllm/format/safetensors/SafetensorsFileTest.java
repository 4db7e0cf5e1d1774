package jllm.format.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import jllm.format.Fixtures;
import jllm.format.Messages;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFileTest {
  @TempDir Path folder;

  @Test
  void readsAFileThatAnotherProgramWrote() throws IOException {
    Path path = Fixtures.get("training/gpt2-bytes/model.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      StoredTensor tensor = file.tensor("h.0.attn.c_attn.weight");
      assertNotNull(tensor);
      assertEquals("F32[128, 384]", tensor.describe());
      assertEquals(128 * 384 * 4, tensor.bytes());
      long end =
          file.tensors().values().stream().mapToLong(t -> t.offset() + t.bytes()).max().orElse(0);
      assertEquals(Files.size(path), end);
    }
  }

  @Test
  void everyTypeIsListed() throws IOException {
    RawSafetensors raw = new RawSafetensors();
    for (SafetensorsType type : SafetensorsType.values()) {
      raw.tensor(type.name(), type.name(), new int[] {2, 4}, new byte[type.bits()]);
    }
    raw.tensor("scalar", "I64", new int[0], new byte[8]);
    raw.tensor("empty", "F32", new int[] {0, 3}, new byte[0]);
    try (SafetensorsFile file = SafetensorsFile.open(raw.write(folder.resolve("a.safetensors")))) {
      assertEquals(SafetensorsType.values().length + 2, file.tensors().size());
      assertEquals("pt", file.metadata().get("format"));
      StoredTensor unsupported = file.tensor("F8_E4M3");
      assertNotNull(unsupported);
      String message = Messages.of(ModelFormatException.class, unsupported::requireType);
      assertTrue(message.contains("is of type F8_E4M3"), message);
    }
  }

  static Stream<Arguments> damaged() {
    String good = "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    return Stream.of(
        Arguments.of("no JSON", "{\"t\":", "not valid JSON"),
        Arguments.of("a list", "[1]", "expected a JSON object"),
        Arguments.of("more text", good + "x", "not valid JSON"),
        Arguments.of("name twice", good.replace("}}", "},") + good.substring(1), "Duplicate"),
        Arguments.of("no object", "{\"t\":3}", "t in the header is 3"),
        Arguments.of("no dtype", good.replace("dtype", "type"), "tensor t has no dtype"),
        Arguments.of("unknown dtype", good.replace("F32", "F33"), "tensor t is of type F33"),
        Arguments.of("no shape", good.replace("shape", "form"), "tensor t has shape null"),
        Arguments.of("odd shape", good.replace("[2]", "[\"2\"]"), "tensor t has shape [2]"),
        Arguments.of("negative", good.replace("[2]", "[-2]"), "absurd shape"),
        Arguments.of(
            "overflow", good.replace("[2]", "[2000000000,2000000000,2000000000]"), "absurd shape"),
        Arguments.of("no offsets", good.replace("data_", ""), "no pair of data_offsets"),
        Arguments.of("wrong offsets", good.replace("[0,8]", "[0,4]"), "expected 8 bytes"),
        Arguments.of("backwards", good.replace("[0,8]", "[8,0]"), "expected 8 bytes"),
        Arguments.of("outside", good.replace("[0,8]", "[8,16]"), "an incomplete download?"),
        Arguments.of(
            "overlap",
            good.replace("}}", "},")
                + "\"u\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]}}",
            "tensors t and u overlap"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void damaged(String name, String header, String expected) throws IOException {
    Path path = RawSafetensors.write(folder.resolve("a.safetensors"), header, new byte[8]);
    String message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.open(path));
    assertTrue(message.startsWith(path.toString()), message);
    assertTrue(message.contains(expected), message);
  }

  @Test
  void lengthsOfTheHeader() throws IOException {
    Path tooShort = Files.write(folder.resolve("a"), new byte[5]);
    String message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.open(tooShort));
    assertTrue(message.contains("has 5 bytes"), message);
    Path huge = Files.write(folder.resolve("b"), new byte[] {0, 0, 0, 0, 0, 0, 0, 1, '{', '}'});
    message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.open(huge));
    assertTrue(message.contains("makes no sense"), message);
    Path cut = Files.write(folder.resolve("c"), new byte[] {99, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
    message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.open(cut));
    assertTrue(message.contains("ends at byte 10, inside its header of 99 bytes"), message);
  }

  @Test
  void severalFilesWithAnIndex() throws IOException {
    new RawSafetensors()
        .tensor("a", "F32", new int[] {1}, new byte[4])
        .write(folder.resolve("1.safetensors"));
    Path index = folder.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}");
    String message = Messages.of(NoSuchFileException.class, () -> SafetensorsFile.openIndex(index));
    assertTrue(message.contains("2.safetensors: missing; model.safetensors.index.json"), message);

    Path second = folder.resolve("2.safetensors");
    new RawSafetensors().tensor("c", "F32", new int[] {1}, new byte[4]).write(second);
    message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.openIndex(index));
    assertTrue(message.contains("2.safetensors: has no tensor b"), message);

    new RawSafetensors().tensor("b", "F32", new int[] {1}, new byte[4]).write(second);
    try (SafetensorsFile file = SafetensorsFile.openIndex(index)) {
      assertEquals(List.of("a", "b"), List.copyOf(file.tensors().keySet()));
    }

    Files.writeString(index, "{\"weight_map\":{\"a\":\"../1.safetensors\"}}");
    message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.openIndex(index));
    assertTrue(message.contains("expected a name without folders"), message);
    Files.writeString(index, "{}");
    message = Messages.of(ModelFormatException.class, () -> SafetensorsFile.openIndex(index));
    assertTrue(message.contains("has no weight_map"), message);
  }
}
