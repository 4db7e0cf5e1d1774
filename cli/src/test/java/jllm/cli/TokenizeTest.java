package jllm.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code jllm tokenize} on texts: what it prints, and its exit codes. */
class TokenizeTest {
  private static final String ENGLISH = "Say 'hello' to my little friend!";
  private static final String FRENCH = "Dis 'bonjour' \u00e0 mon petit ami!";

  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private static void assertOut(String expected, Run run) {
    assertEquals(0, run.code(), run.err());
    assertEquals(expected, run.out());
    assertEquals("", run.err());
  }

  private static void assertError(int code, String message, Run run) {
    assertEquals(code, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().contains(message), run.err());
    assertFalse(run.err().contains("\tat "), run.err());
  }

  @Test
  void idsByDefault() {
    assertOut("9906 1917\n", Run.of("tokenize", "Hello world"));
    assertOut("9906 1917\n", Run.of("tokenize", "--ids", "Hello world"));
    assertOut("25515 705 31373 6 284 616 1310 1545 0\n", Run.of("tokenize", "-m", "gpt2", ENGLISH));
    assertOut(
        "7279 705 4189 73 454 6 28141 937 4273 270 716 72 0\n",
        Run.of("tokenize", "--tokenizer", "r50k_base", FRENCH));
  }

  @Test
  void standardInputAndFilesAreTakenAsTheyAre() throws IOException {
    assertOut("9906 1917 198\n", Run.withInput("Hello world\n", "tokenize"));
    Path file = write("a.txt", "Hello world\n");
    assertOut("9906 1917 198\n", Run.of("tokenize", "-f", file.toString()));
    assertOut("9906 1917 198\n", Run.withInput("Hello world\n", "tokenize", "-f", "-"));
    assertOut(
        "9906 1917 198\n9906\n",
        Run.of("tokenize", "-f", file.toString(), "-f", write("b", "Hello").toString()));
  }

  @Test
  void noText() {
    assertOut("\n", Run.withInput("", "tokenize"));
    assertOut("\n", Run.of("tokenize", ""));
    assertOut("0\n", Run.of("tokenize", "--count", ""));
    assertOut("", Run.of("tokenize", "--pieces", ""));
    assertOut("", Run.withInput("", "tokenize", "--lines"));
    assertOut("", Run.withInput("", "tokenize", "--decode"));
    assertOut(
        "{\"tokenizer\":\"cl100k_base\",\"ids\":[],\"count\":0}\n",
        Run.of("tokenize", "--json", "--ids", ""));
  }

  @Test
  void linesAreTexts() {
    String text = "a b\n\nc\r\nd";
    assertOut("64 293\n\n66 201\n67\n", Run.withInput(text, "tokenize", "--lines"));
    assertOut("2\n0\n2\n1\n", Run.withInput(text, "tokenize", "--lines", "--count"));
    assertOut("a\t b\n\nc\t\\r\nd\n", Run.withInput(text, "tokenize", "--lines", "--pieces"));
    assertOut("0-1 1-3\n\n0-1 1-2\n0-1\n", Run.withInput(text, "tokenize", "--lines", "--offsets"));
    assertOut(
        "{\"ids\":[64,293],\"count\":2}\n{\"ids\":[],\"count\":0}\n",
        Run.withInput("a b\n\n", "tokenize", "--lines", "--json", "--ids"));
  }

  @Test
  void columns() {
    String text = "na\u00efve \ud83d\ude00x\n\\";
    assertOut(
        """
        3458	0	2	na
        38672	2	4	\u00ef
        588	4	6	ve
        91416	6	11	 \ud83d\ude00
        87	11	12	x
        198	12	13	\\n
        59	13	14	\\\\
        """,
        Run.of("tokenize", "--ids", "--pieces", "--offsets", text));
    assertOut("a\n\\xF0\\x9F\\x98\n\\x80\n", Run.of("tokenize", "--pieces", "a\ud83d\ude00"));
    assertOut("0-1\n1-3\n", Run.of("tokenize", "--offsets", "a b"));
  }

