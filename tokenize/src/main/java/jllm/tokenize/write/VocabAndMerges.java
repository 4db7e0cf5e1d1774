package jllm.tokenize.write;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.split.Gpt2Splitter;

/** GPT-2's pair of files (openai/gpt-2, encoder.py): tokens with ids, and merges in order. */
final class VocabAndMerges {

  private VocabAndMerges() {}

  static List<String> write(Tokenizer tokenizer, OutputStream vocab, OutputStream merges)
      throws IOException {
    ByteLevelForm form = ByteLevelForm.of(tokenizer.pipeline(), "vocab.json and merges.txt");
    Map<String, Integer> ids = new LinkedHashMap<>();
    Vocabulary vocabulary = tokenizer.vocabulary();
    for (int id = 0; id < vocabulary.size(); id++) {
      if (vocabulary.has(id) && ids.putIfAbsent(vocabulary.text(id), id) != null) {
        throw new TokenizerFormatException(
            tokenizer.name()
                + " cannot be written as vocab.json: the ids "
                + ids.get(vocabulary.text(id))
                + " and "
                + id
                + " are both spelled '"
                + vocabulary.text(id)
                + "'");
      }
    }
    JsonGenerator json =
        new JsonFactory().createGenerator(vocab).disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
    json.writeStartObject();
    for (Map.Entry<String, Integer> entry : ids.entrySet()) {
      json.writeNumberField(entry.getKey(), entry.getValue());
    }
    json.writeEndObject();
    json.close();
    BufferedWriter out = new BufferedWriter(new OutputStreamWriter(merges, StandardCharsets.UTF_8));
    out.write("#version: 0.2\n");
    for (int rank = 0; rank < form.bpe().mergeCount(); rank++) {
      out.write(form.bpe().mergeLeft(rank) + " " + form.bpe().mergeRight(rank) + "\n");
    }
    out.flush();
    return lost(tokenizer, form);
  }

  private static List<String> lost(Tokenizer tokenizer, ByteLevelForm form) {
    List<String> lost = new ArrayList<>();
    if (!List.of(Gpt2Splitter.PATTERN).equals(form.expressions())) {
      lost.add(
          "texts are split by "
              + (form.expressions() == null ? "other components" : form.expressions())
              + ", readers take GPT-2's pattern");
    }
    if (form.normalizer() != null) {
      lost.add("the normalizer " + form.normalizer() + " is not part of the files");
    }
    if (form.prefixSpace()) {
      lost.add("a space is put before texts (add_prefix_space), which the files do not say");
    }
    for (AddedToken token : tokenizer.pipeline().added()) {
      if (!token.equals(AddedToken.special(token.id(), token.content()))
          || !token.content().startsWith("<|")
          || !token.content().endsWith("|>")) {
        lost.add("'" + token.content() + "' and its like are not told from ordinary tokens");
        break;
      }
    }
    return lost;
  }
}
