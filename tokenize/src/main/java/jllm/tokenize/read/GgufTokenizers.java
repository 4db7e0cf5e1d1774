package jllm.tokenize.read;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.decode.WordPieceDecoder;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.ByteTrie;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.model.WordPiece;
import jllm.tokenize.normalize.BertNormalizer;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.post.AddAround;
import jllm.tokenize.post.ClsSep;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.BertPreTokenizer;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.ByteToken;
import jllm.tokenize.text.CharsMap;
import jllm.tokenize.text.LiteralPattern;
import org.jspecify.annotations.Nullable;

/**
 * Tokenizers from the metadata of GGUF files (github.com/ggml-org/ggml, docs/gguf.md). Defaults are
 * those of llama.cpp, which the files are written for.
 */
final class GgufTokenizers {

  private static final String SPACE = "\u2581";
  private static final String WORD_PART = "##";

  private GgufTokenizers() {}

  static Tokenizer of(VocabularySpec spec) {
    if (spec.tokens().isEmpty()) {
      throw new TokenizerFormatException(
          "the vocabulary (tokenizer.ggml.tokens) is empty; expected at least one token");
    }
    for (Map.Entry<Role, Integer> id : spec.ids().toMap().entrySet()) {
      if (id.getValue() >= spec.tokens().size()) {
        throw new TokenizerFormatException(
            "tokenizer.ggml."
                + id.getKey().key()
                + "_token_id is "
                + id.getValue()
                + ", but there are "
                + spec.tokens().size()
                + " tokens");
      }
    }
    return switch (spec.model()) {
      case "llama" -> spm(spec);
      case "gpt2" -> byteLevelBpe(spec);
      case "bert" -> wordPiece(spec);
      case "t5" -> unigram(spec);
      default ->
          throw new TokenizerFormatException(
              "unknown tokenizer model '"
                  + spec.model()
                  + "' (tokenizer.ggml.model); known are llama, gpt2, bert and t5");
    };
  }

  private static Tokenizer spm(VocabularySpec spec) {
    SpecialIds ids = defaults(spec, new SpecialIds(Map.of(Role.BOS, 1, Role.EOS, 2, Role.UNK, 0)));
    List<String> tokens = spec.tokens();
    PieceKind[] kinds = new PieceKind[tokens.size()];
    for (int id = 0; id < kinds.length; id++) {
      kinds[id] =
          switch (type(spec, id)) {
            case VocabularySpec.NORMAL -> PieceKind.NORMAL;
            case VocabularySpec.UNUSED -> PieceKind.UNUSED;
            default -> PieceKind.APART;
          };
    }
    float[] scores = spec.scores().length == 0 ? new float[kinds.length] : spec.scores();
    SpmBpe model = new SpmBpe(tokens, scores, kinds, byteIds(tokens), ids.unk());
    boolean prefix = spec.addSpacePrefix() == null || spec.addSpacePrefix();
    Normalizer escape = new Replace(new LiteralPattern(" "), SPACE);
    Normalizer normalizer =
        prefix ? new NormalizerSequence(List.of(new Prepend(SPACE), escape)) : escape;
    List<AddedToken> added = added(spec);
    Vocabulary vocabulary = vocabulary(tokens, added);
    return new Tokenizer(
        new Pipeline(
            "llama",
            vocabulary,
            added,
            normalizer,
            null,
            model,
            around(spec, ids, true),
            SpmDecoders.of(prefix, false),
            GgufTokenizers::spmBytes,
            ids,
            EndOfGeneration.of(vocabulary, ids)));
  }

