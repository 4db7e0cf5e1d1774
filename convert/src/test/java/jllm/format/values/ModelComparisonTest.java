package jllm.format.values;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.format.ModelFile;
import jllm.format.model.HubModels;
import jllm.format.model.ModelFiles;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ModelComparisonTest {
  @TempDir private Path folder = Path.of("");

  /** Some writers of GPT-2 leave out what others put before each name. */
  @Test
  void otherNamesForTheSameWeights() throws IOException {
    Path one = HubModels.write(folder.resolve("one"), "gpt2", DType.F32);
    Path other = HubModels.write(folder.resolve("other"), "gpt2", DType.F32);
    renamed(other.resolve("model.safetensors"));
    try (ModelFile first = ModelFiles.open(one);
        ModelFile second = ModelFiles.open(other)) {
      assertTrue(
          first.tensors().stream().anyMatch(tensor -> tensor.name().startsWith("transformer.")));
      assertTrue(
          second.tensors().stream().noneMatch(tensor -> tensor.name().startsWith("transformer.")));
      List<TensorDifference> found = new ArrayList<>();
      ModelComparison.compare(first, second, found::add);
      assertEquals(first.tensors().size(), found.size());
      for (TensorDifference difference : found) {
        assertTrue(
            difference instanceof TensorDifference.Values values && values.isSame(),
            difference.toString());
      }
    }
  }

  /** The header without the prefix, as long as before. */
  private static void renamed(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    String header = new String(bytes, 8, length, StandardCharsets.UTF_8);
    String shorter = header.replace("\"transformer.", "\"");
    String padded = shorter + " ".repeat(length - shorter.length());
    System.arraycopy(padded.getBytes(StandardCharsets.UTF_8), 0, bytes, 8, length);
    Files.write(file, bytes);
  }
}
