package jllm.cli;

import java.util.List;
import jllm.format.ModelFile;
import jllm.model.CacheTypes;
import jllm.tensor.Backend;

/** Decides what computes a model when it is known which one. */
interface Placement {

  /** The same backend for all models. */
  static Placement always(Backend backend) {
    return new Placement() {
      @Override
      public Backend main() {
        return backend;
      }

      @Override
      public Backend of(List<ModelFile> models, int context, int sequences, CacheTypes types) {
        return backend;
      }
    };
  }

  /** What computes most of what fits. */
  Backend main();

  /**
   * What computes some models; it stays open as long as what it was taken from.
   *
   * @param context positions of a cache
   * @param sequences of each model, which have a cache each
   * @throws ResourceException if there is no room for what is asked
   */
  Backend of(List<ModelFile> models, int context, int sequences, CacheTypes types);
}