  private static Tokenizer byteLevelBpe(VocabularySpec spec) {
    SpecialIds ids = spec.ids();
    GgufPreTokenizers.Choice choice =
        GgufPreTokenizers.named(spec.pre() == null ? "default" : spec.pre());
    @Nullable String[] tokens = new @Nullable String[spec.tokens().size()];
    for (int id = 0; id < tokens.length; id++) {
      int type = type(spec, id);
      boolean text = type == VocabularySpec.NORMAL || type == VocabularySpec.UNUSED;
      tokens[id] = text ? spec.tokens().get(id) : null;
    }
    Bpe.Builder bpe =
        new Bpe.Builder(tokens, Bpe.Options.NONE.withIgnoreMerges(choice.ignoreMerges()), false);
    for (String merge : spec.merges()) {
      int space = merge.indexOf(' ', 1);
      if (space < 0) {
        throw new TokenizerFormatException(
            "merge '" + merge + "' (tokenizer.ggml.merges) is not two tokens with a space between");
      }
      bpe.merge(merge.substring(0, space), merge.substring(space + 1));
    }
    List<AddedToken> added = added(spec);
    Vocabulary vocabulary = vocabulary(spec.tokens(), added);
    PreTokenizer bytes = new ByteLevel(false, true, false);
    return new Tokenizer(
        new Pipeline(
            spec.pre() == null ? "gpt2" : spec.pre(),
            vocabulary,
            added,
            null,
            new PreTokenizerSequence(List.of(choice.preTokenizer(), bytes)),
            bpe.build(),
            around(spec, ids, choice.addBos()),
            new ByteLevelDecoder(),
            ByteAlphabet::decodeOrText,
            ids,
            EndOfGeneration.of(vocabulary, ids)));
  }

  /**
   * WordPiece. The file has U+2581 before tokens that begin a word and nothing before the others;
   * the model wants it the other way round.
   */
  private static Tokenizer wordPiece(VocabularySpec spec) {
    SpecialIds ids =
        defaults(
            spec,
            new SpecialIds(
                Map.of(Role.UNK, 100, Role.CLS, 101, Role.SEP, 102, Role.MASK, 103, Role.PAD, 0)));
    @Nullable String[] tokens = new @Nullable String[spec.tokens().size()];
    for (int id = 0; id < tokens.length; id++) {
      String token = spec.tokens().get(id);
      if (token.startsWith(SPACE)) {
        tokens[id] = token.substring(SPACE.length());
      } else if (token.startsWith("[") && token.endsWith("]")) {
        tokens[id] = token;
      } else {
        tokens[id] = WORD_PART + token;
      }
    }
    List<AddedToken> added = new ArrayList<>();
    for (AddedToken token : added(spec)) {
      added.add(AddedToken.special(token.id(), String.valueOf(tokens[token.id()])));
    }
    Vocabulary vocabulary = new Vocabulary(tokens, added);
    int cls = ids.has(Role.CLS) ? ids.id(Role.CLS) : ids.bos();
    int sep = ids.id(Role.SEP);
    if (ids.unk() < 0 || cls < 0 || sep < 0) {
      throw new TokenizerFormatException(
          "the bert vocabulary has no unknown, classification or separator token");
    }
    WordPiece model =
        new WordPiece(tokens, vocabulary.text(ids.unk()), WORD_PART, Integer.MAX_VALUE);
    return new Tokenizer(
        new Pipeline(
            "bert",
            vocabulary,
            added,
            new BertNormalizer(true, true, null, true),
            new BertPreTokenizer(),
            model,
            new ClsSep(cls, vocabulary.text(cls), sep, vocabulary.text(sep), PostProcessor.NONE),
            new WordPieceDecoder(WORD_PART, true),
            Spellings.of(new WordPieceDecoder(WORD_PART, false)),
            ids,
            EndOfGeneration.of(vocabulary, ids)));
  }

