package jllm.generate.chat;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Templates of real models and their renderings by the reference, which are no part of the project.
 */
final class ChatFixtures {
  private ChatFixtures() {}

  /** A conversation for a template, and the text or the error that the reference gives. */
  record Case(
      String name, ChatTemplate template, Conversation chat, String expected, boolean fails) {}

  private static Path path(String name) {
    String home = System.getenv("JLLM_FIXTURES");
    Path file =
        Path.of(home != null ? home : "../../shared/fixtures", "chat-templates").resolve(name);
    if (!Files.exists(file)) {
      System.out.println("skipped: there is no fixture " + file);
      assumeTrue(false, "no fixture " + name);
    }
    return file;
  }

  private static ChatTemplate template(String name, String source) {
    return ChatTemplate.of(name, source, Map.of())
        .withClock(LocalDate.of(2026, 1, 15)::atStartOfDay);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, @Nullable Object> map(@Nullable Object value) {
    return (Map<String, @Nullable Object>) java.util.Objects.requireNonNull(value);
  }

  static List<Case> templates() throws IOException {
    Path file = path("expected.json");
    Map<String, @Nullable Object> json = ChatJson.object(file.toString(), Files.readAllBytes(file));
    List<Case> cases = new ArrayList<>();
    for (var entry : map(json.get("templates")).entrySet()) {
      String source = Files.readString(path(entry.getKey() + ".jinja"));
      for (Object element : (List<?>) java.util.Objects.requireNonNull(entry.getValue())) {
        Map<String, @Nullable Object> expected = map(element);
        Map<String, @Nullable Object> variables = new LinkedHashMap<>();
        variables.put(
            "messages", map(json.get("conversations")).get(String.valueOf(expected.get("case"))));
        variables.put("add_generation_prompt", expected.get("add_generation_prompt"));
        variables.put(
            "tools", Boolean.TRUE.equals(expected.get("tools")) ? json.get("tools") : null);
        variables.put("bos_token", "<s>");
        variables.put("eos_token", "</s>");
        cases.add(of(entry.getKey() + " " + expected.get("case"), source, variables, expected));
      }
    }
    return cases;
  }

  static List<Case> probes() throws IOException {
    Path file = path("jinja-probes.json");
    String wrapped = "{\"probes\": " + Files.readString(file) + "}";
    Map<String, @Nullable Object> json =
        ChatJson.object(file.toString(), wrapped.getBytes(StandardCharsets.UTF_8));
    List<Case> cases = new ArrayList<>();
    for (Object element : (List<?>) java.util.Objects.requireNonNull(json.get("probes"))) {
      Map<String, @Nullable Object> probe = map(element);
      cases.add(
          of(
              String.valueOf(probe.get("name")),
              String.valueOf(probe.get("template")),
              map(probe.get("ctx")),
              probe));
    }
    return cases;
  }

  @SuppressWarnings("NullAway") // it does not see annotations inside of types of compiled records
  private static Case of(
      String name,
      String source,
      Map<String, @Nullable Object> variables,
      Map<String, @Nullable Object> expected) {
    boolean fails = expected.get("error") != null;
    // This one was rendered on another day.
    LocalDate day = name.equals("strftime") ? LocalDate.of(2024, 7, 26) : LocalDate.of(2026, 1, 15);
    Map<String, @Nullable Object> rest = new LinkedHashMap<>(variables);
    List<Message> messages = new ArrayList<>();
    for (Object message : (List<?>) java.util.Objects.requireNonNull(rest.remove("messages"))) {
      messages.add(new Message(map(message)));
    }
    boolean prompt = Boolean.TRUE.equals(rest.remove("add_generation_prompt"));
    return new Case(
        name,
        template(name, source).withClock(day::atStartOfDay),
        new Conversation(messages, prompt, rest),
        String.valueOf(expected.get(fails ? "error" : "expected")),
        fails);
  }
}
