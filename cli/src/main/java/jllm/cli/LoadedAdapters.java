package jllm.cli;

import java.util.List;
import jllm.format.lora.ScaledAdapter;

/** Adapters that were opened for a model; closed with this. */
record LoadedAdapters(List<ScaledAdapter> all) implements AutoCloseable {

  @Override
  public void close() {
    all.forEach(adapter -> adapter.adapter().close());
  }
}
