package jllm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import jllm.format.ModelConfig;
import jllm.generate.chat.NamedTemplate;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardListener;
import jllm.train.data.SampleData;
import jllm.train.data.SampleDataOptions;
import jllm.train.data.SourceSpec;
import jllm.train.data.SpotTokenizers;
import jllm.train.data.TokenBatch;
import jllm.train.model.ModelShape;
import jllm.train.sample.LongSamples;
import jllm.train.sample.SampleEncoder;
import jllm.train.sample.SampleEncoding;
import jllm.train.sample.SampleKeys;
import jllm.train.sample.SampleReader;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Samples with a loss mask, in batches of any shape. */
class SampleTrainingTest {
  private static final int LENGTH = 64;
  private static final Tokenizer BYTES = SpotTokenizers.bytes(true);

  @TempDir private Path folder = Path.of("");

  private static ModelConfig config(String family) {
    int vocabulary = BYTES.vocabulary().size();
    return family.equals("gpt2")
        ? ModelShape.gpt2(2, 2, 16, LENGTH).config(vocabulary)
        : ModelShape.llama(2, 4, 2, 16, 24, LENGTH, false).config(vocabulary);
  }

  /** Prompts and completions of many lengths. */
  private Path samples(int count) throws IOException {
    SplittableRandom random = new SplittableRandom(11);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add(
          "{\"prompt\": \"%d%s\", \"completion\": \"%s\"}"
              .formatted(i, "q".repeat(random.nextInt(1, 12)), "ab".repeat(random.nextInt(1, 16))));
    }
    return Files.write(folder.resolve("samples.jsonl"), lines);
  }

  private static SampleReader reader() {
    return new SampleReader(
        SampleKeys.USUAL,
        new SampleEncoder(
            BYTES, _ -> NamedTemplate.PLAIN.template(Map.of()), SampleEncoding.USUAL));
  }

  private static SampleData open(Path file, boolean packing, boolean sequential, double held)
      throws IOException {
    SampleDataOptions options =
        new SampleDataOptions(
            List.of(new SourceSpec(file, 0)),
            List.of(),
            held,
            sequential,
            packing,
            LongSamples.TRUNCATE,
            false,
            5);
    return SampleData.open(
        options, reader(), BYTES.vocabulary().size(), LENGTH, ShardListener.NONE);
  }

  /** Loss and gradient of some batches whose losses are weighted by one factor. */
  private record Learned(double loss, float[] gradient, long trained) {}

  private static Learned learn(String family, SampleData data, int batchSize, int batches) {
    TrainOptions options =
        TrainOptions.of(
            new BatchOptions(batchSize, LENGTH, batches),
            new Horizon.Steps(1),
            new ScheduleOptions(ScheduleOptions.Kind.CONSTANT, 1e-3, 1e-3, 0, 0.2));
    try (Backend backend = new VectorBackend(1);
        TrainedWeights weights = TrainedWeights.random(config(family), DType.F32, 3, backend);
        ModelStep model = new ModelStep(weights, backend, batchSize * LENGTH, true, options);
        StepTotals totals = new StepTotals(backend)) {
      List<TokenBatch> all = new ArrayList<>();
      long trained = 0;
      for (int i = 0; i < batches; i++) {
        TokenBatch batch = new TokenBatch(batchSize, LENGTH);
        data.next(batch, batchSize);
        trained += batch.trained();
        all.add(batch);
      }
      for (TokenBatch batch : all) {
        totals.addLosses(model.learn(batch, 1f / trained, 1));
      }
      double loss = totals.read().losses();
      float[] gradient = new float[0];
      for (TrainedTensors.Group group : weights.groups()) {
        float[] part = group.gradient().segment().toArray(ValueLayout.JAVA_FLOAT);
        int from = gradient.length;
        gradient = Arrays.copyOf(gradient, from + part.length);
        System.arraycopy(part, 0, gradient, from, part.length);
      }
      return new Learned(loss / trained, gradient, trained);
    }
  }

  private static void assertSame(Learned expected, Learned found) {
    assertEquals(expected.trained(), found.trained());
    assertEquals(expected.loss(), found.loss(), 1e-5);
    float most = 0;
    for (float value : expected.gradient()) {
      most = Math.max(most, Math.abs(value));
    }
    assertTrue(most > 1e-3, "there is a gradient");
    assertArrayEquals(expected.gradient(), found.gradient(), 2e-5f * most);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2"})
  void accumulationEqualsOneBigBatch(String family) throws IOException {
    Path file = samples(12);
    try (SampleData big = open(file, false, true, 0);
        SampleData parts = open(file, false, true, 0)) {
      assertSame(learn(family, big, 12, 1), learn(family, parts, 3, 4));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2"})
  void packedSamplesAreLearnedAsIfAlone(String family) throws IOException {
    Path file = samples(12);
    try (SampleData alone = open(file, false, true, 0);
        SampleData packed = open(file, true, true, 0)) {
      BatchOptions one = new BatchOptions(1, LENGTH, 1);
      int packs = Math.toIntExact(packed.steps(1, one));
      assertTrue(packs < 12, packs + " packs");
      assertSame(learn(family, alone, 1, 12), learn(family, packed, packs, 1));
    }
  }

  @Test
  void batchesHoldSamplesWithTheirMasks() throws IOException {
    Path file = folder.resolve("two.jsonl");
    Files.writeString(
        file,
        """
        {"prompt": "ab", "completion": "cd"}
        {"prompt": "e", "completion": "f"}
        """);
    try (SampleData data = open(file, false, true, 0)) {
      TokenBatch batch = new TokenBatch(2, LENGTH);
      data.next(batch, 2);
      int end = 256;
      assertEquals(1, batch.sequences());
      assertEquals(4 + 2, batch.rows());
      assertEquals(3 + 2, batch.trained());
      assertEquals(6, data.largestBatch(new BatchOptions(2, LENGTH, 1)));
      assertEquals(4, data.largestBatch(new BatchOptions(1, LENGTH, 1)));
      assertArrayEquals(new int[] {'a', 'b', 'c', 'd', 'e', 'f'}, Arrays.copyOf(batch.ids(), 6));
      assertArrayEquals(new int[] {-1, 'c', 'd', end, 'f', end}, Arrays.copyOf(batch.targets(), 6));
      assertArrayEquals(new int[] {0, 0, 0, 0, 4, 4}, Arrays.copyOf(batch.starts(), 6));
    }
  }

  @Test
  void anEpochHasEachSampleOnceInAnotherOrderAndAPositionGoesOn() throws IOException {
    Path file = samples(10);
    try (SampleData data = open(file, false, false, 0);
        SampleData other = open(file, false, false, 0)) {
      List<String> orders = new ArrayList<>();
      for (int epoch = 0; epoch < 3; epoch++) {
        List<String> seen = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
          seen.add(next(data));
        }
        assertEquals(10, new TreeSet<>(seen).size(), seen.toString());
        orders.add(seen.toString());
      }
      assertEquals(3, new TreeSet<>(orders).size());
      next(data);
      other.restore(data.state());
      for (int i = 0; i < 25; i++) {
        assertEquals(next(data), next(other));
      }
      assertEquals(5, data.steps(1, new BatchOptions(2, LENGTH, 1)));
      assertEquals(
          4, data.steps(1, new BatchOptions(3, LENGTH, 1)), "the last one is not left out");
    }
  }

  private static String next(SampleData data) {
    TokenBatch batch = new TokenBatch(1, LENGTH);
    data.next(batch, 1);
    return BYTES.decode(Arrays.copyOf(batch.ids(), batch.rows()));
  }

  @Test
  void heldOutSamplesAreNotTrainedOn() throws IOException {
    Path file = samples(20);
    try (SampleData data = open(file, false, false, 0.25)) {
      assertEquals(15, data.trainingSamples());
      assertEquals(5, data.validationSamples());
      TreeSet<String> trained = new TreeSet<>();
      for (int i = 0; i < 15; i++) {
        trained.add(next(data));
      }
      TokenBatch batch = new TokenBatch(1, LENGTH);
      int held = 0;
      while (data.validation(batch, 1, held)) {
        assertTrue(!trained.contains(BYTES.decode(Arrays.copyOf(batch.ids(), batch.rows()))));
        held++;
      }
      assertEquals(5, held);
    }
  }

  private List<byte[]> run(Path file, @Nullable Path run, TinyRun.Log log, boolean resume)
      throws IOException {
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(3, LENGTH, 2),
                new Horizon.Epochs(4),
                new ScheduleOptions(ScheduleOptions.Kind.COSINE, 1e-2, 1e-3, 3, 0.2))
            .withEvaluation(new EvaluationOptions(4, 0));
    Checkpoint checkpoint = resume && run != null ? Checkpoints.find(run) : null;
    try (Backend backend = new VectorBackend(1);
        SampleData data = open(file, false, false, 0.2);
        TrainedWeights weights =
            checkpoint == null
                ? TrainedWeights.random(config("llama"), DType.F32, 1, backend)
                : checkpoint.weights(backend);
        Trainer trainer =
            new Trainer(backend, weights, data, BYTES, options, run, Map.of(), log, checkpoint)) {
      trainer.run();
      return TinyRun.bits(weights);
    }
  }

  @Test
  void aRunGoesOnAtItsPositionInTheSamples() throws IOException {
    Path file = samples(25);
    TinyRun.Log whole = new TinyRun.Log();
    List<byte[]> expected = run(file, folder.resolve("whole"), whole, false);
    assertEquals(14, whole.steps.size(), "4 epochs of 20 samples, 6 a step");
    assertTrue(whole.losses().getLast() < whole.losses().getFirst());
    assertTrue(
        whole.evaluations.getLast().loss() < whole.evaluations.getFirst().loss(),
        "samples that were held out");
    StepReport last = whole.steps.getLast();
    assertTrue(last.trained() < last.tokens(), "prompts are read, not learned");
    TinyRun.Log first = new TinyRun.Log();
    first.stopAfter = 5;
    run(file, folder.resolve("parts"), first, false);
    TinyRun.Log second = new TinyRun.Log();
    List<byte[]> found = run(file, folder.resolve("parts"), second, true);
    assertEquals(whole.losses().subList(5, 14), second.losses());
    assertEquals(last.trained(), second.steps.getLast().trained());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), found.get(i));
    }
  }

  private String refused(String content, LongSamples whenLong) throws IOException {
    Path file = Files.writeString(folder.resolve("bad.jsonl"), content);
    SampleDataOptions options =
        new SampleDataOptions(
            List.of(new SourceSpec(file, 0)), List.of(), 0, false, false, whenLong, false, 5);
    return String.valueOf(
        assertThrows(
                DataException.class,
                () -> SampleData.open(options, reader(), 257, LENGTH, ShardListener.NONE).close())
            .getMessage());
  }

  @Test
  void badDataAreNamed() throws IOException {
    String good = "{\"prompt\": \"a\", \"completion\": \"b\"}\n";
    assertTrue(refused("", LongSamples.TRUNCATE).contains("empty"));
    assertTrue(refused("\n\n", LongSamples.TRUNCATE).contains("empty"));
    String nothing = refused("{\"prompt\": \"a\", \"completion\": \" \"}\n", LongSamples.TRUNCATE);
    assertTrue(nothing.contains("no token to learn") && nothing.contains("1 are empty"), nothing);
    String cut = refused(good + "\n{\"prompt\": \"a\"\n", LongSamples.TRUNCATE);
    assertTrue(cut.contains("bad.jsonl, line 3") && cut.contains("not valid JSON"), cut);
    String list = refused("[" + good + ",\n{\"prompt\": 3", LongSamples.TRUNCATE);
    assertTrue(list.contains("bad.jsonl, line") && list.contains("not valid JSON"), list);
    String longPrompt = "{\"prompt\": \"%s\", \"completion\": \"b\"}\n".formatted("a".repeat(70));
    String tooLong = refused(good + longPrompt, LongSamples.ERROR);
    assertTrue(tooLong.contains("1 of 2") && tooLong.contains("line 2 has 72"), tooLong);
    assertTrue(refused(longPrompt, LongSamples.TRUNCATE).contains("no token to learn"));
    assertTrue(refused(longPrompt, LongSamples.DROP).contains("no token to learn"));
  }
}
