package jllm.tokenize.shard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.train.BpeTrainer;
import jllm.tokenize.train.TrainListener;
import jllm.tokenize.train.TrainOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharderTest {
  private static final String TEXT =
      "It's the way of words: some are short, some lengthier; 12345 numbers, too.\n\n  And spaces!\n";

  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  /** A small vocabulary with the separator as id 0. */
  private Tokenizer tokenizer() throws IOException {
    Path file = write("learn.txt", TEXT.repeat(3));
    return new BpeTrainer(
            TrainOptions.of(300).withSpecialTokens(List.of("<|endoftext|>")), TrainListener.NONE)
        .train(Corpus.of(List.of(file), CorpusOptions.DEFAULT))
        .tokenizer();
  }

  private static ShardReport shard(
      Tokenizer tokenizer, ShardOptions options, Path out, Path... files) throws IOException {
    return new Sharder(tokenizer, options, ShardListener.NONE)
        .write(Corpus.of(List.of(files), CorpusOptions.DEFAULT), out, null);
  }

  private static int[] tokens(Path out, String split) throws IOException {
    try (ShardSet set = ShardSet.open(out, split)) {
      int[] ids = new int[(int) set.size()];
      set.copy(0, ids, 0, ids.length);
      for (int i = 0; i < ids.length; i++) {
        assertEquals(ids[i], set.get(i));
      }
      return ids;
    }
  }

  private String lines(List<String> documents) {
    StringBuilder b = new StringBuilder();
    for (String document : documents) {
      b.append("{\"text\": \"").append(document.replace("\n", "\\n")).append("\"}\n");
    }
    return b.toString();
  }

  private static List<String> documents(int n, long seed) {
    Random random = new Random(seed);
    List<String> documents = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      int from = random.nextInt(TEXT.length() - 5);
      documents.add(
          i + " " + TEXT.substring(from, from + 1 + random.nextInt(TEXT.length() - from - 1)));
    }
    return documents;
  }

  /** What is between separators, decoded. */
  private static List<String> split(Tokenizer tokenizer, int[] ids) {
    List<String> texts = new ArrayList<>();
    int at = 0;
    while (at < ids.length) {
      assertEquals(0, ids[at]);
      int end = at + 1;
      while (end < ids.length && ids[end] != 0) {
        end++;
      }
      texts.add(tokenizer.decode(Arrays.copyOfRange(ids, at + 1, end)));
      at = end;
    }
    return texts;
  }

  @Test
  void everyDocumentFollowsASeparatorInOrder() throws IOException {
    Tokenizer tokenizer = tokenizer();
    List<String> documents = documents(500, 3);
    Path out = folder.resolve("out");
    ShardReport report =
        shard(tokenizer, ShardOptions.of(0), out, write("d.jsonl", lines(documents)));
    assertEquals(ShardFormat.UINT16, report.format());
    assertEquals(500, report.corpus().documents());
    assertEquals(List.of("train-000000.bin"), report.files());
    int[] ids = tokens(out, "train");
    assertEquals(report.trainTokens(), ids.length);
    assertEquals(documents, split(tokenizer, ids));
    assertEquals(List.of("manifest.json", "train-000000.bin"), names(out));
  }

  @Test
  void shardsRollOverAndReadAsOne() throws IOException {
    Tokenizer tokenizer = tokenizer();
    Path file = write("d.jsonl", lines(documents(200, 4)));
    Path one = folder.resolve("one");
    shard(tokenizer, ShardOptions.of(0), one, file);
    Path many = folder.resolve("many");
    ShardReport report = shard(tokenizer, ShardOptions.of(0).withShardTokens(777), many, file);
    assertTrue(report.files().size() > 3);
    assertArrayEquals(tokens(one, "train"), tokens(many, "train"));
    try (ShardSet set = ShardSet.open(many, "train")) {
      for (TokenShard shard : set.shards().subList(0, set.shards().size() - 1)) {
        assertEquals(777, shard.size());
      }
    }
  }

  @Test
  void theSplitIsOfTheWholeCorpusAndOnlyTheSeedDecidesIt() throws IOException {
    Tokenizer tokenizer = tokenizer();
    List<String> documents = documents(1000, 5);
    Path file = write("d.jsonl", lines(documents));
    ShardOptions options = ShardOptions.of(0).withVal(0.1, 42);
    Path a = folder.resolve("a");
    shard(tokenizer, options.withThreads(1), a, file);
    List<String> val = split(tokenizer, tokens(a, "val"));
    List<String> train = split(tokenizer, tokens(a, "train"));
    assertTrue(val.size() >= 99 && val.size() <= 101, "val " + val.size());
    List<String> both = new ArrayList<>(train);
    both.addAll(val);
    both.sort(null);
    List<String> sorted = new ArrayList<>(documents);
    sorted.sort(null);
    assertEquals(sorted, both);
    assertEquals(documents.stream().filter(val::contains).toList(), val);
    // Any number of threads gives the same files, byte by byte; another seed others.
    Path b = folder.resolve("b");
    shard(tokenizer, options.withThreads(4), b, file);
    for (String name : names(a)) {
      assertArrayEquals(Files.readAllBytes(a.resolve(name)), Files.readAllBytes(b.resolve(name)));
    }
    Path c = folder.resolve("c");
    shard(tokenizer, options.withVal(0.1, 43), c, file);
    assertFalse(Arrays.equals(tokens(a, "val"), tokens(c, "val")));
  }

  @Test
  void aSingleLongTextIsDividedInBlocks() throws IOException {
    Tokenizer tokenizer = tokenizer();
    String text = TEXT.repeat(20_000);
    Path out = folder.resolve("out");
    ShardReport report =
        shard(tokenizer, ShardOptions.of(0).withVal(0.1, 1), out, write("long.txt", text));
    int[] whole = tokenizer.encode(text);
    List<String> train = split(tokenizer, tokens(out, "train"));
    List<String> val = split(tokenizer, tokens(out, "val"));
    assertTrue(Math.abs(report.valTokens() - whole.length * 0.1) < 2 * SplitWriter.BLOCK);
    assertEquals(
        text.length(),
        train.stream().mapToInt(String::length).sum()
            + val.stream().mapToInt(String::length).sum());
    // The fragments, put together in their order, are the text.
    StringBuilder back = new StringBuilder();
    int t = 0;
    int v = 0;
    while (t < train.size() || v < val.size()) {
      boolean fromTrain =
          t < train.size()
              && text.startsWith(train.get(t), back.length())
              && (v >= val.size() || t <= v);
      String next = fromTrain ? train.get(t++) : val.get(v++);
      back.append(next);
    }
    assertEquals(text, back.toString());
  }

  @Test
  void longDocumentsAreCutWithoutChangingTheirTokens() throws IOException {
    Tokenizer tokenizer = tokenizer();
    StringBuilder b = new StringBuilder();
    Random random = new Random(9);
    String[] parts = {
      "'s", "word", " ", "  ", "\n", "\u4e2d", ". ", "7", "\u00e9", "'", "-", "<|endoftext|>"
    };
    while (b.length() < 1_500_000) {
      b.append(parts[random.nextInt(parts.length)]);
    }
    Path out = folder.resolve("out");
    shard(tokenizer, ShardOptions.of(-1).withThreads(3), out, write("long.txt", b.toString()));
    assertArrayEquals(tokenizer.encode(b.toString()), tokens(out, "train"));
  }

  @Test
  void largeVocabulariesTakeThirtyTwoBits() throws IOException {
    List<String> pieces = new ArrayList<>();
    while (pieces.size() < 70_000) {
      pieces.add("piece" + pieces.size());
    }
    for (int b = 0; b < 256; b++) {
      pieces.add(String.valueOf(ByteAlphabet.toChar(b)));
    }
    Tokenizer tokenizer =
        Tokenizers.of(
            VocabularySpec.builder("gpt2", pieces)
                .ids(new SpecialIds(Map.of(SpecialIds.Role.EOS, 2)))
                .build());
    int separator = Sharder.usualSeparator(tokenizer);
    assertEquals(2, separator);
    Path out = folder.resolve("out");
    ShardReport report = shard(tokenizer, ShardOptions.of(separator), out, write("a.txt", "ab"));
    assertEquals(ShardFormat.UINT32, report.format());
    int[] expected = {2, 70_000 + 'a', 70_000 + 'b'};
    assertArrayEquals(expected, tokens(out, "train"));
    byte[] file = Files.readAllBytes(out.resolve("train-000000.bin"));
    assertEquals(1024 + 12, file.length);
    try (ShardSet set = ShardSet.open(out, "train")) {
      assertEquals(70_000 + 'b', set.maxId());
    }
  }

  @Test
  void oldShardsAreReplacedOnlyIfAskedAndThenAllOfThem() throws IOException {
    Tokenizer tokenizer = tokenizer();
    Path out = folder.resolve("out");
    Path file = write("d.jsonl", lines(documents(50, 6)));
    shard(tokenizer, ShardOptions.of(0).withShardTokens(100).withVal(0.2, 1), out, file);
    Files.writeString(out.resolve("notes.txt"), "mine");
    assertTrue(names(out).contains("train-000003.bin"));
    FileAlreadyExistsException e =
        assertThrows(
            FileAlreadyExistsException.class,
            () -> shard(tokenizer, ShardOptions.of(0), out, file));
    assertTrue(String.valueOf(e.getMessage()).contains("replace"));
    shard(tokenizer, ShardOptions.of(0).withForce(true), out, file);
    assertEquals(List.of("manifest.json", "notes.txt", "train-000000.bin"), names(out));
  }

  @Test
  void nothingIsLeftBehindByAFailure() throws IOException {
    Tokenizer tokenizer = tokenizer();
    Path out = folder.resolve("out");
    Path bad = write("bad.jsonl", lines(documents(3000, 7)) + "broken\n");
    CorpusException e =
        assertThrows(CorpusException.class, () -> shard(tokenizer, ShardOptions.of(0), out, bad));
    assertTrue(String.valueOf(e.getMessage()).contains("line 3001"));
    assertEquals(List.of(), names(out));
    Path empty = write("empty.txt", "");
    assertThrows(CorpusException.class, () -> shard(tokenizer, ShardOptions.of(0), out, empty));
    ShardListener impatient =
        new ShardListener() {
          @Override
          public boolean cancelled() {
            return true;
          }
        };
    assertThrows(
        CancellationException.class,
        () ->
            new Sharder(tokenizer, ShardOptions.of(0), impatient)
                .write(Corpus.of(List.of(bad), CorpusOptions.DEFAULT), out, null));
    assertEquals(List.of(), names(out));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Sharder(tokenizer, ShardOptions.of(5000), ShardListener.NONE));
  }

  @Test
  void theManifestSaysWhatTheShardsWereMadeOf() throws IOException {
    Tokenizer tokenizer = tokenizer();
    Path out = folder.resolve("out");
    Path file = write("d.jsonl", lines(documents(100, 8)));
    Path model = write("tokenizer.json", "{}");
    ShardReport report =
        new Sharder(tokenizer, ShardOptions.of(0).withVal(0.25, 9), ShardListener.NONE)
            .write(Corpus.of(List.of(file), CorpusOptions.DEFAULT), out, model);
    Map<String, String> values = new HashMap<>();
    try (JsonParser json = new JsonFactory().createParser(out.resolve("manifest.json").toFile())) {
      for (JsonToken t = json.nextToken(); t != null; t = json.nextToken()) {
        if (t.isScalarValue()) {
          values.put(json.getParsingContext().pathAsPointer().toString(), json.getText());
        }
      }
    }
    assertEquals("uint16", values.get("/format"));
    assertEquals("100", values.get("/documents"));
    assertEquals(String.valueOf(report.trainTokens()), values.get("/train/tokens"));
    assertEquals(String.valueOf(report.valTokens()), values.get("/val/tokens"));
    assertEquals("val-000000.bin", values.get("/val/shards/0/file"));
    assertEquals("9", values.get("/options/seed"));
    assertEquals("<|endoftext|>", values.get("/options/separatorText"));
    assertEquals(file.toString(), values.get("/sources/0/name"));
    assertEquals(sha256(Files.readAllBytes(file)), values.get("/sources/0/sha256"));
    assertEquals(sha256("{}".getBytes(UTF_8)), values.get("/tokenizer/sha256"));
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(p -> String.valueOf(p.getFileName())).sorted().toList();
    }
  }
}
