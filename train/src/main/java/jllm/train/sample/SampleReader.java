package jllm.train.sample;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.LongSupplier;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.corpus.CorpusListener;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.train.DataException;
import org.jspecify.annotations.Nullable;

/** Reads files of samples and writes them as a model reads them, several at once. */
public final class SampleReader {
  /** Samples that are written at once, by all processors. */
  private static final int AT_ONCE = 512;

  private final SampleParser parser;
  private final SampleEncoder encoder;

  /** Takes samples in the order of the files. */
  public interface Visitor {

    /**
     * Takes a sample.
     *
     * @return whether to go on
     */
    boolean sample(Sample sample, RenderedSample rendered);

    /**
     * Takes what is no sample: a damaged record, or one that the chat template refuses.
     *
     * @param message where it is and what is wrong
     * @return whether to go on
     */
    boolean broken(String message);
  }

  public SampleReader(SampleKeys keys, SampleEncoder encoder) {
    this.parser = new SampleParser(keys);
    this.encoder = encoder;
  }

  /** A sample, and it written or why it cannot be. */
  private record Written(
      @Nullable Sample sample, @Nullable RenderedSample rendered, @Nullable String broken) {}

  /** What was read and is not yet written. */
  private final class Pending implements SampleRecords.Handler {
    private final Visitor visitor;
    private final CorpusListener listener;
    private final long total;
    private final List<Written> read = new ArrayList<>();
    private LongSupplier position = () -> 0;
    private boolean open = true;

    Pending(Visitor visitor, CorpusListener listener, long total) {
      this.visitor = visitor;
      this.listener = listener;
      this.total = total;
    }

    @Override
    public boolean record(String where, Map<String, @Nullable Object> fields) {
      try {
        parser.parse(where, fields).forEach(sample -> read.add(new Written(sample, null, null)));
      } catch (DataException wrong) {
        read.add(new Written(null, null, wrong.getMessage()));
      }
      return read.size() < AT_ONCE || flush();
    }

    @Override
    public boolean damaged(String where, String what) {
      read.add(new Written(null, null, where + ": " + what));
      return read.size() < AT_ONCE || flush();
    }

    boolean flush() {
      if (listener.cancelled()) {
        throw new CancellationException("the reading of samples was cancelled");
      }
      listener.read(position.getAsLong(), total);
      List<Written> written = read.parallelStream().map(SampleReader.this::write).toList();
      read.clear();
      for (Written one : written) {
        open = open && visit(one);
      }
      return open;
    }

    private boolean visit(Written one) {
      return one.sample != null && one.rendered != null
          ? visitor.sample(one.sample, one.rendered)
          : visitor.broken(String.valueOf(one.broken));
    }
  }

  private Written write(Written read) {
    if (read.sample == null) {
      return read;
    }
    try {
      return new Written(read.sample, encoder.render(read.sample), null);
    } catch (DataException refused) {
      return new Written(null, null, refused.getMessage());
    }
  }

  /**
   * Reads files.
   *
   * @throws IOException if one is missing or cannot be read
   * @throws CorpusException if a compressed one is damaged
   * @throws CancellationException if the listener cancelled it
   */
  public void read(List<Path> files, Visitor visitor, CorpusListener listener) throws IOException {
    if (files.isEmpty()) {
      return;
    }
    Corpus corpus = Corpus.of(files, CorpusOptions.DEFAULT);
    Pending pending = new Pending(visitor, listener, corpus.size());
    corpus.readContents((origin, _, in, read) -> {
      pending.position = read;
      return SampleRecords.read(origin, in, pending);
    });
    if (pending.open) {
      pending.flush();
    }
  }

  /** The encoder that it writes with. */
  public SampleEncoder encoder() {
    return encoder;
  }
}
