package jllm.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;
import jllm.train.data.TokenBatch;
import jllm.train.data.TrainingData;
import org.jspecify.annotations.Nullable;

/**
 * Trains a model. A run is decided by its weights, data and options alone: repeated with the same
 * backend and threads, or interrupted and resumed, it gives the same weights to the last bit.
 *
 * <p>For one thread. Weights, data and backend are the caller's.
 */
public final class Trainer implements AutoCloseable {
  /** How much a while may be faster than the one before when the kernels are compiled. */
  private static final double SETTLED = 1.05;

  private static final long PROBE_NANOS = 500_000_000;

  /** Seconds of a batch beside which those of the interpreter and of the JIT are few. */
  private static final double LONG = 10;

  private final Backend backend;
  private final TrainedTensors weights;
  private final TrainingData data;
  private final @Nullable Tokenizer tokenizer;
  private final TrainOptions options;
  private final TrainListener listener;
  private final RunPlan plan;
  private final Schedule schedule;
  private final AdamW optimizer;
  private final ModelStep model;
  private final StepTotals totals;
  private final TokenBatch[] batches;
  private final int @Nullable [] tokenBytes;
  private final @Nullable RunFolder folder;
  private final Diagnosis diagnosis;
  private Progress progress = new Progress();

  /**
   * A run from its beginning.
   *
   * @param tokenizer for checkpoints, texts and bits per byte; absent if it is not known
   * @param run folder of the run, which must not hold another; absent: nothing is written
   * @param settings noted in checkpoints, for the program to go on with: values of JSON
   * @throws SettingsException if options, model and data contradict each other
   * @throws DataException if the data are too few for a batch
   * @throws IOException if the folder cannot be written or the disk is too full
   */
  public Trainer(
      Backend backend,
      TrainedTensors weights,
      TrainingData data,
      @Nullable Tokenizer tokenizer,
      TrainOptions options,
      @Nullable Path run,
      Map<String, Object> settings,
      TrainListener listener)
      throws IOException {
    this(backend, weights, data, tokenizer, options, run, settings, listener, null);
  }

  /**
   * A run that goes on where a checkpoint was written; its metrics are continued from there.
   *
   * @param weights those of the checkpoint
   * @throws CheckpointException if it does not belong to this run
   */
  public Trainer(
      Backend backend,
      TrainedTensors weights,
      TrainingData data,
      @Nullable Tokenizer tokenizer,
      TrainOptions options,
      @Nullable Path run,
      Map<String, Object> settings,
      TrainListener listener,
      @Nullable Checkpoint checkpoint)
      throws IOException {
    this.backend = backend;
    this.weights = weights;
    this.data = data;
    this.tokenizer = tokenizer;
    this.options = options;
    this.listener = listener;
    check(weights.config(), options.batch());
    this.plan = weights.plan(options, data);
    this.schedule = new Schedule(options.schedule(), plan.steps());
    this.optimizer = new AdamW(weights, backend.training(), options.optimizer(), options.seed());
    this.batches = new TokenBatch[options.batch().accumulation()];
    Arrays.setAll(
        batches,
        _ -> new TokenBatch(options.batch().batchSize(), options.batch().sequenceLength()));
    this.tokenBytes = tokenBytes(tokenizer);
    if (checkpoint != null) {
      restore(checkpoint);
    }
    this.folder =
        run == null
            ? null
            : RunFolder.open(run, tokenizer, settings, checkpoint, plan.checkpointBytes());
    this.model =
        new ModelStep(
            weights, backend, options.batch().tokensPerBatch(), data.separatesDocuments(), options);
    this.totals = new StepTotals(backend);
    this.diagnosis = new Diagnosis(model, optimizer, progress);
  }

  private static void check(ModelConfig config, BatchOptions batch) {
    if (batch.sequenceLength() > config.contextLength()) {
      throw new SettingsException(
          "sequences of %d tokens are longer than the context of the model, %d"
              .formatted(batch.sequenceLength(), config.contextLength()));
    }
  }

  private void restore(Checkpoint checkpoint) {
    if (checkpoint.weightType() != weights.matrixType()) {
      throw new CheckpointException(
          "%s has weights of type %s, not %s; resume with the type that the run began with"
              .formatted(checkpoint.path(), checkpoint.weightType(), weights.matrixType()));
    }
    progress = checkpoint.progress();
    optimizer.restoreRounding(progress.updates);
    data.restore(checkpoint.data());
  }

  private static int @Nullable [] tokenBytes(@Nullable Tokenizer tokenizer) {
    if (tokenizer == null) {
      return null;
    }
    int[] bytes = new int[tokenizer.vocabulary().size()];
    for (int id = 0; id < bytes.length; id++) {
      boolean text = tokenizer.vocabulary().has(id) && !tokenizer.vocabulary().isSpecial(id);
      bytes[id] = text ? tokenizer.tokenBytes(id).length : 0;
    }
    return bytes;
  }

