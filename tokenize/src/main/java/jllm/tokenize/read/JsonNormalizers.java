package jllm.tokenize.read;

import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.normalize.BertNormalizer;
import jllm.tokenize.normalize.ByteLevelNormalizer;
import jllm.tokenize.normalize.Lowercase;
import jllm.tokenize.normalize.Nmt;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.normalize.Precompiled;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.Strip;
import jllm.tokenize.normalize.StripAccents;
import jllm.tokenize.normalize.UnicodeForm;
import jllm.tokenize.text.CharsMap;
import jllm.tokenize.text.LiteralPattern;
import jllm.tokenize.text.RegexPattern;
import jllm.tokenize.text.TextPattern;

/** The normalizers of {@code tokenizer.json}. */
final class JsonNormalizers {

  private JsonNormalizers() {}

  static Normalizer read(Fields f) {
    return switch (f.type()) {
      case "NFC" -> new UnicodeForm(Form.NFC);
      case "NFD" -> new UnicodeForm(Form.NFD);
      case "NFKC" -> new UnicodeForm(Form.NFKC);
      case "NFKD" -> new UnicodeForm(Form.NFKD);
      case "Lowercase" -> new Lowercase();
      case "StripAccents" -> new StripAccents();
      case "Strip" -> new Strip(f.bool("strip_left"), f.bool("strip_right"));
      case "Replace" -> new Replace(pattern(f), f.string("content"));
      case "Prepend" -> new Prepend(f.string("prepend"));
      case "Bert", "BertNormalizer" ->
          new BertNormalizer(
              f.bool("clean_text", true),
              f.bool("handle_chinese_chars", true),
              f.has("strip_accents") ? f.bool("strip_accents") : null,
              f.bool("lowercase", true));
      case "Nmt" -> new Nmt();
      case "Precompiled" -> precompiled(f);
      case "ByteLevel" -> new ByteLevelNormalizer();
      case "Sequence" -> {
        List<Normalizer> list = new ArrayList<>();
        for (Fields part : f.objects("normalizers")) {
          list.add(read(part));
        }
        yield new NormalizerSequence(list);
      }
      default -> throw f.unknown("normalizer");
    };
  }

  private static Normalizer precompiled(Fields f) {
    // Converters write no map at all for models whose normalization is the identity.
    String base64 = f.string("precompiled_charsmap", "");
    if (base64.isEmpty()) {
      return new NormalizerSequence(List.of());
    }
    try {
      return new Precompiled(new CharsMap(Base64.getDecoder().decode(base64)));
    } catch (IllegalArgumentException e) {
      throw new TokenizerFormatException(
          f.path() + ".precompiled_charsmap is not base64: " + e.getMessage(), e);
    }
  }

  /** A pattern as normalizers, pre-tokenizers and decoders write it. */
  static TextPattern pattern(Fields f) {
    Fields pattern = f.object("pattern");
    if (pattern.has("String")) {
      return new LiteralPattern(pattern.string("String"));
    }
    return regex(pattern.path(), pattern.string("Regex"));
  }

  static RegexPattern regex(String path, String expression) {
    try {
      return new RegexPattern(expression);
    } catch (IllegalArgumentException e) {
      throw new TokenizerFormatException(path + ": " + e.getMessage(), e);
    }
  }
}