  @Test
  void json() throws IOException {
    assertOut(
        "{\"tokenizer\":\"cl100k_base\",\"tokens\":[{\"id\":64,\"piece\":\"a\",\"start\":0,\"end\":1},"
            + "{\"id\":76460,\"piece\":\"\ufffd\",\"bytes\":[240,159,152],\"start\":1,\"end\":4},"
            + "{\"id\":222,\"piece\":\"\ufffd\",\"bytes\":[128],\"start\":4,\"end\":5}],\"count\":3}\n",
        Run.of("tokenize", "--json", "a\ud83d\ude00"));
    assertOut(
        "{\"tokenizer\":\"cl100k_base\",\"pieces\":[\"a\",\"\\n\"],\"count\":2}\n",
        Run.of("tokenize", "--json", "--pieces", "a\n"));
    assertOut(
        "{\"tokenizer\":\"cl100k_base\",\"count\":2}\n",
        Run.of("tokenize", "--json", "--count", "a\n"));
    String file = write("a", "a").toString();
    String one =
        "{\"tokenizer\":\"cl100k_base\",\"text\":\""
            + file
            + "\",\"offsets\":[[0,1]],\"count\":1}\n";
    assertOut(one + one, Run.of("tokenize", "--json", "--offsets", "-f", file, "-f", file));
  }

  @Test
  void specialTokens() {
    String text = "a<|endoftext|>";
    assertOut("64 100257\n", Run.of("tokenize", "--parse-special", text));
    assertOut("64 27 91 8862 728 428 91 29\n", Run.of("tokenize", "--no-special", text));
    assertOut(text, Run.of("tokenize", "--decode", "64", "100257"));
    assertOut("a", Run.of("tokenize", "--decode", "--no-special", "64 100257"));
  }

  @Test
  void decoding() {
    assertOut("Hello world", Run.of("tokenize", "--decode", "9906", "1917"));
    assertOut("Hello world", Run.of("tokenize", "--decode", "[9906, 1917]"));
    assertOut("Hello world\n", Run.withInput("9906 1917\n198", "tokenize", "--decode"));
    assertOut(
        "Hello\n\n world\n", Run.withInput("9906\n\n1917", "tokenize", "--decode", "--lines"));
    assertOut("\ud83d\ude00", Run.of("tokenize", "--decode", "76460 222"));
    assertOut("\ufffd", Run.of("tokenize", "--decode", "76460"));
    Run run = Run.of("tokenize", "--decode", "x2");
    assertError(2, "'x2' (line 1 of the arguments) is no id; expected whole numbers", run);
    assertError(2, "no token has the id 100300;", Run.of("tokenize", "--decode", "100300"));
    assertError(2, "no token has the id -1;", Run.withInput("-1", "tokenize", "--decode"));
    assertError(
        2,
        "line 2 of standard input: no token has the id 2147483647;",
        Run.withInput("\n99999999999", "tokenize", "--decode"));
  }

  @Test
  void frenchCostsMoreThanEnglish() {
    String expected =
        """
         text                              characters  bytes  tokens  bytes/token  single-byte tokens\s
         Say 'hello' to my little friend!          32     32       9         3.56              22.2 %\s
         Dis 'bonjour' \u00e0 mon petit ami!            30     31      13         2.38              30.8 %\s
        """;
    assertOut(expected, Run.of("tokenize", "--stats", "-m", "gpt2", ENGLISH, FRENCH));
  }

  @Test
  void statisticsOfFiles() throws IOException {
    String a = write("a", "").toString();
    String b = write("b", "\u00e9 !").toString();
    Run run = Run.of("tokenize", "--stats", "--json", "-f", a, "-f", b);
    assertEquals(0, run.code(), run.err());
    String json = run.out().replaceAll("\\s+", "");
    assertTrue(
        json.contains(
            "\"characters\":0,\"bytes\":0,\"tokens\":0,\"bytesPerToken\":0.0,\"singleByteShare\":0.0"),
        json);
    assertTrue(
        json.contains(
            "\"characters\":3,\"bytes\":4,\"tokens\":2,\"bytesPerToken\":2.0,\"singleByteShare\":0.0"),
        json);
  }

