package jllm.tokenize.write;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.decode.ByteFallbackDecoder;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.decode.DecoderSequence;
import jllm.tokenize.decode.FuseDecoder;
import jllm.tokenize.decode.LeadingSpaceDecoder;
import jllm.tokenize.decode.StripDecoder;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Model;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.RankBpe;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.normalize.Precompiled;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.post.AddAround;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.post.Template;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.LiteralPattern;
import jllm.tokenize.text.RegexPattern;
import org.jspecify.annotations.Nullable;

/**
 * A pipeline with components that Hugging Face's library knows, in place of those of SentencePiece
 * and tiktoken, that gives the same tokens. What has no such form is refused.
 */
final class HuggingFaceForm {

  private static final String SPACE = "\u2581";
  private static final int ALL = 1 << 20;

  private final Pipeline source;
  private final List<AddedToken> added;

  private HuggingFaceForm(Pipeline source) {
    this.source = source;
    this.added = new ArrayList<>(source.added());
  }

  static Pipeline of(Pipeline source) {
    return new HuggingFaceForm(source).convert();
  }

  private Pipeline convert() {
    Normalizer normalizer =
        source.normalizer() instanceof SpmNormalizer spm ? spm(spm) : source.normalizer();
    Model model =
        switch (source.model()) {
          case RankBpe m -> ranks(m);
          case SpmBpe m -> spm(m);
          case Model m -> m;
        };
    return new Pipeline(
        source.name(),
        source.vocabulary(),
        added,
        normalizer,
        source.model() instanceof RankBpe ? spelled(source.preTokenizer()) : source.preTokenizer(),
        model,
        source.postProcessor() instanceof AddAround around
            ? template(around)
            : source.postProcessor(),
        decoder(source.decoder()),
        source.spelling(),
        source.special(),
        source.endOfGeneration());
  }

  static PreTokenizer spelled(@Nullable PreTokenizer split) {
    PreTokenizer bytes = new ByteLevel(false, true, false);
    return split == null ? bytes : new PreTokenizerSequence(List.of(split, bytes));
  }

  /** Rank tables: a merge for each way to make a token of two. */
  static Bpe ranks(RankBpe model) {
    byte[][] keys = new byte[model.size()][];
    int[] ranks = new int[keys.length];
    @Nullable String[] tokens = new @Nullable String[keys.length];
    for (int id = 0; id < keys.length; id++) {
      keys[id] = model.token(id);
      ranks[id] = id;
      tokens[id] = keys[id].length == 0 ? null : ByteAlphabet.encode(keys[id]);
    }
    return bpe(tokens, Bpe.Options.NONE.withIgnoreMerges(true), Merges.of(keys, ranks, false));
  }

  private static Bpe bpe(@Nullable String[] tokens, Bpe.Options options, List<Merges.Pair> merges) {
    Bpe.Builder builder = new Bpe.Builder(tokens, options, true);
    for (Merges.Pair merge : merges) {
      builder.merge(String.valueOf(tokens[merge.left()]), String.valueOf(tokens[merge.right()]));
    }
    return builder.build();
  }

  private Bpe spm(SpmBpe model) {
    int size = model.pieces().size();
    byte[][] keys = new byte[size][];
    @Nullable String[] tokens = new @Nullable String[size];
    boolean prefix = source.normalizer() instanceof SpmNormalizer n && n.addDummyPrefix();
    for (int id = 0; id < size; id++) {
      PieceKind kind = model.kind(id);
      tokens[id] = model.pieces().get(id);
      keys[id] =
          kind == PieceKind.NORMAL || kind == PieceKind.UNUSED
              ? Merges.utf8(model.pieces().get(id))
              : new byte[0];
      if (kind == PieceKind.USER_DEFINED) {
        userDefined(id, model.pieces().get(id), prefix);
      }
    }
    int odd = Merges.madeOfUnknown(keys);
    if (odd >= 0) {
      throw refused(
          "its piece '" + model.pieces().get(odd) + "' is made of a character that is no piece");
    }
    List<Merges.Pair> merges = Merges.of(keys, model.ranks(), true);
    checkUnused(model, merges);
    String unknown = model.unknown() < 0 ? null : model.pieces().get(model.unknown());
    return bpe(
        tokens, new Bpe.Options(unknown, null, null, true, model.byteFallback(), false), merges);
  }

