package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code jllm pretrain}: what it writes and says, and its exit codes. */
class PretrainTest {
  @TempDir Path folder;
  private Path text;

  @BeforeEach
  void writeText() throws IOException {
    text = Files.writeString(folder.resolve("a.txt"), "to be, or not to be: that is\n".repeat(300));
  }

  private Path run() {
    return folder.resolve("run");
  }

  private Run pretrain(String options) {
    List<String> args = new ArrayList<>(List.of("pretrain"));
    args.addAll(Arrays.asList(options.replace("TEXT", text.toString()).split(" +")));
    if (!options.contains("--resume")) {
      args.addAll(List.of("-o", run().toString()));
    }
    return Run.of(args.toArray(new String[0]));
  }

  /** A run of seconds. */
  private Run small(String more) {
    return pretrain(
        "--data TEXT --n-layer 1 --n-head 2 --d-model 16 --context 16 --batch-size 2 --eval-iters 1"
            + " --eval-every 3 --sample-tokens 5 "
            + more);
  }

  private static void assertError(int code, String message, Run run) {
    assertEquals(code, run.code(), run.err());
    assertTrue(run.err().contains(message), run.err());
    assertFalse(run.err().contains("\tat "), run.err());
  }

  private List<String> metrics() throws IOException {
    return Files.readAllLines(run().resolve("metrics.jsonl"));
  }

  @Test
  void theRunIsWrittenAndTheModelGenerates() throws IOException {
    Run run = small("--tokenizer char --iters 6 --save-every 2 --keep 2 --sample-every 3");
    assertEquals(0, run.code(), run.err());
    Path last = run().resolve("checkpoints/step-6");
    assertEquals(last + "\n", run.out());
    assertEquals("step-6", Files.readString(run().resolve("checkpoints/latest")).strip());
    assertTrue(Files.isDirectory(run().resolve("checkpoints/step-4")));
    assertFalse(Files.exists(run().resolve("checkpoints/step-2")));
    assertEquals(6 + 3, metrics().size());
    assertEquals(6, metrics().stream().filter(line -> line.contains("\"loss\"")).count());
    assertTrue(metrics().get(0).startsWith("{\"step\": 0, \"val_loss\": "), metrics().get(0));
    assertNotNull(ImageIO.read(run().resolve("loss.png").toFile()));
    assertTrue(run.err().contains("parameters"), run.err());
    assertTrue(run.err().contains("the model writes:"), run.err());
    Run generated =
        Run.of("generate", "-m", last.toString(), "-n", "5", "--temp", "0", "-q", "to be");
    assertEquals(0, generated.code(), generated.err());
    assertEquals(5, generated.out().length(), generated.out());
  }

  @Test
  void ggufGivesTheLogitsOfTheFolder() throws IOException {
    Run run =
        small(
            "--tokenizer byte --position rope --norm rms --activation silu --bias none"
                + " --iters 3 --gguf f32");
    assertEquals(0, run.code(), run.err());
    Path gguf = run().resolve("model-f32.gguf");
    assertTrue(run.out().endsWith(gguf + "\n"), run.out());
    String[] texts = new String[2];
    int i = 0;
    for (Path model : List.of(run().resolve("checkpoints/step-3"), gguf)) {
      Run generated =
          Run.of("generate", "-m", model.toString(), "-n", "9", "--temp", "0", "-q", "to be");
      assertEquals(0, generated.code(), generated.err());
      texts[i++] = generated.out();
    }
    assertEquals(texts[0], texts[1]);
  }

  @Test
  void resumingWithMoreStepsGoesOn() throws IOException {
    assertEquals(0, small("--iters 4 --schedule constant").code());
    Run more = pretrain("--resume " + run() + " --iters 8 -q");
    assertEquals(0, more.code(), more.err());
    assertEquals("", more.err());
    byte[] parts = Files.readAllBytes(run().resolve("checkpoints/step-8/model.safetensors"));
    assertEquals(8, metrics().stream().filter(line -> line.contains("\"loss\"")).count());
    Path first = run();
    Files.move(first, folder.resolve("other"));
    assertEquals(0, small("--iters 8 --schedule constant").code());
    assertArrayEquals(
        Files.readAllBytes(run().resolve("checkpoints/step-8/model.safetensors")), parts);
  }

  @Test
  void resumeAutoBeginsWhereThereIsNothing() {
    Run run = small("--iters 2 --resume auto -o " + run());
    assertEquals(0, run.code(), run.err());
    assertTrue(Files.exists(run().resolve("checkpoints/step-2")));
  }

  @Test
  void resumingIsProven() {
    Run run = small("--iters 2 --verify-resume --dropout 0.2");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.err().contains("resuming gives the same bits"), run.err());
  }

  @Test
  void aDamagedCheckpointIsRefusedAndTheOneBeforeOffered() throws IOException {
    assertEquals(0, small("--iters 4 --save-every 2").code());
    Path file = run().resolve("checkpoints/step-4/model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 1;
    Files.write(file, bytes);
    Run run = pretrain("--resume " + run());
    assertError(4, "step-4 is damaged", run);
    assertError(4, "resume from " + run().resolve("checkpoints/step-2"), run);
  }

  @Test
  void aRunIsNotOverwritten() {
    assertEquals(0, small("--iters 1").code());
    assertError(2, "holds the checkpoints of a run", small("--iters 1"));
  }

  @Test
  void aDryRunShowsThePlanAndWritesNothing() {
    Run run = small("--iters 10 --dry-run --json");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("\"steps\" : 10"), run.out());
    assertFalse(Files.exists(run()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--data TEXT --n-head 3 --d-model 128 | cannot be divided among 3 heads",
        "--data TEXT --seq-len 65 | --seq-len is 65, but the model has a context of 64",
        "--data TEXT --preset nix | there is no preset nix",
        "--data TEXT --preset nano --depth 3 | choose one",
        "--data TEXT --iters 3 --epochs 2 | choose one",
        "--data TEXT --vocab-size 100 | the tokenizer has 256 tokens",
        "--data TEXT --lr 0 | learning rate",
        "--data TEXT --dropout 1 | dropout",
        "--data TEXT --init-from x --n-layer 3 | has a shape already",
        "--iters 3 | --data",
        "--data TEXT:0.5,TEXT | weight"
      })
  void wrongOptionsAreRefusedBeforeAnything(String options, String message) {
    assertError(2, message, pretrain(options));
    assertFalse(Files.exists(run()));
  }

  @Test
  void wrongDataAreRefused() throws IOException {
    assertError(3, "there is no such file", pretrain("--data missing.txt"));
    Path empty = Files.writeString(folder.resolve("empty.txt"), "");
    assertError(4, "the corpus has no text", pretrain("--data " + empty));
    Path few = Files.writeString(folder.resolve("few.txt"), "too few");
    assertError(4, "too few", pretrain("--val-fraction 0 --data " + few));
    Path shard = Files.write(folder.resolve("bad.bin"), new byte[2000]);
    assertError(4, "bad.bin", pretrain("--vocab-size 10 --data " + shard));
    assertError(2, "--vocab-size", pretrain("--data " + shard));
    assertFalse(Files.exists(run()));
  }

  @Test
  void tooLargeAModelIsRefusedWithItsMemory() {
    assertError(
        5, "not enough memory", pretrain("--data TEXT --n-layer 400 --d-model 8192 --n-head 64"));
  }
}
