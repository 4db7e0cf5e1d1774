package jllm.model;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.FusedOperations;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;
import jllm.tensor.TokenReader;
import org.jspecify.annotations.Nullable;

/**
 * One token after the other through a model, behind what is in a cache. Where the backend can, a
 * step is recorded once and then done again, with the choice of the next token: that takes the host
 * the time of one operation, not of all. The results are the same. Other steps may come between;
 * for one thread.
 */
public final class TokenSteps implements AutoCloseable {
  private final Transformer model;
  private final Backend backend;
  private final KvCache cache;
  private final Batch batch;

  /** Absent where the host chooses. */
  private final @Nullable TokenReader reader;

  private final Map<StepKind, RepeatedStep> steps = new EnumMap<>(StepKind.class);
  private final int[] next = new int[1];
  private final Biases biases;
  private @Nullable RepeatedStep last;
  private RepeatedStep.@Nullable Results results;

  /**
   * @param model on {@code backend}
   */
  public TokenSteps(Transformer model, Backend backend, KvCache cache) {
    this.model = model;
    this.backend = backend;
    this.cache = cache;
    this.batch = backend.records() ? Batch.recorded(cache, backend) : Batch.continuing(cache, 1);
    this.biases = new Biases(backend, 1, model.config().vocabularySize());
    FusedOperations fused = backend.fused();
    boolean chooses =
        batch.inputs() != null && fused != null && fused.samples(model.config().vocabularySize());
    this.reader = fused != null && chooses ? fused.tokenReader() : null;
  }

  /** Whether the last step was replayed, and not done one operation after the other. */
  public boolean isRecording() {
    return last != null && last.isRecorded();
  }

  /**
   * Says what is added to the logits before a token is chosen from now on.
   *
   * @param row of the vocabulary's length; empty = nothing
   */
  public void biases(float[] row) {
    if (biases.put(0, row)) {
      forget(StepKind.BEST);
      forget(StepKind.DRAWN);
    }
  }

  /** What was recorded does not read the biases. */
  private void forget(StepKind kind) {
    RepeatedStep step = steps.remove(kind);
    if (step != null) {
      step.close();
    }
  }

  /**
   * Runs a token, and counts it as seen.
   *
   * @return the logits [1, V] of what comes after it, where the host can read them; valid until the
   *     next call
   * @throws IllegalArgumentException if the model has no such token, or the cache is full
   */
  public Tensor run(int token) {
    begin(token);
    step(StepKind.LOGITS);
    return logits();
  }

  /** Whether steps can choose the tokens that come next. */
  public boolean chooses() {
    return reader != null;
  }

  /**
   * Starts a step that chooses the token after it; the token counts as seen at once. {@link #await}
   * tells what was chosen.
   *
   * @throws IllegalArgumentException as {@link #run}
   * @throws IllegalStateException if the backend does not choose
   */
  public void start(int token, TokenChoice choice) {
    put(choice);
    begin(token);
    choose(choice);
  }

  /**
   * Starts a step with the token that the step before, which is under way, chooses. It counts as
   * seen at once. At most two steps are under way.
   *
   * @throws IllegalArgumentException if the cache is full
   */
  public void startNext(TokenChoice choice) {
    put(choice);
    batch.fillChosen();
    choose(choice);
  }

  /**
   * The token that the first of the steps under way chose.
   *
   * @return -1 if its logits are not finite numbers
   */
  public int await() {
    return requireReader().await();
  }

  /** Forgets the step that was started last: the cache is as if it had not been. */
  public void forget() {
    requireReader().forget();
    cache.truncate(cache.length() - 1);
  }

  private TokenReader requireReader() {
    if (reader == null) {
      throw new IllegalStateException("the backend does not choose tokens");
    }
    return reader;
  }

  private void put(TokenChoice choice) {
    requireReader();
    Objects.requireNonNull(batch.inputs())
        .putChoice(0, choice, model.config().vocabularySize(), biases.rowOf(0));
  }

  private void choose(TokenChoice choice) {
    step(StepKind.of(choice));
    requireReader().start(Objects.requireNonNull(Objects.requireNonNull(results).tokens()));
  }

  /** The logits after the last token, as {@link #run} returns them. */
  public Tensor logits() {
    return onHost(Objects.requireNonNull(results).logits());
  }

  private Tensor onHost(Tensor result) {
    return Objects.requireNonNull(last).onHost(result);
  }

  private void begin(int token) {
    if (token < 0 || token >= model.config().vocabularySize()) {
      throw new IllegalArgumentException(
          "token " + token + " of a vocabulary of " + model.config().vocabularySize());
    }
    next[0] = token;
    batch.fill(next, 0, 1, 1);
  }

  private void step(StepKind kind) {
    RepeatedStep step =
        steps.computeIfAbsent(
            kind,
            _ -> new RepeatedStep(backend, batch.inputs() != null, exec -> compute(exec, kind)));
    last = step;
    results = step.run();
    cache.advance(1);
  }

  private RepeatedStep.Results compute(Exec exec, StepKind kind) {
    Tensor row = model.logits(exec, model.hidden(exec, batch));
    StepInputs inputs = batch.inputs();
    Tensor chosen =
        kind == StepKind.LOGITS || inputs == null
            ? null
            : exec.sample(
                row, inputs.choices(), biases.table(), kind == StepKind.BEST, inputs.tokens());
    return new RepeatedStep.Results(row, chosen);
  }

  @Override
  public void close() {
    if (reader != null) {
      reader.close(); // waits for the last step
    }
    steps.values().forEach(RepeatedStep::close);
    biases.close();
    batch.close();
  }
}
