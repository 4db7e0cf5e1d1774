package jllm.quantize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.gguf.GgufFile;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class QuantizerTest {
  private static final SmallModel MODEL = new SmallModel("llama", 3, 2, 0, 256, true);

  @TempDir private Path folder = Path.of("");

  private static QuantizationOptions to(QuantizationType type) {
    return QuantizationOptions.of(type);
  }

  /** Each tensor holds what the plain encoder makes of it, and the error is that of its values. */
  @ParameterizedTest
  @EnumSource(QuantizationType.class)
  void writesWhatTheEncodersGive(QuantizationType type) throws IOException {
    Path input = MODEL.write(folder.resolve("in.gguf"));
    Path output = folder.resolve("out.gguf");
    List<String> told = new ArrayList<>();
    List<TensorResult> results;
    try (Quantizer quantizer = Quantizer.open(input, folder, to(type))) {
      results = quantizer.write(output, 3, result -> told.add(result.plan().tensor().name()));
    }
    try (GgufFile before = GgufFile.open(input);
        GgufFile after = GgufFile.open(output);
        Arena arena = Arena.ofConfined()) {
      assertEquals(told, List.copyOf(after.tensors().keySet()));
      assertEquals("small", after.metadata().text("general.name"));
      assertEquals(type.fileType(), after.metadata().integer("general.file_type"));
      for (TensorResult result : results) {
        Tensor source = load(result.plan().tensor(), before, arena);
        StoredTensor stored = find(after, result.plan().tensor().name());
        Tensor found = load(stored, after, arena);
        Tensor expected = Conversions.convert(source, stored.requireType(), arena);
        assertArrayEquals(
            expected.segment().toArray(ValueLayout.JAVA_BYTE),
            found.segment().toArray(ValueLayout.JAVA_BYTE),
            stored.name());
        assertEquals(error(source, found), result.error(), 1e-9, stored.name());
      }
    }
  }

  private static StoredTensor find(GgufFile file, String name) {
    return Objects.requireNonNull(file.tensor(name), name);
  }

  private static Tensor load(StoredTensor listed, GgufFile file, Arena arena) throws IOException {
    StoredTensor tensor = find(file, listed.name());
    return Tensor.of(
        tensor.file().map(tensor.offset(), tensor.bytes(), arena),
        tensor.requireType(),
        tensor.shape());
  }

  private static double error(Tensor before, Tensor after) {
    double errors = 0;
    double squares = 0;
    for (long row = 0; row < before.shape().rows(); row++) {
      float[] x = Conversions.row(before, row);
      float[] y = Conversions.row(after, row);
      for (int i = 0; i < x.length; i++) {
        errors += Math.pow((double) x[i] - y[i], 2);
        squares += (double) x[i] * x[i];
      }
    }
    return Math.sqrt(errors / squares);
  }

  /** In a matrix, and in a vector, which is copied. */
  @ParameterizedTest
  @CsvSource({
    "token_embd.weight, 775, NaN, 'row 3, column 7 is NaN'",
    "token_embd.weight, 0, -Infinity, 'row 0, column 0 is -Infinity'",
    "output_norm.weight, 255, Infinity, 'row 0, column 255 is Infinity'",
    "token_embd.weight, 300, 1e38, 'row 1 holds values too large for Q4_0'"
  })
  void whatIsNoNumberIsRefusedByItsPlace(String tensor, int index, float value, String place)
      throws IOException {
    Path input = MODEL.write(folder.resolve("bad.gguf"));
    SmallModel.set(input, tensor, index, value);
    QuantizationOptions options =
        new QuantizationOptions(QuantizationType.Q4_0, true, null, null, List.of(), false);
    try (Quantizer quantizer = Quantizer.open(input, folder, options)) {
      var thrown =
          assertThrows(
              ModelFormatException.class,
              () -> quantizer.write(folder.resolve("out.gguf"), 2, result -> {}));
      String message = String.valueOf(thrown.getMessage());
      assertTrue(message.contains("tensor " + tensor + ", " + place), message);
    }
    try (var left = Files.list(folder)) {
      assertEquals(List.of(input), left.toList());
    }
  }

  @Test
  void twiceOnlyIfAllowed() throws IOException {
    Path input = MODEL.write(folder.resolve("in.gguf"));
    Path once = folder.resolve("once.gguf");
    try (Quantizer quantizer = Quantizer.open(input, folder, to(QuantizationType.Q8_0))) {
      quantizer.write(once, 1, result -> {});
    }
    var thrown =
        assertThrows(
            RequantizationException.class,
            () -> Quantizer.open(once, folder, to(QuantizationType.Q4_0)));
    assertTrue(String.valueOf(thrown.getMessage()).contains("--allow-requantize"));
    QuantizationOptions allowed =
        new QuantizationOptions(QuantizationType.Q4_0, true, null, null, List.of(), true);
    Path twice = folder.resolve("twice.gguf");
    try (Quantizer quantizer = Quantizer.open(once, folder, allowed)) {
      quantizer.write(twice, 1, result -> {});
    }
    try (GgufFile file = GgufFile.open(twice)) {
      assertEquals(DType.Q4_0, find(file, "output.weight").requireType());
    }
  }
}
