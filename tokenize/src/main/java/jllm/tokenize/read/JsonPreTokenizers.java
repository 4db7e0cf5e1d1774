package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.split.BertPreTokenizer;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.CharDelimiterSplit;
import jllm.tokenize.split.Digits;
import jllm.tokenize.split.FixedLength;
import jllm.tokenize.split.Metaspace;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.Punctuation;
import jllm.tokenize.split.SplitBehavior;
import jllm.tokenize.split.SplitPreTokenizer;
import jllm.tokenize.split.UnicodeScripts;
import jllm.tokenize.split.Whitespace;
import jllm.tokenize.split.WhitespaceSplit;
import org.jspecify.annotations.Nullable;

/** The pre-tokenizers of {@code tokenizer.json}. */
final class JsonPreTokenizers {

  private JsonPreTokenizers() {}

  static PreTokenizer read(Fields f) {
    return switch (f.type()) {
      case "ByteLevel" ->
          new ByteLevel(
              f.bool("add_prefix_space", true),
              f.bool("trim_offsets", true),
              f.bool("use_regex", true));
      case "Split" ->
          new SplitPreTokenizer(
              JsonNormalizers.pattern(f), behavior(f, null), f.bool("invert", false));
      case "Digits" -> new Digits(f.bool("individual_digits", false));
      case "Punctuation" -> new Punctuation(behavior(f, SplitBehavior.ISOLATED));
      case "Whitespace" -> new Whitespace();
      case "WhitespaceSplit" -> new WhitespaceSplit();
      case "CharDelimiterSplit" -> new CharDelimiterSplit(f.character("delimiter"));
      case "Metaspace" ->
          new Metaspace(f.character("replacement"), scheme(f), f.bool("split", true));
      case "BertPreTokenizer" -> new BertPreTokenizer();
      case "UnicodeScripts" -> new UnicodeScripts();
      case "FixedLength" -> fixedLength(f);
      case "Sequence" -> {
        List<PreTokenizer> list = new ArrayList<>();
        for (Fields part : f.objects("pretokenizers")) {
          list.add(read(part));
        }
        yield new PreTokenizerSequence(list);
      }
      default -> throw f.unknown("pre-tokenizer");
    };
  }

  private static PreTokenizer fixedLength(Fields f) {
    int length = f.integer("length", 5);
    if (length < 1) {
      throw new TokenizerFormatException(
          f.path() + ".length is " + length + "; expected at least 1");
    }
    return new FixedLength(length);
  }

  private static SplitBehavior behavior(Fields f, @Nullable SplitBehavior otherwise) {
    if (otherwise != null && !f.has("behavior")) {
      return otherwise;
    }
    String name = f.string("behavior");
    for (SplitBehavior behavior : SplitBehavior.values()) {
      if (behavior.label().equals(name)) {
        return behavior;
      }
    }
    throw new TokenizerFormatException(
        f.path()
            + ".behavior is '"
            + name
            + "'; expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  }

  /** The scheme of a Metaspace; files of older versions have add_prefix_space instead. */
  static Metaspace.Scheme scheme(Fields f) {
    if (!f.has("prepend_scheme")) {
      return f.bool("add_prefix_space", true) ? Metaspace.Scheme.ALWAYS : Metaspace.Scheme.NEVER;
    }
    String name = f.string("prepend_scheme");
    return switch (name) {
      case "first" -> Metaspace.Scheme.FIRST;
      case "never" -> Metaspace.Scheme.NEVER;
      case "always" -> Metaspace.Scheme.ALWAYS;
      default ->
          throw new TokenizerFormatException(
              f.path() + ".prepend_scheme is '" + name + "'; expected first, never or always");
    };
  }
}