  @Test
  void coloursOnATerminal() {
    Run run = Run.of("tokenize", "--color", "always", "-q", "a b\nc\u001b\ud83d\ude00");
    String a = "\u001b[38;5;16;48;5;183ma\u001b[0m";
    String b = "\u001b[38;5;16;48;5;157m b\u001b[0m";
    assertTrue(
        run.out().startsWith(a + b + "\u001b[38;5;16;48;5;222m\u21b5\u001b[0m\n"), run.out());
    assertTrue(run.out().contains("\\x1B"), run.out());
    assertTrue(run.out().contains("m\\xF0\\x9F\\x98\u001b[0m"), run.out());
    Run terminal = Run.onTerminal("tokenize", "a b", "--color", "never");
    assertEquals("a| b\n", terminal.out());
    assertEquals("2 tokens, 3 characters\n", terminal.err());
    assertEquals("64 293\n", Run.onTerminal("tokenize", "--ids", "a b").out());
    if (System.getenv("NO_COLOR") == null) {
      assertTrue(Run.onTerminal("tokenize", "a b").out().startsWith(a + b));
    }
  }

  @Test
  void whoSharesARangeIsShownOnce() {
    // The space that SentencePiece puts before a text stands for no character of it.
    Path file = CliFixtures.path("models/aidreams-tok512.bin");
    Run run = Run.onTerminal("tokenize", "-m", file.toString(), "--color", "never", "He\u4e2d");
    assertEquals(" |H|e|\\xE4|\\xB8|\\xAD\n", run.out());
  }

  @ParameterizedTest
  @CsvSource({
    "hf/pythia, 12092 1533",
    "hf/pythia/tokenizer.json, 12092 1533",
    "vocab/gpt-2.gguf, 15496 995",
    "vocab/llama-spm.gguf, 15043 3186",
    "vocab/bert-bge.gguf, 7592 2088",
    "sentencepiece/llama2-bpe.model, 15043 3186"
  })
  void tokenizersOfAllFormats(String name, String ids) {
    Path file = CliFixtures.path(name);
    assertOut(ids + "\n", Run.of("tokenize", "-m", file.toString(), "Hello world"));
  }

  @Test
  void specialTokensAroundAText() {
    Path file = CliFixtures.path("vocab/bert-bge.gguf");
    assertOut(
        "101 7592 102\n", Run.of("tokenize", "-m", file.toString(), "--add-special", "Hello"));
  }

  @Test
  void theSampleOfTheTokenizerPage() {
    Path file = CliFixtures.path("text/openai-tokenizer-sample.txt");
    assertOut("57\n", Run.of("tokenize", "--count", "-f", file.toString()));
    Run run = Run.of("tokenize", "--color", "always", "-f", file.toString());
    assertEquals("57 tokens, 250 characters\n", run.err());
    assertTrue(run.out().startsWith("\u001b[38;5;16;48;5;183mMany\u001b[0m"), run.out());
  }

  @Test
  void invalidText() throws IOException {
    Path file = folder.resolve("bad");
    Files.write(file, new byte[] {'a', 'b', (byte) 0xff, 'c'});
    assertError(
        4,
        "bad: invalid UTF-8 at byte offset 2 (byte 0xFF); convert",
        Run.of("tokenize", "-f", file.toString(), "--count"));
    assertError(4, "offset 2", Run.of("tokenize", "-f", file.toString(), "--lines"));
    assertOut(
        "ab\n\ufffd\nc\n",
        Run.of("tokenize", "-f", file.toString(), "--pieces", "--errors", "replace"));
  }

