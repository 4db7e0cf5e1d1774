package jllm.train.sample;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.corpus.CorpusListener;
import jllm.train.DataException;

/** Samples in memory, as they are learned from: short enough, and with something to learn. */
public final class SampleSet implements SampleReader.Visitor {
  private final int length;
  private final LongSamples whenLong;
  private final boolean skipBroken;
  private final CorpusListener listener;
  private final List<EncodedSample> samples = new ArrayList<>();
  private final Map<SampleFormat, Long> formats = new EnumMap<>(SampleFormat.class);
  private long read;
  private long broken;
  private long empty;
  private long tooLong;
  private long cutOff;
  private int longest;
  private String longestAt = "";
  private long tokens;
  private long trained;

  /**
   * What is to become of samples.
   *
   * @param length tokens that a sample may have
   * @param skipBroken whether broken samples are left out; otherwise they are an error
   */
  public record Limits(int length, LongSamples whenLong, boolean skipBroken) {}

  private SampleSet(Limits limits, CorpusListener listener) {
    this.length = limits.length();
    this.whenLong = limits.whenLong();
    this.skipBroken = limits.skipBroken();
    this.listener = listener;
  }

  /**
   * Reads samples.
   *
   * @param listener is told of broken samples that are left out, and may cancel the reading
   * @throws IOException if a file is missing or cannot be read
   * @throws DataException if a sample is broken or too long, and that is an error; or if there is
   *     nothing to learn in all of them
   */
  public static SampleSet read(
      String name, List<Path> files, SampleReader reader, Limits limits, CorpusListener listener)
      throws IOException {
    SampleSet set = new SampleSet(limits, listener);
    reader.read(files, set, listener);
    set.check(name);
    return set;
  }

  @Override
  public boolean broken(String message) {
    broken++;
    if (!skipBroken) {
      throw new DataException(message);
    }
    listener.skipped(message);
    return true;
  }

  @Override
  public boolean sample(Sample sample, RenderedSample rendered) {
    read++;
    formats.merge(sample.format(), 1L, Long::sum);
    EncodedSample encoded = rendered.encoded();
    if (SampleEncoder.isEmpty(sample) || encoded.trained() == 0) {
      empty++;
      return true;
    }
    if (encoded.length() > length) {
      tooLong++;
      if (encoded.length() > longest) {
        longest = encoded.length();
        longestAt = sample.where();
      }
      if (whenLong != LongSamples.TRUNCATE) {
        return true;
      }
      encoded = encoded.first(length);
      if (encoded.trained() == 0) {
        cutOff++;
        return true;
      }
    }
    samples.add(encoded);
    tokens += encoded.length();
    trained += encoded.trained();
    return true;
  }

  private void check(String name) {
    if (tooLong > 0 && whenLong == LongSamples.ERROR) {
      throw new DataException(
          "%d of %d samples are longer than %d tokens (%s has %d); allow longer sequences, or let them be truncated or dropped"
              .formatted(tooLong, read, length, longestAt, longest));
    }
    if (read + broken == 0) {
      throw new DataException(name + ": there are no samples in it; it is empty");
    }
    if (samples.isEmpty()) {
      throw new DataException(
          "%s: there is no token to learn in %d samples: %d are empty, %d longer than %d tokens (%d of those have nothing to learn before), %d broken"
              .formatted(name, read + broken, empty, tooLong, length, cutOff, broken));
    }
  }

  /** Those to learn from, in the order of the files. */
  public List<EncodedSample> samples() {
    return samples;
  }

  /** How many samples of each format there were. */
  public Map<SampleFormat, Long> formats() {
    return formats;
  }

  /** Samples that were read and not broken. */
  public long read() {
    return read;
  }

  /** Samples that were left out since they are damaged or the template refuses them. */
  public long broken() {
    return broken;
  }

  /** Samples that were left out since there is nothing to learn in them. */
  public long empty() {
    return empty;
  }

  /** Samples that were too long, and what became of them. */
  public long tooLong() {
    return tooLong;
  }

  /** Those of the samples that were too long of which nothing was left to learn. */
  public long cutOff() {
    return cutOff;
  }

  /** Tokens to learn from. */
  public long tokens() {
    return tokens;
  }

  /** Those of them that are learned. */
  public long trained() {
    return trained;
  }
}
