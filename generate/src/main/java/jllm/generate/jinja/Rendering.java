package jllm.generate.jinja;

import java.util.List;

/**
 * What a template made of its variables.
 *
 * @param generated the places of {@code generation} blocks in the text, in order
 */
public record Rendering(String text, List<Span> generated) {

  /**
   * A part of a text, in chars (UTF-16).
   *
   * @param end exclusive
   */
  public record Span(int start, int end) {}
}
