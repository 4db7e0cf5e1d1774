package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.ModelTokenizer;
import jllm.generate.Session;
import jllm.generate.chat.ChatEncoder;
import jllm.generate.chat.ChatSession;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.ChatTemplates;
import jllm.generate.chat.NamedTemplate;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/** A model that is ready to talk. */
final class ChatModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ChatModel.class.getName());

  private final ModelFile file;
  private final Transformer model;
  private final Session session;
  private final ChatSession chat;

  private ChatModel(ModelFile file, Transformer model, Session session, ChatSession chat) {
    this.file = file;
    this.model = model;
    this.session = session;
    this.chat = chat;
  }

  /**
   * What is the same for all models of a chat.
   *
   * @param tokenizer to take instead of the model's own
   * @param template the name or file of a chat template, absent = the model's own
   */
  record Setup(
      Backend backend,
      @Nullable Path tokenizer,
      @Nullable String template,
      ChatLengthOptions lengths) {}

  /** Opens a model. */
  static ChatModel open(Path path, Setup setup) throws IOException {
    ModelFile file = ModelFiles.open(path);
    Transformer model = null;
    boolean done = false;
    try {
      Tokenizer tokenizer = ModelTokenizer.of(file, setup.tokenizer());
      ChatTemplate template = template(path, tokenizer, setup.template());
      int context = setup.lengths().context(file.config());
      Memory.require(file, setup.backend(), context);
      model = Transformer.of(file.weights(), setup.backend());
      Session session = new Session(model, setup.backend(), context);
      done = true;
      ChatSession chat = new ChatSession(session, new ChatEncoder(template, tokenizer));
      return new ChatModel(file, model, session, chat);
    } finally {
      if (!done) {
        if (model != null) {
          model.close();
        }
        file.close();
      }
    }
  }

  private static ChatTemplate template(Path path, Tokenizer tokenizer, @Nullable String wanted)
      throws IOException {
    ChatTemplates own = ChatTemplates.read(path);
    Map<String, String> special = new HashMap<>();
    special(tokenizer, SpecialIds.Role.BOS, "bos_token", special);
    special(tokenizer, SpecialIds.Role.EOS, "eos_token", special);
    special.putAll(own.specialTokens());
    if (wanted != null) {
      return named(wanted, special);
    }
    Optional<ChatTemplate> template = own.select(false);
    if (template.isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING,
          own.absence()
              + "; the talk is written as \"User: ... Assistant: ...\" (--chat-template names"
              + " another form)");
    }
    return template.orElseGet(() -> NamedTemplate.PLAIN.template(special));
  }

  private static void special(
      Tokenizer tokenizer, SpecialIds.Role role, String name, Map<String, String> into) {
    int id = tokenizer.special().id(role);
    if (id >= 0) {
      into.put(name, tokenizer.vocabulary().text(id));
    }
  }

  private static ChatTemplate named(String wanted, Map<String, String> special) throws IOException {
    Optional<NamedTemplate> named = NamedTemplate.of(wanted);
    if (named.isPresent()) {
      return named.get().template(special);
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
        templates.select(false).orElseThrow(() -> new UsageException(templates.absence()));
    return ChatTemplate.of(template.name(), template.source(), special);
  }

  private static UsageException unknown(String wanted) {
    return new UsageException(
        "--chat-template is '%s', expected a file or one of %s"
            .formatted(wanted, String.join(", ", NamedTemplate.labels())));
  }

  ChatSession chat() {
    return chat;
  }

  Tokenizer tokenizer() {
    return chat.encoder().tokenizer();
  }

  Path path() {
    return file.path();
  }

  /** Such as {@code model.gguf, GGUF 3, 7.2 billion parameters}. */
  String describe() {
    return "%s (%s, %s parameters), template %s, context %,d tokens"
        .formatted(
            file.path().getFileName(),
            file.format(),
            count(file.parameters()),
            chat.encoder().template().name().equals(file.path().toString())
                ? "its own"
                : chat.encoder().template().name(),
            chat.context());
  }

  private static String count(long parameters) {
    return parameters >= 1e9
        ? String.format(java.util.Locale.ROOT, "%.1f billion", parameters / 1e9)
        : String.format(java.util.Locale.ROOT, "%.1f million", parameters / 1e6);
  }

  @Override
  public void close() {
    session.close();
    model.close();
    file.close();
  }
}
