package jllm.bench;

import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.model.TokenSteps;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.TokenChoice;

/** Times a model at prefill and decode, as llama-bench does. */
public final class GenerationBenchmark {
  /** A run that takes more than this share of those before shows that the JIT is done. */
  private static final double SETTLED = 0.95;

  private final Transformer model;
  private final Backend backend;
  private final int maxBatch;

  /**
   * @param maxBatch rows of a prefill step at most
   */
  public GenerationBenchmark(Transformer model, Backend backend, int maxBatch) {
    this.model = model;
    this.backend = backend;
    this.maxBatch = maxBatch;
  }

  /**
   * Runs a workload once to warm up and then {@code repetitions} times.
   *
   * @param warmUpNanos the warm-up goes on until this much time has passed, and up to four times as
   *     long while runs become faster: the compiler of a Java machine works in the background, and
   *     a small model would otherwise be measured while it does
   */
  public Measurement run(Workload workload, int repetitions, long warmUpNanos) {
    return new Measurement(workload, run(workload, repetitions, warmUpNanos, () -> {}));
  }

  /**
   * The nanoseconds of each repetition.
   *
   * @param warm run when the warm-up is over
   */
  long[] run(Workload workload, int repetitions, long warmUpNanos, Runnable warm) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    int[] tokens = random.ints(workload.tokens(), 0, model.config().vocabularySize()).toArray();
    int most = Math.min(maxBatch, tokens.length);
    CacheTypes types = CacheTypes.of(backend.activationType());
    try (KvCache cache = model.newCache(tokens.length, types, most);
        Batch batch = Batch.continuing(cache, most);
        Exec exec = new Exec(backend);
        TokenSteps steps = new TokenSteps(model, backend, cache)) {
      Runnable once =
          workload instanceof Workload.Prefill
              ? () -> prefill(exec, cache, batch, tokens)
              : () -> decode(steps, cache, tokens);
      warmUp(warmUpNanos, once);
      warm.run();
      long[] nanos = new long[repetitions];
      for (int repetition = 0; repetition < repetitions; repetition++) {
        long start = System.nanoTime();
        once.run();
        nanos[repetition] = System.nanoTime() - start;
      }
      return nanos;
    }
  }

  private static void warmUp(long nanos, Runnable once) {
    long begin = System.nanoTime();
    double before = Double.POSITIVE_INFINITY;
    while (true) {
      double least = leastOf(nanos / 4, once);
      long passed = System.nanoTime() - begin;
      if ((passed >= nanos && least > SETTLED * before) || passed >= 4 * nanos) {
        return;
      }
      before = Math.min(before, least);
    }
  }

  /** The shortest of the runs that fill some time. */
  private static double leastOf(long nanos, Runnable once) {
    long begin = System.nanoTime();
    double least = Double.POSITIVE_INFINITY;
    long start = begin;
    do {
      once.run();
      long end = System.nanoTime();
      least = Math.min(least, (double) (end - start));
      start = end;
    } while (start - begin < nanos);
    return least;
  }

  private void prefill(Exec exec, KvCache cache, Batch batch, int[] tokens) {
    cache.truncate(0);
    for (int from = 0; from < tokens.length; from += batch.maxRows()) {
      int count = Math.min(batch.maxRows(), tokens.length - from);
      exec.reset();
      var hidden = model.hidden(exec, batch.fill(tokens, from, count, 1));
      if (from + count == tokens.length) {
        // As a sampler does: the step is over when the logits are there.
        exec.onHost(model.logits(exec, exec.lastRow(hidden)));
      }
      cache.advance(count);
    }
  }

  private static void decode(TokenSteps steps, KvCache cache, int[] tokens) {
    cache.truncate(0);
    if (!steps.chooses()) {
      for (int token : tokens) {
        steps.run(token);
      }
      return;
    }
    // As a greedy text: each token follows from the one before, which the host reads meanwhile.
    steps.start(tokens[0], TokenChoice.BEST);
    for (int i = 1; i < tokens.length; i++) {
      steps.startNext(TokenChoice.BEST);
      steps.await();
    }
    steps.await();
  }
}
