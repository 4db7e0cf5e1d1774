package jllm.train;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.model.Batch;
import jllm.model.Transformer;
import jllm.tensor.Activations;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.grad.AnomalyDetector;
import jllm.tensor.grad.AnomalyException;
import jllm.train.data.TokenBatch;
import org.jspecify.annotations.Nullable;

/** Runs batches through the model: with derivatives to learn, without to measure. */
final class ModelStep implements AutoCloseable {
  private final TrainedTensors weights;
  private final Transformer model;
  private final Backend backend;
  private final Exec exec;
  private final Batch batch;
  private final boolean documents;
  private final Activations activations;
  private final float dropout;
  private final float balance;
  private boolean timed;
  private long started;
  private long turned;
  private long ended;

  /**
   * @param rows of the largest batch
   * @param documents whether batches say where documents start
   */
  ModelStep(
      TrainedTensors weights, Backend backend, int rows, boolean documents, TrainOptions options) {
    this.weights = weights;
    this.model = weights.model(backend);
    this.backend = backend;
    this.exec = new Exec(backend);
    this.batch = Batch.whole(rows);
    this.documents = documents;
    this.activations = options.recompute() ? Activations.RECOMPUTED : Activations.STORED;
    this.dropout = (float) options.dropout();
    this.balance = (float) options.balance();
  }

  /**
   * Waits after the forward and after the backward pass, which is not needed otherwise: the times
   * of both are true then.
   */
  void timePhases() {
    timed = true;
  }

  Transformer model() {
    return model;
  }

  /**
   * Adds the derivatives of {@code factor} times the sum of the losses to the gradients. Does not
   * wait for that, unless phases are timed.
   *
   * @return the losses in nats, of each row, until the next call
   */
  Tensor learn(TokenBatch tokens, float factor, long dropoutSeed) {
    started = System.nanoTime();
    fill(tokens);
    batch.dropout(dropout, dropoutSeed).adapterDropout(weights.adapterDropout(), dropoutSeed);
    exec.resetToTrain(weights.parameters(), activations, factor);
    Tensor losses = model.losses(exec, model.hidden(exec, batch), batch);
    if (timed) {
      backend.synchronize();
    }
    turned = System.nanoTime();
    exec.seed(losses, factor);
    Tensor unevenness = model.balanceLoss(exec, batch);
    if (unevenness != null && balance > 0) {
      exec.seed(unevenness, balance * factor * tokens.trained());
    }
    exec.backward();
    if (timed) {
      backend.synchronize();
      ended = System.nanoTime();
    }
    return losses;
  }

  /**
   * Does what {@link #learn} does with a look at each operation.
   *
   * @return the first one that gave a number that is not finite; absent if none did
   */
  @Nullable AnomalyException findAnomaly(TokenBatch tokens, float factor, long dropoutSeed) {
    exec.detector(new AnomalyDetector(backend, weights.parameters()));
    try {
      learn(tokens, factor, dropoutSeed);
      return null;
    } catch (AnomalyException found) {
      return found;
    } finally {
      exec.detector(null);
    }
  }

  /** Bytes held for activations and their derivatives. */
  long activationBytes() {
    return exec.bytes();
  }

  /** That the last {@link #learn} took up to the losses, if phases are timed. */
  double forwardSeconds() {
    return (turned - started) / 1e9;
  }

  /** That it took for the derivatives, if phases are timed. */
  double backwardSeconds() {
    return (ended - turned) / 1e9;
  }

  /** Adds what the model's losses are on a batch to a measurement. */
  void measure(TokenBatch tokens, Measurement into) {
    fill(tokens);
    exec.reset();
    Tensor losses = model.losses(exec, model.hidden(exec, batch), batch);
    into.add(exec.onHost(losses).segment(), tokens);
  }

  private void fill(TokenBatch tokens) {
    batch.fill(tokens.ids(), 0, tokens.rows(), tokens.sequences()).targets(tokens.targets(), 0);
    if (documents) {
      batch.documents(tokens.starts(), 0);
    }
  }

  /** Losses summed up. */
  static final class Measurement {
    private final int @Nullable [] tokenBytes;
    private double sum;
    private long count;
    private double sumOfText;
    private long bytes;

    /**
     * @param tokenBytes of each token, 0 of those that are no text; absent if not known
     */
    Measurement(int @Nullable [] tokenBytes) {
      this.tokenBytes = tokenBytes;
    }

    private void add(MemorySegment losses, TokenBatch tokens) {
      for (int row = 0; row < tokens.rows(); row++) {
        if (tokens.targets()[row] < 0) {
          continue;
        }
        double loss = losses.getAtIndex(ValueLayout.JAVA_FLOAT, row);
        sum += loss;
        count++;
        if (tokenBytes != null) {
          int target = tokens.targets()[row];
          int length = target < tokenBytes.length ? tokenBytes[target] : 0;
          bytes += length;
          sumOfText += length > 0 ? loss : 0;
        }
      }
    }

    long count() {
      return count;
    }

    /** Mean loss of a token in nats. */
    double loss() {
      return sum / count;
    }

    /** Of the text; NaN if its length is not known. */
    double bitsPerByte() {
      return bytes == 0 ? Double.NaN : sumOfText / Math.log(2) / bytes;
    }
  }

  @Override
  public void close() {
    batch.close();
    exec.close();
    model.close();
  }
}
