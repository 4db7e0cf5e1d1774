package jllm.tokenize.read;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.post.AddAround;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.SplitterPreTokenizer;
import jllm.tokenize.split.WordStartSplitter;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.ByteToken;
import jllm.tokenize.text.LiteralPattern;
import org.jspecify.annotations.Nullable;

/**
 * Tokenizers from the metadata of GGUF files (github.com/ggml-org/ggml, docs/gguf.md). Defaults are
 * those of llama.cpp, which the files are written for.
 */
final class GgufTokenizers {

  private static final String SPACE = "\u2581";

  private GgufTokenizers() {}

  static Tokenizer of(VocabularySpec spec) {
    if (spec.tokens().isEmpty()) {
      throw new TokenizerFormatException(
          "the vocabulary (tokenizer.ggml.tokens) is empty; expected at least one token");
    }
    return switch (spec.model()) {
      case "llama" -> spm(spec);
      case "gpt2" -> byteLevelBpe(spec);
      default ->
          throw new TokenizerFormatException(
              "unknown tokenizer model '"
                  + spec.model()
                  + "' (tokenizer.ggml.model); known are llama, gpt2, bert and t5");
    };
  }

  private static Tokenizer spm(VocabularySpec spec) {
    SpecialIds ids =
        defaults(spec, new SpecialIds(java.util.Map.of(Role.BOS, 1, Role.EOS, 2, Role.UNK, 0)));
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
    PreTokenizer preTokenizer =
        model.onlyBegins(SPACE)
            ? new SplitterPreTokenizer(new WordStartSplitter(SPACE.codePointAt(0)))
            : null;
    List<AddedToken> added = added(spec);
    Vocabulary vocabulary = vocabulary(tokens, added);
    return new Tokenizer(
        new Pipeline(
            "llama",
            vocabulary,
            added,
            normalizer,
            preTokenizer,
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
