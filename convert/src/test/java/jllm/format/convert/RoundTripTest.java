package jllm.format.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import jllm.format.Json;
import jllm.format.ModelFile;
import jllm.format.StoredTensor;
import jllm.format.WriteListener;
import jllm.format.model.HubModels;
import jllm.format.model.ModelFiles;
import jllm.tensor.DType;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A Hugging Face folder of each family, made a GGUF file and a folder again: the same tensors, bit
 * for bit, and the same configuration. On the way, names, shapes and metadata keys are those of a
 * list ({@code golden/ROW.txt}).
 */
final class RoundTripTest {
  @TempDir Path folder;

  static List<String> rows() {
    return HubModels.ROWS;
  }

  @ParameterizedTest
  @MethodSource("rows")
  void comesBackTheSame(String row) throws IOException {
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
      Path before = HubModels.write(folder.resolve(row + type), row, type);
      Path gguf = folder.resolve(row + type + ".gguf");
      Path after = folder.resolve(row + type + "-again");
      convert(before, gguf, ConversionOptions.of(TargetFormat.GGUF));
      convert(gguf, after, ConversionOptions.of(TargetFormat.HF));
      assertEquals(
          Json.read(before.resolve("config.json")),
          Json.read(after.resolve("config.json")),
          row + ": config.json");
      assertEquals(
          Json.read(before.resolve("generation_config.json")),
          Json.read(after.resolve("generation_config.json")),
          row + ": generation_config.json");
      assertSameTensors(row + " " + type, before, after);
    }
  }

  /** Without the texts that the file carries, the configuration is made from its metadata. */
  @ParameterizedTest
  @MethodSource("rows")
  void comesBackFromFilesOfOthers(String row) throws IOException {
    Path before = HubModels.write(folder.resolve(row), row, DType.F32);
    Path gguf = folder.resolve(row + ".gguf");
    convert(before, gguf, ConversionOptions.of(TargetFormat.GGUF));
    Path plain = folder.resolve(row + "-plain.gguf");
    HubModels.withoutCarried(gguf, plain);
    Path after = folder.resolve(row + "-again");
    convert(plain, after, ConversionOptions.of(TargetFormat.HF));
    assertSameTensors(row, before, after);
    try (ModelFile first = ModelFiles.open(before);
        ModelFile second = ModelFiles.open(after)) {
      assertEquals(first.config().attention(), second.config().attention(), row);
      assertEquals(first.config().feedForward(), second.config().feedForward(), row);
      assertEquals(first.config().norm(), second.config().norm(), row);
      assertEquals(first.config().multipliers(), second.config().multipliers(), row);
      second.weights();
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void isWhatTheListSays(String row) throws IOException {
    Path before = HubModels.write(folder.resolve(row), row, DType.F32);
    Path gguf = folder.resolve(row + ".gguf");
    convert(before, gguf, ConversionOptions.of(TargetFormat.GGUF));
    List<String> found = new ArrayList<>();
    try (ModelFile model = ModelFiles.open(gguf)) {
      new TreeMap<>(model.metadata()).forEach((key, _) -> found.add(key));
      model.tensors().stream()
          .map(tensor -> tensor.name() + " " + tensor.describe())
          .sorted()
          .forEach(found::add);
    }
    String expected;
    try (InputStream list = RoundTripTest.class.getResourceAsStream("golden/" + row + ".txt")) {
      assertNotNull(list, "there is no list for " + row);
      expected = new String(list.readAllBytes(), StandardCharsets.UTF_8);
    }
    assertEquals(expected.strip(), String.join("\n", found), row);
  }

  private static void convert(Path from, Path to, ConversionOptions options) throws IOException {
    try (Conversion conversion = Conversion.open(from, to, options)) {
      conversion.checkTarget(false);
      conversion.write(WriteListener.NONE);
    }
  }

  private static void assertSameTensors(String what, Path before, Path after) throws IOException {
    try (ModelFile first = ModelFiles.open(before);
        ModelFile second = ModelFiles.open(after);
        Arena arena = Arena.ofConfined()) {
      Map<String, StoredTensor> expected = byName(first);
      Map<String, StoredTensor> found = byName(second);
      assertEquals(expected.keySet(), found.keySet(), what);
      for (StoredTensor tensor : expected.values()) {
        StoredTensor other = Objects.requireNonNull(found.get(tensor.name()));
        assertEquals(tensor.describe(), other.describe(), what + ": " + tensor.name());
        MemorySegment a = tensor.file().map(tensor.offset(), tensor.bytes(), arena);
        MemorySegment b = other.file().map(other.offset(), other.bytes(), arena);
        if (what.startsWith("gemma") && tensor.name().endsWith("norm.weight")) {
          assertNear(what + ": " + tensor.name(), tensor.requireType(), a, b);
        } else {
          assertEquals(-1, a.mismatch(b), what + ": " + tensor.name());
        }
      }
    }
  }

  /** GGUF has 1 + w of these: one rounding of a number near 1. */
  private static void assertNear(String what, DType type, MemorySegment a, MemorySegment b) {
    if (type != DType.F32) {
      assertEquals(-1, a.mismatch(b), what);
      return;
    }
    for (long i = 0; i < a.byteSize(); i += 4) {
      float expected = a.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      float found = b.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
      assertTrue(Math.abs(expected - found) <= Math.ulp(1 + expected), what);
    }
  }

  private static Map<String, StoredTensor> byName(ModelFile model) {
    Map<String, StoredTensor> tensors = new TreeMap<>();
    model.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    return tensors;
  }
}
