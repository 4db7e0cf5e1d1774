package jllm.train.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import jllm.tokenize.corpus.CorpusListener;
import jllm.train.BatchOptions;
import jllm.train.DataException;
import jllm.train.sample.EncodedSample;
import jllm.train.sample.SampleFiles;
import jllm.train.sample.SampleReader;
import jllm.train.sample.SampleSet;
import org.jspecify.annotations.Nullable;

/**
 * Samples that do not see each other. A batch holds B of them, or B packs of them, one after the
 * other without anything between them: as what is before a sample is out of its sight and its
 * positions begin at 0, each is learned as if it were alone, and nothing is padded.
 */
public final class SampleData implements TrainingData {
  private static final long VALIDATION_KEY = 0x5851F42D4C957F2DL;

  private final int length;
  private final List<SampleSet> sets;
  private final @Nullable SampleSet validationSet;
  private final List<Part> training;
  private final List<EncodedSample> validation;
  private final boolean sequential;
  private final SourceShuffle shuffle;
  private long taken;

  /** The samples of a source, and those of them that are learned together. */
  private record Part(List<EncodedSample> samples, List<int[]> packs) {
    static Part of(List<EncodedSample> samples, boolean packing, int length) {
      return new Part(samples, packing ? Packing.packed(samples, length) : Packing.single(samples));
    }

    int rows(int[] pack) {
      return Arrays.stream(pack).map(index -> samples.get(index).length() - 1).sum();
    }

    void add(long pack, TokenBatch batch) {
      for (int index : packs.get(Math.toIntExact(pack))) {
        batch.add(samples.get(index));
      }
    }
  }

  private SampleData(
      SampleDataOptions options,
      int length,
      List<SampleSet> sets,
      @Nullable SampleSet validationSet) {
    this.length = length;
    this.sets = sets;
    this.validationSet = validationSet;
    this.sequential = options.sequential();
    this.training = new ArrayList<>();
    this.validation = new ArrayList<>();
    double kept = validationSet == null ? options.valFraction() : 0;
    for (int i = 0; i < sets.size(); i++) {
      List<EncodedSample> samples = sets.get(i).samples();
      BitSet held = held(samples.size(), kept, options.seed() + i);
      List<EncodedSample> learned = new ArrayList<>();
      for (int s = 0; s < samples.size(); s++) {
        (held.get(s) ? validation : learned).add(samples.get(s));
      }
      training.add(Part.of(learned, options.packing(), length));
    }
    if (validationSet != null) {
      validation.addAll(validationSet.samples());
    }
    long[] counts = new long[training.size()];
    Arrays.setAll(counts, i -> training.get(i).packs().size());
    this.shuffle =
        new SourceShuffle(
            counts, options.sources().stream().map(SourceSpec::weight).toList(), options.seed());
  }

  /** Samples drawn to be kept from training; at least one stays. */
  private static BitSet held(int samples, double fraction, long seed) {
    BitSet held = new BitSet();
    long count = Math.min(samples - 1, Math.round(samples * fraction));
    Permutation order = new Permutation(samples, Permutation.mix(seed) ^ VALIDATION_KEY);
    for (long i = 0; i < count; i++) {
      held.set(Math.toIntExact(order.at(i)));
    }
    return held;
  }

  /**
   * Reads samples.
   *
   * @param vocabulary V of the model
   * @param length the most tokens of a sample, and of a pack
   * @param listener is told of samples that are left out since they are broken, and may cancel
   * @throws IOException if a file is missing or cannot be read
   * @throws DataException if a sample is broken, or there is nothing to learn
   */
  public static SampleData open(
      SampleDataOptions options,
      SampleReader reader,
      int vocabulary,
      int length,
      CorpusListener listener)
      throws IOException {
    int tokens = reader.encoder().tokenizer().vocabulary().size();
    if (tokens > vocabulary) {
      throw new DataException(
          "the tokenizer has %d tokens, but the model has a vocabulary of %d; they do not belong together"
              .formatted(tokens, vocabulary));
    }
    SampleSet.Limits limits =
        new SampleSet.Limits(length, options.whenLong(), options.skipBroken());
    List<SampleSet> sets = new ArrayList<>();
    List<Path> validation = new ArrayList<>();
    for (SourceSpec source : options.sources()) {
      SampleFiles files = SampleFiles.of(source.path());
      validation.addAll(files.validation());
      sets.add(
          SampleSet.read(source.path().toString(), files.training(), reader, limits, listener));
    }
    if (!options.validation().isEmpty()) {
      validation.clear();
      for (Path path : options.validation()) {
        validation.addAll(SampleFiles.of(path).training());
      }
    }
    SampleSet held =
        validation.isEmpty()
            ? null
            : SampleSet.read(
                String.valueOf(validation.getFirst()), validation, reader, limits, listener);
    return new SampleData(options, length, sets, held);
  }

