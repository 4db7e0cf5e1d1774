package jllm.tokenize.read;

import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.model.TokenTable;
import jllm.tokenize.split.Cl100kSplitter;
import jllm.tokenize.split.Gpt2Splitter;
import jllm.tokenize.split.O200kSplitter;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizers that need no file. Their rank tables come from the resources of the library
 * jtokkit; patterns and special tokens are those of OpenAI's tiktoken.
 */
enum BuiltIn {
  R50K_BASE("r50k_base", Gpt2Splitter.PATTERN, specials("<|endoftext|>", 50256)),
  P50K_BASE("p50k_base", Gpt2Splitter.PATTERN, specials("<|endoftext|>", 50256)),
  CL100K_BASE(
      "cl100k_base",
      Cl100kSplitter.PATTERN,
      specials(
          "<|endoftext|>", 100257,
          "<|fim_prefix|>", 100258,
          "<|fim_middle|>", 100259,
          "<|fim_suffix|>", 100260,
          "<|endofprompt|>", 100276)),
  O200K_BASE(
      "o200k_base",
      O200kSplitter.PATTERN,
      specials("<|endoftext|>", 199999, "<|endofprompt|>", 200018));

  static final List<String> NAMES =
      List.of("r50k_base", "gpt2", "p50k_base", "cl100k_base", "o200k_base");

  private static final Map<BuiltIn, Tokenizer> LOADED = new ConcurrentHashMap<>();

  private final String label;
  private final String pattern;
  private final Map<String, Integer> specials;

  BuiltIn(String label, String pattern, Map<String, Integer> specials) {
    this.label = label;
    this.pattern = pattern;
    this.specials = specials;
  }

  private static Map<String, Integer> specials(Object... pairs) {
    Map<String, Integer> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], (Integer) pairs[i + 1]);
    }
    return map;
  }

  /** The tokenizer of that name, or null. */
  static @Nullable BuiltIn named(String name) {
    String canonical = name.equals("gpt2") ? "r50k_base" : name;
    for (BuiltIn b : values()) {
      if (b.label.equals(canonical)) {
        return b;
      }
    }
    return null;
  }

  String pattern() {
    return pattern;
  }

  Map<String, Integer> specials() {
    return specials;
  }

  Tokenizer load() {
    return LOADED.computeIfAbsent(this, BuiltIn::read);
  }

  private Tokenizer read() {
    return TiktokenFile.of(TableCache.ofUser().get(label, this::table), label, pattern, specials);
  }

  private TokenTable table() {
    String resource = "/com/knuddels/jtokkit/" + label + ".tiktoken";
    try (InputStream in = BuiltIn.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(
            "the rank table " + resource + " is missing: the library jtokkit is not there");
      }
      return TiktokenFile.table(in.readAllBytes(), label);
    } catch (IOException e) {
      throw new IllegalStateException("the rank table " + resource + " cannot be read", e);
    }
  }
}
