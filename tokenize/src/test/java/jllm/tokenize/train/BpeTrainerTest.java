package jllm.tokenize.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.text.ByteAlphabet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BpeTrainerTest {
  @TempDir Path folder;

  /** The words of texts, by the JDK's regular expressions alone. */
  private static Map<String, Long> referenceWords(String pattern, List<String> documents) {
    Map<String, Long> words = new HashMap<>();
    String named = Patterns.named(pattern);
    Pattern p = Pattern.compile(named == null ? pattern : named, Pattern.UNICODE_CHARACTER_CLASS);
    for (String document : documents) {
      if (pattern.equals("none")) {
        words.merge(ByteAlphabet.encode(document.getBytes(UTF_8)), 1L, Long::sum);
        continue;
      }
      Matcher m = p.matcher(document);
      int end = 0;
      while (m.find()) {
        count(words, document.substring(end, m.start()));
        count(words, m.group());
        end = m.end();
      }
      count(words, document.substring(end));
    }
    return words;
  }

  private static void count(Map<String, Long> words, String word) {
    if (!word.isEmpty()) {
      words.merge(ByteAlphabet.encode(word.getBytes(UTF_8)), 1L, Long::sum);
    }
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private static TrainedBpe train(TrainOptions options, Path... files) throws IOException {
    return new BpeTrainer(options, TrainListener.NONE)
        .train(Corpus.of(List.of(files), CorpusOptions.DEFAULT));
  }

  private static String fixture(String name) throws IOException {
    String home = System.getenv("JLLM_FIXTURES");
    Path root = home == null ? Path.of("../../shared/fixtures") : Path.of(home);
    Path file = root.resolve(name);
    Assumptions.assumeTrue(Files.exists(file), "no fixture " + file);
    return Files.readString(file);
  }

  @Test
  void realTextEqualsTheReferenceForEveryPattern() throws IOException {
    String text = fixture("text/botchan.txt");
    Path file = write("botchan.txt", text.substring(0, 40_000));
    for (String pattern : List.of("gpt2", "cl100k", "o200k", "llama3", "[a-z]+|\\s+")) {
      TrainOptions options =
          TrainOptions.of(420).withPattern(pattern).withSpecialTokens(List.of("<|endoftext|>"));
      TrainedBpe trained = train(options, file);
      ReferenceTrainer.Result expected =
          new ReferenceTrainer(
                  referenceWords(pattern, List.of(text.substring(0, 40_000))),
                  List.of("<|endoftext|>"))
              .train(420, 0, 0);
      assertEquals(expected.merges(), BpeMergerTest.texts(trained.merges()), pattern);
      assertEquals(expected.tokens(), trained.merges().tokens(), pattern);
      assertEquals(40_000, trained.textBytes() - nonAscii(text.substring(0, 40_000)));
      trained.verify();
    }
  }

  /** The resource holds what Hugging Face's trainer (tokenizers 0.23.2) learned from that text. */
  @Test
  void realTextEqualsHuggingFacesTrainer() throws IOException {
    StringBuilder documents = new StringBuilder();
    // It reads files line by line, the line ends included.
    for (String line : fixture("text/tinyshakespeare.txt").split("(?<=\n)")) {
      String escaped = line.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
      documents.append("{\"text\": \"").append(escaped).append("\"}\n");
    }
    List<String> expected;
    try (InputStream in =
        BpeTrainerTest.class.getResourceAsStream("hf-merges-tinyshakespeare.txt")) {
      expected = new String(Objects.requireNonNull(in).readAllBytes(), UTF_8).lines().toList();
    }
    TrainedBpe trained =
        train(TrainOptions.of(256 + expected.size()), write("lines.jsonl", documents.toString()));
    assertEquals(expected, BpeMergerTest.texts(trained.merges()));
  }

  private static long nonAscii(String text) {
    return text.getBytes(UTF_8).length - text.length();
  }

  @Test
  void withoutAPatternEachDocumentIsAWord() throws IOException {
    List<String> documents = List.of("ab ab ab", "b ab a", "a b");
    StringBuilder lines = new StringBuilder();
    documents.forEach(d -> lines.append("{\"text\": \"").append(d).append("\"}\n"));
    TrainedBpe trained =
        train(TrainOptions.of(262).withPattern("none"), write("d.jsonl", lines.toString()));
    ReferenceTrainer.Result expected =
        new ReferenceTrainer(referenceWords("none", documents), List.of()).train(262, 0, 0);
    assertEquals(expected.merges(), BpeMergerTest.texts(trained.merges()));
    trained.verify();
  }

  @Test
  void encodingAWordGivesWhatTrainingMadeOfIt() throws IOException {
    String text = fixture("text/tinyshakespeare.txt").substring(0, 30_000);
    TrainedBpe trained = train(TrainOptions.of(400), write("a.txt", text));
    Map<String, Long> words = referenceWords("gpt2", List.of(text));
    ReferenceTrainer reference = new ReferenceTrainer(words, List.of());
    reference.train(400, 0, 0);
    Tokenizer tokenizer = trained.tokenizer();
    int w = 0;
    for (String word : words.keySet()) {
      byte[] bytes = ByteAlphabet.decodeOrText(word);
      TokenBuffer tokens = new TokenBuffer();
      tokenizer.newEncoder().encode(bytes, 0, bytes.length, EncodeOptions.PLAIN, tokens);
      int[] expected = reference.words().get(w++).stream().mapToInt(i -> i).toArray();
      assertArrayEquals(expected, tokens.toArray(), word);
    }
  }

  @Test
  void theResultDoesNotDependOnThreadsOrTheSizeOfFiles() throws IOException {
    long seed = 31;
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder();
    while (text.length() < 800_000) {
      int n = 1 + random.nextInt(9);
      for (int i = 0; i < n; i++) {
        text.appendCodePoint(
            random.nextInt(20) == 0 ? 0x4e00 + random.nextInt(50) : 'a' + random.nextInt(6));
      }
      text.append(random.nextInt(7) == 0 ? "\n" : random.nextInt(9) == 0 ? ".'s " : " ");
    }
    Path file = write("long.txt", text.toString());
    List<String> one =
        BpeMergerTest.texts(train(TrainOptions.of(800).withThreads(1), file).merges());
    for (int threads : new int[] {2, 5}) {
      TrainedBpe trained = train(TrainOptions.of(800).withThreads(threads), file);
      assertEquals(one, BpeMergerTest.texts(trained.merges()), "seed " + seed);
      assertEquals(
          referenceWords("gpt2", List.of(text.toString())).size(), trained.distinctWords());
    }
  }

  @Test
  void documentsAreCappedInCharactersAndTheCorpusInBytes() throws IOException {
    Path lines =
        write("d.jsonl", "{\"text\": \"\u00e9\u00e9aaaa\"}\n{\"text\": \"bb\"}\n".repeat(3));
    TrainedBpe capped =
        train(TrainOptions.of(300).withPattern("none").withLimits(3, 0, 1000), lines);
    assertEquals(3 * (5 + 2), capped.textBytes());
    assertEquals(2, capped.distinctWords());
    TrainedBpe limited =
        train(TrainOptions.of(300).withPattern("none").withLimits(0, 9, 1000), lines);
    assertEquals(9, limited.textBytes());
    assertEquals(2, limited.distinctWords()); // the first document and the first byte of the next
    assertFalse(limited.corpus().complete());
    // Never half a character.
    TrainedBpe half = train(TrainOptions.of(300).withPattern("none").withLimits(0, 3, 1000), lines);
    assertEquals(2, half.textBytes());
  }

  @Test
  void rareWordsAreDroppedAboveTheCapWhateverTheThreads() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 3000; i++) {
      text.append("rare").append(i).append(' ');
    }
    for (int i = 0; i < 400; i++) {
      text.append("word").append(i % 40).append(' ');
    }
    Path file = write("w.txt", text.toString());
    TrainOptions options = TrainOptions.of(400).withPattern("\\S+|\\s+").withLimits(0, 0, 1000);
    TrainedBpe trained = train(options, file);
    assertEquals(new DroppedWords(3000, 3000, 1), trained.dropped());
    assertEquals(41, trained.distinctWords());
    assertEquals(
        BpeMergerTest.texts(trained.merges()),
        BpeMergerTest.texts(train(options.withThreads(3), file).merges()));
  }

  @Test
  void optionsThatContradictThemselvesAreRefused() {
    assertTrue(
        message(() -> TrainOptions.of(256).withSpecialTokens(List.of("<a>", "<b>", "<a>")))
            .contains("at least 258"));
    assertTrue(message(() -> TrainOptions.of(255)).contains("at least 256"));
    assertTrue(
        message(() -> new TrainOptions(300, "gpt2", List.of(), 0, 0, 100, 0, 0, 1000, 1))
            .contains("all 256 bytes"));
    assertTrue(
        message(() -> new BpeTrainer(TrainOptions.of(300).withPattern("(a"), TrainListener.NONE))
            .contains("'(a'"));
  }

  private static String message(org.junit.jupiter.api.function.Executable run) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, run).getMessage());
  }

  @Test
  void anEmptyCorpusIsAnError() throws IOException {
    Path empty = write("empty.txt", "");
    CorpusException e =
        assertThrows(CorpusException.class, () -> train(TrainOptions.of(300), empty));
    assertTrue(String.valueOf(e.getMessage()).contains("no text"));
  }

  @Test
  void cancellingLeavesNothingBehind() throws IOException {
    Path file = write("a.txt", "some words to learn from ".repeat(50_000));
    AtomicInteger calls = new AtomicInteger();
    TrainListener impatient =
        new TrainListener() {
          @Override
          public boolean cancelled() {
            return calls.incrementAndGet() > 2;
          }
        };
    assertThrows(
        CancellationException.class,
        () ->
            new BpeTrainer(TrainOptions.of(300), impatient)
                .train(Corpus.of(List.of(file), CorpusOptions.DEFAULT)));
    assertTrue(calls.get() >= 3);
  }

  @Test
  void filesAppearTogetherAndAreReplacedOnlyIfAsked() throws IOException {
    Path file = write("a.txt", "some words to learn from, some more words ".repeat(50));
    TrainedBpe trained =
        train(TrainOptions.of(300).withSpecialTokens(List.of("<|endoftext|>")), file);
    Path out = folder.resolve("deep/out");
    trained.write(out, false);
    assertEquals(List.of("merges.txt", "tokenizer.json", "vocab.json"), names(out));
    List<String> merges = Files.readAllLines(out.resolve("merges.txt"));
    assertEquals("#version: 0.2", merges.get(0));
    assertEquals(trained.merges().size(), merges.size() - 1);
    assertThrows(FileAlreadyExistsException.class, () -> trained.write(out, false));
    byte[] before = Files.readAllBytes(out.resolve("tokenizer.json"));
    trained.write(out, true);
    assertArrayEquals(before, Files.readAllBytes(out.resolve("tokenizer.json")));
    // A place that cannot be written: nothing is left there.
    Path blocked = folder.resolve("blocked");
    Files.createDirectories(blocked.resolve("tokenizer.json/x"));
    assertThrows(IOException.class, () -> trained.write(blocked, true));
    assertFalse(names(blocked).stream().anyMatch(n -> n.endsWith(".part")));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      List<String> names = new ArrayList<>(list.map(p -> p.getFileName().toString()).toList());
      names.sort(null);
      return names;
    }
  }
}
