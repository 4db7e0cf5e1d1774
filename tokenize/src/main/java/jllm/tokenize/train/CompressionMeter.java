package jllm.tokenize.train;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Batch;
import jllm.tokenize.corpus.Batcher;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.corpus.CorpusListener;
import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.corpus.Work;

/** Compares tokenizers by the number of tokens that they make of the same text. */
public final class CompressionMeter {
  private static final int BATCH_BYTES = 1 << 20;

  private final List<Count> counts = new ArrayList<>();
  private final TokenBuffer buffer = new TokenBuffer();
  private long bytes;

  private static final class Count {
    final String name;
    final Tokenizer tokenizer;
    final Encoder encoder;
    long tokens;

    Count(String name, Tokenizer tokenizer) {
      this.name = name;
      this.tokenizer = tokenizer;
      this.encoder = tokenizer.newEncoder();
    }
  }

  /**
   * @param tokenizers by the name to be shown
   */
  public CompressionMeter(Map<String, Tokenizer> tokenizers) {
    tokenizers.forEach((name, tokenizer) -> counts.add(new Count(name, tokenizer)));
  }

  /**
   * Whether a corpus can be measured on, to be known before long work; one that can be read only
   * once is not looked at.
   *
   * @throws CorpusException if a document is broken or there is no text
   */
  public static void check(Corpus corpus) throws IOException {
    if (corpus.isRepeatable()) {
      requireText(corpus.read(chunk -> true).textBytes(), corpus);
    }
  }

  private static void requireText(long bytes, Corpus corpus) {
    if (bytes == 0) {
      throw new CorpusException("there is no text in " + String.join(", ", corpus.names()));
    }
  }

  /** Measures on texts. */
  public List<Compression> measure(List<byte[]> texts) {
    for (byte[] text : texts) {
      add(text, 0, text.length);
    }
    return result();
  }

  /**
   * Measures on all documents of a corpus.
   *
   * @param cuts where all of the tokenizers allow a long document to be cut
   * @throws CorpusException if a document is broken or there is no text
   * @throws java.util.concurrent.CancellationException if the listener cancels
   */
  public List<Compression> measure(Corpus corpus, CutRule cuts, CorpusListener listener)
      throws IOException {
    long size = corpus.size();
    Batcher batcher = new Batcher(cuts, BATCH_BYTES, batch -> add(batch, size, listener));
    corpus.read(chunk -> {
      Work.check(listener);
      batcher.add(chunk);
      return true;
    });
    batcher.finish();
    requireText(bytes, corpus);
    return result();
  }

  private void add(Batch batch, long size, CorpusListener listener) {
    Work.check(listener);
    for (int i = 0; i < batch.count(); i++) {
      add(batch.text(), batch.start(i), batch.ends()[i]);
    }
    listener.read(batch.position(), size);
  }

  private void add(byte[] text, int from, int to) {
    for (Count count : counts) {
      buffer.clear();
      count.encoder.encode(text, from, to, EncodeOptions.PLAIN, buffer);
      count.tokens += buffer.size();
    }
    bytes += to - from;
  }

  private List<Compression> result() {
    return counts.stream()
        .map(c -> new Compression(c.name, c.tokenizer.vocabulary().size(), bytes, c.tokens))
        .toList();
  }
}