  /** Symbols that are found before all else are added tokens, unless a space goes before each. */
  private void userDefined(int id, String piece, boolean prefix) {
    if (prefix) {
      throw refused(
          "its user-defined symbol '"
              + piece
              + "' takes no space before what follows it, while one goes before the text");
    }
    added.add(new AddedToken(id, piece, false, false, false, true, false));
  }

  private void checkUnused(SpmBpe model, List<Merges.Pair> merges) {
    for (Merges.Pair merge : merges) {
      String result = model.pieces().get(merge.left()) + model.pieces().get(merge.right());
      int id = source.vocabulary().id(result);
      if (id >= 0 && id < model.pieces().size() && model.kind(id) == PieceKind.UNUSED) {
        throw refused("its unused piece '" + result + "' is put together and taken apart again");
      }
    }
  }

  private Normalizer spm(SpmNormalizer spm) {
    if (spm.spaceAsSuffix()) {
      throw refused("it puts spaces after words (treat_whitespace_as_suffix)");
    }
    List<Normalizer> steps = new ArrayList<>();
    if (spm.map() != null) {
      steps.add(new Precompiled(spm.map()));
    }
    if (spm.removeExtraWhitespaces()) {
      steps.add(new Replace(new RegexPattern("\\A +|[ " + SPACE + "]+\\z"), ""));
      steps.add(new Replace(new RegexPattern(" {2,}"), " "));
    }
    String space = spm.escapeWhitespaces() ? SPACE : " ";
    if (spm.addDummyPrefix()) {
      steps.add(new Prepend(space));
    }
    if (spm.escapeWhitespaces()) {
      steps.add(new Replace(new LiteralPattern(" "), SPACE));
    }
    return steps.size() == 1 ? steps.getFirst() : new NormalizerSequence(steps);
  }

  private PostProcessor template(AddAround around) {
    List<Template.Part> single = new ArrayList<>();
    List<Template.Part> pair = new ArrayList<>();
    text(around, "A", 0, single);
    text(around, "A", 0, pair);
    text(around, "B", 1, pair);
    return new Template(single, pair);
  }

  private void text(AddAround around, String name, int type, List<Template.Part> into) {
    for (int id : around.before()) {
      into.add(Template.Part.special(source.vocabulary(), id, type));
    }
    into.add(Template.Part.text(name, type));
    for (int id : around.after()) {
      into.add(Template.Part.special(source.vocabulary(), id, type));
    }
  }

  private static @Nullable Decoder decoder(@Nullable Decoder decoder) {
    if (!(decoder instanceof DecoderSequence sequence)
        || sequence.decoders().stream().noneMatch(LeadingSpaceDecoder.class::isInstance)) {
      return decoder;
    }
    List<Decoder> steps = new ArrayList<>();
    @Nullable Decoder last = null;
    for (Decoder d : sequence.decoders()) {
      if (d instanceof LeadingSpaceDecoder leading) {
        last = new StripDecoder(' ', leading.repeatedly() ? ALL : 1, 0);
      } else {
        steps.add(d);
        if (d instanceof ByteFallbackDecoder) {
          steps.add(new FuseDecoder());
        }
      }
    }
    if (last != null) {
      steps.add(last);
    }
    return new DecoderSequence(steps);
  }

  private TokenizerFormatException refused(String why) {
    return new TokenizerFormatException(
        source.name() + " cannot be written as tokenizer.json: " + why);
  }
}
