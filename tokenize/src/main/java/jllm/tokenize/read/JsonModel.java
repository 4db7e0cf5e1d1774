package jllm.tokenize.read;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Model;
import jllm.tokenize.model.PieceKind;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.model.WordLevel;
import jllm.tokenize.model.WordPiece;
import org.jspecify.annotations.Nullable;

/**
 * The model of {@code tokenizer.json}. Its vocabulary and merges, nearly all of the file, are taken
 * from the parser as they come; the rest are ordinary fields.
 */
final class JsonModel {

  /** Far more than any vocabulary has: a larger id is damage, not a reason to find memory. */
  static final int MOST_IDS = 1 << 22;

  private final String name;
  private final Map<String, @Nullable Object> rest = new LinkedHashMap<>();
  private @Nullable String[] tokens = new @Nullable String[1 << 12];
  private double[] scores = {};
  private int size;
  private boolean scored;
  private final List<String> lefts = new ArrayList<>();
  private final List<String> rights = new ArrayList<>();

  private JsonModel(String name) {
    this.name = name;
  }

  /** Reads the object that begins at the parser's present token. */
  static JsonModel read(JsonParser parser, String name) throws IOException {
    JsonModel model = new JsonModel(name);
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw new TokenizerFormatException(name + ": the model is missing; expected an object");
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("vocab") && value == JsonToken.START_OBJECT) {
        model.readVocabulary(parser);
      } else if (field.equals("vocab") && value == JsonToken.START_ARRAY) {
        model.readScoredVocabulary(parser);
      } else if (field.equals("merges") && value == JsonToken.START_ARRAY) {
        model.readMerges(parser);
      } else {
        model.rest.put(field, Json.value(parser));
      }
    }
    return model;
  }

  /** Reads a vocabulary alone, as in {@code vocab.json}: an object from token to id. */
  static @Nullable String[] vocabulary(JsonParser parser, String name) throws IOException {
    JsonModel model = new JsonModel(name);
    model.readVocabulary(parser);
    return model.tokens();
  }

  private void readVocabulary(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String token = parser.currentName();
      if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
        throw wrong("the id of the token '" + token + "' is " + parser.getText());
      }
      long id = parser.getLongValue();
      if (id < 0 || id >= MOST_IDS) {
        throw wrong("the token '" + token + "' has the id " + id);
      }
      put((int) id, token);
    }
  }

  private void readScoredVocabulary(JsonParser parser) throws IOException {
    scored = true;
    scores = new double[tokens.length];
    while (parser.nextToken() == JsonToken.START_ARRAY) {
      if (parser.nextToken() != JsonToken.VALUE_STRING) {
        throw wrong("token " + size + " has no text");
      }
      String token = parser.getText();
      if (!parser.nextToken().isNumeric()) {
        throw wrong("the score of the token '" + token + "' is " + parser.getText());
      }
      double score = SerdeNumber.parse(parser.getText());
      put(size, token);
      scores = scores.length < tokens.length ? Arrays.copyOf(scores, tokens.length) : scores;
      scores[size - 1] = score;
      if (parser.nextToken() != JsonToken.END_ARRAY) {
        throw wrong("token '" + token + "' is more than a text and a score");
      }
    }
    if (parser.currentToken() != JsonToken.END_ARRAY) {
      throw wrong("what follows token " + (size - 1) + " is no pair of text and score");
    }
  }

  private void put(int id, String token) {
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length * 2));
    }
    tokens[id] = token;
    size = Math.max(size, id + 1);
  }

  private void readMerges(JsonParser parser) throws IOException {
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() == JsonToken.VALUE_STRING) {
        String merge = parser.getText();
        int space = merge.indexOf(' ');
        if (space < 0 || merge.indexOf(' ', space + 1) >= 0) {
          throw wrong("merge " + (lefts.size() + 1) + " is '" + merge + "'");
        }
        lefts.add(merge.substring(0, space));
        rights.add(merge.substring(space + 1));
      } else if (parser.currentToken() == JsonToken.START_ARRAY) {
        String left = parser.nextTextValue();
        String right = left == null ? null : parser.nextTextValue();
        if (left == null || right == null || parser.nextToken() != JsonToken.END_ARRAY) {
          throw wrong("merge " + (lefts.size() + 1) + " is no pair of tokens");
        }
        lefts.add(left);
        rights.add(right);
      } else {
        throw wrong("merge " + (lefts.size() + 1) + " is no pair of tokens");
      }
    }
  }

  private TokenizerFormatException wrong(String what) {
    return new TokenizerFormatException(
        name
            + ": "
            + what
            + "; expected tokens with ids from 0 to "
            + (MOST_IDS - 1)
            + " or with scores, and merges of two tokens");
  }

  /** The tokens by id, without the room behind them. */
  @Nullable String[] tokens() {
    return Arrays.copyOf(tokens, size);
  }

  /**
   * Makes the model.
   *
   * @param special ids that are no text: a unigram model does not find them
   */
  Model build(BitSet special) {
    Fields f = Fields.of(name + " model", rest);
    String type = f.has("type") ? f.type() : guess(f);
    return switch (type) {
      case "BPE" -> bpe(f);
      case "Unigram" -> unigram(f, special);
      case "WordPiece" ->
          new WordPiece(
              tokens(),
              f.string("unk_token", "[UNK]"),
              f.string("continuing_subword_prefix", "##"),
              f.integer("max_input_chars_per_word", 100));
      case "WordLevel" -> new WordLevel(tokens(), f.string("unk_token", "<unk>"));
      default -> throw f.unknown("model");
    };
  }

  /** Files of the first versions do not say what their model is. */
  private String guess(Fields f) {
    if (scored) {
      return "Unigram";
    }
    if (f.has("max_input_chars_per_word")) {
      return "WordPiece";
    }
    return lefts.isEmpty() && !f.has("fuse_unk") ? "WordLevel" : "BPE";
  }

  private Model bpe(Fields f) {
    // An empty affix is as good as none.
    String prefix = f.stringOrNull("continuing_subword_prefix");
    String suffix = f.stringOrNull("end_of_word_suffix");
    Bpe.Options options =
        new Bpe.Options(
            f.stringOrNull("unk_token"),
            prefix == null || prefix.isEmpty() ? null : prefix,
            suffix == null || suffix.isEmpty() ? null : suffix,
            f.bool("fuse_unk", false),
            f.bool("byte_fallback", false),
            f.bool("ignore_merges", false));
    Bpe.Builder builder = new Bpe.Builder(tokens(), options, true);
    for (int i = 0; i < lefts.size(); i++) {
      builder.merge(lefts.get(i), rights.get(i));
    }
    return builder.build();
  }

  private Model unigram(Fields f, BitSet special) {
    List<String> texts = new ArrayList<>(size);
    PieceKind[] kinds = new PieceKind[size];
    for (int id = 0; id < size; id++) {
      String token = tokens[id];
      if (!scored || token == null) {
        throw wrong("a unigram vocabulary without scores");
      }
      texts.add(token);
      kinds[id] = special.get(id) ? PieceKind.APART : PieceKind.NORMAL;
    }
    return new Unigram(
        texts,
        Arrays.copyOf(scores, size),
        kinds,
        f.integer("unk_id", -1),
        f.bool("byte_fallback", false),
        Unigram.Precision.DOUBLE);
  }
}
