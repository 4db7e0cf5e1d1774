package jllm.train.data;

import java.util.List;

/**
 * Where a run is in its data: all that the next batch depends on besides the options.
 *
 * @param taken sequences (in the order of the files: batches) taken from each source
 */
public record DataState(List<Long> taken) {
  public DataState {
    taken = List.copyOf(taken);
  }
}
