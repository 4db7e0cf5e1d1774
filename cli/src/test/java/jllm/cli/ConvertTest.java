package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm convert} as a person uses it. */
final class ConvertTest {
  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void copyModel() throws IOException {
    model = folder.resolve("model.bin");
    Files.copy(CliFixtures.path("models/aidreams260K.bin"), model);
    Files.copy(CliFixtures.path("models/aidreams-tok512.bin"), folder.resolve("tokenizer.bin"));
  }

  private Path convert(Path from, String to, String... more) {
    Path target = folder.resolve(to);
    String[] args =
        Stream.concat(
                Stream.of("convert", from.toString(), "-o", target.toString(), "-q"),
                Stream.of(more))
            .toArray(String[]::new);
    Run run = Run.of(args);
    assertEquals(ExitCode.OK, run.code(), run.err());
    return target;
  }

  @Test
  void aModelGoesThroughAllFormatsAndBack() throws IOException {
    Path gguf = convert(model, "model.gguf");
    Path hub = convert(gguf, "hub", "--max-shard-size", "200k");
    assertTrue(Files.exists(hub.resolve("model.safetensors.index.json")));
    assertTrue(Files.exists(hub.resolve("tokenizer.json")));
    Path again = folder.resolve("again");
    Files.createDirectory(again);
    Path back = convert(hub, "again/model.bin");
    // The tables of rotations are ours: one rounding apart from those of another program.
    byte[] before = Files.readAllBytes(model);
    byte[] after = Files.readAllBytes(back);
    assertEquals(before.length, after.length);
    int tables = 128 * 16 * 4;
    assertEquals(
        -1, Arrays.mismatch(before, 0, before.length - tables, after, 0, after.length - tables));
    // What tokenizer.json says of the merges is their order, not their scores.
    String text = "I sense the nodes: 7 \u00e9";
    assertEquals(tokens(model, text), tokens(back, text));
    Path direct = folder.resolve("direct");
    Files.createDirectory(direct);
    convert(gguf, "direct/model.bin");
    assertEquals(tokens(model, text), tokens(direct.resolve("model.bin"), text));
  }

  private static String tokens(Path model, String text) {
    Run run =
        Run.of("tokenize", "--ids", "-m", model.resolveSibling("tokenizer.bin").toString(), text);
    assertEquals(ExitCode.OK, run.code(), run.err());
    return run.out();
  }

  @Test
  void whatIsThereStaysWithoutForce() throws IOException {
    Path target = folder.resolve("there.gguf");
    Files.writeString(target, "precious");
    Run run = Run.of("convert", model.toString(), "-o", target.toString());
    assertEquals(ExitCode.FILE, run.code());
    assertTrue(run.err().contains("--force"), run.err());
    assertEquals("precious", Files.readString(target));
    convert(model, "there.gguf", "--force", "--outtype", "q8_0");
    assertTrue(Files.size(target) > 100_000);
  }

  @Test
  void aDryRunWritesNothing() throws IOException {
    Run run =
        Run.of("convert", model.toString(), "-o", folder.resolve("x.gguf").toString(), "--dry-run");
    assertEquals(ExitCode.OK, run.code(), run.err());
    assertTrue(run.out().contains("blk.3.ffn_down.weight"), run.out());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(
          List.of("model.bin", "tokenizer.bin"),
          files.map(file -> String.valueOf(file.getFileName())).sorted().toList());
    }
  }

  @Test
  void wrongWishesAreRefused() {
    String out = folder.resolve("x.gguf").toString();
    for (String[] wrong :
        List.of(
            new String[] {"--outtype", "q4_k_m"},
            new String[] {"--metadata", "novalue"},
            new String[] {"--metadata", "general.name=int:x"},
            new String[] {"--to", "hf", "--outtype", "q8_0"})) {
      String[] args =
          Stream.concat(Stream.of("convert", model.toString(), "-o", out), Stream.of(wrong))
              .toArray(String[]::new);
      Run run = Run.of(args);
      assertEquals(ExitCode.USAGE, run.code(), run.err());
    }
    assertTrue(Files.notExists(folder.resolve("x.gguf")));
  }
}
