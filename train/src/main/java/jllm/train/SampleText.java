package jllm.train;

import java.io.IOException;
import java.util.List;
import jllm.generate.GenerationOptions;
import jllm.generate.Generator;
import jllm.generate.SamplingSettings;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.Sharder;

/** Lets a model write a text, to see what it has learned. */
final class SampleText {
  private SampleText() {}

  /**
   * @return the prompt and what follows
   */
  static String write(
      Transformer model, Backend backend, Tokenizer tokenizer, SampleOptions options, long seed)
      throws IOException {
    int context = model.config().contextLength();
    int[] prompt = prompt(tokenizer, options.prompt(), context);
    StringBuilder text = new StringBuilder(options.prompt());
    GenerationOptions how =
        new GenerationOptions(
            options.tokens(),
            List.of(),
            false,
            new SamplingSettings(options.temperature(), 0, 1, 0, 1, 0, seed));
    int positions = (int) Math.min(context, (long) prompt.length + options.tokens());
    try (Generator generator = new Generator(model, backend, positions)) {
      generator.generate(prompt, how, tokenizer, text::append);
    }
    return text.toString();
  }

  /** Without a prompt, what stands in front of a document; a line feed where nothing does. */
  private static int[] prompt(Tokenizer tokenizer, String text, int context) {
    int[] tokens =
        text.isEmpty() ? new int[0] : tokenizer.encode(text, new EncodeOptions(false, true));
    if (tokens.length > 0) {
      int kept = Math.min(tokens.length, Math.max(1, context - 1));
      return java.util.Arrays.copyOfRange(tokens, tokens.length - kept, tokens.length);
    }
    int separator = Sharder.usualSeparator(tokenizer);
    int bos = tokenizer.special().bos();
    if (separator >= 0 || bos >= 0) {
      return new int[] {separator >= 0 ? separator : bos};
    }
    int[] line = tokenizer.encode("\n");
    return line.length > 0 ? new int[] {line[0]} : new int[] {0};
  }
}
