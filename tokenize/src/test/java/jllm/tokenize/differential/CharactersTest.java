package jllm.tokenize.differential;

import static jllm.tokenize.differential.Js.component;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What components do to each single character that Unicode 8 assigned, against Hugging Face's
 * library.
 */
class CharactersTest {

  private static final int AT_ONCE = 64;

  static List<Map<String, @Nullable Object>> components() {
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    for (String name :
        List.of("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel")) {
      list.add(Js.object("normalizer", component(name)));
    }
    list.add(bert(true, false, false, false));
    list.add(bert(false, true, false, false));
    list.add(bert(false, false, true, false));
    list.add(bert(false, false, false, true));
    list.add(Js.object("normalizer", component("Strip", "strip_left", true, "strip_right", true)));
    for (String name :
        List.of("Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts")) {
      list.add(Js.object("pre_tokenizer", component(name)));
    }
    list.add(Js.object("pre_tokenizer", component("Punctuation", "behavior", "Isolated")));
    list.add(Js.object("pre_tokenizer", component("Digits", "individual_digits", false)));
    list.add(
        Js.object(
            "pre_tokenizer",
            component(
                "ByteLevel", "add_prefix_space", false, "trim_offsets", false, "use_regex", true)));
    return list;
  }

  private static Map<String, @Nullable Object> bert(
      boolean clean, boolean ideographs, boolean accents, boolean lower) {
    return Js.object(
        "normalizer",
        component(
            "BertNormalizer",
            "clean_text",
            clean,
            "handle_chinese_chars",
            ideographs,
            "strip_accents",
            accents,
            "lowercase",
            lower));
  }

  @ParameterizedTest
  @MethodSource("components")
  void sameAsTheReference(Map<String, @Nullable Object> component) {
    assertEquals("", differences(component));
  }

  @Test
  void characterMapSameAsTheReference() {
    assertEquals(
        "",
        differences(
            Js.object(
                "normalizer",
                component("Precompiled", "precompiled_charsmap", Samples.precompiled()))));
  }

  /** The characters at which there is a difference, in order. */
  private static String differences(Map<String, @Nullable Object> component) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>(component);
    json.put("added_tokens", List.of());
    json.put("model", component.containsKey("normalizer") ? bytes() : pieces());
    StringBuilder result = new StringBuilder();
    try (Comparison c = new Comparison(Js.text(json), true)) {
      StringBuilder text = new StringBuilder();
      int first = 0;
      for (int cp = 0; cp < 0x110000; cp++) {
        // Of the private planes a sample is enough.
        if (UnicodeEight.has(cp) && (cp < 0x30000 || cp % 251 == 0)) {
          text.appendCodePoint(cp).append(cp % 3 == 0 ? "a" : cp % 3 == 1 ? " 1" : "");
        }
        if (text.length() > AT_ONCE || cp == 0x10ffff) {
          if (c.difference(text.toString(), false) != null) {
            single(c, first, cp, result);
          }
          text.setLength(0);
          first = cp + 1;
        }
      }
    }
    return result.toString();
  }

  private static void single(Comparison c, int first, int last, StringBuilder result) {
    boolean found = false;
    for (int cp = first; cp <= last; cp++) {
      if (UnicodeEight.has(cp)) {
        String one = Character.toString(cp);
        if (c.difference("a" + one + "b", false) != null
            || c.difference(" " + one + "1", false) != null) {
          found = true;
          result.append(String.format("%x ", cp));
        }
      }
    }
    if (!found) {
      result.append(String.format("[%x-%x] ", first, last));
    }
  }

  /** Bytes as tokens, so that the text itself is compared. */
  static Map<String, @Nullable Object> bytes() {
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (int b = 0; b < 256; b++) {
      ids.put(String.format("<0x%02X>", b), b);
    }
    return component(
        "BPE",
        "unk_token",
        null,
        "fuse_unk",
        false,
        "byte_fallback",
        true,
        "vocab",
        ids,
        "merges",
        List.of());
  }

  /** Each piece is a token. */
  private static Map<String, @Nullable Object> pieces() {
    return component("WordLevel", "vocab", Map.of("<unk>", 0), "unk_token", "<unk>");
  }
}
