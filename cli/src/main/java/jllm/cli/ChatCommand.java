package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import jllm.generate.BundledModel;
import jllm.generate.StopReason;
import org.jline.reader.impl.completer.NullCompleter;
import org.jline.terminal.Terminal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jllm chat}: a talk with a model. */
@Command(
    name = "chat",
    description = "Talk with a model.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands of a talk. Without a"
          + " terminal each",
      "line of standard input is a message, and standard output gets the answers alone.",
      "",
      "Example: jllm chat -m model.gguf --system \"You are brief.\"",
      "         jllm chat -m model.gguf -p \"Why is the sky blue?\"",
      "         jllm chat -m model/ --temp 0 < questions.txt > answers.txt",
      "         jllm chat --compare model.gguf notes -p \"Why is the sky blue?\""
    })
final class ChatCommand implements Callable<Integer> {
  private final Streams streams;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description = "Answer this once, and end.")
  private @Nullable String prompt;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "What the model is to be: the system message.")
  private String system = "";

  @Option(
      names = "--chat-template",
      paramLabel = "NAME|FILE",
      description =
          "How a talk is written for the model: chatml, llama2, llama3, mistral, gemma, phi3,"
              + " zephyr, alpaca, vicuna, plain, or a file with a Jinja template. Default: the"
              + " model's own.")
  private @Nullable String template;

  @Option(
      names = "--compare",
      arity = "2",
      paramLabel = "BASE TUNED",
      hideParamSyntax = true,
      description =
          "Let two models answer each message: BASE, and TUNED, which is a model or an adapter of"
              + " BASE. On a terminal of 100 columns or more the answers stand side by side.")
  private List<String> compared = List.of();

  @Mixin private final ModelOptions models = new ModelOptions();
  @Mixin private final LoraOptions lora = new LoraOptions();
  @Mixin private final ChatLengthOptions lengths = new ChatLengthOptions();
  @Mixin private final SamplingOptions sampling = new SamplingOptions();
  @Mixin private final CacheTypeOptions cache = new CacheTypeOptions();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final OffloadOptions offload = new OffloadOptions();
  @Mixin private final LogOptions logs = new LogOptions();

  ChatCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    lengths.check();
    sampling.check();
    cache.check();
    compute.check();
    logs.apply();
    if (prompt != null && prompt.isBlank()) {
      throw new UsageException("--prompt is empty, expected a message");
    }
    if (!compared.isEmpty()) {
      return compare();
    }
    Path path = models.model == null ? BundledModel.path() : models.model;
    try (Devices devices = new Devices(compute, offload)) {
      ChatModel.Setup setup =
          new ChatModel.Setup(devices, models.tokenizer, template, lengths, cache);
      ChatModel model = ChatModel.open(path, lora.arguments(), setup);
      return prompt == null && streams.inIsTerminal() && streams.outIsTerminal()
          ? onTerminal(model, setup)
          : piped(model, setup);
    }
  }

  private int compare() throws IOException {
    if (models.model != null || lora.given()) {
      throw new UsageException(
          "--compare names both models; leave out --model and --lora (BASE ADAPTER compares an"
              + " adapter)");
    }
    boolean onTerminal = streams.inIsTerminal() && streams.outIsTerminal();
    try (Devices devices = new Devices(compute, offload);
        ComparedChat chat =
            ComparedChat.open(
                Path.of(compared.get(0)),
                compared.get(1),
                new ChatModel.Setup(devices, models.tokenizer, template, lengths, cache),
                new ChatSettings(sampling, lengths),
                streams,
                streams.outIsTerminal() ? TerminalWidth.columns() : 0)) {
      chat.setSystem(system);
      if (prompt != null) {
        return chat.ask(prompt) ? ExitCode.OK : ExitCode.INTERRUPTED;
      }
      if (!onTerminal) {
        return chat.run(new PipedLines(streams.in()));
      }
      try (Terminal terminal = ChatTerminal.open()) {
        terminal.handle(Terminal.Signal.INT, _ -> chat.cancel());
        return chat.run(new TerminalLines(terminal, NullCompleter.INSTANCE, null));
      }
    }
  }

  private int piped(ChatModel model, ChatModel.Setup setup) throws IOException {
    Map<String, String> environment = System.getenv();
    boolean colours = ChatTerminal.hasColours(environment.get("TERM"), environment);
    ChatView view = new PipedChatView(streams, logs.quiet, colours);
    ChatSettings settings = new ChatSettings(sampling, lengths);
    try (Chat chat = new Chat(model, setup, settings, view, null)) {
      chat.talk().setSystem(system);
      if (prompt != null) {
        return chat.ask(prompt) == StopReason.CANCELLED ? ExitCode.INTERRUPTED : ExitCode.OK;
      }
      LineSource lines = new PipedLines(streams.in());
      return new Repl(
              chat, lines, ChatFolder.ofUser(), environment, new ErrorReporter(streams), false)
          .run();
    }
  }

  private int onTerminal(ChatModel model, ChatModel.Setup setup) throws IOException {
    try (Terminal terminal = ChatTerminal.open()) {
      return new TerminalChat(terminal, streams, ChatFolder.ofUser(), System.getenv(), logs.quiet)
          .run(model, setup, new ChatSettings(sampling, lengths), system);
    }
  }
}
