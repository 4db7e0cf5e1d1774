package jllm.generate;

import java.io.IOException;

/** Takes a text as it is generated. */
@FunctionalInterface
public interface TextSink {
  /**
   * @param text whole characters, at least one
   * @throws IOException ends the generation
   */
  void accept(String text) throws IOException;
}
