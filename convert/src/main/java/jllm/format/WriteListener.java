package jllm.format;

import java.io.IOException;

/** Is told how much of a model is written, from the thread that writes. */
@FunctionalInterface
public interface WriteListener {
  /** Nobody listens. */
  WriteListener NONE = _ -> {};

  /**
   * More bytes are written.
   *
   * @throws IOException to give up
   */
  void onBytes(long bytes) throws IOException;
}
