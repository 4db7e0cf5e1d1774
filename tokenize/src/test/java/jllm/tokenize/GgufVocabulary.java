package jllm.tokenize;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jllm.tokenize.SpecialIds.Role;

/** Reads the tokenizer metadata of a GGUF file: just enough for tests of this module. */
public final class GgufVocabulary {

  private final ByteBuffer in;

  private GgufVocabulary(ByteBuffer in) {
    this.in = in;
  }

  public static VocabularySpec read(Path file) {
    try {
      ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      return new GgufVocabulary(in).spec();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("unchecked")
  private VocabularySpec spec() {
    in.position(16);
    long count = in.getLong();
    Map<String, Object> meta = new HashMap<>();
    for (long i = 0; i < count; i++) {
      String key = string();
      meta.put(key, value(in.getInt()));
    }
    String p = "tokenizer.ggml.";
    Map<Role, Integer> ids = new HashMap<>();
    for (Role role : Role.values()) {
      if (meta.get(p + role.key() + "_token_id") instanceof Number n) {
        ids.put(role, n.intValue());
      }
    }
    List<Object> scores = (List<Object>) meta.getOrDefault(p + "scores", List.of());
    List<Object> types = (List<Object>) meta.getOrDefault(p + "token_type", List.of());
    float[] s = new float[scores.size()];
    for (int i = 0; i < s.length; i++) {
      s[i] = (Float) scores.get(i);
    }
    int[] t = types.stream().mapToInt(x -> (Integer) x).toArray();
    return VocabularySpec.builder(
            Objects.requireNonNull((String) meta.get(p + "model")),
            Objects.requireNonNull((List<String>) meta.get(p + "tokens")))
        .pre((String) meta.get(p + "pre"))
        .scores(s)
        .types(t)
        .merges((List<String>) meta.getOrDefault(p + "merges", List.of()))
        .ids(new SpecialIds(ids))
        .addBos((Boolean) meta.get(p + "add_bos_token"))
        .addEos((Boolean) meta.get(p + "add_eos_token"))
        .addSpacePrefix((Boolean) meta.get(p + "add_space_prefix"))
        .build();
  }

  private String string() {
    byte[] bytes = new byte[Math.toIntExact(in.getLong())];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private Object value(int type) {
    return switch (type) {
      case 0, 1 -> (int) in.get();
      case 2, 3 -> (int) in.getShort();
      case 4, 5 -> in.getInt();
      case 6 -> in.getFloat();
      case 7 -> in.get() != 0;
      case 8 -> string();
      case 9 -> {
        int of = in.getInt();
        long n = in.getLong();
        List<Object> list = new ArrayList<>();
        for (long i = 0; i < n; i++) {
          list.add(value(of));
        }
        yield list;
      }
      case 10, 11 -> in.getLong();
      case 12 -> in.getDouble();
      default -> throw new IllegalStateException("type " + type);
    };
  }
}
