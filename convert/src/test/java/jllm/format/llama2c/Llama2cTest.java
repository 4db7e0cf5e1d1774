package jllm.format.llama2c;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import jllm.format.Fixtures;
import jllm.format.Messages;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.tokenize.VocabularySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Llama2cTest {
  @TempDir Path folder;

  @Test
  void weightsStandWhereRunCReadsThem() throws IOException {
    Path path = RawLlama2c.write(folder.resolve("m.bin"), RawLlama2c.checkpoint(-10));
    try (Llama2cFile file = Llama2cFile.open(path)) {
      assertFalse(file.header().sharedClassifier());
      assertEquals(10, file.header().vocabSize());
      Map<String, StoredTensor> tensors =
          file.tensors().stream()
              .collect(Collectors.toMap(StoredTensor::name, Function.identity()));
      long floats = (Files.size(path) - 28) / 4;
      assertEquals(28, offset(tensors, "token_embd.weight"));
      assertEquals(28 + 4 * 80, offset(tensors, "blk.0.attn_norm.weight"));
      assertEquals(28 + 4 * 88, offset(tensors, "blk.1.attn_norm.weight"));
      assertEquals(28 + 4 * 96, offset(tensors, "blk.0.attn_q.weight"));
      assertEquals(28 + 4 * (96 + 2 * 64), offset(tensors, "blk.0.attn_k.weight"));
      assertEquals(28 + 4 * (96 + 2 * 64 + 32), offset(tensors, "blk.1.attn_k.weight"));
      assertEquals(28 + 4 * (floats - 80), offset(tensors, "output.weight"));
      assertEquals(28 + 4 * (floats - 80 - 64 - 8), offset(tensors, "output_norm.weight"));
      assertEquals("F32[4, 8]", tensor(tensors, "blk.0.attn_v.weight").describe());
      assertEquals("F32[8, 12]", tensor(tensors, "blk.1.ffn_down.weight").describe());
      assertEquals("F32[12, 8]", tensor(tensors, "blk.1.ffn_up.weight").describe());
    }
  }

  private static StoredTensor tensor(Map<String, StoredTensor> tensors, String name) {
    StoredTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new AssertionError("no tensor " + name + " among " + tensors.keySet());
    }
    return tensor;
  }

  private static long offset(Map<String, StoredTensor> tensors, String name) {
    return tensor(tensors, name).offset();
  }

  @Test
  void theLengthMustBeExact() throws IOException {
    byte[] good = RawLlama2c.checkpoint(10);
    for (int length : new int[] {good.length - 1, good.length - 400, good.length + 4, 28}) {
      Path path = RawLlama2c.write(folder.resolve("m.bin"), Arrays.copyOf(good, length));
      String message = Messages.of(ModelFormatException.class, () -> Llama2cFile.open(path));
      assertTrue(message.contains("needs " + good.length + " bytes"), message);
      assertTrue(message.contains("the file has " + length), message);
    }
  }

  @Test
  void theTokenizerOfTheFixtures() throws IOException {
    VocabularySpec spec = Llama2cTokenizer.read(Fixtures.get("models/aidreams-tok512.bin"));
    assertEquals(512, spec.tokens().size());
    assertEquals("\u2581a", spec.tokens().get(262));
    assertEquals(-3, spec.scores()[262]);
    assertEquals("<s>", spec.tokens().get(1));
    assertEquals("<0x0A>", spec.tokens().get(13));
    assertEquals(VocabularySpec.BYTE, spec.types()[13]);
    assertEquals(VocabularySpec.CONTROL, spec.types()[2]);
    assertEquals(1, spec.ids().bos());
  }

  @Test
  void damagedTokenizers() throws IOException {
    Path path = folder.resolve("t.bin");
    Messages.of(NoSuchFileException.class, () -> Llama2cTokenizer.read(path));
    byte[] good = RawLlama2c.tokenizer(300);
    assertEquals(300, Llama2cTokenizer.read(RawLlama2c.write(path, good)).tokens().size());
    expect(path, new byte[0], "it has 0 bytes");
    expect(path, Arrays.copyOf(good, good.length - 3), "token 299 has length 5");
    expect(path, Arrays.copyOf(good, good.length - 8), "it ends inside token 299");
    expect(path, RawLlama2c.tokenizer(100), "it has 100 tokens");
    good[8] = -1;
    good[11] = -1;
    expect(path, good, "token 0 has length -");
  }

  private static void expect(Path path, byte[] bytes, String expected) throws IOException {
    RawLlama2c.write(path, bytes);
    String message = Messages.of(ModelFormatException.class, () -> Llama2cTokenizer.read(path));
    assertTrue(message.contains(expected), message);
  }
}
