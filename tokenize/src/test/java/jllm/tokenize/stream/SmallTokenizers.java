package jllm.tokenize.stream;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.text.ByteAlphabet;
import org.jspecify.annotations.Nullable;

/** Tokenizers of small vocabularies with all kinds of components around them. */
final class SmallTokenizers {
  private static final String MARK = "\u2581";
  private static final String BYTES =
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"trim_offsets\":true,\"use_regex\":%s}";
  private static final String METASPACE =
      "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"%s\",\"split\":%s}";
  private static final String BERT =
      "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
          + "\"strip_accents\":null,\"lowercase\":true}";
  private static final String ESCAPE =
      "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}";
  private static final String PREPEND = "{\"type\":\"Prepend\",\"prepend\":\"\u2581\"}";

  private SmallTokenizers() {}

  /**
   * Pipelines by name: those whose name begins with "whole" have no place to cut, the others have.
   */
  static Map<String, Tokenizer> all() {
    String bytes = model(true, "");
    String marks = model(false, "");
    Map<String, Tokenizer> all = new LinkedHashMap<>();
    add(all, "gpt2", null, bytes(false, true), bytes(false, true), bytes);
    add(all, "roberta", null, bytes(true, true), roberta(), bytes);
    add(all, "nfc", form("NFC"), bytes(false, true), null, bytes);
    add(
        all,
        "nfkc lowercase",
        list("normalizers", form("NFKC"), "{\"type\":\"Lowercase\"}"),
        bytes(true, true),
        roberta(),
        bytes);
    add(
        all,
        "starcoder",
        null,
        list(
            "pretokenizers",
            "{\"type\":\"Digits\",\"individual_digits\":true}",
            bytes(false, true)),
        null,
        bytes);
    add(all, "metaspace first", null, metaspace("first", true), null, marks);
    add(all, "metaspace always", null, metaspace("always", true), null, marks);
    add(all, "metaspace unsplit", null, metaspace("first", false), null, marks);
    add(
        all,
        "t5",
        "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
        list("pretokenizers", "{\"type\":\"WhitespaceSplit\"}", metaspace("always", true)),
        null,
        marks);
    add(all, "llama", list("normalizers", PREPEND, ESCAPE), null, template(), marks);
    add(all, "gemma", ESCAPE, null, template(), marks);
    add(all, "bert", BERT, "{\"type\":\"BertPreTokenizer\"}", template(), marks);
    add(
        all,
        "whitespace",
        form("NFD"),
        list(
            "pretokenizers",
            "{\"type\":\"Whitespace\"}",
            "{\"type\":\"Punctuation\",\"behavior\":\"MergedWithNext\"}"),
        null,
        marks);
    add(
        all,
        "delimiter",
        null,
        "{\"type\":\"CharDelimiterSplit\",\"delimiter\":\" \"}",
        null,
        marks);
    add(
        all,
        "whole: spaces inside",
        list("normalizers", PREPEND, ESCAPE),
        null,
        null,
        model(false, "s" + MARK + "a"));
    add(
        all,
        "whole: strip left",
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
        metaspace("first", true),
        null,
        marks);
    add(all, "whole: no pieces", null, null, null, marks);
    add(
        all,
        "whole: expression",
        null,
        "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a. b\"},\"behavior\":\"Isolated\",\"invert\":false}",
        null,
        marks);
    return all;
  }

  private static void add(
      Map<String, Tokenizer> all,
      String name,
      @Nullable String normalizer,
      @Nullable String split,
      @Nullable String post,
      String model) {
    String json =
        "{\"version\":\"1.0\",\"added_tokens\":["
            + added(0, "<unk>", true)
            + ","
            + added(1, "<s>", true)
            + ","
            + added(2, "  ", false)
            + ","
            + added(3, "<|x|>", false)
            + "],\"normalizer\":"
            + normalizer
            + ",\"pre_tokenizer\":"
            + split
            + ",\"post_processor\":"
            + post
            + ",\"decoder\":null,\"model\":"
            + model
            + "}";
    if (normalizer != null && normalizer.contains("Prepend")) {
      // A token of spaces would begin before a word.
      json = json.replace(added(2, "  ", false), added(2, "<sp>", false));
    }
    all.put(name, Tokenizers.json(json, name));
  }

  private static String added(int id, String content, boolean special) {
    return "{\"id\":"
        + id
        + ",\"content\":\""
        + content
        + "\",\"single_word\":false,\"lstrip\":false,"
        + "\"rstrip\":false,\"normalized\":false,\"special\":"
        + special
        + "}";
  }

  private static String model(boolean bytes, String extra) {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (String special : List.of("<unk>", "<s>", "  ", "<|x|>")) {
      vocabulary.put(special, vocabulary.size());
    }
    for (int b = 0; b < 256; b++) {
      String text = bytes ? String.valueOf(ByteAlphabet.toChar(b)) : Character.toString(b);
      if (bytes || b > ' ' && b < 0x7f || b > 0xa0 || b == '\n') {
        vocabulary.putIfAbsent(text, vocabulary.size());
      }
    }
    String space = bytes ? String.valueOf(ByteAlphabet.toChar(' ')) : MARK;
    vocabulary.putIfAbsent(space, vocabulary.size());
    StringBuilder merges = new StringBuilder();
    for (String[] pair :
        new String[][] {
          {"t", "h"},
          {"th", "e"},
          {space, "w"},
          {space, "the"},
          {space, space},
          {"o", "r"},
          {"l", "d"},
          {"1", "2"},
          {"'", "s"},
          {"c", "a"}
        }) {
      merge(vocabulary, merges, pair[0], pair[1]);
    }
    if (!extra.isEmpty()) {
      merge(vocabulary, merges, extra.substring(0, 1), extra.substring(1, 2));
      merge(vocabulary, merges, extra.substring(0, 2), extra.substring(2));
    }
    StringBuilder json = new StringBuilder("{\"type\":\"BPE\",\"unk_token\":");
    json.append(bytes ? "null" : "\"<unk>\"").append(",\"fuse_unk\":true,\"vocab\":{");
    vocabulary.forEach(
        (text, id) -> json.append(id == 0 ? "" : ",").append(quote(text)).append(':').append(id));
    return json.append("},\"merges\":[").append(merges).append("]}").toString();
  }

  private static void merge(
      Map<String, Integer> vocabulary, StringBuilder merges, String a, String b) {
    vocabulary.putIfAbsent(a + b, vocabulary.size());
    merges
        .append(merges.isEmpty() ? "" : ",")
        .append('[')
        .append(quote(a))
        .append(',')
        .append(quote(b))
        .append(']');
  }

  private static String quote(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
  }

  private static String bytes(boolean prefix, boolean regex) {
    return BYTES.formatted(prefix, regex);
  }

  private static String metaspace(String scheme, boolean split) {
    return METASPACE.formatted(scheme, split);
  }

  private static String form(String name) {
    return "{\"type\":\"" + name + "\"}";
  }

  private static String list(String key, String... elements) {
    return "{\"type\":\"Sequence\",\"" + key + "\":[" + String.join(",", elements) + "]}";
  }

  private static String roberta() {
    return "{\"type\":\"RobertaProcessing\",\"sep\":[\"<s>\",1],\"cls\":[\"<s>\",1],\"trim_offsets\":true,"
        + "\"add_prefix_space\":true}";
  }

  private static String template() {
    return "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},"
        + "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
        + "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[1],"
        + "\"tokens\":[\"<s>\"]}}}";
  }
}
