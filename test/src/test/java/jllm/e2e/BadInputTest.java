package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged and unsuitable files end with a message that says what is wrong, and with its exit code.
 */
class BadInputTest {

  @TempDir private Path folder = Path.of("");

  private static void assertRefused(int code, String message, Program.Result result) {
    assertEquals(code, result.code(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains(message), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
    assertEquals(1, result.err().lines().filter(line -> line.startsWith("jllm: ")).count());
  }

  private Program.Result generate(Path model) {
    return Program.run("generate", "-m", model.toString(), "-p", "x");
  }

  /** A copy of a model in which one text is replaced by another of the same length. */
  private Path changed(String model, String from, String to) throws IOException {
    byte[] bytes = Files.readAllBytes(Fixtures.model(model));
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int at = text.indexOf(from);
    assertTrue(at >= 0 && from.length() == to.length());
    System.arraycopy(to.getBytes(StandardCharsets.ISO_8859_1), 0, bytes, at, to.length());
    return Files.write(folder.resolve("changed.gguf"), bytes);
  }

  @Test
  void noModelFile() {
    assertRefused(3, "none.gguf: there is no such file", generate(folder.resolve("none.gguf")));
  }

  @Test
  void aFolderWithoutModel() {
    assertRefused(3, "folder", generate(folder));
  }

  @Test
  void anEmptyFile() throws IOException {
    assertRefused(4, "empty", generate(Files.createFile(folder.resolve("empty.gguf"))));
  }

  @Test
  void aWrongMagic() throws IOException {
    Path file = Files.writeString(folder.resolve("model.gguf"), "GGUX and so on and so forth");
    assertRefused(4, "47 47 55 58", generate(file));
  }

  /** Cut inside the header, the metadata, the tensor list and the weights. */
  @ParameterizedTest
  @ValueSource(doubles = {0.0000012, 0.001, 0.003, 0.5, 0.999})
  void aTruncatedFile(double part) throws IOException {
    byte[] bytes = Files.readAllBytes(Fixtures.model("llama-f32.gguf"));
    byte[] cut = Arrays.copyOf(bytes, (int) Math.ceil(part * bytes.length));
    Program.Result result = generate(Files.write(folder.resolve("cut.gguf"), cut));
    assertRefused(4, "cut.gguf", result);
  }

  @Test
  void anUnknownArchitectureIsNamed() throws IOException {
    assertRefused(
        4,
        "lambs",
        generate(
            changed("llama-f32.gguf", "\u0005\0\0\0\0\0\0\0llama", "\u0005\0\0\0\0\0\0\0lambs")));
  }

  @Test
  void aMissingTensorIsNamed() throws IOException {
    assertRefused(
        4,
        "blk.1.attn_q.weight",
        generate(changed("llama-f32.gguf", "blk.1.attn_q.weight", "blk.1.attn_x.weight")));
  }

  @Test
  void shapesThatContradictTheMetadata() throws IOException {
    // embedding_length 256 becomes 512: u32 behind the key and its type.
    String key = "llama.embedding_length\4\0\0\0";
    assertRefused(
        4, "512", generate(changed("llama-f32.gguf", key + "\0\1\0\0", key + "\0\2\0\0")));
  }

  @Test
  void aTokenizerOfAnotherModel() throws IOException {
    Path tokenizer = Fixtures.model("../vocab/llama-spm.gguf");
    assertRefused(
        4,
        "the vocabulary has 32000 tokens, but the token embedding",
        Program.run(
            "generate",
            "-m",
            Fixtures.model("llama-f32.gguf").toString(),
            "--tokenizer",
            tokenizer.toString(),
            "-p",
            "x"));
  }

  @Test
  void aModelWithoutTokenizer() throws IOException {
    Path alone = Files.copy(Fixtures.model("aidreams260K.bin"), folder.resolve("alone.bin"));
    assertRefused(4, "give one with --tokenizer", generate(alone));
  }

  @Test
  void moreMemoryThanThereIs() {
    Program.Result result = Program.run(Program.dream("-p", "x", "-c", "2000000000"));
    assertEquals(5, result.code(), result.err());
    assertTrue(result.err().contains("lower --ctx-size"), result.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "512|token 1 of the text has the id 512, expected 0 to 511",
        "1 -1|token 2 of the text has the id -1",
        "1 x|'x' is no token id",
        "''|there is no token id",
      })
  void idsThatTheModelDoesNotHave(String ids, String message) {
    Path out = folder.resolve("out");
    Program.Result result =
        Program.run(
            "logits",
            Fixtures.model("llama-f32.gguf").toString(),
            "--ids",
            ids,
            "-o",
            out.toString());
    assertRefused(2, message, result);
    assertFalse(Files.exists(out));
  }

  @Test
  void aPlaceThatCannotBeWrittenTo() {
    String model = Fixtures.model("llama-f32.gguf").toString();
    String nowhere = folder.resolve("none/out").toString();
    assertRefused(
        3, "there is no folder", Program.run("logits", model, "--ids", "1", "-o", nowhere));
    assertRefused(
        3, "is a folder", Program.run("logits", model, "--ids", "1", "-o", folder.toString()));
  }
}
