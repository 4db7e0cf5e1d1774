package jllm.tokenize.stream;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer.Form;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Model;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.normalize.BertNormalizer;
import jllm.tokenize.normalize.Lowercase;
import jllm.tokenize.normalize.Nmt;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.normalize.Precompiled;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.normalize.Strip;
import jllm.tokenize.normalize.StripAccents;
import jllm.tokenize.normalize.UnicodeForm;
import jllm.tokenize.text.LiteralPattern;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * Where a tokenizer lets a text be cut, its parts giving the tokens of the whole: where neither its
 * normalizer nor its pre-tokenizer nor its model looks across. Decided by the components; one that
 * is not known to keep to its side of such a place means that there is none.
 *
 * @param rule the places
 * @param dropsSpace whether a part that does not begin the text is encoded without the space that
 *     it begins with: the tokenizer puts one before every text
 */
public record Cuts(CutRule rule, boolean dropsSpace) {
  private static final Cuts NONE = new Cuts(CutRule.NEVER, false);
  private static final String MARK = "\u2581";

  /** No character below changes in any form of Unicode. */
  private static final int FIRST_UNSTABLE = 0xa0;

  /** Spaces that the first characters of a match would begin: never next to a single space. */
  private static final Set<String> RUNS_OF_SPACES = Set.of(" {2,}", "  +");

  /** Where texts may be cut for a tokenizer. */
  public static Cuts of(Tokenizer tokenizer, boolean parseSpecial) {
    Pipeline pipeline = tokenizer.pipeline();
    List<AddedToken> matched =
        pipeline.added().stream().filter(t -> parseSpecial || !t.special()).toList();
    // Special text that is not parsed may hide another token, so its text has to stay whole too.
    if (matched.stream().anyMatch(t -> t.singleWord() || t.lstrip() || t.rstrip())) {
      return NONE;
    }
    Normalizer normalizer = pipeline.normalizer();
    PieceCuts pieces = PieceCuts.of(pipeline.preTokenizer());
    List<String> added =
        pipeline.added().stream().flatMap(t -> forms(t, normalizer).stream()).toList();
    if (pieces == PieceCuts.BY_PATTERN && normalizer == null) {
      for (CutRule rule : List.of(CutRule.WORDS, CutRule.SPACES)) {
        if (added.stream().allMatch(text -> isUncut(text, rule))) {
          return new Cuts(rule, false);
        }
      }
      return NONE;
    }
    if (pieces == PieceCuts.BY_PATTERN && normalizer instanceof UnicodeForm unicode) {
      boolean fits = added.stream().allMatch(text -> isUncut(text, CutRule.SPACES));
      return fits ? new Cuts(afterStableCharacters(unicode.form()), false) : NONE;
    }
    if (isDummyPrefix(normalizer)) {
      boolean fits =
          pieces == PieceCuts.NONE
              && mergesWithinWords(pipeline.model())
              && pipeline.added().stream().allMatch(Cuts::isApartFromWords);
      return fits ? new Cuts(Cuts::lastSpaceInWords, true) : NONE;
    }
    boolean escaped = isEscape(normalizer);
    boolean fits =
        (normalizer == null || escaped || keepsToItsSide(normalizer))
            && switch (pieces) {
              case BY_PATTERN, BY_SPACE -> !escaped;
              case MARKED -> !escaped && mergesWithinWords(pipeline.model());
              case NONE -> escaped && mergesWithinWords(pipeline.model());
              case UNKNOWN -> false;
            }
            && added.stream().allMatch(Cuts::hasNoSpaceInside);
    return fits ? new Cuts(Cuts::lastSingleSpace, false) : NONE;
  }

  /** Whether there is any place to cut. */
  public boolean exist() {
    return rule != CutRule.NEVER;
  }

  /** The last single space between an ASCII letter or digit and a visible ASCII character. */
  private static int lastSingleSpace(byte[] utf8, int from, int to) {
    for (int i = to - 2; i > from; i--) {
      byte next = utf8[i + 1];
      if (utf8[i] == ' ' && isLetterOrDigit(utf8[i - 1]) && next > ' ' && next < 0x7f) {
        return i;
      }
    }
    return -1;
  }

