package jllm.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import jllm.tokenize.Tokenizer;
import jllm.train.data.DataState;
import org.jspecify.annotations.Nullable;

/** The folder of a run: its metrics and checkpoints. */
final class RunFolder implements AutoCloseable {
  private final Checkpoints checkpoints;
  private final Metrics metrics;
  private final Map<String, Object> settings;
  private final boolean resumed;
  private final long checkpointBytes;

  private RunFolder(
      Checkpoints checkpoints,
      Metrics metrics,
      Map<String, Object> settings,
      boolean resumed,
      long checkpointBytes) {
    this.checkpoints = checkpoints;
    this.metrics = metrics;
    this.settings = settings;
    this.resumed = resumed;
    this.checkpointBytes = checkpointBytes;
  }

  /**
   * Makes or continues the folder of a run.
   *
   * @throws SettingsException if a new run would overwrite another
   * @throws IOException if it cannot be written, or the disk is too full for a checkpoint
   */
  static RunFolder open(
      Path run,
      @Nullable Tokenizer tokenizer,
      Map<String, Object> settings,
      @Nullable Checkpoint checkpoint,
      long checkpointBytes)
      throws IOException {
    if (checkpoint == null && Checkpoints.exist(run)) {
      throw new SettingsException(
          run + " holds the checkpoints of a run; resume it, or name another folder");
    }
    Files.createDirectories(run);
    Checkpoints checkpoints = new Checkpoints(run, tokenizer);
    checkpoints.prepare();
    checkpoints.checkRoom(checkpointBytes);
    // Those of a checkpoint from elsewhere are not here: the folder has metrics of its own then.
    boolean own = checkpoint != null && checkpoints.hold(checkpoint.path());
    Metrics metrics =
        Metrics.open(run, own && checkpoint != null ? checkpoint.metrics() : Metrics.Offsets.START);
    return new RunFolder(checkpoints, metrics, settings, own, checkpointBytes);
  }

  Metrics metrics() {
    return metrics;
  }

  Checkpoints checkpoints() {
    return checkpoints;
  }

  /** Whether it holds the checkpoint that the run goes on from. */
  boolean resumed() {
    return resumed;
  }

  Path save(TrainedTensors weights, Progress progress, DataState data) throws IOException {
    checkpoints.checkRoom(checkpointBytes);
    return checkpoints.save(
        weights, new Checkpoints.Contents(progress, data, metrics.force(), settings));
  }

  @Override
  public void close() throws IOException {
    metrics.close();
  }
}
