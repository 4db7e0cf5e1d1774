package jllm.tokenize.read;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.TokenizerFormatException;
import org.jspecify.annotations.Nullable;

/** JSON as maps, lists, strings, longs, doubles, booleans and nulls. */
final class Json {

  /** Vocabularies are large, but a normalization table in base64 is the longest string. */
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(1 << 28)
                  .maxNameLength(1 << 20)
                  .build())
          // The names are tokens, each there but once: nothing is gained by keeping them.
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private Json() {}

  /** What to say of a file that cannot be parsed. */
  static TokenizerFormatException damaged(String name, IOException e) {
    String where = "";
    String what = String.valueOf(e.getMessage());
    if (e instanceof JsonProcessingException json) {
      what = json.getOriginalMessage();
      where = json.getLocation() == null ? "" : " (line " + json.getLocation().getLineNr() + ")";
    }
    return new TokenizerFormatException(
        name + " is no valid JSON: " + what + where + "; it may be cut off or damaged", e);
  }

  /** The value that begins at the parser's present token. */
  static @Nullable Object value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          map.put(name, value(parser));
        }
        yield map;
      }
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> Boolean.TRUE;
      case VALUE_FALSE -> Boolean.FALSE;
      case VALUE_NULL -> null;
      case null, default ->
          throw new com.fasterxml.jackson.core.JsonParseException(parser, "a value is missing");
    };
  }
}
