package jllm.tokenize.read;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.model.ByteTrie;
import jllm.tokenize.model.Model;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.SpmBpe;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.post.AddAround;
import jllm.tokenize.text.ByteToken;
import jllm.tokenize.text.CharsMap;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's {@code .model} files (github.com/google/sentencepiece,
 * sentencepiece_model.proto): unigram and BPE models with their normalization.
 */
final class SentencePieceModel {

  private static final int UNIGRAM = 1;
  private static final int BPE = 2;

  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;

  private final String name;
  private final List<String> pieces = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();
  private int modelType = UNIGRAM;
  private boolean byteFallback;
  private boolean spaceAsSuffix;
  private int bos = 1;
  private int eos = 2;
  private int pad = -1;
  private byte @Nullable [] charsMap;
  private boolean addDummyPrefix = true;
  private boolean removeExtraWhitespaces = true;
  private boolean escapeWhitespaces = true;

  private SentencePieceModel(String name) {
    this.name = name;
  }

  static Tokenizer read(byte[] bytes, String name) {
    SentencePieceModel model = new SentencePieceModel(name);
    model.parse(new ProtoReader(bytes, name));
    return model.build();
  }

  private void parse(ProtoReader in) {
    for (int field = in.next(); field >= 0; field = in.next()) {
      switch (field) {
        case 1 -> piece(in.message());
        case 2 -> trainer(in.message());
        case 3 -> normalizer(in.message());
        default -> in.skip();
      }
    }
    if (pieces.isEmpty()) {
      throw new TokenizerFormatException(name + " is no SentencePiece model: it has no pieces");
    }
  }

  private void piece(ProtoReader in) {
    String piece = "";
    float score = 0;
    int type = NORMAL;
    for (int field = in.next(); field >= 0; field = in.next()) {
      switch (field) {
        case 1 -> piece = in.string();
        case 2 -> score = in.float32();
        case 3 -> type = in.integer();
        default -> in.skip();
      }
    }
    if (piece.isEmpty()) {
      throw new TokenizerFormatException(name + ": piece " + pieces.size() + " is empty");
    }
    pieces.add(piece);
    scores.add(score);
    types.add(type);
  }

  private void trainer(ProtoReader in) {
    for (int field = in.next(); field >= 0; field = in.next()) {
      switch (field) {
        case 3 -> modelType = in.integer();
        case 24 -> spaceAsSuffix = in.bool();
        case 35 -> byteFallback = in.bool();
        case 41 -> bos = in.integer();
        case 42 -> eos = in.integer();
        case 43 -> pad = in.integer();
        default -> in.skip();
      }
    }
  }

  private void normalizer(ProtoReader in) {
    for (int field = in.next(); field >= 0; field = in.next()) {
      switch (field) {
        case 2 -> charsMap = in.bytes();
        case 3 -> addDummyPrefix = in.bool();
        case 4 -> removeExtraWhitespaces = in.bool();
        case 5 -> escapeWhitespaces = in.bool();
        default -> in.skip();
      }
    }
  }

  private Tokenizer build() {
    PieceKind[] kinds = new PieceKind[pieces.size()];
    byte[][] userDefined = new byte[kinds.length][];
    List<AddedToken> added = new ArrayList<>();
    int unknown = -1;
    for (int id = 0; id < kinds.length; id++) {
      String piece = pieces.get(id);
      int type = types.get(id);
      kinds[id] = kind(type, id);
      userDefined[id] = type == USER_DEFINED ? piece.getBytes(StandardCharsets.UTF_8) : new byte[0];
      if (type == UNKNOWN || type == CONTROL) {
        added.add(AddedToken.special(id, piece));
      }
      unknown = type == UNKNOWN ? id : unknown;
    }
    if (unknown < 0) {
      throw new TokenizerFormatException(name + " has no piece for unknown text");
    }
    Vocabulary vocabulary = new Vocabulary(pieces.toArray(new @Nullable String[0]), added);
    SpecialIds ids = roles(unknown);
    byte[] map = charsMap;
    return new Tokenizer(
        new Pipeline(
            name,
            vocabulary,
            added,
            new SpmNormalizer(
                map == null || map.length == 0 ? null : new CharsMap(map),
                new ByteTrie(userDefined),
                addDummyPrefix,
                removeExtraWhitespaces,
                escapeWhitespaces,
                spaceAsSuffix),
            null,
            model(kinds, unknown),
            new AddAround(ids.bos() < 0 ? new int[0] : new int[] {ids.bos()}, new int[0]),
            SpmDecoders.of(addDummyPrefix, removeExtraWhitespaces),
            GgufTokenizers::spmBytes,
            ids,
            EndOfGeneration.of(vocabulary, ids)));
  }

  private PieceKind kind(int type, int id) {
    return switch (type) {
      case NORMAL -> PieceKind.NORMAL;
      case USER_DEFINED -> PieceKind.USER_DEFINED;
      case UNUSED -> PieceKind.UNUSED;
      case UNKNOWN, CONTROL -> PieceKind.APART;
      case BYTE -> {
        if (ByteToken.byteOf(pieces.get(id)) < 0) {
          throw new TokenizerFormatException(
              name + ": piece " + id + " should be a byte but is '" + pieces.get(id) + "'");
        }
        yield PieceKind.APART;
      }
      default ->
          throw new TokenizerFormatException(
              name + ": piece " + id + " has the type " + type + "; known are 1 to 6");
    };
  }

  private Model model(PieceKind[] kinds, int unknown) {
    switch (modelType) {
      case UNIGRAM -> {
        double[] s = scores.stream().mapToDouble(Float::doubleValue).toArray();
        return new Unigram(pieces, s, kinds, unknown, byteFallback, Unigram.Precision.SINGLE);
      }
      case BPE -> {
        float[] s = new float[kinds.length];
        for (int id = 0; id < s.length; id++) {
          s[id] = scores.get(id);
        }
        int[] byteIds = byteFallback ? GgufTokenizers.byteIds(pieces) : new int[0];
        return new SpmBpe(pieces, s, kinds, byteIds, unknown);
      }
      default ->
          throw new TokenizerFormatException(
              name
                  + " is a SentencePiece model of type "
                  + modelType
                  + "; known are 1 (unigram) and 2 (BPE)");
    }
  }

  private SpecialIds roles(int unknown) {
    Map<Role, Integer> ids = new EnumMap<>(Role.class);
    ids.put(Role.UNK, unknown);
    for (Map.Entry<Role, Integer> role :
        Map.of(Role.BOS, bos, Role.EOS, eos, Role.PAD, pad).entrySet()) {
      int id = role.getValue();
      if (id >= 0 && id < types.size() && types.get(id) == CONTROL) {
        ids.put(role.getKey(), id);
      }
    }
    return new SpecialIds(ids);
  }
}
