package jllm.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.shard.ShardFormat;
import jllm.tokenize.shard.ShardFormatException;
import jllm.tokenize.shard.ShardListener;
import jllm.tokenize.write.TokenizerWriters;
import jllm.train.BatchOptions;
import jllm.train.DataException;
import jllm.train.SettingsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrainingDataTest {
  private static final int VOCABULARY = 1000;
  private static final int LENGTH = 4;

  @TempDir Path folder;

  /** Tokens first, first + 1... */
  private Path shard(String name, int first, int count) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(ShardFormat.HEADER_BYTES + 2 * count).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(0, ShardFormat.UINT16.magic()).putInt(4, ShardFormat.UINT16.version());
    bytes.putInt(8, count);
    for (int i = 0; i < count; i++) {
      bytes.putShort(ShardFormat.HEADER_BYTES + 2 * i, (short) (first + i));
    }
    return Files.write(folder.resolve(name), bytes.array());
  }

  private static DataOptions options(String sources, double valFraction, boolean sequential) {
    return new DataOptions(SourceSpec.parse(sources), List.of(), valFraction, sequential, true, 7);
  }

  private static TrainingData open(DataOptions options) throws IOException {
    return TrainingData.open(options, null, VOCABULARY, LENGTH, ShardListener.NONE);
  }

  private static int[] ids(TokenBatch batch) {
    return Arrays.copyOf(batch.ids(), batch.rows());
  }

  @Test
  void theOrderOfFilesIsThatOfLlmC() throws IOException {
    String sources = shard("a.bin", 0, 10) + "," + shard("b.bin", 10, 11);
    try (TrainingData data = open(options(sources, 0, true))) {
      assertEquals(16, data.epochTokens(new BatchOptions(2, LENGTH, 1)));
      TokenBatch batch = new TokenBatch(2, LENGTH);
      data.next(batch, 2);
      assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6, 7}, ids(batch));
      assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, batch.targets());
      // Across the files, with the token that follows.
      data.next(batch, 2);
      assertArrayEquals(new int[] {8, 9, 10, 11, 12, 13, 14, 15}, ids(batch));
      DataState state = data.state();
      // 21 tokens hold no third batch and its last target: the data start anew.
      data.next(batch, 2);
      assertEquals(0, batch.ids()[0]);
      data.restore(state);
      data.next(batch, 2);
      assertEquals(0, batch.ids()[0]);
    }
  }

  @Test
  void anEpochCoversTheDataWithWindowsThatBeginElsewhereEachTime() throws IOException {
    int tokens = LENGTH * 50 + 3;
    String source = shard("a.bin", 0, tokens).toString();
    try (TrainingData data = open(options(source, 0, false))) {
      TokenBatch batch = new TokenBatch(5, LENGTH);
      BitSet cuts = new BitSet();
      int[] last = new int[50];
      for (int epoch = 0; epoch < 30; epoch++) {
        int[] firsts = new int[50];
        BitSet seen = new BitSet();
        for (int i = 0; i < 10; i++) {
          data.next(batch, 5);
          for (int row = 0; row < 5; row++) {
            int first = batch.ids()[row * LENGTH];
            firsts[i * 5 + row] = first;
            seen.set(first, first + LENGTH);
            assertEquals(first + LENGTH, batch.targets()[row * LENGTH + LENGTH - 1]);
          }
        }
        int cut = seen.nextSetBit(0);
        cuts.set(cut);
        int end = Math.min(tokens - 1, cut + 50 * LENGTH);
        assertEquals(end - cut, seen.cardinality(), "tokens seen in epoch " + epoch);
        assertTrue(!Arrays.equals(firsts, last), "the same order in epoch " + epoch);
        last = firsts.clone();
        Arrays.sort(firsts);
        assertTrue(!Arrays.equals(firsts, last), "the order is that of the file");
      }
      assertEquals(LENGTH, cuts.cardinality(), "places of the first cut: " + cuts);
    }
  }

  @Test
  void sourcesComeInTheirSharesAndAStateGoesOnExactly() throws IOException {
    String sources = shard("a.bin", 0, 90) + ":0.7," + shard("b.bin", 500, 41) + ":0.3";
    try (TrainingData data = open(options(sources, 0, false));
        TrainingData other = open(options(sources, 0, false))) {
      TokenBatch batch = new TokenBatch(10, LENGTH);
      TokenBatch again = new TokenBatch(10, LENGTH);
      for (int i = 0; i < 8; i++) {
        data.next(batch, 10);
        long first = 0;
        for (int row = 0; row < 10; row++) {
          first += batch.ids()[row * LENGTH] < 500 ? 1 : 0;
        }
        assertEquals(7, first, "batch " + i);
      }
      other.restore(data.state());
      for (int i = 0; i < 5; i++) {
        data.next(batch, 10);
        other.next(again, 10);
        assertArrayEquals(batch.ids(), again.ids());
      }
    }
  }

  @Test
  void theEndOfASourceIsForValidation() throws IOException {
    String source = shard("a.bin", 0, 100).toString();
    try (TrainingData data = open(options(source, 0.2, true))) {
      assertEquals(80, data.trainingTokens());
      assertEquals(20, data.validationTokens());
      TokenBatch batch = new TokenBatch(3, LENGTH);
      assertTrue(data.validation(batch, 3, 0));
      assertEquals(80, batch.ids()[0]);
      assertTrue(data.validation(batch, 3, 1));
      assertEquals(1, batch.sequences());
      assertEquals(92, batch.ids()[0]);
      assertTrue(!data.validation(batch, 3, 2));
    }
  }

  @Test
  void documentsAreToldApartWhereAttentionMustNotCross() throws IOException {
    Path text =
        Files.writeString(folder.resolve("a.jsonl"), "{\"text\":\"ab\"}\n{\"text\":\"cde\"}\n");
    Tokenizer tokenizer = SpotTokenizers.bytes(true);
    DataOptions options =
        new DataOptions(List.of(new SourceSpec(text, 0)), List.of(), 0, true, false, 0);
    try (TrainingData data = TrainingData.open(options, tokenizer, 257, 5, ShardListener.NONE)) {
      TokenBatch batch = new TokenBatch(1, 5);
      data.next(batch, 1);
      assertArrayEquals(new int[] {256, 'a', 'b', 256, 'c'}, ids(batch));
      assertArrayEquals(new int[] {0, 0, 0, 3, 3}, batch.starts());
    }
    DataOptions shards =
        new DataOptions(
            List.of(new SourceSpec(shard("s.bin", 0, 50), 0)), List.of(), 0, true, false, 0);
    assertThrows(SettingsException.class, () -> open(shards));
  }

  @Test
  void spotTokenizersWriteWhatTheyRead() throws IOException {
    String text = "Ein Mädchen, zwei 日本 \uD83D\uDE00!\n";
    Path file = Files.writeString(folder.resolve("t.txt"), text);
    Tokenizer characters = SpotTokenizers.characters(List.of(file), false);
    assertEquals(text.codePoints().distinct().count(), characters.vocabulary().size());
    assertEquals(text.codePointCount(0, text.length()), characters.encode(text).length);
    Tokenizer bytes = SpotTokenizers.bytes(false);
    assertEquals(256, bytes.vocabulary().size());
    byte[] utf8 = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    int[] encoded = bytes.encode(text);
    for (int i = 0; i < utf8.length; i++) {
      assertEquals(utf8[i] & 0xff, encoded[i]);
    }
    for (Tokenizer tokenizer : List.of(characters, bytes)) {
      assertEquals(text, tokenizer.decode(tokenizer.encode(text), false));
      var json = new java.io.ByteArrayOutputStream();
      TokenizerWriters.json(tokenizer, json);
      Tokenizer read =
          Tokenizers.json(json.toString(java.nio.charset.StandardCharsets.UTF_8), "read");
      assertArrayEquals(tokenizer.encode(text), read.encode(text));
    }
  }

  @Test
  void badDataAreNamed() throws IOException {
    String source = shard("a.bin", 0, 4).toString();
    assertTrue(
        message(DataException.class, options(source, 0, false)).contains("4 tokens are too few"));
    String large = shard("b.bin", 990, 20).toString();
    assertTrue(message(DataException.class, options(large, 0, false)).contains("token 1009"));
    Path cut = folder.resolve("cut.bin");
    Files.write(cut, Arrays.copyOf(Files.readAllBytes(Path.of(large)), 1050));
    message(ShardFormatException.class, options(cut.toString(), 0, false));
    Path text = Files.writeString(folder.resolve("a.txt"), "text");
    message(SettingsException.class, options(text.toString(), 0, false));
    assertThrows(SettingsException.class, () -> SourceSpec.parse("a.bin:0.5,b.bin"));
    assertThrows(SettingsException.class, () -> SourceSpec.parse("a.bin,,b.bin"));
  }

  private static String message(Class<? extends Exception> type, DataOptions options) {
    return String.valueOf(assertThrows(type, () -> open(options).close()).getMessage());
  }
}
