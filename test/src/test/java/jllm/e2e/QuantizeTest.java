package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code jllm quantize}, and models of every type in use. */
class QuantizeTest {
  @TempDir private Path folder = Path.of("");

  private Program.Result quantize(String... more) {
    String[] args = new String[4 + more.length];
    args[0] = "quantize";
    args[1] = Fixtures.model("llama-f32.gguf").toString();
    args[2] = folder.resolve("out.gguf").toString();
    args[3] = "q4_k_m";
    System.arraycopy(more, 0, args, 4, more.length);
    return Program.run(args);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"q4_1", "q5_0", "q5_1", "q2_k", "q3_k_m", "q4_k_s", "q5_k_m", "iq4_nl", "iq4_xs"})
  void quantizedModelsRun(String type) {
    Path out = folder.resolve(type + ".gguf");
    Program.Result made =
        Program.run("quantize", Fixtures.model("llama-f32.gguf").toString(), out.toString(), type);
    assertEquals(0, made.code(), made.err());
    assertTrue(made.out().contains("bits per weight"), made.out());
    Program.Result run =
        Program.run(
            "logits",
            out.toString(),
            "--ids",
            "1 403 407 261",
            "-o",
            folder.resolve("logits.f32").toString());
    assertEquals(0, run.code(), run.err());
  }

  @Test
  void aDryRunWritesNothing() {
    Program.Result result = quantize("--dry-run", "--json");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("\"bits_per_weight\""), result.out());
    assertFalse(Files.exists(folder.resolve("out.gguf")));
  }

  @Test
  void anExistingTargetStays() throws Exception {
    Path out = Files.writeString(folder.resolve("out.gguf"), "mine");
    Program.Result refused = quantize();
    assertEquals(3, refused.code());
    assertTrue(refused.err().contains("--force"), refused.err());
    assertEquals("mine", Files.readString(out));
    assertEquals(0, quantize("--force").code());
    assertTrue(Files.size(out) > 100_000);
  }

  @Test
  void wrongTypesAreWrongUsage() {
    Program.Result result = quantize("--output-tensor-type", "q9_9");
    assertEquals(2, result.code());
    assertTrue(result.err().contains("Q6_K"), result.err());
    assertEquals(2, quantize("--tensor-type", "ffn").code());
    assertEquals(2, quantize("--tensor-type", "(=q8_0").code());
  }

  @Test
  void quantizedInputIsRefused() {
    Program.Result result =
        Program.run(
            "quantize",
            Fixtures.model("llama-Q8_0.gguf").toString(),
            folder.resolve("out.gguf").toString(),
            "q4_0");
    assertEquals(2, result.code());
    assertTrue(result.err().contains("--allow-requantize"), result.err());
  }
}
