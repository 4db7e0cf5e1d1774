package jllm.train;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a run ended.
 *
 * @param steps done, those of earlier parts of the run included
 * @param tokens read
 * @param trained those of them that were to be predicted
 * @param stopped whether it was asked to stop before its end
 * @param lastLoss of the last step, NaN if there was none
 * @param lastEvaluation the newest measurement, absent if there was none
 * @param early whether it ended early, since measurements became no better
 * @param firstLoss the first validation loss, NaN if there was none
 * @param bestLoss the least validation loss, NaN if there was none
 * @param bestStep of that
 * @param skipped steps that were left out
 * @param seconds of this part of the run
 * @param checkpoint the last one, absent if none was written
 */
public record RunSummary(
    long steps,
    long tokens,
    long trained,
    boolean stopped,
    double lastLoss,
    @Nullable EvaluationReport lastEvaluation,
    boolean early,
    double firstLoss,
    double bestLoss,
    long bestStep,
    long skipped,
    double seconds,
    @Nullable Path checkpoint) {}
