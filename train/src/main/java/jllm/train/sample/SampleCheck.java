package jllm.train.sample;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What is in files of samples and what of it would be learned, with all that is odd about it. */
public final class SampleCheck implements SampleReader.Visitor {
  private final int length;
  private final int shown;
  private final int most;
  private final List<Shown> first = new ArrayList<>();
  private final List<Finding> findings = new ArrayList<>();
  private final Map<SampleProblem, Long> counts = new EnumMap<>(SampleProblem.class);
  private final Map<SampleFormat, Long> formats = new EnumMap<>(SampleFormat.class);
  private final Map<EncodedSample, String> seen = new HashMap<>();
  private int[] lengths = new int[1024];
  private int samples;
  private long broken;
  private long tokens;
  private long trained;
  private long turns;

  /** A sample as it is learned. */
  public record Shown(Sample sample, RenderedSample rendered) {}

  /** A sample that something is wrong with. */
  public record Finding(SampleProblem problem, String message) {}

  /** Tokens of samples, before they are truncated. */
  public record Lengths(int min, int median, int p95, int max) {}

  /**
   * @param length tokens that a sample may have
   * @param shown how many samples are kept to be shown, the first ones
   * @param most findings of each kind that are kept; all are counted
   */
  public SampleCheck(int length, int shown, int most) {
    this.length = length;
    this.shown = shown;
    this.most = most;
  }

  @Override
  public boolean broken(String message) {
    broken++;
    found(SampleProblem.BROKEN, message);
    return true;
  }

  @Override
  public boolean sample(Sample sample, RenderedSample rendered) {
    EncodedSample encoded = rendered.encoded();
    if (samples == lengths.length) {
      lengths = Arrays.copyOf(lengths, 2 * samples);
    }
    lengths[samples++] = encoded.length();
    formats.merge(sample.format(), 1L, Long::sum);
    tokens += encoded.length();
    trained += encoded.trained();
    turns += rendered.turns().size();
    if (first.size() < shown) {
      first.add(new Shown(sample, rendered));
    }
    check(sample, rendered, encoded);
    return true;
  }

  private void check(Sample sample, RenderedSample rendered, EncodedSample encoded) {
    String where = sample.where();
    boolean empty = SampleEncoder.isEmpty(sample) || encoded.trained() == 0;
    if (empty) {
      found(SampleProblem.EMPTY, where);
    }
    if (sample instanceof Sample.Talk talk) {
      String order = RoleOrder.problem(talk.chat().messages());
      if (order != null) {
        found(SampleProblem.ORDER, where + ": " + order);
      }
      if (RoleOrder.isUnanswered(talk.chat().messages())) {
        found(SampleProblem.UNANSWERED, where);
      }
    }
    if (rendered.openTurns() > 0) {
      found(
          SampleProblem.OPEN,
          "%s: %d of %d".formatted(where, rendered.openTurns(), rendered.turns().size()));
    }
    if (encoded.length() > length && !empty) {
      boolean nothing = encoded.first(length).trained() == 0;
      found(
          nothing ? SampleProblem.CUT_OFF : SampleProblem.TRUNCATED,
          "%s: %d tokens".formatted(where, encoded.length()));
    }
    String before = seen.putIfAbsent(encoded, where);
    if (before != null) {
      found(SampleProblem.DUPLICATE, where + ": the same as " + before);
    }
  }

  private void found(SampleProblem problem, String message) {
    long count = counts.merge(problem, 1L, Long::sum);
    if (count <= most) {
      findings.add(new Finding(problem, message));
    }
  }

  /** The first samples. */
  public List<Shown> first() {
    return first;
  }

  /** What is wrong, in the order of the files; of each kind the first ones. */
  public List<Finding> findings() {
    return findings;
  }

  /** How many samples each problem has. */
  public Map<SampleProblem, Long> counts() {
    return counts;
  }

  /** How many samples of each format there are. */
  public Map<SampleFormat, Long> formats() {
    return formats;
  }

  /** Samples that could be read. */
  public int samples() {
    return samples;
  }

  /** Records that could not. */
  public long brokenRecords() {
    return broken;
  }

  /** Tokens of all samples, before they are truncated. */
  public long tokens() {
    return tokens;
  }

  /** Those of them that would be learned. */
  public long trained() {
    return trained;
  }

  /** Answers in all conversations. */
  public long turns() {
    return turns;
  }

  /** How long samples are, absent without any. */
  public @Nullable Lengths lengths() {
    if (samples == 0) {
      return null;
    }
    int[] sorted = Arrays.copyOf(lengths, samples);
    Arrays.sort(sorted);
    return new Lengths(
        sorted[0],
        sorted[(samples - 1) / 2],
        sorted[(int) Math.ceil(0.95 * samples) - 1],
        sorted[samples - 1]);
  }

  /** Whether there is an error, or nothing that could be learned. */
  public boolean fails() {
    return trained == 0 || counts.keySet().stream().anyMatch(SampleProblem::isError);
  }
}
