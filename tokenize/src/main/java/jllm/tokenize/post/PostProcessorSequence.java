package jllm.tokenize.post;

import java.util.List;
import jllm.tokenize.TokenBuffer;

/** One post-processor after the other. */
public record PostProcessorSequence(List<PostProcessor> processors) implements PostProcessor {

  public PostProcessorSequence {
    processors = List.copyOf(processors);
  }

  @Override
  public void process(
      TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial) {
    for (PostProcessor processor : processors) {
      processor.process(tokens, first, text, from, to, addSpecial);
    }
  }
}
