package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.generate.chat.ChatTemplate;
import jllm.tokenize.Tokenizer;
import jllm.train.sample.LongSamples;
import jllm.train.sample.SampleEncoder;
import jllm.train.sample.SampleEncoding;
import jllm.train.sample.SampleKeys;
import jllm.train.sample.SampleReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How samples are read, and written for a model. */
final class SampleFormatOptions {

  @Option(
      names = "--chat-template",
      paramLabel = "NAME|FILE",
      description =
          "Samples: write conversations in this form instead of the model's own: a .jinja file, or"
              + " chatml, llama3, ... (see chat-template). Prompts with completions, otherwise"
              + " joined as they are, become a message and its answer.")
  private @Nullable String template;

  @Option(
      names = "--train-on-prompt",
      description =
          "Samples: learn all tokens, not only those of answers and completions. (mlx-lm does this"
              + " unless it is told --mask-prompt; here masked prompts are the usual.)")
  private boolean trainOnPrompt;

  @Option(
      names = "--long-samples",
      paramLabel = "WHAT",
      description =
          "Samples longer than --max-seq-length: truncate, drop or error. Default: truncate.")
  private @Nullable LongSamples whenLong;

  @Option(
      names = {"--messages-key", "--chat-feature"},
      paramLabel = "NAME",
      description =
          "Samples: the field with the list of messages. Default: messages or conversations.")
  private @Nullable String messages;

  @Option(
      names = {"--prompt-key", "--prompt-feature"},
      paramLabel = "NAME",
      description = "Samples: the field with the prompt of a completion. Default: prompt.")
  private @Nullable String prompt;

  @Option(
      names = {"--completion-key", "--completion-feature"},
      paramLabel = "NAME",
      description = "Samples: the field with the completion. Default: completion.")
  private @Nullable String completion;

  @Option(
      names = {"--text-key", "--text-feature"},
      paramLabel = "NAME",
      description = "Samples: the field with a text to learn whole. Default: text.")
  private @Nullable String text;

  /** What becomes of samples that are too long. */
  LongSamples whenLong() {
    return whenLong == null ? LongSamples.TRUNCATE : whenLong;
  }

  /** Names of the options that were given. */
  List<String> given() {
    Map<String, Boolean> given = new LinkedHashMap<>();
    given.put("--chat-template", template != null);
    given.put("--train-on-prompt", trainOnPrompt);
    given.put("--long-samples", whenLong != null);
    given.put("--messages-key", messages != null);
    given.put("--prompt-key", prompt != null);
    given.put("--completion-key", completion != null);
    given.put("--text-key", text != null);
    return given.keySet().stream().filter(name -> Boolean.TRUE.equals(given.get(name))).toList();
  }

  /**
   * A reader of samples for a model.
   *
   * @throws IOException if a template cannot be read
   */
  SampleReader reader(Path model, Tokenizer tokenizer) throws IOException {
    int kinds = (messages == null ? 0 : 1) + (text == null ? 0 : 1);
    kinds += prompt == null && completion == null ? 0 : 1;
    if (kinds > 1) {
      throw new UsageException(
          "--messages-key, --prompt-key with --completion-key, and --text-key name fields of"
              + " different formats; choose one");
    }
    ModelTemplates templates = ModelTemplates.of(model, tokenizer, template);
    ChatTemplate usual =
        templates.select(
            "conversations are written as \"User: ... Assistant: ...\" (--chat-template names"
                + " another form)");
    ChatTemplate forTools = templates.select(true);
    return new SampleReader(
        new SampleKeys(messages, prompt, completion, text),
        new SampleEncoder(
            tokenizer,
            tools -> tools ? forTools : usual,
            new SampleEncoding(trainOnPrompt, template != null)));
  }
}
