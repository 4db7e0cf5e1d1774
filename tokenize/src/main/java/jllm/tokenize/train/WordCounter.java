package jllm.tokenize.train;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import jllm.tokenize.corpus.Batch;
import jllm.tokenize.corpus.Batcher;
import jllm.tokenize.corpus.Chunk;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusSummary;
import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.corpus.DocumentSink;
import jllm.tokenize.corpus.Work;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.text.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * Counts the words of a corpus on all cores. Each thread counts for itself; after each {@link
 * #EPOCH_BYTES} of text the counts are added up and the cap on words is checked, so the result
 * depends on the corpus and the cap, not on the number of threads.
 */
final class WordCounter {
  /** The text between two checks of the cap. */
  static final int EPOCH_BYTES = 1 << 27;

  private static final int BATCH_BYTES = 1 << 18;

  private final @Nullable PreTokenizer words;
  private final CutRule cuts;
  private final TrainOptions options;
  private final TrainListener listener;
  private final int epochBytes;
  private final ConcurrentLinkedQueue<Counter> counters = new ConcurrentLinkedQueue<>();
  private final Deque<Future<?>> tasks = new ArrayDeque<>();
  private final WordCounts all = new WordCounts();
  private DroppedWords dropped = DroppedWords.NONE;
  private int epoch;

  /** What a thread works with. */
  private static final class Counter {
    final Workspace workspace = new Workspace();
    final WordCounts words = new WordCounts();
  }

  /**
   * @param words cuts a text into words, or null: each document is one
   * @param cuts where {@code words} allows a text to be cut
   */
  WordCounter(
      @Nullable PreTokenizer words, CutRule cuts, TrainOptions options, TrainListener listener) {
    this(words, cuts, options, listener, EPOCH_BYTES);
  }

  WordCounter(
      @Nullable PreTokenizer words,
      CutRule cuts,
      TrainOptions options,
      TrainListener listener,
      int epochBytes) {
    this.words = words;
    this.cuts = cuts;
    this.options = options;
    this.listener = listener;
    this.epochBytes = epochBytes;
  }

  CountedWords count(Corpus corpus) throws IOException {
    long size = corpus.size();
    TextSample sample = new TextSample();
    ExecutorService threads = Work.threads(options.threads(), "word-counter-");
    try {
      Batcher batcher =
          new Batcher(
              cuts,
              BATCH_BYTES,
              batch -> {
                Work.check(listener);
                sample.offer(batch);
                submit(batch, threads);
                listener.read(batch.position(), size);
              });
      DocumentLimits limits =
          new DocumentLimits(
              options.docCap(),
              options.maxBytes(),
              new DocumentSink() {
                @Override
                public boolean accept(Chunk chunk) {
                  Work.check(listener);
                  batcher.add(chunk);
                  return true;
                }

                @Override
                public void skipped(String message) {
                  listener.skipped(message);
                }
              });
      CorpusSummary summary = corpus.read(limits);
      batcher.finish();
      endEpoch();
      return new CountedWords(all, summary, limits.bytes(), dropped, sample.texts());
    } finally {
      threads.shutdownNow();
    }
  }

  private void submit(Batch batch, ExecutorService threads) {
    if (epoch > 0 && epoch + (long) batch.bytes() > epochBytes) {
      endEpoch();
    }
    epoch = (int) Math.min(Integer.MAX_VALUE, epoch + (long) batch.bytes());
    if (tasks.size() >= 4 * options.threads()) {
      Work.get(tasks.remove());
    }
    tasks.add(threads.submit(() -> count(batch)));
  }

  private void count(Batch batch) {
    Counter counter = counters.poll();
    if (counter == null) {
      counter = new Counter();
    }
    byte[] text = batch.text();
    if (words == null) {
      for (int i = 0; i < batch.count(); i++) {
        counter.words.add(text, batch.start(i), batch.ends()[i], 1);
      }
    } else {
      Workspace workspace = counter.workspace;
      for (int i = 0; i < batch.count(); i++) {
        int from = batch.start(i);
        int to = batch.ends()[i];
        workspace.wrap(text, from, to);
        workspace.onePiece(from, to);
        try {
          words.split(workspace);
        } catch (StackOverflowError e) {
          throw new PatternException(
              "the pattern '"
                  + options.pattern()
                  + "' recurses too deeply on this text; make its repeated groups possessive, such"
                  + " as (?:a|b)++",
              e);
        }
        int n = workspace.pieces();
        for (int k = 0; k < n; k++) {
          counter.words.add(text, workspace.pieceStart(k), workspace.pieceEnd(k), 1);
        }
      }
    }
    counters.add(counter);
  }

  private void endEpoch() {
    while (!tasks.isEmpty()) {
      Work.get(tasks.remove());
    }
    for (Counter counter : counters) {
      all.addAll(counter.words);
      counter.words.clear();
    }
    epoch = 0;
    if (all.size() > options.maxWords()) {
      drop(options.maxWords() / 2);
    }
  }

  /** Drops the rarest words, all of one count together, until at most {@code keep} are left. */
  private void drop(int keep) {
    long[] counts = new long[all.size()];
    for (int w = 0; w < counts.length; w++) {
      counts[w] = all.count(w);
    }
    Arrays.sort(counts);
    long threshold = counts[counts.length - keep - 1];
    long words = 0;
    long occurrences = 0;
    for (int w = 0; w < counts.length && counts[w] <= threshold; w++) {
      words++;
      occurrences += counts[w];
    }
    all.dropUpTo(threshold);
    dropped =
        new DroppedWords(
            dropped.words() + words,
            dropped.occurrences() + occurrences,
            Math.max(dropped.threshold(), threshold));
  }
}
