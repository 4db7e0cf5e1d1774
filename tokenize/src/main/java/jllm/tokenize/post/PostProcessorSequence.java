package jllm.tokenize.post;

import java.util.List;
import jllm.tokenize.TokenBuffer;

/**
 * One post-processor after the other. Templates come last: what follows them works on each part of
 * what they put together by itself.
 */
public record PostProcessorSequence(List<PostProcessor> processors) implements PostProcessor {

  public PostProcessorSequence {
    processors = List.copyOf(processors);
  }

  @Override
  public void process(
      TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial) {
    for (PostProcessor processor : processors) {
      if (!(processor instanceof Template)) {
        processor.process(tokens, first, text, from, to, addSpecial);
      }
    }
    for (PostProcessor processor : processors) {
      if (processor instanceof Template) {
        processor.process(tokens, first, text, from, to, addSpecial);
      }
    }
  }
}