  private static Tokenizer unigram(VocabularySpec spec) {
    SpecialIds ids = defaults(spec, new SpecialIds(Map.of(Role.EOS, 1, Role.UNK, 2, Role.PAD, 0)));
    List<String> tokens = spec.tokens();
    if (spec.scores().length == 0) {
      throw new TokenizerFormatException(
          "the t5 vocabulary has no scores (tokenizer.ggml.scores); expected one a token");
    }
    double[] scores = new double[tokens.size()];
    PieceKind[] kinds = new PieceKind[scores.length];
    for (int id = 0; id < scores.length; id++) {
      scores[id] = spec.scores()[id];
      kinds[id] = type(spec, id) == VocabularySpec.NORMAL ? PieceKind.NORMAL : PieceKind.APART;
    }
    boolean bytes = byteIds(tokens).length > 0;
    boolean prefix = spec.addSpacePrefix() != null && spec.addSpacePrefix();
    boolean merge = spec.removeExtraWhitespaces() != null && spec.removeExtraWhitespaces();
    byte[] map = spec.precompiledCharsMap();
    Normalizer normalizer =
        new SpmNormalizer(
            map == null || map.length == 0 ? null : new CharsMap(map),
            new ByteTrie(new byte[0][]),
            prefix,
            merge,
            true,
            false);
    List<AddedToken> added = added(spec);
    Vocabulary vocabulary = vocabulary(tokens, added);
    boolean bos = spec.addBos() != null && spec.addBos() && ids.bos() >= 0;
    boolean eos = (spec.addEos() == null || spec.addEos()) && ids.eos() >= 0;
    return new Tokenizer(
        new Pipeline(
            "t5",
            vocabulary,
            added,
            normalizer,
            null,
            new Unigram(tokens, scores, kinds, ids.unk(), bytes, Unigram.Precision.SINGLE),
            new AddAround(
                bos ? new int[] {ids.bos()} : new int[0], eos ? new int[] {ids.eos()} : new int[0]),
            SpmDecoders.of(prefix, merge),
            GgufTokenizers::spmBytes,
            ids,
            EndOfGeneration.of(vocabulary, ids)));
  }

  /** What a type-less vocabulary says of its tokens: all are text. */
  private static int type(VocabularySpec spec, int id) {
    return spec.types().length == 0 ? VocabularySpec.NORMAL : spec.types()[id];
  }

  /** The ids that the file gives, and for the others the defaults as far as they exist. */
  private static SpecialIds defaults(VocabularySpec spec, SpecialIds defaults) {
    SpecialIds ids = spec.ids();
    for (var entry : defaults.toMap().entrySet()) {
      if (!ids.has(entry.getKey()) && entry.getValue() < spec.tokens().size()) {
        ids = ids.with(entry.getKey(), entry.getValue());
      }
    }
    return ids;
  }

  private static List<AddedToken> added(VocabularySpec spec) {
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < spec.tokens().size(); id++) {
      String text = spec.tokens().get(id);
      switch (type(spec, id)) {
        case VocabularySpec.CONTROL, VocabularySpec.UNKNOWN ->
            added.add(AddedToken.special(id, text));
        case VocabularySpec.USER_DEFINED -> added.add(AddedToken.text(id, text));
        default -> {}
      }
    }
    return added;
  }

  private static Vocabulary vocabulary(List<String> tokens, List<AddedToken> added) {
    return new Vocabulary(tokens.toArray(new @Nullable String[0]), added);
  }

  private static PostProcessor around(VocabularySpec spec, SpecialIds ids, boolean bosByDefault) {
    boolean bos = spec.addBos() == null ? bosByDefault : spec.addBos();
    boolean eos = spec.addEos() != null && spec.addEos();
    int[] before = bos && ids.bos() >= 0 ? new int[] {ids.bos()} : new int[0];
    int[] after = eos && ids.eos() >= 0 ? new int[] {ids.eos()} : new int[0];
    return before.length + after.length == 0 ? PostProcessor.NONE : new AddAround(before, after);
  }

  /** The ids of the byte tokens, or none if one of the 256 is missing. */
  static int[] byteIds(List<String> tokens) {
    int[] ids = new int[256];
    java.util.Arrays.fill(ids, -1);
    for (int id = 0; id < tokens.size(); id++) {
      int b = ByteToken.byteOf(tokens.get(id));
      if (b >= 0) {
        ids[b] = id;
      }
    }
    for (int id : ids) {
      if (id < 0) {
        return new int[0];
      }
    }
    return ids;
  }

  /** The bytes that a piece of SentencePiece stands for. */
  static byte[] spmBytes(String piece) {
    int b = ByteToken.byteOf(piece);
    return b >= 0
        ? new byte[] {(byte) b}
        : piece.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
  }
}
