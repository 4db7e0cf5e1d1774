package jllm.train.sample;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import jllm.format.ModelFormatException;
import jllm.generate.chat.ChatJson;
import jllm.generate.chat.Conversation;
import jllm.generate.chat.Message;
import jllm.train.DataException;
import org.jspecify.annotations.Nullable;

/** Tells the formats of records apart, by the fields that they have, and makes samples of them. */
final class SampleParser {
  private static final List<String> TALKS = List.of("messages", "conversations", "conversation");
  private static final List<String> ANSWERS = List.of("output", "response");
  private static final List<String> INPUTS = List.of("input", "context");

  private final SampleKeys keys;

  SampleParser(SampleKeys keys) {
    this.keys = keys;
  }

  /** A record and where it is. */
  private record Entry(String where, Map<String, @Nullable Object> fields) {
    DataException wrong(String what) {
      return new DataException(where + ": " + what);
    }

    boolean has(String key) {
      return fields.get(key) != null;
    }

    /** A text; empty if it is absent. */
    String text(String key) {
      return switch (fields.get(key)) {
        case null -> "";
        case String text -> text;
        default -> throw wrong("'" + key + "' is no text but " + kind(fields.get(key)));
      };
    }

    /** A text that must be there. */
    String need(String key) {
      if (!has(key)) {
        throw wrong("no field '" + key + "'; found " + String.join(", ", fields.keySet()));
      }
      return text(key);
    }

    /** The first of some fields that is there. */
    @Nullable String first(List<String> names) {
      return names.stream().filter(this::has).findFirst().orElse(null);
    }
  }

  /**
   * The samples of a record, one but for self-instruct's instances.
   *
   * @throws DataException if it is of no known format, or a field is not what it should be
   */
  List<Sample> parse(String where, Map<String, @Nullable Object> fields) {
    Entry record = new Entry(where, fields);
    if (keys.messages() != null) {
      return List.of(talk(record, keys.messages()));
    }
    if (keys.prompt() != null || keys.completion() != null) {
      return List.of(completion(record));
    }
    if (keys.text() != null) {
      return List.of(new Sample.Text(where, record.need(keys.text())));
    }
    String talk = record.first(TALKS);
    if (talk != null) {
      return List.of(talk(record, talk));
    }
    if (record.has("prompt") && record.has("completion")) {
      return List.of(completion(record));
    }
    if (record.has("instruction") && record.has("instances")) {
      return instances(record);
    }
    String answer = record.first(ANSWERS);
    if (record.has("instruction") && answer != null) {
      return List.of(instruction(record, answer));
    }
    if (record.has("text")) {
      return List.of(new Sample.Text(where, record.text("text")));
    }
    throw record.wrong(
        "fields of no known format: found %s; expected messages, conversations, prompt and completion, instruction and output, or text (--messages-key, --prompt-key, --completion-key and --text-key name others)"
            .formatted(fields.isEmpty() ? "none" : String.join(", ", fields.keySet())));
  }

  private static String kind(@Nullable Object value) {
    return switch (value) {
      case null -> "nothing";
      case Map<?, ?> _ -> "an object";
      case List<?> _ -> "a list";
      case String _ -> "a text";
      case Boolean truth -> String.valueOf(truth);
      default -> "the number " + value;
    };
  }

  private Sample talk(Entry record, String key) {
    List<Message> messages = messages(record, key);
    boolean shareGpt =
        record.fields.get(key) instanceof List<?> list
            && !list.isEmpty()
            && list.getFirst() instanceof Map<?, ?> first
            && first.containsKey("from");
    return talk(
        record, shareGpt ? SampleFormat.SHAREGPT : SampleFormat.MESSAGES, messages, List.of());
  }

  private static List<Message> messages(Entry record, String key) {
    if (!(record.fields.get(key) instanceof List<?> list)) {
      throw record.wrong(
          "'%s' is %s, expected a list of messages".formatted(key, kind(record.fields.get(key))));
    }
    MessageReader reader = new MessageReader(record.where + ", " + key);
    List<Message> messages = new ArrayList<>();
    for (Object element : list) {
      messages.add(reader.read(element, messages.size()));
    }
    return messages;
  }

