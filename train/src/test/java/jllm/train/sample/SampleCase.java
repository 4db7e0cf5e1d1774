package jllm.train.sample;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.NamedTemplate;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.text.ByteAlphabet;
import org.junit.jupiter.api.Assumptions;

/**
 * Samples in the tokens of bytes and of the special tokens of usual templates, with what is learned
 * of each token.
 */
final class SampleCase {
  static final List<String> SPECIAL =
      List.of(
          "<s>",
          "</s>",
          "<|im_start|>",
          "<|im_end|>",
          "<|begin_of_text|>",
          "<|start_header_id|>",
          "<|end_header_id|>",
          "<|eot_id|>",
          "<start_of_turn>",
          "<end_of_turn>",
          "<|user|>",
          "<|assistant|>",
          "<|system|>",
          "<|end|>",
          "[INST]",
          "[/INST]",
          "[TOOL_CALLS]",
          "[AVAILABLE_TOOLS]",
          "[/AVAILABLE_TOOLS]",
          "[TOOL_RESULTS]",
          "[/TOOL_RESULTS]");
  static final Map<String, String> NAMES = Map.of("bos_token", "<s>", "eos_token", "</s>");

  private SampleCase() {}

  static int id(String special) {
    return 256 + SPECIAL.indexOf(special);
  }

  /** A byte-level tokenizer without merges, which knows BOS and EOS but adds none. */
  static Tokenizer tokenizer(boolean addsBos) {
    Map<String, Object> vocabulary = new LinkedHashMap<>();
    for (int value = 0; value < 256; value++) {
      vocabulary.put(ByteAlphabet.encode(new byte[] {(byte) value}), value);
    }
    List<Object> added = new ArrayList<>();
    for (String name : SPECIAL) {
      added.add(
          Map.of(
              "id", id(name),
              "content", name,
              "single_word", false,
              "lstrip", false,
              "rstrip", false,
              "normalized", false,
              "special", true));
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("version", "1.0");
    json.put("added_tokens", added);
    json.put(
        "pre_tokenizer", Map.of("type", "ByteLevel", "add_prefix_space", false, "use_regex", true));
    json.put("decoder", Map.of("type", "ByteLevel"));
    if (addsBos) {
      Map<String, Object> bos = Map.of("SpecialToken", Map.of("id", "<s>", "type_id", 0));
      Map<String, Object> text = Map.of("Sequence", Map.of("id", "A", "type_id", 0));
      json.put(
          "post_processor",
          Map.of(
              "type",
              "TemplateProcessing",
              "single",
              List.of(bos, text),
              "pair",
              List.of(bos, text, bos, text),
              "special_tokens",
              Map.of(
                  "<s>",
                  Map.of("id", "<s>", "ids", List.of(id("<s>")), "tokens", List.of("<s>")))));
    }
    json.put("model", Map.of("type", "BPE", "merges", List.of(), "vocab", vocabulary));
    return Tokenizers.json(new String(Json.format(json), StandardCharsets.UTF_8), "bytes");
  }

  static SampleEncoder encoder(ChatTemplate template, SampleEncoding options) {
    return new SampleEncoder(tokenizer(false), _ -> template, options);
  }

  static SampleEncoder encoder(NamedTemplate template) {
    return encoder(template.template(NAMES), SampleEncoding.USUAL);
  }

  /** The samples of some records, one a line. */
  static List<Sample> samples(SampleKeys keys, String... records) throws IOException {
    SampleParser parser = new SampleParser(keys);
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < records.length; i++) {
      samples.addAll(
          parser.parse(
              "line " + (i + 1),
              jllm.generate.chat.ChatJson.object(
                  "line", records[i].getBytes(StandardCharsets.UTF_8))));
    }
    return samples;
  }

  /**
   * The text of all tokens, decoded one by one, with brackets around those that are learned: the
   * mask, token by token.
   */
  static String masked(SampleEncoder encoder, RenderedSample rendered) {
    EncodedSample sample = rendered.encoded();
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    boolean learned = false;
    for (int i = 0; i <= sample.length(); i++) {
      boolean now = i < sample.length() && sample.isLearned(i);
      if (now != learned) {
        bytes.writeBytes((now ? "⟦" : "⟧").getBytes(StandardCharsets.UTF_8));
        learned = now;
      }
      if (i < sample.length()) {
        int id = sample.id(i);
        bytes.writeBytes(
            id < 256
                ? encoder.tokenizer().tokenBytes(id)
                : SPECIAL.get(id - 256).getBytes(StandardCharsets.UTF_8));
      }
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  static String masked(SampleEncoder encoder, Sample sample) {
    return masked(encoder, encoder.render(sample));
  }

  /** The parts between brackets. */
  static List<String> learned(String masked) {
    List<String> parts = new ArrayList<>();
    for (int at = masked.indexOf('⟦'); at >= 0; at = masked.indexOf('⟦', at + 1)) {
      parts.add(masked.substring(at + 1, masked.indexOf('⟧', at)));
    }
    return parts;
  }

  static String text(String masked) {
    return masked.replace("⟦", "").replace("⟧", "");
  }

  /** A chat template of the fixtures, by the beginning of its name. */
  static ChatTemplate fixture(String name) throws IOException {
    String home = System.getenv("JLLM_FIXTURES");
    Path folder = Path.of(home != null ? home : "../../shared/fixtures", "chat-templates");
    Assumptions.assumeTrue(Files.isDirectory(folder), "no fixtures in " + folder);
    try (var files = Files.list(folder)) {
      Path file =
          files
              .filter(path -> String.valueOf(path.getFileName()).startsWith(name))
              .findFirst()
              .orElseThrow();
      return ChatTemplate.of(name, Files.readString(file), NAMES)
          .withClock(LocalDate.of(2026, 1, 15)::atStartOfDay);
    }
  }
}
