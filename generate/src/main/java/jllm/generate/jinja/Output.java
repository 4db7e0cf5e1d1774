package jllm.generate.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import jllm.generate.jinja.Rendering.Span;

/** The text that is being rendered: that of the template, and those of blocks that are captured. */
final class Output {
  private final Deque<StringBuilder> texts = new ArrayDeque<>(List.of(new StringBuilder()));
  private final List<Span> generated = new ArrayList<>();
  private long written;

  void write(String text) {
    texts.element().append(text);
    written += text.length();
    if (written > Strings.LONGEST) {
      throw new TemplateException(
          "the rendering is longer than " + Strings.LONGEST + " characters");
    }
  }

  /** What comes now is kept until {@link #captured}. */
  void capture() {
    texts.push(new StringBuilder());
  }

  String captured() {
    return texts.pop().toString();
  }

  /** Writes what an assistant wrote. Inside of captured text its place is not known. */
  void writeGenerated(String text) {
    if (texts.size() == 1) {
      int start = texts.element().length();
      generated.add(new Span(start, start + text.length()));
    }
    write(text);
  }

  Rendering rendering() {
    return new Rendering(texts.element().toString(), List.copyOf(generated));
  }
}
