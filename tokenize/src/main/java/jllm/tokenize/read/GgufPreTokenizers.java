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
  private static final String DEEPSEEK_LETTERS =
      "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚ"
          + "Ḁ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳ"
          + "Ꙁ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
  private static final String DEEPSEEK_CJK = "[一-龥ࠀ-一가-퟿]+";
  private static final String SENTENCE_SPLIT = " ?[^(\\s|.,!?…。，、।۔،)]+";

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
              "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
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
