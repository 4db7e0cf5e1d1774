package jllm.tokenize.train;

import java.io.IOException;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.corpus.Work;

/**
 * Learns a byte-level BPE vocabulary from a corpus: counts its words on all cores, then merges. The
 * result depends on the corpus and the options, not on the number of threads.
 */
public final class BpeTrainer {
  private final TrainOptions options;
  private final TrainListener listener;
  private final WordPattern pattern;

  /**
   * @throws PatternException if the pattern is no regular expression
   */
  public BpeTrainer(TrainOptions options, TrainListener listener) {
    this.options = options;
    this.listener = listener;
    this.pattern = WordPattern.of(options.pattern());
  }

  /**
   * Learns from all documents of a corpus; nothing is written.
   *
   * @throws CorpusException at a broken document, or if the corpus has no text
   * @throws PatternException if the pattern recurses too deeply on the text
   * @throws WordLimitException if the words are more than the tables can hold
   * @throws java.util.concurrent.CancellationException if the listener cancels
   */
  public TrainedBpe train(Corpus corpus) throws IOException {
    WordCounter counter = new WordCounter(pattern.words(), pattern.cuts(), options, listener);
    CountedWords counted = counter.count(corpus);
    WordCounts words = counted.words();
    if (words.size() == 0 && counted.dropped().words() > 0) {
      throw new WordLimitException(
          "no word is left below the cap of "
              + options.maxWords()
              + " distinct words, as all occur equally often; raise the cap");
    }
    if (words.size() == 0) {
      throw new CorpusException("the corpus has no text: " + String.join(", ", corpus.names()));
    }
    listener.counted(words.size(), counted.textBytes());
    BpeMerger merger =
        new BpeMerger(
            words, options.specialTokens(), options.minFrequency(), options.maxTokenLength());
    Merges merges =
        merger.merge(
            options.vocabSize(),
            tokens -> {
              Work.check(listener);
              listener.merged(tokens, options.vocabSize());
            });
    listener.merged(merges.tokens().size(), options.vocabSize());
    return new TrainedBpe(
        merges,
        pattern.expression(),
        pattern.cuts(),
        counted.corpus(),
        counted.textBytes(),
        words.size(),
        words.occurrences(),
        counted.dropped(),
        counted.sample());
  }
}
