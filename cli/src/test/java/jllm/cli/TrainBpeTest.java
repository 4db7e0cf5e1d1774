package jllm.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code jllm train-bpe}: what it writes and says, and its exit codes. */
class TrainBpeTest {
  private static final String TEXT =
      ("It was the best of times, it was the worst of times; \u00e9t\u00e9 1789.\n"
              + "Whether I shall turn out to be the hero of my own life, or whether that station will"
              + " be held by anybody else, these pages must show.\n")
          .repeat(20);

  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private Path out() {
    return folder.resolve("out");
  }

  private Run train(Path input, String... more) {
    List<String> args = new ArrayList<>(List.of("train-bpe", input.toString()));
    if (!List.of(more).contains("--vocab-size")) {
      args.addAll(List.of("--vocab-size", "290"));
    }
    args.addAll(List.of("-o", out().toString()));
    args.addAll(List.of(more));
    return Run.of(args.toArray(new String[0]));
  }

  private static void assertError(int code, String message, Run run) {
    assertEquals(code, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().contains(message), run.err());
    assertFalse(run.err().contains("\tat "), run.err());
  }

  private static void assertOk(Run run) {
    assertEquals(0, run.code(), run.err());
  }

  private List<String> names(Path in) throws IOException {
    if (!Files.exists(in)) {
      return List.of();
    }
    try (Stream<Path> list = Files.list(in)) {
      return list.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private List<String> merges() throws IOException {
    List<String> lines = Files.readAllLines(out().resolve("merges.txt"));
    return lines.subList(1, lines.size());
  }

  @Test
  void whatItWritesEncodesAndDecodes() throws IOException {
    Run run = train(write("a.txt", TEXT), "--special-tokens", "<|end|>,<pad>");
    assertOk(run);
    assertEquals("", run.err());
    assertEquals(List.of("merges.txt", "tokenizer.json", "vocab.json"), names(out()));
    for (Tokenizer tokenizer :
        List.of(
            Tokenizers.json(out().resolve("tokenizer.json")),
            Tokenizers.vocabAndMerges(out().resolve("vocab.json"), out().resolve("merges.txt")))) {
      int[] ids = tokenizer.encode(TEXT);
      assertTrue(ids.length < TEXT.length() * 3 / 4);
      assertEquals(TEXT, tokenizer.decode(ids));
      assertEquals("<|end|>", new String(tokenizer.tokenBytes(0), UTF_8));
      assertEquals("!", new String(tokenizer.tokenBytes(2), UTF_8));
    }
    assertEquals(290 - 256 - 2, merges().size());
    assertTrue(run.out().contains("290 tokens: 2 special, 256 bytes, 32 merges"), run.out());
    assertTrue(run.out().contains("in 1 document;"), run.out());
    assertTrue(
        run.out().matches("(?s).*\n trained +290 .*\n gpt2 +50,257 .*\n cl100k_base +100,277 .*"),
        run.out());
    assertTrue(run.out().contains("of the text that was learned from"), run.out());
  }

  @Test
  void theReportIsMeasuredOnAnotherText() throws IOException {
    Path other = write("other.txt", "the times of the times");
    Run run = train(write("a.txt", TEXT), "--eval", other.toString(), "--json", "-q");
    assertOk(run);
    assertEquals("", run.err());
    assertTrue(run.out().contains("\"compression_text\" : \"" + other + "\""), run.out());
    // Known counts: the text has five words and 22 bytes.
    assertTrue(
        run.out()
            .matches(
                "(?s).*\"gpt2\",\\s+\"vocabulary\" : 50257,\\s+\"bytes\" : 22,\\s+"
                    + "\"tokens\" : 5,\\s+\"bytes_per_token\" : 4.4\\s.*"),
        run.out());
    assertTrue(run.out().contains("\"vocab_size\" : 290,"), run.out());
  }

  @Test
  void aTextToMeasureOnIsCheckedBeforeTheWork() throws IOException {
    Path input = write("a.txt", TEXT);
    Path empty = write("empty.txt", "");
    assertError(4, "there is no text in " + empty, train(input, "--eval", empty.toString()));
    Path broken = Files.write(folder.resolve("broken.txt"), new byte[] {'a', (byte) 0xff});
    assertError(4, "broken.txt: invalid UTF-8", train(input, "--eval", broken.toString()));
    Path none = folder.resolve("none.txt");
    assertError(3, "none.txt: no such file", train(input, "--eval", none.toString()));
    assertEquals(List.of(), names(out()));
  }

  @Test
  void anExistingTokenizerIsKeptUnlessForced() throws IOException {
    Path input = write("a.txt", TEXT);
    assertOk(train(input));
    byte[] before = Files.readAllBytes(out().resolve("tokenizer.json"));
    Run again = train(input, "--vocab-size", "300");
    assertError(3, "tokenizer.json: the file exists; name another folder, or", again);
    assertTrue(again.err().contains("--force"), again.err());
    assertEquals(-1, Arrays.mismatch(before, read("tokenizer.json")));
    assertOk(train(input, "--vocab-size", "300", "--force"));
    assertEquals(300 - 256, merges().size());
    // Other files in the folder do not matter.
    Files.delete(out().resolve("tokenizer.json"));
    Files.delete(out().resolve("vocab.json"));
    Files.move(out().resolve("merges.txt"), out().resolve("config.json"));
    assertOk(train(input));
    assertEquals(4, names(out()).size());
  }

  private byte[] read(String name) throws IOException {
    return Files.readAllBytes(out().resolve(name));
  }

  @Test
  void outputsThatCannotBeAreRefusedBeforeTheWork() throws IOException {
    Path input = write("a.txt", TEXT);
    Run file = Run.of("train-bpe", input.toString(), "--vocab-size", "300", "-o", input.toString());
    assertError(3, "a.txt: is a file, expected a folder", file);
    assertError(2, "--output", Run.of("train-bpe", input.toString(), "--vocab-size", "300"));
    assertError(2, "--vocab-size", Run.of("train-bpe", input.toString(), "-o", "x"));
    assertError(2, "FILES", Run.of("train-bpe", "--vocab-size", "300", "-o", out().toString()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--vocab-size|255|a vocabulary of 255 tokens; expected at least 256: 256 bytes",
        "--vocab-size|-1|--vocab-size is -1, expected 0 to",
        "--pattern|(a|'(a' is not understood at position 2: Unclosed group",
        "--pattern|\\p{L}+[z|is not understood at position 8: Unclosed character class",
        "--limit-alphabet|100|a byte-level vocabulary always has all 256 bytes",
        "--min-frequency|-1|a minimum frequency of -1; expected 0 or more",
        "--max-token-length|-1|a token length of -1; expected 0 (any) or more",
        "--doc-cap|-1|a document cap of -1; expected 0 (none) or more",
        "--max-bytes|-1|a limit of -1 bytes; expected 0 (none) or more",
        "--max-bytes|2x|'2x' is no number of bytes, expected one such as",
        "--max-words|10|a cap of 10 distinct words; expected 1000 or more",
        "--threads|-1|--threads is -1, expected 0 to 1024",
        "--separator|''|--separator is empty",
        "--include|[a|is not a glob",
        "--special-tokens|a,,b|a special token is empty",
      })
  void anOptionOutOfRangeIsNamed(String option, String value, String message) throws IOException {
    assertError(2, message, train(write("a.txt", TEXT), option, value));
    assertEquals(List.of(), names(out()));
  }

  @Test
  void specialTokensNeedRoomOnceEach() throws IOException {
    Path input = write("a.txt", TEXT);
    String[] small = {"--special-tokens", "<a>,<b>", "--vocab-size", "257"};
    assertError(2, "expected at least 258: 256 bytes and 2 special tokens", train(input, small));
    Run twice = train(input, "--special-tokens", "<a>", "--special-tokens", "<a>,<b>");
    assertOk(twice);
    assertTrue(twice.err().contains("given twice count once"), twice.err());
    assertTrue(twice.out().contains("2 special"), twice.out());
  }

  @Test
  void aSpecialTokenIsLearnedFromAsTextAndKeepsItsId() throws IOException {
    Run run = train(write("a.txt", "<s> <s> abab abab"), "--special-tokens", "<s>,ab");
    assertOk(run);
    assertTrue(run.err().contains("special token 'ab' is also a piece of ordinary"), run.err());
    assertTrue(merges().contains("a b"), merges().toString());
    Tokenizer tokenizer = Tokenizers.json(out().resolve("tokenizer.json"));
    assertEquals("abab <s>", tokenizer.decode(tokenizer.encode("abab <s>")));
  }

  @Test
  void withoutTextOrWithLittle() throws IOException {
    assertError(4, "the corpus has no text", train(write("empty.txt", "")));
    assertEquals(List.of(), names(out()));
    Run little = train(write("little.txt", "ab"));
    assertOk(little);
    assertTrue(little.err().contains("257 tokens, not 290: no pair of tokens is left"), "");
    Run rare = train(write("rare.txt", "ab"), "--min-frequency", "5", "--force");
    assertOk(rare);
    assertTrue(rare.err().contains("no pair that occurs 5 times is left"), rare.err());
  }

  @Test
  void filesThatCannotBeRead() throws IOException {
    assertError(3, "none.txt: no such file", train(folder.resolve("none.txt")));
    Path invalid = Files.write(folder.resolve("latin1.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    assertError(4, "latin1.txt: invalid UTF-8 at byte offset 1", train(invalid));
    assertOk(train(invalid, "--errors", "replace"));
    Path zip = damagedZip();
    assertError(4, "a.zip: member a.txt: damaged", train(zip, "--force"));
    Run skipped = train(zip, "--force", "--skip-broken");
    assertOk(skipped);
    assertTrue(skipped.err().contains("left out: " + zip + ": member a.txt"), skipped.err());
    assertTrue(skipped.err().contains("members left out: 1"), skipped.err());
  }

  private Path damagedZip() throws IOException {
    Path zip = folder.resolve("a.zip");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
      for (String name : List.of("a.txt", "b.txt")) {
        out.putNextEntry(new ZipEntry(name));
        out.write(TEXT.getBytes(UTF_8));
      }
    }
    byte[] bytes = Files.readAllBytes(zip);
    Arrays.fill(bytes, 45, 60, (byte) 0xff);
    return Files.write(zip, bytes);
  }

  @Test
  void corporaOfEveryKindGiveTheSame() throws IOException {
    assertOk(train(write("a.txt", TEXT)));
    List<String> expected = merges();
    Path lines = write("a.jsonl", "{\"body\": " + Json.compact(TEXT) + "}\n");
    assertOk(train(lines, "--field", "body", "--force"));
    assertEquals(expected, merges());
    assertError(4, "no field 'text'", train(lines, "--force"));
    Path gz = folder.resolve("a.txt.gz");
    try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(gz))) {
      out.write(TEXT.getBytes(UTF_8));
    }
    assertOk(train(gz, "--force"));
    assertEquals(expected, merges());
    Files.createDirectories(folder.resolve("many"));
    Files.writeString(folder.resolve("many/a.java"), TEXT);
    Files.writeString(folder.resolve("many/b.html"), "other text ".repeat(99));
    assertOk(train(folder.resolve("many"), "--include", "*.java", "--force", "--threads", "1"));
    assertEquals(expected, merges());
    Run piped =
        Run.withInput(
            TEXT, "train-bpe", "-", "--vocab-size", "290", "-o", out().toString(), "--force");
    assertOk(piped);
    assertEquals(expected, merges());
  }

  @Test
  void standardInputIsReadAlone() throws IOException {
    Path input = write("a.txt", TEXT);
    String out = out().toString();
    assertError(
        2,
        "together with other files",
        Run.of("train-bpe", "-", input.toString(), "--vocab-size", "300", "-o", out));
    assertError(
        2, "is the terminal", Run.onTerminal("train-bpe", "-", "--vocab-size", "300", "-o", out));
  }

  @Test
  void limitsOfDocumentsAndCorpus() throws IOException {
    Path input = write("a.txt", "abcdef<END>abcdef<END>xyz");
    Run capped =
        train(input, "--separator", "<END>", "--doc-cap", "2", "--pattern", "none", "--json");
    assertOk(capped);
    assertTrue(capped.out().contains("\"text_bytes\" : 6,"), capped.out());
    assertTrue(capped.out().contains("\"documents\" : 3,"), capped.out());
    assertEquals(List.of("a b", "x y"), merges());
    Run limited = train(write("b.txt", TEXT), "--max-bytes", "0.1k", "--json", "--force");
    assertOk(limited);
    assertTrue(limited.out().contains("\"text_bytes\" : 100,"), limited.out());
    assertTrue(limited.out().contains("\"complete\" : false"), limited.out());
    Path short2 = write("c.txt", "abcabc abcabc");
    assertOk(train(short2, "--max-token-length", "3", "--force", "--pattern", "\\w+|\\W+"));
    assertEquals(List.of("a b"), merges());
  }

  @Test
  void interruptedItLeavesNothing() throws IOException {
    // The corpus itself asks to stop, at a moment when counting has begun.
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream printer = new PrintStream(err, true, UTF_8);
    InputStream endless =
        new InputStream() {
          private int reads;

          @Override
          public int read() {
            return 'a';
          }

          @Override
          public int read(byte[] b, int off, int len) {
            if (++reads == 12) {
              Thread.currentThread().interrupt();
            }
            Arrays.fill(b, off, off + len, (byte) (reads % 7 == 0 ? ' ' : 'a'));
            return len;
          }
        };
    String[] args = {"train-bpe", "-", "--vocab-size", "290", "-o", out().toString(), "-q"};
    int code = Main.run(args, endless, new ByteArrayOutputStream(), printer);
    Thread.interrupted();
    assertEquals(130, code, err.toString(UTF_8));
    assertEquals("jllm: interrupted; nothing was written\n", err.toString(UTF_8));
    assertEquals(List.of(), names(out()));
  }
}
