package jllm.train;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import jllm.tensor.Backend;
import jllm.tensor.Tensor;
import jllm.tokenize.Tokenizer;
import jllm.train.data.DataState;
import jllm.train.data.TrainingData;
import org.jspecify.annotations.Nullable;

/**
 * Proves for a run that it can be interrupted: its first steps at one go, and the same steps with a
 * checkpoint written and read in the middle, give the same weights, moments and losses to the last
 * bit.
 */
public final class ResumeProof {
  private final Backend backend;
  private final Supplier<TrainedWeights> first;
  private final TrainingData data;
  private final @Nullable Tokenizer tokenizer;
  private final TrainOptions options;

  /**
   * @param first makes the weights that the run begins with
   * @param options of the run
   */
  public ResumeProof(
      Backend backend,
      Supplier<TrainedWeights> first,
      TrainingData data,
      @Nullable Tokenizer tokenizer,
      TrainOptions options) {
    this.backend = backend;
    this.first = first;
    this.data = data;
    this.tokenizer = tokenizer;
    this.options =
        options
            .withEvaluation(EvaluationOptions.NEVER)
            .withSample(SampleOptions.NEVER)
            .withCheckpoints(CheckpointOptions.AT_END);
  }

  /**
   * Runs the first steps in both ways. The position in the data is afterwards where it was.
   *
   * @param folder for the checkpoint in the middle; must not hold a run
   * @param steps even number of steps
   * @return what differs, in words; empty if nothing does
   */
  public List<String> run(Path folder, int steps) throws IOException {
    DataState begin = data.state();
    Log straight = new Log(steps);
    Log parts = new Log(steps / 2);
    try (TrainedWeights expected = first.get()) {
      run(expected, null, straight, null);
      data.restore(begin);
      try (TrainedWeights half = first.get()) {
        run(half, folder, parts, null);
      }
      Checkpoint checkpoint = Checkpoints.find(folder);
      parts.stopAfter = steps;
      try (TrainedWeights found = checkpoint.weights(backend)) {
        run(found, folder, parts, checkpoint);
        return differences(expected, found, straight.losses, parts.losses);
      }
    } finally {
      data.restore(begin);
    }
  }

  private void run(
      TrainedWeights weights, @Nullable Path folder, Log log, @Nullable Checkpoint checkpoint)
      throws IOException {
    try (Trainer trainer =
        new Trainer(
            backend, weights, data, tokenizer, options, folder, Map.of(), log, checkpoint)) {
      trainer.run();
    }
  }

  private static List<String> differences(
      TrainedWeights expected, TrainedWeights found, List<Double> straight, List<Double> parts) {
    List<String> differences = new ArrayList<>();
    if (!straight.equals(parts)) {
      differences.add("the losses: " + straight + " at one go, " + parts + " with a stop");
    }
    for (int i = 0; i < expected.groups().size(); i++) {
      TrainedWeights.Group a = expected.groups().get(i);
      TrainedWeights.Group b = found.groups().get(i);
      String of = a.matrices() ? " of matrices" : " of vectors";
      add(differences, "weights" + of, mismatch(expected, a.master(), found, b.master()));
      add(
          differences,
          "first moments" + of,
          mismatch(expected, a.firstMoment(), found, b.firstMoment()));
      add(
          differences,
          "second moments" + of,
          mismatch(expected, a.secondMoment(), found, b.secondMoment()));
    }
    return differences;
  }

  private static long mismatch(TrainedWeights ofA, Tensor a, TrainedWeights ofB, Tensor b) {
    try (Arena arena = Arena.ofConfined()) {
      return ofA.onHost(a, arena).segment().mismatch(ofB.onHost(b, arena).segment());
    }
  }

  private static void add(List<String> differences, String what, long mismatch) {
    if (mismatch >= 0) {
      differences.add("the " + what + ", from element " + mismatch / Float.BYTES + " on");
    }
  }

  private static final class Log implements TrainListener {
    private final List<Double> losses = new ArrayList<>();
    private int stopAfter;

    Log(int stopAfter) {
      this.stopAfter = stopAfter;
    }

    @Override
    public void stepped(StepReport report) {
      losses.add(report.loss());
    }

    @Override
    public boolean stopRequested() {
      return losses.size() >= stopAfter;
    }
  }
}