  public RunPlan plan() {
    return plan;
  }

  /** Steps that are done. */
  public long step() {
    return progress.step;
  }

  /**
   * Seconds that a step will take: the derivatives of some batches are computed and thrown away
   * until the time of one has settled, which it does when the JIT has compiled the kernels. The run
   * is not changed by it.
   *
   * @param nanos at most for one sample at a time, then for whole batches, the last of each and the
   *     optimizer aside
   */
  public double probe(long nanos) {
    var position = data.state();
    int size = options.batch().batchSize();
    if (size > 1) {
      settle(1, nanos); // A whole batch may take seconds before anything is compiled.
    }
    double seconds = settle(size, nanos);
    optimizer.zeroGradients();
    data.restore(position);
    return seconds * options.batch().accumulation() + optimizer.probe(backend);
  }

  /**
   * The least seconds of batches of a size, once they have settled or the time is over. That begins
   * after the first of them, much of which may be the interpreter's.
   */
  private double settle(int size, long nanos) {
    double before = Double.POSITIVE_INFINITY;
    double seconds = probeBatches(size);
    if (seconds >= LONG) {
      return seconds;
    }
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < nanos && before / seconds > SETTLED) {
      before = seconds;
      seconds = Math.min(seconds, probeBatches(size));
    }
    return seconds;
  }

  /** The least time of a batch among those that fit a while. */
  private double probeBatches(int size) {
    long begin = System.nanoTime();
    double least = Double.POSITIVE_INFINITY;
    do {
      long start = System.nanoTime();
      data.next(batches[0], size);
      model.learn(batches[0], 0, 0);
      backend.synchronize();
      least = Math.min(least, (System.nanoTime() - start) / 1e9);
    } while (System.nanoTime() - begin < PROBE_NANOS);
    return least;
  }

  /**
   * Trains until the end of the horizon, or until the listener asks to stop. The last state is
   * saved in both cases.
   *
   * @throws DivergedException if too many steps in a row had no finite loss
   * @throws IOException if a checkpoint or the metrics cannot be written
   */
  public RunSummary run() throws IOException {
    long start = System.nanoTime();
    long first = progress.step;
    Path saved = null;
    boolean stopped = false;
    boolean early = false;
    while (true) {
      boolean end = progress.step >= plan.steps();
      stopped = listener.stopRequested();
      if (!stopped) {
        evaluateIfDue(end);
        early = !end && outOfPatience();
        end |= early;
        sampleIfDue(end);
      }
      if (stopped || end || saveDue(first)) {
        saved = save(first, saved);
      }
      if (stopped || end) {
        break;
      }
      advance();
    }
    return new RunSummary(
        progress.step,
        progress.tokens,
        progress.trained,
        stopped,
        progress.lastLoss,
        progress.lastEvaluation(),
        early,
        progress.firstLoss,
        progress.bestLoss,
        progress.bestStep,
        progress.skipped,
        (System.nanoTime() - start) / 1e9,
        saved);
  }

  private void advance() throws IOException {
    long start = System.nanoTime();
    long tokens = 0;
    long trained = 0;
    for (TokenBatch batch : batches) {
      data.next(batch, options.batch().batchSize());
      tokens += batch.rows();
      trained += batch.trained();
    }
    // The mean over all that the step learns, however it is spread over the batches.
    float factor = (float) (1.0 / trained);
    totals.reset();
    for (int i = 0; i < batches.length; i++) {
      totals.addLosses(model.learn(batches[i], factor, seed(i)));
    }
    optimizer.norm(totals);
    double rate = schedule.rate(progress.step);
    boolean spike =
        options.guard().spikeDeviations() > 0 && isSpike(totals.read().losses() / trained);
    if (trained > 0 && !spike) {
      optimizer.update(rate, progress.updates + 1, totals);
    }
    StepTotals.Values values = totals.read();
    double loss = values.losses() / trained;
    double norm = values.norm();
    StepReport.Skipped skipped = StepReport.Skipped.NO;
    if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
      skipped = StepReport.Skipped.NON_FINITE;
    } else if (spike) {
      skipped = StepReport.Skipped.SPIKE;
    }
    if (skipped == StepReport.Skipped.NO) {
      progress.updates++;
    } else {
      progress.skipped++;
    }
    if (Double.isFinite(loss)) {
      // Of spikes, too: if the losses stay up there, they are no spikes any more.
      progress.addLoss(loss, options.guard().spikeWindow());
    }
    progress.nonFinite = skipped == StepReport.Skipped.NON_FINITE ? progress.nonFinite + 1 : 0;
    String diverged = "";
    if (progress.nonFinite > 0 && options.guard().detectAnomaly()) {
      optimizer.zeroGradients();
      diverged = diagnosis.ofStep(loss, norm, rate, batches, factor, this::seed);
    } else if (progress.nonFinite >= options.guard().maxNonFinite()) {
      diverged = diagnosis.ofSteps(loss, norm, rate);
    }
    optimizer.zeroGradients();
    progress.tokens += tokens;
    progress.trained += trained;
    double seconds = (System.nanoTime() - start) / 1e9;
    StepReport report =
        new StepReport(
            progress.step,
            loss,
            rate,
            norm,
            progress.tokens,
            progress.trained,
            seconds,
            tokens / seconds,
            trained / seconds,
            skipped);
    progress.step++;
    progress.lastLoss = Double.isFinite(loss) ? loss : progress.lastLoss;
    if (folder != null) {
      folder.metrics().write(report);
    }
    listener.stepped(report);
    if (!diverged.isEmpty()) {
      throw new DivergedException(diverged);
    }
  }

  /** Another number for each batch of a run, the same whenever the run is repeated. */
  private long seed(int accumulated) {
    long place = progress.step * options.batch().accumulation() + accumulated;
    return new SplittableRandom(options.seed() + place * 0x9E3779B97F4A7C15L).nextLong();
  }

  private boolean isSpike(double loss) {
    GuardOptions guard = options.guard();
    return progress.deviations(loss, guard.spikeWindow()) > guard.spikeDeviations();
  }

  private void evaluateIfDue(boolean end) throws IOException {
    long every = options.evaluation().every();
    boolean due = every > 0 && (end || progress.step % every == 0);
    if (!due || progress.evaluatedAt == progress.step || !data.hasValidation()) {
      return;
    }
    ModelStep.Measurement measurement = measure();
    if (measurement == null) {
      return;
    }
    boolean best = !(measurement.loss() >= progress.bestLoss);
    progress.evaluatedAt = progress.step;
    progress.valLoss = measurement.loss();
    progress.bitsPerByte = measurement.bitsPerByte();
    progress.valTokens = measurement.count();
    if (Double.isNaN(progress.firstLoss)) {
      progress.firstLoss = measurement.loss();
    }
    if (best) {
      progress.bestLoss = measurement.loss();
      progress.bestStep = progress.step;
    }
    progress.worse = best ? 0 : progress.worse + 1;
    EvaluationReport report =
        new EvaluationReport(
            progress.step,
            measurement.loss(),
            measurement.bitsPerByte(),
            measurement.count(),
            best);
    if (folder != null) {
      folder.metrics().write(report);
    }
    listener.evaluated(report);
  }

  private boolean outOfPatience() {
    int patience = options.evaluation().patience();
    return patience > 0 && progress.worse >= patience;
  }

  /** Absent if it was asked to stop meanwhile. */
  private ModelStep.@Nullable Measurement measure() {
    int most = options.evaluation().batches();
    ModelStep.Measurement measurement = new ModelStep.Measurement(tokenBytes);
    for (long i = 0; most == 0 || i < most; i++) {
      if (!data.validation(batches[0], options.batch().batchSize(), i)) {
        break;
      }
      model.measure(batches[0], measurement);
      if (listener.stopRequested()) {
        return null;
      }
    }
    return measurement;
  }

  private void sampleIfDue(boolean end) throws IOException {
    SampleOptions sample = options.sample();
    boolean due =
        sample.every() > 0 && (end || progress.step > 0 && progress.step % sample.every() == 0);
    if (due && tokenizer != null && progress.sampledAt != progress.step) {
      progress.sampledAt = progress.step;
      String text =
          SampleText.write(
              model.model(), backend, tokenizer, sample, options.seed() + progress.step);
      listener.sampled(progress.step, text);
    }
  }

  private boolean saveDue(long first) {
    long every = options.checkpoints().every();
    boolean best =
        options.checkpoints().keepBest()
            && progress.bestStep == progress.step
            && progress.evaluatedAt == progress.step;
    // What early stopping returns to may be the very beginning.
    boolean began = progress.step > first || best && options.evaluation().patience() > 0;
    return began && (best || every > 0 && progress.step % every == 0);
  }

  /** What was read from a checkpoint of this very step is not written again. */
  private @Nullable Path save(long first, @Nullable Path saved) throws IOException {
    RunFolder target = folder;
    if (target == null || (progress.step == first && target.resumed() && saved == null)) {
      return saved;
    }
    Path path = target.save(weights, progress, data.state());
    CheckpointOptions keep = options.checkpoints();
    target
        .checkpoints()
        .prune(progress.step, keep.keep(), keep.keepBest() ? progress.bestStep : -1);
    listener.saved(progress.step, path);
    return path;
  }

  @Override
  public void close() {
    model.close();
    totals.close();
    if (folder != null) {
      try {
        folder.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
