package jllm.tokenize.write;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.PieceEncoder;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.UnicodeForm;
import jllm.tokenize.read.GgufPreTokenizers;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;

/** GGUF's {@code gpt2}: byte-level BPE whose way to split texts has a name. */
final class GgufGpt2 {

  /** The name for vocabularies that give the same tokens however texts are split. */
  static final String PRE = "gpt-2";

  private GgufGpt2() {}

  static VocabularySpec.Builder of(GgufVocabularies form) {
    ByteLevelForm bytes = ByteLevelForm.of(form.pipeline, "the vocabulary of a GGUF file");
    if (bytes.prefixSpace()) {
      throw form.refused("it puts a space before texts (add_prefix_space)");
    }
    Normalizer normalizer = bytes.normalizer();
    if (normalizer instanceof UnicodeForm unicode && unicode.form() == Form.NFC) {
      form.lost.add("texts are normalized to NFC, which readers of GGUF do not do");
    } else if (normalizer != null) {
      throw form.refused("it normalizes texts: " + normalizer);
    }
    form.markAdded();
    Bpe bpe = bytes.bpe();
    String pre = name(form, bytes);
    GgufPreTokenizers.Choice choice = GgufPreTokenizers.find(pre);
    if (choice != null && choice.ignoreMerges() != bpe.options().ignoreMerges()) {
      compare(form, bpe);
    }
    List<String> merges = new ArrayList<>(bpe.mergeCount());
    for (int rank = 0; rank < bpe.mergeCount(); rank++) {
      merges.add(bpe.mergeLeft(rank) + " " + bpe.mergeRight(rank));
    }
    return VocabularySpec.builder("gpt2", form.texts).pre(pre).types(form.types).merges(merges);
  }

  /** The name of the way to split: the one that it came with if there are several. */
  private static String name(GgufVocabularies form, ByteLevelForm bytes) {
    List<String> names = new ArrayList<>(GgufPreTokenizers.NAMES);
    names.addFirst(form.pipeline.name());
    String found = null;
    for (String name : names) {
      GgufPreTokenizers.Choice choice = GgufPreTokenizers.find(name);
      if (choice == null || !expressions(choice).equals(bytes.expressions())) {
        continue;
      }
      if (choice.ignoreMerges() == bytes.bpe().options().ignoreMerges()) {
        return name;
      }
      found = found == null ? name : found;
    }
    if (found == null && bytes.expressions() != null && isIndifferent(bytes.bpe())) {
      return PRE;
    }
    if (found == null) {
      throw form.refused(
          "GGUF has no name for the way it splits texts, "
              + (bytes.expressions() == null ? form.pipeline.preTokenizer() : bytes.expressions())
              + "; it has for "
              + String.join(", ", GgufPreTokenizers.NAMES));
    }
    return found;
  }

  /** Whether it makes no difference how texts are split, because nothing merges. */
  private static boolean isIndifferent(Bpe bpe) {
    return bpe.mergeCount() == 0 && !bpe.options().ignoreMerges();
  }

  private static List<String> expressions(GgufPreTokenizers.Choice choice) {
    PreTokenizer split = choice.preTokenizer();
    List<PreTokenizer> steps =
        split instanceof PreTokenizerSequence sequence ? sequence.preTokenizers() : List.of(split);
    return steps.stream().map(step -> String.valueOf(ByteLevelForm.expression(step))).toList();
  }

  /** Whether a piece that is a token is that token makes a difference if merges do not reach it. */
  private static void compare(GgufVocabularies form, Bpe bpe) {
    PieceEncoder merging = bpe.withIgnoreMerges(false).newEncoder();
    TokenBuffer out = new TokenBuffer();
    int unreachable = 0;
    String example = "";
    for (int id = 0; id < bpe.size(); id++) {
      String token = bpe.token(id);
      if (token == null || form.types[id] != VocabularySpec.NORMAL) {
        continue;
      }
      byte[] text = token.getBytes(StandardCharsets.UTF_8);
      out.clear();
      merging.encode(text, 0, text.length, out);
      if (out.size() != 1) {
        unreachable++;
        example = example.isEmpty() ? token : example;
      }
    }
    if (unreachable > 0) {
      form.lost.add(
          unreachable
              + " tokens that merges do not reach, such as '"
              + example
              + "', are taken differently where a piece is one of them (ignore_merges)");
    }
  }
}
