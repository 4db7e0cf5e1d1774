package jllm.tokenize.post;

import java.util.List;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Vocabulary;

/**
 * Special tokens around a text, as a template of a single text and of a pair says. Encoding uses
 * that of a single text; the other is kept for writers.
 *
 * @param single parts in order
 * @param pair parts in order
 */
public record Template(List<Part> single, List<Part> pair) implements PostProcessor {

  /**
   * A part of a template.
   *
   * @param name of the special token, or A or B for a text
   * @param ids of the special token; empty for a text
   * @param tokens the texts of those ids
   * @param typeId segment number
   */
  public record Part(String name, List<Integer> ids, List<String> tokens, int typeId) {

    public Part {
      ids = List.copyOf(ids);
      tokens = List.copyOf(tokens);
    }

    /** Where a text goes. */
    public static Part text(String name, int typeId) {
      return new Part(name, List.of(), List.of(), typeId);
    }

    /** A token of a vocabulary, called as it is spelled. */
    public static Part special(Vocabulary vocabulary, int id, int typeId) {
      String text = vocabulary.text(id);
      return new Part(text, List.of(id), List.of(text), typeId);
    }

    /** Whether this is where a text goes. */
    public boolean isText() {
      return ids.isEmpty();
    }
  }

  public Template {
    single = List.copyOf(single);
    pair = List.copyOf(pair);
  }

  @Override
  public void process(
      TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial) {
    if (!addSpecial) {
      return;
    }
    int at = first;
    boolean before = true;
    for (Part part : single) {
      if (part.isText()) {
        before = false;
        continue;
      }
      for (int id : part.ids()) {
        if (before) {
          tokens.insert(at++, id, 0, 0);
        } else {
          tokens.add(id, 0, 0);
        }
      }
    }
  }
}
