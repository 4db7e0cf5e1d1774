package jllm.tokenize;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Model;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.SplitterPreTokenizer;
import jllm.tokenize.split.WordStartSplitter;
import org.jspecify.annotations.Nullable;

/**
 * A pipeline as it is run: the same tokens with less work. Spelling bytes in the byte alphabet only
 * for a model to look the spelling up again is left out where both stand side by side, and
 * expressions are run by scanners.
 */
record Plan(
    @Nullable Normalizer normalizer,
    @Nullable PreTokenizer preTokenizer,
    Model model,
    PostProcessor postProcessor) {

  private static final String SPACE = "\u2581";

  static Plan of(Pipeline pipeline) {
    List<PreTokenizer> steps = new ArrayList<>();
    if (pipeline.preTokenizer() != null) {
      flatten(pipeline.preTokenizer(), steps);
    }
    Model model = pipeline.model();
    if (model instanceof Bpe bpe && isSpelledOnceAtTheEnd(steps)) {
      Model onBytes = bpe.onBytes();
      if (onBytes != null) {
        ByteLevel last = (ByteLevel) steps.removeLast();
        if (last.addPrefixSpace() || last.useRegex()) {
          steps.add(last.withoutSpelling());
        }
        model = onBytes;
      }
    } else if (steps.isEmpty() && mergesWithinWords(model)) {
      steps.add(new SplitterPreTokenizer(new WordStartSplitter(SPACE.codePointAt(0))));
    }
    steps = Patterns.withScanners(steps);
    PreTokenizer all =
        steps.isEmpty()
            ? null
            : steps.size() == 1 ? steps.getFirst() : new PreTokenizerSequence(steps);
    return new Plan(pipeline.normalizer(), all, model, pipeline.postProcessor());
  }

  /** Whether a text may be cut into words first, which repeat where texts do not. */
  private static boolean mergesWithinWords(Model model) {
    return model instanceof SpmBpe spm && spm.onlyBegins(SPACE)
        || model instanceof Bpe bpe && bpe.onlyBegins(SPACE);
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
