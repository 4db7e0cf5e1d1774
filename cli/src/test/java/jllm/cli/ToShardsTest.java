package jllm.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import jllm.tokenize.shard.ShardSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm tokenize --to-shards}: the files, what it says, and its exit codes. */
class ToShardsTest {
  private static final String LINES =
      "{\"text\":\"Hello world\",\"body\":\"a\"}\n{\"text\":\"Hello\",\"body\":\"b\"}\n";

  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private Path out() {
    return folder.resolve("out");
  }

  private Run run(Path input, String... more) {
    List<String> args = new ArrayList<>(List.of("tokenize", "--to-shards", out().toString()));
    args.add(input.toString());
    args.addAll(List.of(more));
    return Run.of(args.toArray(new String[0]));
  }

  private static void assertError(int code, String message, Run run) {
    assertEquals(code, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().contains(message), run.err());
    assertFalse(run.err().contains("\tat "), run.err());
  }

  private int[] tokens(String split) throws IOException {
    try (ShardSet shards = ShardSet.open(out(), split)) {
      int[] ids = new int[(int) shards.size()];
      shards.copy(0, ids, 0, ids.length);
      return ids;
    }
  }

  @Test
  void theLayoutsOfLlmC() throws IOException {
    Path corpus = write("c.jsonl", LINES);
    Run run = run(corpus, "-m", "gpt2");
    assertEquals(0, run.code(), run.err());
    assertEquals(
        out()
            + ": 2 documents, 16 bytes of text: 5 tokens to train on, 0 to validate (uint16, 1"
            + " files)\n",
        run.out());
    ByteBuffer file =
        ByteBuffer.wrap(Files.readAllBytes(out().resolve("train-000000.bin")))
            .order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(1024 + 5 * 2, file.limit());
    assertEquals(20240520, file.getInt(0));
    assertEquals(1, file.getInt(4));
    assertEquals(5, file.getInt(8));
    assertEquals((short) 50256, file.getShort(1024));
    assertEquals((short) 15496, file.getShort(1026));
    assertTrue(Files.readString(out().resolve("manifest.json")).contains("\"sha256\""));

    Run again = run(corpus);
    assertError(3, "the folder has shards; name another, or replace them with --force", again);
    Run forced = run(corpus, "--force", "--json");
    assertEquals(0, forced.code(), forced.err());
    assertTrue(forced.out().contains("\"trainTokens\" : 5"), forced.out());
    file = ByteBuffer.wrap(Files.readAllBytes(out().resolve("train-000000.bin")));
    file.order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(1024 + 5 * 4, file.limit());
    assertEquals(20240801, file.getInt(0));
    assertEquals(7, file.getInt(4));
    assertEquals(100257, file.getInt(1024));
  }

  @Test
  void optionsOfCorporaAndShards() throws IOException {
    Path corpus = write("c.jsonl", LINES);
    assertEquals(
        0, run(corpus, "--field", "body", "--document-separator", "none", "-t", "1").code());
    assertArrayEquals(new int[] {64, 65}, tokens("train"));
    assertEquals(0, run(corpus, "--force", "-m", "gpt2", "--dtype", "uint32").code());
    assertEquals(1024 + 5 * 4, Files.size(out().resolve("train-000000.bin")));
    assertEquals(
        0, run(corpus, "--force", "--document-separator", "198", "--shard-tokens", "3").code());
    assertArrayEquals(new int[] {198, 9906, 1917, 198, 9906}, tokens("train"));
    assertTrue(Files.exists(out().resolve("train-000001.bin")));
    assertError(
        2, "--dtype uint16 holds ids up to 65535", run(corpus, "--force", "--dtype", "uint16"));
    assertError(2, "neither a token", run(corpus, "--force", "--document-separator", "<nothing>"));
    assertError(2, "--val-fraction is 1.0, expected", run(corpus, "--val-fraction", "1"));
    Path text = write("c.txt", "a@@b@@a@@b@@a@@b");
    assertEquals(
        0,
        run(text, "--force", "--separator", "@@", "--val-fraction", "0.5", "--seed", "7").code());
    assertEquals(6, tokens("val").length);
    assertEquals(6, tokens("train").length);
  }

  @Test
  void standardInput() throws IOException {
    Run run =
        Run.withInput("Hello world", "tokenize", "--to-shards", out().toString(), "-m", "gpt2");
    assertEquals(0, run.code(), run.err());
    assertArrayEquals(new int[] {50256, 15496, 995}, tokens("train"));
    assertError(2, "no corpus", Run.onTerminal("tokenize", "--to-shards", out().toString()));
  }

  @Test
  void aBrokenDocumentEndsTheWorkUnlessItMayBeLeftOut() throws IOException {
    Path corpus = write("c.jsonl", LINES + "{\"text\":\n" + LINES);
    Run strict = run(corpus, "-m", "gpt2");
    assertError(4, "c.jsonl", strict);
    assertTrue(strict.err().contains("line 3"), strict.err());
    assertFalse(Files.exists(out()));
    Run lenient = run(corpus, "-m", "gpt2", "--skip-broken");
    assertEquals(0, lenient.code(), lenient.err());
    assertTrue(lenient.err().contains("jllm: warning: left out: "), lenient.err());
    assertTrue(lenient.err().contains("line 3"), lenient.err());
    assertTrue(lenient.out().endsWith(", 1 documents left out\n"), lenient.out());
    assertEquals(10, tokens("train").length);
  }

  @Test
  void damagedArchivesAndMissingFiles() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("a.txt"));
      zip.write("Hello world, this is a text that is compressed".getBytes(UTF_8));
    }
    byte[] archive = bytes.toByteArray();
    archive[45] ^= 0x55;
    Path file = folder.resolve("a.zip");
    Files.write(file, archive);
    assertError(4, "a.zip: member a.txt", run(file));
    assertError(3, "no such file or folder", run(folder.resolve("none")));
    Path empty = write("empty.txt", "");
    assertError(4, "the corpus has no text", run(empty));
    assertFalse(Files.exists(out()));
    assertError(
        4, "invalid UTF-8", run(Files.write(folder.resolve("b.txt"), new byte[] {-1}), "-q"));
  }

  @Test
  void theFolderIsAFile() throws IOException {
    Path corpus = write("c.txt", "text");
    Files.writeString(out(), "x");
    assertError(3, "out", run(corpus));
  }
}
