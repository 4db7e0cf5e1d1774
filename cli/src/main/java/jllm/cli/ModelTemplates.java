package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import jllm.generate.BundledModel;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.ChatTemplates;
import jllm.generate.chat.NamedTemplate;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * How a model's conversations are written: as was wished, by its own template, or in a plain frame.
 *
 * @param model its file or folder
 * @param own those of the model
 * @param wished the name or file of another one, absent = the model's own
 * @param special texts of the model's special tokens by their Hugging Face names
 */
record ModelTemplates(
    Path model, ChatTemplates own, @Nullable String wished, Map<String, String> special) {
  private static final System.Logger LOG = System.getLogger(ModelTemplates.class.getName());

  static ModelTemplates of(Path model, Tokenizer tokenizer, @Nullable String wished)
      throws IOException {
    ChatTemplates own = ChatTemplates.read(model);
    Map<String, String> special = new HashMap<>();
    special(tokenizer, SpecialIds.Role.BOS, "bos_token", special);
    special(tokenizer, SpecialIds.Role.EOS, "eos_token", special);
    special.putAll(own.specialTokens());
    return new ModelTemplates(model, own, wished, special);
  }

  private static void special(
      Tokenizer tokenizer, SpecialIds.Role role, String name, Map<String, String> into) {
    int id = tokenizer.special().id(role);
    if (id >= 0) {
      into.put(name, tokenizer.vocabulary().text(id));
    }
  }

  /** Whether there is neither a wish nor a template of the model's own. */
  boolean isPlain() {
    return wished == null && own.names().isEmpty();
  }

  /**
   * The template of conversations.
   *
   * @param consequence warned of if the model has none, and the plain frame is taken
   */
  ChatTemplate select(String consequence) throws IOException {
    if (isPlain()) {
      LOG.log(
          System.Logger.Level.WARNING,
          (BundledModel.isBundled(model)
                  ? "the bundled model was not trained to answer: it goes on with what is said, in"
                      + " the manner of Shakespeare"
                  : own.absence())
              + "; "
              + consequence);
    }
    return select(false);
  }

  /**
   * The template of conversations.
   *
   * @param tools whether they have tools, for which some models have another one
   */
  ChatTemplate select(boolean tools) throws IOException {
    if (wished != null) {
      return named(wished, tools);
    }
    return own.select(tools).orElseGet(() -> NamedTemplate.PLAIN.template(special));
  }

  private ChatTemplate named(String wanted, boolean tools) throws IOException {
    NamedTemplate named = NamedTemplate.of(wanted).orElse(null);
    if (named != null) {
      return named.template(special);
    }
    Path path;
    try {
      path = Path.of(wanted);
    } catch (InvalidPathException e) {
      throw unknown(wanted);
    }
    if (!Files.exists(path)) {
      throw unknown(wanted);
    }
    ChatTemplates templates = ChatTemplates.read(path);
    ChatTemplate template =
        templates.select(tools).orElseThrow(() -> new UsageException(templates.absence()));
    return ChatTemplate.of(template.name(), template.source(), special);
  }

  private static UsageException unknown(String wanted) {
    return new UsageException(
        "--chat-template is '%s', expected a file or one of %s"
            .formatted(wanted, String.join(", ", NamedTemplate.labels())));
  }
}