  /** The last single space between two ASCII letters or digits. */
  private static int lastSpaceInWords(byte[] utf8, int from, int to) {
    for (int i = to - 2; i > from; i--) {
      if (utf8[i] == ' ' && isLetterOrDigit(utf8[i - 1]) && isLetterOrDigit(utf8[i + 1])) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isLetterOrDigit(byte b) {
    return b >= '0' && b <= '9' || (b | 0x20) >= 'a' && (b | 0x20) <= 'z';
  }

  /**
   * The cuts before spaces and line ends where a text may also be normalized in parts, with the
   * same cuts afterwards. A space or line end neither changes nor composes with what is before it;
   * a letter before it has to stay the last character: one that decomposes may leave a mark there,
   * which is no part of a word and takes a line end along.
   */
  private static CutRule afterStableCharacters(Form form) {
    return (utf8, from, to) -> {
      int cut = CutRule.SPACES.last(utf8, from, to);
      while (cut >= 0 && !isStable(Utf8.codePoint(utf8, Utf8.previous(utf8, cut)), form)) {
        cut = CutRule.SPACES.last(utf8, from, cut);
      }
      return cut;
    };
  }

  private static boolean isStable(int codePoint, Form form) {
    return codePoint < FIRST_UNSTABLE
        || java.text.Normalizer.isNormalized(Character.toString(codePoint), form);
  }

  /** The texts by which a token is found: as it is written and, if asked for, normalized. */
  private static List<String> forms(AddedToken token, @Nullable Normalizer normalizer) {
    if (normalizer == null || !token.normalized()) {
      return List.of(token.content());
    }
    byte[] utf8 = token.content().getBytes(StandardCharsets.UTF_8);
    Workspace workspace = new Workspace();
    workspace.wrap(utf8, 0, utf8.length);
    normalizer.normalize(workspace);
    return List.of(token.content(), workspace.text().toString());
  }

  private static boolean isUncut(String text, CutRule rule) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return rule.last(utf8, 0, utf8.length) < 0;
  }

  private static boolean hasNoSpaceInside(String added) {
    String text = added.replace(MARK, " ");
    for (int i = 1; i < text.length(); i++) {
      if (text.charAt(i) == ' ' && text.charAt(i - 1) != ' ') {
        return false;
      }
    }
    return true;
  }

  /** Whether a token neither ends nor begins where a text may be cut, nor holds a space. */
  private static boolean isApartFromWords(AddedToken token) {
    String text = token.content().replace(MARK, " ");
    return text.isEmpty()
        || text.indexOf(' ') < 0
            && !Character.isLetterOrDigit(text.codePointAt(0))
            && !Character.isLetterOrDigit(text.codePointBefore(text.length()));
  }

  private static boolean mergesWithinWords(Model model) {
    return model instanceof SpmBpe spm && spm.onlyBegins(MARK)
        || model instanceof Bpe bpe && bpe.onlyBegins(MARK);
  }

  /** Whether a text gets a space in front, all spaces are marked, and nothing else happens. */
  private static boolean isDummyPrefix(@Nullable Normalizer normalizer) {
    return switch (normalizer) {
      case SpmNormalizer spm ->
          spm.map() == null
              && spm.addDummyPrefix()
              && !spm.removeExtraWhitespaces()
              && spm.escapeWhitespaces()
              && !spm.spaceAsSuffix();
      case NormalizerSequence(List<Normalizer> all) ->
          all.size() == 2
              && all.get(0) instanceof Prepend(String prefix)
              && prefix.equals(MARK)
              && isEscape(all.get(1));
      case null, default -> false;
    };
  }

  private static boolean isEscape(@Nullable Normalizer normalizer) {
    return switch (normalizer) {
      case Replace(LiteralPattern pattern, String content) ->
          pattern.source().equals(" ") && content.equals(MARK);
      case SpmNormalizer spm ->
          spm.map() == null
              && !spm.addDummyPrefix()
              && !spm.removeExtraWhitespaces()
              && spm.escapeWhitespaces();
      case null, default -> false;
    };
  }

  /** Whether what stands before a single space between words, and what behind, stays apart. */
  private static boolean keepsToItsSide(Normalizer normalizer) {
    return switch (normalizer) {
      case UnicodeForm _, Lowercase _, StripAccents _, Nmt _, BertNormalizer _, Precompiled _ ->
          true;
      case Strip strip -> !strip.left();
      case Replace replace -> RUNS_OF_SPACES.contains(replace.pattern().source());
      case NormalizerSequence(List<Normalizer> all) ->
          all.stream().allMatch((Predicate<Normalizer>) Cuts::keepsToItsSide);
      default -> false;
    };
  }
}
