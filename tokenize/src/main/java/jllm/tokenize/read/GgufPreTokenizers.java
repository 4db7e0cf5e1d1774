package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.split.Cl100kSplitter;
import jllm.tokenize.split.DeepSeekSplitter;
import jllm.tokenize.split.Gpt2Splitter;
import jllm.tokenize.split.O200kSplitter;
import jllm.tokenize.split.Patterns;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import org.jspecify.annotations.Nullable;

/**
 * The pre-tokenizers that {@code tokenizer.ggml.pre} names: each a list of expressions, one cutting
 * what the one before left. The names and what they mean are those of llama.cpp; where it rewrote
 * an expression for its own engine, the one of the model's own {@code tokenizer.json} is used.
 */
public final class GgufPreTokenizers {

  private static final String GPT2_REST = Patterns.GPT2_WITHOUT_LAST;
  // In escapes: some of these characters look like others, and tools that normalize text would
  // replace them.
  private static final String DEEPSEEK_LETTERS =
      "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293"
          + "\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c"
          + "\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0"
          + "-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-"
          + "\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b"
          + "\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-"
          + "\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113"
          + "\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f"
          + "\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
          + "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00"
          + "-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\ud801\udc00-\ud801\udc4f\ud801\udcb0-"
          + "\ud801\udcd3\ud801\udcd8-\ud801\udcfb\ud803\udc80-\ud803\udcb2\ud803\udcc0-\ud803"
          + "\udcf2\ud806\udca0-\ud806\udcdf\ud83a\udd00-\ud83a\udd43]+";
  private static final String DEEPSEEK_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
  private static final String SENTENCE_SPLIT =
      " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";

  /** How a pre-tokenizer's name changes the rest of the tokenizer. */
  public record Choice(PreTokenizer preTokenizer, boolean ignoreMerges, boolean addBos) {}

  /** One name for each way to split, the best known of several first. */
  public static final List<String> NAMES =
      List.of(
          "gpt-2",
          "llama-bpe",
          "dbrx",
          "qwen2",
          "gpt-4o",
          "tekken",
          "deepseek-llm",
          "deepseek-coder",
          "deepseek-v3",
          "falcon",
          "starcoder",
          "bloom",
          "viking",
          "chameleon",
          "default");

  private GgufPreTokenizers() {}

  /**
   * What a name means.
   *
   * @throws TokenizerFormatException if it is not known
   */
  static Choice named(String name) {
    Choice choice = find(name);
    if (choice == null) {
      throw new TokenizerFormatException(
          "unknown pre-tokenizer '"
              + name
              + "' (tokenizer.ggml.pre); known are default, llama-bpe, gpt-2, qwen2,"
              + " deepseek-llm, deepseek-coder, deepseek-v3, falcon, mpt, starcoder, refact,"
              + " command-r, smollm, tekken, gpt-4o, olmo, dbrx and others. If the model's"
              + " tokenizer.json is at hand, name it as the tokenizer instead");
    }
    return choice;
  }

  /** What a name means, or null if it is not known. */
  public static @Nullable Choice find(String name) {
    return switch (name) {
      case "", "default" ->
          choice("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_REST, "\\p{N}+", "[0-9][0-9][0-9]");
      case "llama-bpe", "llama3", "llama-v3", "falcon3", "lfm2" ->
          new Choice(choice(Cl100kSplitter.PATTERN).preTokenizer(), true, true);
      case "dbrx", "smaug-bpe", "chatglm-bpe", "glm4" -> choice(Cl100kSplitter.PATTERN);
      case "qwen2", "deepseek-r1-qwen", "stablelm2", "megrez" -> choice(Cl100kSplitter.QWEN2);
      case "gpt-2",
          "phi-2",
          "jina-es",
          "jina-de",
          "gigachat",
          "jina-v1-en",
          "jina-v2-es",
          "jina-v2-de",
          "jina-v2-code",
          "roberta-bpe",
          "mpt",
          "olmo",
          "jais" ->
          choice(Gpt2Splitter.PATTERN);
      case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b" ->
          choice("\\p{N}", GPT2_REST);
      case "deepseek-llm" ->
          choice(
              "[\r\n]",
              DEEPSEEK_LETTERS,
              "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
              "\\s+$",
              DEEPSEEK_CJK,
              "\\p{N}+");
      case "deepseek-coder" ->
          choice("[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", DEEPSEEK_CJK, "\\p{N}");
      case "deepseek-v3" ->
          choice(DeepSeekSplitter.NUMBERS, DeepSeekSplitter.HAN, DeepSeekSplitter.WORDS);
      case "falcon" -> choice("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2_REST, "[0-9][0-9][0-9]");
      case "tekken" -> new Choice(choice(O200kSplitter.TEKKEN).preTokenizer(), true, true);
      case "gpt-4o", "llama4" -> choice(O200kSplitter.PATTERN);
      case "poro-chat", "bloom", "gpt3-finnish" -> choice(SENTENCE_SPLIT);
      case "viking" -> choice(SENTENCE_SPLIT, "\\p{N}");
      case "chameleon" -> {
        Choice c =
            choice(
                "<sentinel:[0-9]+>",
                "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
                "([\\t\\n]|    |  )",
                "\\p{N}",
                "[\\p{P}!-/:-@\\[-`{-~]",
                GPT2_REST);
        yield new Choice(c.preTokenizer(), false, true);
      }
      default -> null;
    };
  }

  private static Choice choice(String... expressions) {
    List<PreTokenizer> list = new ArrayList<>();
    for (String expression : expressions) {
      list.add(Patterns.split(expression));
    }
    PreTokenizer all = list.size() == 1 ? list.getFirst() : new PreTokenizerSequence(list);
    return new Choice(all, false, false);
  }
}
