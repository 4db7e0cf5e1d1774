package jllm.train;

import java.nio.file.Path;

/** Is told how a run goes on, on the thread that trains, and may ask it to stop. */
public interface TrainListener {

  /** Does nothing. */
  TrainListener NONE = new TrainListener() {};

  /** A step is done. */
  default void stepped(StepReport report) {}

  /** The model was measured. */
  default void evaluated(EvaluationReport report) {}

  /** The model wrote a text before a step. */
  default void sampled(long step, String text) {}

  /** A checkpoint is complete. */
  default void saved(long step, Path checkpoint) {}

  /**
   * Whether to stop after the current step; a checkpoint is written then. Asked between steps and,
   * so that a long evaluation can be left, between its batches.
   */
  default boolean stopRequested() {
    return false;
  }
}
