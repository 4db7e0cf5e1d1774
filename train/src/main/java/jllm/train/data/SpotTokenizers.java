package jllm.train.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import jllm.format.Json;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.text.ByteAlphabet;
import org.jspecify.annotations.Nullable;

/**
 * Tokenizers that need no training: of bytes, and of the characters of a text. They are of the
 * usual kinds, so that the {@code tokenizer.json} beside a checkpoint holds them.
 */
public final class SpotTokenizers {
  /** The token in front of each document, where there are several. */
  public static final String SEPARATOR = "<|endoftext|>";

  private SpotTokenizers() {}

  /** The 256 bytes; their ids are their values. With a separator it is token 256. */
  public static Tokenizer bytes(boolean separator) {
    Map<String, Object> vocabulary = new LinkedHashMap<>();
    for (int value = 0; value < 256; value++) {
      vocabulary.put(ByteAlphabet.encode(new byte[] {(byte) value}), value);
    }
    Map<String, Object> byteLevel =
        Map.of(
            "type", "ByteLevel",
            "add_prefix_space", false,
            "trim_offsets", true,
            "use_regex", true); // which has no effect without merges, but GGUF has a name for
    return of("byte", vocabulary, separator, byteLevel, byteLevel);
  }

  /**
   * The characters (code points) of texts, in their order. With a separator it is the last token.
   *
   * @throws IOException if a text cannot be read
   */
  public static Tokenizer characters(List<Path> texts, boolean separator) throws IOException {
    TreeSet<Integer> characters = new TreeSet<>();
    Corpus.of(texts, CorpusOptions.DEFAULT)
        .read(chunk -> {
          new String(chunk.bytes(), StandardCharsets.UTF_8).codePoints().forEach(characters::add);
          return true;
        });
    Map<String, Object> vocabulary = new LinkedHashMap<>();
    for (int character : characters) {
      vocabulary.put(Character.toString(character), vocabulary.size());
    }
    return of("char", vocabulary, separator, null, Map.of("type", "Fuse"));
  }

  private static Tokenizer of(
      String name,
      Map<String, Object> vocabulary,
      boolean separator,
      @Nullable Map<String, Object> preTokenizer,
      Map<String, Object> decoder) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("version", "1.0");
    json.put("truncation", null);
    json.put("padding", null);
    json.put("added_tokens", separator ? List.of(added(vocabulary.size())) : List.of());
    json.put("normalizer", null);
    json.put("pre_tokenizer", preTokenizer);
    json.put("post_processor", null);
    json.put("decoder", decoder);
    Map<String, @Nullable Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    for (String absent :
        List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
      model.put(absent, null);
    }
    model.put("fuse_unk", false);
    model.put("byte_fallback", false);
    model.put("ignore_merges", false);
    Map<String, Object> all = new LinkedHashMap<>(vocabulary);
    if (separator) {
      all.put(SEPARATOR, vocabulary.size());
    }
    model.put("vocab", all);
    model.put("merges", List.of());
    json.put("model", model);
    return Tokenizers.json(new String(Json.format(json), StandardCharsets.UTF_8), name);
  }

  private static Map<String, Object> added(int id) {
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("id", id);
    token.put("content", SEPARATOR);
    token.put("single_word", false);
    token.put("lstrip", false);
    token.put("rstrip", false);
    token.put("normalized", false);
    token.put("special", true);
    return token;
  }
}
