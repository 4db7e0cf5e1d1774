package jllm.cli;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import jllm.format.ModelFormatException;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.ChatTemplates;
import jllm.generate.chat.Conversation;
import jllm.generate.chat.NamedTemplate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm chat-template}: what a conversation looks like to a model. */
@Command(
    name = "chat-template",
    description = "Print a conversation as a model's chat template renders it.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The conversation is a JSON object with messages and, where wanted, tools, documents,",
      "add_generation_prompt, bos_token, eos_token; all other keys are variables of the template.",
      "Standard output is exactly the rendering, without a line break at its end.",
      "",
      "Example: jllm chat-template model.gguf --input chat.json",
      "         echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}' |",
      "           jllm chat-template chatml --input -"
    })
final class ChatTemplateCommand implements Callable<Integer> {
  private final Streams streams;

  @Parameters(
      arity = "1",
      paramLabel = "FILE|MODEL",
      description =
          "A .jinja file, a tokenizer_config.json, a Hugging Face folder, a GGUF file, or one of"
              + " the names chatml, llama2, llama3, mistral, gemma, phi3, zephyr, alpaca, vicuna,"
              + " plain.")
  private String source = "";

  @Option(
      names = "--input",
      paramLabel = "FILE",
      required = true,
      description = "The conversation, - for standard input.")
  private Path input = Path.of("-");

  @Option(
      names = "--template-name",
      paramLabel = "NAME",
      description =
          "Which one, where a model has several; otherwise tool_use if there are tools, else"
              + " default.")
  private @Nullable String name;

  @Option(
      names = "--date",
      paramLabel = "DATE",
      description = "What strftime_now takes for today, as 2026-01-15.")
  private @Nullable LocalDate date;

  @Mixin private final LogOptions logs = new LogOptions();

  ChatTemplateCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    logs.apply();
    // The template first: standard input may be a person who is still writing.
    Path path = Path.of(source);
    Optional<NamedTemplate> named =
        Files.exists(path) ? Optional.empty() : NamedTemplate.of(source);
    ChatTemplates templates = named.isPresent() ? null : ChatTemplates.read(path);
    Conversation conversation = conversation();
    ChatTemplate template =
        templates == null
            ? named.orElseThrow().template(Map.of())
            : template(templates, conversation);
    LocalDate day = date;
    if (day != null) {
      template = template.withClock(day::atStartOfDay);
    }
    streams.out().print(template.render(conversation).text());
    return ExitCode.OK;
  }

  private Conversation conversation() throws IOException {
    if (input.toString().equals("-")) {
      return Conversation.read("standard input", streams.in().readAllBytes());
    }
    if (Files.isDirectory(input)) {
      throw new FileSystemException(input.toString(), null, "is a folder, expected a JSON file");
    }
    return Conversation.read(input.toString(), Files.readAllBytes(input));
  }

  private ChatTemplate template(ChatTemplates templates, Conversation conversation) {
    if (templates.names().isEmpty()) {
      throw new ModelFormatException(templates.absence() + "; take one by name, such as chatml");
    }
    String wanted = name;
    if (wanted == null) {
      return templates.select(conversation.hasTools()).orElseThrow();
    }
    return templates
        .select(wanted)
        .orElseThrow(() ->
            new UsageException(
                "there is no template %s in %s; it has %s"
                    .formatted(wanted, source, String.join(", ", templates.names()))));
  }
}