  @Test
  void filesAndTokenizersThatAreNotThere() throws IOException {
    assertError(3, "none.txt: there is no such file", Run.of("tokenize", "-f", "none.txt"));
    assertError(3, "is a folder", Run.of("tokenize", "-f", folder.toString()));
    assertError(
        2,
        "there is no tokenizer 'gpt5', neither built in nor as a file; built in are r50k_base, gpt2,",
        Run.of("tokenize", "-m", "gpt5", "x"));
    assertError(
        3, "./t.json: there is no such file or folder", Run.of("tokenize", "-m", "./t.json", "x"));
    Path damaged = write("tokenizer.json", "{\"model\": ");
    assertError(4, "tokenizer.json", Run.of("tokenize", "-m", damaged.toString(), "x"));
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertError(4, "has no tokenizer", Run.of("tokenize", "-m", empty.toString(), "x"));
    Path table = write("t.tiktoken", "YQ== 0\n");
    assertError(4, "name a pattern", Run.of("tokenize", "-m", table.toString(), "a"));
    StringBuilder bytes = new StringBuilder();
    for (int b = 0; b < 256; b++) {
      bytes.append(Base64.getEncoder().encodeToString(new byte[] {(byte) b}) + " " + b + "\n");
    }
    Files.writeString(table, bytes);
    assertOut("97 98\n", Run.of("tokenize", "-m", table.toString(), "--pattern", "gpt2", "ab"));
    assertError(
        2, "--pattern: ", Run.of("tokenize", "-m", table.toString(), "--pattern", "(", "aa"));
    assertError(2, "--pattern is for .tiktoken", Run.of("tokenize", "--pattern", "gpt2", "a"));
  }

  @ParameterizedTest
  @CsvSource({
    "--add-special --no-special x, --add-special and --no-special contradict each other",
    "--count --ids x, --count cannot be given together with --ids",
    "--stats --lines x, --stats cannot be given together with --lines",
    "--decode --json 1, --decode cannot be given together with --json",
    "--decode --errors replace 1, --decode cannot be given together with --errors",
    "--color always --ids x, --color always cannot be given together with --ids",
    "--lines --ids --pieces, 'with --lines give one of --ids, --pieces and --offsets, or add --json'",
    "a b, unexpected argument 'b'",
    "a -f b, the text was given twice",
    "--field x a, --field is for --to-shards DIR",
    "--seed 1 a, --seed is for --to-shards DIR",
    "-t -1 a, '--threads is -1, expected 0 to 1024'",
    "--to-shards d --ids a, --to-shards cannot be given together with --ids"
  })
  void whatContradictsItself(String arguments, String message) {
    Run run = Run.of(("tokenize " + arguments).split(" "));
    assertError(2, message, run);
  }

  @Test
  void aTerminalIsNotWaitedFor() {
    assertError(2, "no text; give it as an argument", Run.onTerminal("tokenize"));
  }

  @Test
  void aReaderThatLeaves() {
    String text = "word ".repeat(1000);
    assertEquals(0, Run.withFailingOutput("Broken pipe", 100, "tokenize", text).code());
    Run full = Run.withFailingOutput("No space left on device", 100, "tokenize", "--json", text);
    assertEquals(3, full.code());
    assertTrue(full.err().contains("No space left on device"), full.err());
  }

  @Test
  void aLongTextInParts() throws IOException {
    String text = "The cat sat on 1 mat. \u00e9\u4e2d\n".repeat(40_000);
    Path file = write("long.txt", text);
    Run parts = Run.of("tokenize", "-f", file.toString());
    Run whole = Run.of("tokenize", "--count", "-f", file.toString());
    assertEquals(whole.out().strip(), Integer.toString(parts.out().split(" ").length));
    Run back = Run.withInput(parts.out(), "tokenize", "--decode");
    assertEquals(text, back.out());
    assertTrue(text.getBytes(UTF_8).length > 1_000_000);
  }
}
