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

  /**
   * Tells how the next token was chosen, before its text comes; called only if {@link
   * GenerationOptions#alternatives} asks for it, also for a token that ends the text.
   *
   * @throws IOException ends the generation
   */
  default void chosen(Choice choice) throws IOException {}
}
