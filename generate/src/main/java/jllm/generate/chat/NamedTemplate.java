package jllm.generate.chat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Templates by name, for models that carry none. */
public enum NamedTemplate {
  CHATML("<|im_end|>"),
  LLAMA2("</s>"),
  LLAMA3("<|eot_id|>"),
  MISTRAL("</s>"),
  GEMMA("<end_of_turn>"),
  PHI3("<|end|>"),
  ZEPHYR("</s>"),
  ALPACA("### Instruction:"),
  VICUNA("USER:", "</s>"),
  /** For base models: no special tokens, the names of the speakers alone. */
  PLAIN("\nUser:");

  private final List<String> stops;

  NamedTemplate(String... stops) {
    this.stops = List.of(stops);
  }

  /** The template of a name, absent if there is none. */
  public static Optional<NamedTemplate> of(String name) {
    return Arrays.stream(values())
        .filter(template -> template.label().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst();
  }

  /** The names of all. */
  public static List<String> labels() {
    return Arrays.stream(values()).map(NamedTemplate::label).toList();
  }

  /** The name that people give. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The template.
   *
   * @param specialTokens of the model, such as {@code bos_token} and its text
   */
  public ChatTemplate template(Map<String, String> specialTokens) {
    String resource = label() + ".jinja";
    try (InputStream in = NamedTemplate.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + resource);
      }
      String source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return ChatTemplate.of(label(), source, specialTokens, stops);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