  /** A conversation of a prompt, whose answers are not learned, and what follows it. */
  private static Sample.Talk talk(
      Entry record, SampleFormat format, List<Message> messages, List<Message> prompt) {
    List<Message> all = new ArrayList<>();
    String system = record.fields.get("system") instanceof String text ? text : "";
    List<Message> rest = new ArrayList<>(prompt);
    rest.addAll(messages);
    if (!system.isBlank() && (rest.isEmpty() || !rest.getFirst().role().equals("system"))) {
      all.add(Message.system(system));
    }
    int first = all.size();
    all.addAll(rest);
    Set<Integer> unlearned = new TreeSet<>();
    for (int i = first; i < all.size(); i++) {
      boolean left =
          all.get(i).fields().get("weight") instanceof Number weight && weight.doubleValue() == 0;
      if (left || i < first + prompt.size()) {
        unlearned.add(i);
      }
    }
    return new Sample.Talk(
        record.where, format, withVariables(new Conversation(all, false), record), unlearned);
  }

  /** With what the template may use besides the messages. */
  private static Conversation withVariables(Conversation plain, Entry record) {
    Conversation chat = plain;
    Object tools = record.fields.get("tools");
    if (tools instanceof String text) {
      tools = text.isBlank() ? null : json(record, "tools", text);
    }
    if (tools instanceof List<?> list && list.isEmpty()) {
      tools = null;
    }
    if (tools != null) {
      chat = chat.with("tools", tools);
    }
    if (record.has("documents")) {
      chat = chat.with("documents", record.fields.get("documents"));
    }
    if (record.fields.get("chat_template_kwargs") instanceof Map<?, ?> more) {
      for (Map.Entry<?, ?> entry : more.entrySet()) {
        chat = chat.with(String.valueOf(entry.getKey()), entry.getValue());
      }
    }
    return chat;
  }

  /** Lists inside of tables are often kept as the text of their JSON. */
  private static @Nullable Object json(Entry record, String key, String text) {
    try {
      return ChatJson.object(record.where, Utf8Json.wrapped(text)).get(Utf8Json.KEY);
    } catch (ModelFormatException e) {
      throw record.wrong("'" + key + "' is a text, but not that of JSON: " + e.getMessage());
    }
  }

  private Sample completion(Entry record) {
    String promptKey = keys.prompt() == null ? "prompt" : keys.prompt();
    String completionKey = keys.completion() == null ? "completion" : keys.completion();
    boolean lists =
        record.fields.get(promptKey) instanceof List<?>
            || record.fields.get(completionKey) instanceof List<?>;
    if (!lists) {
      return new Sample.Completion(
          record.where, record.need(promptKey), record.need(completionKey));
    }
    return talk(
        record,
        SampleFormat.COMPLETION,
        part(record, completionKey, "assistant"),
        part(record, promptKey, "user"));
  }

  private static List<Message> part(Entry record, String key, String role) {
    return record.fields.get(key) instanceof List<?>
        ? messages(record, key)
        : List.of(Message.of(role, record.need(key)));
  }

  private static Sample instruction(Entry record, String answer) {
    String inputKey = record.first(INPUTS);
    List<Message> messages = new ArrayList<>();
    if (record.fields.get("history") instanceof List<?> turns) {
      for (Object turn : turns) {
        if (!(turn instanceof List<?> pair
            && pair.size() == 2
            && pair.get(0) instanceof String question
            && pair.get(1) instanceof String reply)) {
          throw record.wrong("'history' is no list of pairs of texts");
        }
        messages.add(Message.user(question));
        messages.add(Message.assistant(reply));
      }
    }
    messages.add(
        Message.user(
            joined(record.text("instruction"), inputKey == null ? "" : record.text(inputKey))));
    messages.add(Message.assistant(record.text(answer)));
    return talk(record, SampleFormat.INSTRUCTION, messages, List.of());
  }

  private static String joined(String instruction, String input) {
    return input.isBlank() ? instruction : instruction + "\n\n" + input;
  }

  private static List<Sample> instances(Entry record) {
    if (!(record.fields.get("instances") instanceof List<?> list) || list.isEmpty()) {
      throw record.wrong("'instances' is no list with at least one element");
    }
    List<Sample> samples = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof Map<?, ?> map)) {
        throw record.wrong("'instances' holds " + kind(element) + ", expected objects");
      }
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      map.forEach((key, value) -> fields.put(String.valueOf(key), value));
      String number = list.size() == 1 ? "" : ", instance " + (samples.size() + 1);
      Entry instance = new Entry(record.where + number, fields);
      List<Message> messages =
          List.of(
              Message.user(joined(record.text("instruction"), instance.text("input"))),
              Message.assistant(instance.need("output")));
      samples.add(talk(instance, SampleFormat.INSTANCES, messages, List.of()));
    }
    return samples;
  }
}
