package jllm.tokenize.split;

import java.util.List;
import jllm.tokenize.text.Workspace;

/** One pre-tokenizer after the other, each cutting what the one before left. */
public record PreTokenizerSequence(List<PreTokenizer> preTokenizers) implements PreTokenizer {

  public PreTokenizerSequence {
    preTokenizers = List.copyOf(preTokenizers);
  }

  @Override
  public void split(Workspace workspace) {
    for (PreTokenizer preTokenizer : preTokenizers) {
      preTokenizer.split(workspace);
    }
  }
}
