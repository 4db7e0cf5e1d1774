package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import jllm.format.gguf.GgufArray;
import jllm.format.gguf.GgufFile;
import jllm.format.gguf.ValueType;
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

  /** Its embedding has more rows than there are tokens. */
  @Test
  void theTokenizerOfAFolderComesAlong() throws Exception {
    Path text =
        Files.writeString(folder.resolve("text"), "to be or not to be, that is ".repeat(99));
    Path bpe = folder.resolve("bpe");
    Program.Result learned =
        Program.run("train-bpe", text.toString(), "--vocab-size", "270", "-o", bpe.toString());
    assertEquals(0, learned.code(), learned.err());
    Path run = folder.resolve("run");
    String shape =
        "pretrain --preset llama-tiny --vocab-size 320 --n-layer 1 --n-head 2 --d-model 32 --d-ff"
            + " 32 --context 16 --iters 1 --batch-size 1 --warmup 0 --data "
            + text
            + " --tokenizer "
            + bpe.resolve("tokenizer.json")
            + " -o "
            + run;
    Program.Result trained = Program.run(shape.split(" "));
    assertEquals(0, trained.code(), trained.err());
    Path model = run.resolve("checkpoints/step-1");
    Path out = folder.resolve("out.gguf");
    Program.Result made = Program.run("quantize", model.toString(), out.toString(), "q8_0");
    assertEquals(0, made.code(), made.err());
    try (GgufFile file = GgufFile.open(out)) {
      GgufArray tokens =
          Objects.requireNonNull(
              file.metadata().array("tokenizer.ggml.tokens", Set.of(ValueType.STRING)));
      assertEquals(320, tokens.size());
      assertEquals("[PAD319]", tokens.strings().get(319));
    }
    String[] encode = {"tokenize", "-m", model.toString(), "that is not to be"};
    Program.Result expected = Program.run(encode);
    encode[2] = out.toString();
    assertEquals(0, expected.code(), expected.err());
    assertEquals(expected, Program.run(encode));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(4, files.count(), "a copy was left");
    }
  }
}
