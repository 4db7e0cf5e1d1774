package jllm.train.sample;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import jllm.generate.chat.ChatJson;
import org.jspecify.annotations.Nullable;

/**
 * The JSON objects of a file: one a line, or the elements of a list, which may be spread over
 * lines. Damage is reported, and lines behind it are read on.
 */
final class SampleRecords {
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(StreamReadFeature.AUTO_CLOSE_SOURCE) // who opened a file closes it
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
          .build();

  private static final int HEAD = 4096;
  private static final int SHOWN = 60;

  private final String origin;
  private final Handler handler;

  /** Takes records and damage; false to stop. */
  interface Handler {
    boolean record(String where, Map<String, @Nullable Object> fields);

    boolean damaged(String where, String what);
  }

  private SampleRecords(String origin, Handler handler) {
    this.origin = origin;
    this.handler = handler;
  }

  /** Whether a file's content begins like JSON: with an object, or a list of objects. */
  static boolean beginsLikeJson(byte[] head) {
    String text = new String(head, StandardCharsets.UTF_8).replace("\ufeff", "").stripLeading();
    if (text.startsWith("[")) {
      String inside = text.substring(1).stripLeading();
      return inside.startsWith("{") || inside.startsWith("]");
    }
    return text.startsWith("{") && text.substring(1).stripLeading().startsWith("\"");
  }

  /**
   * Reads a file.
   *
   * @return false if the handler stopped
   * @throws IOException if it cannot be read
   */
  static boolean read(String origin, InputStream stream, Handler handler) throws IOException {
    BufferedInputStream in = new BufferedInputStream(stream, 1 << 16);
    in.mark(HEAD);
    String head =
        new String(in.readNBytes(HEAD), StandardCharsets.UTF_8)
            .replace("\ufeff", "")
            .stripLeading();
    in.reset();
    SampleRecords records = new SampleRecords(origin, handler);
    boolean list = head.startsWith("[");
    // An object that does not end in its line is spread over several.
    boolean spread =
        head.startsWith("{") && !head.lines().findFirst().orElse("").strip().endsWith("}");
    return list || (spread && head.indexOf('\n') >= 0)
        ? records.values(in, list)
        : records.lines(in);
  }

  private String where(long line) {
    return origin + ", line " + line;
  }

  private boolean lines(InputStream in) throws IOException {
    // Bytes that are no UTF-8 are found line by line: the decoder must not stop at them.
    BufferedReader reader =
        new BufferedReader(new InputStreamReader(in, StandardCharsets.ISO_8859_1), 1 << 16);
    long number = 0;
    for (String raw = reader.readLine(); raw != null; raw = reader.readLine()) {
      number++;
      byte[] bytes = raw.getBytes(StandardCharsets.ISO_8859_1);
      String line;
      try {
        line =
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .decode(java.nio.ByteBuffer.wrap(bytes))
                .toString();
      } catch (CharacterCodingException e) {
        if (!handler.damaged(where(number), "the line is no UTF-8; convert the file")) {
          return false;
        }
        continue;
      }
      line = number == 1 && line.startsWith("\ufeff") ? line.substring(1) : line;
      if (!line.isBlank() && !line(where(number), line)) {
        return false;
      }
    }
    return true;
  }

  private boolean line(String where, String line) throws IOException {
    try (JsonParser parser = JSON.createParser(line)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        return handler.damaged(where, "expected a JSON object, one a line, found " + shown(line));
      }
      Map<String, @Nullable Object> fields = object(parser);
      if (parser.nextToken() != null) {
        return handler.damaged(where, "there is more after the JSON object; expected one a line");
      }
      return handler.record(where, fields);
    } catch (JsonProcessingException e) {
      return handler.damaged(where, "not valid JSON%s: %s".formatted(column(e), reason(e)));
    }
  }

  /**
   * Elements of a list, or objects one after the other. Behind damage nothing is known of where the
   * next one begins.
   */
  private boolean values(InputStream in, boolean list) throws IOException {
    long line = 1;
    try (JsonParser parser = JSON.createParser(in)) {
      if (list) {
        parser.nextToken();
      }
      while (true) {
        JsonToken token = parser.nextToken();
        line = parser.currentTokenLocation().getLineNr();
        if (token == null) {
          return !list || handler.damaged(where(line), "the list has no end; the file is cut off");
        }
        if (list && token == JsonToken.END_ARRAY) {
          return parser.nextToken() == null
              || handler.damaged(where(line), "there is more after the end of the list");
        }
        boolean more =
            token == JsonToken.START_OBJECT
                ? handler.record(where(line), object(parser))
                : handler.damaged(
                    where(line), "expected a JSON object, found " + ChatJson.value(parser));
        if (!more) {
          return false;
        }
      }
    } catch (JsonProcessingException e) {
      long at = e.getLocation() == null ? line : e.getLocation().getLineNr();
      return handler.damaged(
          where(at),
          "not valid JSON (in the object from line %d on): %s".formatted(line, reason(e)));
    }
  }

  private static String column(JsonProcessingException e) {
    return e.getLocation() == null ? "" : " at column " + e.getLocation().getColumnNr();
  }

  /** What the parser says, without where it thinks that its source is. */
  private static String reason(JsonProcessingException e) {
    return e.getOriginalMessage().replaceAll(" ?\\(start marker at \\[.*\\)", "");
  }

  private static Map<String, @Nullable Object> object(JsonParser parser) throws IOException {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    if (ChatJson.value(parser) instanceof Map<?, ?> map) {
      map.forEach((key, value) -> fields.put(String.valueOf(key), value));
    }
    return fields;
  }

  private static String shown(String line) {
    String text = line.strip();
    return "'" + (text.length() > SHOWN ? text.substring(0, SHOWN) + "..." : text) + "'";
  }
}
