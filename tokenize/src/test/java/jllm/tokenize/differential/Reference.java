package jllm.tokenize.differential;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tokenize.TokenBuffer;

/**
 * One tokenizer of the native library. Calls below the Java class around it, which asks for much
 * that is not compared.
 */
final class Reference implements AutoCloseable {

  private static boolean loaded;

  private final long handle;

  private Reference(long handle) {
    this.handle = handle;
  }

  /** Loads the native library; skips the test, saying why, where that cannot be done. */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    String tiny =
        "{\"added_tokens\":[],\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},"
            + "\"unk_token\":\"a\"}}";
    try (HuggingFaceTokenizer t =
        HuggingFaceTokenizer.newInstance(
            new ByteArrayInputStream(tiny.getBytes(StandardCharsets.UTF_8)), Map.of())) {
      loaded = t.encode("a").getIds().length == 1;
    } catch (Exception | LinkageError e) {
      System.out.println(
          "skipped: the native library of Hugging Face's tokenizers cannot be loaded here: " + e);
      assumeTrue(false, "no native library");
    }
  }

  /**
   * @throws RuntimeException if the library refuses the file
   */
  static Reference of(String json) {
    load();
    return new Reference(TokenizersLibrary.LIB.createTokenizerFromString(json));
  }

  /** Whether the library can read a file. */
  static boolean accepts(String json) {
    try (Reference reference = of(json)) {
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  /**
   * Tokens as {@code id@from-to} in characters; {@code id@-} where the library gives no range, as
   * for what a template adds.
   */
  List<String> encode(String text, boolean addSpecial) {
    long encoding = TokenizersLibrary.LIB.encode(handle, text, addSpecial);
    try {
      long[] ids = TokenizersLibrary.LIB.getTokenIds(encoding);
      CharSpan[] spans = TokenizersLibrary.LIB.getTokenCharSpans(encoding);
      List<String> tokens = new ArrayList<>(ids.length);
      for (int i = 0; i < ids.length; i++) {
        CharSpan s = spans[i];
        tokens.add(ids[i] + (s == null ? "@-" : "@" + s.getStart() + "-" + s.getEnd()));
      }
      return tokens;
    } finally {
      TokenizersLibrary.LIB.deleteEncoding(encoding);
    }
  }

  long[] ids(String text) {
    long encoding = TokenizersLibrary.LIB.encode(handle, text, false);
    try {
      return TokenizersLibrary.LIB.getTokenIds(encoding);
    } finally {
      TokenizersLibrary.LIB.deleteEncoding(encoding);
    }
  }

  String decode(int[] ids, boolean skipSpecial) {
    long[] longs = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      longs[i] = ids[i];
    }
    return TokenizersLibrary.LIB.decode(handle, longs, skipSpecial);
  }

  @Override
  public void close() {
    TokenizersLibrary.LIB.deleteTokenizer(handle);
  }

  /** Our tokens in the form of {@link #encode}. */
  static List<String> describe(String text, TokenBuffer tokens, List<String> like) {
    int[] characters = characterOfByte(text);
    List<String> result = new ArrayList<>(tokens.size());
    for (int i = 0; i < tokens.size(); i++) {
      int start = tokens.start(i);
      int end = tokens.end(i);
      if (i < like.size() && like.get(i).endsWith("@-") && start == 0 && end == 0) {
        result.add(tokens.id(i) + "@-");
        continue;
      }
      // A range that ends inside a character covers it.
      int to = end > start ? characters[end - 1] + 1 : characters[start];
      result.add(tokens.id(i) + "@" + characters[start] + "-" + to);
    }
    return result;
  }

  /** For each byte of the text, and its end, the number of the character that it belongs to. */
  private static int[] characterOfByte(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    int[] result = new int[utf8.length + 1];
    int character = -1;
    for (int i = 0; i < utf8.length; i++) {
      if ((utf8[i] & 0xc0) != 0x80) {
        character++;
      }
      result[i] = character;
    }
    result[utf8.length] = character + 1;
    return result;
  }
}
