package jllm.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import jllm.format.ModelFormatException;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Tensor;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * Looks for the most probable continuation of a text by keeping the best few at each step (Graves
 * 2012; with the length penalty and the ends of Hugging Face's {@code generate}). The beams go
 * through the model side by side; when one takes the place of another, its keys and values behind
 * the prompt are copied.
 */
public final class BeamSearch implements AutoCloseable {
  private final Transformer model;
  private final BeamSettings settings;
  private final SequenceGroup group;
  private volatile boolean cancelled;

  /**
   * A sequence that was found.
   *
   * @param tokens the new ones, with the one that ended the text if one did
   * @param logProbability the sum over its tokens
   * @param score log-probability divided by length to the power of the penalty
   * @param finished whether the model ended it
   */
  public record Hypothesis(int[] tokens, double logProbability, double score, boolean finished) {}

  /** A sequence under way, in the cache at its place. */
  private record Beam(int place, int[] tokens, double logProbability) {}

  /** A beam and a token that could follow. */
  private record Candidate(Beam beam, int token, double logProbability) {}

  /**
   * @param context positions of prompt and text together
   * @throws OutOfMemoryError if there is no memory for the keys and values of all beams
   * @throws IllegalArgumentException if backend or model cannot use a cache of these types
   */
  public BeamSearch(
      Transformer model, Backend backend, int context, CacheTypes types, BeamSettings settings) {
    this(model, settings, new SequenceGroup(model, backend, settings.beams(), context, types));
  }

  /**
   * @param group with a place for each beam; closed with this
   */
  BeamSearch(Transformer model, BeamSettings settings, SequenceGroup group) {
    this.model = model;
    this.settings = settings;
    this.group = group;
  }

  /**
   * Searches with the limit, stop tokens and bans of a generation; all else of it says nothing
   * here.
   *
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if the prompt does not fit the context
   */
  public List<Hypothesis> search(int[] prompt, GenerationOptions options, Tokenizer tokenizer) {
    int vocabulary = model.config().vocabularySize();
    UnknownTokenException.requireSetting(
        "stop token list", Generator.toArray(options.stopTokens()), vocabulary);
    int limit =
        options.maxTokens() == GenerationOptions.UNLIMITED
            ? Integer.MAX_VALUE
            : options.maxTokens();
    return search(
        prompt,
        limit,
        token -> tokenizer.isEndOfGeneration(token) || options.stopTokens().contains(token),
        Continuation.banned(tokenizer, options.ignoreEnd(), vocabulary));
  }

  /**
   * Searches.
   *
   * @param maxTokens new tokens at most; fewer if the context is full before
   * @param banned tokens that are never chosen
   * @return the best sequences, the best first
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if the prompt does not fit the context
   * @throws ModelFormatException if the logits are not finite numbers
   */
  public List<Hypothesis> search(int[] prompt, int maxTokens, IntPredicate ends, int... banned) {
    cancelled = false;
    UnknownTokenException.require(prompt, model.config().vocabularySize());
    if (prompt.length > group.context()) {
      throw new PromptTooLongException(prompt.length, group.context(), group.context());
    }
    int limit = Math.min(maxTokens, group.context() - prompt.length + 1);
    if (limit < 1) {
      return List.of();
    }
    List<Hypothesis> finished = new ArrayList<>();
    List<Beam> beams = List.of(new Beam(0, new int[0], 0));
    group.clear();
    Tensor logits = group.begin(0, prompt);
    for (int length = 1; ; length++) {
      List<Candidate> best = candidates(beams, logits, banned);
      List<Candidate> kept = keep(best, ends, finished);
      boolean done = kept.isEmpty() || isDone(finished, best, length, limit);
      if (done || length == limit || cancelled) {
        if (!done) {
          kept.forEach(candidate -> add(finished, candidate, false));
        }
        return finished.subList(0, Math.min(settings.returned(), finished.size()));
      }
      beams = settle(kept, prompt.length);
      logits = step(beams);
    }
  }

  /** The best continuations of all beams: twice as many as beams, since some may end the text. */
  private List<Candidate> candidates(List<Beam> beams, Tensor logits, int[] banned) {
    int most = 2 * settings.beams();
    List<Candidate> all = new ArrayList<>();
    Candidates row = new Candidates(model.config().vocabularySize());
    for (int i = 0; i < beams.size(); i++) {
      Beam beam = beams.get(i);
      row.fill(logits.slice(i, 1).segment());
      double total = row.logTotal();
      for (int token : banned) {
        row.logit(token, Float.NEGATIVE_INFINITY);
      }
      int count = Math.min(most, row.size());
      row.bringToFront(count);
      for (int j = 0; j < count && row.logit(j) > Float.NEGATIVE_INFINITY; j++) {
        double probability = beam.logProbability + row.logit(j) - total;
        all.add(new Candidate(beam, row.id(j), probability));
      }
    }
    // A stable order: of equal ones the better beam's first, then the smaller token.
    all.sort(Comparator.comparingDouble(candidate -> -candidate.logProbability));
    return all.subList(0, Math.min(most, all.size()));
  }

  /** Those that go on, as many as beams; texts that ended among the first are finished. */
  private List<Candidate> keep(List<Candidate> best, IntPredicate ends, List<Hypothesis> finished) {
    List<Candidate> kept = new ArrayList<>();
    for (int rank = 0; rank < best.size() && kept.size() < settings.beams(); rank++) {
      Candidate candidate = best.get(rank);
      if (!ends.test(candidate.token)) {
        kept.add(candidate);
      } else if (rank < settings.beams()) {
        add(finished, candidate, true);
      }
    }
    return kept;
  }

  private void add(List<Hypothesis> finished, Candidate candidate, boolean ended) {
    int[] tokens = extended(candidate);
    double score = score(candidate.logProbability, tokens.length);
    finished.add(new Hypothesis(tokens, candidate.logProbability, score, ended));
    finished.sort(Comparator.comparingDouble(hypothesis -> -hypothesis.score()));
    if (finished.size() > settings.beams()) {
      finished.removeLast();
    }
  }

  private double score(double logProbability, int length) {
    return logProbability / Math.pow(length, settings.lengthPenalty());
  }

  private boolean isDone(List<Hypothesis> finished, List<Candidate> best, int length, int limit) {
    if (finished.size() < settings.beams()) {
      return false;
    }
    double worst = finished.getLast().score();
    double running = best.getFirst().logProbability;
    return switch (settings.stopping()) {
      case EARLY -> true;
      case HEURISTIC -> worst >= score(running, length);
      case NEVER -> worst >= score(running, settings.lengthPenalty() > 0 ? limit : length);
    };
  }

  /** Gives each candidate a place with the keys and values of its beam. */
  private List<Beam> settle(List<Candidate> kept, int promptLength) {
    @Nullable Beam[] owners = new @Nullable Beam[kept.size()];
    boolean[] taken = new boolean[settings.beams()];
    // The first child of a beam keeps its place; the others get one that nobody kept.
    for (int i = 0; i < owners.length; i++) {
      Candidate candidate = kept.get(i);
      if (!taken[candidate.beam.place]) {
        taken[candidate.beam.place] = true;
        owners[i] = beam(candidate, candidate.beam.place);
      }
    }
    int free = 0;
    for (int i = 0; i < owners.length; i++) {
      if (owners[i] == null) {
        while (taken[free]) {
          free++;
        }
        taken[free] = true;
        group.copy(kept.get(i).beam.place, free, promptLength);
        owners[i] = beam(kept.get(i), free);
      }
    }
    return Stream.of(owners).map(Objects::requireNonNull).toList();
  }

  private static Beam beam(Candidate candidate, int place) {
    return new Beam(place, extended(candidate), candidate.logProbability);
  }

  private static int[] extended(Candidate candidate) {
    int[] before = candidate.beam.tokens;
    int[] tokens = Arrays.copyOf(before, before.length + 1);
    tokens[before.length] = candidate.token;
    return tokens;
  }

  private Tensor step(List<Beam> beams) {
    int[] places = beams.stream().mapToInt(Beam::place).toArray();
    int[] tokens = beams.stream().mapToInt(beam -> beam.tokens[beam.tokens.length - 1]).toArray();
    return group.step(places, tokens);
  }

  /** Whether the last search was ended by {@link #cancel}. */
  public boolean wasCancelled() {
    return cancelled;
  }

  /** Ends the search after the current step with what it has; for any thread. */
  public void cancel() {
    cancelled = true;
  }

  @Override
  public void close() {
    group.close();
  }
}
