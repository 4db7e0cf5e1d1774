package jllm.tokenize.read;

import java.util.BitSet;
import java.util.Set;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Vocabulary;

/**
 * At which tokens a generation ends. Files name one or two of them at best, so the well-known end
 * markers are also recognized by their text.
 */
final class EndOfGeneration {

  private static final Set<String> TEXTS =
      Set.of(
          "<|eot_id|>",
          "<|im_end|>",
          "<|end|>",
          "<end_of_turn>",
          "<|endoftext|>",
          "<|end_of_text|>",
          "<|eom_id|>",
          "<EOT>",
          "_<EOT>",
          "<|endofanswer|>",
          "<|return|>",
          "<|call|>",
          "<\uff5cend\u2581of\u2581sentence\uff5c>");

  private EndOfGeneration() {}

  static BitSet of(Vocabulary vocabulary, SpecialIds ids) {
    BitSet ends = new BitSet();
    for (Role role :
        new Role[] {Role.EOS, Role.EOT, Role.EOM, Role.FIM_PAD, Role.FIM_REP, Role.FIM_SEP}) {
      if (ids.has(role)) {
        ends.set(ids.id(role));
      }
    }
    // The text of an ordinary token ends nothing.
    vocabulary.added().filter(id -> TEXTS.contains(vocabulary.text(id))).forEach(ends::set);
    return ends;
  }
}
