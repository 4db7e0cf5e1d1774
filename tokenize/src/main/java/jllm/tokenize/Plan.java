package jllm.tokenize;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Model;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import org.jspecify.annotations.Nullable;

/**
 * A pipeline as it is run: the same tokens with less work. Spelling bytes in the byte alphabet only
 * for a model to look the spelling up again is left out where both stand side by side.
 */
record Plan(
    @Nullable Normalizer normalizer,
    @Nullable PreTokenizer preTokenizer,
    Model model,
    PostProcessor postProcessor) {

  static Plan of(Pipeline pipeline) {
    PreTokenizer preTokenizer = pipeline.preTokenizer();
    Model model = pipeline.model();
    if (model instanceof Bpe bpe && preTokenizer != null) {
      Model onBytes = bpe.onBytes();
      List<PreTokenizer> steps = new ArrayList<>();
      flatten(preTokenizer, steps);
      if (onBytes != null && isSpelledOnceAtTheEnd(steps)) {
        ByteLevel last = (ByteLevel) steps.removeLast();
        if (last.addPrefixSpace() || last.useRegex()) {
          steps.add(last.withoutSpelling());
        }
        preTokenizer =
            steps.isEmpty()
                ? null
                : steps.size() == 1 ? steps.getFirst() : new PreTokenizerSequence(steps);
        model = onBytes;
      }
    }
    return new Plan(pipeline.normalizer(), preTokenizer, model, pipeline.postProcessor());
  }

  private static void flatten(PreTokenizer preTokenizer, List<PreTokenizer> into) {
    if (preTokenizer instanceof PreTokenizerSequence sequence) {
      for (PreTokenizer p : sequence.preTokenizers()) {
        flatten(p, into);
      }
    } else {
      into.add(preTokenizer);
    }
  }

  private static boolean isSpelledOnceAtTheEnd(List<PreTokenizer> steps) {
    return !steps.isEmpty()
        && steps.getLast() instanceof ByteLevel
        && steps.stream().filter(ByteLevel.class::isInstance).count() == 1;
  }
}