  /** What was found in each source. */
  public List<SampleSet> sets() {
    return sets;
  }

  /** What was found in the files to validate on, absent if there are none. */
  public @Nullable SampleSet validationSet() {
    return validationSet;
  }

  /** Samples to train on. */
  public long trainingSamples() {
    return training.stream().mapToLong(part -> part.samples().size()).sum();
  }

  /** Samples to validate on. */
  public long validationSamples() {
    return validation.size();
  }

  /** Samples of a batch's sequences, together where they are packed. */
  private long packs() {
    return shuffle.total();
  }

  @Override
  public int sequenceLength() {
    return length;
  }

  @Override
  public long trainingTokens() {
    return training.stream().mapToLong(part -> rows(part.samples())).sum();
  }

  @Override
  public long validationTokens() {
    return rows(validation);
  }

  /** Tokens that something is predicted from. */
  private static long rows(List<EncodedSample> samples) {
    return samples.stream().mapToLong(sample -> sample.length() - 1).sum();
  }

  /** Tokens that are learned, of those to train on. */
  public long learnedTokens() {
    return training.stream()
        .flatMap(part -> part.samples().stream())
        .mapToLong(EncodedSample::trained)
        .sum();
  }

  @Override
  public boolean hasValidation() {
    return !validation.isEmpty();
  }

  @Override
  public double tokensPerStep(BatchOptions batch) {
    return (double) trainingTokens() / packs() * perStep(batch);
  }

  private static long perStep(BatchOptions batch) {
    return (long) batch.batchSize() * batch.accumulation();
  }

  /** That of the longest packs, or of the longest samples to validate on. */
  @Override
  public int largestBatch(BatchOptions batch) {
    IntStream packs =
        training.stream()
            .flatMapToInt(part -> part.packs().stream().mapToInt(pack -> part.rows(pack)));
    IntStream held = validation.stream().mapToInt(sample -> sample.length() - 1);
    return Math.max(largest(packs, batch.batchSize()), largest(held, batch.batchSize()));
  }

  private static int largest(IntStream sizes, int count) {
    int[] sorted = sizes.sorted().toArray();
    return Arrays.stream(sorted, Math.max(0, sorted.length - count), sorted.length).sum();
  }

  @Override
  public long epochTokens(BatchOptions batch) {
    return trainingTokens();
  }

  /** So many that each sample has come so often. */
  @Override
  public long steps(double epochs, BatchOptions batch) {
    return Math.max(1, (long) Math.ceil(epochs * packs() / perStep(batch) - 1e-9));
  }

  @Override
  public void next(TokenBatch batch, int sequences) {
    batch.clear();
    for (int i = 0; i < sequences; i++) {
      if (sequential) {
        addInOrder(taken++ % packs(), batch);
      } else {
        SourceShuffle.Draw draw = shuffle.next();
        training.get(draw.source()).add(draw.index(), batch);
      }
    }
  }

  private void addInOrder(long place, TokenBatch batch) {
    long left = place;
    for (Part part : training) {
      if (left < part.packs().size()) {
        part.add(left, batch);
        return;
      }
      left -= part.packs().size();
    }
  }

  @Override
  public boolean validation(TokenBatch batch, int sequences, long index) {
    long from = index * sequences;
    long to = Math.min(validation.size(), from + sequences);
    batch.clear();
    for (long i = from; i < to; i++) {
      batch.add(validation.get(Math.toIntExact(i)));
    }
    return from < to;
  }

  @Override
  public boolean separatesDocuments() {
    return true;
  }

  @Override
  public DataState state() {
    return sequential ? new DataState(List.of(taken)) : shuffle.state();
  }

  @Override
  public void restore(DataState state) {
    TrainingData.checkState(state, state());
    if (sequential) {
      taken = state.taken().getFirst();
    } else {
      shuffle.restore(state);
    }
  }

  /** Nothing is held but memory. */
  @Override
  public void close() {}
}
