package jllm.model;

import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.FusedOperations;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;
import org.jspecify.annotations.Nullable;

/**
 * One token each of several sequences, with caches of their own, through a model at a time. Where
 * the backend can, a step for so many sequences is recorded once and then done again, whichever
 * they are. The results are the same. For one thread.
 */
public final class GroupSteps implements AutoCloseable {
  /** Recordings that are kept: groups shrink and grow by a few. */
  private static final int MOST_KEPT = 4;

  /** What differs between recordings. */
  private record Form(int sequences, StepKind kind) {}

  /** A step for so many sequences, and what it reads. */
  private record Step(Batch batch, RepeatedStep repeated) {
    void close() {
      repeated.close();
      batch.close();
    }
  }

  private final Transformer model;
  private final Backend backend;
  private final boolean chooses;
  private final Biases biases;
  private final Map<Form, Step> steps = new LinkedHashMap<>(16, 0.75f, true);

  /** Where nothing is recorded. */
  private final Step plain;

  private @Nullable Step last;

  /**
   * @param model on {@code backend}
   * @param places sequences that there are at most
   */
  public GroupSteps(Transformer model, Backend backend, int places) {
    this.model = model;
    this.backend = backend;
    int vocabulary = model.config().vocabularySize();
    this.biases = new Biases(backend, places, vocabulary);
    FusedOperations fused = backend.fused();
    this.chooses = backend.records() && fused != null && fused.samples(vocabulary);
    Batch batch = Batch.sideBySide(places);
    this.plain =
        new Step(
            batch, new RepeatedStep(backend, false, exec -> compute(exec, batch, StepKind.LOGITS)));
  }

  /** Whether the last step was replayed, and not done one operation after the other. */
  public boolean isRecording() {
    return last != null && last.repeated.isRecorded();
  }

  /**
   * Runs a token of each of some sequences, and counts them as seen.
   *
   * @param caches of the sequences, all of the same capacity
   * @return the logits [N, V] of what comes after them, where the host can read them; valid until
   *     the next call
   * @throws IllegalArgumentException if the model has no such token, or a cache is full
   */
  public Tensor run(KvCache[] caches, int[] tokens) {
    Step step = backend.records() ? step(new Form(caches.length, StepKind.LOGITS)) : plain;
    return step.repeated.onHost(run(step, caches, tokens).logits());
  }

  /** Whether {@link #choose} works here. */
  public boolean chooses() {
    return chooses;
  }

  /**
   * Says what {@link #choose} adds to the logits of the sequence at a place from now on.
   *
   * @param row of the vocabulary's length; empty = nothing
   */
  public void biases(int place, float[] row) {
    if (biases.put(place, row)) {
      steps.values().forEach(Step::close);
      steps.clear();
    }
  }

  /**
   * Runs as {@link #run} does, and chooses the tokens that come next.
   *
   * @param places of the sequences, for their biases
   * @return a token for each; -1 where logits are not finite numbers
   * @throws IllegalStateException if the backend does not choose
   */
  public int[] choose(int[] places, KvCache[] caches, int[] tokens, TokenChoice[] choices) {
    if (!chooses) {
      throw new IllegalStateException("the backend does not choose tokens");
    }
    Step step = step(new Form(caches.length, StepKind.of(choices)));
    StepInputs inputs = Objects.requireNonNull(step.batch.inputs());
    for (int i = 0; i < choices.length; i++) {
      int bias = biases.rowOf(places[i]);
      inputs.putChoice(i, choices[i], model.config().vocabularySize(), bias);
    }
    Tensor chosen = Objects.requireNonNull(run(step, caches, tokens).tokens());
    return step.repeated.onHost(chosen).segment().toArray(ValueLayout.JAVA_INT);
  }

  private Step step(Form form) {
    Step found = steps.get(form);
    if (found == null) {
      Batch batch = Batch.recorded(form.sequences, model.config().layers(), backend);
      found =
          new Step(batch, new RepeatedStep(backend, true, exec -> compute(exec, batch, form.kind)));
      steps.put(form, found);
      if (steps.size() > MOST_KEPT) {
        Form oldest = steps.keySet().iterator().next();
        Objects.requireNonNull(steps.remove(oldest)).close();
      }
    }
    return found;
  }

  private RepeatedStep.Results run(Step step, KvCache[] caches, int[] tokens) {
    for (int token : tokens) {
      if (token < 0 || token >= model.config().vocabularySize()) {
        throw new IllegalArgumentException(
            "token " + token + " of a vocabulary of " + model.config().vocabularySize());
      }
    }
    step.batch.fill(caches, tokens);
    last = step;
    RepeatedStep.Results results = step.repeated.run();
    for (KvCache cache : caches) {
      cache.advance(1);
    }
    return results;
  }

  private RepeatedStep.Results compute(Exec exec, Batch batch, StepKind kind) {
    Tensor rows = model.logits(exec, model.hidden(exec, batch));
    StepInputs inputs = batch.inputs();
    Tensor chosen =
        kind == StepKind.LOGITS || inputs == null
            ? null
            : exec.sample(rows, inputs.choices(), biases.table(), kind == StepKind.BEST, null);
    return new RepeatedStep.Results(rows, chosen);
  }

  @Override
  public void close() {
    steps.values().forEach(Step::close);
    plain.close();
    biases.close();
  }
}
