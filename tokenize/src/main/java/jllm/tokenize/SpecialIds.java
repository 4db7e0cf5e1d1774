package jllm.tokenize;

import java.util.EnumMap;
import java.util.Map;

/** The ids of the tokens that have a part to play beyond text. Immutable. */
public final class SpecialIds {

  /** The part of a token, named as in the GGUF key {@code tokenizer.ggml.<key>_token_id}. */
  public enum Role {
    BOS("bos"),
    EOS("eos"),
    EOT("eot"),
    EOM("eom"),
    UNK("unknown"),
    SEP("seperator"),
    PAD("padding"),
    CLS("cls"),
    MASK("mask"),
    FIM_PRE("fim_pre"),
    FIM_SUF("fim_suf"),
    FIM_MID("fim_mid"),
    FIM_PAD("fim_pad"),
    FIM_REP("fim_rep"),
    FIM_SEP("fim_sep");

    private final String key;

    Role(String key) {
      this.key = key;
    }

    /** The name in GGUF metadata, with its historical spelling. */
    public String key() {
      return key;
    }
  }

  /** No special token at all. */
  public static final SpecialIds NONE = new SpecialIds(Map.of());

  private final Map<Role, Integer> ids;

  public SpecialIds(Map<Role, Integer> ids) {
    EnumMap<Role, Integer> copy = new EnumMap<>(Role.class);
    ids.forEach((role, id) -> {
      if (id >= 0) {
        copy.put(role, id);
      }
    });
    this.ids = copy;
  }

  /** The id of the token with that role, or -1 if there is none. */
  public int id(Role role) {
    return ids.getOrDefault(role, -1);
  }

  public boolean has(Role role) {
    return ids.containsKey(role);
  }

  /** Beginning of sequence, or -1. */
  public int bos() {
    return id(Role.BOS);
  }

  /** End of sequence, or -1. */
  public int eos() {
    return id(Role.EOS);
  }

  /** Unknown text, or -1. */
  public int unk() {
    return id(Role.UNK);
  }

  /** Padding, or -1. */
  public int pad() {
    return id(Role.PAD);
  }

  public Map<Role, Integer> toMap() {
    return Map.copyOf(ids);
  }

  /** The same with one role added or replaced. */
  public SpecialIds with(Role role, int id) {
    EnumMap<Role, Integer> copy = new EnumMap<>(Role.class);
    copy.putAll(ids);
    copy.put(role, id);
    return new SpecialIds(copy);
  }

  @Override
  public String toString() {
    return ids.toString();
  }
}
