package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.BundledModel;
import jllm.generate.ModelTokenizer;
import jllm.generate.Session;
import jllm.generate.chat.ChatEncoder;
import jllm.generate.chat.ChatSession;
import jllm.generate.chat.ChatTemplate;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/** A model that is ready to talk. */
final class ChatModel implements AutoCloseable {
  private final ModelFile file;
  private final Setup setup;
  private final ChatEncoder encoder;
  private volatile Ready ready;

  /** The model in memory, and the talk that goes through it. */
  private record Ready(
      List<AdapterArgument> arguments,
      LoadedAdapters adapters,
      Transformer model,
      Session session,
      ChatSession chat)
      implements AutoCloseable {
    @Override
    public void close() {
      session.close();
      model.close();
      adapters.close();
    }
  }

  private ChatModel(ModelFile file, Setup setup, ChatEncoder encoder, Ready ready) {
    this.file = file;
    this.setup = setup;
    this.encoder = encoder;
    this.ready = ready;
  }

  /**
   * What is the same for all models of a chat.
   *
   * @param placement decides what computes each
   * @param tokenizer to take instead of the model's own
   * @param template the name or file of a chat template, absent = the model's own
   * @param cache types of the cache
   */
  record Setup(
      Placement placement,
      @Nullable Path tokenizer,
      @Nullable String template,
      ChatLengthOptions lengths,
      CacheTypeOptions cache) {}

  /** Opens a model, changed by adapters. */
  static ChatModel open(Path path, List<AdapterArgument> adapters, Setup setup) throws IOException {
    ModelFile file = ModelFiles.open(path);
    boolean done = false;
    try {
      Tokenizer tokenizer = ModelTokenizer.of(file, setup.tokenizer());
      ChatTemplate template =
          ModelTemplates.of(path, tokenizer, setup.template())
              .select(
                  "the talk is written as \"User: ... Assistant: ...\" (--chat-template names"
                      + " another form)");
      ChatEncoder encoder = new ChatEncoder(template, tokenizer);
      ChatModel model = new ChatModel(file, setup, encoder, load(file, setup, encoder, adapters));
      done = true;
      return model;
    } finally {
      if (!done) {
        file.close();
      }
    }
  }

  private static Ready load(
      ModelFile file, Setup setup, ChatEncoder encoder, List<AdapterArgument> arguments)
      throws IOException {
    int context = setup.lengths().context(file.config());
    CacheTypes types = setup.cache().types(file.config(), setup.placement().main());
    Backend backend = setup.placement().of(List.of(file), context, 1, types);
    Memory.require(file, backend, context, 1, types);
    LoadedAdapters adapters = AdapterArgument.load(arguments, 1, file);
    Transformer model = null;
    boolean done = false;
    try {
      model = Transformer.of(file.weights(), backend, adapters.all());
      Session session = new Session(model, backend, context, types);
      done = true;
      return new Ready(arguments, adapters, model, session, new ChatSession(session, encoder));
    } finally {
      if (!done) {
        if (model != null) {
          model.close();
        }
        adapters.close();
      }
    }
  }

  /** Goes on with other adapters, with the same talk; those before stay if these do not open. */
  void adapt(List<AdapterArgument> adapters) throws IOException {
    Ready before = ready;
    Ready next = load(file, setup, encoder, adapters);
    next.chat.restore(before.chat.messages());
    ready = next;
    before.close();
  }

  ChatSession chat() {
    return ready.chat;
  }

  Tokenizer tokenizer() {
    return encoder.tokenizer();
  }

  Path path() {
    return file.path();
  }

  /** What changes the model. */
  List<AdapterArgument> adapters() {
    return ready.arguments;
  }

  /** Such as {@code model.gguf, GGUF 3, 7.2 billion parameters}. */
  String describe() {
    return "%s%s (%s, %s parameters), template %s, context %,d tokens"
        .formatted(
            BundledModel.isBundled(file.path()) ? "the bundled model" : file.path().getFileName(),
            adapters().isEmpty()
                ? ""
                : adapters().stream()
                    .map(AdapterArgument::toString)
                    .collect(Collectors.joining(", ", " with ", "")),
            file.format(),
            count(file.parameters()),
            encoder.template().name().equals(file.path().toString())
                ? "its own"
                : encoder.template().name(),
            chat().context());
  }

  private static String count(long parameters) {
    return parameters >= 1e9
        ? String.format(java.util.Locale.ROOT, "%.1f billion", parameters / 1e9)
        : String.format(java.util.Locale.ROOT, "%.1f million", parameters / 1e6);
  }

  @Override
  public void close() {
    ready.close();
    file.close();
  }
}
