package jllm.tensor.cpu;

import jllm.tensor.AttentionSpec;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;

/** Attention over a key/value cache: single queries row by row, many in tiles. */
final class Attention implements AutoCloseable {
  /** Queries of a key head from which tiles, of which they fill a part only, are faster. */
  private static final int WORTH_TILES = 12;

  private final AttentionCall call = new AttentionCall();
  private final RowAttention rows;
  private final TiledAttention tiles;

  Attention(Workers workers) {
    rows = new RowAttention(workers, call);
    tiles = new TiledAttention(workers, call);
  }

  /** See {@link jllm.tensor.Backend#attention}. */
  void run(Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    call.set(out, q, k, v, spec, sequences, past);
    if (call.steps == 0) {
      return;
    }
    if (call.steps == 1 || call.steps * spec.groupSize() < WORTH_TILES) {
      rows.run();
    } else {
      tiles.run();
    }
  }

  /** See {@link jllm.tensor.TrainingKernels#attention}. */
  void run(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    call.set(out, lse, q, k, v, attention);
    if (call.steps > 0) {
      tiles.run();
    }
  }

  @Override
  public void close() {
    rows.close();
    tiles.close();
  }
}
